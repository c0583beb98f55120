"""Messages beyond the first: reminders, take-overs, digests, calls for help, confirmations."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, exists, select

from alertd.decide.plan import served
from alertd.engine.turn import LiveAlert, Turn
from alertd.lanes import lane_of
from alertd.model import (
    ALERT_SHIFT,
    CONFIRMATION_PRIORITY,
    FOREVER,
    HELP_PRIORITY,
    Channel,
    MessageKind,
    RecipientKind,
    Status,
    priority_of,
)
from alertd.store import people
from alertd.store import tables as t
from alertd.store.fold.scope import below
from alertd.store.prepared import Prepared, among, numbers
from alertd.store.roster.source import SHORT_RANK

_SCOPES = 64  # statements kept, as the expansion keeps its own
_PERSON = int(RecipientKind.PERSON)
_PRIORITY = {
    MessageKind.HELP: HELP_PRIORITY,
    MessageKind.PAUSED: HELP_PRIORITY,  # it goes out while nothing else of its alert does
    MessageKind.CONFIRMATION: CONFIRMATION_PRIORITY,
}


def tell(
    turn: Turn,
    alert: LiveAlert,
    kind: MessageKind,
    persons: Sequence[int],
    *,
    template: str,
    params: dict[str, Any],
    contact_rank: int = 1,
    avoid: Mapping[int, str] | None = None,
) -> int:
    """Have a message sent to people by SMS; returns its number, 0 where nobody can be told.

    People without a contact of that rank get it by their first; those outside a drill's plan
    never do, except for a call for help, which is real even in a drill. `avoid` names, by person,
    a route to be left out where there is another.
    """
    if kind is not MessageKind.HELP:
        persons = inside_plan(turn, alert, persons)
    reachable = people.contacts(turn.connection, list(dict.fromkeys(persons)), int(Channel.SMS))
    targets = [
        (person, _pick(ways, contact_rank)) for person, ways in sorted(reachable.items()) if ways
    ]
    avoided = avoid or {}
    lane = lane_of(Channel.SMS, message_status(alert, kind))
    recipients: list[Recipient] = [
        (_PERSON, person, address, lane, avoided.get(person)) for person, address in targets
    ]
    return record(turn, alert, kind, recipients, template=template, params=params)


def call(turn: Turn, alert: LiveAlert, persons: Sequence[int], params: dict[str, Any]) -> int:
    """Have people's phones rung and the alert spoken, where a route can; as `tell`.

    Whoever is called stays on the operator's list of calls: a machine's call may go unheard.
    """
    kind, lane = MessageKind.CALL, lane_of(Channel.VOICE, alert.status)
    # An alert that was drafted before there were calls has no text for one.
    known = kind.value in alert.templates
    if not known or not served(turn.routes.values(), lane, alert.leave):
        return 0
    persons = list(dict.fromkeys(inside_plan(turn, alert, persons)))
    mobile = people.contacts(turn.connection, persons, int(Channel.SMS))
    fixed = people.contacts(turn.connection, persons, int(Channel.VOICE))
    ways = {person: [*mobile.get(person, ()), *fixed.get(person, ())] for person in persons}
    # A short number rings only inside the office's own exchange.
    dialled = {
        person: next((address for rank, address in found if rank < SHORT_RANK), None)
        for person, found in ways.items()
    }
    recipients: list[Recipient] = [
        (_PERSON, person, address, lane, None)
        for person, address in sorted(dialled.items())
        if address
    ]
    return record(turn, alert, kind, recipients, template=kind.value, params=params)


Recipient = tuple[int, int, int, int, str | None]
"""Kind, number, address number, lane, and the route to avoid or None."""


def record(
    turn: Turn,
    alert: LiveAlert,
    kind: MessageKind,
    recipients: Sequence[Recipient],
    *,
    template: str,
    params: dict[str, Any],
) -> int:
    """Record a message and its deliveries; returns its number, 0 where there are none."""
    if not recipients:
        return 0
    next_delivery, next_message = turn.counters(alert.no)
    base = alert.no << ALERT_SHIFT
    message = {
        "no": base + next_message,
        "kind": kind.value,
        "template": template,
        "params": params,
        "text_hash": "",
    }
    priority = _PRIORITY.get(kind, priority_of(alert.severity))
    deliveries = [
        [
            base + next_delivery + i,
            message["no"],
            *to,
            priority,
            *([avoid] if avoid else []),
        ]
        for i, (*to, avoid) in enumerate(recipients)
    ]
    turn.record("told", {"message": message, "deliveries": deliveries}, alert_no=alert.no)
    return base + next_message


def message_status(alert: LiveAlert, kind: MessageKind) -> Status:
    """A call for help in a drill with real people is real, and travels as Actual."""
    drill_of_people = alert.status is not Status.ACTUAL and not alert.leave.simulated
    return Status.ACTUAL if kind is MessageKind.HELP and drill_of_people else alert.status


def _pick(ways: Sequence[tuple[int, int]], rank: int) -> int:
    by_rank = dict(ways)
    return by_rank.get(rank, ways[0][1])


@lru_cache(maxsize=_SCOPES)
def _holders_in(paths: tuple[str, ...]) -> Prepared:
    """Those of some people who hold a duty in these areas; asked at every claim of a drill."""
    u, h = t.unit.c, t.holding.c
    here = exists().where(u.no == h.unit_no, u.to_version == FOREVER, below(u.path, paths))
    return Prepared(
        lambda dialect: (
            select(h.person_no)
            .distinct()
            .where(among(dialect, h.person_no, "persons"), h.to_version == FOREVER, here)
        )
    )


def inside_plan(turn: Turn, alert: LiveAlert, persons: Sequence[int]) -> list[int]:
    """Those whom the alert may reach: everybody if Actual, else the plan's areas only."""
    return planned(turn.connection, alert, persons)


def planned(connection: Connection, alert: LiveAlert, persons: Sequence[int]) -> list[int]:
    """As `inside_plan`, for whoever only reads."""
    if alert.status is Status.ACTUAL or not persons:
        return list(persons)
    author = alert.selection.get("author_person")
    if alert.status is Status.TEST:
        return [person for person in persons if person == author]
    wanted = numbers(connection, persons)
    kept = {no for (no,) in _holders_in(alert.paths).rows(connection, persons=wanted)}
    return [person for person in persons if person in kept]


_TABLES = {RecipientKind.TERMINAL: t.terminal, RecipientKind.GROUP: t.chat_group}


def recipients_inside(
    turn: Turn, alert: LiveAlert, kind: RecipientKind, nos: Sequence[int]
) -> set[int]:
    """Those whom a drill or a test may reach: people, or what hangs and chats in its areas."""
    if kind is RecipientKind.PERSON:
        return set(inside_plan(turn, alert, nos))
    if alert.status is Status.TEST:
        return set()
    u, c = t.unit.c, _TABLES[kind].c
    query = (
        select(c.no)
        .join(t.unit, (u.no == c.unit_no) & (u.to_version == FOREVER))
        .where(c.no.in_(list(nos)), c.to_version == FOREVER, below(u.path, alert.paths))
    )
    return set(turn.connection.execute(query).scalars())
