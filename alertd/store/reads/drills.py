"""Drill plans and drills, as pages, commands and the calendar read them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from alertd.errors import NotFoundError
from alertd.model import AlertState, DrillState, Fact, Millis, Status
from alertd.store import journal
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.prepared import Prepared
from alertd.store.reads.alerts import inside
from alertd.store.reads.paging import Page
from alertd.store.reads.principals import names_of

_ENDS = ("cancel", "all-clear")
_OUT = (int(Status.ACTUAL), int(Status.EXERCISE))
LIVE = (DrillState.SCHEDULED, DrillState.DRAFTED, DrillState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """A city's own plan.

    Args:
        content: What `drills.plan.from_dict` reads, with its owner's name.
        paths: Of the units that it was about when it was saved.
    """

    name: str
    content: Mapping[str, Any]
    paths: tuple[str, ...]
    owner: str
    saved_by: str
    saved_at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillView:
    """A drill.

    Args:
        reminded: How many reminders of its owner are over.
        blind: Whether it begins at a moment in a window that nobody knows.
        opens_at: Its date, or where the window begins; `closes_at` is where that ends.
        alert: The id of its alert, in hex, once there is one.
        followed_by: Short codes of the alerts that it went on as, after somebody followed that up.
    """

    no: int
    id: str
    plan: str
    content: Mapping[str, Any]
    paths: tuple[str, ...]
    owner: str
    created_by: str
    created_at: Millis
    agreed_by: str | None
    state: DrillState
    reason: str
    blind: bool
    opens_at: Millis
    closes_at: Millis
    commitment: str
    step: int
    reminded: int
    alert: str | None
    short_code: str | None
    followed_by: tuple[str, ...]
    started_at: Millis | None
    ended_at: Millis | None


def plans(connection: Connection, *, path: str = "") -> list[PlanView]:
    """The plans of a subtree, by name."""
    rows = connection.execute(select(t.drill_plan).order_by(t.drill_plan.c.name)).all()
    names = names_of(connection, [each for row in rows for each in (row.owner, row.saved_by)])
    views = [_plan(row, names) for row in rows]
    return [view for view in views if inside(path, view.paths)]


def plan(connection: Connection, name: str, *, path: str = "") -> PlanView:
    """One plan; raises NotFoundError."""
    found = next((each for each in plans(connection, path=path) if each.name == name), None)
    if found is None:
        raise NotFoundError("There is no such drill plan.", field="plan")
    return found


def drills(
    connection: Connection, *, path: str = "", after: int | None = None, limit: int = 50
) -> Page[DrillView]:
    """The drills of a subtree, the newest first."""
    query = _drills().order_by(t.drill.c.no.desc())
    if after is not None:
        query = query.where(t.drill.c.no < after)
    found: list[Row[Any]] = []
    for row in connection.execute(query):
        if inside(path, json.loads(row.paths)):
            found.append(row)
        if len(found) > limit:
            break
    shown = found[:limit]
    views = _views(connection, shown)
    return Page(items=views, next=shown[-1].no if len(found) > limit else None)


def drill(connection: Connection, no: int, *, path: str = "") -> DrillView:
    """One drill; raises NotFoundError."""
    row = connection.execute(_drills().where(t.drill.c.no == no)).first()
    if row is None or not inside(path, json.loads(row.paths)):
        raise NotFoundError("There is no such drill.", field="drill")
    return _views(connection, [row])[0]


def calendar(connection: Connection, *, path: str = "") -> list[DrillView]:
    """What is to be held and what is under way, the next first."""
    states = [state.value for state in LIVE]
    query = _drills().where(t.drill.c.state.in_(states)).order_by(t.drill.c.opens_at, t.drill.c.no)
    rows = [row for row in connection.execute(query) if inside(path, json.loads(row.paths))]
    return list(_views(connection, rows))


def due(connection: Connection, now: Millis) -> list[Row[Any]]:
    """Drills that the calendar has to look at; rows of the table."""
    numbers = [no for (no,) in _DUE.rows(connection, now=now)]
    if not numbers:
        return []
    c = t.drill.c
    return list(connection.execute(select(t.drill).where(c.no.in_(numbers)).order_by(c.no)))


def row_of(connection: Connection, no: int) -> Row[Any]:
    """A drill's own row; raises NotFoundError."""
    row = connection.execute(select(t.drill).where(t.drill.c.no == no)).first()
    if row is None:
        raise NotFoundError("There is no such drill.", field="drill")
    return row


def paths_of(row: Row[Any]) -> tuple[str, ...]:
    """Of the units that a drill or a plan is about."""
    return tuple(json.loads(row.paths))


def content_of(row: Row[Any]) -> dict[str, Any]:
    """What `drills.plan.from_dict` reads; without its owner."""
    found: dict[str, Any] = json.loads(row.content)
    return found


def under_way(connection: Connection) -> list[int]:
    """The numbers of the drills whose alert waits or is out."""
    c = t.drill.c
    states = (DrillState.DRAFTED.value, DrillState.RUNNING.value)
    return list(connection.execute(select(c.no).where(c.state.in_(states))).scalars())


def alerts_of(connection: Connection, drill_no: int) -> list[int]:
    """The alerts that a drill went on as, its own first."""
    c = t.drill_alert.c
    query = select(c.alert_no).where(c.drill_no == drill_no).order_by(c.alert_no)
    return list(connection.execute(query).scalars())


def followers(connection: Connection, alert_no: int) -> list[int]:
    """Exercises that were issued later and may take an alert's place, in their order."""
    c = t.alert.c
    query = select(c.no).where(
        c.no > alert_no,
        c.status == int(Status.EXERCISE),
        c.purpose.in_(("update", "correction")),
        c.issued_at.is_not(None),
    )
    return list(connection.execute(query.order_by(c.no)).scalars())


def out(connection: Connection) -> tuple[list[int], list[int]]:
    """(live alerts, drills) that are out and ask for something, by the numbers of their alerts.

    What ends a danger or a drill is none itself.
    """
    c = t.alert.c
    query = select(c.no, c.status).where(
        c.state == AlertState.ISSUED.value, c.purpose.not_in(_ENDS), c.status.in_(_OUT)
    )
    rows = connection.execute(query.order_by(c.no)).all()
    live, drills = ([row.no for row in rows if row.status == status] for status in _OUT)
    return live, drills


def live_alert(connection: Connection) -> int | None:
    """The number of a live alert that is out; None where there is none.

    What ends a danger is none itself.
    """
    live, _ = out(connection)
    return live[0] if live else None


def hidden(connection: Connection) -> frozenset[int]:
    """The numbers of drills without notice that haven't begun: who takes part knows of none."""
    c = t.drill.c
    query = select(c.no).where(c.commitment != "", c.started_at.is_(None))
    return frozenset(connection.execute(query).scalars())


def secret(connection: Connection, now: Millis) -> bool:
    """Whether the record tells of a window that is to come: of a drill, or of a saved plan."""
    c = t.drill.c
    waits = c.state.in_([DrillState.SCHEDULED.value, DrillState.DRAFTED.value])
    drill = select(c.no).where(c.commitment != "", waits).limit(1)
    if connection.execute(drill).first() is not None:
        return True
    saved = connection.execute(select(t.drill_plan.c.content)).scalars()
    windows = (json.loads(content).get("when", {}).get("window") for content in saved)
    return any(datetime.fromisoformat(each[1]).timestamp() * 1000 > now for each in windows if each)


def log(connection: Connection, drill_no: int) -> list[Fact]:
    """What the drill's control said and did, from the journal."""
    c = t.journal.c
    where = [c.alert_no.in_(alerts_of(connection, drill_no)), c.kind.startswith("drill.")]
    chains = [journal.chain(connection, *each, where=where) for each in journal.chains(connection)]
    return [row.fact for row in journal.in_order(chains)]


def _drills() -> Any:
    a, d = t.alert.c, t.drill.c
    return select(t.drill, a.id.label("alert_id"), a.short_code).outerjoin(
        t.alert, a.no == d.alert_no
    )


def _plan(row: Row[Any], names: Mapping[bytes, str]) -> PlanView:
    owner = names.get(row.owner, "")
    return PlanView(
        name=row.name,
        content=json.loads(row.content) | {"owner": owner},
        paths=tuple(json.loads(row.paths)),
        owner=owner,
        saved_by=names.get(row.saved_by, ""),
        saved_at=row.saved_at,
    )


def _views(connection: Connection, rows: list[Row[Any]]) -> tuple[DrillView, ...]:
    ids = [each for row in rows for each in (row.owner, row.created_by, row.agreed_by)]
    names = names_of(connection, ids)
    after = _followed_by(connection, [row.no for row in rows])
    return tuple(_drill(row, names, after.get(row.no, ())) for row in rows)


def _followed_by(connection: Connection, numbers: list[int]) -> dict[int, tuple[str, ...]]:
    a, d = t.alert.c, t.drill_alert.c
    found: dict[int, tuple[str, ...]] = {}
    for batch in batches(numbers):
        query = select(d.drill_no, a.short_code).join(t.alert, a.no == d.alert_no)
        for row in connection.execute(query.where(d.drill_no.in_(batch)).order_by(a.no)):
            found[row.drill_no] = (*found.get(row.drill_no, ()), row.short_code)
    return {no: codes[1:] for no, codes in found.items()}


def _drill(row: Row[Any], names: Mapping[bytes, str], after: tuple[str, ...]) -> DrillView:
    owner = names.get(row.owner, "")
    same = ("no", "plan", "reason", "opens_at", "closes_at", "commitment", "step", "reminded")
    more = ("created_at", "short_code", "started_at", "ended_at")
    return DrillView(
        **{name: getattr(row, name) for name in (*same, *more)},
        id=row.id.hex(),
        content=json.loads(row.content) | {"owner": owner},
        paths=tuple(json.loads(row.paths)),
        owner=owner,
        created_by=names.get(row.created_by, ""),
        agreed_by=names.get(row.agreed_by) if row.agreed_by else None,
        state=DrillState(row.state),
        blind=bool(row.commitment),
        alert=row.alert_id.hex() if row.alert_id else None,
        followed_by=after,
    )


def _due(_: str) -> Any:
    c = t.drill.c
    return select(c.no).where(c.due_at.is_not(None), c.due_at <= bindparam("now"))


_DUE = Prepared(_due)
