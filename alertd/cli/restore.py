"""`alertd restore`: a backup into a data folder, checked first, and never over anything."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from alertd.cli import show
from alertd.cli.keeping import calendar_of, chance_ms, database_of, goes_on, megabytes
from alertd.cli.options import Json, WillSend
from alertd.cli.words import _
from alertd.clock import machine_ms
from alertd.errors import InvalidInputError
from alertd.provision import lock
from alertd.settings import Settings, load
from alertd.store import dialect
from alertd.store.backup import manifest
from alertd.store.backup.placing import Place, Restored
from alertd.store.backup.placing import restore as put
from alertd.store.departure import restored


def restore(  # noqa: D103 - its help says it
    backup: Annotated[
        Path | None,
        typer.Argument(
            metavar="BACKUP",
            help=_("The folder that alertd backup wrote; of PostgreSQL, after pg_restore, none."),
        ),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help=_("Where to; else as the settings say."))
    ] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", help=_("A folder with the keys, kept apart."))
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help=_("Move aside what is there; nothing is deleted."))
    ] = False,
    will_send: WillSend = False,
    pause: Annotated[
        list[str] | None,
        typer.Option(
            "--pause",
            metavar="ALERT",
            help=_("Hold back this alert of those that go on, such as A7; repeatable."),
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    settings = load() if data_dir is None else load(data_dir=data_dir)
    held_back = dict.fromkeys(pause or (), _("restored from a backup"))
    if backup is None:
        _by_its_own_tools(settings, held_back, will_send=will_send, as_json=as_json)
        return
    place = Place(settings.data_dir, database_of(settings), settings.node)
    size = sum(file.size for file in manifest.read(backup).files)
    try:
        with megabytes(_("Copying and checking (MB)"), size) as tell:
            done = put(
                backup,
                place,
                now=machine_ms(),
                tell=tell,
                replace=replace,
                will_send=will_send,
                held_back=held_back,
                keys=keys,
                chance_ms=chance_ms(),
            )
    except OSError as error:
        file = error.filename or place.data_dir
        raise InvalidInputError(f"{file} can't be used: {error.strerror}.") from None
    _note(held_back)
    show.answer(_document(done, place), as_json=as_json, human=lambda: _shown(done, place))


def _note(held_back: Mapping[str, str]) -> None:
    if held_back:
        text = _("{codes} paused: alertd alert resume or stop says whether it goes on.")
        show.note(text.format(codes=", ".join(held_back)))


def _by_its_own_tools(
    settings: Settings, held_back: Mapping[str, str], *, will_send: bool, as_json: bool
) -> None:
    """PostgreSQL's have put a copy there: write that down, and mark what may have left since."""
    if dialect.is_sqlite(settings.store_url):
        raise InvalidInputError("Name the backup: alertd restore BACKUP.", field="BACKUP")
    with closing(lock(settings)):
        waits = restored(
            settings.store_url,
            node=settings.node,
            now=machine_ms(),
            will_send=will_send,
            held_back=held_back,
            chance_ms=chance_ms(),
        )
    _note(held_back)
    goes_on(waits, as_json=as_json)


def _document(done: Restored, place: Place) -> dict[str, object]:
    return {
        "data_dir": str(place.data_dir),
        "taken_at": done.manifest.taken_at,
        "facts": done.facts,
        "waiting": asdict(done.waiting),
        "aside": str(done.aside) if done.aside else None,
        "left": list(done.left),
        "missing_keys": list(done.missing),
        "lets_in": done.lets_in,
        "may_enter": done.may_enter,
    }


def _shown(done: Restored, place: Place) -> None:
    show.line(
        _("{folder} is as it was on {moment}: {facts} facts, all checked.").format(
            folder=place.data_dir,
            moment=show.moment(done.manifest.taken_at),
            facts=f"{done.facts:,}",
        )
    )
    show.line(_("What came after that moment isn't in it."))
    if done.aside:
        show.line(_("What was there lies in {folder}.").format(folder=done.aside))
    if done.left:
        names = ", ".join(done.left)
        show.line(_("Left in the backup, to be put in place by hand: {names}").format(names=names))
    for name in done.missing:
        show.line(
            _("The key {name} wasn't found: loudspeakers obey that one only.").format(name=name)
        )
    if done.lets_in:
        text = _(
            "{count} loudspeakers are let in as they were then. One that was shut out since comes"
            " in again, unless it is shut out again: alertd terminal list"
        )
        show.line(text.format(count=done.lets_in))
    if done.may_enter:
        text = _(
            "{count} people and programs may enter as they could then. Whoever was shut out since"
            " comes in again, unless they are shut out again: alertd access list"
        )
        show.line(text.format(count=done.may_enter))
    calendar_of(done.waiting)
    if done.waiting.any:
        text = _("alertd serve goes on with {alerts} alerts and sends {messages} messages.")
        show.line(text.format(alerts=done.waiting.alerts, messages=done.waiting.messages))
    else:
        show.line(_("Nothing waits in it. alertd doctor, then alertd serve."))
