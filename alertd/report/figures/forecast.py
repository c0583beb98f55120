"""What was forecast when the alert was drafted, against what then happened."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from alertd.decide.forecast import MOST
from alertd.model import ALERT_SHIFT, Channel, DeliveryState, Millis, Recorded, alert_of
from alertd.report.figures.part import Take
from alertd.report.figures.spread import needed
from alertd.report.figures.values import Forecast

_LOCAL = (1 << ALERT_SHIFT) - 1
_HANDED = frozenset({int(DeliveryState.ACCEPTED), int(DeliveryState.DELIVERED)})
_WAITS, _HANDED_OVER = 1, 2
_STEP_MS = 100


class ForecastPart:
    """Reads the forecast, the first wave, and when each of its messages was handed over.

    Of a delivery one byte is kept; of the times, how many fell into each tenth of a second.
    """

    def __init__(self, alert_no: int) -> None:
        self.alert_no = alert_no
        self.said: Sequence[Mapping[str, Any]] = ()
        self.issued_at: Millis = 0
        self.wave = bytearray(1)
        self.times: dict[int, Counter[int]] = {}

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
        start = body["first"] & _LOCAL
        end = start + sum(n for _, n in body["made"])
        self.wave.extend(bytes(max(0, end - len(self.wave))))
        self.wave[start:end] = bytes([_WAITS]) * (end - start)

    def _settled(self, recorded: Recorded) -> None:
        counts = recorded.fact.body["counts"]
        channel = next((count[1] for count in counts if count[0] == self.alert_no), 0)
        after = max(0, recorded.fact.occurred_at - self.issued_at) // _STEP_MS
        for number, _, state, *_ in recorded.fact.body["items"]:
            place = number & _LOCAL
            ours = alert_of(number) == self.alert_no and place < len(self.wave)
            if ours and state in _HANDED and self.wave[place] == _WAITS:
                self.wave[place] = _HANDED_OVER
                self.times.setdefault(channel, Counter())[after] += 1

    def figures(self) -> tuple[Forecast, ...]:
        """A line a channel that was forecast."""
        return tuple(self._line(said) for said in self.said)

    def _line(self, said: Mapping[str, Any]) -> Forecast:
        times = self.times.get(int(Channel[said["channel"].upper()]), Counter())
        return Forecast(
            channel=said["channel"],
            messages=said["messages"],
            first_ms=said["first_ms"],
            most_ms=said["most_ms"],
            last_ms=said["last_ms"],
            late=said["late"],
            handed_over=times.total(),
            first_was_ms=_at(times, 1),
            most_was_ms=_at(times, needed(max(1, said["messages"]), MOST)),
            last_was_ms=_at(times, said["messages"]),
        )


def _at(times: Counter[int], nth: int) -> Millis | None:
    """When the `nth` was handed over; None: not so many were."""
    for after in sorted(times):
        nth -= times[after]
        if nth <= 0:
            return after * _STEP_MS
    return None
