"""`alertd backup`: a copy of this node's database, beside a server or without one."""

import asyncio
import importlib.metadata
import os
import signal
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from alertd.cli import show
from alertd.cli.client import connect, running
from alertd.cli.keeping import FOLDER, database_of, leave_word, megabytes
from alertd.cli.options import Json
from alertd.cli.words import LANGUAGE, _
from alertd.clock import machine_ms
from alertd.errors import AlertdError, InvalidInputError
from alertd.i18n import sentence
from alertd.model import Millis
from alertd.provision import lock
from alertd.settings import Settings, find_file, load
from alertd.store.backup.copying import HANGS_S
from alertd.store.backup.placing import refuse_half
from alertd.store.backup.taking import Source, Taken, take, with_keys_on_record
from alertd.store.backup.word import read, same_disk

_NICE: Final = 10


def backup(  # noqa: D103 - its help says it
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FOLDER",
            parser=Path,  # the option's own would look there, and a disk may hang
            help=_("The folder of backups, best on another disk; else backups in the data folder."),
        ),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(min=1, help=_("Leave only so many there; the oldest are removed.")),
    ] = None,
    with_keys: Annotated[
        bool,
        typer.Option(
            "--with-keys", help=_("With the keys: whoever has it reads every phone number.")
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    settings = load()
    database = database_of(settings)
    refuse_half(settings.data_dir)
    into = (to or settings.data_dir / FOLDER).expanduser().absolute()
    if with_keys and database.is_file():
        _on_record(settings)
    os.nice(_NICE)  # a server beside us goes first
    taken, apart = _on_word(
        settings, database, into, partial(_take, with_keys=with_keys, keep=keep)
    )
    show.answer(_document(taken, apart), as_json=as_json, human=lambda: _shown(taken, apart))


def _on_word(
    settings: Settings, database: Path, into: Path, take_one: Callable[..., Taken]
) -> tuple[Taken, bool]:
    """Leave word of the try before it begins, and of how it ended.

    Returns the backup, and whether it lies on another disk than the database.
    """
    data_dir, now = settings.data_dir, machine_ms()
    source = _source(settings, database)
    if not database.is_file():
        return take_one(source, into, now=now), False  # which says so
    word = read(data_dir).begun(now)
    leave_word(data_dir, word)
    signal.alarm(HANGS_S)  # a disk may hang before anything is copied, too
    try:
        word.require_mounted(into, database)
        taken = take_one(source, into, now=now)
    except Exception as error:
        why = error.message if isinstance(error, AlertdError) else type(error).__name__
        leave_word(data_dir, replace(word, why=why))
        raise
    apart = not same_disk(taken.folder, database)
    leave_word(data_dir, word.made(taken.folder, now, apart=apart))
    return taken, apart


def _take(source: Source, into: Path, *, now: Millis, with_keys: bool, keep: int | None) -> Taken:
    size = source.database.stat().st_size if source.database.is_file() else 0
    try:
        with megabytes(_("Copying the database (MB)"), size) as tell:
            return take(
                source,
                into,
                now=now,
                tell=tell,
                with_keys=with_keys,
                keep=keep,
                patience=signal.alarm,  # which ends us, whatever we hang in
            )
    except OSError as error:
        raise InvalidInputError(
            f"{into} can't be written to: {error.strerror}.",
            hint="Name another folder with --to; what was begun there isn't taken for a backup.",
        ) from None


def _on_record(settings: Settings) -> None:
    """Before they are copied; where that can't be, a backup is needed all the more."""
    try:
        if running(settings.data_dir) is not None:
            asyncio.run(_tell_server(settings))
            return
        with closing(lock(settings)):
            with_keys_on_record(settings.store_url, node=settings.node, now=machine_ms())
    except AlertdError as error:
        why = sentence(LANGUAGE, error.message)
        show.note(_("That the keys are copied isn't on record: {why}").format(why=why))


async def _tell_server(settings: Settings) -> None:
    async with connect(settings, server_only=True) as client:
        await client.post("/api/v1/record/handed-out", {"what": "keys"})


def _source(settings: Settings, database: Path) -> Source:
    return Source(
        database=database,
        keys_dir=settings.data_dir / "keys",
        settings=find_file(),
        config_dir=settings.config_dir,
        node=settings.node,
        version=importlib.metadata.version("alertd"),
        broker_dir=settings.broker_dir,
    )


def _document(taken: Taken, apart: bool) -> dict[str, object]:
    made = taken.manifest
    return {
        "folder": str(taken.folder),
        "taken_at": made.taken_at,
        "facts": sum(head.seq for head in made.heads),
        "bytes": sum(file.size for file in made.files),
        "keys": dict(made.keys),
        "with_keys": made.has_keys,
        "apart": apart,
        "removed": [str(path) for path in taken.removed],
    }


def _shown(taken: Taken, apart: bool) -> None:
    made = taken.manifest
    show.line(str(taken.folder))
    facts = f"{sum(head.seq for head in made.heads):,}"
    show.line(
        _("It shows the moment {moment}, with {facts} facts.").format(
            moment=show.moment(made.taken_at), facts=facts
        )
    )
    if not apart:
        show.line(_("It lies on the database's own disk, and is lost with it."))
    if made.has_keys:
        show.line(_("The keys are in it: it alone is everybody's phone number. Keep it locked up."))
        return
    for name, mark in made.keys.items():
        show.line(
            _("It needs the key {name} ({mark}), which isn't in it: keep that elsewhere.").format(
                name=name, mark=mark
            )
        )
