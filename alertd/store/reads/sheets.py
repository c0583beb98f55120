"""Sheets as they were printed: whose each row is, and what was entered of it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from alertd.decide.sheets import Result, written
from alertd.errors import NotFoundError
from alertd.model import Millis, RequirementState, Stage, Status, duty_of, requirement_no
from alertd.store import people
from alertd.store import tables as t
from alertd.store.reads.board import units_below
from alertd.store.reads.principals import names_of
from alertd.store.reads.units import people_named


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What was last entered of a row; `stands` where it wasn't taken back since."""

    result: Result
    ack_no: int | None
    entered_at: Millis
    by: str
    stands: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A sheet as it was printed: whose each row is, row 1 first, and what was entered of it."""

    code: str
    alert_no: int
    alert_code: str
    status: str  # the alert's, CAP's word
    over: bool  # the alert has ended, or was stopped: what is entered counts late
    kind: str
    unit_no: int
    unit_code: str
    unit_name: str
    path: str
    printed_at: Millis
    printed_by: str
    rows: tuple[tuple[int, int], ...]  # duty, person
    marks: Mapping[int, Marked]


def sheet(connection: Connection, code: str, *, path: str = "") -> Kept:
    """A sheet by its number.

    Raises:
        NotFoundError: No such sheet was printed for the subtree.
    """
    c, a, h = t.sheet.c, t.alert.c, t.halt.c
    row = connection.execute(
        select(t.sheet, a.short_code, a.status, a.ended_at, h.stopped_at)
        .join(t.alert, a.no == c.alert_no)
        .outerjoin(t.halt, h.alert_no == c.alert_no)
        .where(c.code == code)
    ).first()
    unit = people.units(connection, [row.unit_no]).get(row.unit_no) if row else None
    if row is None or unit is None or not unit.path.startswith(path):
        raise NotFoundError(
            "There is no sheet of that number.",
            field="sheet",
            hint="Compare it with the sheet, character by character.",
        )
    return Kept(
        code=code,
        alert_no=row.alert_no,
        alert_code=row.short_code,
        status=Status(row.status).word,
        over=row.ended_at is not None or row.stopped_at is not None,
        kind=row.kind,
        unit_no=row.unit_no,
        unit_code=unit.code,
        unit_name=unit.name,
        path=unit.path,
        printed_at=row.printed_at,
        printed_by=names_of(connection, [row.by]).get(row.by, ""),
        rows=tuple((duty, person) for duty, person in json.loads(row.asked)),
        marks=_marks(connection, code),
    )


def _marks(connection: Connection, code: str) -> dict[int, Marked]:
    c, k = t.sheet_mark.c, t.ack.c
    rows = connection.execute(
        select(t.sheet_mark, k.withdrawn_at)
        .outerjoin(t.ack, k.no == c.ack_no)
        .where(c.sheet == code)
        .order_by(c.row_no)
    ).all()
    names = names_of(connection, {row.by for row in rows})
    return {
        row.row_no: Marked(
            result=Result(row.result),
            ack_no=row.ack_no,
            entered_at=row.entered_at,
            by=names.get(row.by, ""),
            stands=row.result != Result.MISTAKE and row.withdrawn_at is None,
        )
        for row in rows
    }


def known(connection: Connection, codes: Iterable[str]) -> set[str]:
    """Those of the numbers of which a sheet was printed already."""
    query = select(t.sheet.c.code).where(t.sheet.c.code.in_(list(codes)))
    return set(connection.execute(query).scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLine:
    """A sheet in a list: how many of its rows were entered."""

    code: str
    kind: str
    unit_code: str
    unit_name: str
    printed_at: Millis
    printed_by: str
    rows: int
    entered: int


def sheets(
    connection: Connection, alert_no: int, *, path: str = "", limit: int = 50
) -> list[SheetLine]:
    """Sheets printed about an alert for a subtree, the newest first."""
    c = t.sheet.c
    query = select(t.sheet).where(c.alert_no == alert_no)
    if path:
        query = query.where(c.unit_no.in_(units_below(path)))
    rows = connection.execute(query.order_by(c.printed_at.desc(), c.code).limit(limit)).all()
    units = people.units(connection, {row.unit_no for row in rows})
    names = names_of(connection, {row.by for row in rows})
    m = t.sheet_mark.c
    entered: dict[str, int] = {}
    for (code,) in connection.execute(
        select(m.sheet).where(
            m.sheet.in_([row.code for row in rows]), m.result != Result.MISTAKE.value
        )
    ):
        entered[code] = entered.get(code, 0) + 1
    return [
        SheetLine(
            code=row.code,
            kind=row.kind,
            unit_code=units[row.unit_no].code,
            unit_name=units[row.unit_no].name,
            printed_at=row.printed_at,
            printed_by=names.get(row.by, ""),
            rows=len(json.loads(row.asked)),
            entered=entered.get(row.code, 0),
        )
        for row in rows
        if row.unit_no in units
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """A row as it is shown to whoever enters it.

    Args:
        state: How the duty stands now: open, covered, exhausted, closed.
        result: What was entered and still stands; "" for nothing.
    """

    row: int
    unit_name: str
    role: str
    name: str
    state: str
    result: str
    entered_at: Millis | None
    entered_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetView:
    """A sheet with its rows; `sheet` is its number as it is printed."""

    sheet: str
    alert: str
    status: str
    over: bool
    kind: str
    unit_code: str
    unit_name: str
    printed_at: Millis
    printed_by: str
    rows: tuple[RowView, ...]


def shown(connection: Connection, found: Kept) -> SheetView:
    """A sheet as it is shown, with names."""
    duties = _duties(connection, {duty for duty, _ in found.rows})
    named = people_named(connection, [person for _, person in found.rows])
    states = _states(connection, found.alert_no, list(duties))
    rows = []
    for number, (duty, person) in enumerate(found.rows, start=1):
        place, role = duties.get(duty, ("", ""))
        mark = found.marks.get(number)
        stands = mark if mark and mark.stands else None
        rows.append(
            RowView(
                row=number,
                unit_name=place,
                role=role,
                name=named.get(person, ("", ""))[1],
                state=states.get(duty, ""),
                result=stands.result.value if stands else "",
                entered_at=stands.entered_at if stands else None,
                entered_by=stands.by if stands else "",
            )
        )
    return SheetView(
        sheet=written(found.code),
        alert=found.alert_code,
        status=found.status,
        over=found.over,
        kind=found.kind,
        unit_code=found.unit_code,
        unit_name=found.unit_name,
        printed_at=found.printed_at,
        printed_by=found.printed_by,
        rows=tuple(rows),
    )


def _duties(connection: Connection, duties: set[int]) -> dict[int, tuple[str, str]]:
    """Place and role of each duty, as they were last."""
    d, u = t.duty.c, t.unit.c
    rows = connection.execute(
        select(d.no, u.name, d.role)
        .join(t.unit, u.no == d.unit_no)
        .where(d.no.in_(duties))
        .order_by(d.to_version, u.to_version)
    )
    return {row.no: (row.name, row.role) for row in rows}


def _states(connection: Connection, alert_no: int, duties: Sequence[int]) -> dict[int, str]:
    """How each duty stands at the first stage that it is asked at."""
    c = t.requirement.c
    wanted = [requirement_no(alert_no, stage, duty) for duty in duties for stage in Stage]
    rows = connection.execute(select(c.no, c.state).where(c.no.in_(wanted)).order_by(c.no.desc()))
    return {duty_of(row.no): RequirementState(row.state).name.lower() for row in rows}
