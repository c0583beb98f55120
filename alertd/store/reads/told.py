"""For whom anything of an alert has left: whoever was never told isn't to blame for silence."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, Protocol

from sqlalchemy import Connection, exists, func, or_, select

from alertd.decide.settle import BY_HAND
from alertd.decide.told import SAYS_IT, sign, standing
from alertd.model import (
    AlertState,
    DeliveryState,
    RecipientKind,
    RequirementState,
    Stage,
    numbers_of,
    requirement_no,
)
from alertd.store import people
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.fold.scope import below, in_force

_UNDER_WAY: Final = frozenset({AlertState.DRAFT, AlertState.APPROVED, AlertState.ISSUED})
_SENT: Final = func.coalesce(t.delivery.c.reason, "") != BY_HAND
"""A call on an operator's list has told nobody yet."""
MOST_COUNTED: Final = 10_000
"""Duties that nobody answers for: of more it isn't counted which were told, since boards are read
every second."""

_LEFT: Final = tuple(
    int(DeliveryState[name]) for name in ("SENDING", "ACCEPTED", "DELIVERED", "UNKNOWN")
)


def told(connection: Connection, alert_no: int, persons: Collection[int]) -> set[int]:
    """Those of the people for whom something of the alert has left, for all that is known."""
    d, found = t.delivery.c, set[int]()
    for batch in batches(persons):
        rows = connection.execute(
            select(d.recipient_no).where(
                d.recipient_no.in_(batch),
                *_messages(alert_no),
                d.state.in_(_LEFT),
                _SENT,
            )
        )
        found.update(rows.scalars())
    return found


def signs(connection: Connection, alert_no: int, persons: Collection[int]) -> dict[int, int]:
    """What the alert's messages to people say of each: `decide.told.Sign`s."""
    d, found = t.delivery.c, dict[int, int]()
    for batch in batches(persons):
        rows = connection.execute(
            select(d.recipient_no, d.state, d.reason, d.duplicate).where(
                d.recipient_no.in_(batch), *_messages(alert_no)
            )
        )
        for person, state, reason, duplicate in rows:
            said = sign(state, reason or "", marked=bool(duplicate))
            found[person] = found.get(person, 0) | said
    return found


def why_never(alert_state: str, known: Mapping[int, int], holders: Iterable[int]) -> str:
    """Why nothing has left for any of a duty's holders; "" where something has, or may have.

    Args:
        alert_state: The alert's.
        known: What `signs` gave.
        holders: Who holds the duty.
    """
    every = 0
    for person in holders:
        every |= known.get(person, 0)
    word = standing(every, superseded=alert_state == AlertState.UPDATED)
    return word.value if word.never else ""


def holders_version(connection: Connection, alert_no: int) -> int:
    """The roster version that says who answers for an alert's duties: that of its end, once over.

    Whoever came to a post since has been silent about nothing.
    """
    a, v = t.alert.c, t.roster_version.c
    query = select(a.state, func.coalesce(a.ended_at, a.expires_at)).where(a.no == alert_no)
    state, ended_at = connection.execute(query).one()
    if AlertState(state) in _UNDER_WAY:
        return people.NOW
    last = select(func.max(v.version)).where(v.created_at <= ended_at)
    return connection.execute(last).scalar() or people.NOW


class Silence(Protocol):
    """A stage, and how many duties nobody answers for at it, of a board's figures."""

    @property
    def stage(self) -> str: ...  # noqa: D102 - the class says it

    @property
    def exhausted(self) -> int: ...  # noqa: D102


def untold(
    connection: Connection, alert_no: int, at: Silence, version: int, path: str
) -> int | None:
    """How many of the duties that nobody answers for were never told; None of too many to look.

    Args:
        connection: For reading.
        alert_no: The alert.
        at: At which stage.
        version: The roster's that the alert went out with.
        path: The subtree, as it was then; "": all.
    """
    if not 0 < at.exhausted <= MOST_COUNTED:
        return None if at.exhausted > MOST_COUNTED else 0
    r, h, d, u = t.requirement.c, t.holding.c, t.delivery.c, t.unit
    stage = Stage[at.stage.upper()]
    base = requirement_no(alert_no, stage, 0)
    silent = select(r.no).where(
        r.no.between(base, requirement_no(alert_no, stage, (1 << 28) - 1)),
        r.state == int(RequirementState.EXHAUSTED),
    )
    if path:
        inside = select(u.c.no).where(below(u.c.path, [path]), in_force(u, version))
        silent = silent.where(r.unit_no.in_(inside))
    some = silent.subquery()
    left = exists().where(
        h.duty_no == some.c.no - base,
        in_force(t.holding, holders_version(connection, alert_no)),
        d.recipient_no == h.person_no,
        *_messages(alert_no),
        or_(d.state.in_(_LEFT) & _SENT, d.duplicate > 0),
    )
    found = connection.execute(select(func.count()).select_from(some).where(~left))
    return int(found.scalar_one())


def _messages(alert_no: int) -> tuple[Any, ...]:
    """Who only heard that somebody else needs help, or is silent, wasn't told of it by that."""
    d, m = t.delivery.c, t.message.c
    person = d.recipient_kind == int(RecipientKind.PERSON)
    return (
        d.id.between(*numbers_of(alert_no)),
        person,
        exists()
        .where(m.no == d.message_no, m.kind.in_([kind.value for kind in sorted(SAYS_IT)]))
        .correlate(t.delivery),
    )
