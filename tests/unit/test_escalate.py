"""Who is told next: DOMAIN's escalation table, minute by minute."""

import pytest

from alertd.decide.escalate import Act, Ladder, climb, first_due
from alertd.model import MINUTE_MS, Policy, RequirementState, Step, Told

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


def test_after_a_night_without_power_every_rung_that_was_missed_is_taken_once() -> None:
    climbed = climb(ladder(), RED, at(12))
    assert climbed.step == 4
    assert climbed.acts == (
        Act.REMIND,
        Act.CALL,
        Act.ALTERNATES,
        Act.PARENT,
        Act.GRANDPARENT,
        Act.DOOR_KNOCK,
    )


def test_somebody_unreachable_hurries_to_the_alternate_and_keeps_the_timetable() -> None:
    climbed = climb(ladder(), RED, at(1))
    assert (climbed.acts, climbed.reason) == ((Act.ALTERNATES,), "unreachable")
    assert (climbed.step, climbed.due_at) == (0, at(2))
    later = climb(ladder(2, climbed.told), RED, at(5))
    assert later.acts == (Act.PARENT,)


def test_without_an_alternate_it_hurries_to_the_parent() -> None:
    assert climb(ladder(alternates=False), RED, at(1)).acts == (Act.PARENT,)


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
