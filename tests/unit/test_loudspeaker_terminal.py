"""A loudspeaker's obedience: what it plays, what it refuses, and who goes before whom."""

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from channels.loudspeaker.commands import (
    Command,
    CommandType,
    SigningKey,
    command_id,
    command_topic,
    delivery_stem,
    sign,
    split_command_id,
)
from channels.loudspeaker.terminal import Effect, Note, Say, Terminal
from channels.loudspeaker.terminal_memory import Memory

KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
T0 = 1_790_000_000_000
ONCE_MS = 10_000
LIVE, DRILL, CANCEL = CommandType.ACTUAL, CommandType.DRILL_PLATFORM, CommandType.CANCEL
RED, YELLOW = "a" * 32, "b" * 32


class Speaker:
    """A terminal, a clock, and all that it said."""

    def __init__(self, **how: Any) -> None:
        self.terminal = Terminal("t1", {KEY.key_id: KEY.public}, once_ms=lambda _: ONCE_MS, **how)
        self.now = T0
        self.said: list[Effect] = []
        self._deliveries = 0

    def command(self, kind: CommandType = LIVE, severity: int = 1, **changes: Any) -> Command:
        self._deliveries += 1
        command = Command(
            cmd_id=command_id(KEY, "t1", RED, self._deliveries, 1),
            to="terminal/t1",
            alert=RED,
            type=kind,
            severity=severity,
            seq=self._deliveries,
            not_before=self.now,
            expires=self.now + 600_000,
            text="台风",
            repeat=3,
        )
        return replace(command, **changes)

    def hear(self, command: Command, *, key: SigningKey = KEY, topic: str = "") -> list[Effect]:
        return self.hear_bytes(sign(command, key), topic or command_topic(command.to))

    def hear_bytes(self, payload: bytes, topic: str = "alertd/v1/terminal/t1/cmd") -> list[Effect]:
        effects = self.terminal.hear(topic, payload, self.now)
        self.said += effects
        return effects

    def order(self, kind: CommandType = LIVE, severity: int = 1, **changes: Any) -> Command:
        command = self.command(kind, severity, **changes)
        self.hear(command)
        return command

    def forward(self, ms: int) -> list[Effect]:
        self.now += ms
        effects = self.terminal.tick(self.now)
        self.said += effects
        return effects

    def told(self, command: Command) -> list[tuple[str, ...]]:
        """All that it published about a command: (topic, status, n/m or reason)."""
        return [
            (
                say.topic,
                say.document["status"],
                f"{say.document['played']}/{say.document['of']}"
                if say.topic == "result"
                else say.document.get("reason", ""),
            )
            for say in self.said
            if isinstance(say, Say) and say.document.get("cmd_id") == command.cmd_id
        ]

    def plays(self) -> list[str]:
        """Ids of what it began to play, in order."""
        return [
            e.details["cmd_id"] for e in self.said if isinstance(e, Note) and e.what == "playing"
        ]


def test_it_says_that_it_has_it_then_what_was_heard() -> None:
    speaker = Speaker()
    command = speaker.order()
    assert speaker.told(command) == [("ack", "accepted", "")]
    assert speaker.terminal.due_at == T0 + 3 * ONCE_MS
    speaker.forward(3 * ONCE_MS - 1)
    assert speaker.terminal.playing == command
    speaker.forward(1)
    assert speaker.told(command)[1:] == [("result", "played", "3/3")]
    assert speaker.terminal.due_at is None


def test_a_replayed_command_is_answered_again_and_not_played_again() -> None:
    speaker = Speaker()
    command = speaker.order()
    speaker.hear(command)
    speaker.forward(60_000)
    speaker.hear(command)
    assert speaker.plays() == [command.cmd_id]
    assert speaker.told(command) == [
        ("ack", "accepted", ""),
        ("ack", "accepted", ""),
        ("result", "played", "3/3"),
        ("ack", "accepted", ""),
        ("result", "played", "3/3"),
    ]


def test_a_replay_that_is_forgotten_by_id_is_stopped_by_its_number() -> None:
    speaker = Speaker()
    first = speaker.order(CANCEL)
    for _ in range(1000):
        speaker.order(CANCEL)
    speaker.hear(first)
    assert speaker.told(first)[-1] == ("ack", "refused", "old-sequence")


def test_the_number_must_be_above_the_last() -> None:
    speaker = Speaker()
    speaker.order(seq=100)
    assert speaker.told(speaker.order(seq=100)) == [("ack", "refused", "old-sequence")]
    assert speaker.told(speaker.order(seq=99)) == [("ack", "refused", "old-sequence")]
    assert speaker.told(speaker.order(seq=101)) == [("ack", "accepted", "")]


def test_two_nodes_count_for_themselves() -> None:
    keys = {KEY.key_id: KEY.public, OTHER.key_id: OTHER.public}
    speaker = Speaker()
    speaker.terminal = Terminal("t1", keys, once_ms=lambda _: ONCE_MS)
    speaker.order(seq=1_000)
    island = speaker.command(seq=1, cmd_id=command_id(OTHER, "t1", RED, 1, 1))
    speaker.hear(island, key=OTHER)
    assert speaker.told(island) == [("ack", "accepted", "")]


def test_a_clock_that_is_behind_keeps_nothing_sounding() -> None:
    """A box came back from a power cut in the past and goes on; the false alarm must stop."""
    speaker = Speaker()
    alarm = speaker.order()
    speaker.now = T0 - 3_600_000
    cancel = speaker.order(CANCEL, not_before=T0 + 30_000, expires=T0 + 630_000)
    assert speaker.told(cancel) == [("ack", "accepted", "")]
    assert speaker.told(alarm)[-1][:2] == ("result", "interrupted")
    assert speaker.terminal.playing is None
    speaker.hear(cancel)  # once for each id, though its number wasn't taken
    assert speaker.told(cancel) == [("ack", "accepted", "")] * 2
    speaker.now = T0 + 60_000
    update = speaker.order(seq=3, alert=YELLOW)
    assert speaker.told(update)[0] == ("ack", "accepted", "")


def test_a_command_out_of_its_time_is_refused_and_does_not_count() -> None:
    speaker = Speaker()
    hour = 3_600_000
    ahead = speaker.order(seq=2**50, not_before=T0 + hour + 1, expires=T0 + 2 * hour)
    assert speaker.told(ahead) == [("ack", "refused", "not-yet")]
    assert speaker.told(speaker.order(expires=T0)) == [("ack", "refused", "expired")]
    # With the server's clock ahead, or ours behind, the city would be silent.
    nearly = speaker.order(not_before=T0 + hour, expires=T0 + 2 * hour)
    assert speaker.told(nearly) == [("ack", "accepted", "")]


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b"\xff", b"[" * 5000, b'{"cmd_id":"x","sig":"AA","key":"k"}']
)
def test_what_nobody_vouches_for_is_a_fault_told_once(payload: bytes) -> None:
    speaker = Speaker()
    speaker.hear_bytes(payload)
    speaker.hear_bytes(payload)
    assert [e.topic for e in speaker.said if isinstance(e, Say)] == ["fault"]
    assert speaker.plays() == []


def test_a_forged_command_is_not_played_and_not_answered() -> None:
    speaker = Speaker()
    forged = speaker.command()
    speaker.hear(forged, key=OTHER)
    changed = json.loads(sign(speaker.command(), KEY)) | {"text": "全体撤离"}
    speaker.hear_bytes(json.dumps(changed).encode())
    assert (speaker.plays(), speaker.told(forged)) == ([], [])


def test_what_is_addressed_to_another_is_left_alone() -> None:
    speaker = Speaker()
    elsewhere = speaker.command(to="terminal/t2")
    speaker.hear(elsewhere)
    speaker.hear(elsewhere, topic="alertd/v1/terminal/t1/cmd")
    area = speaker.command(to="area/330281")
    speaker.hear(area)
    assert (speaker.plays(), speaker.told(elsewhere), speaker.told(area)) == ([], [], [])


def test_an_area_it_belongs_to_is_obeyed() -> None:
    speaker = Speaker(areas=["330281"])
    assert speaker.terminal.topics == ["alertd/v1/terminal/t1/cmd", "alertd/v1/area/330281/cmd"]
    area = speaker.command(to="area/330281")
    speaker.hear(area, topic="alertd/v1/terminal/t1/cmd")
    assert speaker.plays() == []
    speaker.hear(area)
    assert speaker.plays() == [area.cmd_id]


def test_higher_severity_interrupts_lower() -> None:
    speaker = Speaker()
    minor = speaker.order(severity=4)
    speaker.forward(ONCE_MS + 1)
    extreme = speaker.order(severity=1)
    assert speaker.told(minor)[-1] == ("result", "interrupted", "1/3")
    assert speaker.terminal.playing == extreme


@pytest.mark.parametrize(
    ("first", "second", "interrupts"),
    [
        ((LIVE, 1), (LIVE, 1), False),
        ((LIVE, 1), (LIVE, 2), False),
        ((LIVE, 4), (LIVE, 3), True),
        ((LIVE, 4), (DRILL, 1), False),
        ((LIVE, 1), (CommandType.DRILL_TERMINAL, 1), False),
        ((DRILL, 1), (LIVE, 4), True),
        ((DRILL, 2), (DRILL, 1), True),
        ((DRILL, 1), (DRILL, 1), False),
    ],
)
def test_who_goes_before_whom(
    first: tuple[CommandType, int], second: tuple[CommandType, int], interrupts: bool
) -> None:
    speaker = Speaker()
    one, two = speaker.order(*first), speaker.order(*second)
    assert speaker.terminal.playing == (two if interrupts else one)
    assert speaker.told(two) == [("ack", "accepted", "")]
    speaker.forward(6 * ONCE_MS)
    assert speaker.plays() == [one.cmd_id, two.cmd_id]
    assert speaker.told(two)[-1] == ("result", "played", "3/3")


def test_what_waits_is_played_by_pressure_then_in_order() -> None:
    speaker = Speaker()
    first = speaker.order(severity=1)
    drill, orange, yellow, orange_too = (
        speaker.order(DRILL, 1),
        speaker.order(severity=2),
        speaker.order(severity=3),
        speaker.order(severity=2),
    )
    speaker.forward(100 * ONCE_MS)
    order = [first, orange, orange_too, yellow, drill]
    assert speaker.plays() == [command.cmd_id for command in order]


def test_what_waits_too_long_is_never_played() -> None:
    speaker = Speaker()
    speaker.order()
    late = speaker.order(expires=T0 + 2 * ONCE_MS)
    speaker.forward(10 * ONCE_MS)
    assert speaker.told(late)[-1] == ("result", "failed", "0/3")
    assert late.cmd_id not in speaker.plays()


def test_no_more_wait_than_can_be_remembered() -> None:
    speaker = Speaker()
    speaker.order()
    waiting = [speaker.order() for _ in range(17)]
    assert {speaker.told(command)[0] for command in waiting[:16]} == {("ack", "accepted", "")}
    assert speaker.told(waiting[16]) == [("ack", "refused", "queue-full")]


def test_play_stops_when_the_time_is_over() -> None:
    speaker = Speaker()
    command = speaker.order(expires=T0 + 2 * ONCE_MS + 5)
    assert speaker.terminal.due_at == command.expires
    speaker.forward(60_000)
    assert speaker.told(command)[-1] == ("result", "interrupted", "2/3")


def test_cancel_stops_its_alert_and_no_other() -> None:
    speaker = Speaker()
    playing, waiting = speaker.order(), speaker.order()
    other = speaker.order(alert=YELLOW)
    cancel = speaker.order(CANCEL)
    assert speaker.told(cancel) == [("ack", "accepted", "")]
    assert speaker.told(playing)[-1] == ("result", "interrupted", "0/3")
    assert speaker.told(waiting)[-1] == ("result", "failed", "0/3")
    assert speaker.terminal.playing == other


def test_a_cancel_stops_every_alert_that_it_names() -> None:
    speaker = Speaker()
    first, second = speaker.order(), speaker.order(alert=YELLOW)
    late = speaker.command(alert=YELLOW)
    speaker.forward(1)
    speaker.order(CANCEL, alert="c" * 32, also=(RED, YELLOW))
    assert speaker.terminal.playing is None
    assert speaker.told(first)[-1] == ("result", "interrupted", "0/3")
    assert speaker.told(second)[-1] == ("result", "failed", "0/3")
    speaker.hear(replace(late, seq=99))
    assert speaker.told(late) == [("ack", "refused", "cancelled")]


def test_a_cancel_that_matches_nothing_stops_nothing() -> None:
    speaker = Speaker()
    playing = speaker.order()
    cancel = speaker.order(CANCEL, alert=YELLOW)
    assert speaker.told(cancel) == [("ack", "accepted", "")]
    assert speaker.terminal.playing == playing


def test_a_second_try_at_what_was_played_is_answered_and_not_played() -> None:
    speaker = Speaker()
    first = speaker.order()
    delivery = int(first.cmd_id.split("-")[2])
    tries: list[dict[str, Any]] = [
        {"cmd_id": command_id(KEY, "t1", RED, delivery, attempt), "duplicate": True}
        for attempt in (2, 3)
    ]
    while_playing = speaker.order(**tries[0])
    speaker.forward(3 * ONCE_MS)
    after = speaker.order(**tries[1])
    assert speaker.plays() == [first.cmd_id]
    for command in (while_playing, after):
        assert speaker.told(command) == [("ack", "accepted", ""), ("result", "played", "3/3")]


def test_a_second_try_at_what_never_came_is_played() -> None:
    speaker = Speaker()
    again = speaker.order(cmd_id=command_id(KEY, "t1", RED, 77, 2), duplicate=True)
    assert speaker.plays() == [again.cmd_id]


def test_a_broken_one_refuses_and_a_weak_one_says_how_much() -> None:
    broken = Speaker(defect="amplifier-fault")
    assert broken.told(broken.order()) == [("ack", "refused", "amplifier-fault")]
    assert broken.told(broken.order(CANCEL)) == [("ack", "accepted", "")]
    weak = Speaker(breaks_after=1)
    command = weak.order()
    weak.forward(ONCE_MS)
    assert weak.told(command)[-1] == ("result", "played", "1/3")


def named(speaker: Speaker, mine: Command, *others: str, seq: int = 1) -> Command:
    """`mine`, as a command to its area says it."""
    stem, tail = split_command_id(mine.cmd_id)
    each = {**dict.fromkeys(others, tail), "t1": tail}
    return replace(mine, cmd_id=stem, to="area/330281", seq=seq, each=each)


def in_area() -> Speaker:
    return Speaker(areas=["330281"])


def test_one_that_an_area_command_names_answers_by_its_own_id() -> None:
    speaker = in_area()
    mine = speaker.command()
    speaker.hear(named(speaker, mine, "t2"))
    speaker.forward(3 * ONCE_MS)
    assert speaker.told(mine) == [("ack", "accepted", ""), ("result", "played", "3/3")]


def test_one_that_it_does_not_name_is_silent_and_says_nothing() -> None:
    speaker = in_area()
    mine = speaker.command()
    stem, tail = split_command_id(mine.cmd_id)
    effects = speaker.hear(replace(mine, cmd_id=stem, to="area/330281", each={"t2": tail}))
    assert speaker.terminal.playing is None
    (note,) = effects
    assert isinstance(note, Note)
    assert note.details["verdict"] == "not-named"


@pytest.mark.parametrize("area_first", [True, False])
@pytest.mark.parametrize("later", ["same-try", "marked", "unmarked"])
def test_told_by_area_and_singly_it_sounds_once(area_first: bool, later: str) -> None:
    """Two topics, two series of numbers, and a broker that keeps no order between them."""
    speaker = in_area()
    mine = speaker.command()
    again = mine if later == "same-try" else speaker.command()
    if later != "same-try":
        stem = delivery_stem(mine.cmd_id)
        again = replace(again, cmd_id=f"{stem}-2-{'0' * 16}", duplicate=later == "marked")
    heard = [named(speaker, mine), again]
    for command in heard if area_first else reversed(heard):
        speaker.hear(command)
    speaker.forward(20 * ONCE_MS)
    playing = [e for e in speaker.said if isinstance(e, Note) and e.what == "playing"]
    assert len(playing) == 1
    for command in (mine, again):
        told = speaker.told(command)
        assert ("ack", "accepted", "") in told
        assert told[-1] == ("result", "played", "3/3")


@pytest.mark.parametrize("cancel_by_area", [True, False])
def test_what_was_said_before_a_cancel_does_not_sound_after_it(cancel_by_area: bool) -> None:
    speaker = in_area()
    play = speaker.command()
    speaker.now += 1_000
    cancel = speaker.command(CANCEL)
    if cancel_by_area:
        cancel_heard, play_heard = named(speaker, cancel), play
    else:
        cancel_heard, play_heard = cancel, named(speaker, play)
    speaker.hear(cancel_heard)
    kept = json.loads(json.dumps(speaker.terminal.memory.to_document()))
    speaker.terminal.memory = Memory.from_document(kept)  # it holds over a restart, too
    speaker.hear(play_heard)
    assert speaker.terminal.playing is None
    assert speaker.told(play)[-1] == ("ack", "refused", "cancelled")
    speaker.now += 1_000
    assert speaker.order().alert == RED
    assert speaker.terminal.playing is not None, "said after it"
