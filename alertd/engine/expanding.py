"""Drive each issued alert's expansion, a chunk a step, until all are written down."""

from datetime import tzinfo
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnClause, bindparam, func, literal_column, select

from alertd.decide.escalate import first_due
from alertd.decide.expand import Chunk, next_chunk, phases
from alertd.engine import following
from alertd.engine.answering import count_anew
from alertd.engine.apart import apart
from alertd.engine.hurrying import hurry_early
from alertd.engine.turn import LiveAlert, Turn
from alertd.engine.unread import whole
from alertd.engine.whose import whose
from alertd.model import (
    ALERT_SHIFT,
    MINUTE_MS,
    AlertState,
    RequirementState,
    Status,
    numbers_of,
    priority_of,
    requirement_no,
)
from alertd.store import tables as t
from alertd.store.prepared import Prepared
from alertd.store.reads.vacant import vacant
from rosters.shifts import minute_of_day

PART: Final = "expansion"
"""What `apart` calls it."""


def advance(turn: Turn) -> bool:
    """One chunk of every expansion under way, most severe alert first; whether there is more.

    One that fails is tried again a little later, and the others go on.
    """
    if not _ANY.rows(turn.connection):
        return False
    c = t.alert.c
    rows = turn.connection.execute(
        select(t.alert)
        .where(c.state == AlertState.ISSUED.value, c.phase > 0)
        .order_by(c.status, c.severity, c.no)
    ).all()
    done = [
        apart(turn, PART, partial(_chunk, turn, row), otherwise=False, alert_no=row.no)
        for row in rows
    ]
    return any(done)


def _any(_: str) -> Any:
    c = t.alert.c
    issued: ColumnClause[str] = literal_column(f"'{AlertState.ISSUED.value}'")
    return select(c.no).where(c.state == issued, c.phase > 0).limit(1)


_ANY = Prepared(_any)


def _chunk(turn: Turn, row: Any) -> bool:
    alert = whole(turn.alert(row.no))
    followed = following.followed(turn.connection, row.cap) if row.audience != "selection" else ()
    order = phases(row.audience, test=alert.status is Status.TEST, followed=max(1, len(followed)))
    of = row.references_no
    if order[row.phase - 1] == "told" and followed:
        of = followed[row.phase - 1 - order.index("told")]
    last = _last(turn, order[row.phase - 1], of)
    cursor = max(row.cursor, _next(turn, order[row.phase - 1], of, row.cursor) - 1)
    chunk = next_chunk(order, row.phase, cursor, last, turn.pieces)
    first = (alert.no << ALERT_SHIFT) + row.next_delivery
    came_to = turn.record(
        "alert.expanded",
        {
            "phase": chunk.phase,
            "after": chunk.after,
            "upto": chunk.upto,
            "next_phase": chunk.next_phase,
            "next_cursor": chunk.next_cursor,
            "message_no": (alert.no << ALERT_SHIFT) + 1,
            "first": first,
            "priority": priority_of(alert.severity),
            "status": int(alert.status),
            "scope": scope(alert, row.roster_version, turn.library.zone),
            "stages": _stages(alert),
            "references_no": of,
            "person_no": alert.selection.get("author_person"),
            "carry_over": row.purpose == "update" and not alert.policy.update_wants_fresh_answer,
        },
        alert_no=alert.no,
    )
    nobody = _nobody(turn, alert.no, chunk)
    if came_to["asked"] or came_to["made"] or nobody:
        # What the set-based chunk came to, so that a report needs the journal alone.
        selected = {"phase": chunk.phase, "first": first, **came_to, **_carried(turn, alert, chunk)}
        selected |= nobody | whose(
            turn.connection, alert, chunk, first, sum(n for _, n in came_to["made"])
        )
        turn.record("alert.selected", selected, alert_no=alert.no)
    if chunk.next_phase == 0:
        # Who answered while it ran is counted for duties that were written down later.
        count_anew(turn, alert.no)
        hurry_early(turn, alert.no)
    return True


def _carried(turn: Turn, alert: LiveAlert, chunk: Chunk) -> dict[str, list[int]]:
    """The requirements that the alert before had an answer for, where that is enough."""
    if chunk.phase != "people" or alert.policy.update_wants_fresh_answer:
        return {}
    r = t.requirement.c
    numbers: list[int] = []
    for rule in alert.policy.stages:
        base = requirement_no(alert.no, rule.stage, 0)
        covered = select(r.no).where(
            r.no > base + chunk.after,
            r.no <= base + chunk.upto,
            r.state == int(RequirementState.COVERED),
        )
        numbers += turn.connection.execute(covered).scalars()
    return {"carried": numbers} if numbers else {}


def _nobody(turn: Turn, alert_no: int, chunk: Chunk) -> dict[str, list[list[Any]]]:
    """With the last chunk of people: where the alert asks nobody, since nobody is answerable."""
    if chunk.phase != "people" or chunk.next_cursor:
        return {}
    found = [[unit_no, role] for unit_no, role in vacant(turn.connection, alert_no)]
    return {"vacant": found} if found else {}


def _last(turn: Turn, phase: str, references_no: int | None) -> int:
    """The highest number that a phase goes up to."""
    first, last = numbers_of(references_no or 0)
    found = [_LAST[name].rows(turn.connection, first=first, last=last) for name in _UP_TO[phase]]
    return max(int(number or 0) % (1 << ALERT_SHIFT) for rows in found for (number,) in rows)


def _next(turn: Turn, phase: str, references_no: int | None, cursor: int) -> int:
    """The first number above `cursor` that a phase has: those that a restore left out are many.

    0 where there is none.
    """
    first, last = numbers_of(references_no or 0)
    if phase == "told":
        found = [_NEXT_TOLD.rows(turn.connection, after=first + cursor, last=last)]
    elif phase == "people":
        found = [each.rows(turn.connection, after=cursor) for each in _NEXT_PEOPLE]
    else:
        return 0
    numbers = [int(number) % (1 << ALERT_SHIFT) for ((number,),) in found if number]
    return min(numbers, default=0)


_ID = t.delivery.c.id
_LAST = {
    "terminal": Prepared(lambda _: select(func.max(t.terminal.c.no))),
    "group": Prepared(lambda _: select(func.max(t.chat_group.c.no))),
    "duty": Prepared(lambda _: select(func.max(t.duty.c.no))),
    "person": Prepared(lambda _: select(func.max(t.person.c.no))),
    "told": Prepared(
        lambda _: select(func.max(_ID)).where(_ID.between(bindparam("first"), bindparam("last")))
    ),
    "author": Prepared(lambda _: select(literal_column("1"))),
}
_NEXT_TOLD = Prepared(
    lambda _: select(func.min(_ID)).where(bindparam("after") < _ID, bindparam("last") >= _ID)
)
_DUTY, _SOMEBODY = t.duty.c.no, t.person.c.no
_NEXT_PEOPLE = (
    Prepared(lambda _: select(func.min(_DUTY)).where(bindparam("after") < _DUTY)),
    Prepared(lambda _: select(func.min(_SOMEBODY)).where(bindparam("after") < _SOMEBODY)),
)
_UP_TO = {
    "terminals": ("terminal",),
    "groups": ("group",),
    "people": ("duty", "person"),
    "told": ("told",),
    "author": ("author",),
}


def scope(alert: LiveAlert, version: int, zone: tzinfo) -> dict[str, Any]:
    """Whom an alert is for, as its expansion facts carry it."""
    return {
        "version": version,
        "paths": list(alert.paths),
        "everywhere": any(path.count("/") == 1 for path in alert.paths),
        "roles": list(alert.selection["roles"]),
        "ladder_roles": list(alert.policy.ladder_roles),
        "everyone": alert.policy.tell == "everyone",
        # Of the issue, so that all pieces agree; whoever comes on duty later is told then.
        "minute": minute_of_day(alert.issued_at, zone),
        "further": True,
    }


def _stages(alert: LiveAlert) -> list[dict[str, Any]]:
    stages = []
    for rule in alert.policy.stages:
        # Time that the alert was paused counts for nobody; a pause under way is added at its end.
        start_at = alert.issued_at + alert.halt.paused_ms + round(rule.start_min * MINUTE_MS)
        due_at = first_due(start_at, alert.policy)
        stages.append({"stage": int(rule.stage), "start_at": start_at, "due_at": due_at})
    return stages
