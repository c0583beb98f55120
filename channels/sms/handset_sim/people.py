"""What simulated people and their phones do: pure, and the same for the same seed."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

_UNITS = 2.0**64
_STANDARD = NormalDist()
_LATE_FACTOR = 20.0  # a phone without a signal gets its messages that much later
_ANSWERED_KINDS = {"alert", "reminder"}  # whoever answers confirmations never stops

_ACKS = ("1", "收到", "1", "收到。", "1", "明白", "好的")
_WRONGS = ("开会中稍后联系", "你是谁", "没收到", "收到吗", "5", "还没到", "?")
_HELPS = ("3", "求助", "3", "被困")
_AWAYS = ("0", "不在岗", "0")


class Behaviour(StrEnum):
    """How a phone and its person behave."""

    ACK = "ack"  # delivered, answered "received"
    DONE = "done"  # delivered, answered with a count
    HELP = "help"  # delivered, asks for help
    AWAY = "away"  # delivered, says that they aren't on duty
    WRONG = "wrong"  # delivered, answers what is no answer
    SILENT = "silent"  # delivered, never answers
    DUPLICATE = "duplicate"  # as ack, and the gateway reports everything twice
    LATE = "late"  # as ack, much later
    OFF = "off"  # taken by the gateway, and nothing is heard again
    UNREACHABLE = "unreachable"  # taken, then reported as failed
    DEAD = "dead"  # the number doesn't exist, the gateway says so at once
    VANISHED = "vanished"  # taken, then reported as a number that doesn't exist
    OPTED_OUT = "opted-out"  # refused at once


@dataclass(frozen=True, slots=True)
class Temper:
    """How fast everybody is. Delays are lognormal: a median, and a spread (sigma of the log)."""

    answer_median_s: float = 45.0
    answer_spread: float = 0.8
    receipt_median_s: float = 2.0
    receipt_spread: float = 0.5
    speed: float = 1.0  # delays are divided by it


@dataclass(frozen=True, slots=True)
class Person:
    """One phone's behaviour; `answer_s` and `text` replace what would be drawn."""

    behaviour: Behaviour
    answer_s: float | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """One thing that will come back, `after_s` from now; `times` where it is reported twice."""

    after_s: float
    status: str = ""  # a receipt's; empty for a reply
    reason: str = ""
    text: str = ""
    times: int = 1


class Draws:
    """Four uniform numbers in [0, 1) from a seed and words, the same in every process."""

    __slots__ = ("_digest",)

    def __init__(self, seed: int, *words: str) -> None:
        text = "\0".join((str(seed), *words))
        self._digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=32).digest()

    def uniform(self, index: int) -> float:
        """The draw at `index`, 0 to 3."""
        return int.from_bytes(self._digest[index * 8 : index * 8 + 8], "big") / _UNITS

    def lognormal(self, index: int, median: float, spread: float) -> float:
        """A positive draw around `median`, in its unit."""
        share = min(max(self.uniform(index), 1e-9), 1 - 1e-9)
        return median * math.exp(spread * _STANDARD.inv_cdf(share))

    def choice(self, index: int, choices: tuple[str, ...]) -> str:
        """One of `choices`."""
        return choices[int(self.uniform(index) * len(choices))]


def parse_mix(shares: Mapping[str, float]) -> tuple[tuple[float, Behaviour], ...]:
    """Turn shares of behaviours, which need not add up to 1, into cumulative ones.

    Raises:
        ValueError: An unknown behaviour, a negative share, or nothing above 0.
    """
    total = sum(shares.values())
    if total <= 0 or not math.isfinite(total) or min(shares.values()) < 0:
        raise ValueError("a mix needs shares of 0 or more, one of them above 0")
    bounds, reached = [], 0.0
    for name, share in shares.items():
        reached += share / total
        bounds.append((reached, Behaviour(name)))
    return tuple(bounds)


def behaviour_of(seed: int, phone: str, mix: tuple[tuple[float, Behaviour], ...]) -> Behaviour:
    """The behaviour that `phone` has by `seed`."""
    share = Draws(seed, phone).uniform(0)
    return next((behaviour for bound, behaviour in mix if share < bound), mix[-1][1])


def refusal(person: Person) -> str | None:
    """The gateway's reason to refuse a message at once, or None."""
    if person.behaviour is Behaviour.DEAD:
        return "no-such-number"
    return "opted-out" if person.behaviour is Behaviour.OPTED_OUT else None


def plan(person: Person, kind: str, draws: Draws, temper: Temper) -> list[Planned]:
    """What comes back for one message that the gateway took: its receipt, and perhaps a reply."""
    behaviour = person.behaviour
    if behaviour is Behaviour.OFF:
        return []
    slower = (_LATE_FACTOR if behaviour is Behaviour.LATE else 1.0) / temper.speed
    times = 2 if behaviour is Behaviour.DUPLICATE else 1
    receipt_s = draws.lognormal(0, temper.receipt_median_s, temper.receipt_spread) * slower
    if behaviour in {Behaviour.UNREACHABLE, Behaviour.VANISHED}:
        reason = "unreachable" if behaviour is Behaviour.UNREACHABLE else "no-such-number"
        return [Planned(receipt_s, status="failed", reason=reason)]
    planned = [Planned(receipt_s, status="delivered", times=times)]
    text = person.text if person.text is not None else _answer(behaviour, draws)
    if text and kind in _ANSWERED_KINDS:
        drawn_s = draws.lognormal(1, temper.answer_median_s, temper.answer_spread) * slower
        answer_s = drawn_s if person.answer_s is None else person.answer_s / temper.speed
        planned.append(Planned(receipt_s + answer_s, text=text, times=times))
    return planned


def _answer(behaviour: Behaviour, draws: Draws) -> str:
    match behaviour:
        case Behaviour.SILENT:
            return ""
        case Behaviour.DONE:
            return f"2 {int(draws.uniform(2) * 60)}"
        case Behaviour.HELP:
            return draws.choice(2, _HELPS)
        case Behaviour.AWAY:
            return draws.choice(2, _AWAYS)
        case Behaviour.WRONG:
            return draws.choice(2, _WRONGS)
        case _:
            return draws.choice(2, _ACKS)
