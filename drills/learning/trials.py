"""What was asked of somebody in one alert, and what came of it: a watch, as the fitting reads it.

Pure. Somebody is watched from the first message that surely arrived until they answer, until
somebody else answers for them, until a message of which nobody knows whether it arrived, or until
the alert is over: whoever is silent at the end of their watch isn't held to have been silent for
good, only for so long.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from alertd.model import Millis

STEP: Final = 0.05
"""Times are kept to 5%: enough for a lognormal, and few enough for a city's to be added up."""

LONGEST_MS: Final = 6 * 3_600_000
"""What comes later answers no message any more: as long as a night is looked at."""

_PROMPT_MS: Final = 60_000  # a receipt that takes longer tells when the phone was there again
_SOONEST_S: Final = 1.0


class Sent(NamedTuple):
    """A message to somebody that asks for an answer.

    Args:
        cell: Which cell it counts for, by its place in a list.
        channel: sms or voice.
        handed_at: When a gateway took it.
        confirmed_at: When that said that it arrived; None: it didn't.
        sure: Whether it is known that it arrived, or at least that nothing could tell.
    """

    cell: int
    channel: str
    handed_at: Millis
    confirmed_at: Millis | None
    sure: bool


class Answer(NamedTuple):
    """What somebody said first.

    Args:
        at: When.
        word: received, done, on_post, help, unavailable or unclear; "" where somebody else
            answered for them, which ends the watch and is no answer of theirs.
        channels: The channels that it can be an answer to.
    """

    at: Millis
    word: str
    channels: tuple[str, ...] = ()


class Trial(NamedTuple):
    """One message of a watch.

    Args:
        cell: Whose.
        place: For how long the answer to it was waited for, in steps (`seconds`).
        confirmed: Whether it is known that it arrived.
        may: Whether the answer that ended the watch can be one to it.
    """

    cell: int
    place: int
    confirmed: bool
    may: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """All messages of one person and alert as they arrived, and what was answered, or ""."""

    word: str
    trials: tuple[Trial, ...]


def watch(sent: Iterable[Sent], answers: Iterable[Answer], over_at: Millis) -> Watch | None:
    """What is known of somebody in one alert; None where they weren't watched at all.

    Args:
        sent: What they were sent.
        answers: What they said, and what others said for them.
        over_at: When the alert was over.
    """
    messages = sorted(sent, key=lambda each: each.handed_at)
    first = min(answers, key=lambda each: each.at, default=None)
    ends = over_at if first is None else min(over_at, first.at)
    watched: list[tuple[Sent, Millis]] = []
    for message in messages:
        if message.handed_at >= ends:
            break
        if not message.sure:
            ends = message.handed_at
            break
        at = _arrived(message, ends)
        if at < ends:
            watched.append((message, at))
    if not watched:
        return None
    ends = min(ends, watched[0][1] + LONGEST_MS)
    own = first if first is not None and first.word and first.at == ends else None
    trials = tuple(
        Trial(
            message.cell,
            place_of(ends - at),
            confirmed=message.confirmed_at is not None,
            may=own is not None and message.channel in own.channels,
        )
        for message, at in sorted(watched, key=lambda each: each[1])
        if at < ends
    )
    answered = own is not None and any(trial.may for trial in trials)
    return Watch(own.word if own is not None and answered else "", trials)


def _arrived(message: Sent, ends: Millis) -> Millis:
    """A prompt receipt lags behind the message; a late one says when the phone was there again."""
    confirmed = message.confirmed_at
    if confirmed is None or confirmed - message.handed_at <= _PROMPT_MS or confirmed > ends:
        return message.handed_at
    return confirmed


def place_of(ms: Millis) -> int:
    """The step that a time lies in."""
    return math.floor(math.log(max(ms / 1000, _SOONEST_S)) / STEP)


def seconds(place: int) -> float:
    """The time that a step stands for, in its middle."""
    return math.exp((place + 0.5) * STEP)


def last_place(places: Sequence[int]) -> int:
    """The last step of some."""
    return max(places, default=0)
