"""Which single thing would help most: the same nights again, each with one thing more."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from alertd.decide.plan import Route
from alertd.i18n import N_
from alertd.model import Channel, Status
from alertd.store import scratch
from drills.simulate.batch import Batch
from drills.simulate.census import Census
from drills.simulate.figures import NightFigures
from drills.simulate.scenario import Hands
from drills.simulate.summary import Summary, summarise

MODEM_PER_S: Final = 0.25  # DOMAIN: a SIM carries 10 to 30 SMS a minute; 15 here
_ALTERNATES: Final = 5
_CALLS_PER_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing more.

    Args:
        kind: gateway, modem, voice, hands or alternate.
        text: An English sentence with `{name}` in it, as the catalogs have it.
        name: Of the route, the helpers or the unit.
        batch: The nights with it.
        role: Of the duty that an alternate is for, as the roster has it.
    """

    kind: str
    text: str
    name: str
    batch: Batch
    role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What a change would bring, in the same nights.

    Args:
        kind: Of the change.
        text: As the change has it.
        name: The same.
        role: The same.
        waited_min: How much shorter a duty waits for its answer, in the mean.
        to_90_min: How much earlier 90% of grids are covered, in the middle night; None where one
            of the two never gets there.
        silent: By how much smaller the share of duties is that stay silent.
    """

    kind: str
    text: str
    name: str
    role: str
    waited_min: float
    to_90_min: float | None
    silent: float


def changes(batch: Batch, census: Census, before: Sequence[NightFigures]) -> list[Change]:
    """All that is tried: each gateway twice, a modem, calls by a machine, helpers, alternates."""
    found = [*_gateways(batch), *_voice(batch), *_hands(batch)]
    return [*found, *_alternates(batch, census, before)]


def gains(
    tried: Sequence[Change],
    before: Sequence[NightFigures],
    told: Callable[[int], None],
    processes: int | None,
) -> list[Gain]:
    """Play each change, and put them in order: what helps most first."""
    until = tried[0].batch.scenario.hours * 60 if tried else 0.0
    base = summarise(before, until)
    seeds = [night.seed for night in before]
    found = [
        _gain(each, base, summarise(each.batch.run(seeds, told, processes), until))
        for each in tried
    ]
    return sorted(found, key=lambda gain: (-gain.waited_min, gain.kind, gain.name))


def _gain(change: Change, before: Summary, after: Summary) -> Gain:
    first, then = before.times[1].median, after.times[1].median
    return Gain(
        kind=change.kind,
        text=change.text,
        name=change.name,
        role=change.role,
        waited_min=round(before.waited_min - after.waited_min, 2),
        to_90_min=None if first is None or then is None else round(first - then, 2),
        silent=round(_silent(before) - _silent(after), 4),
    )


def _silent(summary: Summary) -> float:
    return sum(summary.ends.get(end, 0.0) for end in ("silent", "open", "closed"))


def _with_route(batch: Batch, route: Route) -> Batch:
    played = {**batch.task.played, route.name: route}
    return replace(batch, task=replace(batch.task, played=played))


def _gateways(batch: Batch) -> Iterator[Change]:
    for route in batch.task.played.values():
        if route.channel is Channel.SMS:
            second = replace(route, name=f"{route.name}-2")
            yield Change(
                kind="gateway",
                text=N_("A second gateway like {name}"),
                name=route.name,
                batch=_with_route(batch, second),
            )
    modem = Route(
        name="one-more-modem",
        channel=Channel.SMS,
        carries=frozenset(Status),
        simulated=True,
        in_flight=1,
        rate_per_s=MODEM_PER_S,
        burst=1,
        timeout_s=30.0,
        rank=max((route.rank for route in batch.task.played.values()), default=1),
    )
    text = N_("One more modem")
    yield Change(kind="modem", text=text, name=modem.name, batch=_with_route(batch, modem))


def _voice(batch: Batch) -> Iterator[Change]:
    if any(route.channel is Channel.VOICE for route in batch.task.played.values()):
        return
    calls = Route(
        name="calls",
        channel=Channel.VOICE,
        carries=frozenset(Status),
        simulated=True,
        in_flight=30,
        rate_per_s=_CALLS_PER_S,
        burst=30,
        timeout_s=30.0,
    )
    text = N_("Calls by a machine")
    yield Change(kind="voice", text=text, name=calls.name, batch=_with_route(batch, calls))


_HANDS: Final = {
    "call": N_("One more person who telephones"),
    "knock": N_("One more pair that knocks at doors, in every town"),
}


def _hands(batch: Batch) -> Iterator[Change]:
    for does, text in _HANDS.items():
        if not any(hands.does == does for hands in batch.scenario.hands):
            continue
        more = tuple(_one_more(hands, does) for hands in batch.scenario.hands)
        scenario = replace(batch.scenario, hands=more)
        yield Change(kind="hands", text=text, name=does, batch=replace(batch, scenario=scenario))


def _one_more(hands: Hands, does: str) -> Hands:
    return replace(hands, count=hands.count + 1) if hands.does == does else hands


def _alternates(batch: Batch, census: Census, before: Sequence[NightFigures]) -> Iterator[Change]:
    """An alternate more for each of the duties that were silent longest."""
    for number, duty in enumerate(_slowest(before)):
        file = batch.file.with_name(f"{batch.file.stem}-{number}.sqlite3")
        shutil.copy(batch.file, file)
        scratch.add_alternate(file, duty)
        held = census.held[duty][0]
        yield Change(
            kind="alternate",
            text=N_("An alternate for {name}"),
            name=census.places[held.unit_no].name,
            role=held.role,
            batch=replace(batch, file=Path(file)),
        )


def _slowest(before: Sequence[NightFigures]) -> list[int]:
    waits: dict[int, float] = {}
    for night in before:
        for duty, minutes in night.slowest:
            waits[duty] = waits.get(duty, 0.0) + minutes
    return sorted(waits, key=lambda duty: (-waits[duty], duty))[:_ALTERNATES]
