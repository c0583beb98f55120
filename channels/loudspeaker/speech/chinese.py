"""A Chinese text as it is spoken: digits, units, times and marks in words; pure.

A voice reads 18时 well and 13800000001 as eleven thousand millions; 50 mm it spells. Here every
number is told in words first, so that any voice says the same. What a number is follows from what
stands around it, in the order of `_RULES`; each place in the text is read once.
"""

import re
import unicodedata
from collections.abc import Callable

from channels.loudspeaker.speech.chinese_numbers import counted, decimal, dialled, digits, whole
from channels.loudspeaker.speech.units import CHINESE_UNITS, IS_COUNTED, any_of

_N = r"\d+(?:\.\d+)?"
_CLOCK = r"\d{1,2}:\d\d(?::\d\d)?"
_UNIT = any_of(CHINESE_UNITS)
_FROM_TO = r"\s*[-‐‑–—~〜∼至到]{1,2}\s*"
_DIALLING = "(?:拨打|拨|致电|电话|热线|手机|联系|短号)"
_MAX_HOUR, _MAX_MINUTE, _MONTHS, _DAYS = 24, 59, 12, 31
_SHORT = 2  # digits that are read as a number behind a letter: A7, G15; S308 is read digit by digit
_MOBILE = 11
_TENTH = 10

_Match = re.Match[str]


def spoken(text: str) -> str:
    """`text` without digits and with its marks as pauses.

    Full-width forms are taken as what they stand for; web addresses are left out.
    """
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)  # 12,000
    text = _ANY.sub(_say, text)
    for pattern, words in _MARKS:
        text = pattern.sub(words, text)
    return text.strip("，、 ")


def _say(match: _Match) -> str:
    for name, (_, say) in _RULES.items():
        if match[name] is not None:
            return say(match[name], match.string[match.end() :])
    raise AssertionError(match)  # one of the alternatives matched


def _nothing(_: str, __: str) -> str:
    return ""


def _phone(text: str, _: str) -> str:
    """In the groups that people say: 138,0000,0001; the area's code by itself."""
    numbers = re.findall(r"\d+", text)
    if len(numbers) == 1 and len(numbers[0]) == _MOBILE and numbers[0][0] == "1":
        numbers = [numbers[0][:3], numbers[0][3:7], numbers[0][7:]]
    return "，".join(dialled(number) for number in numbers)


def _called(text: str, after: str) -> str:
    """A number that is dialled because the words before it say so: 拨打120."""
    words = re.match(r"\D*", text)
    head = words[0] if words else ""
    return head + _phone(text[len(head) :], after)


def _date(text: str, _: str) -> str:
    year, month, day = re.findall(r"\d+", text)
    if not (1 <= int(month) <= _MONTHS and 1 <= int(day) <= _DAYS):
        return "杠".join(digits(part) for part in (year, month, day))
    return f"{digits(year)}年{_plain(month)}月{_plain(day)}日"


def _year(text: str, _: str) -> str:
    return digits(text)


def _clocks(text: str, _: str) -> str:
    return "到".join(_clock(one) for one in re.findall(_CLOCK, text))


def _clock(text: str) -> str:
    hour, minute, *second = re.findall(r"\d+", text)
    if int(hour) > _MAX_HOUR or int(minute) > _MAX_MINUTE:
        return "比".join(_plain(part) for part in (hour, minute, *second))
    words = counted(str(int(hour))) + "点"
    if int(minute) or second:
        words += _minutes(minute) + "分"
    return words + (_minutes(second[0]) + "秒" if second else "")


def _minutes(text: str) -> str:
    """05 → 零五, 30 → 三十, 00 → 零."""
    number = int(text)
    return ("零" if 0 < number < _TENTH else "") + whole(str(number))


def _hours(text: str, _: str) -> str:
    hour, unit, minute = re.fullmatch(r"(\d+)([时点])(\d+)分", text).groups()  # type: ignore[union-attr]
    said = counted(str(int(hour))) if unit == "点" else _plain(hour)
    return f"{said}{unit}{_minutes(minute)}分"


def _percent(text: str, _: str) -> str:
    words = "到".join("百分之" + decimal(number) for number in re.findall(_N, text))
    return words if text.endswith("%") else words.replace("百分之", "千分之")


def _degrees(text: str, _: str) -> str:
    found = re.findall(rf"(?:(?<!\d)(?<!\d\s)([-−]))?({_N})", text)
    return "到".join(("零下" if sign else "") + counted(n) for sign, n in found) + "摄氏度"


def _measure(text: str, _: str) -> str:
    numbers, unit = re.fullmatch(rf"(.*?)\s*({_UNIT})", text).groups()  # type: ignore[union-attr]
    return "到".join(counted(n) for n in re.findall(_N, numbers)) + CHINESE_UNITS[unit]


def _range(text: str, after: str) -> str:
    first, last = re.findall(_N, text)
    return f"{decimal(first)}到{_number(last, after)}"


def _rooms(text: str, _: str) -> str:
    """3-502: a house and a room."""
    return "杠".join(dialled(part) for part in text.split("-"))


def _fraction(text: str, _: str) -> str:
    above, below = text.split("/")
    if int(above) < int(below) <= _TENTH:
        return f"{whole(below)}分之{whole(above)}"
    return f"{whole(above)}，{whole(below)}"


def _version(text: str, _: str) -> str:
    return "点".join(whole(part) for part in text.split("."))


def _code(text: str, _: str) -> str:
    """A7 → A 七: the letters one by one, which a voice would make a word of."""
    letters = re.match(r"[A-Za-z]+", text)
    head = letters[0] if letters else ""
    number = text[len(head) :].lstrip("-")
    said = whole(number) if len(number) <= _SHORT and number[0] != "0" else digits(number)
    return f"{' '.join(head.upper())} {said}"


def _numbered(text: str, _: str) -> str:
    """第2 and 2# are never 两."""
    if text[0] == "第":
        return "第" + whole(text[1:])
    return whole(text.rstrip("#")) + "号"


def _negative(text: str, after: str) -> str:
    return "负" + _number(text[1:], after)


def _number(text: str, after: str) -> str:
    return counted(text) if IS_COUNTED.match(after.lstrip()) else decimal(text)


def _plain(text: str) -> str:
    return whole(str(int(text)))


# The first that fits says what a number is.
_RULES: dict[str, tuple[str, Callable[[str, str], str]]] = {
    "url": (r"https?://[!-~]+", _nothing),
    "called": (rf"{_DIALLING}(?:为|是|号码|:|\s)*\d[\d-]{{2,14}}(?![\d人户名个家处])", _called),
    "mobile": (r"(?<![\d.])(?:\+?86[- ]?)?1[3-9]\d{9}(?!\d)", _phone),
    "landline": (r"(?<![\d.])(?:0\d{2,3}-\d{7,8}|400-\d{3,4}-\d{3,4})(?!\d)", _phone),
    "date": (r"(?<!\d)\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?!\d)", _date),
    "year": (r"(?<![\d.])(?:19|20)\d\d(?=年(?!内|以))", _year),
    "clock": (rf"(?<!\d){_CLOCK}(?:{_FROM_TO}{_CLOCK})?(?!\d)", _clocks),
    "hours": (r"\d{1,2}[时点]\d{1,2}分", _hours),
    "degrees": (rf"[-−]?{_N}(?:{_FROM_TO}[-−]?{_N})?\s*(?:°C|摄氏度)", _degrees),
    "percent": (rf"{_N}[%‰]?(?:{_FROM_TO}{_N})?[%‰]", _percent),
    "measure": (rf"{_N}(?:{_FROM_TO}{_N})?\s*{_UNIT}", _measure),
    "rooms": (r"(?<![\d.-])\d{1,3}-\d{3,4}(?![\d.-])", _rooms),
    "range": (rf"{_N}{_FROM_TO}{_N}", _range),
    "fraction": (r"(?<![\d/])\d{1,4}/\d{1,4}(?![\d/])", _fraction),
    "version": (r"\d+(?:\.\d+){2,}", _version),
    "code": (r"(?<![A-Za-z])[A-Za-z]{1,3}-?\d{1,6}(?![A-Za-z\d])", _code),
    "numbered": (r"第\d+|\d+#", _numbered),
    "negative": (rf"(?<![\w)])[-−]{_N}", _negative),
    "number": (_N, _number),
}
_ANY = re.compile("|".join(f"(?P<{name}>{pattern})" for name, (pattern, _) in _RULES.items()))

_MARKS = [
    (re.compile(pattern), words)
    for pattern, words in (
        ("≥", "大于等于"),
        ("≤", "小于等于"),
        (">", "大于"),
        ("<", "小于"),
        (r"\+", "加"),
        ("=", "等于"),
        ("&", "和"),
        ("→", "到"),
        (r"(?<=\w)[~〜∼](?=\w)", "到"),
        (r"(?<=[\u4e00-\u9fff])/(?=[\u4e00-\u9fff])", "、"),
        # Brackets and lines are heard as a pause.
        (r"\s*\n+\s*", "。"),
        (r"[\[\]【】〔〕()<>《》「」『』\"“”'‘’*#@_|^`\\{}]+", "，"),
        (r"[,:;]", "，"),
        (r"\.{2,}|…+|-{2,}|—+", "，"),
        ("!", "！"),
        (r"\?", "？"),
        (r"[，、\s]*([。！？])[，、。\s]*", r"\1"),
        ("[，、]{2,}", "，"),
    )
]
