"""What is put around a rendered text: signature, 【演练】, (重发). No template can do it itself.

The order, from the front: 【演练】, then the signature, then the text, then (重发). The drill mark
comes first on every channel (DOMAIN, "Drills and lessons"), before the signature too: whoever
reads only the first word knows that it is a drill. A gateway that demands the signature first, or
adds its own, takes registered templates (`Outgoing.template`) in which the mark has its place.
"""

import re
import unicodedata
from typing import Final

from alertd.errors import InvalidInputError

EXERCISE_MARK: Final = "【演练】"
TEST_MARK: Final = "【测试】"

_DENIES_DRILL = re.compile(r"(不是|并非|非|不属于|没有)(一[次场])?演[练練习習]")
_DENIES_DRILL_EN = re.compile(r"\b(not|no)\W+(an?\W+|the\W+)?(drill|exercise)\b|\bnon\W*drill\b")
_SAYS_DRILL = re.compile(r"演[练練习習]")
_SAYS_DRILL_EN = re.compile(r"\bdrills?\b|\bexercise\W+(exercise|only)\b|\ban\W+exercise\b")


def mark_exercise(text: str, *, language: str = "zh-CN", channel: str = "sms") -> str:
    """Put 【演练】 in front of a rendered text; once, however often it is called.

    A loudspeaker has no brackets and its hearers come late, so that the words are spoken, in front
    and at the end again.
    """
    if text.startswith(EXERCISE_MARK):
        return text
    english = language.startswith("en")
    if channel in {"loudspeaker", "voice"}:
        if english:
            return f"{EXERCISE_MARK}This is a drill. {text} This was a drill."
        return f"{EXERCISE_MARK}这是演练。{text}以上内容为演练。"
    return f"{EXERCISE_MARK}DRILL: {text}" if english else f"{EXERCISE_MARK}{text}"


def mark_test(text: str) -> str:
    """Put 【测试】 in front of a text that reaches only its author."""
    return text if text.startswith(TEST_MARK) else f"{TEST_MARK}{text}"


def unmarked(text: str) -> str:
    """A text of `mark_exercise` or `mark_test` without its mark, to be marked anew elsewhere."""
    for mark in (f"{EXERCISE_MARK}DRILL: ", EXERCISE_MARK, TEST_MARK):
        if text.startswith(mark):
            return text.removeprefix(mark)
    return text


def mark_duplicate(text: str, *, language: str = "zh-CN") -> str:
    """Say at the end that the reader may have seen this already."""
    mark = " (resent)" if language.startswith("en") else "(重发)"
    return text if text.endswith(mark) else text + mark


def sign(text: str, signature: str, *, language: str = "zh-CN") -> str:
    """Put the sender's name in front: 【余姚市防指】, or `Name: ` in English (【 isn't GSM-7)."""
    if not signature:
        return text
    return f"{signature}: {text}" if language.startswith("en") else f"【{signature}】{text}"


def guard_drill_words(text: str, status: str) -> None:
    """Refuse a text, before it is marked, that denies a drill in a drill or speaks of one live.

    Args:
        text: Rendered, without marks.
        status: CAP status; Exercise and Test must not deny, Actual must not speak of a drill.

    Raises:
        InvalidInputError: It does. White space, punctuation and width don't hide the words.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    compact = re.sub(r"[\W_]+", "", folded)
    if status != "Actual":
        if _DENIES_DRILL.search(compact) or _DENIES_DRILL_EN.search(folded):
            raise InvalidInputError("A drill's text must not deny that it is one.", field="params")
        return
    rest, rest_en = _DENIES_DRILL.sub("", compact), _DENIES_DRILL_EN.sub("", folded)
    if _SAYS_DRILL.search(rest) or _SAYS_DRILL_EN.search(rest_en):
        raise InvalidInputError("A live alert's text must not speak of a drill.", field="params")
