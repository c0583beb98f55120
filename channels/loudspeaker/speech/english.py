"""An English text as it is spoken; pure. Voices read numbers well, and calls and units badly."""

import re
import unicodedata

from channels.loudspeaker.speech.units import ENGLISH_UNITS, any_of

_UNIT = any_of({name: words for name, words in ENGLISH_UNITS.items() if name[0].isalpha()})


def spoken(text: str) -> str:
    """`text` with calls digit by digit, units in words, and marks as pauses."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"https?://[!-~]+", "", text)
    text = re.sub(r"【[^】]*】", "", text)  # the Chinese mark; 'This is a drill' is said besides
    text = re.sub(r"(?<![\d.])\+?\d[\d-]{9,14}(?!\d)", _call, text)
    text = re.sub(r"(?i)\b(call|dial|phone)( on)?:? (\d{3,6})\b", _dial, text)
    text = re.sub(rf"(?<=\d)\s*({_UNIT}|°C|%)", lambda m: f" {ENGLISH_UNITS[m[1]]}", text)
    text = re.sub(r"\b([A-Z])(\d{1,3})\b", r"\1 \2", text)
    text = re.sub(r"[\[\]()<>\"“”*#@_|^`\\{}]+", ", ", text)
    text = re.sub(r"\s*([,;:.!?])(?:\s*[,;:])*(?=\s|$)", r"\1", text)
    return re.sub(r"\s+", " ", text).strip(" ,")


def _call(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match[0])
    if len(groups) == 1:
        groups = [groups[0][:3], groups[0][3:7], groups[0][7:]]
    return ", ".join(" ".join(group) for group in groups if group)


def _dial(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2] or ''} {' '.join(match[3])}"
