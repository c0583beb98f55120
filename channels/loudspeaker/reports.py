"""What loudspeakers say → receipts and presence; pure, and unmoved by whatever anybody sends.

Terminals publish under `alertd/v1/terminal/{id}/`:

- `ack`: `{"cmd_id", "status": "accepted"|"refused", "reason", "at"}`
- `result`: `{"cmd_id", "status": "played"|"interrupted"|"failed", "played", "of", "reason", "at"}`
- `fault`: `{"fault", "at"}`, an empty one when it is over
- `state`, retained: `{"fault", "at", …}`
- `online`, retained: the word `online` or, as the last will, `offline`
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from channels.base import Event, Fault, Presence, Receipt, ReceiptStatus
from channels.loudspeaker.commands import (
    MAX_WHOLE,
    ROOT,
    CommandRefusedError,
    SigningKey,
    is_terminal_id,
    read_command_id,
    read_object,
)

MAX_REPORT_BYTES = 8 * 1024
SAYS = ("ack", "result", "fault", "state", "online")
SUBSCRIPTIONS = tuple(f"{ROOT}/terminal/+/{word}" for word in SAYS)

_ANSWERS = frozenset({"ack", "result"})
_MOST_TERMINALS = 200_000  # whose presence is kept; a city has some hundred, a province the rest
_MOST_TIMES = 1000
_CODE = re.compile(r"(?!.*\d{5})[A-Za-z][A-Za-z0-9_.-]{0,39}")
# A refusal that another try may change; by any other the terminal won't ever play this. A box
# without a battery comes back from a power cut in the past, until it is told the time.
_PASSING_REFUSALS = frozenset({"busy", "not-yet", "old-sequence", "queue-full"})


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came; `retained` tells what was said before we listened."""

    topic: str
    payload: bytes
    retained: bool
    number: int = 0  # in the order of arrival; what comes to be read out of it doesn't count


def read_receipt(message: Message, key: SigningKey) -> Receipt | None:
    """The word on one try in an `ack` or `result`; None where it isn't one, or isn't ours."""
    terminal, says = split_topic(message.topic)
    if says not in _ANSWERS:
        return None
    document = _object(message.payload)
    cmd_id = document.get("cmd_id")
    named = read_command_id(key, terminal, cmd_id) if isinstance(cmd_id, str) else None
    if named is None:
        return None
    meaning = _ack(document) if says == "ack" else _result(document)
    if meaning is None:
        return None
    status, fault, detail = meaning
    return Receipt(
        delivery=named.delivery,
        attempt=named.attempt,
        status=status,
        fault=fault,
        code=_word(document.get("reason")),
        detail=detail,
        reference=str(cmd_id),
        occurred_at=_time(document),
    )


_Meaning = tuple[ReceiptStatus, Fault | None, str]


def _ack(document: Mapping[str, Any]) -> _Meaning | None:
    match document.get("status"):
        case "accepted":
            return ReceiptStatus.DELIVERED, None, ""
        case "refused":
            passing = _word(document.get("reason")) in _PASSING_REFUSALS
            return ReceiptStatus.FAILED, Fault.RETRY if passing else Fault.REFUSED, ""
        case _:
            return None


def _result(document: Mapping[str, Any]) -> _Meaning | None:
    played, of = document.get("played"), document.get("of")
    detail = f"{played}/{of}" if _times(played) and _times(of) else ""
    match document.get("status"):
        case "played":
            return ReceiptStatus.PLAYED, None, detail
        case "interrupted":
            return ReceiptStatus.INTERRUPTED, None, detail
        case "failed":
            return ReceiptStatus.FAILED, Fault.REFUSED, detail
        case _:
            return None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known of a terminal; `online` is None until it or its will has said so."""

    online: bool | None = None
    fault: str = ""
    at: int | None = None
    number: int = 0
    silent: bool = False  # offline by its silence: any word of its own brings it back


class Attendance:
    """Who is there. A change is told once, and only what has changed: heartbeats make no facts."""

    def __init__(self) -> None:
        self._told: dict[str, _Seen] = {}

    def changes(self, messages: Iterable[Message]) -> "Changes":
        """What `messages` change, without taking it as told: `adopt` does, once it is kept."""
        now: dict[str, _Seen] = {}
        for message in messages:
            terminal, says = split_topic(message.topic)
            before = now.get(terminal) or self._told.get(terminal) or _Seen()
            if says in _ANSWERS:
                after = _answered(before, message)
            elif says:
                after = _seen(before, says, message)
            else:
                continue
            if after is not None and after.number >= before.number:
                now[terminal] = after
        return Changes(now, [*self._events(now)])

    def silent(self, terminals: Iterable[str], at: int) -> "Changes":
        """What it changes that `terminals` have fallen silent."""
        now: dict[str, _Seen] = {}
        for terminal in terminals:
            before = self._told.get(terminal)
            if before is not None and before.online:
                now[terminal] = replace(before, online=False, at=at, silent=True)
        return Changes(now, [*self._events(now)])

    def adopt(self, changes: "Changes") -> None:
        """What was told is known now."""
        for terminal, seen in changes.seen.items():
            if terminal in self._told or len(self._told) < _MOST_TERMINALS:
                self._told[terminal] = seen

    def _events(self, now: Mapping[str, _Seen]) -> Iterable[Presence]:
        for terminal, seen in now.items():
            told = self._told.get(terminal, _Seen())
            if seen.online is None or (seen.online, seen.fault) == (told.online, told.fault):
                continue
            yield Presence(
                terminal=terminal, online=seen.online, fault=seen.fault, occurred_at=seen.at
            )


@dataclass(frozen=True, slots=True)
class Changes:
    """What some messages change in who is there, and the events that say so."""

    seen: Mapping[str, _Seen]
    events: list[Event]


def _answered(before: _Seen, message: Message) -> _Seen | None:
    if not before.silent or message.retained:
        return None
    return replace(before, online=True, silent=False, at=None, number=message.number)


def _seen(before: _Seen, says: str, message: Message) -> _Seen | None:
    if says == "online":
        word = message.payload.strip()
        if word not in {b"online", b"offline"}:
            return None
        if before.silent and message.retained:
            return before  # the broker's own memory of one that it never missed
        return _Seen(online=word == b"online", fault=before.fault, number=message.number)
    document = _object(message.payload)
    if not isinstance(document.get("fault"), str):
        return None
    # What was kept may be of a terminal that has died since; what is said now proves life.
    online = before.online if message.retained else True
    fault, silent = _word(document["fault"]), before.silent and message.retained
    return _Seen(online, fault, _time(document), message.number, silent)


def split_topic(topic: str) -> tuple[str, str]:
    """(terminal, what it says); ("", "") for any other topic."""
    prefix, _, says = topic.rpartition("/")
    root, _, terminal = prefix.rpartition("/")
    if root != f"{ROOT}/terminal" or says not in SAYS or not is_terminal_id(terminal):
        return "", ""
    return terminal, says


def _object(payload: bytes) -> Mapping[str, Any]:
    try:
        return read_object(payload, MAX_REPORT_BYTES)
    except CommandRefusedError:
        return {}


def _word(value: object) -> str:
    """A short code; a terminal's free text, and numbers that may be a phone's, reach no log."""
    if not isinstance(value, str) or value == "":
        return ""
    return value if _CODE.fullmatch(value) else "unreadable"


def _times(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST_TIMES


def _time(document: Mapping[str, Any]) -> int | None:
    at = document.get("at")
    return at if type(at) is int and 0 < at <= MAX_WHOLE else None
