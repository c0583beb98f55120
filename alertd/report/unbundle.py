"""Check a bundle without the database: the chains, the figures, the roster, and every file of it.

Whatever was changed is named with its file. A bundle comes from outside: sizes are bounded, and a
body that no alertd wrote ends the count instead of the program.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from alertd.canonical import canonical
from alertd.errors import InvalidInputError
from alertd.model import Fact, Recorded
from alertd.report import record
from alertd.report.bundle import (
    FILES,
    JOURNAL,
    READMES,
    REPORT,
    ROSTER,
    names_of,
    readme,
    report_text,
    row_line,
)
from alertd.report.compare import differences
from alertd.report.figures import Figures, NotInJournalError, of_replay
from alertd.report.figures.replay import Replay
from alertd.report.figures.values import Head
from alertd.report.make import Report, to_json
from alertd.report.verify import MOST_NAMED, Difference, Verdict, alert_no_of
from alertd.store import journal

_MOST_LINE: Final = 64 * 1024 * 1024
_MOST_REPORT: Final = 256 * 1024 * 1024
_MOST_ROSTER: Final = 1024 * 1024 * 1024
_PIECE: Final = 1024 * 1024
_PARTS: Final = 12
_FOREIGN: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_HASH_BYTES: Final = 32


class _Facts:
    """The journal's lines: read once, replayed as they pass."""

    def __init__(self, alert_no: int) -> None:
        self.alert_no = alert_no
        self.state = Replay(alert_no)
        self.last: dict[tuple[str, int], Recorded] = {}
        self.found: list[Difference] = []

    def rows(self, file: IO[bytes]) -> Iterator[Recorded]:
        """Every fact, up to the first line that isn't one."""
        before = (0, "", 0, 0)
        for at, line in enumerate(_lines(file), start=1):
            row = _row(line)
            if row is None or row_line(row).encode() != line:
                self._wrong(at, "a fact as alertd writes it", "something else")
                return
            place = (row.turn, row.node, row.writer, row.seq)
            if place <= before:
                self._wrong(at, "facts in the order of their turns", "another order")
                return
            before = place
            self.last[row.node, row.writer] = row
            self._replay(row, at)
            yield row

    def _replay(self, row: Recorded, at: int) -> None:
        if self.found or not record.concerns(row.fact, self.alert_no):
            return
        try:
            self.state.take(row)
        except _FOREIGN:
            self._wrong(at, f"the body of a fact {row.fact.kind}", "something else")

    def _wrong(self, at: int, expected: str, found: str) -> None:
        self.found.append(Difference("chain", f"{JOURNAL} line {at}", expected, found))

    def ends(self) -> tuple[Head, ...]:
        """Where each chain ends in the file."""
        return tuple(
            Head(node=node, writer=writer, seq=row.seq, hash=row.hash.hex())
            for (node, writer), row in sorted(self.last.items())
        )


def verify_bundle(path: Path) -> tuple[Verdict, tuple[Head, ...]]:
    """What a check came to, and the heads of the chains, to be held against the paper.

    Raises:
        InvalidInputError: The file isn't a bundle that this version can read.
    """
    try:
        with zipfile.ZipFile(path) as bundle:
            return _verified(bundle)
    except (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, NotImplementedError):
        raise InvalidInputError("The file isn't a bundle of alertd, or is damaged.") from None


def _verified(bundle: zipfile.ZipFile) -> tuple[Verdict, tuple[Head, ...]]:
    found = list(_files(bundle))
    damaged = [name for name in FILES if name in bundle.namelist() and _is_damaged(bundle, name)]
    found += [Difference("file", name, "a file that can be read", "damage") for name in damaged]
    if damaged or any(each.found == "nothing" for each in found):
        return Verdict(0, 0, tuple(found), None), ()
    text = _whole(bundle, REPORT, _MOST_REPORT)
    document = _document(text)
    alert_no = alert_no_of(document)
    found += _readmes(bundle)
    facts = _Facts(alert_no)
    with bundle.open(JOURNAL) as file:
        held, broken = journal.verify(facts.rows(file), _ends_of(document))
    found += facts.found
    found += [
        Difference(
            "chain", f"{JOURNAL} {at.node}/{at.writer}/{at.seq}", "an unchanged fact", at.reason
        )
        for at in broken
    ]
    figures = None
    if not facts.found and all(at.reason == "cut" for at in broken):
        figures = _figures(facts.state)
        if figures is None:
            found.append(Difference("chain", f"{JOURNAL} alert {alert_no}", "a draft", "nothing"))
    if figures is not None:
        roster = _whole(bundle, ROSTER, _MOST_ROSTER)
        found += _roster(roster, figures)
        found += _report(document, text, roster, figures, facts.ends())
    verdict = Verdict(alert_no, held, tuple(found[:MOST_NAMED]), figures)
    return verdict, facts.ends()


def _files(bundle: zipfile.ZipFile) -> Iterator[Difference]:
    names = bundle.namelist()
    for name in FILES:
        if names.count(name) != 1:
            yield Difference("file", name, "once", "nothing" if name not in names else "twice")
    for name in sorted(set(names) - set(FILES)):
        yield Difference("file", name[:80], "no such file", "a file")
    if bundle.comment:
        yield Difference("file", "comment", "nothing", "a comment")


def _is_damaged(bundle: zipfile.ZipFile, name: str) -> bool:
    try:
        with bundle.open(name) as file:
            while file.read(_PIECE):
                pass
    except (zipfile.BadZipFile, zlib.error, EOFError):
        return True
    return False


def _readmes(bundle: zipfile.ZipFile) -> Iterator[Difference]:
    for name in READMES:
        if _whole(bundle, name, _MOST_LINE) != readme(name).encode():
            yield Difference("file", name, "alertd's own text", "another text")


def _whole(bundle: zipfile.ZipFile, name: str, most: int) -> bytes:
    with bundle.open(name) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise InvalidInputError(f"{name} of the bundle is too large.")
    return content


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(_MOST_LINE):
        yield line.removesuffix(b"\n")


def _row(line: bytes) -> Recorded | None:
    """A line as a fact; None where it is none."""
    try:
        parts = json.loads(line)
        if not isinstance(parts, list) or len(parts) != _PARTS:
            return None
        node, writer, seq, turn, kind, alert_no, source, occurred_at, recorded_at = parts[:9]
        body, previous, own = parts[9:]
        numbers = (writer, seq, turn, alert_no, occurred_at, recorded_at)
        words = (node, kind, source, body, previous, own)
        fits = all(type(n) is int for n in numbers) and all(type(w) is str for w in words)
        content = json.loads(body) if fits else None
        if not isinstance(content, dict) or canonical(content) != body:
            return None
        hashes = bytes.fromhex(previous), bytes.fromhex(own)
    except (ValueError, RecursionError):
        return None
    if any(len(each) != _HASH_BYTES for each in hashes):
        return None
    fact = Fact(kind=kind, occurred_at=occurred_at, body=content, alert_no=alert_no, source=source)
    return Recorded(
        fact=fact,
        node=node,
        writer=writer,
        seq=seq,
        turn=turn,
        recorded_at=recorded_at,
        prev_hash=hashes[0],
        hash=hashes[1],
    )


def _document(text: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidInputError(f"{REPORT} of the bundle isn't a report of alertd.")
    return found


def _ends_of(document: Mapping[str, Any]) -> list[journal.Head]:
    """Where the report says that the chains end; what it says wrongly is found as a difference."""
    try:
        return [
            journal.Head(str(h["node"]), int(h["writer"]), int(h["seq"]), bytes.fromhex(h["hash"]))
            for h in document["journal"]
        ]
    except _FOREIGN:
        return []


def _figures(state: Replay) -> Figures | None:
    try:
        return of_replay(state)
    except NotInJournalError:
        return None
    except _FOREIGN:
        return None


def _roster(content: bytes, figures: Figures) -> Iterator[Difference]:
    issued = figures.course.roster_version is not None
    digest = hashlib.sha256(content).hexdigest()
    if issued and digest != figures.course.roster_digest:
        yield Difference("roster", ROSTER, figures.course.roster_digest, digest)
    if not issued and content:
        yield Difference("roster", ROSTER, "nothing, for it wasn't issued", "a roster")


def _report(
    document: Mapping[str, Any],
    text: bytes,
    roster: bytes,
    figures: Figures,
    ends: tuple[Head, ...],
) -> Iterator[Difference]:
    try:
        names = names_of(line for line in roster.decode().split("\n") if line)
    except _FOREIGN:
        return  # the roster is another one, which was said
    recounted = Report(figures, names, ends)
    found = False
    for where, expected, is_there in differences(to_json(recounted), dict(document)):
        found = True
        yield Difference("report", f"{REPORT} {where}", expected, is_there)
    if not found and text != f"{report_text(recounted)}\n".encode():
        yield Difference("report", REPORT, "the bytes that alertd writes", "others")
