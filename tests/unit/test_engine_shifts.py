"""Shifts: who is asked at which hour, and who is told when a shift begins in mid-alert."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from alertd.engine import halting
from alertd.engine.turn import Turn
from alertd.lanes import BY_SMS
from alertd.model import FOREVER, MINUTE_MS, Policy, Precedence, Step, priority_of
from alertd.store import people
from alertd.store import tables as t
from alertd.store.database import BrokenOffError
from alertd.store.fold.shifts import stood_down
from alertd.store.people import NOW
from rosters.shifts import DAY_MINUTES, minute_of_day
from tests.city import OFFICER, RED, START, ZONE, City

EVERYONE = Policy(name="all", tell="everyone", stages=RED.stages, steps=RED.steps)
SLOW = Policy(name="slow", stages=RED.stages, steps=(Step(after_min=20, do=("remind",)),))
HOUR = 60
AT = minute_of_day(START, ZONE)  # 16:53
DAY, NIGHT = (AT - HOUR, AT + HOUR), (AT + HOUR, AT - HOUR)
Shift = tuple[int, int] | None


class Pair(NamedTuple):
    """A grid whose two leaders share the day; the second is on duty when the first isn't."""

    duty: int
    first: int
    second: int


@pytest.fixture
def make_city(tmp_path: Path) -> Iterator[Callable[..., City]]:
    made: list[City] = []

    def make(**options: Any) -> City:
        made.append(City(tmp_path, **options))
        return made[-1]

    yield make
    for city in made:
        city.store.close()


def share(city: City, first: Shift, second: Shift) -> Pair:
    """The first grid's leader and alternate become two principals, each with a shift."""
    (duty, one), (same, other) = city.leaders()[0], city.leaders(rank=2)[0]
    assert duty == same
    for person, shift in ((one, first), (other, second)):
        give(city, duty, person, shift)
    return Pair(duty, one, other)


def give(city: City, duty: int, person: int, shift: Shift, **more: Any) -> None:
    h = t.holding.c
    begin, end = shift or (None, None)
    values = {"rank": 1, "shift_from": begin, "shift_to": end, **more}
    with city.store.transaction(city.now) as tx:
        mine = (h.duty_no == duty, h.person_no == person, h.to_version == FOREVER)
        tx.connection.execute(update(t.holding).where(*mine).values(**values))


def kinds(city: City, person: int) -> list[str]:
    return [message.kind for message in city.to(city.phone_of(person)) if message.kind != "help"]


def test_who_is_on_duty_is_told_and_asked_and_the_other_asked_to_take_over(
    make_city: Callable[..., City],
) -> None:
    city = make_city()
    pair = share(city, NIGHT, DAY)
    city.issue()
    assert (kinds(city, pair.first), kinds(city, pair.second)) == ([], ["alert"])
    city.forward(minutes=5, seconds=1)
    assert kinds(city, pair.first) == ["takeover"]
    assert kinds(city, pair.second)[:2] == ["alert", "reminder"]
    city.reply(city.phone_of(pair.first), "1")  # whoever holds the duty may answer for it
    assert city.requirement(pair.duty).have == 1


def test_whoever_is_off_duty_takes_over_from_one_who_cannot_come(
    make_city: Callable[..., City],
) -> None:
    city = make_city()
    pair = share(city, (0, 16 * 60), DAY)
    city.issue()
    city.reply(city.phone_of(pair.second), "0")
    city.forward(seconds=5)
    assert kinds(city, pair.first) == ["takeover"]


@pytest.mark.parametrize("other", ["has a gap", "has no number"])
def test_nobody_stands_down_where_nobody_else_is_there(
    make_city: Callable[..., City], other: str
) -> None:
    city = make_city()
    pair = share(city, NIGHT, NIGHT if other == "has a gap" else DAY)
    if other == "has no number":
        give(city, pair.duty, pair.second, DAY, address_no=None)
    city.issue()
    assert kinds(city, pair.first) == ["alert"]
    city.forward(minutes=2, seconds=1)
    assert kinds(city, pair.first) == ["alert", "reminder"]


def test_where_everybody_is_told_who_is_off_duty_comes_with_the_alternates(
    make_city: Callable[..., City],
) -> None:
    city = make_city(policies={"red": EVERYONE})
    pair = share(city, NIGHT, DAY)
    city.issue()
    d = t.delivery.c
    by_person = {
        row.recipient_no: row.priority
        for row in city.rows(select(d.recipient_no, d.priority).where(d.lane.in_(BY_SMS)))
    }
    assert by_person[pair.first] == priority_of(1, Precedence.ALTERNATES)
    assert by_person[pair.second] == priority_of(1, Precedence.FIRST)


def test_a_party_member_knows_no_hours(make_city: Callable[..., City]) -> None:
    city = make_city()
    h = t.holding.c
    members = city.rows(
        select(h.duty_no, h.person_no).where(
            h.role == "party_member", h.to_version == FOREVER, h.address_no.is_not(None)
        )
    )
    for duty, person in members:
        give(city, duty, person, NIGHT)
    always, *_ = members
    give(city, *always, None)
    city.issue(roles=("party_member",))
    assert all(kinds(city, person) == ["alert"] for _, person in members)


def test_who_comes_on_duty_in_mid_alert_is_told_once_and_asked_from_then_on(
    make_city: Callable[..., City],
) -> None:
    city = make_city(policies={"red": SLOW})
    pair = share(city, (AT + 10, AT - HOUR), (AT - HOUR, AT + 10))
    city.issue()
    city.forward(minutes=9)
    assert kinds(city, pair.first) == []
    city.forward(minutes=3)
    assert kinds(city, pair.first) == ["shift"]
    (said,) = city.to(city.phone_of(pair.first))
    assert "立即按清单转移危房、低洼户" in said.text
    assert "回1收到" in said.text
    city.restart()
    city.forward(minutes=2)
    assert kinds(city, pair.first) == ["shift"]
    city.forward(minutes=10)  # the reminder goes to whoever is there now
    assert kinds(city, pair.first) == ["shift", "reminder"]
    assert kinds(city, pair.second) == ["alert"]


def test_a_shift_that_began_while_the_node_was_off_is_told_when_it_is_back(
    make_city: Callable[..., City],
) -> None:
    city = make_city()
    pair = share(city, (AT + 10, AT - HOUR), (AT - HOUR, AT + 10))
    city.issue()
    city.now += 40 * MINUTE_MS
    city.restart()
    city.forward(seconds=2)
    assert "shift" in kinds(city, pair.first)


def test_nobody_is_told_of_an_alert_that_is_over_or_of_another_place(
    make_city: Callable[..., City],
) -> None:
    city = make_city()
    pair = share(city, (AT + 10, AT - HOUR), (AT - HOUR, AT + 10))
    over = city.issue("flood")
    city.issue(areas=["330281002"])
    city.issue("all-clear", references=[city.reference(over)])
    city.sent.clear()
    city.forward(minutes=12)
    assert "shift" not in kinds(city, pair.first)


def test_of_a_paused_alert_they_hear_once_it_goes_on(make_city: Callable[..., City]) -> None:
    city = make_city()
    pair = share(city, (AT + 10, AT - HOUR), (AT - HOUR, AT + 10))
    drafted = city.draft()
    city.approve(drafted)
    halt = partial(_halt, city, bytes.fromhex(drafted["id"]))
    halt(halting.pause)
    city.forward(minutes=12)
    assert kinds(city, pair.first) == []
    halt(halting.resume)
    city.forward(seconds=2)
    assert kinds(city, pair.first) == ["shift"]


def _halt(city: City, alert_id: bytes, act: Callable[..., None]) -> None:
    city.take(partial(act, actor=OFFICER, alert_id=alert_id, reason="test"))


def test_a_step_that_comes_to_nothing_loses_nobody(make_city: Callable[..., City]) -> None:
    city = make_city(policies={"red": SLOW})
    pair = share(city, (AT + 10, AT - HOUR), (AT - HOUR, AT + 10))
    city.issue()
    city.forward(minutes=9)
    broken = True

    def calendar(_turn: Turn, *, tick: bool) -> None:
        if broken and tick:
            raise BrokenOffError

    city.engine.agenda = calendar
    city.now += 2 * MINUTE_MS
    with pytest.raises(BrokenOffError):
        city.engine.step(city.now)
    broken = False
    city.forward(seconds=1)  # the same minute
    assert kinds(city, pair.first) == ["shift"]


def test_hours_are_the_citys_own_wherever_it_is(make_city: Callable[..., City]) -> None:
    city = make_city(zone=ZoneInfo("America/New_York"))  # 04:53 there
    pair = share(city, (4 * HOUR, 12 * HOUR), (12 * HOUR, 4 * HOUR))
    city.issue()
    assert (kinds(city, pair.first), kinds(city, pair.second)) == (["alert"], [])
    city.forward(minutes=5, seconds=1)
    assert kinds(city, pair.second) == ["takeover"]


def test_a_shift_of_the_hour_that_summer_time_leaves_out_begins(
    make_city: Callable[..., City],
) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    at = datetime(2026, 3, 29, 1, 50, tzinfo=berlin)
    city = make_city(policies={"red": SLOW}, zone=berlin, now=round(at.timestamp() * 1000))
    pair = share(city, (2 * HOUR + 30, 10 * HOUR), (20 * HOUR, 2 * HOUR + 30))
    city.issue()
    city.forward(minutes=8)
    assert kinds(city, pair.first) == []
    city.forward(minutes=4)  # 03:02
    assert kinds(city, pair.first) == ["shift"]


TIMES = st.integers(0, DAY_MINUTES - 1)
SHIFTS = st.none() | st.tuples(TIMES, TIMES)


@pytest.fixture(scope="module")
def one_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    city = City(tmp_path_factory.mktemp("shifts"))
    yield city
    city.store.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=SHIFTS, second=SHIFTS, minute=TIMES, reached=st.tuples(st.booleans(), st.booleans()))
def test_the_database_and_the_ladder_name_the_same_people(
    one_city: City, first: Shift, second: Shift, minute: int, reached: tuple[bool, bool]
) -> None:
    pair = share_again(one_city, first, second, reached)
    h = t.holding.c
    with one_city.store.read() as connection:
        mine = (h.duty_no == pair.duty, h.rank == 1, h.to_version == FOREVER)
        query = select(h.person_no).where(*mine, ~stood_down(NOW, minute))
        asked = set(connection.execute(query).scalars())
        held = people.holders(connection, [pair.duty])[pair.duty]
    assert asked == set(people.principals(held, minute))
    assert asked
    assert set(people.stand_ins(held, minute)) == {one.person_no for one in held} - asked


def share_again(city: City, first: Shift, second: Shift, reached: tuple[bool, bool]) -> Pair:
    h = t.holding.c
    duty = city.leaders()[0][0]
    rows = city.rows(
        select(h.person_no).where(h.duty_no == duty, h.to_version == FOREVER).order_by(h.person_no)
    )
    one, other = (row.person_no for row in rows)
    for person, shift, has in ((one, first, reached[0]), (other, second, reached[1])):
        give(city, duty, person, shift, address_no=person if has else None)
    return Pair(duty, one, other)
