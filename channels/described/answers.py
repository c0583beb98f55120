"""What a gateway's answer means, by its description. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from channels.base import Accepted, Fault, HookRefusedError, SendError
from channels.described.description import Answer
from channels.hook_reading import read_json, word
from channels.http_bulk import Answer as HttpAnswer
from channels.http_faults import fault_of_status, retry_after

# What may stand in a code of ours: a gateway's "code" may quote the number that it was given.
_TELLING: Final = re.compile(r"[A-Za-z_.:-]?[\w.:-]{0,63}", re.ASCII)
_NUMBER: Final = re.compile(r"\d{7}")
_T = TypeVar("_T")
_D = TypeVar("_D")


def at(value: Any, path: str) -> Any:
    """What stands at `path`, `name.0.name`, or None; "" is the value itself."""
    for step in path.split(".") if path else ():
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def scalar(value: Any) -> str | None:
    """A text, a number or a truth value as text; None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return value if isinstance(value, str) else None


def looked_up(table: Mapping[str, _T], code: str, default: _D) -> _T | _D:
    """The entry for `code`: its own, else the longest that ends in `*` and begins it."""
    if code in table:
        return table[code]
    starts = [key for key in table if key.endswith("*") and code.startswith(key[:-1])]
    return table[max(starts, key=len)] if starts else default


def telling(prefix: str, code: str) -> str:
    """The gateway's code as one of ours, where it can be one."""
    sound = _TELLING.fullmatch(code) and not _NUMBER.search(code)
    return f"{prefix}{code}" if sound else f"{prefix}refused"


def judge(how: Answer, answer: HttpAnswer, ours: str, now_ms: int) -> Accepted:
    """Accepted, or why not.

    Raises:
        SendError: It wasn't taken, or nobody can tell.
    """
    said = read(how, answer.body)
    code = code_in(how, said)
    reference = word(scalar(at(said, how.reference))) if how.reference else None
    status = fault_of_status(answer.status, retry_after(answer.retry_after, now_ms))
    if how.echo and (echoed := scalar(at(said, how.echo))) and echoed != ours:
        raise SendError(Fault.UNKNOWN, "answer-of-another")
    if code in how.ok or (code is None and reference is not None):
        if status is not None:
            raise SendError(Fault.UNKNOWN, "contradictory-answer")
        if code is None or (how.reference and reference is None):
            raise SendError(Fault.UNKNOWN, "malformed-answer")
        return Accepted(reference)
    if code is None:
        raise status or SendError(Fault.UNKNOWN, "malformed-answer")
    if reference is not None:
        raise SendError(Fault.UNKNOWN, "contradictory-answer")
    raise _refusal(how, code, status)


def _refusal(how: Answer, code: str, status: SendError | None) -> SendError:
    told = telling(how.prefix, code)
    if status is not None and status.fault is Fault.UNKNOWN:
        return SendError(Fault.UNKNOWN, told)  # it broke on the way, whatever the body says
    plain = how.default if status is None else status.fault
    fault = looked_up(how.faults, code, plain)
    return SendError(fault, told, retry_after_s=status.retry_after_s if status else None)


def read(how: Answer, body: bytes) -> Any:
    """The answer's values; an empty object where it can't be read."""
    if how.format == "text":
        match = re.fullmatch(how.pattern, body.decode("utf-8", "replace").strip())
        return match.groupdict() if match else {}
    try:
        return read_json(body)
    except HookRefusedError:
        return {}


def code_in(how: Answer, said: Any) -> str | None:
    """The first code that is there."""
    found = (scalar(at(said, path)) for path in how.code)
    return next((code for code in found if code), None)
