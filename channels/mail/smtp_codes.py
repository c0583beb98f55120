"""What a mail server's reply codes mean for the next try: pure. RFC 5321 and RFC 3463."""

import re

from channels.base import Fault, SendError

_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})(?!\d)")
_SHUTTING_DOWN = 421
_NO_SUCH_MAILBOX = {550, 551, 553}
# 4.3.2 not accepting now, 4.4.5 congestion, 4.7.28 and the like are local words for "too many".
_SLOW_DOWN = {(3, 2), (4, 5)}
_OF_OUR_OWN_ADDRESS = {7, 8}  # 5.1.7 and 5.1.8 are about the sender, for whatever recipient


def enhanced(text: str) -> tuple[int, int, int] | None:
    """The enhanced status that `text` begins with, e.g. 5.1.1, or None."""
    found = _ENHANCED.match(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def is_dead(status: tuple[int, int, int]) -> bool:
    """Whether an enhanced status says that there is no such mailbox, or that it is closed."""
    addressed = status[1] == 1 and status[2] not in _OF_OUR_OWN_ADDRESS
    return status[0] == 5 and (addressed or status[1:] == (2, 1))  # noqa: PLR2004 - RFC 3463


def fault_of_reply(code: int, text: str, *, of_recipient: bool = False) -> SendError:
    """The fault that a reply other than the hoped-for one is.

    Args:
        code: The three digits.
        text: What came after them; it may hold an address and is passed on by no means.
        of_recipient: Whether it answered RCPT.
    """
    status = enhanced(text)
    word = f"smtp-{code}" + (f"-{'.'.join(map(str, status))}" if status else "")
    if code == _SHUTTING_DOWN or (status and status[0] == 4 and status[1:] in _SLOW_DOWN):  # noqa: PLR2004 - temporary
        return SendError(Fault.THROTTLED, word)
    if 400 <= code < 500:  # noqa: PLR2004 - temporary
        return SendError(Fault.RETRY, word)
    if 500 <= code < 600:  # noqa: PLR2004 - permanent
        if is_dead(status) if status else of_recipient and code in _NO_SUCH_MAILBOX:
            return SendError(Fault.DEAD, word)
        return SendError(Fault.REFUSED, word)
    return SendError(Fault.UNKNOWN, "malformed-answer")
