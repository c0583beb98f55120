"""A message as a notice for the board: one A4 page of HTML, in large type. Pure."""

from html import escape
from math import ceil
from typing import Final

from alertd.i18n import LANGUAGES, N_, translator
from channels.base import Outgoing

_ACTUAL: Final = "Actual"
NOT_REAL: Final = {  # on every notice that isn't about something real
    "Exercise": N_("EXERCISE. This is practice; nothing has happened."),
    "Test": N_("TEST. This is a trial of the equipment; nothing has happened."),
}
_POST: Final = N_("Post this where everybody passes, then answer: {answer}")
_TWICE: Final = N_("This may be a second print. Where the first one hangs, leave it at that.")
_STOP: Final = N_("Take down what was posted before on this matter.")
_RECEIVED: Final = "1"  # in the reply grammar; "done" would say that people were moved
_COLOURS: Final = {1: "#c8102e", 2: "#e87722", 3: "#d9a300", 4: "#1f5fa8"}  # by CAP severity
# In points. What is left for the text on A4 beside every note that a notice can have, measured by
# printing with Chromium: 510 by 454; a line is 1.4 times as high as its type.
_SIZES: Final = (48, 36, 26, 18, 12)
_SMALLEST: Final = 9
_WIDTH, _HEIGHT, _LINE = 510, 450, 1.4
_NARROW: Final = 0.6  # of a Chinese character's width, which is its type's size: any other
_FIRST_CHINESE: Final = "\u2e80"

_PAGE: Final = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
@page {{ size: A4 portrait; margin: 15mm; }}
body {{ font-family: "Noto Sans CJK SC", "Microsoft YaHei", SimHei, sans-serif; margin: 0; }}
header, footer {{ border: 0 solid {colour}; padding: 3mm 0; }}
header {{ border-top-width: 10mm; }}
footer {{ border-top-width: 1mm; font-size: 11pt; }}
pre {{ font: inherit; font-size: {size}pt; line-height: 1.4; margin: 0;
  white-space: pre-wrap; overflow-wrap: anywhere; }}
p {{ margin: 1mm 0; }}
.not-real {{ border: 1mm solid; font-size: 20pt; font-weight: bold; padding: 2mm; }}
</style>
</head>
<body>
<header>{marks}</header>
<pre>{text}</pre>
<footer>{footer}</footer>
</body>
</html>
"""


def write(message: Outgoing) -> str:
    """The page for `message`; whatever stands in it is text and never markup."""
    marks = _lines(NOT_REAL[message.status]) if message.status in NOT_REAL else []
    notes = _lines(_STOP) if message.stop else []
    if message.possible_duplicate:
        notes += _lines(_TWICE)
    notes += _lines(_POST, answer=f"{message.short_code} {_RECEIVED}".strip())
    notes.append(f"{message.address} · {message.delivery}-{message.attempt}")
    return _PAGE.format(
        language=escape(message.language),
        title=escape(file_name(message)),
        colour=_COLOURS.get(message.severity, _COLOURS[4]),
        size=size_of(message.text),
        marks="".join(f'<p class="not-real">{escape(mark)}</p>' for mark in marks),
        text=escape(message.text),
        footer="".join(f"<p>{escape(note)}</p>" for note in notes),
    )


def file_name(message: Outgoing) -> str:
    """A name that no other try has, and that holds nothing private."""
    code = "".join(c for c in message.short_code if c.isascii() and c.isalnum()) or "notice"
    return f"{code}-{message.delivery}-{message.attempt}.html"


def size_of(text: str) -> int:
    """The type's size in points, the largest at which `text` fits on one page, or the smallest."""
    widths = [
        sum(1.0 if c >= _FIRST_CHINESE else _NARROW for c in line) for line in text.split("\n")
    ]
    return next((size for size in _SIZES if _fits(widths, size)), _SMALLEST)


def _fits(widths: list[float], size: int) -> bool:
    in_a_line = _WIDTH // size
    lines = sum(max(1, ceil(width / in_a_line)) for width in widths)
    return lines * size * _LINE <= _HEIGHT


def _lines(text: str, **values: str) -> list[str]:
    """`text` in every language: who walks past may read either."""
    return [translator(language)(text).format(**values) for language in LANGUAGES]
