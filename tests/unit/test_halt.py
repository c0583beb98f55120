"""What a halt means, as a table."""

import pytest

from alertd.decide.halt import (
    FORGOTTEN_MS,
    NONE,
    Halt,
    Notice,
    due_time,
    holds_back,
    lasted,
    notice,
    ran,
)
from alertd.decide.lifecycle import Action, Refusal, Subject, Transition, transition
from alertd.model import AlertState, Status

NOW = 1_000_000_000
PAUSED = Halt(paused_at=NOW - 60_000)
FORGOTTEN = Halt(paused_at=NOW - FORGOTTEN_MS)
RESUMED = Halt(paused_ms=60_000)
STOPPED = Halt(stopped_at=NOW - 1)


@pytest.mark.parametrize(
    ("halt", "ms"),
    [
        (NONE, 90_000),
        (RESUMED, 30_000),
        (PAUSED, 30_000),  # nothing runs since then
        (Halt(paused_at=NOW - 60_000, paused_ms=10_000), 20_000),
        (STOPPED, 90_000),
    ],
)
def test_how_long_an_alert_ran_leaves_its_pauses_out(halt: Halt, ms: int) -> None:
    assert ran(halt, NOW - 90_000, NOW) == ms


@pytest.mark.parametrize(
    ("halt", "held", "due", "moves", "said"),
    [
        (NONE, False, NOW, 0, Notice.NOTHING),
        (PAUSED, True, NOW - 60_000, 60_000, Notice.PAUSED),
        (FORGOTTEN, True, NOW - FORGOTTEN_MS, FORGOTTEN_MS, Notice.FORGOTTEN),
        (RESUMED, False, NOW, 0, Notice.NOTHING),
        (STOPPED, False, NOW, 0, Notice.STOPPED),
        (Halt(paused_at=NOW + 5), True, NOW + 5, 0, Notice.PAUSED),  # the clock was set back
    ],
)
def test_what_a_halt_means(halt: Halt, held: bool, due: int, moves: int, said: Notice) -> None:
    assert holds_back(halt, urgent=False) is held
    assert holds_back(halt, urgent=True) is False
    assert due_time(halt, NOW) == due
    assert lasted(halt, NOW) == moves
    assert notice(halt, NOW, under_way=True) is said
    assert notice(halt, NOW, under_way=False) is Notice.NOTHING


WHY_NOT = {
    (Action.RESUME, False, False): "not-paused",
    (Action.PAUSE, True, False): "already-paused",
    **{(action, False, True): "already-stopped" for action in Action},
}


@pytest.mark.parametrize(
    ("paused", "stopped", "allowed"),
    [
        (False, False, {Action.PAUSE, Action.STOP}),
        (True, False, {Action.RESUME, Action.STOP}),
        (False, True, set()),
    ],
)
@pytest.mark.parametrize("state", AlertState)
def test_who_may_be_halted_when(
    state: AlertState, paused: bool, stopped: bool, allowed: set[Action]
) -> None:
    subject = Subject(
        state=state, status=Status.ACTUAL, author="li", paused=paused, stopped=stopped
    )
    for action in (Action.PAUSE, Action.RESUME, Action.STOP):
        found = transition(subject, action, actor="wang", now=NOW)
        fits = state is AlertState.ISSUED and action in allowed
        assert isinstance(found, Transition if fits else Refusal), (state, action)
        if isinstance(found, Transition):
            assert found.after is AlertState.ISSUED
        elif state is AlertState.ISSUED:
            assert found.reason == WHY_NOT[action, paused, stopped]
    # What ends an alert is never in a halt's way.
    for action in (Action.CANCEL, Action.ALL_CLEAR, Action.CORRECT, Action.UPDATE):
        ends = isinstance(transition(subject, action, actor="wang", now=NOW), Transition)
        free = Subject(state=state, status=Status.ACTUAL, author="li")
        assert ends == isinstance(transition(free, action, actor="wang", now=NOW), Transition)
