"""A report that a third party can check: the journal, the roster without people, the report itself.

A ZIP of plain files. `journal.jsonl` has every fact of every chain up to the report, one JSON array
a line; `roster.jsonl` the roster that the alert went out with, without names, numbers and addresses
(`store/roster/snapshot.py`), whose digest the journal holds; `report.json` the figures, with codes
in the place of units' names; README files say how to check. Nothing in it names a person.
"""

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from alertd.canonical import canonical
from alertd.model import Recorded
from alertd.report import record
from alertd.report.figures.values import Head
from alertd.report.make import Report, to_json
from alertd.report.names import Names, Unit
from alertd.store import journal
from alertd.store import tables as t
from alertd.store.roster.snapshot import snapshot
from alertd.whole import in_place_of

JOURNAL: Final = "journal.jsonl"
ROSTER: Final = "roster.jsonl"
REPORT: Final = "report.json"
READMES: Final = {"README.zh-CN.md": "bundle.zh-CN.md", "README.en.md": "bundle.en.md"}
FILES: Final = (JOURNAL, ROSTER, REPORT, *READMES)
_STAMP: Final = (1980, 1, 1, 0, 0, 0)  # the same journal gives the same bytes
_PAGE: Final = 100


def write_bundle(connection: Connection, report: Report, path: Path) -> None:
    """Write the bundle of a report.

    Args:
        connection: The same view that the report was gathered from.
        report: The report.
        path: The file; one that was there stays until this one is on the disk.
    """
    version = report.figures.course.roster_version
    named = names_of(_roster(connection, version))
    plain = Report(report.figures, named, report.ends)
    with (
        in_place_of(path) as draft,
        zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as bundle,
    ):
        _put(bundle, JOURNAL, (row_line(row) for row in _all_facts(connection, report.ends)))
        _put(bundle, ROSTER, _roster(connection, version))
        _put(bundle, REPORT, [report_text(plain)])
        for name in READMES:
            _put(bundle, name, [readme(name).removesuffix("\n")])


def _roster(connection: Connection, version: int | None) -> Iterator[str]:
    return snapshot(connection, version) if version is not None else iter(())


def report_text(report: Report) -> str:
    """The report as the bundle has it."""
    return json.dumps(to_json(report), ensure_ascii=False, indent=1)


def _put(bundle: zipfile.ZipFile, name: str, lines: Iterable[str]) -> None:
    info = zipfile.ZipInfo(name, _STAMP)
    info.compress_type = zipfile.ZIP_DEFLATED
    with bundle.open(info, "w", force_zip64=True) as file:
        for line in lines:
            file.write(f"{line}\n".encode())


def readme(name: str) -> str:
    """What a README of the bundle says; the same in every bundle of this version."""
    folder = resources.files("alertd.report") / "templates"
    return (folder / READMES[name]).read_text(encoding="utf-8")


def _all_facts(connection: Connection, ends: Iterable[Head]) -> Iterator[Recorded]:
    """Every fact up to `ends`, as they came to be."""
    c = t.journal.c
    return journal.in_order(
        [
            journal.chain(connection, *each, where=[c.seq <= seq], page=_PAGE)
            for each, seq in sorted(record.cut_at(ends).items())
        ]
    )


def row_line(row: Recorded) -> str:
    """A fact as a line: its header in the order that is hashed, its body as text, both hashes."""
    fact = row.fact
    return json.dumps(
        [
            *(row.node, row.writer, row.seq, row.turn, fact.kind, fact.alert_no),
            *(fact.source, fact.occurred_at, row.recorded_at, canonical(fact.body)),
            *(row.prev_hash.hex(), row.hash.hex()),
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def names_of(lines: Iterable[str]) -> Names:
    """Units and roles as a snapshot has them: by codes, without their names."""
    units: dict[int, tuple[str, str, int | None]] = {}
    roles: dict[int, str] = {}
    for line in lines:
        kind, no, _, *rest = json.loads(line)
        if kind == "unit":
            code, level, above = rest
            units[no] = (code, level, above)
        elif kind == "duty":
            roles[no] = rest[1]
        else:
            break  # units and duties come first
    return Names({no: _unit(no, units) for no in units}, roles)


def _unit(number: int, units: Mapping[int, tuple[str, str, int | None]]) -> Unit:
    code, level, above = units[number]
    line: list[str] = []
    seen: set[int] = set()
    at: int | None = number
    while at is not None and at in units and at not in seen:
        seen.add(at)
        line.append(units[at][0])
        at = units[at][2]
    path = "".join(f"{each}/" for each in reversed(line))
    return Unit(no=number, code=code, name=code, level=level, parent_no=above, path=path)
