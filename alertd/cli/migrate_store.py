"""`alertd migrate-store`: carry a city from SQLite to PostgreSQL, or back."""

from contextlib import ExitStack, closing
from typing import Annotated

import typer

from alertd.cli import show
from alertd.cli.keeping import chance_ms, goes_on
from alertd.cli.options import Json, WillSend
from alertd.cli.words import _
from alertd.clock import machine_ms
from alertd.errors import InvalidInputError, NotConfiguredError
from alertd.provision import lock
from alertd.settings import Settings, load
from alertd.store import dialect, migrate
from alertd.store.departure import take_back
from alertd.store.transfer import TABLES, Transferred, transfer


def migrate_store(  # noqa: D103 - its help says it
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="URL",
            envvar="ALERTD_TARGET_DATABASE_URL",
            help=_("An empty database: postgresql://… or sqlite:///…"),
        ),
    ] = None,
    back: Annotated[
        bool,
        typer.Option(
            "--take-back", help=_("Go on in the database that was left: the other one is lost.")
        ),
    ] = False,
    will_send: WillSend = False,
    as_json: Json = False,
) -> None:
    settings = load()
    if back:
        _taken_back(settings, will_send=will_send, as_json=as_json)
        return
    if to is None:
        raise InvalidInputError("Name the database: --to URL.", field="--to")
    target = str(_checked(to).store_url)
    with ExitStack() as stack:
        stack.callback(lock(settings).close)
        tell = stack.enter_context(show.counting(_("Copying and comparing"), 2 * len(TABLES)))
        done = transfer(
            settings.store_url, target, lambda _table: tell(1), node=settings.node, now=machine_ms()
        )
    show.answer(_document(done), as_json=as_json, human=lambda: _shown(done))


def _taken_back(settings: Settings, *, will_send: bool, as_json: bool) -> None:
    with closing(lock(settings)):
        waits = take_back(
            settings.store_url,
            node=settings.node,
            now=machine_ms(),
            will_send=will_send,
            chance_ms=chance_ms(),
        )
    goes_on(waits, as_json=as_json)


def _checked(url: str) -> Settings:
    """As the settings would read it."""
    load()  # what is wrong with the settings themselves is told as such
    wrong = InvalidInputError("--to must begin with sqlite:/// or postgresql://.", field="--to")
    try:
        settings = load(database_url=url)
    except NotConfiguredError:
        raise wrong from None
    if dialect.is_sqlite(settings.store_url) and not migrate.file_of(settings.store_url):
        raise wrong
    return settings


def _document(done: Transferred) -> dict[str, object]:
    heads = [
        {"node": head.node, "writer": head.writer, "seq": head.seq, "hash": head.hash.hex()}
        for head in done.heads
    ]
    return {"facts": done.facts, "rows": done.rows, "heads": heads}


def _shown(done: Transferred) -> None:
    text = _(
        "Copied and compared: {rows} rows, {facts} facts; every chain ends with the same hash."
    )
    show.line(text.format(rows=f"{done.rows:,}", facts=f"{done.facts:,}"))
    show.line(_("Set database_url to it, and keep the data folder: it has the keys."))
    show.line(_("The database that was left isn't served any more."))
