"""Phone numbers: read as E.164, masked for show."""

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

import phonenumbers

# Sample cities get their numbers from here: 154 has no operator (phonenumbers' metadata for CN
# knows none), so that a sample roster on a real gateway still rings at nobody's.
FICTIONAL_PREFIX = "+86154"

_MOBILE = re.compile(r"(?:\+86|0086|86)?(1[3-9]\d{9})")
_SPOILT = re.compile(r"\d+(?:\.\d+)?[eE]\+?\d+")
_POINT_ZERO = re.compile(r"(\+?\d{7,15})\.0+")
_SEPARATORS = str.maketrans("", "", " \t-()./\u00a0\u2010\u2011\u2012\u2013\u2014")
_BETWEEN = re.compile(r"[ ,;/、|\\]+|和|或")
_LETTER = re.compile("[A-Za-z]")  # the library dials them: three Os, typed for noughts, as 666
_SHORT = re.compile(r"\d{5,6}")
_SHORTEST = 7  # anything shorter is a service or a short number, not one to text


@dataclass(frozen=True, slots=True)
class ReadPhone:
    """What a cell gave: a number, or the code of the problem; perhaps the code of a remark."""

    number: str = field(default="", repr=False)
    problem: str = ""  # a code of problems.WORDINGS
    remark: str = ""  # likewise: mended, or worth a look


def read_phone(cell: str) -> ReadPhone:
    """Read a cell as one phone number that can be dialled from anywhere.

    Chinese mobile numbers are known by their shape, as new blocks are given out faster than a
    library learns of them; one in no known block is accepted with a remark. All others must be
    valid by phonenumbers, a fixed line with its area code.
    """
    text = unicodedata.normalize("NFKC", cell).strip()
    if "*" in text:
        return ReadPhone(problem="phone-masked")
    if _SPOILT.fullmatch(text):
        return ReadPhone(problem="phone-spoilt")
    mended = _POINT_ZERO.fullmatch(text)
    digits = (mended.group(1) if mended else text).translate(_SEPARATORS)
    remark = "phone-mended" if mended else ""
    mobile = _MOBILE.fullmatch(digits)
    if mobile:
        national = mobile.group(1)
        if not _block_is_known(national[:5]):
            remark = "phone-unassigned"
        return ReadPhone(number=f"+86{national}", remark=remark)
    number = _by_library(digits)
    if number:
        return ReadPhone(number=number, remark=remark)
    return ReadPhone(problem="phone-several" if _are_several(text) else "phone-invalid")


def _are_several(text: str) -> bool:
    """Whether a text is two numbers or more, as people write them into one cell."""
    parts = [part for part in _BETWEEN.split(text) if part]
    return len(parts) > 1 and all(not read_phone(part).problem for part in parts)


@lru_cache(maxsize=8192)
def _block_is_known(first_five: str) -> bool:
    """Whether a mobile number's first five digits are in use, or are the sample's own."""
    number = f"+86{first_five}000000"
    return is_fictional(number) or phonenumbers.is_valid_number(phonenumbers.parse(number))


def _by_library(digits: str) -> str:
    if not digits.isascii() or len(digits) < _SHORTEST or _LETTER.search(digits):
        return ""
    try:
        parsed = phonenumbers.parse(digits, "CN")
    except phonenumbers.NumberParseException:
        return ""
    if parsed.extension or not phonenumbers.is_valid_number(parsed):
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def read_short_phone(cell: str) -> str:
    """A group's own short number, 5–6 digits, or "" where the cell holds none."""
    text = unicodedata.normalize("NFKC", cell).strip().removesuffix(".0")
    return text if _SHORT.fullmatch(text) else ""


def mask(number: str) -> str:
    """A number as it may be shown: its last two digits."""
    return f"***{number[-2:]}" if number else ""


def national(number: str) -> str:
    """A number as a Chinese spreadsheet has it: mobiles without +86, the rest as E.164."""
    mobile = _MOBILE.fullmatch(number)
    return mobile.group(1) if mobile else number


def is_fictional(number: str) -> bool:
    """Whether an E.164 number is of the block that sample cities use."""
    return number.startswith(FICTIONAL_PREFIX)


def takes_sms(number: str) -> bool:
    """Whether an E.164 number may get an SMS: a Chinese one has to be a mobile."""
    return not number.startswith("+86") or bool(_MOBILE.fullmatch(number))
