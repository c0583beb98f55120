"""Whole numbers, decimals and rows of digits in Chinese words; pure.

GB/T 15835 says when a number is a quantity and when a row of digits; the words are those of
broadcasting: 幺 for 1 in numbers that are dialled, 两 before what is counted.
"""

_DIGITS = "零一二三四五六七八九"
_DIALLED = "零幺二三四五六七八九"
_LONGEST = 12  # digits of a quantity, under 万亿; a longer row is none that anybody counts
_GROUP = 4


def digits(text: str) -> str:
    """Digit by digit, as in a year or a road's number: 2026 → 二零二六."""
    return "".join(_DIGITS[int(digit)] for digit in text)


def dialled(text: str) -> str:
    """Digit by digit, as a telephone number is read: 110 → 幺幺零."""
    return "".join(_DIALLED[int(digit)] for digit in text)


def whole(text: str) -> str:
    """A quantity: 105 → 一百零五, 2000 → 两千; with leading zeros, or too long, digit by digit."""
    if len(text) > _LONGEST or (len(text) > 1 and text[0] == "0"):
        return digits(text)
    number = int(text)
    if number == 0:
        return "零"
    words, gap = "", False
    for power, name in ((8, "亿"), (4, "万"), (0, "")):
        group = number // 10**power % 10**_GROUP
        if group == 0:
            gap = bool(words)
            continue
        if words and (gap or group < 10 ** (_GROUP - 1)):
            words += "零"
        words += _group(group, first=not words, named=bool(name)) + name
        gap = False
    return words


def decimal(text: str) -> str:
    """A quantity with or without a fraction: 2.05 → 二点零五."""
    before, dot, after = text.partition(".")
    return whole(before) + ("点" + digits(after) if dot else "")


def counted(text: str) -> str:
    """A quantity before what is counted: 2 → 两, 2.5 → 二点五, 12 → 十二."""
    return "两" if text == "2" else decimal(text)


def _group(number: int, *, first: bool, named: bool) -> str:
    """Up to four digits; 一十二 is 十二 where it begins a number, 2 is 两 before 千, 万 and 亿."""
    if named and number == 2:  # noqa: PLR2004 - the one number with a word of its own
        return "两"
    words, skipped = "", False
    for power, name in ((3, "千"), (2, "百"), (1, "十"), (0, "")):
        digit = number // 10**power % 10
        if digit == 0:
            skipped = bool(words)
            continue
        if skipped:
            words += "零"
        skipped = False
        if digit == 1 and power == 1 and not words and first:
            words += name
        elif digit == 2 and power == 3 and not words:  # noqa: PLR2004 - 两千
            words += "两" + name
        else:
            words += _DIGITS[digit] + name
    return words
