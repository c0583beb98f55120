"""Who is told next: DOMAIN's escalation table, minute by minute."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.decide.escalate import CLIMB_LIMIT, Act, Ladder, climb, first_due
from alertd.model import HURRIED, MINUTE_MS, Policy, RequirementState, Step, Told

RED = Policy(
    name="red",
    steps=(
        Step(after_min=2, do=("remind",)),
        Step(after_min=3, do=("call",)),
        Step(after_min=5, do=("alternate", "parent")),
        Step(after_min=10, do=("grandparent", "door_knock")),
        Step(after_min=15, do=("duty_desk",)),
    ),
)
START = 5_000_000


def ladder(step: int = 0, told: int = 0, *, alternates: bool = True) -> Ladder:
    return Ladder(step=step, start_at=START, told=told, has_alternates=alternates)


def at(minutes: float) -> int:
    return START + round(minutes * MINUTE_MS)


@pytest.mark.parametrize(
    ("step", "minute", "acts", "next_minute"),
    [
        (0, 2, (Act.REMIND,), 3),
        (1, 3, (Act.CALL,), 5),
        (2, 5, (Act.ALTERNATES, Act.PARENT), 10),
        (3, 10, (Act.GRANDPARENT, Act.DOOR_KNOCK), 15),
    ],
)
def test_each_rung_at_its_minute(
    step: int, minute: int, acts: tuple[Act, ...], next_minute: int
) -> None:
    climbed = climb(ladder(step), RED, at(minute))
    assert climbed.acts == acts
    assert climbed.due_at == at(next_minute)
    assert climbed.reason == "no-answer"


def test_the_last_rung_ends_at_the_duty_desk_and_on_the_door_knock_list() -> None:
    climbed = climb(ladder(4), RED, at(15))
    assert climbed.state is RequirementState.EXHAUSTED
    assert set(climbed.acts) == {Act.DUTY_DESK, Act.DOOR_KNOCK}
    assert climbed.due_at is None


def climbs_from(now: int, policy: Policy = RED) -> list[tuple[int, tuple[Act, ...]]]:
    """A ladder that was left alone until `now`, and then looked at whenever it is due."""
    at_, found, state = ladder(), [], RequirementState.OPEN
    while state is RequirementState.OPEN:
        climbed = climb(at_, policy, now)
        found.append((now, climbed.acts))
        assert climbed.due_at is None or climbed.due_at > now
        at_, state = ladder(climbed.step, climbed.told), climbed.state
        now = climbed.due_at or now
    return found


def test_after_a_night_without_power_rungs_are_taken_one_by_one() -> None:
    found = climbs_from(at(600))
    assert [acts for _, acts in found] == [
        (Act.REMIND,),
        (Act.CALL,),
        (Act.ALTERNATES, Act.PARENT),
        (Act.GRANDPARENT, Act.DOOR_KNOCK),
        (Act.DUTY_DESK,),
    ]
    # Half the policy's own time between them, and never more than a minute.
    assert [(when - at(600)) / MINUTE_MS for when, _ in found] == [0, 0.5, 1.5, 2.5, 3.5]


@given(late=st.integers(0, 400 * 24 * 3_600_000))
def test_however_late_no_rung_is_skipped_or_doubled_and_each_has_time(late: int) -> None:
    found = climbs_from(at(2) + late)
    assert [acts for _, acts in found] == [acts for _, acts in climbs_from(at(2))]
    times = [when for when, _ in found]
    gaps = [3 - 2, 5 - 3, 10 - 5, 15 - 10]
    for earlier, later, minutes, rung in zip(times, times[1:], gaps, (3, 5, 10, 15), strict=False):
        assert later >= at(rung)
        assert later - earlier >= min(minutes / 2, 1) * MINUTE_MS
        assert later <= max(at(rung), earlier + MINUTE_MS)


def test_a_tick_that_is_a_little_late_moves_nothing() -> None:
    assert climb(ladder(), RED, at(2) + 20_000).due_at == at(3)


def test_rungs_of_the_same_minute_are_one() -> None:
    twice = Policy(
        name="twice",
        steps=(Step(after_min=1, do=("remind",)), Step(after_min=1, do=("call",))),
    )
    assert climb(ladder(), twice, at(5)).acts == (Act.REMIND, Act.CALL, Act.DOOR_KNOCK)


def test_somebody_unreachable_hurries_to_the_alternate_and_keeps_the_timetable() -> None:
    climbed = climb(ladder(), RED, at(1))
    assert (climbed.acts, climbed.reason) == ((Act.ALTERNATES,), "unreachable")
    assert (climbed.step, climbed.due_at) == (0, at(2))
    later = climb(ladder(2, climbed.told), RED, at(5))
    assert later.acts == (Act.PARENT,)


def test_without_an_alternate_it_hurries_to_the_parent() -> None:
    assert climb(ladder(alternates=False), RED, at(1)).acts == (Act.PARENT,)


def test_a_rung_that_nobody_stands_on_isnt_taken_and_does_no_harm() -> None:
    alone = replace(ladder(2, alternates=False), nobody=frozenset({Act.PARENT}))
    rung = climb(alone, RED, at(5))
    assert (rung.acts, rung.told, rung.step, rung.reason) == ((), 0, 3, "no-answer")
    last = climb(replace(alone, step=4, nobody=frozenset({Act.DUTY_DESK})), RED, at(15))
    assert last.acts == (Act.DOOR_KNOCK,)


def test_an_alternate_who_is_unreachable_too_hurries_to_the_parent() -> None:
    assert climb(ladder(told=int(Told.ALTERNATES)), RED, at(1)).acts == (Act.PARENT,)


def test_a_policy_without_steps_ends_on_the_door_knock_list() -> None:
    quiet = Policy(name="quiet")
    assert first_due(START, quiet) is None
    climbed = climb(ladder(), quiet, at(0))
    assert climbed.acts == (Act.DOOR_KNOCK,)
    assert climbed.state is RequirementState.EXHAUSTED


def test_a_policy_frozen_by_another_version_is_read_and_a_misspelt_one_is_not() -> None:
    assert Policy.thaw({**RED.to_dict(), "gone_since": True}) == RED
    with pytest.raises(TypeError):
        Policy.from_dict({**RED.to_dict(), "unknown_grace": 3})


def test_a_rung_that_is_due_does_not_swallow_that_nobody_can_be_reached() -> None:
    """Found by the simulator: a number died in the very tick in which its reminder was due."""
    taken = climb(ladder(told=HURRIED), RED, at(2))
    assert taken.acts == (Act.REMIND, Act.ALTERNATES)
    assert taken.told == Told.ALTERNATES
    alone = climb(ladder(told=HURRIED, alternates=False), RED, at(2))
    assert alone.acts == (Act.REMIND, Act.PARENT)
    again = climb(ladder(told=HURRIED | Told.ALTERNATES), RED, at(2))
    assert again.acts == (Act.REMIND, Act.PARENT)


def test_what_a_drills_plan_holds_back_is_not_done_and_the_climb_says_so() -> None:
    held = replace(ladder(), held=frozenset({Act.ALTERNATES, Act.PARENT}))
    hurried = climb(held, RED, at(1))
    assert (hurried.acts, hurried.reason, hurried.told) == ((), CLIMB_LIMIT, 0)
    rung = climb(replace(held, step=2), RED, at(5))
    assert (rung.acts, rung.reason, rung.told) == ((), CLIMB_LIMIT, 0)
    part = climb(replace(held, step=2, held=frozenset({Act.PARENT})), RED, at(5))
    assert (part.acts, part.reason) == ((Act.ALTERNATES,), CLIMB_LIMIT)
    last = climb(replace(held, step=4, held=frozenset({Act.DUTY_DESK})), RED, at(15))
    assert (last.acts, last.reason) == ((Act.DOOR_KNOCK,), CLIMB_LIMIT)
    # What was done before isn't held back anew, nor what isn't asked for.
    before = replace(held, told=int(Told.ALTERNATES | Told.PARENT))
    assert climb(before, RED, at(1)).reason == "unreachable"
    assert climb(held, RED, at(2)).reason == "no-answer"
