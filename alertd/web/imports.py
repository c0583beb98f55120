"""Roster files that were uploaded on a page: read beside the requests, kept sealed until confirmed.

What they would change holds names and numbers. Between two requests it lies in the data folder,
readable by alertd's user alone and encrypted as raw replies are; whoever uploaded it may look at it
and confirm it, for an hour, against the version that it was compared with. The files themselves are
gone as soon as they were read.
"""

import asyncio
import base64
import dataclasses
import datetime as dt
import json
import os
import re
import shutil
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, Literal, cast

import structlog
from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from alertd.engine.authority import Actor
from alertd.errors import (
    AlertdError,
    ConflictError,
    InvalidInputError,
    NoRoomError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)
from alertd.model import Millis
from alertd.store import roster
from alertd.store.roster import Plan
from alertd.web.deps import Deps
from rosters.parse import RosterFiles, check
from rosters.problems import Problem, Severity

LASTS_MS: Final = 3_600_000
MOST_ROWS: Final = 250_000
"""More are imported from the command line, which streams: here what they change is kept whole."""
FileName = Literal["people", "terminals", "groups"]
_SUFFIXES: Final = frozenset({".csv", ".txt", ".xlsx", ".xlsm", ".xls", ".et", ".ods"})
_READ: Final = 1 << 20
_PIECE: Final = 16 << 20
_LENGTH: Final = struct.Struct(">I")
_KEY: Final = re.compile(r"(\d{13})-[A-Za-z0-9_-]{22}")

log = structlog.get_logger("alertd.web")


@dataclass(slots=True)
class Reading:
    """Files that are being read.

    Args:
        key: What the import is known by.
        by: Whose they are: an account's number.
        rows: Read so far, of the file that is being read.
        comparing: Whether all were read, and they are compared with the roster in force.
        error: Why nothing came of it.
        over: Set when it has ended, however.
    """

    key: str
    by: int
    rows: int = 0
    comparing: bool = False
    error: AlertdError | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was found in the files; `said` is a plan's, or None where there are errors.

    Args:
        by: Whose: an account's number.
        totals: How many problems of each severity.
        problems: The first of each severity.
        said: As `Plan.frozen` gives it.
    """

    by: int
    totals: Mapping[str, int]
    problems: tuple[Problem, ...]
    said: Mapping[str, Any] | None

    def of(self, severity: Severity) -> list[Problem]:
        """The problems of one severity."""
        return [each for each in self.problems if each.severity is severity]


class Imports:
    """The imports of one process; of those that it keeps, others of the same folder may go on.

    Args:
        deps: The node.
        most_rows: Of one file.
    """

    def __init__(self, deps: Deps, *, most_rows: int = MOST_ROWS) -> None:
        self._most_rows = most_rows
        self._deps = deps
        self._folder = deps.settings.data_dir / "imports"
        self._readings: dict[str, Reading] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # else nobody holds them
        self.sweep()

    async def begin(self, actor: Actor, parts: Mapping[FileName, UploadFile]) -> str:
        """Take files in and begin to read them; returns the import's key.

        Raises:
            InvalidInputError: A file's name has no ending that is known.
            ConflictError: Other files are being read.
            NoRoomError: The disk is full.
        """
        if any(not each.over.is_set() for each in self._readings.values()):
            raise ConflictError(
                "Roster files are being read already.", hint="Wait a minute, then try again."
            )
        reading = Reading(self._fresh(), actor.no)
        self._readings[reading.key] = reading
        folder = self._folder / reading.key
        try:
            await asyncio.to_thread(self._make, folder)
            saved = {name: await save_upload(folder, name, file) for name, file in parts.items()}
        except BaseException as error:
            del self._readings[reading.key]
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError):
                raise _no_room(error) from None
            raise
        task = asyncio.create_task(self._read(reading, RosterFiles(**saved)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        asyncio.get_running_loop().call_later(LASTS_MS / 1000 + 1, self.sweep)
        return reading.key

    def reading(self, key: str, actor: Actor) -> Reading | None:
        """Files that are being read, or of which nothing came."""
        found = self._readings.get(key)
        return found if found and found.by == actor.no else None

    async def kept(self, key: str, actor: Actor) -> Kept:
        """What was found in files.

        Raises:
            NotFoundError: Nothing is kept under that key for that account.
        """
        return await asyncio.to_thread(self._kept, key, actor)

    async def plan(self, key: str, actor: Actor) -> Plan:
        """What files would change; whoever asked closes it.

        Raises:
            NotFoundError: Nothing is kept under that key for that account, or only errors.
        """
        return await asyncio.to_thread(self._plan, key, actor)

    async def remove(self, key: str, actor: Actor) -> None:
        """Keep it no longer."""
        await self.kept(key, actor)
        self._path(key).unlink(missing_ok=True)

    @contextmanager
    def in_clear(self) -> Iterator[Path]:
        """A folder for the roster's files while one request needs them.

        What a kill leaves there is nobody's to find in a folder for everybody's files, and is
        removed as what was uploaded on a page is.

        Raises:
            NoRoomError: The disk is full.
        """
        folder = self._folder / self._fresh()
        try:
            self._make(folder)
            yield folder
        except OSError as error:
            raise _no_room(error) from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def file_in_clear(self) -> Path:
        """An empty file of that kind, for whoever asked to remove."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{self._fresh()}.csv"
        path.touch(mode=0o600, exist_ok=False)
        return path

    def _fresh(self) -> str:
        secret = base64.urlsafe_b64encode(self._deps.token_bytes(16)).decode().rstrip("=")
        return f"{self._deps.now():013d}-{secret}"

    def _make(self, folder: Path) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.sweep()
        folder.mkdir(mode=0o700)

    async def _read(self, reading: Reading, files: RosterFiles) -> None:
        try:
            await asyncio.to_thread(self._read_now, reading, files)
        except AlertdError as error:
            reading.error = error
        except OSError as error:
            reading.error = _no_room(error)
        except Exception:
            log.exception("roster-import-failed")
            reading.error = UnavailableError("Something went wrong; nothing was changed.")
        else:
            del self._readings[reading.key]
        finally:
            shutil.rmtree(files.people.parent, ignore_errors=True)
            reading.over.set()

    def _read_now(self, reading: Reading, files: RosterFiles) -> None:
        deps = self._deps
        today = dt.datetime.fromtimestamp(deps.now() / 1000, deps.settings.zone).date()
        checked = check(files, today=today, told=partial(self._told, reading))
        said, stage = None, b""
        if checked.ok:
            reading.comparing = True
            with (
                deps.store.read() as connection,
                roster.plan(connection, deps.store.vault, checked, deps.runner.engine.ids) as plan,
            ):
                said, stage = plan.frozen()
        problems = [each for severity in Severity for each in checked.problems.of(severity)]
        head = {
            "by": reading.by,
            "totals": {each.value: checked.problems.counts[each] for each in Severity},
            "problems": [dataclasses.asdict(each) for each in problems],
            "said": said,
        }
        self._write(reading.key, json.dumps(head).encode(), stage)

    def _told(self, reading: Reading, rows: int) -> None:
        reading.rows, most = rows, self._most_rows
        if rows > most:
            raise TooLargeError(
                f"A page imports at most {most} rows.",
                hint="Import larger files on the server itself: alertd roster import.",
            )
        if self._deps.stopping.is_set():
            raise UnavailableError("The server is stopping; nothing was changed.")

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise _gone()
        return self._folder / f"{key}.sealed"

    def _write(self, key: str, head: bytes, stage: bytes) -> None:
        pieces = [head, *(stage[at : at + _PIECE] for at in range(0, len(stage), _PIECE))]
        path, part = self._path(key), self._folder / f"{key}.part"
        opener = partial(os.open, mode=0o600)
        try:
            with open(part, "xb", opener=opener) as file:
                file.write(_LENGTH.pack(len(pieces)))
                for place, piece in enumerate(pieces):
                    context = _context(key, place, len(pieces))
                    sealed = self._deps.store.vault.seal_bytes(piece, context=context)
                    file.write(_LENGTH.pack(len(sealed)) + sealed)
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)

    def _kept(self, key: str, actor: Actor) -> Kept:
        with self._opened(key) as file:
            return self._head(key, file, actor)

    def _plan(self, key: str, actor: Actor) -> Plan:
        with self._opened(key) as file:
            head = self._head(key, file, actor)
            if head.said is None:
                raise _gone()
            file.seek(0)
            stage = bytearray()  # hundreds of MB in a large city: never there twice
            for place, piece in enumerate(self._pieces(key, file)):
                if place:
                    stage += piece
        return Plan.thawed(self._deps.store.vault, head.said, stage)

    def _opened(self, key: str) -> BinaryIO:
        self.sweep()
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise _gone() from None

    def _head(self, key: str, file: BinaryIO, actor: Actor) -> Kept:
        head = json.loads(next(self._pieces(key, file)))
        if head["by"] != actor.no:
            raise _gone()
        problems = tuple(_problem(each) for each in head.pop("problems"))
        return Kept(**head, problems=problems)

    def _pieces(self, key: str, file: BinaryIO) -> Iterator[bytes]:
        (count,) = _LENGTH.unpack(file.read(_LENGTH.size))
        for place in range(count):
            (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
            context = _context(key, place, count)
            yield self._deps.store.vault.open_bytes(file.read(length), context=context)

    def sweep(self) -> None:
        """Remove what is over an hour old, and what a process that was killed has left."""
        oldest = self._deps.now() - LASTS_MS
        with suppress(OSError):
            for path in self._folder.iterdir():
                if _is_older(path.name, oldest):
                    path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)
        for key, reading in list(self._readings.items()):
            if _is_older(key, oldest) and reading.over.is_set():
                del self._readings[key]


async def save_upload(folder: Path, name: FileName, file: UploadFile) -> Path:
    """Copy an uploaded file to disk under a name of ours."""
    suffix = Path(file.filename or "").suffix.lower()
    if suffix not in _SUFFIXES:
        raise InvalidInputError(
            "A roster's file is CSV or XLSX.", field=name, hint="Name it with its ending."
        )
    path = folder / f"{name}{suffix}"
    with path.open("wb") as copy:
        while piece := await file.read(_READ):
            await asyncio.to_thread(copy.write, piece)
    return path


def _is_older(name: str, oldest: Millis) -> bool:
    """Whether something was uploaded before, by its name; what isn't ours is no older."""
    match = _KEY.match(name)
    return match is not None and int(match[1]) < oldest


def _context(key: str, place: int, count: int) -> str:
    """No piece is taken for another, of this import or of any."""
    return f"roster-import {key} {place} {count}"


def _problem(said: Mapping[str, Any]) -> Problem:
    params = tuple((name, value) for name, value in said["params"])
    return Problem(**{**said, "severity": Severity(said["severity"]), "params": params})


def _gone() -> NotFoundError:
    return NotFoundError(
        "No such import waits to be confirmed.",
        hint="It waits for an hour, for whoever uploaded it; upload the files again.",
    )


def _no_room(error: OSError) -> NoRoomError:
    log.warning("roster-import-not-kept", error=error.strerror)
    return NoRoomError(
        "The files can't be kept on the server's disk; nothing was changed.",
        hint="Make room, then upload them again.",
    )


def imports_of(request: Request) -> Imports:
    """The application's."""
    return cast("Imports", request.app.state.imports)


Importing = Annotated[Imports, Depends(imports_of)]
