"""Pictures of a batch: coverage over time, and where ladders end; plain SVG."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from drills.script import Event
from drills.simulate.scripted import Scripted, marks
from drills.simulate.summary import Band, Summary

WIDTH, HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 56, 40
_MARKS_MIN: Final = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 240, 480)
_MOST_MARKS: Final = 12
_KEY_STEP: Final = 190
_NUMBER_WIDE: Final = 9
_STYLE: Final = """<style>
.page{fill:#fff}text{fill:#1f2328}.grid{stroke:#d1d9e0}
.b0{fill:#1f5fa8}.b1{fill:#c9782b}.l0{stroke:#1f5fa8}.l1{stroke:#c9782b}
.told,.lost{stroke:#1f2328;opacity:.7}.told{stroke-dasharray:6 3}.lost{stroke-dasharray:1 3}
.band{opacity:.22}.line{fill:none;stroke-width:2}
@media (prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}.grid{stroke:#3d444d}
.told,.lost{stroke:#f0f6fc}
.b0{fill:#4a90d9}.b1{fill:#e39a52}.l0{stroke:#4a90d9}.l1{stroke:#e39a52}}
</style>"""

Series = Sequence[tuple[str, Summary]]
"""Up to two batches, each with the name it is shown by."""


def coverage(title: str, unit: str, series: Series, script: str = "") -> str:
    """The share of grids covered over time: the middle night, within 90% of nights.

    What the script says (dashed) and makes fail (dotted) is marked at its minute, by its number.

    Args:
        title: What is shown.
        unit: Of the time axis.
        series: One batch, or two side by side.
        script: What the marks of the script are, for the reader.
    """
    end = max(batch.bands[-1].minute for _, batch in series)
    step = next((m for m in _MARKS_MIN if end / m <= _MOST_MARKS), _MARKS_MIN[-1])
    parts = [_across(share) for share in (0, 25, 50, 75, 100)]
    parts += [_mark(step * n, end) for n in range(int(end / step) + 1)]
    lines = marks(series[0][1].script)
    parts += _script(lines, end)
    if lines and script:
        parts.append(_text(WIDTH - _RIGHT, 16, script, "end"))
    for number, (_, batch) in enumerate(series):
        parts += [_band(batch.bands, end, number), _line(batch.bands, end, number)]
    return _page(title, unit, parts, [name for name, _ in series])


def ends(title: str, unit: str, series: Series, words: Mapping[str, str]) -> str:
    """Where ladders end, a group of bars each.

    Args:
        title: What is shown.
        unit: Of the figures.
        series: One batch, or two side by side.
        words: What each end is called.
    """
    names = list(dict.fromkeys(name for _, batch in series for name in batch.ends))
    wide = (WIDTH - _LEFT - _RIGHT) / max(len(names), 1)
    each = wide * 0.8 / len(series)
    parts = [_across(share) for share in (0, 25, 50, 75, 100)]
    for place, name in enumerate(names):
        middle = _LEFT + wide * (place + 0.5)
        parts.append(_text(middle, HEIGHT - _BOTTOM + 18, words.get(name, name), "middle"))
        for number, (_, batch) in enumerate(series):
            left = _LEFT + wide * (place + 0.1) + each * number
            parts.append(_bar(left, each, batch.ends.get(name, 0.0), number))
    return _page(title, unit, parts, [name for name, _ in series])


def _x(minute: float, end: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * min(minute / end, 1.0)


def _y(share: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * share


def _across(percent: int) -> str:
    y = _y(percent / 100)
    line = f'<path d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}" class="grid"/>'
    return line + _text(_LEFT - 8, y + 4, f"{percent}%", "end")


def _mark(minute: float, end: float) -> str:
    return _text(_x(minute, end), HEIGHT - _BOTTOM + 18, f"{minute:g}", "middle")


def _script(lines: Sequence[Scripted], end: float) -> list[str]:
    """A mark each; numbers of those that come too close to each other stand side by side."""
    parts: list[str] = []
    free = float(_LEFT)
    for line in lines:
        if line.at_min > end:
            continue
        x = _x(line.at_min, end)
        name = "told" if line.event == Event.INJECT.value else "lost"
        path = f'<path d="M{x:.1f} {_TOP}V{HEIGHT - _BOTTOM}" class="{name}">'
        title = escape(" ".join(part for part in (line.kind, line.what) if part))
        parts.append(f"{path}<title>{line.no}: {title}</title></path>")
        free = max(free, x)
        parts.append(_text(free, _TOP - 4, str(line.no), "middle"))
        free += _NUMBER_WIDE * (len(str(line.no)) + 1)
    return parts


def _band(bands: Sequence[Band], end: float, number: int) -> str:
    upper = " ".join(f"{_x(b.minute, end):.1f},{_y(b.high):.1f}" for b in bands)
    lower = " ".join(f"{_x(b.minute, end):.1f},{_y(b.low):.1f}" for b in reversed(bands))
    return f'<polygon points="{upper} {lower}" class="b{number} band"/>'


def _line(bands: Sequence[Band], end: float, number: int) -> str:
    points = " ".join(f"{_x(b.minute, end):.1f},{_y(b.middle):.1f}" for b in bands)
    return f'<polyline points="{points}" class="l{number} line"/>'


def _bar(left: float, wide: float, share: float, number: int) -> str:
    y = _y(share)
    shape = f'x="{left:.1f}" y="{y:.1f}" width="{wide * 0.94:.1f}" height="{_y(0) - y:.1f}"'
    bar = f'<rect {shape} class="b{number}"/>'
    return bar + _text(left + wide * 0.47, y - 4, f"{share:.0%}", "middle")


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _page(title: str, unit: str, parts: Sequence[str], names: Sequence[str]) -> str:
    key = [
        f'<rect x="{_LEFT + _KEY_STEP * n}" y="27" width="12" height="12" class="b{n}"/>'
        + _text(_LEFT + _KEY_STEP * n + 18, 37, name, "start")
        for n, name in enumerate(names)
        if name
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' font-family="sans-serif" font-size="12" role="img" aria-label="{escape(title)}">\n'
        f'{_STYLE}\n<rect width="{WIDTH}" height="{HEIGHT}" class="page"/>\n'
        + "\n".join([_text(_LEFT, 16, f"{title}, {unit}", "start"), *key, *parts])
        + "\n</svg>\n"
    )
