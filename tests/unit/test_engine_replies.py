"""Whose answer a reply is, and what for, where the roster or the alert has moved on."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd.decide.expand import Pieces
from alertd.engine import halting, receive, withdrawing
from alertd.engine.authority import Actor
from alertd.model import RequirementState
from alertd.store import tables as t
from channels.base import Fault, Reply, SendError
from tests.city import City, accepts
from tests.unit.roster_moves import (
    asked,
    issue_until_told,
    new_number,
    put_in_charge,
    second_number,
    unit_of,
)

MakeCity = Callable[..., City]
TOWN = "330281001"
ADMIN = Actor(no=9, id=b"z" * 16, name="admin", role="administrator", path="")


@pytest.fixture
def make_city(tmp_path: Path) -> MakeCity:
    return partial(City, tmp_path)


def verdict(city: City) -> str:
    word: str = city.one(select(t.inbound.c.verdict)).verdict
    return word


def test_an_early_answer_for_one_unit_counts_for_no_other_afterwards(make_city: MakeCity) -> None:
    city = make_city(pieces=Pieces(first_people=3, most=7))
    (duty, early), *_, (late, _) = city.leaders("building_lead")
    put_in_charge(city, early, late)
    phone = city.phone_of(early)
    issue_until_told(city, phone)
    assert city.requirement_or_none(late) is None
    city.reply(phone, f"1 {unit_of(city, duty).name}")
    assert city.requirement(duty).state == RequirementState.COVERED
    assert city.requirement(late).state == RequirementState.OPEN


def test_a_bare_answer_to_an_alert_that_was_stopped_counts_late(make_city: MakeCity) -> None:
    city = make_city()
    city.issue(areas=[TOWN])
    (duty, person), *_ = asked(city)
    alert_id = city.one(select(t.alert.c.id)).id
    city.take(partial(halting.stop, actor=ADMIN, alert_id=alert_id, reason="wrong"))
    city.reply(city.phone_of(person), "1")
    assert verdict(city) == "counted"
    assert city.one(select(t.ack.c.late)).late == 1
    assert city.requirement(duty).state == RequirementState.COVERED


def test_a_phone_that_was_told_answers_though_its_number_has_left_the_roster(
    make_city: MakeCity,
) -> None:
    city = make_city()
    city.issue(areas=[TOWN])
    (duty, person), *_ = asked(city)
    before = city.phone_of(person)
    new_number(city, person, "+8613900000001")
    city.reply(before, "1")
    assert verdict(city) == "counted"
    assert city.one(select(t.ack.c.grade)).grade == "shared"  # perhaps it is somebody else's now
    assert city.requirement(duty).state == RequirementState.COVERED
    city.reply(before, "3 水进屋了")
    assert city.one(select(t.help_case.c.person_no)).person_no == person


def test_a_number_that_was_given_up_before_the_alert_is_a_strangers(make_city: MakeCity) -> None:
    city = make_city()
    _, person = city.leaders()[0]
    before = city.phone_of(person)
    new_number(city, person, "+8613900000001")
    city.issue()
    city.reply(before, "1")
    assert verdict(city) == "unknown-sender"


def test_a_phone_answers_for_those_who_were_told_by_it(make_city: MakeCity) -> None:
    city = make_city()
    (duty, person), (other_duty, other), *_ = city.leaders()
    second_number(city, other, city.phone_of(person))
    city.issue()
    city.reply(city.phone_of(person), "1")
    assert city.requirement(duty).state == RequirementState.COVERED
    assert city.requirement(other_duty).state == RequirementState.OPEN


@pytest.mark.parametrize("fault", [Fault.AWAY, Fault.RETRY, Fault.DEAD, Fault.REFUSED])
def test_a_bare_answer_is_none_to_an_alert_that_has_not_come(
    make_city: MakeCity, fault: Fault
) -> None:
    city = make_city()
    before = city.issue(colour="orange", areas=[TOWN])
    (duty, person), *_ = asked(city)
    phone = city.phone_of(person)
    city.behave = lambda message: (
        SendError(fault, "test") if message.address == phone else accepts(message)
    )
    now = city.issue(areas=[TOWN], references=[city.reference(before)])
    city.reply(phone, "1")
    assert city.requirement(duty, now).state == RequirementState.OPEN
    assert city.requirement(duty, before).state == RequirementState.COVERED  # late
    city.behave = accepts
    if fault in {Fault.AWAY, Fault.RETRY}:  # then it comes, and is answered
        city.forward(seconds=30)
        city.reply(phone, "1")
    else:  # whoever names it has got it, whatever the gateway says
        city.reply(phone, f"{city.one(select(t.alert).where(t.alert.c.no == now)).short_code} 1")
    assert city.requirement(duty, now).state == RequirementState.COVERED


@pytest.mark.parametrize("fault", [Fault.UNKNOWN, Fault.DEAD])
def test_a_bare_answer_counts_where_it_can_answer_nothing_else_or_the_copy_may_be_there(
    make_city: MakeCity, fault: Fault
) -> None:
    city = make_city()
    earlier = []
    if fault is Fault.UNKNOWN:
        earlier = [city.reference(city.issue(colour="orange", areas=[TOWN]))]
    city.behave = lambda _: SendError(fault, "test")
    now = city.issue(areas=[TOWN], references=earlier)
    (duty, person), *_ = asked(city, now)
    city.reply(city.phone_of(person), "1")
    assert city.requirement(duty, now).state == RequirementState.COVERED


def test_an_answer_may_be_signed_with_ones_own_name_and_with_no_other(make_city: MakeCity) -> None:
    city = make_city()
    told = city.leaders()
    (_, other) = told[-1]
    city.issue()
    names = dict(city.rows(select(t.person.c.no, t.person.c.name)))
    signed = ("收到 {}", "{}收到", "网格员{},1")
    for (duty, person), words in zip(told, signed, strict=False):
        city.reply(city.phone_of(person), words.format(names[other]))
        assert city.requirement(duty).state == RequirementState.OPEN  # who is that?
        city.reply(city.phone_of(person), words.format(names[person]))
        assert city.requirement(duty).state == RequirementState.COVERED


def test_of_two_answers_the_other_stands_where_one_was_a_mistake(make_city: MakeCity) -> None:
    city = make_city()
    alert = city.issue(areas=[TOWN])
    (duty, person), *_ = asked(city)
    for _ in range(2):
        city.reply(city.phone_of(person), "1")
    first, second = (row.no for row in city.rows(select(t.ack.c.no).order_by(t.ack.c.no)))
    for number, state in ((first, RequirementState.COVERED), (second, RequirementState.OPEN)):
        mistake = {"alert_no": alert, "ack_no": number, "by": b"o" * 16, "reason": "mistaken"}
        city.take(partial(withdrawing.withdraw, **mistake))
        assert city.requirement(duty).state == state


WEEKS_MS = 7 * 24 * 3_600_000


def test_what_is_weeks_old_is_found_by_its_code_and_changes_nothing_else(
    make_city: MakeCity,
) -> None:
    city = make_city()
    old = city.issue()
    city.forward(minutes=1)
    end = city.issue("cancel", references=[city.reference(old)], status="Actual")
    city.forward(minutes=24 * 60, tick_s=60)
    city.now += 3 * WEEKS_MS
    (duty, person), (_, other), *_ = city.leaders()
    phone, others = city.phone_of(person), city.phone_of(other)
    city.reply(phone, "1")
    city.reply(phone, "水进屋了,求助")
    cases = city.rows(select(t.help_case.c.alert_no))
    assert [case.alert_no for case in cases] == [end]  # help is never lost
    new = city.issue()
    city.forward(minutes=1)
    came = [
        Reply(gateway_id=f"k{number}", sender=sender, text=text)
        for number, (sender, text) in enumerate(
            [(phone, "A1 1"), (others, "收到"), (phone, "1"), (others, "3")]
        )
    ]
    city.take(partial(receive.events, route="sms-1", came=came))
    c = t.inbound.c
    rows = city.rows(select(c.gateway_key, c.verdict, c.reason).order_by(c.no))
    assert [tuple(row) for row in rows] == [
        ("r1", "no-alert", "no-alert"),
        ("r2", "counted", "help-no-alert"),
        ("k0", "counted", "code"),
        ("k1", "counted", "only-open"),
        ("k2", "counted", "only-open"),
        ("k3", "counted", "only-open"),
    ]
    a = t.ack.c
    acks = city.rows(select(a.alert_no, a.inbound_no, a.late).order_by(a.no))
    assert [tuple(row) for row in acks] == [
        *((end, 2, 1), (old, 3, 1), (new, 4, 0), (new, 5, 0), (new, 6, 0))
    ]
    assert city.requirement(duty, alert_no=new).state == RequirementState.COVERED
