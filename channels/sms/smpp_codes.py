"""What SMPP's status codes and message states mean for the next try: pure.

SMPP 3.4, 5.1.3 and 5.2.28. A status that isn't zero says that the message wasn't taken; only the
two that don't know what happened are UNKNOWN. A code of the carrier's own (0x400 and up) is
refused by this route and free to be tried by another.
"""

from channels.base import Fault, ReceiptStatus, SendError

OK = 0x00
QUEUE_FULL = 0x14
THROTTLED = 0x58
INVALID_COMMAND = 0x03
ALREADY_BOUND = 0x05
REJECTED = 0x66

_FAULTS = {
    0x04: Fault.AWAY,  # not bound, or not for this: no message would fare better
    0x08: Fault.UNKNOWN,  # system error: at which point, it doesn't say
    0x0B: Fault.DEAD,  # invalid destination address
    0x0D: Fault.AWAY,  # bind failed
    QUEUE_FULL: Fault.THROTTLED,
    0x45: Fault.RETRY,  # submit failed
    THROTTLED: Fault.THROTTLED,
    0x64: Fault.RETRY,  # temporary application error
    0xFF: Fault.UNKNOWN,  # unknown error
}

# As `stat:` of a receipt's text has them, and as the TLV message_state does.
_STATES = {
    "ENROUTE": ReceiptStatus.ACCEPTED,
    "ACCEPTD": ReceiptStatus.ACCEPTED,
    "DELIVRD": ReceiptStatus.DELIVERED,
    "EXPIRED": ReceiptStatus.FAILED,
    "DELETED": ReceiptStatus.FAILED,
    "UNDELIV": ReceiptStatus.FAILED,
    "REJECTD": ReceiptStatus.FAILED,
}
_STATE_NUMBERS = {
    1: "ENROUTE",
    2: "DELIVRD",
    3: "EXPIRED",
    4: "DELETED",
    5: "UNDELIV",
    6: "ACCEPTD",
    7: "UNKNOWN",
    8: "REJECTD",
}


def refusal(status: int) -> SendError:
    """The error that a status other than 0 stands for."""
    return SendError(_FAULTS.get(status, Fault.REFUSED), code_of(status))


def code_of(status: int) -> str:
    """A status as a short word."""
    return f"smpp-0x{status:02x}"


def state_word(number: int) -> str:
    """The word for a TLV message_state; "" for one that doesn't exist."""
    return _STATE_NUMBERS.get(number, "")


def fault_of_state(status: ReceiptStatus) -> Fault | None:
    """Whatever a receipt says of failure, another route may still bring it."""
    return Fault.REFUSED if status is ReceiptStatus.FAILED else None


def status_of_state(word: str) -> ReceiptStatus | None:
    """What a receipt's state says; None where it says nothing, as UNKNOWN does."""
    return _STATES.get(word)
