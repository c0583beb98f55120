"""Sender extensions (扩展码): an alert's short code in the digits behind the sender's number.

The letters count hundreds, A being none, so that A7 is 007 and B2 is 102: whoever looks at the
sender's number can read it. A contract gives one to some digits, and what doesn't fit into them
comes round again; `decide.interpret` knows that an extension is given out again.
"""

import re

_CODE = re.compile(r"([A-Z]{1,3})([0-9]{1,2})")
_LETTERS = 26


def extension_of(short_code: str, digits: int) -> str:
    """The last `digits` digits of the code's number; "" where there is no such code."""
    match = _CODE.fullmatch(short_code)
    if digits <= 0 or match is None:
        return ""
    block = 0
    for letter in match[1]:
        block = block * _LETTERS + ord(letter) - ord("A") + 1
    return f"{(block - 1) * 100 + int(match[2]):0{digits}}"[-digits:]


def extension_in(given: str, digits: int) -> str:
    """The extension at the end of the number that a reply came to; "" where it has none."""
    if digits <= 0 or len(given) < digits or not (given.isascii() and given.isdigit()):
        return ""
    return given[-digits:]
