"""Numbers in a reply: counts of people, fractions, tallies, and numbers that answer nothing."""

import re
from typing import Final

MAX_COUNT = 99_999
"""In a city of a million no duty has more people to move; longer numbers are telephones."""
NO_COUNT: Final = -1
"""The figure of a number that counts nobody: too long, 七八, 二三十."""

_N = r"\d{1,5}(?!\d)"
_HEADS = r"(?:个人|人|名|位|口)"
_CHINESE = "零〇一二两三四五六七八九十百千"
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_DIGIT = "[一二两三四五六七八九]"

TALLY: Final = rf"(?:(?:应转移?|已转移?|未转移?)(?:人数)?[ :]?{_N} ?{_HEADS}?[ ,、;。]*){{2,3}}"
REST: Final = (
    rf"(?:还有|还剩|剩余|还余|尚有|剩|未转移?) ?{_N} ?{_HEADS}(?:未|没|待|尚未|还没)?(?:转移|撤离)?"
)
_SECOND = rf"{_N} ?{_HEADS}?(?![\d/])"
FRACTION: Final = rf"(?<![\d/]){_N} ?{_HEADS}? ?/ ?{_SECOND}"
_SOME = rf"(?:{_N}|[{_CHINESE}]{{1,6}})"
PEOPLE: Final = (  # with their households, if any: 12户35人, 35人(12户)
    rf"(?:{_SOME} ?户[ ,、]?(?:共计?|合计|总?计)? ?|共计?|合计|人数[ :]?(?=\d))?{_SOME} ?{_HEADS}"
    rf"(?:人员|群众|村民|居民|老人)?(?:[ ,、]?\(?{_N} ?户\)?(?=[\s,。!]|$))?(?![次民家均数/])"
)
NOT_AN_ANSWER: Final = (  # times, dates, decimals, floors, houses, ranges
    r"\d+(?:[.:/\-x]\d+){2,}|\d+[.:x\-]\d+|\d+/\d{6,}"
    r"|\d+(?:[楼层栋幢号点时分天日月年周室米次条台辆处家岁元个户批车队班区度级类小万寸尺%°]|公里|厘米|公分|毫米|cm|mm|km)"
    r"|\d+ (?:分钟|小时|天后|点钟)|\d+[a-z](?![a-z0-9])"
    r"|0 (?:伤亡|死亡|受伤|失踪|险情|事故|报告|casualt|injur|people|left)"  # nothing to report
)
# A Chinese numeral is a number only where it stands alone, or behind 回 and 回复: 统一, 一会.
_ALONE = r"(?:(?<![一-鿿0-9])|(?<=回复)|(?<=回))"
NUMBER: Final = (
    rf"\d+|{_ALONE}[零〇一二三四](?![一-鿿0-9])|(?<![{_CHINESE}])[{_CHINESE}]{{2,6}}(?![一-鿿])"
)

_PAIR = re.compile(r"(应转|已转|未转)移?(?:人数)?[ :]?(\d+)")
_HOUSEHOLDS = re.compile(rf"{_SOME} ?户")  # their number is nobody's count
_FIGURES = re.compile(rf"\d+|[{_CHINESE}]+")
_SCALED = re.compile(  # in 三百五 the last digit counts tens, and in 一千二 hundreds
    rf"(?:({_DIGIT})千)?(?:({_DIGIT})(?:百|(?<=千{_DIGIT})$))?"
    rf"(?:[零〇]?({_DIGIT}?)(?:十|(?<=百{_DIGIT})$))?(?:[零〇]?({_DIGIT}))?"
)
_ABOUT = re.compile(rf"{_DIGIT}{{2,}}")  # 七八人 are seven or eight


def figures(text: str) -> tuple[int, ...]:
    """The numbers in a token, but of households; `NO_COUNT` where one counts nobody."""
    return tuple(_value(found) for found in _FIGURES.findall(_HOUSEHOLDS.sub("", text)))


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
    if not {"十", "百", "千"}.isdisjoint(text):
        return _scaled(text)
    digits = "".join(str(_DIGITS.get(char, char)) for char in text)
    too_long = len(digits) > len(str(MAX_COUNT))
    return NO_COUNT if too_long or _ABOUT.fullmatch(text) else int(digits)


def _scaled(text: str) -> int:
    found = _SCALED.fullmatch(text)
    if not found:
        return NO_COUNT
    # 十 without a digit is one ten.
    thousands, hundreds, tens, ones = (_DIGITS[digit or "一"] for digit in found.groups("零"))
    return thousands * 1000 + hundreds * 100 + tens * 10 + ones
