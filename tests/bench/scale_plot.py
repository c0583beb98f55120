"""Pictures of what was measured: bars in groups, as plain SVG for dark and light pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 56, 40
_MARKS = 4
_KEY_STEP = 150  # from one name of the key to the next

# The page is filled, so that text has its contrast wherever the picture is put.
_STYLE = """<style>
.page{fill:#fff}text{fill:#1f2328}.grid{stroke:#d1d9e0}.limit{stroke:#1f2328;stroke-width:2}
.b0{fill:#1f5fa8}.b1{fill:#5f9bd8}.b2{fill:#c9782b}.b3{fill:#8a8f98}
@media (prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}.grid{stroke:#3d444d}
.limit{stroke:#e6edf3}.b0{fill:#4a90d9}.b1{fill:#9cc6f0}.b2{fill:#e39a52}}
</style>"""


@dataclass(frozen=True)
class Row:
    """A group of bars beside each other.

    Args:
        name: What stands under it.
        bars: A figure for each series; None where nothing was measured.
        limits: The limit of each bar; empty, or None, where there is none.
    """

    name: str
    bars: Sequence[float | None]
    limits: Sequence[float | None] = ()


@dataclass(frozen=True)
class Frame:
    """Where things stand.

    Args:
        top: The highest value of the axis.
        step: From one line of it to the next.
        wide: The width of a group.
        each: The width of a bar.
    """

    top: float
    step: float
    wide: float
    each: float

    def y(self, value: float) -> float:
        """The height at which a value stands."""
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / self.top


def bars(title: str, unit: str, rows: Sequence[Row], series: Sequence[str], limit: str = "") -> str:
    """A group of bars for each row, a bar for each of `series` in it.

    Args:
        title: What is shown.
        unit: Of the figures.
        rows: The groups, from left to right.
        series: What the bars of each group are.
        limit: What a line above a bar stands for; empty: there are none.
    """
    frame = _frame(rows, len(series))
    parts = [_axis(frame, frame.step * mark) for mark in range(round(frame.top / frame.step) + 1)]
    for place, row in enumerate(rows):
        parts += _group(frame, place, row)
    return _page(title, unit, parts, series, limit)


def _frame(rows: Sequence[Row], series: int) -> Frame:
    values = [v for row in rows for v in (*row.bars, *row.limits) if v is not None]
    most = max(values, default=1.0)
    step = _round(most / _MARKS)
    wide = (WIDTH - _LEFT - _RIGHT) / max(1, len(rows))
    return Frame(top=step * -(-most // step), step=step, wide=wide, each=wide * 0.86 / series)


def _group(frame: Frame, place: int, row: Row) -> list[str]:
    left = _LEFT + frame.wide * (place + 0.07)
    middle = _LEFT + frame.wide * (place + 0.5)
    parts = [_text(middle, HEIGHT - _BOTTOM + 18, row.name, "middle")]
    for number, value in enumerate(row.bars):
        if value is not None:
            parts.append(_bar(frame, left + frame.each * number, value, number))
    for number, value in enumerate(row.limits):
        if value is not None:
            parts.append(_limit(frame, left + frame.each * number, value))
    return parts


def _page(title: str, unit: str, parts: Sequence[str], series: Sequence[str], limit: str) -> str:
    key = [
        f'<rect x="{_LEFT + _KEY_STEP * n}" y="27" width="12" height="12" class="b{n}"/>'
        + _text(_LEFT + _KEY_STEP * n + 18, 37, name, "start")
        for n, name in enumerate(series)
    ]
    if limit:
        left = _LEFT + _KEY_STEP * len(series)
        key.append(
            f'<path d="M{left} 33h14" class="limit"/>' + _text(left + 20, 37, limit, "start")
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' font-family="sans-serif" font-size="12" role="img" aria-label="{escape(title)}">\n'
        f'{_STYLE}\n<rect width="{WIDTH}" height="{HEIGHT}" class="page"/>\n'
        + "\n".join([_text(_LEFT, 16, f"{title}, {unit}", "start"), *key, *parts])
        + "\n</svg>\n"
    )


def _bar(frame: Frame, left: float, value: float, number: int) -> str:
    y, wide = frame.y(value), frame.each * 0.94
    shape = f'x="{left:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{frame.y(0) - y:.1f}"'
    return f'<rect {shape} class="b{number}"/>' + _figure(frame, left, value)


def _limit(frame: Frame, left: float, value: float) -> str:
    line = f'<path d="M{left:.1f} {frame.y(value):.1f}h{frame.each * 0.94:.1f}" class="limit"/>'
    return line + _figure(frame, left, value)


def _figure(frame: Frame, left: float, value: float) -> str:
    return _text(left + frame.each * 0.47, frame.y(value) - 3, f"{value:,.0f}", "middle", 10)


def _axis(frame: Frame, value: float) -> str:
    y = frame.y(value)
    line = f'<path d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}" class="grid"/>'
    return line + _text(_LEFT - 6, y + 4, f"{value:,.0f}", "end")


def _text(x: float, y: float, words: str, anchor: str, size: int = 12) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f"<text {place}>{escape(words)}</text>"


def _round(step: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 1.0
    while power * 10 <= step:
        power *= 10
    return next(power * n for n in (1, 2, 5, 10) if power * n >= step)
