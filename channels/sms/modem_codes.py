"""What a modem's and a network's numbers mean for the next try.

+CMS ERROR below 300 is the network's own cause (3GPP 24.011, 23.040), from 300 on the modem's
(27.005); +CME ERROR is the modem's (27.007). TP-Status is 23.040, 9.2.3.15.
"""

from dataclasses import dataclass

from channels.base import Fault, ReceiptStatus

# Nothing is wrong with the message: this modem can't send it, another one may. Below 300 it is the
# network's word on the SIM that sends: barred, unknown to the network, without a contract for SMS.
_SIM = {*(f"cms-{n}" for n in range(310, 319)), *(f"cme-{n}" for n in range(10, 19))}
_MODEMS_OWN = _SIM | {
    *("cms-8", "cms-28", "cms-50", "cms-193"),
    *("cms-300", "cms-302", "cms-303", "cms-320", "cms-322", "cms-330", "cms-331"),
    *("cms-340", "cme-3", "cme-4", "cme-5", "cme-30", "cme-32"),
}
_FAULTS = {
    "cms-1": Fault.DEAD,  # unassigned number
    "cms-10": Fault.REFUSED,  # call barred
    "cms-17": Fault.RETRY,  # the network failed before it passed anything on
    "cms-21": Fault.REFUSED,  # transfer rejected
    "cms-22": Fault.THROTTLED,  # congestion, before it passed anything on
    "cms-27": Fault.RETRY,  # destination out of service
    "cms-29": Fault.REFUSED,  # facility rejected
    "cms-30": Fault.REFUSED,  # unknown subscriber: the recipient, or the SIM that sends
    "cms-38": Fault.RETRY,  # network out of order
    "cms-41": Fault.RETRY,  # temporary failure
    "cms-42": Fault.THROTTLED,  # congestion
    "cms-47": Fault.THROTTLED,  # resources unavailable
    "cms-69": Fault.REFUSED,  # facility not implemented
    "cms-192": Fault.THROTTLED,  # service centre busy
    "cms-194": Fault.RETRY,  # service centre's failure
    "cms-195": Fault.DEAD,  # invalid address
    "cms-196": Fault.REFUSED,  # destination barred
    "cms-304": Fault.REFUSED,  # the modem can't read the message
    "cms-305": Fault.REFUSED,  # the same, in text mode
}
# Networks say these also of a SIM without credit, or with another network's service centre.
_PERHAPS_THE_SIM = {"cms-10", "cms-21", "cms-29", "cms-30", "cms-69"}
_PROTOCOL_ERRORS = range(81, 128)  # the network doesn't understand this message
_TEMPORARY = range(0x60, 0x80)  # the service centre has given up
_STILL_TRYING = range(0x20, 0x40)
_RECEIVED = 0x00
# Done, by the service centre's own lights: it may not know whether it arrived, or has put another
# message in its place; the rest are reserved, or a centre's own.
_DONE_SOMEHOW = range(0x01, 0x20)
_EXPIRED = 0x46


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a refused part means.

    Args:
        fault: For the message.
        code: For logs.
        modems_own: The modem itself is at fault: the message may go to another.
        asks_another: The message may be at fault, or the SIM: another modem's word decides.
    """

    fault: Fault
    code: str
    modems_own: bool = False
    asks_another: bool = False


def judge(number: str | None, name: str, *, submitted: bool) -> Verdict:
    """A part that a modem didn't take.

    Args:
        number: The modem's own, e.g. `cms-38`, or None.
        name: gammu's name of its error, e.g. `ERR_TIMEOUT`.
        submitted: Whether the modem may have had the whole message.
    """
    code = number or name.lower().replace("_", "-").removeprefix("err-")
    if not submitted or number in _MODEMS_OWN:
        return Verdict(Fault.AWAY, code, modems_own=True)
    if number in _FAULTS:
        return Verdict(_FAULTS[number], code, asks_another=number in _PERHAPS_THE_SIM)
    if number is not None and number.startswith("cms-"):
        cause = int(number.removeprefix("cms-"))
        if cause in _PROTOCOL_ERRORS:
            return Verdict(Fault.REFUSED, code)
    # 332 (the network didn't answer in time), 500 (unknown) and makers' own numbers, as well as
    # any answer that gammu couldn't read: the network may have it.
    return Verdict(Fault.UNKNOWN, code)


def is_sims(number: str | None) -> bool:
    """Whether the SIM keeps a modem from working: it is missing, or wants its PIN again."""
    return number in _SIM


def report_meaning(status: int) -> tuple[ReceiptStatus, Fault | None] | None:
    """What a TP-Status says of a part; None where that's neither arrival nor failure."""
    if status == _RECEIVED:
        return ReceiptStatus.DELIVERED, None
    if status in _DONE_SOMEHOW or status in _STILL_TRYING or status < 0:
        return None
    # 0x46: the phone was off for as long as the message was valid. 0x60 and up: temporary, but the
    # service centre tries no more. The others say that this way won't do.
    retry = status == _EXPIRED or status in _TEMPORARY
    return ReceiptStatus.FAILED, Fault.RETRY if retry else Fault.REFUSED
