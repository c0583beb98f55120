"""Who is asked singly, and when: not while the others' answers still come."""

import pytest

from channels.base import Outgoing
from channels.loudspeaker.unanswered import Unanswered, ask_at
from tests.contract.mqtt_world import order
from tests.contract.peer import until


@pytest.mark.parametrize(
    ("began", "heard", "asked"),
    [
        (100.0, 0.0, 105.0),  # nobody answers
        (100.0, 99.0, 105.0),  # of an earlier command
        (100.0, 103.0, 108.0),  # answers come
        (100.0, 119.0, 120.0),  # they have come for long
        (100.0, 500.0, 120.0),
    ],
)
def test_when_the_silent_are_asked(began: float, heard: float, asked: float) -> None:
    assert ask_at(began, heard, 5.0) == asked


async def test_only_the_silent_are_asked_and_each_once() -> None:
    asked: list[tuple[str, int]] = []

    async def ask(message: Outgoing, cmd_id: str) -> None:
        asked.append((cmd_id, message.delivery))

    waiting = Unanswered(0.05, ask)
    told = {"a": order(1), "b": order(2), "c": order(3, stop=True), "d": order(4, alert="0b" * 16)}
    waiting.expect(told)
    waiting.begin(told)
    waiting.answered("a")
    waiting.answered("unheard-of")
    waiting.stop("0a" * 16)  # b isn't to sound any more; that it be silent, c is still asked
    assert [waiting.waits(name) for name in told] == [False, False, True, True]

    async def done() -> bool:
        return not any(waiting.waits(name) for name in told)

    await until(done)
    assert sorted(asked) == [("c", 3), ("d", 4)]
    await waiting.close()


async def test_at_the_end_nobody_is_asked_any_more() -> None:
    asked: list[str] = []

    async def ask(_message: Outgoing, cmd_id: str) -> None:
        asked.append(cmd_id)

    waiting = Unanswered(0.0, ask)
    waiting.expect({"a": order(1)})
    waiting.begin({"a": order(1)})
    await waiting.close()
    assert not waiting.waits("a")
    assert asked == []
