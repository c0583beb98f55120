"""Reading what gateways post to us.

Bounded, strict in shape, forgiving in text, and never raising anything but HookRefusedError.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NoReturn

from pydantic_core import to_json

from channels.base import (
    Event,
    Fault,
    HookAnswer,
    HookRefusedError,
    HookRequest,
    ReceiptStatus,
)

UNHEARD: Mapping[str, Any] = {
    "status": ReceiptStatus.FAILED,
    "fault": Fault.RETRY,
    "code": "nothing-heard",
    "detail": "",
}
"""A receipt of a call that was taken and over in the same second, as some exchanges do by
themselves: nobody has heard a word."""

_LARGEST_INT = 2**63 - 1
_LATEST_AT = 4_102_444_800_000  # 2100-01-01: a later time is a unit error, not a time
_LONGEST_TEXT = 2_000  # characters; a concatenated SMS has 255 parts of 67 at most, nobody's has


def bound(request: HookRequest, max_body_bytes: int) -> None:
    """Refuse a body over its bound; the web refuses it while it streams in, this is the belt."""
    if len(request.body) > max_body_bytes:
        raise HookRefusedError(413, "body-too-large")


def read_json(body: bytes) -> Any:
    """Parse UTF-8 JSON as RFC 8259 has it, so without NaN and Infinity.

    Raises:
        HookRefusedError: 400, it isn't that.
    """
    try:
        text = body.decode("utf-8").strip(_SPACE)
        value, end = _JSON.raw_decode(text)
    except (ValueError, RecursionError) as error:  # ValueError: JSON, UTF-8 and over-long integers
        raise HookRefusedError(400, "malformed-json") from error
    if end != len(text):
        raise HookRefusedError(400, "malformed-json")
    return value


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("not JSON")


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)
_SPACE = " \t\r\n"  # RFC 8259's own; a decoder's own look for it takes longer than a short body


def whole(value: Any, *, least: int = 0, most: int = _LARGEST_INT) -> int | None:
    """An integer within bounds that fits a database's column, or None."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if least <= value <= most else None


def digits(value: str | None, *, least: int = 0, most: int = _LARGEST_INT) -> int | None:
    """A decimal integer as query strings and form fields carry it, or None."""
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 19:  # noqa: PLR2004 - digits of 2**63
        return None
    return whole(int(value), least=least, most=most)


def moment(value: Any) -> int | None:
    """A time in ms since the epoch, or None where it is none: a bad clock loses no reply."""
    return whole(value, most=_LATEST_AT)


def word(value: Any, longest: int = 128) -> str | None:
    """A short printable text that can stand in a key, or None."""
    if isinstance(value, str) and 0 < len(value) <= longest and value.isprintable():
        return value
    return None


def message_text(value: Any) -> str | None:
    """What a person wrote, mended where it couldn't be stored, or None where it isn't text.

    A lone surrogate or a NUL becomes U+FFFD: an answer isn't refused for the phone's sake.
    """
    if not isinstance(value, str):
        return None
    if value.isprintable():
        return value[:_LONGEST_TEXT]  # as most are: neither of the two is
    sound = value[:_LONGEST_TEXT].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return sound.replace("\0", "\ufffd")


def read_items(
    body: bytes, parse: Callable[[Any], Event | None]
) -> tuple[Sequence[Event], HookAnswer]:
    """Parse a JSON object, or an array of them, into events.

    One bad item in a batch takes none of its neighbours with it: the answer names it.

    Args:
        body: As received.
        parse: Gives an item's event, or None where it isn't one.

    Raises:
        HookRefusedError: 400, it isn't JSON, or no item is sound.
    """
    value = read_json(body)
    if not isinstance(value, list) and (event := parse(value)) is not None:
        return (event,), _taken(1, ())  # as most gateways bring replies
    items = value if isinstance(value, list) else [value]
    parsed = [parse(item) for item in items]
    events = [event for event in parsed if event is not None]
    refused = tuple(index for index, event in enumerate(parsed) if event is None)
    if refused and not events:
        raise HookRefusedError(400, "malformed-item")
    return events, _taken(len(events), refused)


@lru_cache(maxsize=64)
def _taken(accepted: int, refused: tuple[int, ...]) -> HookAnswer:
    answer = to_json({"accepted": accepted, "refused": refused})
    return HookAnswer(body=answer, content_type="application/json")
