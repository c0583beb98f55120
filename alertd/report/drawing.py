"""Geometry of the page's two pictures; the template writes it as inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from alertd.i18n import N_
from alertd.model import MINUTE_MS, Channel, DeliveryState, Millis
from alertd.report.figures import Figures
from alertd.report.words import Say

WIDTH, HEIGHT = 720, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 16, 14, 34
# A minute, and how many minutes lie between two marks of the time axis: the first that gives
# no more marks than fit.
_MARKS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440)
_MOST_MARKS = 12


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on an axis, with its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Coverage over time. `line` and `area` are SVG path data; `due` is where on time ends."""

    line: str
    area: str
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    due: Mark | None
    end_ms: Millis
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the funnel: its share of the longest, 0 to 100."""

    label: str
    n: int
    of: int
    width: float


def curve(figures: Figures, say: Say) -> Curve | None:
    """The curve of the first stage; None where nothing was asked."""
    stage = figures.first
    if stage is None or not stage.asked:
        return None
    points = figures.pace.curve or ((0, 0),)
    end = max(points[-1][0], min(stage.due_ms or 0, 24 * 60 * MINUTE_MS), MINUTE_MS)
    line = _steps(points, end, stage.asked)
    due = Mark(_x(stage.due_ms, end), say(N_("on time"))) if stage.due_ms else None
    foot = HEIGHT - _BOTTOM
    return Curve(
        line=line,
        area=f"{line} V{foot} H{_LEFT} Z",
        across=_time_marks(end),
        up=tuple(Mark(_y(share, 100), f"{share}%") for share in (0, 25, 50, 75, 100)),
        due=due if due and due.at <= WIDTH - _RIGHT else None,
        end_ms=end,
    )


def _steps(points: Sequence[tuple[Millis, int]], end: Millis, asked: int) -> str:
    """A staircase: covered duties stay covered between two points."""
    parts = [f"M{_LEFT} {_y(0, asked):.1f}"]
    parts += [f"H{_x(at, end):.1f} V{_y(n, asked):.1f}" for at, n in points]
    return " ".join([*parts, f"H{WIDTH - _RIGHT}"])


def _x(at: Millis, end: Millis) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * at / end


def _y(n: int, of: int) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * n / of


def _time_marks(end: Millis) -> tuple[Mark, ...]:
    minutes = end / MINUTE_MS
    step = next((m for m in _MARKS_MIN if minutes / m <= _MOST_MARKS), _MARKS_MIN[-1])
    marks = range(0, int(minutes) + 1, step)
    return tuple(Mark(_x(mark * MINUTE_MS, end), str(mark)) for mark in marks)


def funnel(figures: Figures, say: Say) -> tuple[tuple[Bar, ...], tuple[Bar, ...]]:
    """Messages from made to confirmed, and duties from asked to on time.

    No call confirms an arrival: a mailbox picks up, too.
    """
    deliveries, stage = figures.deliveries, figures.first
    confirmed = getattr(deliveries, DeliveryState.DELIVERED.word)
    calls = figures.channels.get(Channel.VOICE.word)
    messages = (
        (say(N_("Messages made")), deliveries.made),
        (say(N_("Submitted")), deliveries.submitted),
        (say(N_("Accepted by a gateway")), deliveries.accepted + confirmed),
        (say(N_("Arrival confirmed")), confirmed - (calls.delivered if calls else 0)),
    )
    duties = (
        (say(N_("Person-duties asked")), stage.asked if stage else 0),
        (say(N_("Answered")), stage.covered if stage else 0),
        (say(N_("Answered on time")), stage.on_time if stage else 0),
    )
    return _bars(messages), _bars(duties)


def _bars(steps: Sequence[tuple[str, int]]) -> tuple[Bar, ...]:
    of = steps[0][1]
    return tuple(Bar(label, n, of, round(100 * n / of, 1) if of else 0.0) for label, n in steps)
