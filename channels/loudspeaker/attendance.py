"""Who is there, by what loudspeakers and their last wills say; pure.

A change is told once, and only what has changed: heartbeats make no facts, and one that comes and
goes is told as that.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from channels.base import Event, Presence
from channels.loudspeaker.reports import (
    ANSWERS,
    Message,
    document_of,
    short_word,
    split_topic,
    time_of,
)
from channels.loudspeaker.steadiness import UNSTEADY, Steadiness

_MOST_TERMINALS = 200_000  # whose presence is kept; a city has some hundred, a province the rest
_WAITED_AT_MOST_MS = 3_600_000
_AHEAD_MS = 2 * 60 * 1000


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known of a terminal; `online` is None until it or its will has said so."""

    online: bool | None = None
    fault: str = ""
    at: int | None = None
    number: int = 0
    silent: bool = False  # offline by its silence: any word of its own brings it back
    told: tuple[bool | None, str] = (None, "")
    steady: Steadiness = field(default_factory=Steadiness)


@dataclass(frozen=True, slots=True)
class Changes:
    """What some messages change in who is there, and the events that say so."""

    seen: Mapping[str, _Seen]
    events: list[Event]


class Attendance:
    """Who is there; times are ms by our own clock."""

    def __init__(self) -> None:
        self._known: dict[str, _Seen] = {}
        self._held: set[str] = set()

    def changes(self, messages: Iterable[Message], now: int) -> Changes:
        """What `messages` change, without taking it as told: `adopt` does, once it is kept."""
        seen: dict[str, _Seen] = {}
        stirs: Counter[str] = Counter()
        for message in messages:
            terminal, says = split_topic(message.topic)
            before = seen.get(terminal) or self._known.get(terminal) or _Seen()
            if says in ANSWERS:
                after = _answered(before, message)
            elif says:
                after = _after(before, says, message, now)
            else:
                continue
            if after is not None and after.number >= before.number:
                seen[terminal] = after
                stirs[terminal] += _stirs(before, after, says, message)
        return _changes(seen, stirs, now)

    def silent(self, terminals: Iterable[str], at: int) -> Changes:
        """What it changes that `terminals` have fallen silent."""
        seen: dict[str, _Seen] = {}
        for terminal in terminals:
            before = self._known.get(terminal)
            if before is not None and before.online:
                seen[terminal] = replace(before, online=False, at=at, silent=True)
        return _changes(seen, dict.fromkeys(seen, 1), at, firmly=True)

    def flooding(self, terminal: str, fault: str, at: int) -> Changes:
        """What it changes that one is shut out, with `fault` as the reason."""
        before = self._known.get(terminal, _Seen())
        gone = replace(before, online=False, fault=fault, at=at, silent=True)
        return _changes({terminal: gone}, {terminal: 0}, at, firmly=True)

    def calm(self, now: int) -> Changes:
        """What it changes that some have stopped to come and go."""
        held = {name: self._known[name] for name in self._held}
        changes = _changes(held, dict.fromkeys(held, 0), now)
        kept = {name: seen for name, seen in changes.seen.items() if not seen.steady.held}
        return Changes(kept, changes.events)

    def adopt(self, changes: Changes) -> None:
        """What was told is known now."""
        for terminal, seen in changes.seen.items():
            if terminal in self._known or len(self._known) < _MOST_TERMINALS:
                self._known[terminal] = seen
                (self._held.add if seen.steady.held else self._held.discard)(terminal)


def _changes(
    seen: Mapping[str, _Seen], stirs: Mapping[str, int], now: int, *, firmly: bool = False
) -> Changes:
    """`firmly`: told of an unsteady one, too."""
    found: dict[str, _Seen] = {}
    events: list[Event] = []
    for name, each in seen.items():
        before, steady = each.steady, each.steady
        if each.online is not None and (stirs[name] or before.held):
            steady = before.stirred(stirs[name], now)
        told = each.told
        if each.online is not None and not (steady.held and before.held and not firmly):
            told = (each.online, UNSTEADY if steady.held else each.fault)
        found[name] = replace(each, told=told, steady=steady)
        if told != each.told:
            online, fault = bool(told[0]), told[1]
            events.append(Presence(terminal=name, online=online, fault=fault, occurred_at=each.at))
    return Changes(found, events)


def _stirs(before: _Seen, after: _Seen, says: str, message: Message) -> bool:
    """Whether it has changed, or greets although it is there: it had gone, and nobody saw it."""
    if (before.online, before.fault) != (after.online, after.fault):
        return True
    return bool(says == "online" and before.online and not message.retained)


def _answered(before: _Seen, message: Message) -> _Seen | None:
    if not before.silent or message.retained:
        return None
    return replace(before, online=True, silent=False, at=None, number=message.number)


def _after(before: _Seen, says: str, message: Message, now: int) -> _Seen | None:
    if says == "online":
        word = message.payload.strip()
        if word not in {b"online", b"offline"}:
            return None
        if before.silent and message.retained:
            return before  # the broker's own memory of one that it never missed
        online = word == b"online"
        return replace(before, online=online, at=None, number=message.number, silent=False)
    document = document_of(message.payload)
    if not isinstance(document.get("fault"), str):
        return None
    at, fault = time_of(document), short_word(document["fault"])
    return replace(
        before,
        # What was kept may be of a terminal that has died since; what is said now proves life.
        online=before.online if message.retained else True,
        fault=fault or ("" if at is None or message.retained else _clock(at, now)),
        at=at,
        number=message.number,
        silent=before.silent and message.retained,
    )


def _clock(at: int, now: int) -> str:
    """What is wrong with the clock by which it says so: it would refuse every alert, unheard.

    Nothing comes from the future. What comes from the past may have waited somewhere.
    """
    if at > now + _AHEAD_MS:
        return "clock-ahead"
    return "clock-behind" if at < now - _WAITED_AT_MOST_MS else ""
