"""The reachability ledger and the dark grids as CSV for a spreadsheet: no names, no numbers."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import Final

from alertd.i18n import N_, translator
from alertd.model import Millis
from alertd.report.sheet import safe
from alertd.report.values import moment
from alertd.report.words import Say, level_word, role_word, word
from alertd.store.reads.ledger import Entry, Grid, In, Reached

_AT_ONCE: Final = 1_000  # rows in one piece of the file


def ledger_sheet(entries: Iterable[Entry], *, language: str, zone: tzinfo) -> Iterator[bytes]:
    """The ledger, piece by piece; with a byte-order mark, which Excel needs to read Chinese."""
    say = translator(language)
    head = (
        say(N_("Unit code")),
        say(N_("Unit")),
        say(N_("Above")),
        say(N_("Level")),
        say(N_("Duty")),
        say(N_("Holders")),
        *_last_head(say),
        *(kind_word(say, kind) for kind in In),
    )
    rows = (
        (
            entry.unit_code,
            entry.unit_name,
            entry.parent_name,
            level_word(language, entry.level),
            role_word(language, entry.role),
            entry.holders,
            *last_cells(entry.last, say, zone),
            *(_moment(entry.by_kind.get(kind.value), zone) for kind in In),
        )
        for entry in entries
    )
    return _pieces(head, rows)


def grids_sheet(grids: Iterable[Grid], *, language: str, zone: tzinfo) -> Iterator[bytes]:
    """The dark grids, in the same way."""
    say = translator(language)
    head = (
        say(N_("Unit code")),
        say(N_("Grid")),
        say(N_("Community")),
        say(N_("Subdistrict")),
        say(N_("Duties held")),
        *_last_head(say),
    )
    rows = (
        (
            grid.unit_code,
            grid.unit_name,
            grid.parent_name,
            grid.town_name,
            grid.held,
            *last_cells(grid.last, say, zone),
        )
        for grid in grids
    )
    return _pieces(head, rows)


def _last_head(say: Say) -> tuple[str, ...]:
    return (
        say(N_("Last reached")),
        say(N_("In")),
        say(N_("Alert")),
        say(N_("By")),
        say(N_("Route")),
        say(N_("Who")),
    )


def last_cells(last: Reached | None, say: Say, zone: tzinfo) -> tuple[str, ...]:
    """When, in what, in which alert, by which way, by whose gateway, and who."""
    if last is None:
        return say(N_("never")), "", "", "", "", ""
    return (
        moment(last.at, zone),
        kind_word(say, last.kind),
        last.alert,
        word(say, last.via),
        last.route,
        say(N_("principal")) if last.rank == 1 else say(N_("alternate")),
    )


_KINDS: Final = {
    In.ACTUAL: N_("Live alert"),
    In.EXERCISE: N_("Drill"),
    In.TEST: N_("Test"),
    In.SIMULATED: N_("Simulated"),
}


def kind_word(say: Say, kind: In) -> str:
    """In what somebody was reached, in the reader's language."""
    return say(_KINDS[kind])


def _moment(at: Millis | None, zone: tzinfo) -> str:
    return "" if at is None else moment(at, zone)


def _pieces(head: Sequence[object], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    text.write("\ufeff")
    writer.writerow(head)
    for number, row in enumerate(rows, 1):
        writer.writerow([safe(cell) for cell in row])
        if number % _AT_ONCE == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()
