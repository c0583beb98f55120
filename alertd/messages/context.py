"""The values that the system itself gives a template, cleaned and bounded.

Who is told, for which duties, who hasn't answered: these come out of the roster and the engine
while an alert is under way, when no operator is there to mend them. So they are cut to size and
never refused; what an operator types is checked by `params` instead, before anything is issued.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from alertd.cap import Colour, ResponseLevel

# Name → bound in characters, for a list over all its items.
TEXTS: Mapping[str, int] = MappingProxyType(
    {
        "code": 12,  # the alert's short code, A7
        "event": 40,  # 台风
        "headline": 100,  # CAP's
        "instruction": 200,  # CAP's
        "areas": 200,  # names of the areas addressed
        "expires": 40,  # as people say it: 10月7日18时
        "source": 100,  # id of the warning that is cited
        "unit": 60,  # the unit that needs help
        "units": 120,  # of several duties, as `duties`
        "duties": 120,  # the duties of a person who holds several
        "people": 60,  # those who share the phone
        "names": 300,  # the units that are silent
        "choices": 100,  # open alerts to choose from: A7台风、B2暴雨
        "person": 30,
        "phone": 40,  # spoken digit by digit: with a space after each
        "link": 100,  # to the recipient's own page
        "said": 100,  # the reply, in its sender's words
        "stage": 20,  # received, on_post, done; several: of a digest about more than one
        "kind": 20,  # the answer's kind
        "told": 20,  # who is told of a cry for help: both, superior, desk, nobody
        "colour": 10,
        "level": 10,
    }
)
NUMBERS: Final = frozenset({"count", "of", "minutes"})
DERIVED: Final = frozenset({"colour_name", "level_name", "more", "issuer"})
# Out of the roster, settings and replies: a place may be called 演练场, and nobody mends that at
# dispatch.
GIVEN_NAMES: Final = frozenset(
    {
        *("areas", "unit", "units", "duties", "people", "names", "choices", "person", "phone"),
        *("said", "link"),
    }
)
NAMES: Final = frozenset(TEXTS) | NUMBERS | DERIVED

_COLOURS: Mapping[str, Mapping[Colour, str]] = {
    "zh-CN": {
        Colour.RED: "红色",
        Colour.ORANGE: "橙色",
        Colour.YELLOW: "黄色",
        Colour.BLUE: "蓝色",
    },
    "en": {
        Colour.RED: "RED",
        Colour.ORANGE: "ORANGE",
        Colour.YELLOW: "YELLOW",
        Colour.BLUE: "BLUE",
    },
}
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BRACKETS = str.maketrans("【】", "〔〕")
_MAX_ITEMS = 50


def values_for(
    params: Mapping[str, Any], *, language: str, issuer: str = ""
) -> dict[str, str | int | None]:
    """Every name of NAMES with its value: "" or None where `params` has none.

    A value may be a text, a list of texts, or a mapping of language to either.
    """
    values: dict[str, str | int | None] = {
        # Of `names` the template says how many there are, and `more` that not all are named.
        name: _text(params.get(name), limit, language, counted=name != "names")
        for name, limit in TEXTS.items()
    }
    for name in NUMBERS:
        number = params.get(name)
        values[name] = number if isinstance(number, int) and abs(number) < 10**9 else None
    values["colour_name"] = colour_name(str(values["colour"]), language)
    values["level_name"] = level_name(str(values["level"]), language)
    values["issuer"] = issuer
    count = values["count"]
    shown = _fitting(params.get("names") or (), TEXTS["names"], language)
    values["more"] = int(isinstance(count, int) and bool(shown) and count > len(shown))
    return values


def colour_name(colour: str, language: str) -> str:
    """A signal's colour as people read it, or "" where there is none."""
    return _COLOURS[language][Colour(colour)] if colour in set(Colour) else ""


def level_name(level: str, language: str) -> str:
    """A response level as people read it, or "" where there is none."""
    if level not in set(ResponseLevel):
        return ""
    return f"level {level}" if language == "en" else f"{ResponseLevel(level).roman}级"


def in_language(value: Any, language: str) -> Any:
    """The value itself, or of a mapping by language the entry for `language`, else the first."""
    if not isinstance(value, Mapping):
        return value
    return value.get(language, next(iter(value.values()), ""))


@lru_cache(maxsize=2_048)  # the same few values stand in every recipient's text
def clean(text: str) -> str:
    """One line, without control and direction characters; 【】 are the signature's alone."""
    printable = "".join(
        " " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char
        for char in _BIDI.sub("", text)
        if unicodedata.category(char) != "Cs"
    )
    return " ".join(printable.translate(_BRACKETS).split())


def _text(value: Any, limit: int, language: str, *, counted: bool) -> str:
    value = in_language(value, language)
    if value is None:
        return ""
    if isinstance(value, str | int | float):
        return _cut(clean(str(value)), limit)
    return _listed(value, limit, language, counted=counted)


def _listed(items: Any, limit: int, language: str, *, counted: bool) -> str:
    """As many whole items as fit; where more are meant, how many in all.

    Whoever answers for thirty grids and reads nine of them must know that there are others.
    """
    separator = _separator(language)
    total = len([item for item in items if item]) if isinstance(items, list | tuple) else 0
    fitting = _fitting(items, limit, language)
    if len(fitting) >= total or not counted:
        return separator.join(fitting)
    more = f" and others, {total} in all" if language == "en" else f"等{total}个"
    return separator.join(_fitting(items, limit - len(more), language)) + more


def _fitting(items: Any, limit: int, language: str) -> list[str]:
    """As many whole items as fit with their separators; the first is cut if it doesn't itself."""
    if not isinstance(items, list | tuple):
        return []
    texts = [text for item in items[:_MAX_ITEMS] if item and (text := clean(str(item)))]
    fitting: list[str] = []
    room = limit
    for text in texts:
        width = len(text) + (len(_separator(language)) if fitting else 0)
        if fitting and width > room:
            break
        fitting.append(_cut(text, limit))
        room -= width
    return fitting


def _separator(language: str) -> str:
    return ", " if language == "en" else "、"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
