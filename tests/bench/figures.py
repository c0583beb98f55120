"""What a bench found: figures, and the fair way to compare two ways of doing the same work."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table.

    Args:
        bench: Which bench, e.g. `outbox`.
        what: What was measured, in words.
        size: Of what: recipients, rows, messages; 0 where it has none.
        ours: alertd's figure, in `unit`.
        unit: e.g. `rows/s`, `ms`, `s`.
        limit: The figure of the limit beside it, or None.
        ratio: Ours against the limit, such that the promise is a bound on it; None without one.
        at_least: The promise, where more is better.
        at_most: The promise, where less is better.
        note: What a reader must know to judge it.
    """

    bench: str
    what: str
    size: int = 0
    ours: float
    unit: str
    limit: float | None = None
    ratio: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    peak_mb: float | None = None
    note: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether the promise was kept; None where nothing is promised."""
        value = self.ours if self.ratio is None else self.ratio
        if self.at_least is not None:
            return value >= self.at_least
        return value <= self.at_most if self.at_most is not None else None

    def to_dict(self) -> dict[str, Any]:
        """As it is written down."""
        return {**asdict(self), "kept": self.kept}


@dataclass(frozen=True, slots=True)
class Pair:
    """Medians of two ways that took turns, and the median of their ratios."""

    ours: float
    limit: float
    ratio: float


def in_turns(
    ours: Callable[[], float], limit: Callable[[], float], rounds: int, *, warm: bool = True
) -> Pair:
    """Measure A B A B …, so that whatever else the machine does meets both alike.

    Args:
        ours: Does the work once and returns its rate.
        limit: The same, without anything of ours.
        rounds: How often each.
        warm: Run each once before anything counts.
    """
    if warm:
        ours()
        limit()
    pairs = [(ours(), limit()) for _ in range(rounds)]
    return pair_of(pairs)


def pair_of(pairs: Sequence[tuple[float, float]]) -> Pair:
    """Medians; the ratio is the median of each round's own, which a slow spell doesn't bend."""
    mine, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    return Pair(median(mine), median(theirs), median(a / b for a, b in pairs))


def peak_mb(pid: int | str = "self") -> float:
    """The most memory this process, or another, has held so far, MB.

    Not `ru_maxrss`: Linux counts there what the parent held, too, when it started this process.
    """
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def table(figures: Sequence[Figure]) -> str:
    """All of them, for people."""
    head = ("bench", "what", "size", "alertd", "limit", "ratio", "promise", "kept", "peak MB")
    rows = [head, *(_row(figure) for figure in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [_line(row, widths) for row in rows]
    notes = [f"  {f.bench}, {f.what}: {f.note}" for f in figures if f.note]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], *notes])


_LEFT = 2  # bench and what are words, the rest are numbers


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.ljust(width) if place < _LEFT else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _row(figure: Figure) -> tuple[str, ...]:
    promise = ""
    if figure.at_least is not None:
        promise = f"≥ {figure.at_least:g}"
    if figure.at_most is not None:
        promise = f"≤ {figure.at_most:g}"
    return (
        figure.bench,
        figure.what,
        f"{figure.size:,}" if figure.size else "",
        f"{shown(figure.ours)} {figure.unit}",
        "" if figure.limit is None else f"{shown(figure.limit)} {figure.unit}",
        "" if figure.ratio is None else f"{figure.ratio:.3g}",
        promise,
        {True: "yes", False: "NO", None: ""}[figure.kept],
        "" if figure.peak_mb is None else f"{figure.peak_mb:,.0f}",
    )


def shown(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
