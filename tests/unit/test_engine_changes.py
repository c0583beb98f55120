"""What changes while an alert is under way: numbers, answers, units."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd.decide.interpret import LATE_WINDOW_S
from alertd.engine import halting
from alertd.engine.authority import Actor
from alertd.model import FOREVER, RequirementState
from alertd.store import tables as t
from tests.city import City
from tests.unit.roster_moves import asked, hand_on, second_number, unit_of

MakeCity = Callable[..., City]
TOWN = "330281001"
ADMIN = Actor(no=9, id=b"z" * 16, name="admin", role="administrator", path="")


@pytest.fixture
def make_city(tmp_path: Path) -> MakeCity:
    return partial(City, tmp_path)


def read(city: City) -> list[tuple[str, str]]:
    """What the replies were read as, in their order."""
    c = t.inbound.c
    rows = city.rows(select(c.verdict, c.reason).order_by(c.no))
    return [(row.verdict, row.reason) for row in rows]


# --- a number that moved


def test_a_number_that_moved_answers_for_whoever_was_told_there(make_city: MakeCity) -> None:
    city = make_city()
    city.issue(areas=[TOWN])
    (duty, person), *_ = asked(city)
    elsewhere = next(pair[1] for pair in city.leaders() if pair not in asked(city))
    phone = hand_on(city, person, elsewhere)
    city.reply(phone, "1")
    assert read(city) == [("counted", "only-open")]
    ack = city.one(select(t.ack.c.person_no, t.ack.c.grade))
    assert (ack.person_no, ack.grade) == (person, "shared")
    assert city.requirement(duty).state == RequirementState.COVERED


def test_a_number_at_which_both_were_told_answers_for_neither_unless_it_says_for_whom(
    make_city: MakeCity,
) -> None:
    city = make_city()
    city.issue()
    (duty, person), (other_duty, other), *_ = asked(city)
    phone = hand_on(city, person, other)
    before = len(city.to(phone))
    city.forward(minutes=2.5)  # reminded: the other by the number that was the first one's
    assert len(city.to(phone)) > before
    city.reply(phone, "1")
    assert read(city) == [("unclear", "number-moved")]
    assert (
        city.requirement(duty).state == city.requirement(other_duty).state == RequirementState.OPEN
    )
    city.reply(phone, f"1 {unit_of(city, other_duty).name}")
    assert read(city)[-1] == ("counted", "only-open")
    assert city.requirement(duty).state == RequirementState.OPEN
    assert city.requirement(other_duty).state == RequirementState.COVERED
    city.reply(phone, "3 水进屋了")
    cases = city.rows(select(t.help_case.c.person_no))
    assert {row.person_no for row in cases} == {person, other}


def test_a_number_that_moved_is_the_new_ones_alone_after_three_days(make_city: MakeCity) -> None:
    city = make_city()
    city.issue(areas=[TOWN])
    (_, person), *_ = asked(city)
    elsewhere = next(pair[1] for pair in city.leaders() if pair not in asked(city))
    phone = hand_on(city, person, elsewhere)
    alert_id = city.one(select(t.alert.c.id)).id
    city.take(partial(halting.stop, actor=ADMIN, alert_id=alert_id, reason="wrong"))
    city.now += LATE_WINDOW_S * 1000 + 1
    city.reply(phone, "1")
    assert read(city) == [("no-alert", "no-alert")]


def test_a_phone_that_was_shared_answers_for_whoever_has_it_still(make_city: MakeCity) -> None:
    city = make_city()
    (duty, person), (other_duty, other), *_ = city.leaders()
    second_number(city, other, city.phone_of(person))
    city.issue()
    city.forward(minutes=2.5)
    phone = city.phone_of(person)
    c = t.contact.c
    with city.store.transaction(city.now) as tx:
        theirs = (c.person_no == other, c.rank == 2, c.to_version == FOREVER)
        tx.connection.execute(t.contact.update().where(*theirs).values(to_version=2))
    city.reply(phone, "1")
    assert read(city) == [("counted", "only-open")]
    assert city.requirement(duty).state == RequirementState.COVERED
    assert city.requirement(other_duty).state == RequirementState.OPEN
