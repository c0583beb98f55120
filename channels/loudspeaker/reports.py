"""What loudspeakers say → receipts; pure, and unmoved by whatever anybody sends.

Who is there is read out of the same words by `attendance.py`.

Terminals publish under `alertd/v1/terminal/{id}/`:

- `ack`: `{"cmd_id", "status": "accepted"|"refused", "reason", "at"}`
- `result`: `{"cmd_id", "status": "played"|"interrupted"|"failed", "played", "of", "reason", "at"}`
- `fault`: `{"fault", "at"}`, an empty one when it is over
- `state`, retained: `{"fault", "at", …}`
- `online`, retained: the word `online` or, as the last will, `offline`
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels.base import Fault, Receipt, ReceiptStatus
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

ANSWERS = frozenset({"ack", "result"})
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
    if says not in ANSWERS:
        return None
    document = document_of(message.payload)
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
        code=short_word(document.get("reason")),
        detail=detail,
        reference=str(cmd_id),
        occurred_at=time_of(document),
    )


_Meaning = tuple[ReceiptStatus, Fault | None, str]


def _ack(document: Mapping[str, Any]) -> _Meaning | None:
    match document.get("status"):
        case "accepted":
            return ReceiptStatus.DELIVERED, None, ""
        case "refused":
            passing = short_word(document.get("reason")) in _PASSING_REFUSALS
            return ReceiptStatus.FAILED, Fault.RETRY if passing else Fault.REFUSED, ""
        case _:
            return None


def _result(document: Mapping[str, Any]) -> _Meaning | None:
    played, of = document.get("played"), document.get("of")
    detail = f"{played}/{of}" if _times(played) and _times(of) else ""
    match document.get("status"):
        case "played" if played == 0 and detail:
            return ReceiptStatus.FAILED, Fault.REFUSED, detail  # its own number says: not once
        case "played":
            return ReceiptStatus.PLAYED, None, detail
        case "interrupted":
            return ReceiptStatus.INTERRUPTED, None, detail
        case "failed":
            return ReceiptStatus.FAILED, Fault.REFUSED, detail
        case _:
            return None


def split_topic(topic: str) -> tuple[str, str]:
    """(terminal, what it says); ("", "") for any other topic."""
    prefix, _, says = topic.rpartition("/")
    root, _, terminal = prefix.rpartition("/")
    if root != f"{ROOT}/terminal" or says not in SAYS or not is_terminal_id(terminal):
        return "", ""
    return terminal, says


def document_of(payload: bytes) -> Mapping[str, Any]:
    """The JSON object in it; an empty one where there is none."""
    try:
        return read_object(payload, MAX_REPORT_BYTES)
    except CommandRefusedError:
        return {}


def short_word(value: object) -> str:
    """A short code; a terminal's free text, and numbers that may be a phone's, reach no log."""
    if not isinstance(value, str) or value == "":
        return ""
    return value if _CODE.fullmatch(value) else "unreadable"


def _times(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST_TIMES


def time_of(document: Mapping[str, Any]) -> int | None:
    """When it was said by the terminal's own clock, ms; None where it didn't tell."""
    at = document.get("at")
    return at if type(at) is int and 0 < at <= MAX_WHOLE else None
