"""The shapes of a forecast held against what happened."""

from dataclasses import dataclass

from alertd.model import Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """When messages were to be handed over after the issue, and when they were.

    `most` is 90 %; None where so many never were. `late`: how many were forecast to come after the
    policy's first rung; `late_was`: how many hadn't been handed over by then, None where nobody
    wrote down when it was.
    """

    messages: int
    first_ms: Millis
    most_ms: Millis
    last_ms: Millis
    late: int
    handed_over: int
    first_was_ms: Millis | None
    most_was_ms: Millis | None
    last_was_ms: Millis | None
    late_was: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelForecast(Foreseen):
    """Of one level of the hierarchy."""

    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast(Foreseen):
    """Of a channel's first wave; `ahead`: how many messages of other alerts waited before it."""

    channel: str
    ahead: int
    levels: tuple[LevelForecast, ...]
