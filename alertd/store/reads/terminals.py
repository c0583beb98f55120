"""Loudspeakers: who is there, and what they did with an alert."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, select

from alertd.model import FOREVER, DeliveryState, Millis, Played, RecipientKind, numbers_of
from alertd.store import tables as t
from alertd.store.fold.scope import below
from alertd.store.reads.paging import Page
from alertd.store.reads.places import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalView:
    """A loudspeaker.

    Args:
        online: None where it never said anything.
        delivery: What became of an alert's command, in a word; "" where there was none.
        played: silent, played, partial, failed.
        enrolled_at: When it last got a login; None where it has none.
        revoked_at: When that was taken from it.
    """

    no: int
    terminal_id: str
    name: str
    unit_code: str
    unit_name: str
    online: bool | None
    fault: str
    changed_at: Millis | None
    enrolled_at: Millis | None = None
    revoked_at: Millis | None = None
    delivery: str = ""
    played: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalCounts:
    """How the loudspeakers are, altogether; `silent` never said anything."""

    total: int
    online: int
    offline: int
    silent: int
    faulty: int


def terminals(
    connection: Connection,
    *,
    path: str = "",
    alert_no: int | None = None,
    after: int | None = None,
    limit: int = 100,
) -> Page[TerminalView]:
    """Loudspeakers in the subtree by number, with what became of an alert's command."""
    c, s, u, a = t.terminal.c, t.terminal_state.c, t.unit.c, t.terminal_account.c
    query = (
        select(
            c.no,
            c.terminal_id,
            c.name,
            u.code.label("unit_code"),
            u.name.label("unit_name"),
            s.online,
            s.fault,
            s.changed_at,
            a.enrolled_at,
            a.revoked_at,
        )
        .join(t.unit, and_(u.no == c.unit_no, u.to_version == FOREVER))
        .outerjoin(t.terminal_state, s.terminal_no == c.no)
        .outerjoin(t.terminal_account, a.terminal_id == c.terminal_id)
        .where(c.to_version == FOREVER)
        .order_by(c.no)
        .limit(limit + 1)
    )
    if path:
        query = query.where(below(u.path, [path]))
    if after is not None:
        query = query.where(c.no > after)
    rows = connection.execute(query).all()
    shown = rows[:limit]
    said = _said(connection, alert_no, [row.no for row in shown]) if alert_no else {}
    items = tuple(
        TerminalView(
            **{
                **row._asdict(),
                "online": None if row.online is None else bool(row.online),
                "fault": row.fault or "",
            },
            delivery=said.get(row.no, ("", ""))[0],
            played=said.get(row.no, ("", ""))[1],
        )
        for row in shown
    )
    return Page(items=items, next=shown[-1].no if len(rows) > limit else None)


def _said(
    connection: Connection, alert_no: int, numbers: list[int]
) -> Mapping[int, tuple[str, str]]:
    d = t.delivery.c
    first, last = numbers_of(alert_no)
    rows = connection.execute(
        select(d.recipient_no, d.state, d.played)
        .where(
            d.recipient_no.in_(numbers),
            d.id.between(first, last),
            d.recipient_kind == int(RecipientKind.TERMINAL),
        )
        .order_by(d.id)
    )
    return {
        row.recipient_no: (DeliveryState(row.state).word, Played(row.played).name.lower())
        for row in rows
    }


def terminal_places(connection: Connection, *, path: str = "") -> list[tuple[Place, str]]:
    """Every loudspeaker with coordinates, each with `online`, `offline`, `faulty` or `silent`."""
    c, s = t.terminal.c, t.terminal_state.c
    query = _inside(
        select(c.terminal_id, c.name, c.lon, c.lat, s.online, s.fault).where(
            c.lon.is_not(None), c.lat.is_not(None)
        ),
        path,
    ).order_by(c.no)
    return [
        (
            Place(
                code=row.terminal_id,
                name=row.name or row.terminal_id,
                path="",
                lon=row.lon,
                lat=row.lat,
            ),
            _state(row.online, row.fault),
        )
        for row in connection.execute(query)
    ]


def _state(online: int | None, fault: str | None) -> str:
    if online is None:
        return "silent"
    return "faulty" if fault else "online" if online else "offline"


def terminal_counts(connection: Connection, *, path: str = "") -> TerminalCounts:
    """The loudspeakers of the subtree, counted."""
    s = t.terminal_state.c
    row = connection.execute(
        _inside(
            select(
                func.count(),
                func.count().filter(s.online == 1),
                func.count().filter(s.online == 0),
                func.count().filter(s.terminal_no.is_(None)),
                func.count().filter(s.fault != ""),
            ),
            path,
        )
    ).one()
    names = ("total", "online", "offline", "silent", "faulty")
    return TerminalCounts(**dict(zip(names, map(int, row), strict=True)))


def _inside(query: Any, path: str) -> Any:
    c, s, u = t.terminal.c, t.terminal_state.c, t.unit.c
    query = (
        query.select_from(t.terminal)
        .outerjoin(t.terminal_state, s.terminal_no == c.no)
        .where(c.to_version == FOREVER)
    )
    if path:
        units = select(u.no).where(u.to_version == FOREVER, below(u.path, [path]))
        query = query.where(c.unit_no.in_(units))
    return query
