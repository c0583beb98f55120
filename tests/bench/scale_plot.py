"""Pictures of what `make bench-scale` found: bars in groups, as plain SVG."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 52, 40
_INKS = ("#1f5fa8", "#7aa6d6", "#c9782b", "#8a8f98")
_MARKS = 4


def bars(
    title: str, unit: str, groups: Mapping[str, Sequence[float | None]], names: Sequence[str]
) -> str:
    """A group of bars for each key, a bar for each of `names` in it; None leaves a gap."""
    top = max((v for values in groups.values() for v in values if v is not None), default=1.0)
    step = _round(top / _MARKS)
    top = step * -(-top // step)
    parts = [_axis(step * mark, top) for mark in range(int(top / step) + 1)]
    wide = (WIDTH - _LEFT - _RIGHT) / max(1, len(groups))
    each = wide * 0.8 / max(1, len(names))
    for place, (name, values) in enumerate(groups.items()):
        left = _LEFT + wide * place + wide * 0.1
        middle = left + wide * 0.4
        parts.append(_text(middle, HEIGHT - _BOTTOM + 18, name, "middle"))
        for number, value in enumerate(values):
            if value is not None:
                parts.append(_bar(left + each * number, each, value, top, _INKS[number]))
    return _page(title, unit, parts, names)


def _page(title: str, unit: str, parts: Sequence[str], names: Sequence[str]) -> str:
    key = [
        f'<rect x="{_LEFT + 150 * n}" y="26" width="12" height="12" fill="{_INKS[n]}"/>'
        + _text(_LEFT + 150 * n + 18, 36, name, "start")
        for n, name in enumerate(names)
    ]
    head = _text(_LEFT, 16, f"{title}, {unit}", "start")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' font-family="sans-serif" font-size="12" role="img" aria-label="{escape(title)}">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n'
        + "\n".join([head, *key, *parts])
        + "\n</svg>\n"
    )


def _bar(left: float, wide: float, value: float, top: float, ink: str) -> str:
    y = _y(value, top)
    shape = f'x="{left:.1f}" y="{y:.1f}" width="{wide * 0.94:.1f}" height="{_y(0, top) - y:.1f}"'
    middle = left + wide * 0.47
    return f'<rect {shape} fill="{ink}"/>' + _text(middle, y - 3, f"{value:,.0f}", "middle", 10)


def _axis(value: float, top: float) -> str:
    y = _y(value, top)
    line = f'<path d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}" stroke="#d5d9de"/>'
    return line + _text(_LEFT - 6, y + 4, f"{value:,.0f}", "end")


def _text(x: float, y: float, words: str, anchor: str, size: int = 12) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f"<text {place}>{escape(words)}</text>"


def _y(value: float, top: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / top


def _round(step: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 1.0
    while power * 10 <= step:
        power *= 10
    return next(power * n for n in (1, 2, 5, 10) if power * n >= step)
