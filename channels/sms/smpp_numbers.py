"""Phone numbers as a gateway writes them, and as everybody else does (E.164)."""

import phonenumbers

from channels.sms.smpp_pdus import LONGEST_ADDRESS

_INTERNATIONAL = 1  # TON, SMPP 3.4, 5.2.5


def outgoing_number(address: str, region: str, *, national: bool) -> str | None:
    """The digits that a submit names; None where it is no number.

    Args:
        address: E.164.
        region: Whose numbers are written without a country code, where `national`.
        national: Whether any are.
    """
    digits = address.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_ADDRESS):
        return None
    code = str(phonenumbers.country_code_for_region(region))
    return digits.removeprefix(code) if national and digits.startswith(code) else digits


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
    if ton == _INTERNATIONAL or digits != source:
        return f"+{digits}"
    try:
        # A national number first: 138… is China's, and a number of the country code 1 only there.
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return source
    if not phonenumbers.is_possible_number(number):
        return source
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
