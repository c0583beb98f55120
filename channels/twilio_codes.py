"""What Twilio's error codes mean for the next try: pure.

From Twilio's error and warning dictionary, https://www.twilio.com/docs/api/errors. It says that
codes are split and added as time goes by, so an unknown one must be safe: refused by this route,
free to be tried by another.
"""

from channels.base import Fault

_FAULTS = {
    # The number can't receive, by anybody's route.
    21211: Fault.DEAD,  # invalid 'To'
    21217: Fault.DEAD,  # not a phone number
    21265: Fault.DEAD,  # 'To' is a short code
    21614: Fault.DEAD,  # 'To' isn't a mobile number
    21635: Fault.DEAD,  # 'To' is a landline
    21610: Fault.OPTED_OUT,  # the recipient sent STOP
    # The route is full and must slow down.
    10004: Fault.THROTTLED,  # too many calls at once
    14107: Fault.THROTTLED,  # message rate
    20429: Fault.THROTTLED,  # too many requests
    21611: Fault.THROTTLED,  # the sender's queue is full
    30001: Fault.THROTTLED,  # queue overflow
    # This route didn't get through, and another may: another carrier knows the phone better.
    30003: Fault.REFUSED,  # the handset is unreachable
    30005: Fault.REFUSED,  # the handset is unknown to the carrier that was asked
    30006: Fault.REFUSED,  # a landline, or the carrier is unreachable
    30036: Fault.REFUSED,  # it waited in Twilio's queue for longer than ValidityPeriod
    # Twilio or a carrier filters it: the same text by this account does harm and no good.
    30004: Fault.REFUSED,  # blocked
    30007: Fault.REFUSED,  # filtered
}


def fault_of_code(code: int) -> Fault:
    """The fault that `code` stands for, in an answer as in a receipt."""
    return _FAULTS.get(code, Fault.REFUSED)
