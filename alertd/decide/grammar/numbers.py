"""Numbers in a reply: counts of people, fractions, tallies, and numbers that answer nothing."""

import re
from typing import Final

MAX_COUNT = 99_999
"""In a city of a million no duty has more people to move; longer numbers are telephones."""

_N = r"\d{1,5}(?!\d)"
_HEADS = r"(?:个人|人|名|位|口)"
_CHINESE = "零〇一二两三四五六七八九十百千"
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_SCALES = {"十": 10, "百": 100, "千": 1000}

TALLY: Final = rf"(?:(?:应转移?|已转移?|未转移?)(?:人数)?[ :]?{_N} ?{_HEADS}?[ ,、;。]*){{2,3}}"
REST: Final = (
    rf"(?:还有|还剩|剩余|还余|尚有|剩|未转移?) ?{_N} ?{_HEADS}(?:未|没|待|尚未|还没)?(?:转移|撤离)?"
)
_SECOND = rf"{_N} ?{_HEADS}?(?![\d/])"
FRACTION: Final = rf"(?<![\d/]){_N} ?{_HEADS}? ?/ ?{_SECOND}"
PEOPLE: Final = (
    rf"(?:{_N}|[{_CHINESE}]{{1,6}}) ?{_HEADS}(?:人员|群众|村民|居民|老人)?(?![次民家均])"
)
NOT_AN_ANSWER: Final = (  # times, dates, decimals, floors, houses, ranges
    r"\d+(?:[.:/\-x]\d+){2,}|\d+[.:x\-]\d+|\d+/\d{6,}"
    r"|\d+(?:[楼层栋幢号点时分天日月年周室米次条台辆处家岁元个户批车队班区度级类小%°]|公里|cm|mm|km)"
    r"|\d+ (?:分钟|小时|天后|点钟)|\d+[a-z](?![a-z0-9])"
)
# A Chinese numeral is a number only where it stands alone, or behind 回 and 回复: 统一, 一会.
_ALONE = r"(?:(?<![一-鿿0-9])|(?<=回复)|(?<=回))"
NUMBER: Final = (
    rf"\d+|{_ALONE}[零〇一二三四](?![一-鿿0-9])|(?<![{_CHINESE}])[{_CHINESE}]{{2,6}}(?![一-鿿])"
)

_PAIR = re.compile(r"(应转|已转|未转)移?(?:人数)?[ :]?(\d+)")
_FIGURES = re.compile(rf"\d+|[{_CHINESE}]+")


def figures(text: str) -> tuple[int, ...]:
    """The numbers in a token, in order; -1 where Chinese numerals make no number."""
    return tuple(_value(found) for found in _FIGURES.findall(text))


def tally(text: str) -> tuple[int, int] | None:
    """Moved and to be moved, from 应转 / 已转 / 未转; None where they are missing or disagree."""
    pairs = {name: int(value) for name, value in _PAIR.findall(text)}
    if "已转" not in pairs:
        return None
    moved = pairs["已转"]
    left = pairs.get("未转")
    total = pairs.get("应转", moved + (left or 0))
    agrees = left is None or moved + left == total
    return (moved, total) if agrees else None


def _value(text: str) -> int:
    if text.isdecimal():
        return int(text) if len(text) <= len(str(MAX_COUNT)) else MAX_COUNT + 1
    if any(char in _SCALES for char in text):
        return _scaled(text)
    return int("".join(str(_DIGITS[char]) for char in text))


def _scaled(text: str) -> int:
    total, digit = 0, None
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
        else:
            total += (1 if digit is None else digit) * _SCALES[char]
            digit = None
    return total + (digit or 0)
