"""What routes bring, gathered while a step runs: one input of the next for each route.

It is read and written together; where the engine refuses it, one of it may be bad, and each is
tried by itself.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from alertd.engine import receive
from alertd.engine.core import Answer, Input
from channels.base import Event


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a route brought at one time, and who waits for it to be on disk."""

    route: str
    events: tuple[Event, ...]
    done: asyncio.Future[None]
    alone: bool = False  # it has been refused with others


@dataclass(frozen=True, slots=True)
class Group:
    """Arrivals that are one input."""

    route: str
    arrivals: list[Arrival]

    def input(self) -> Input:
        """What the engine takes."""
        came = tuple(event for arrival in self.arrivals for event in arrival.events)
        return partial(receive.events, route=self.route, came=came)

    def is_split_by(self, answer: Answer) -> bool:
        """Whether each is to be tried by itself after this answer."""
        return answer.error is not None and len(self.arrivals) > 1


def by_route(arrivals: Sequence[Arrival]) -> list[Group]:
    """Group them; those that are to be alone come first."""
    groups: dict[str, Group] = {}
    alone = []
    for arrival in arrivals:
        if arrival.alone:
            alone.append(Group(arrival.route, [arrival]))
        else:
            groups.setdefault(arrival.route, Group(arrival.route, [])).arrivals.append(arrival)
    return [*alone, *groups.values()]


def tell_all(groups: Sequence[Group], answers: Sequence[Answer], *, last: bool = False) -> None:
    """Tell those who wait; of a group that is split only if this is the last word on it."""
    for group, answer in zip(groups, answers, strict=True):
        if group.is_split_by(answer) and not last:
            continue
        for arrival in group.arrivals:
            if arrival.done.done():
                continue  # whoever waited has gone
            if answer.error is not None:
                arrival.done.set_exception(answer.error)
            else:
                arrival.done.set_result(None)
