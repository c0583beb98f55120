"""Our own number in a provider's field: (delivery, attempt) in at most 15 bytes, and back. Pure.

Fifteen, because that is all that a call's OutId may have (Alibaba Cloud, IvrCall); decimal wouldn't
fit.
"""

import re

_WRITTEN = re.compile(r"([0-9a-z]{1,13})-([0-9a-z]{1,6})")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LARGEST_DELIVERY = 2**63 - 1
_LARGEST_ATTEMPT = 2**31 - 1


def written(delivery: int, attempt: int) -> str:
    """The two numbers in base 36, a hyphen between."""
    return f"{_base36(delivery)}-{_base36(attempt)}"


def read(text: str) -> tuple[int, int] | None:
    """Delivery and attempt, or None where it isn't ours."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    delivery, attempt = int(match[1], 36), int(match[2], 36)
    if not (1 <= delivery <= _LARGEST_DELIVERY and 1 <= attempt <= _LARGEST_ATTEMPT):
        return None
    return delivery, attempt


def _base36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text or "0"
