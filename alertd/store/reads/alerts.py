"""Alerts as the console lists and shows them."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from alertd.decide.halt import NONE, Halt
from alertd.decide.plan import meet
from alertd.errors import NotFoundError
from alertd.model import AlertState, Millis, Status
from alertd.store import people
from alertd.store import tables as t
from alertd.store.frozen import reach_of, shown
from alertd.store.reads.paging import Page
from alertd.store.reads.principals import names_of

_AT_ONCE = 200
_ENDING = ("cancel", "all-clear")  # purposes that ask nobody for an answer
RUNNING = (AlertState.DRAFT, AlertState.APPROVED, AlertState.ISSUED)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """An alert as it is listed.

    Args:
        id: 32 hex digits.
        status: CAP's: Actual, Exercise, Test.
        purpose: alert, update, cancel, all-clear, correction.
        state: draft, approved, issued, updated, cancelled, all-clear, expired.
        severity: 1 Extreme … 4 Minor.
        headlines: The headline by language, where the alert has several.
        areas: Area codes as the alert names them.
        created_by: The principal's name.
        approved_by: The same, or None.
        issue_at: An approved alert goes out then (break-glass waits).
        follows: The id of the alert that this one updates or ends, or None.
        halt: How its sending stands; `halted_by` and `halt_reason` say who changed that last, and
            why; empty where nobody did.
        whole: Whether all of it lies in the asker's subtree.
    """

    id: str
    no: int
    short_code: str
    status: str
    purpose: str
    state: AlertState
    colour: str
    severity: int
    headline: str
    headlines: Mapping[str, str]
    areas: tuple[str, ...]
    roles: tuple[str, ...]
    simulated: bool
    routes: tuple[str, ...] | None
    identifier: str
    sender: str
    sent: str
    created_by: str
    created_by_id: str
    created_at: Millis
    approved_by: str | None
    approved_at: Millis | None
    break_glass: bool
    issue_at: Millis | None
    issued_at: Millis | None
    expires_at: Millis
    ended_at: Millis | None
    follows: str | None
    halt: Halt
    halted_by: str
    halt_reason: str
    roster_version: int | None
    expanding: bool
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FullAlert:
    """An alert with everything that reading it takes."""

    view: AlertView
    cap: dict[str, Any]
    policy: dict[str, Any]

    @property
    def version(self) -> int:
        """The roster that it went out with; the one of now before it did."""
        return self.view.roster_version or people.NOW


def seen_from(path: str, paths: Sequence[str]) -> bool:
    """Whether an alert for `paths` concerns the subtree at `path`."""
    return not path or any(p.startswith(path) or path.startswith(p) for p in paths)


def inside(path: str, paths: Sequence[str]) -> bool:
    """Whether all of `paths` lies in the subtree at `path`."""
    return not path or (bool(paths) and all(p.startswith(path) for p in paths))


def alerts(
    connection: Connection,
    *,
    path: str = "",
    states: Collection[AlertState] = (),
    status: Status | None = None,
    after: int | None = None,
    limit: int = 50,
) -> Page[AlertView]:
    """Alerts that concern a subtree, the newest first; `after` is a page's `next`.

    `states`: only those in one of these, all without any.
    """
    c = t.alert.c
    found: list[Row[Any]] = []
    while len(found) <= limit:
        query = select(t.alert).order_by(c.no.desc()).limit(_AT_ONCE)
        if after is not None:
            query = query.where(c.no < after)
        if states:
            query = query.where(c.state.in_([state.value for state in states]))
        if status is not None:
            query = query.where(c.status == int(status))
        rows = connection.execute(query).all()
        found += [row for row in rows if seen_from(path, _paths(row))]
        if len(rows) < _AT_ONCE:
            break
        after = rows[-1].no
    shown = found[:limit]
    more = shown[-1].no if len(found) > limit else None
    return Page(items=tuple(_views(connection, shown, path)), next=more)


def alert(connection: Connection, alert_id: bytes, *, path: str = "") -> FullAlert:
    """One alert.

    Raises:
        NotFoundError: There is none of that id that concerns the subtree.
    """
    row = connection.execute(select(t.alert).where(t.alert.c.id == alert_id)).first()
    if row is None or not seen_from(path, _paths(row)):
        raise NotFoundError("There is no such alert.")
    (view,) = _views(connection, [row], path)
    return FullAlert(view=view, cap=json.loads(row.cap), policy=shown(row.policy))


def beside(
    connection: Connection, status: Status, paths: Sequence[str], roles: Sequence[str]
) -> list[str]:
    """The short codes of alerts of a status that ask some of the same people now."""
    c, h = t.alert.c, t.halt.c
    rows = connection.execute(
        select(c.short_code, c.selection)
        .outerjoin(t.halt, h.alert_no == c.no)
        .where(
            c.state == AlertState.ISSUED.value,
            c.status == int(status),
            c.purpose.not_in(_ENDING),
            h.stopped_at.is_(None),
        )
        .order_by(c.no)
    )
    found = [(row.short_code, shown(row.selection)) for row in rows]
    return [
        short_code
        for short_code, chosen in found
        if meet(chosen.get("paths", ()), paths)
        and not set(chosen.get("roles", ())).isdisjoint(roles)
    ]


def templates_of(connection: Connection, alert_id: bytes) -> dict[str, Any]:
    """The message templates that were frozen with an alert, by name; raises NotFoundError."""
    query = select(t.alert.c.templates).where(t.alert.c.id == alert_id)
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFoundError("There is no such alert.")
    templates: dict[str, Any] = json.loads(found)
    return templates


def find(connection: Connection, word: str, *, path: str = "") -> bytes:
    """The id of an alert by its id in hex or by its short code.

    Raises:
        NotFoundError: There is none that concerns the subtree.
    """
    c = t.alert.c
    try:
        by_id = bytes.fromhex(word) if len(word) == 32 else b""  # noqa: PLR2004 - a UUID in hex
    except ValueError:
        by_id = b""
    query = select(t.alert).where(c.id == by_id if by_id else c.short_code == word.upper())
    row = connection.execute(query).first()
    if row is None or not seen_from(path, _paths(row)):
        raise NotFoundError("There is no such alert.")
    found: bytes = row.id
    return found


def _paths(row: Row[Any]) -> tuple[str, ...]:
    return reach_of(shown(row.selection))


def _views(connection: Connection, rows: Iterable[Row[Any]], path: str) -> list[AlertView]:
    rows = list(rows)
    halts = _halts(connection, [row.no for row in rows])
    people = {row.created_by for row in rows} | {row.approved_by for row in rows} - {None}
    people |= {halt.by for halt in halts.values()}
    names = names_of(connection, people)
    c = t.alert.c
    followed = [row.references_no for row in rows if row.references_no is not None]
    found = connection.execute(select(c.no, c.id).where(c.no.in_(followed)))
    ids = {row.no: row.id for row in found}
    return [_view(row, path, names, ids, halts.get(row.no)) for row in rows]


def _halts(connection: Connection, numbers: Sequence[int]) -> dict[int, Row[Any]]:
    query = select(t.halt).where(t.halt.c.alert_no.in_(numbers))
    return {row.alert_no: row for row in connection.execute(query)}


def _view(
    row: Row[Any],
    path: str,
    names: dict[bytes, str],
    ids: dict[int, bytes],
    halt: Row[Any] | None,
) -> AlertView:
    selection = shown(row.selection)
    routes = selection.get("routes")
    follows = ids.get(row.references_no)
    same = ("no", "short_code", "purpose", "colour", "severity", "headline", "identifier")
    more = ("sender", "sent", "created_at", "approved_at", "issue_at", "issued_at", "expires_at")
    last = ("ended_at", "roster_version")
    return AlertView(
        **{name: getattr(row, name) for name in same + more + last},
        id=row.id.hex(),
        status=Status(row.status).word,
        state=AlertState(row.state),
        headlines={
            info["language"]: info["headline"]
            for info in json.loads(row.cap).get("info", ())
            if "language" in info and "headline" in info
        },
        areas=tuple(selection.get("areas", ())),
        roles=tuple(selection.get("roles", ())),
        simulated=bool(selection.get("simulated")),
        routes=None if routes is None else tuple(routes),
        created_by=names.get(row.created_by, ""),
        created_by_id=row.created_by.hex(),
        approved_by=names.get(row.approved_by, "") if row.approved_by else None,
        break_glass=bool(row.break_glass),
        follows=follows.hex() if follows else None,
        halt=_halt(halt),
        halted_by=names.get(halt.by, "") if halt else "",
        halt_reason=halt.reason if halt else "",
        expanding=bool(row.phase),
        whole=inside(path, reach_of(selection)),
    )


def _halt(row: Row[Any] | None) -> Halt:
    if row is None:
        return NONE
    return Halt(paused_at=row.paused_at, paused_ms=row.paused_ms, stopped_at=row.stopped_at)
