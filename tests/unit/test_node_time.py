"""The node's time over starts and leaps, on a whole engine: nothing early, skipped or doubled."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd.decide.timekeeping import Why
from alertd.engine.authority import Actor
from alertd.engine.timekeeping import PULSE_MS, Moved, Timekeeper
from alertd.errors import ConflictError, ForbiddenError, InvalidInputError
from alertd.model import AlertState, DrillState, RequirementState
from alertd.store import journal, lived
from alertd.store import tables as t
from channels.base import Outgoing
from tests.city import OFFICER, SECOND, START, City
from tests.unit.drill_city import DrillCity, plan_of

DAY = 24 * 3_600_000
MINUTE = 60_000
MakeCity = Callable[..., City]


@dataclass
class Wall:
    """A machine's clock, `off` by so much, beside a node's that is the city's `now`."""

    city: City
    off: int = 0

    def __call__(self) -> int:
        return self.city.now

    def wall(self) -> int:
        return self.city.now + self.off

    def move(self, to: int) -> None:
        self.off += self.city.now - to
        self.city.now = to


@pytest.fixture
def make_city(tmp_path: Path) -> MakeCity:
    return partial(City, tmp_path)


def boot(city: City, *, off_ms: int, wrong_by: int = 0) -> Timekeeper:
    """The machine was off for so long, and its clock is wrong by so much."""
    city.store.close()
    city.now += off_ms
    wall = Wall(city, wrong_by)
    city.start()
    keeper = Timekeeper(city.store, wall, moved=city.engine.leapt)
    keeper.start()
    keeper.look()
    return keeper


def clock_facts(city: City) -> list[tuple[str, str]]:
    with city.store.read() as connection:
        rows = journal.stream(connection)
        return [(r.fact.kind, r.fact.body["reason"]) for r in rows if r.fact.kind[:5] == "clock"]


def kinds(sent: list[Outgoing]) -> list[str]:
    return sorted({message.kind for message in sent})


@pytest.mark.parametrize("wrong_by", [400 * DAY, -400 * DAY, 3 * DAY, -DAY])
def test_a_start_with_a_wrong_clock_keeps_what_every_rung_had_left(
    make_city: MakeCity, wrong_by: int
) -> None:
    city = make_city()
    alert = city.issue(roles=("grid_leader",))
    city.forward(minutes=4)
    keeper = Timekeeper(city.store, Wall(city))
    keeper.look()
    before = city.now
    city.sent.clear()
    keeper = boot(city, off_ms=5_000, wrong_by=wrong_by)
    assert city.now == before
    assert not keeper.standing.trusted
    assert keeper.standing.why is (Why.AHEAD if wrong_by > 0 else Why.BEHIND)
    city.forward(seconds=59)
    assert city.sent == []  # the third rung is due at five minutes
    city.forward(seconds=61)
    assert kinds(city.sent) == ["digest", "takeover"]
    assert city.one(select(t.alert.c.state).where(t.alert.c.no == alert)).state == "issued"
    assert clock_facts(city) == [("clock.doubted", keeper.standing.why.value)]


def test_after_an_outage_rungs_are_climbed_one_by_one(make_city: MakeCity) -> None:
    city = make_city()
    city.issue(roles=("grid_leader",))
    keeper = boot(city, off_ms=20 * MINUTE)
    assert keeper.standing.trusted
    assert city.now == START + 20 * MINUTE
    c = t.requirement.c
    steps = []
    for _ in range(5):
        city.settle()
        steps += [row.step for row in city.rows(select(c.step).distinct())]
        city.forward(seconds=61)
    assert steps == [1, 2, 3, 4, 5]
    assert {row.state for row in city.rows(select(c.state).distinct())} == {
        int(RequirementState.EXHAUSTED)
    }
    assert clock_facts(city) == []


def test_an_idle_node_takes_the_wall_clock_however_far_and_comes_back(make_city: MakeCity) -> None:
    city = make_city()
    winter = boot(city, off_ms=200 * DAY)
    assert winter.standing.trusted
    assert city.now == START + 200 * DAY
    # Wrong by more, with nothing under way; then somebody puts it right.
    keeper = boot(city, off_ms=MINUTE, wrong_by=400 * DAY)
    assert city.now == START + 600 * DAY + MINUTE
    clock = keeper.clock
    assert isinstance(clock, Wall)
    clock.off = -400 * DAY
    city.now += PULSE_MS
    keeper.look()
    assert city.now == START + 200 * DAY + MINUTE + PULSE_MS
    assert clock_facts(city) == [("clock.set", "idle")] * 3


def test_time_never_goes_back_behind_the_record(make_city: MakeCity) -> None:
    city = make_city()
    keeper = boot(city, off_ms=0, wrong_by=-400 * DAY)
    city.now += PULSE_MS
    keeper.look()
    assert city.now == START + PULSE_MS
    assert keeper.standing.why is Why.BEHIND
    assert clock_facts(city) == [("clock.doubted", "wall-behind")]


def test_a_leap_in_mid_run_moves_nothing_and_is_on_record_once(make_city: MakeCity) -> None:
    city = make_city()
    city.issue(roles=("grid_leader",))
    wall = Wall(city)
    keeper = Timekeeper(city.store, wall)
    keeper.look()
    for off in (400 * DAY, 400 * DAY, -400 * DAY, 0):
        wall.off = off
        city.forward(seconds=6)
        keeper.look()
    assert clock_facts(city) == [
        ("clock.doubted", "wall-ahead"),
        ("clock.doubted", "wall-behind"),
        ("clock.trusted", "wall"),
    ]
    assert city.now == START + 24_000


def test_the_time_is_written_down_while_something_waits_or_others_ask(make_city: MakeCity) -> None:
    city = make_city()
    wall = Wall(city)
    keeper = Timekeeper(city.store, wall)
    city.now += 10 * MINUTE
    keeper.look()
    with city.store.read() as connection:
        # One alone has nobody to tell before.
        alone = not city.store.shared
        assert lived.lived(connection, "test") == (START if alone else city.now)
        assert not lived.under_way(connection)
    city.issue(roles=("grid_leader",))
    city.now += PULSE_MS
    keeper.look()
    city.now += PULSE_MS - 1
    keeper.look()
    with city.store.read() as connection:
        assert lived.under_way(connection)
        assert lived.lived(connection, "test") == START + 10 * MINUTE + PULSE_MS


def test_once_nothing_is_open_the_node_goes_over_to_the_wall_clock(make_city: MakeCity) -> None:
    city = make_city()
    city.issue(roles=("grid_leader",))
    expires = city.one(select(t.alert.c.expires_at)).expires_at
    keeper = boot(city, off_ms=5_000, wrong_by=400 * DAY)
    city.forward(seconds=(expires - city.now) / 1000 - 1, tick_s=600)
    keeper.look()
    assert not keeper.standing.trusted
    assert city.one(select(t.alert.c.state)).state == AlertState.ISSUED.value
    city.forward(seconds=PULSE_MS / 1000 + 2)
    keeper.look()
    assert keeper.standing.trusted
    assert city.now > START + 400 * DAY


def test_an_operators_word_takes_the_wall_clock_and_no_rung_is_skipped(make_city: MakeCity) -> None:
    city = make_city()
    city.issue(roles=("grid_leader",))
    keeper = boot(city, off_ms=5_000, wrong_by=72 * 3_600_000)
    with pytest.raises(ForbiddenError):
        answer(keeper, SECOND, keeper.clock.wall())
    with pytest.raises(InvalidInputError):
        answer(keeper, OFFICER, city.now)
    was, wall = city.now, keeper.clock.wall()
    moved = answer(keeper, OFFICER, wall - 60_000)
    assert (moved.was, moved.now, moved.ended) == (was, wall, 1)
    assert (city.now, keeper.standing.trusted) == (wall, True)
    # Its end has come by the true time; whoever said so was told that it would.
    city.settle()
    assert city.one(select(t.alert.c.state)).state == AlertState.EXPIRED.value
    assert clock_facts(city)[-1] == ("clock.set", "accepted")


def test_an_accepted_leap_is_climbed_like_an_outage_of_that_length(make_city: MakeCity) -> None:
    city = make_city()
    city.issue(roles=("grid_leader",))
    city.forward(seconds=1)
    keeper = Timekeeper(city.store, Wall(city, 2 * 3_600_000), moved=city.engine.leapt)
    keeper.look()
    answer(keeper, OFFICER, keeper.clock.wall())
    city.sent.clear()
    city.forward(minutes=8)
    reminded = [m.address for m in city.sent if m.kind == "reminder"]
    assert len(reminded) == len(set(reminded)) > 5
    # Loudspeakers stay silent here, and are sent their alert again.
    assert kinds(city.sent) == ["alert", "digest", "group_reminder", "reminder", "takeover"]


def test_time_goes_back_by_an_operators_word_alone_and_with_nothing_open(
    make_city: MakeCity,
) -> None:
    city = make_city()
    keeper = boot(city, off_ms=0, wrong_by=-400 * DAY)
    answer(keeper, OFFICER, keeper.clock.wall())
    assert city.now == START - 400 * DAY
    # And a start goes on from there: the record's end counts, and not its latest time.
    boot(city, off_ms=MINUTE)
    assert city.now == START - 400 * DAY + MINUTE
    city.issue(roles=("grid_leader",))
    keeper = boot(city, off_ms=0, wrong_by=-DAY)
    with pytest.raises(ConflictError):
        answer(keeper, OFFICER, keeper.clock.wall())
    assert city.states(1)


def answer(keeper: Timekeeper, actor: Actor, said: int) -> Moved:
    future = keeper.ask(actor, said)
    keeper.look()
    return future.result(timeout=0)


def leap(city: City, keeper: Timekeeper, off: int) -> None:
    """Somebody sets the machine's clock, to so much from the truth, with nothing under way."""
    clock = keeper.clock
    assert isinstance(clock, Wall)
    clock.off += off
    city.now += PULSE_MS
    keeper.look()
    assert keeper.standing.trusted


def test_a_year_that_was_typed_wrong_costs_no_drill_and_is_undone(tmp_path: Path) -> None:
    drills = DrillCity(tmp_path / "city")
    city = drills.city
    no = drills.schedule(plan_of(when={"at": "2025-10-20T10:00:00Z", "remind_h": [24]}))
    keeper = boot(city, off_ms=0)
    drills.watch(settled=keeper.settled)
    leap(city, keeper, 365 * DAY)
    city.forward(minutes=9, tick_s=30)
    leap(city, keeper, -365 * DAY)
    assert drills.state(no) is DrillState.SCHEDULED
    assert city.sent == []
    assert START < city.now < START + 10 * MINUTE
    city.forward(seconds=10 * DAY / 1000 + 3_600, tick_s=7_200)
    assert {message.status for message in city.sent} == {"Test"}


def test_a_leap_that_stays_is_the_calendars_time(tmp_path: Path) -> None:
    drills = DrillCity(tmp_path / "city")
    city = drills.city
    no = drills.schedule(plan_of(when={"at": "2025-10-20T10:00:00Z", "remind_h": []}))
    keeper = boot(city, off_ms=0)
    drills.watch(settled=keeper.settled)
    leap(city, keeper, 365 * DAY)
    city.forward(minutes=11, tick_s=30)
    assert (drills.state(no), drills.row(no).reason) == (DrillState.POSTPONED, "missed")


def test_a_machine_that_was_off_for_long_waits_before_it_holds_a_drill(tmp_path: Path) -> None:
    drills = DrillCity(tmp_path / "city")
    no = drills.schedule(plan_of(when={"at": "2025-10-20T10:00:00Z", "remind_h": []}))
    keeper = boot(drills.city, off_ms=0, wrong_by=12 * DAY)  # too far, until a time service comes
    drills.watch(settled=keeper.settled)
    drills.city.forward(minutes=1, tick_s=1)
    assert drills.state(no) is DrillState.SCHEDULED


def test_a_leap_by_itself_is_undone_whatever_was_recorded_meanwhile(make_city: MakeCity) -> None:
    city = make_city()
    keeper = boot(city, off_ms=MINUTE)
    leap(city, keeper, 400 * DAY)
    city.take(lambda turn: turn.record("defect", {"error": "Any"}))
    leap(city, keeper, -400 * DAY)
    assert START + MINUTE < city.now < START + 2 * MINUTE
    assert clock_facts(city) == [("clock.set", "idle")] * 2
    # And a start goes on from there.
    boot(city, off_ms=MINUTE)
    assert START + 2 * MINUTE < city.now < START + 3 * MINUTE


def test_an_operators_word_is_not_undone(make_city: MakeCity) -> None:
    city = make_city()
    keeper = boot(city, off_ms=0, wrong_by=-400 * DAY)
    answer(keeper, OFFICER, keeper.clock.wall())
    clock = keeper.clock
    assert isinstance(clock, Wall)
    leap(city, keeper, 400 * DAY)
    answer(keeper, OFFICER, clock.wall())
    clock.off -= 400 * DAY
    city.now += PULSE_MS
    keeper.look()
    assert keeper.standing.why is Why.BEHIND


def test_a_start_in_a_wrong_time_does_not_go_back_under_an_alert(make_city: MakeCity) -> None:
    """What was written down before the start is no other process's time."""
    city = make_city()
    keeper = boot(city, off_ms=MINUTE)
    leap(city, keeper, 400 * DAY)
    leap(city, keeper, -400 * DAY)
    keeper = boot(city, off_ms=0, wrong_by=400 * DAY)
    assert city.now > START + 399 * DAY
    begun = city.now
    city.issue()
    clock = keeper.clock
    assert isinstance(clock, Wall)
    clock.off -= 400 * DAY
    city.now += PULSE_MS
    keeper.look()
    assert city.now >= begun
