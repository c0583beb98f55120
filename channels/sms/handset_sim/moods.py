"""What the simulated gateway does with a message, and how tests and demos tell it to."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from channels.sms.handset_sim.people import Behaviour, Draws, Person


class Mood(StrEnum):
    """What the gateway does with a message."""

    OK = "ok"
    EARLY = "early"  # takes it, delivers the receipt, and only then answers
    HANG = "hang"  # takes it and doesn't answer until it is released
    DROP = "drop"  # takes it and cuts the connection
    GARBAGE = "garbage"  # takes it and answers 200 with what isn't JSON
    FLOOD = "flood"  # takes it and answers 200 with megabytes
    NOISE = "noise"  # takes it and answers with what isn't HTTP
    THROTTLE = "throttle"  # doesn't take it: 429
    UNAVAILABLE = "unavailable"  # doesn't take it: 503
    BROKEN = "broken"  # doesn't take it: 500
    REFUSE = "refuse"  # doesn't take it: 422, its content

    @property
    def takes(self) -> bool:
        """Whether a message ends up with the handset."""
        return self not in {Mood.THROTTLE, Mood.UNAVAILABLE, Mood.BROKEN, Mood.REFUSE}


@dataclass(slots=True)
class Weather:
    """The gateway's mood for a share of the messages, for the next `left` of them or for good."""

    mood: Mood = Mood.OK
    share: float = 1.0
    left: int | None = None
    latency_s: float = 0.0
    retry_after_s: float = 1.0

    def mood_for(self, seed: int, delivery: int, attempt: int) -> Mood:
        """The mood that meets this try; counts it."""
        if self.mood is Mood.OK or self.left == 0:
            return Mood.OK
        if self.share < 1 and self.share <= Draws(seed, str(delivery), str(attempt)).uniform(3):
            return Mood.OK
        if self.left is not None:
            self.left -= 1
        return self.mood


def read_weather(fields: Mapping[str, Any]) -> Weather:
    """`POST /control/gateway`: mode, share, count, latency_ms, retry_after_s, all optional.

    Raises:
        ValueError, TypeError: A field is something else.
    """
    count = fields.get("count")
    return Weather(
        mood=Mood(fields.get("mode", "ok")),
        share=float(fields.get("share", 1.0)),
        left=None if count is None else int(count),
        latency_s=float(fields.get("latency_ms", 0)) / 1000,
        retry_after_s=float(fields.get("retry_after_s", 1.0)),
    )


@dataclass(frozen=True, slots=True)
class Override:
    """What one phone does instead of what the seed says."""

    person: Person
    mood: Mood | None = None


def read_overrides(fields: Any) -> dict[str, Override]:
    """`POST /control/phones`: `phone`, `behaviour`, `answer_s`, `text`, `mode`; or an array.

    Raises:
        ValueError, TypeError, KeyError: A field is missing or something else.
    """
    overrides = {}
    for entry in fields if isinstance(fields, list) else [fields]:
        answer_s, mode = entry.get("answer_s"), entry.get("mode")
        overrides[str(entry["phone"])] = Override(
            Person(
                Behaviour(entry.get("behaviour", "ack")),
                answer_s=None if answer_s is None else float(answer_s),
                text=entry.get("text"),
            ),
            mood=None if mode is None else Mood(mode),
        )
    return overrides
