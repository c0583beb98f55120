"""What an HTTP answer means for the next try, where the gateway has no better word of its own."""

import errno
from email.utils import parsedate_to_datetime

from channels.base import Fault, SendError

_OK = range(200, 300)
_TRY_AGAIN = {408, 425, 503}
_TILL_SOME_ARE_FREE_S = 1.0
_LONGEST_RETRY_AFTER_S = 3600.0  # a gateway that says "next week" isn't believed


class NotSentError(Exception):
    """The connection never came about: not one byte of the message left."""


class BusyError(NotSentError):
    """No connection was free in time: nothing left, and the gateway may well be there."""


class LostAnswerError(Exception):
    """The message may have left, and no readable answer came; `code` says what was seen."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def fault_of_exchange(error: NotSentError | LostAnswerError) -> SendError:
    """What an exchange that brought no answer means for the message."""
    if isinstance(error, LostAnswerError):
        return SendError(Fault.UNKNOWN, error.code)
    if isinstance(error, BusyError):
        return SendError(Fault.RETRY, "no-free-connection")
    if _is_ours(error):
        return SendError(Fault.THROTTLED, "no-descriptors", retry_after_s=_TILL_SOME_ARE_FREE_S)
    return SendError(Fault.AWAY, "no-connection")


def _is_ours(error: BaseException) -> bool:
    """Whether it is this process that may open no more, and no gateway's fault."""
    cause = error.__cause__
    if cause is None:
        return False
    return getattr(cause, "errno", None) in {errno.EMFILE, errno.ENFILE} or _is_ours(cause)


def fault_of_status(status: int, retry_after_s: float | None = None) -> SendError | None:
    """Judge a status alone; None for 2xx.

    A 500, 502 or 504 says that something broke on the way and not whether the message had gone
    before: UNKNOWN. Only 503 and its kin promise that nothing was done (RFC 9110, 15.6).
    """
    if status in _OK:
        return None
    code = f"http-{status}"
    if status == 429:  # noqa: PLR2004 - Too Many Requests
        return SendError(Fault.THROTTLED, code, retry_after_s=retry_after_s)
    if status in _TRY_AGAIN:
        return SendError(Fault.RETRY, code, retry_after_s=retry_after_s)
    if 300 <= status < 500:  # noqa: PLR2004 - 3xx isn't followed
        return SendError(Fault.REFUSED, code)
    return SendError(Fault.UNKNOWN, code)


def retry_after(value: str | None, now_ms: int) -> float | None:
    """Read a Retry-After header, seconds or a date; None where there is none or it is nonsense."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now_ms / 1000
        except (ValueError, OverflowError):
            return None
    if not 0 <= seconds < float("inf"):
        return None
    return min(seconds, _LONGEST_RETRY_AFTER_S)
