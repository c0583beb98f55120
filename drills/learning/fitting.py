"""What watches show of each cell: the share that notices a message, and when answers come. Pure.

The model is the simulator's own (`drills.simulate.people`): a message that arrives is noticed with
a chance p; whoever has noticed one answers it after a lognormal time and pays no heed to the next;
whoever hasn't may notice the next. A message without an answer thus has two causes, somebody who
never will and somebody who hasn't yet, and a plain share of answers takes the second for the first.

It is the mixture cure model (J. W. Boag, "Maximum likelihood estimates of the proportion of
patients cured by cancer therapy", J. R. Stat. Soc. B 11, 1949), with silent watches censored at
their ends and, where several messages were out, the one that was noticed hidden. Both are what EM
is for (Dempster, Laird, Rubin, J. R. Stat. Soc. B 39, 1977): each round weighs, with the parameters
of the one before, which message was noticed and who is still going to answer, and counts.

A cell with few watches is drawn towards the shipped behaviour: `WEIGHT` messages are added to it
that went as that has it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from drills.learning.trials import Watch, last_place, seconds

WEIGHT: Final = 20.0
"""So many messages of the shipped behaviour are added to what a cell shows."""

_MOST_ROUNDS: Final = 1_000
_CLOSE: Final = 1e-5
_MOST_SHARE: Final = 0.999
_LEAST_SPREAD, _MOST_SPREAD = 0.1, 4.0  # as a scenario takes it
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What a cell is drawn towards.

    Args:
        notices: The share.
        median_s: Of the answer time, seconds.
        spread: Sigma of its logarithm.
        says: Answers other than "received", as shares.
        on: The share of messages that arrive where nothing tells; phones that are off don't ring.
    """

    notices: float
    median_s: float
    spread: float
    says: Mapping[str, float] = field(default_factory=dict)
    on: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a cell showed, drawn towards what is usual.

    Args:
        notices, median_s, spread, says: As in `Usual`.
        messages: How many it rests on.
        answers: How many of them were answered, as far as that can be told apart.
    """

    notices: float
    median_s: float
    spread: float
    says: Mapping[str, float]
    messages: int
    answers: float


@dataclass(slots=True)
class _State:
    """A cell's parameters of this round, and what the round counts."""

    usual: Usual
    share: float
    mu: float
    sigma: float
    exposed: float = 0.0
    noticed: float = 0.0
    sum_x: float = 0.0
    sum_xx: float = 0.0

    def count(self, weight: float, mean: float, square: float) -> None:
        self.noticed += weight
        self.sum_x += weight * mean
        self.sum_xx += weight * square

    def next(self) -> float:
        """Take what was counted for the next round; returns how far anything moved."""
        usual = self.usual
        mu_0, answers = math.log(max(usual.median_s, 1.0)), WEIGHT * usual.notices
        share = (self.noticed + answers) / (self.exposed + WEIGHT)
        of = self.noticed + answers
        if of < _TINY:
            mu, spread = mu_0, usual.spread
        else:
            mu = (self.sum_x + answers * mu_0) / of
            around = self.sum_xx - 2 * mu * self.sum_x + mu * mu * self.noticed
            prior = answers * (usual.spread**2 + (mu - mu_0) ** 2)
            spread = math.sqrt(max(around + prior, 0.0) / of)
        share, spread = min(share, _MOST_SHARE), min(max(spread, _LEAST_SPREAD), _MOST_SPREAD)
        moved = max(abs(share - self.share), abs(mu - self.mu), abs(spread - self.sigma))
        self.share, self.mu, self.sigma = share, mu, spread
        self.exposed = self.noticed = self.sum_x = self.sum_xx = 0.0
        return moved


class _Table:
    """For each step of time, what a cell's parameters say of an answer to a message so old."""

    def __init__(self, state: _State, places: int, *, confirmed: bool) -> None:
        self.arrives = 1.0 if confirmed else state.usual.on
        self.share = self.arrives * state.share  # arrives and is noticed
        self.dense: list[float] = []  # per second
        self.later: list[tuple[float, float, float]] = []  # the chance; E x, E x² of those
        for place in range(places + 1):
            self._put(state, seconds(place))

    def _put(self, state: _State, at: float) -> None:
        z = (math.log(at) - state.mu) / state.sigma
        dense = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        beyond = math.erfc(z / math.sqrt(2)) / 2
        self.dense.append(dense / (state.sigma * at))
        if beyond < _TINY:
            self.later.append((0.0, 0.0, 0.0))
            return
        steep = dense / beyond
        mean = state.mu + state.sigma * steep
        spread = state.sigma**2 * max(1 + z * steep - steep**2, 0.0)
        self.later.append((beyond, mean, spread + mean * mean))


def fit(watches: Mapping[Watch, int], usual: Sequence[Usual]) -> list[Found]:
    """Fit all cells together.

    Args:
        watches: How often each watch was seen.
        usual: By cell, what it is drawn towards.
    """
    states = [
        _State(each, each.notices, math.log(max(each.median_s, 1.0)), max(each.spread, 0.3))
        for each in usual
    ]
    places = last_place([trial.place for watch in watches for trial in watch.trials])
    for _ in range(_MOST_ROUNDS):
        tables = _tables(states, places)
        for watch, times in watches.items():
            _weigh(watch, times, states, tables)
        if max((state.next() for state in states), default=0.0) < _CLOSE:
            break
    return _found(watches, states, _tables(states, places))


def _tables(states: Sequence[_State], places: int) -> list[tuple[_Table, _Table]]:
    """By cell: of messages that nothing tells of, and of those that surely arrived."""
    return [
        (_Table(state, places, confirmed=False), _Table(state, places, confirmed=True))
        for state in states
    ]


_Tables = Sequence[tuple[_Table, _Table]]


def _weigh(watch: Watch, times: int, states: Sequence[_State], tables: _Tables) -> None:
    """Add a watch to what its cells count in this round."""
    left = float(times)  # who hadn't noticed an earlier one
    for trial, part in zip(watch.trials, _parts(watch, tables), strict=True):
        state, table = states[trial.cell], tables[trial.cell][trial.confirmed]
        state.exposed += left * table.arrives
        left -= times * part
        if not part:
            continue
        if watch.word:
            x = math.log(seconds(trial.place))
            state.count(times * part, x, x * x)
        else:
            _, mean, square = table.later[trial.place]
            state.count(times * part, mean, square)


def _parts(watch: Watch, tables: _Tables) -> list[float]:
    """For each message, how likely it is the one that was noticed; of a silent watch, or none."""
    left, weights = 1.0, []
    for trial in watch.trials:
        table = tables[trial.cell][trial.confirmed]
        late = table.dense[trial.place] if watch.word else table.later[trial.place][0]
        may = trial.may or not watch.word
        weights.append(left * table.share * late if may else 0.0)
        left *= 1 - table.share
    whole = sum(weights) + (0.0 if watch.word else left)
    if whole > 0:
        return [each / whole for each in weights]
    able = [float(trial.may) for trial in watch.trials]
    return [each / sum(able) for each in able]


def _found(watches: Mapping[Watch, int], states: Sequence[_State], tables: _Tables) -> list[Found]:
    messages = [0] * len(states)
    answers = [0.0] * len(states)
    words: list[dict[str, float]] = [{} for _ in states]
    for watch, times in watches.items():
        for trial, part in zip(watch.trials, _parts(watch, tables), strict=True):
            messages[trial.cell] += times
            if not watch.word:
                continue
            answers[trial.cell] += times * part
            said = words[trial.cell]
            said[watch.word] = said.get(watch.word, 0.0) + times * part
    return [
        Found(
            notices=state.share,
            median_s=math.exp(state.mu),
            spread=state.sigma,
            says=_says(words[place], answers[place], state.usual.says),
            messages=messages[place],
            answers=answers[place],
        )
        for place, state in enumerate(states)
    ]


def _says(
    seen: Mapping[str, float], answers: float, usual: Mapping[str, float]
) -> dict[str, float]:
    """What is answered beside "received", drawn to what is usual as everything else is."""
    names = sorted((seen.keys() | usual.keys()) - {"", "received"})
    return {
        name: (seen.get(name, 0.0) + WEIGHT * usual.get(name, 0.0)) / (answers + WEIGHT)
        for name in names
    }
