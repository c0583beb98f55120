"""What asks for an answer doesn't leave once the answer has come: others wait for the gateway."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from alertd.engine import urging
from alertd.engine.turn import Turn
from alertd.errors import ConflictError
from alertd.model import DeliveryState, Stage, duty_of, requirement_no
from alertd.report.make import gather
from alertd.store import tables as t
from channels.base import Accepted, Fault, Outgoing, SendError
from tests.city import OFFICER, ROUTES, City, sms_route

SLOW = sms_route(in_flight=1, burst=1, rate_per_s=0.1)  # one in ten seconds: a modem


@pytest.fixture
def slow(tmp_path: Path) -> City:
    """A city that is told by a modem; each rung is due before the first messages have left."""
    return City(tmp_path, routes=(SLOW, *ROUTES[1:]))


def to_people(city: City) -> list[Outgoing]:
    return [message for message in city.sent if message.address.startswith("+")]


def spared(city: City) -> list[Any]:
    query = select(t.delivery).where(t.delivery.c.reason == "answered-since")
    return city.rows(query.order_by(t.delivery.c.id))


def test_nobody_who_has_answered_is_reminded(slow: City) -> None:
    slow.issue(roles=("grid_leader",))
    told = [slow.phone_of(person) for _, person in slow.leaders()]
    slow.forward(minutes=2, seconds=1)  # the reminders are made, and wait
    waits = {message.address for message in to_people(slow)}
    assert waits < set(told)
    for phone in waits:
        slow.reply(phone, "1")
    slow.forward(minutes=60)
    reminded = {m.address for m in to_people(slow) if m.kind == "reminder"}
    assert not reminded & waits
    assert reminded | waits == set(told)
    assert {row.state for row in spared(slow)} == {int(DeliveryState.CANCELLED)}
    assert len(spared(slow)) >= len(waits)


def test_many_that_are_spared_keep_nobody_waiting(slow: City) -> None:
    """They use up no turn of the gateway's."""
    slow.issue(roles=("grid_leader",))
    people = [person for _, person in slow.leaders()]
    slow.forward(minutes=2, seconds=1)
    *heard, last = people
    for person in heard:
        slow.reply(slow.phone_of(person), "1")
    confirmed = len([m for m in to_people(slow) if m.kind == "confirmation"])
    slow.forward(seconds=10 * (len(people) + len(heard) - confirmed + 2))
    assert [m.kind for m in slow.to(slow.phone_of(last))][:2] == ["alert", "reminder"]


def test_the_report_says_how_many_and_calls_them_not_withdrawn(slow: City) -> None:
    number = slow.issue(roles=("grid_leader",))
    slow.forward(minutes=2, seconds=1)
    for _, person in slow.leaders():
        slow.reply(slow.phone_of(person), "1")
    slow.forward(minutes=30)
    with slow.store.read() as connection:
        figures = gather(connection, number).figures
    assert figures.escalations.asks_spared == len(spared(slow)) > 0
    assert "answered-since" not in figures.targets.excluded
    assert not figures.targets.excluded.get("alert-ended")


def test_an_alternate_isnt_asked_for_what_was_answered(slow: City) -> None:
    slow.issue(roles=("grid_leader",))
    slow.forward(minutes=5, seconds=1)
    asked = {row.recipient_no for row in waiting(slow, "takeover")}
    assert asked
    for _, person in slow.leaders():
        slow.reply(slow.phone_of(person), "1")
    slow.forward(minutes=60)
    assert not [m for m in to_people(slow) if m.kind == "takeover"]
    assert asked <= {row.recipient_no for row in spared(slow)}


def test_who_holds_another_duty_that_is_silent_is_reminded(slow: City) -> None:
    slow.issue(roles=("grid_leader",))
    (_, first), (duty, second), *_ = slow.leaders()
    with slow.store.transaction(slow.now) as tx:
        h = t.holding.c
        both = update(t.holding).where(h.duty_no == duty, h.person_no == second)
        tx.connection.execute(both.values(person_no=first))
    slow.forward(minutes=2, seconds=1)
    slow.reply(slow.phone_of(second), "1")  # who holds nothing any more answers for nothing
    slow.forward(minutes=60)
    assert "reminder" in [m.kind for m in slow.to(slow.phone_of(first))]


def test_what_may_have_left_once_stays_unknown(tmp_path: Path) -> None:
    """A reminder in doubt that isn't sent again: a copy may be out there."""
    city = City(tmp_path)
    city.issue(roles=("grid_leader",))

    def nobody_knows(message: Outgoing) -> Accepted | SendError:
        reminder = message.kind == "reminder"
        return SendError(Fault.UNKNOWN, "timeout") if reminder else Accepted("ref")

    city.behave = nobody_knows
    city.forward(minutes=2, seconds=1)
    for _, person in city.leaders():
        city.reply(city.phone_of(person), "1")
    city.forward(minutes=10)
    rows = spared(city)
    assert {row.state for row in rows} == {int(DeliveryState.UNKNOWN)}
    assert {row.attempt for row in rows} == {1}


def test_a_superior_isnt_told_of_those_who_have_all_answered(slow: City) -> None:
    slow.issue(roles=("grid_leader",))
    slow.forward(minutes=6, seconds=1)
    assert waiting(slow, "digest")
    for _, person in slow.leaders():
        slow.reply(slow.phone_of(person), "1")
    slow.forward(minutes=30)
    assert not [m for m in to_people(slow) if m.kind == "digest"]
    assert not waiting(slow, "digest")


def test_a_digest_names_who_is_silent_when_it_leaves(slow: City) -> None:
    """Who was silent when it was made has answered; who still is stands behind them."""
    slow.issue(areas=["330281001"], roles=("building_lead",))
    slow.forward(minutes=6, seconds=1)
    d, e, r, u = t.delivery.c, t.digest_entry.c, t.requirement.c, t.unit.c
    below: dict[int, list[Any]] = {}
    for row in slow.rows(
        select(e.message_no, r.no, u.name)
        .join_from(t.digest_entry, t.requirement, r.no == e.requirement_no)
        .join(t.unit, u.no == r.unit_no)
        .order_by(r.no)
    ):
        below.setdefault(row.message_no, []).append(row)
    message, units = max(below.items(), key=lambda each: len(each[1]))
    assert len(units) > 3, "more than it names"
    *answered, silent = units
    leaders = dict(slow.leaders("building_lead"))
    for row in answered:
        slow.reply(slow.phone_of(leaders[duty_of(row.no)]), "1")
    slow.forward(minutes=30)
    sent = {row.id for row in slow.rows(select(d.id).where(d.message_no == message))}
    (text,) = {m.text for m in slow.sent if m.delivery in sent}
    assert "1个单位未应答" in text
    assert silent.name in text


def waiting(city: City, kind: str) -> list[Any]:
    d, m = t.delivery.c, t.message.c
    query = select(t.delivery).join(t.message, m.no == d.message_no)
    return city.rows(query.where(m.kind == kind, d.state == int(DeliveryState.PENDING)))


def test_whoever_still_waits_for_a_text_is_not_to_be_reminded_by_another(slow: City) -> None:
    number = slow.issue(roles=("grid_leader",))
    requirements = [requirement_no(number, Stage.RECEIVED, duty) for duty, _ in slow.leaders()]
    slow.forward(minutes=1, seconds=30)
    told = {m.address for m in to_people(slow)}

    def press(turn: Turn) -> urging.Urged:
        return urging.remind(turn, OFFICER, turn.alert(number), requirements)

    assert 0 < slow.take(press).messages <= len(told) < len(slow.leaders())
    slow.forward(seconds=61)
    before = len(waiting(slow, "reminder"))
    with pytest.raises(ConflictError, match="Nobody there can be reminded"):
        slow.take(press)
    assert len(waiting(slow, "reminder")) == before
