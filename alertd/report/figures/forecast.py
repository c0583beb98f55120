"""What was forecast when the alert was drafted, against what then happened."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from alertd.decide.forecast import MOST
from alertd.model import Channel, DeliveryState, Millis, Recorded
from alertd.report.figures.foreseen import Forecast, LevelForecast
from alertd.report.figures.part import Take
from alertd.report.figures.places import Places
from alertd.report.figures.spread import needed
from rosters.words import Level

_HANDED = frozenset({int(DeliveryState.ACCEPTED), int(DeliveryState.DELIVERED)})
_WAITS, _HANDED_OVER = 1, 255  # between them, waiting at a level: _WAITS + 1 is the city
_STEP_MS = 100


class ForecastPart:
    """Reads the forecast, the first wave, and when each of its messages was handed over.

    Of a delivery one byte is kept: its level while it waits. Of the times of each channel and
    level, how many fell into each tenth of a second.
    """

    def __init__(self, alert_no: int) -> None:
        self.alert_no = alert_no
        self.said: Sequence[Mapping[str, Any]] = ()
        self.issued_at: Millis = 0
        self.places = Places()
        self.wave = bytearray(1)
        self.times: dict[tuple[int, int], Counter[int]] = {}

    @property
    def takes(self) -> Mapping[str, Take]:
        """What it does with a fact, by kind."""
        return {
            "alert.forecast": self._said,
            "alert.issued": self._issued,
            "alert.selected": self._selected,
            "settled": self._settled,
        }

    def _said(self, recorded: Recorded) -> None:
        if recorded.fact.alert_no == self.alert_no:
            self.said = recorded.fact.body["channels"]

    def _issued(self, recorded: Recorded) -> None:
        if recorded.fact.alert_no == self.alert_no:
            self.issued_at = recorded.fact.occurred_at

    def _selected(self, recorded: Recorded) -> None:
        body = recorded.fact.body
        made = sum(n for _, n in body["made"])
        start = self.places.made(body["first"], made)
        self.wave.extend(bytes([_WAITS]) * made)
        for depth, n in body.get("levels", ()):
            self.wave[start : start + n] = bytes([_WAITS + 1 + depth]) * n
            start += n

    def _settled(self, recorded: Recorded) -> None:
        counts = recorded.fact.body["counts"]
        channel = next((count[1] for count in counts if count[0] == self.alert_no), 0)
        after = max(0, recorded.fact.occurred_at - self.issued_at) // _STEP_MS
        for number, _, state, *_ in recorded.fact.body["items"]:
            place = self.places.of(number)
            if state in _HANDED and _WAITS <= self.wave[place] < _HANDED_OVER:
                of = (channel, self.wave[place] - _WAITS - 1)
                self.wave[place] = _HANDED_OVER
                self.times.setdefault(of, Counter())[after] += 1

    def figures(self) -> tuple[Forecast, ...]:
        """A line a channel that was forecast."""
        return tuple(self._line(said) for said in self.said)

    def _line(self, said: Mapping[str, Any]) -> Forecast:
        number = int(Channel[said["channel"].upper()])
        mine = {depth: times for (on, depth), times in self.times.items() if on == number}
        due_ms = said.get("due_ms")
        return Forecast(
            channel=said["channel"],
            ahead=said.get("ahead", 0),
            **_compared(said, sum(mine.values(), Counter()), due_ms),
            levels=tuple(
                LevelForecast(
                    level=each["level"],
                    **_compared(each, mine.get(Level(each["level"]).depth, Counter()), due_ms),
                )
                for each in said.get("levels", ())
            ),
        )


def _compared(
    said: Mapping[str, Any], times: Counter[int], due_ms: Millis | None
) -> dict[str, Any]:
    """What was forecast beside what was."""
    in_time = sum(n for after, n in times.items() if after * _STEP_MS <= (due_ms or 0))
    return {
        **{key: said[key] for key in ("messages", "first_ms", "most_ms", "last_ms", "late")},
        "handed_over": times.total(),
        "first_was_ms": _at(times, 1),
        "most_was_ms": _at(times, needed(max(1, said["messages"]), MOST)),
        "last_was_ms": _at(times, said["messages"]),
        "late_was": None if due_ms is None else max(0, said["messages"] - in_time),
    }


def _at(times: Counter[int], nth: int) -> Millis | None:
    """When the `nth` was handed over; None: not so many were."""
    for after in sorted(times):
        nth -= times[after]
        if nth <= 0:
            return after * _STEP_MS
    return None
