"""A person who can't be reached, or can't come, doesn't wait for the ladder's next rung."""

import json
from collections.abc import Iterable, Sequence
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
    by_alert: dict[int, list[tuple[int, int]]] = {}
    for alert_no, person, delivery in unreached:
        by_alert.setdefault(alert_no, []).append((person, delivery))
    for alert_no, those in by_alert.items():
        over = turn.alert(alert_no).over
        _by_other_contact(turn, alert_no, sorted(those), over=over)
        if not over:
            climb_now(turn, alert_no, [person for person, _ in those])
    help_unheard(turn, [delivery for *_, delivery in unreached])


def _by_other_contact(
    turn: Turn, alert_no: int, unreached: Sequence[tuple[int, int]], *, over: bool
) -> None:
    """Use the next contact that hasn't failed, and hasn't had this since it failed.

    A call for help stays one there: it is real in a drill, too, and outlives its alert. It goes to
    each further number once, though something else has failed there or may be there already: but
    then, and where no number is left, they are rung. Of what asks the same of somebody, and fails
    at once, the first goes there.
    """
    alert, messages = turn.alert(alert_no), _messages(turn, [no for _, no in unreached])
    if over:
        unreached = [each for each in unreached if messages[each[1]].kind in REAL]
        if not unreached:
            return
    persons = {person for person, _ in unreached}
    ways = people.contacts(turn.connection, persons, int(Channel.SMS))
    tries, asked = _tries(turn, alert_no, persons), set[int]()
    for person, delivery in unreached:
        message = messages[delivery]
        kind = message.kind if message.kind in _AS_IT_WAS else MessageKind.ALERT
        if kind is MessageKind.ALERT:
            if person in asked:
                continue
            asked.add(person)
        cry = _cry(turn, message, delivery)
        since = [each for each in tries[person] if each.no >= delivery]
        amiss = {each.address for each in tries[person] if each.amiss}
        used = {each.address for each in since if _same(turn, each, message, cry)}
        (here,) = (each.address for each in since if each.no == delivery)
        theirs = ways.get(person, [])
        used |= _before(theirs, here) if kind in REAL else amiss
        fresh = [(rank, address) for rank, address in theirs if address not in used][:1]
        notice = Notice([person], message.template, json.loads(message.params), help=cry)
        first = min(each.no for each in tries[person])
        notices = [notice._replace(contact_rank=rank, first=first) for rank, _ in fresh]
        in_doubt = all(address in amiss for _, address in fresh)
        if kind in REAL and in_doubt and person not in told_already(turn.connection, cry):
            notices.append(notice._replace(spoken=True))
        for notice in notices:  # each by itself: who is rung is sent no text beside it
            tell_each(turn, alert, kind, [notice])


def _same(turn: Turn, each: "_Try", message: "_Message", cry: int) -> bool:
    """Whether a try says the same: a cry isn't heard by what the alert says, or another's cry."""
    if message.kind not in _AS_IT_WAS:
        return each.message.kind not in _AS_IT_WAS
    return each.message == message and (not cry or told_by(turn.connection, each.no) == cry)


def _before(ways: Sequence[tuple[int, int]], here: int) -> set[int]:
    """Somebody's addresses that come before one of theirs: what fails goes on from there."""
    addresses = [address for _, address in ways]
    return set(addresses[: addresses.index(here)]) if here in addresses else set()


def tell_anew(turn: Turn, alert: LiveAlert, person: int, delivery: int) -> int:
    """Tell somebody by the number that they have now what a delivery to another was to say.

    Returns the message's number, 0 where they can't be told.
    """
    message = _messages(turn, [delivery])[delivery]
    params = json.loads(message.params)
    if message.kind is MessageKind.CALL:
        return call(turn, alert, [person], params)
    cry = _cry(turn, message, delivery)
    notice = Notice([person], message.template, params, first=delivery, help=cry)
    (number,) = tell_each(turn, alert, message.kind, [notice])
    return number


def said_since(turn: Turn, alert_no: int, person: int, delivery: int) -> bool:
    """Whether a text after one to a number that its person has left said the same by another."""
    message = _messages(turn, [delivery])[delivery]
    tries, cry = _tries(turn, alert_no, [person])[person], _cry(turn, message, delivery)
    (here,) = (each.address for each in tries if each.no == delivery)
    later = (each for each in tries if each.no > delivery and each.address != here)
    return any(_same(turn, each, message, cry) for each in later)


def _cry(turn: Turn, message: "_Message", delivery: int) -> int:
    """The call for help that a delivery tells of, or 0."""
    return told_by(turn.connection, delivery) if message.kind is MessageKind.HELP else 0


# Which queue they travel in, and when, goes by what they are. A digest and a confirmation don't say
# what the alert says: whoever gets one by a second number isn't told of the alert by that.
_AS_IT_WAS = REAL | {MessageKind.PAUSED, MessageKind.DIGEST, MessageKind.CONFIRMATION}


class _Message(NamedTuple):
    kind: MessageKind
    template: str
    params: str  # JSON


class _Try(NamedTuple):
    """A text of the alert to somebody; `amiss`: it didn't come, or may be there already."""

    address: int
    no: int
    amiss: bool
    message: _Message


def _tries(turn: Turn, alert_no: int, persons: Iterable[int]) -> dict[int, list[_Try]]:
    """By person, all texts of the alert so far."""
    low, last = numbers_of(alert_no)
    found: dict[int, list[_Try]] = {person: [] for person in persons}
    wanted = numbers(turn.connection, found)
    rows = _TRIES.rows(turn.connection, persons=wanted, first=low, last=last)
    for person, address, delivery, state, duplicate, kind, *said in rows:
        amiss = bool(duplicate or state in _AMISS)
        found[person].append(_Try(address, delivery, amiss, _Message(MessageKind(kind), *said)))
    return found


_AMISS = frozenset({int(DeliveryState.FAILED), int(DeliveryState.UNKNOWN)})


_M = t.message.c


def _tried(dialect: str) -> Any:
    c = t.delivery.c
    return (
        select(
            *(c.recipient_no, c.address_no, c.id, c.state, c.duplicate),
            *(_M.kind, _M.template, _M.params),
        )
        .join(t.message, _M.no == c.message_no)
        .where(
            among(dialect, c.recipient_no, "persons"),
            c.id.between(bindparam("first"), bindparam("last")),
            c.recipient_kind == int(RecipientKind.PERSON),
            c.lane.in_([literal(lane) for lane in sorted(BY_SMS)]),
        )
    )


_TRIES = Prepared(_tried)


def _messages(turn: Turn, deliveries: Iterable[int]) -> dict[int, _Message]:
    wanted = numbers(turn.connection, deliveries)
    return {
        delivery: _Message(MessageKind(kind), *said)
        for delivery, kind, *said in _MESSAGES.rows(turn.connection, deliveries=wanted)
    }


_MESSAGES = Prepared(
    lambda dialect: (
        select(t.delivery.c.id, _M.kind, _M.template, _M.params)
        .join(t.delivery, t.delivery.c.message_no == _M.no)
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
