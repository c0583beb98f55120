"""What drills have shown to be wrong, with names, for those whose area it lies in."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, Row, func, select

from alertd.errors import NotFoundError
from alertd.model import Millis
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.reads.board import units_below
from alertd.store.reads.drilled import names_of_units, owners_of
from alertd.store.reads.paging import Page
from alertd.store.reads.principals import names_of
from alertd.store.reads.units import people_named

State = Literal["open", "done", "any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TodoView:
    """Something to mend.

    Args:
        kind: silent, vacant, no-contact, number, loudspeaker, messages, mark.
        subject: The duty's role, the person's id, the loudspeaker's id, or the mark's name.
        subject_name: A person's or a loudspeaker's name, else "".
        unit_code: Where it is; "" where it is in no one unit.
        owner_code: The unit whose lead has to mend it; "": `owner_name` is the plan's owner.
        cause: What was wrong, in one word.
        found_in: The short code of the drill that showed it first.
        last_in: Of the drill that showed it last.
        times: In how many drills it was seen.
        closed_at: None while it is open.
        closed_by: The name of who said that it is done, or "".
        reason: done, mended (by `mended_in`), or gone (from the roster).
    """

    no: int
    kind: str
    subject: str
    subject_name: str
    unit_code: str
    unit_name: str
    owner_code: str
    owner_name: str
    cause: str
    plan: str
    found_in: str
    last_in: str
    times: int
    found_at: Millis
    due_at: Millis
    closed_at: Millis | None
    closed_by: str
    reason: str
    mended_in: str
    note: str


def todos(
    connection: Connection,
    *,
    path: str = "",
    state: State = "open",
    kind: str = "",
    alert_no: int | None = None,
    after: int | None = None,
    limit: int = 100,
) -> Page[TodoView]:
    """What is to be mended in a subtree, the newest first; what is in no one unit is the city's.

    Args:
        connection: For reading.
        path: The asker's subtree.
        state: Open, done or any.
        kind: Of one kind only.
        alert_no: That this drill has shown.
        after: A page's `next`.
        limit: At most so many.
    """
    c = t.todo.c
    query = select(t.todo).where(*_within(path), *_state(state)).order_by(c.no.desc())
    if kind:
        query = query.where(c.kind == kind)
    if alert_no is not None:
        query = query.where((c.alert_no == alert_no) | (c.last_no == alert_no))
    if after is not None:
        query = query.where(c.no < after)
    rows = connection.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    return Page(
        items=tuple(_views(connection, shown)), next=shown[-1].no if len(rows) > limit else None
    )


def counts(connection: Connection, *, path: str = "") -> dict[str, int]:
    """How much is open, by kind."""
    c = t.todo.c
    rows = connection.execute(
        select(c.kind, func.count()).where(*_within(path), c.closed_at.is_(None)).group_by(c.kind)
    )
    return dict(sorted((kind, n) for kind, n in rows))


def place_of(connection: Connection, no: int) -> tuple[str, bool]:
    """(path of its unit, whether it is closed); the path is "" where it is in no one unit.

    Raises:
        NotFoundError: There is none of that number.
    """
    c, u = t.todo.c, t.unit.c
    path = (
        select(u.path).where(u.no == c.unit_no).order_by(u.to_version.desc()).limit(1)
    ).scalar_subquery()
    row = connection.execute(select(path.label("path"), c.closed_at).where(c.no == no)).first()
    if row is None:
        raise NotFoundError("There is nothing of that number to mend.")
    return row.path or "", row.closed_at is not None


def todo(connection: Connection, no: int) -> TodoView:
    """The one of that number, which there is."""
    row = connection.execute(select(t.todo).where(t.todo.c.no == no)).one()
    return next(iter(_views(connection, [row])))


def _state(state: State) -> Sequence[ColumnElement[bool]]:
    closed = t.todo.c.closed_at
    return {"open": [closed.is_(None)], "done": [closed.is_not(None)], "any": []}[state]


def _within(path: str) -> list[ColumnElement[bool]]:
    if not path:
        return []
    return [t.todo.c.unit_no.in_(units_below(path))]


_DUTIES: Final = frozenset({"silent", "no-contact"})
_PEOPLE: Final = frozenset({"number", "messages"})

Subject = tuple[str, int, str]
"""What something is about: its kind, the number of what it is, and what of it."""


def subjects(connection: Connection, wanted: Collection[Subject]) -> dict[Subject, tuple[str, str]]:
    """(a word for it, a name or "") of each: a duty's role, a person's or a loudspeaker's id."""
    numbers: dict[str, set[int]] = {}
    for kind, number, _ in wanted:
        numbers.setdefault(_table_of(kind), set()).add(number)
    known = {
        "duty": _roles(connection, numbers.get("duty", ())),
        "person": _people(connection, numbers.get("person", ())),
        "loudspeaker": _speakers(connection, numbers.get("loudspeaker", ())),
    }
    return {
        subject: known[_table_of(subject[0])].get(subject[1], ("", ""))
        if _table_of(subject[0]) in known
        else (subject[2], "")
        for subject in wanted
    }


def _table_of(kind: str) -> str:
    if kind in _DUTIES:
        return "duty"
    return "person" if kind in _PEOPLE else kind


def _views(connection: Connection, rows: Sequence[Row[Any]]) -> list[TodoView]:
    places = names_of_units(connection, [no for row in rows for no in (row.unit_no, row.owner_no)])
    named = subjects(connection, [(row.kind, row.subject_no, row.what) for row in rows])
    codes = _codes(connection, rows)
    owners = owners_of(connection, {row.alert_no for row in rows if not row.owner_no})
    names = names_of(connection, {row.closed_by for row in rows} - {None} | set(owners.values()))
    nowhere = "", ""
    return [
        TodoView(
            **{name: getattr(row, name) for name in _AS_THEY_ARE},
            subject=named[row.kind, row.subject_no, row.what][0],
            subject_name=named[row.kind, row.subject_no, row.what][1],
            unit_code=places.get(row.unit_no, nowhere)[0],
            unit_name=places.get(row.unit_no, nowhere)[1],
            owner_code=places.get(row.owner_no, nowhere)[0],
            owner_name=places.get(row.owner_no, nowhere)[1]
            or names.get(owners.get(row.alert_no, b""), ""),
            found_in=codes.get(row.alert_no, ""),
            last_in=codes.get(row.last_no, ""),
            closed_by=names.get(row.closed_by, ""),
            mended_in=codes.get(row.closed_no, ""),
        )
        for row in rows
    ]


_AS_THEY_ARE: Final = (
    *("no", "kind", "cause", "plan", "times", "found_at", "due_at", "closed_at"),
    *("reason", "note"),
)


def _roles(connection: Connection, numbers: Iterable[int]) -> dict[int, tuple[str, str]]:
    c = t.duty.c
    found: dict[int, tuple[str, str]] = {}
    for batch in batches(numbers):
        query = select(c.no, c.role).where(c.no.in_(batch)).order_by(c.to_version)
        found.update((row.no, (row.role, "")) for row in connection.execute(query))
    return found


def _people(connection: Connection, numbers: Iterable[int]) -> dict[int, tuple[str, str]]:
    found: dict[int, tuple[str, str]] = {}
    for batch in batches(numbers):
        found |= people_named(connection, batch)
    return found


def _speakers(connection: Connection, numbers: Iterable[int]) -> dict[int, tuple[str, str]]:
    c = t.terminal.c
    found: dict[int, tuple[str, str]] = {}
    for batch in batches(numbers):
        query = select(c.no, c.terminal_id, c.name).where(c.no.in_(batch)).order_by(c.to_version)
        found.update((row.no, (row.terminal_id, row.name)) for row in connection.execute(query))
    return found


def _codes(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, str]:
    c = t.alert.c
    wanted = {no for row in rows for no in (row.alert_no, row.last_no, row.closed_no)}
    found = connection.execute(select(c.no, c.short_code).where(c.no.in_(wanted)))
    return {row.no: row.short_code for row in found}
