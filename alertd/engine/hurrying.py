"""A person who can't be reached, or can't come, doesn't wait for the ladder's next rung."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, literal, select

from alertd.engine.helping import help_unheard
from alertd.engine.telling import Notice, call, tell_each
from alertd.engine.turn import LiveAlert, Turn
from alertd.lanes import BY_SMS
from alertd.model import (
    REAL,
    AckKind,
    Channel,
    DeliveryState,
    MessageKind,
    RecipientKind,
    Stage,
    numbers_of,
    requirement_no,
)
from alertd.store import people
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.cries import told_already, told_by
from alertd.store.prepared import Prepared, among, numbers


def hurry(turn: Turn, unreached: Sequence[tuple[int, int, int]]) -> None:
    """For each (alert, person, delivery) that failed: another contact if any, and the ladder now.

    A number that fails escalates at once (DOMAIN): the second number may be as dead as the first.
    """
    by_alert: dict[int, dict[int, int]] = {}
    for alert_no, person, delivery in unreached:
        by_alert.setdefault(alert_no, {})[person] = delivery
    for alert_no, persons in by_alert.items():
        over = turn.alert(alert_no).over
        _by_other_contact(turn, alert_no, persons, over=over)
        if not over:
            climb_now(turn, alert_no, list(persons))
    help_unheard(turn, [delivery for *_, delivery in unreached])


def _by_other_contact(turn: Turn, alert_no: int, persons: dict[int, int], *, over: bool) -> None:
    """Use the next contact that hasn't failed, and hasn't had this since it failed.

    A call for help stays one there: it is real in a drill, too, and outlives its alert. Where no
    text of it comes to anybody any more they are rung.
    """
    alert, messages = turn.alert(alert_no), _messages(turn, persons.values())
    if over:
        persons = {person: no for person, no in persons.items() if messages[no].kind in REAL}
        if not persons:
            return
    ways = people.contacts(turn.connection, list(persons), int(Channel.SMS))
    used, first = _used(turn, alert_no, persons)
    for person, delivery in persons.items():
        fresh = [rank for rank, address in ways.get(person, []) if address not in used[person]]
        kind, template, params = messages[delivery]
        cry = told_by(turn.connection, delivery) if kind is MessageKind.HELP else 0
        if fresh:
            notice = Notice([person], template, params, fresh[0], first=first[person], help=cry)
        elif kind in REAL and person not in told_already(turn.connection, cry):
            notice = Notice([person], template, params, help=cry, spoken=True)
        else:
            continue
        tell_each(turn, alert, kind if kind in _AS_IT_WAS else MessageKind.ALERT, [notice])


def tell_anew(turn: Turn, alert: LiveAlert, person: int, delivery: int) -> int:
    """Tell somebody by the number that they have now what a delivery to another was to say.

    Returns the message's number, 0 where they can't be told.
    """
    kind, template, params = _messages(turn, [delivery])[delivery]
    if kind is MessageKind.CALL:
        return call(turn, alert, [person], params)
    cry = told_by(turn.connection, delivery) if kind is MessageKind.HELP else 0
    (message,) = tell_each(
        turn, alert, kind, [Notice([person], template, params, first=delivery, help=cry)]
    )
    return message


# Which queue they travel in, and when, goes by what they are. A digest and a confirmation don't say
# what the alert says: whoever gets one by a second number isn't told of the alert by that.
_AS_IT_WAS = REAL | {MessageKind.PAUSED, MessageKind.DIGEST, MessageKind.CONFIRMATION}


def _used(
    turn: Turn, alert_no: int, persons: Mapping[int, int]
) -> tuple[dict[int, set[int]], dict[int, int]]:
    """By person: the contacts that are used up, and the first message of the alert to them."""
    low, last = numbers_of(alert_no)
    used: dict[int, set[int]] = {person: set() for person in persons}
    first = dict(persons)
    wanted = numbers(turn.connection, used)
    rows = _USED.rows(turn.connection, persons=wanted, first=low, last=last)
    for person, address, delivery, state, duplicate in rows:
        first[person] = min(first[person], delivery)
        if delivery >= persons[person] or duplicate or state in _AMISS:
            used[person].add(address)
    return used, first


_AMISS = frozenset({int(DeliveryState.FAILED), int(DeliveryState.UNKNOWN)})


def _used_by(dialect: str) -> Any:
    c = t.delivery.c
    return select(c.recipient_no, c.address_no, c.id, c.state, c.duplicate).where(
        among(dialect, c.recipient_no, "persons"),
        c.id.between(bindparam("first"), bindparam("last")),
        c.recipient_kind == int(RecipientKind.PERSON),
        c.lane.in_([literal(lane) for lane in sorted(BY_SMS)]),
    )


_USED = Prepared(_used_by)


class _Message(NamedTuple):
    kind: MessageKind
    template: str
    params: dict[str, Any]


def _messages(turn: Turn, deliveries: Iterable[int]) -> dict[int, _Message]:
    wanted = numbers(turn.connection, deliveries)
    return {
        delivery: _Message(MessageKind(kind), template, json.loads(params))
        for delivery, kind, template, params in _MESSAGES.rows(turn.connection, deliveries=wanted)
    }


_MESSAGES = Prepared(
    lambda dialect: (
        select(t.delivery.c.id, t.message.c.kind, t.message.c.template, t.message.c.params)
        .join(t.delivery, t.delivery.c.message_no == t.message.c.no)
        .where(among(dialect, t.delivery.c.id, "deliveries"))
    )
)


def climb_now(turn: Turn, alert_no: int, persons: Sequence[int]) -> None:
    """Make the open ladders of these people's duties due now."""
    if not persons:
        return
    turn.record("hurried", {"items": ladders_of(turn, alert_no, persons)}, alert_no=alert_no)


def ladders_of(turn: Turn, alert_no: int, persons: Sequence[int]) -> list[int]:
    """The numbers of what the alert asks of these people's duties, whether it is there or not."""
    alert = turn.alert(alert_no)
    # Of a policy that can't be read whichever there are: its ladders are due once it can.
    stages = list(Stage) if alert.unread else [rule.stage for rule in alert.policy.stages]
    duties = people.duties_of(turn.connection, list(persons))
    return sorted(
        {
            requirement_no(alert_no, stage, duty.duty_no)
            for held in duties.values()
            for duty in held
            for stage in stages
        }
    )


def hurry_early(turn: Turn, alert_no: int) -> None:
    """Of those who failed or can't come: the ladders that were written down only afterwards.

    For the end of an expansion. A ladder that has taken a step was there, and was hurried then.
    """
    persons = [*_failed(turn, alert_no), *_unavailable(turn, alert_no)]
    if not persons:
        return
    r = t.requirement.c
    found: list[int] = []
    for batch in batches(ladders_of(turn, alert_no, persons)):
        untouched = select(r.no).where(r.no.in_(batch), r.step == 0, r.told == 0).order_by(r.no)
        found += turn.connection.execute(untouched).scalars()
    if found:
        turn.record("hurried", {"items": found}, alert_no=alert_no)


def _failed(turn: Turn, alert_no: int) -> list[int]:
    c, n, failed = t.delivery.c, t.delivery_count.c, int(DeliveryState.FAILED)
    some = select(func.sum(n.n)).where(
        n.alert_no == alert_no, n.channel == int(Channel.SMS), n.state == failed
    )
    if not turn.connection.execute(some).scalar_one():
        return []
    rows = select(c.recipient_no).where(
        c.id.between(*numbers_of(alert_no)),
        c.state == failed,
        c.recipient_kind == int(RecipientKind.PERSON),
        c.lane.in_(BY_SMS),
    )
    return list(turn.connection.execute(rows.distinct()).scalars())


def _unavailable(turn: Turn, alert_no: int) -> list[int]:
    a = t.ack.c
    rows = select(a.person_no).where(
        a.alert_no == alert_no, a.kind == AckKind.UNAVAILABLE.value, a.withdrawn_at.is_(None)
    )
    return list(turn.connection.execute(rows.distinct()).scalars())
