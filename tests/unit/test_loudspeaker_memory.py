"""A loudspeaker with a real player, and what it still knows after a restart."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from channels.loudspeaker.commands import (
    Command,
    CommandType,
    SigningKey,
    command_id,
    command_topic,
    sign,
)
from channels.loudspeaker.loudness import Hours, read_hours, volume
from channels.loudspeaker.terminal import Effect, Note, Say, Terminal
from channels.loudspeaker.terminal_memory import Memory

KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
T0 = 1_790_000_000_000
RED, YELLOW = "a" * 32, "b" * 32


def command(delivery: int, **changes: Any) -> Command:
    values: dict[str, Any] = {
        "cmd_id": command_id(KEY, "t1", RED, delivery, 1),
        "to": "terminal/t1",
        "alert": RED,
        "type": CommandType.ACTUAL,
        "severity": 1,
        "seq": delivery,
        "not_before": T0,
        "expires": T0 + 600_000,
        "text": "台风",
        "repeat": 3,
    }
    return Command(**(values | changes))


def box(memory: Memory | None = None) -> Terminal:
    return Terminal("t1", {KEY.key_id: KEY.public}, once_ms=None, memory=memory)


def restarted(terminal: Terminal) -> Terminal:
    """Another one that knows what the disk kept."""
    kept = json.dumps(terminal.memory.to_document())
    return box(Memory.from_document(json.loads(kept)))


def hear(terminal: Terminal, what: Command, now: int = T0) -> list[Effect]:
    return terminal.hear(command_topic(what.to), sign(what, KEY), now)


def said(effects: list[Effect]) -> list[tuple[str, ...]]:
    """(topic, status, n/m or reason) of what is published; ("note", what) of the rest."""
    found: list[tuple[str, ...]] = []
    for effect in effects:
        if isinstance(effect, Note):
            if effect.what != "heard":
                found.append(("note", effect.what))
            continue
        document = effect.document
        end = f"{document['played']}/{document['of']}" if effect.topic == "result" else ""
        found.append((effect.topic, document["status"], end, document.get("reason", "")))
    return found


def test_only_the_player_says_that_it_was_heard() -> None:
    terminal = box()
    assert said(hear(terminal, command(1))) == [("ack", "accepted", "", ""), ("note", "playing")]
    assert terminal.tick(T0 + 500_000) == []
    assert terminal.heard_once(T0 + 1) == terminal.heard_once(T0 + 2) == []
    ended = terminal.heard_once(T0 + 3)
    assert said(ended) == [("note", "ended"), ("result", "played", "3/3", "")]
    assert terminal.heard_once(T0 + 4) == terminal.broke("no-player", T0 + 4) == []


def test_what_is_not_through_when_its_time_is_over_is_broken_off() -> None:
    terminal = box()
    hear(terminal, command(1))
    terminal.heard_once(T0 + 1)
    assert terminal.due_at == T0 + 600_000
    ended = terminal.tick(T0 + 600_000)
    assert said(ended) == [("note", "ended"), ("result", "interrupted", "1/3", "expired")]


@pytest.mark.parametrize(("rounds", "status"), [(0, "failed"), (2, "interrupted")])
def test_a_player_that_fails_is_told_and_the_next_one_has_its_turn(
    rounds: int, status: str
) -> None:
    terminal = box()
    hear(terminal, command(1))
    hear(terminal, command(2))
    for _ in range(rounds):
        terminal.heard_once(T0)
    assert said(terminal.broke("no-player", T0)) == [
        *(("note", "ended"), ("result", status, f"{rounds}/3", "no-player"), ("note", "playing")),
    ]
    assert terminal.playing == command(2)


def test_a_restart_plays_nothing_again() -> None:
    terminal = box()
    first = command(1, repeat=1)
    hear(terminal, first)
    terminal.heard_once(T0)
    after = restarted(terminal)
    assert after.wake(T0) == []
    assert said(hear(after, first)) == [
        ("ack", "accepted", "", ""),
        ("result", "played", "1/1", ""),
    ]
    # Nor anything that was recorded and never arrived: its number is an old one now.
    hear(after, command(5, repeat=1))
    assert said(hear(restarted(after), command(4))) == [("ack", "refused", "", "old-sequence")]


def test_a_restart_goes_on_with_what_was_not_heard_to_its_end() -> None:
    terminal = box()
    hear(terminal, command(1))
    hear(terminal, command(2, severity=2))
    terminal.heard_once(T0)
    after = restarted(terminal)
    assert said(after.wake(T0 + 60_000)) == [("note", "playing")]
    after.heard_once(T0)
    assert said(after.heard_once(T0)) == [
        *(("note", "ended"), ("result", "played", "3/3", ""), ("note", "playing")),
    ]


def test_after_the_restart_its_time_may_be_over() -> None:
    terminal = box()
    hear(terminal, command(1))
    terminal.heard_once(T0)
    assert said(restarted(terminal).wake(T0 + 600_000)) == [
        ("note", "ended"),
        ("result", "interrupted", "1/3", "expired"),
    ]


def test_a_box_that_its_own_playing_brings_down_stops_trying() -> None:
    terminal = box()
    hear(terminal, command(1))
    for _ in range(2):
        terminal = restarted(terminal)
        assert said(terminal.wake(T0)) == [("note", "playing")]
    assert said(restarted(terminal).wake(T0)) == [
        ("note", "ended"),
        ("result", "interrupted", "0/3", "restarts"),
    ]


def test_a_cancel_after_a_restart_stops_what_went_on() -> None:
    terminal = box()
    hear(terminal, command(1))
    after = restarted(terminal)
    after.wake(T0)
    stop = command(2, type=CommandType.CANCEL, repeat=0, text="")
    assert said(hear(after, stop)) == [
        *(("ack", "accepted", "", ""), ("note", "ended")),
        ("result", "interrupted", "0/3", "cancelled"),
    ]


@pytest.mark.parametrize(
    "document",
    [
        *({}, {"v": 2}, {"v": 1}),
        {"v": 1, "last": 5, "acks": [], "results": [], "waiting": [], "play": None},
        {"v": 1, "last": [], "acks": [], "results": [], "waiting": [{}], "play": None},
    ],
)
def test_a_memory_that_is_none_is_told(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="memory"):
        Memory.from_document(document)


NIGHT = [read_hours("22:00-06:00=40")]
NOON, MIDNIGHT = 1_790_049_600_000, 1_790_006_400_000  # 12:00 and 00:00 in Shanghai
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("now", "severity", "asked", "heard"),
    [
        (NOON, 2, 100, 100),
        (MIDNIGHT, 2, 100, 40),
        (MIDNIGHT, 4, 30, 30),
        (MIDNIGHT, 1, 100, 100),  # red
        (MIDNIGHT, 1, 80, 80),
        (MIDNIGHT + 6 * 3_600_000, 2, 100, 100),
        (MIDNIGHT + 6 * 3_600_000 - 1, 2, 100, 40),
        (MIDNIGHT - 2 * 3_600_000, 2, 100, 40),
        (MIDNIGHT - 2 * 3_600_000 - 1, 2, 100, 100),
    ],
)
def test_the_hour_bounds_the_volume_but_for_red(
    now: int, severity: int, asked: int, heard: int
) -> None:
    what = command(1, severity=severity, volume=asked)
    assert volume(what, now, NIGHT, SHANGHAI) == heard


def test_hours_by_day() -> None:
    assert read_hours("12:00-14:00=20") == Hours(720, 840, 20)
    assert volume(command(1, severity=3), NOON, [Hours(720, 840, 20)], SHANGHAI) == 20
    assert read_hours("0:00-24:00=50").hold_at(1439)


@pytest.mark.parametrize("text", ["", "22-6=40", "22:00-06:00", "25:00-06:00=4", "1:00-2:00=101"])
def test_hours_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="hours are"):
        read_hours(text)


def test_says_are_what_the_reports_read() -> None:
    """A guard for `said` above: every Say has the words that it reads."""
    assert all(isinstance(e, Note | Say) for e in hear(box(), command(1)))
