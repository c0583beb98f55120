"""What a chat platform's answer means: most of their errors come with HTTP 200. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from channels.base import Fault, SendError
from channels.http_faults import fault_of_status, retry_after
from channels.http_web import WebAnswer

_SUCCESS = range(200, 300)
_SERVER_ERRORS = 500
_TOO_MANY = 429
_LARGEST_CODE = 10**9
_BUSY_S = 60.0  # where a platform doesn't say for how long


class BotBusyError(SendError):
    """One bot is to be silent for a while.

    Not THROTTLED, which would hold up the whole route: other groups have bots of their own, and
    those may speak.
    """

    def __init__(self, code: str, wait_s: float) -> None:
        super().__init__(Fault.BUSY, code, retry_after_s=wait_s)


class SignatureError(SendError):
    """The platform didn't believe the signature, or the time in it; nothing was handed over."""

    def __init__(self, code: str) -> None:
        super().__init__(Fault.REFUSED, code)


# A platform's code and words to what they mean, or None where nobody knows.
Meaning = Callable[[int, str], SendError | None]


def dead(code: str) -> SendError:
    """The group or its bot doesn't exist."""
    return SendError(Fault.DEAD, code)


def refused(code: str) -> SendError:
    """Not this message, or not from us."""
    return SendError(Fault.REFUSED, code)


def json_object(body: bytes) -> Mapping[str, Any]:
    """The JSON object that `body` is; an empty one where it is anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def is_success(answer: WebAnswer) -> bool:
    """Whether the status alone says that it went well."""
    return answer.status in _SUCCESS


def fault_of_answer(answer: WebAnswer, now_ms: int) -> SendError | None:
    """Judge the status alone, for one bot; None for 2xx."""
    wait_s = retry_after(answer.headers.get("retry-after"), now_ms)
    fault = fault_of_status(answer.status, wait_s)
    if answer.status == _TOO_MANY:
        return BotBusyError("http-429", _BUSY_S if wait_s is None else wait_s)
    return fault


def require_zero(
    answer: WebAnswer,
    *,
    service: str,
    code_fields: Sequence[str],
    words_field: str,
    meaning: Meaning,
    now_ms: int,
) -> None:
    """Return only if the answer says that the message was taken: a code that is 0.

    Args:
        answer: Status and body.
        service: In front of every code, such as `wecom`.
        code_fields: Where the code may stand; the first that is there counts.
        words_field: Where it is put into words.
        meaning: The platform's table.
        now_ms: Ours, for a Retry-After that is a date.

    Raises:
        SendError: It wasn't taken, or nobody can tell.
    """
    found = json_object(answer.body)
    code = next((_code(found[name]) for name in code_fields if name in found), None)
    fault = fault_of_answer(answer, now_ms)
    if code == 0:
        if fault is not None:
            raise SendError(Fault.UNKNOWN, "contradictory-answer")
        return
    if code is None or answer.status >= _SERVER_ERRORS or isinstance(fault, BotBusyError):
        raise fault or SendError(Fault.UNKNOWN, "malformed-answer")
    words = found.get(words_field)
    # A code that nobody can place is neither a success nor a failure.
    raise meaning(code, words if isinstance(words, str) else "") or SendError(
        Fault.UNKNOWN, f"{service}-{code}"
    )


def _code(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST_CODE:
        return None
    return value
