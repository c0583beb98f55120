"""Recompute a report from the journal alone, and compare: with the report file, with the tables.

Four questions, each of which may fail by itself: does the chain hold; is the journal the one that
the report was made from; are the report's figures what the facts come to; are the tables?
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from alertd.errors import InvalidInputError
from alertd.report import change, record
from alertd.report.compare import differences
from alertd.report.figures import Figures, NotInJournalError, of_replay
from alertd.report.figures.replay import replay
from alertd.report.figures.values import SCHEMA, Head
from alertd.report.make import COMPARISON, KIND, Report, to_json
from alertd.report.names import read_names
from alertd.report.tables import table_differences
from alertd.store import tables as t
from alertd.store.chains import check

_TOO_BIG = 2**63  # no column holds it
MOST_NAMED = 200  # differences; past them it is enough to know that there are more


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that isn't as it should be. `where` is a path into the report, a table or a chain.

    `kind`: chain (the journal was changed), report (the file was changed, or is of another
    journal), tables (state tables differ from the facts).
    """

    kind: str
    where: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification came to.

    `facts` is how many facts of the journal held; `figures` are None where the chain is broken or
    the journal knows no such alert: nothing can be counted then.
    """

    alert_no: int
    facts: int
    differences: tuple[Difference, ...]
    figures: Figures | None

    @property
    def good(self) -> bool:
        """Whether all of it agrees."""
        return not self.differences


def verify(
    connection: Connection, alert_no: int, report: Mapping[str, Any] | None = None
) -> Verdict:
    """Check the chain, recompute the figures, compare them with the tables and with `report`.

    The report is compared with the journal as it stood when it was made; the tables with the
    journal as it stands.

    Args:
        connection: For reading; one consistent view.
        alert_no: Which alert.
        report: A report file's content, or None: the journal and the tables only.

    Raises:
        InvalidInputError: `report` isn't a report of this alert that this version can read.
    """
    made_from = None if report is None else _heads_of(report, alert_no)
    held, found = _chain(connection)
    if found:
        return Verdict(alert_no, held, tuple(found[:MOST_NAMED]), None)
    ends = record.heads(connection)
    facts = record.facts(connection, alert_no, record.cut_at(ends))
    state = replay(facts, alert_no)
    try:
        figures = of_replay(state)
    except NotInJournalError:
        missing = Difference("chain", f"alert {alert_no}", "a draft", "nothing")
        return Verdict(alert_no, held, (missing,), None)
    names = read_names(connection, figures)
    rows = table_differences(connection, state, figures, names)
    found = [Difference("tables", *row) for row, _ in zip(rows, range(MOST_NAMED), strict=False)]
    if report is not None and made_from is not None:
        then = Report(figures, names, ends)
        found += _of_report(connection, report, made_from, then)
    return Verdict(alert_no, held, tuple(found[:MOST_NAMED]), figures)


def alert_no_of(report: Mapping[str, Any]) -> int:
    """Which alert a report file is about.

    Raises:
        InvalidInputError: It isn't a report that this version can read.
    """
    if report.get("kind") != KIND:
        raise InvalidInputError("The file isn't a report of alertd.")
    if report.get("schema") != SCHEMA:
        raise InvalidInputError(
            "The report was written by another version of alertd.",
            hint="Verify it with that version.",
        )
    number = report.get("alert_no")
    if not isinstance(number, int) or isinstance(number, bool):
        raise InvalidInputError("The file isn't a report of alertd.")
    return number


def _heads_of(report: Mapping[str, Any], alert_no: int) -> tuple[Head, ...]:
    if alert_no_of(report) != alert_no:
        raise InvalidInputError("The report is about another alert.")
    try:
        return tuple(_head(head) for head in report["journal"])
    except (KeyError, TypeError, ValueError):
        raise InvalidInputError("The file isn't a report of alertd.") from None


def _head(data: Mapping[str, Any]) -> Head:
    writer, seq = int(data["writer"]), int(data["seq"])
    if not (0 <= writer < _TOO_BIG and 0 <= seq < _TOO_BIG):
        raise ValueError("no journal has such a row")
    return Head(node=str(data["node"]), writer=writer, seq=seq, hash=str(data["hash"]))


def _chain(connection: Connection) -> tuple[int, list[Difference]]:
    chains = check(connection)
    found = [
        Difference("chain", f"{at.node}/{at.writer}/{at.seq}", "an unchanged fact", at.reason)
        for at in chains.broken
    ]
    if chains.unreadable:
        found.append(Difference("chain", "journal", "JSON in every body", "something else"))
    return chains.held, found


def _of_report(
    connection: Connection,
    report: Mapping[str, Any],
    made_from: tuple[Head, ...],
    now: Report,
) -> Iterator[Difference]:
    other = [_other_journal(connection, head) for head in made_from]
    missing = [difference for difference in other if difference]
    if missing:
        yield from missing
        return
    then = now if made_from == now.ends else _as_of(connection, now, made_from)
    if then is None:
        yield Difference("report", "journal", "the alert's draft before it", "nothing")
        return
    written = dict(report)
    expected_of_it = to_json(then)
    if COMPARISON in written:
        expected_of_it[COMPARISON] = _comparison(connection, written[COMPARISON], then, made_from)
    for where, expected, found in differences(expected_of_it, written):
        yield Difference("report", where, expected, found)


def _comparison(
    connection: Connection, written: Any, then: Report, ends: tuple[Head, ...]
) -> Mapping[str, Any] | None:
    """The comparison anew, with the alert and in the language that it says; None where it can't."""
    try:
        number, language = int(written["before"]), str(written["language"])
        state = replay(record.facts(connection, number, record.cut_at(ends)), number)
        return change.to_json(of_replay(state), then.figures, language)
    except (KeyError, TypeError, ValueError, NotInJournalError, InvalidInputError):
        return None


def _other_journal(connection: Connection, head: Head) -> Difference | None:
    """A journal whose chain holds may still be another one, written anew from the start."""
    c = t.journal.c
    found = connection.execute(
        select(c.hash).where(c.node == head.node, c.writer == head.writer, c.seq == head.seq)
    ).scalar_one_or_none()
    if found is not None and found.hex() == head.hash:
        return None
    where = f"{head.node}/{head.writer}/{head.seq}"
    return Difference("chain", where, head.hash, found.hex() if found else "nothing")


def _as_of(connection: Connection, now: Report, ends: tuple[Head, ...]) -> Report | None:
    alert_no = now.figures.course.no
    try:
        state = replay(record.facts(connection, alert_no, record.cut_at(ends)), alert_no)
        figures = of_replay(state)
    except NotInJournalError:
        return None
    return Report(figures, read_names(connection, figures), ends)
