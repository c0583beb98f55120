"""Phone numbers as a gateway writes them, and as everybody else does (E.164)."""

import phonenumbers

from channels.sms.smpp_pdus import LONGEST_ADDRESS

_SHORTEST = 7
_MOBILE = {
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
}
_INTERNATIONAL = 1  # TON, SMPP 3.4, 5.2.5


def outgoing_number(address: str, left_out: str) -> str | None:
    """The digits that a submit names; None where it is no number.

    Args:
        address: E.164.
        left_out: A country code that the gateway doesn't want to see, or "".
    """
    digits = address.removeprefix("+")
    if digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_ADDRESS:
        return digits.removeprefix(left_out)
    return None


def incoming_number(source: str, ton: int, region: str) -> str:
    """E.164 where `source` can be read as a number, else as given.

    Args:
        source: Digits as a rule; a name or a short number otherwise.
        ton: Its type of number; many gateways say 0 for all.
        region: Where a number without country code belongs.
    """
    digits = source.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return source
    if digits != source or (ton == _INTERNATIONAL and not _is_mobile(digits, region)):
        return f"+{digits}"
    try:
        # A national number first: 138… is China's, and a number of the country code 1 only there.
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return source
    # A new block may be in nobody's list yet; a service's short number is no one's phone.
    if len(digits) < _SHORTEST or not phonenumbers.is_possible_number(number):
        return source
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_subscribers(address: str, ours: str, region: str) -> bool:
    """Whether it names a phone of the region's; neither us, nor nobody, nor a masked one.

    Args:
        address: As the gateway wrote it, with country code or without.
        ours: Our own number, which an extension may follow; "" where there is none.
        region: Its two letters.
    """
    digits = address.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()) or (ours and digits.startswith(ours)):
        return False
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.number_type(number) in _MOBILE


def _is_mobile(digits: str, region: str) -> bool:
    """Whether they are one of the region's own mobile numbers, without its country code.

    Some gateways call every number international, also those that they give without the code; who
    answers by one would be a stranger.
    """
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return False
    if str(number.national_number) != digits:
        return False
    return phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
