"""What a route may still carry today, by its contract and the office's purse.

A budget never silences an Actual alert, nor slows it: what no other route takes in time goes on by
this one, and the overrun shows. Drills and tests stop at it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import Final

from alertd.decide.plan import Route


@dataclass(frozen=True, slots=True)
class Account:
    """What a route has carried on a day; a value.

    Args:
        day: The city's, as `date.toordinal` counts it.
        spent: Parts that are written down.
        unbooked: Parts that have left since.
    """

    day: int = 0
    spent: int = 0
    unbooked: int = 0

    def carry(self, parts: int) -> "Account":
        """So many parts leave."""
        return replace(self, unbooked=self.unbooked + parts)


NOTHING_SPENT: Final = Account()


def is_budgeted(route: Route) -> bool:
    """Whether there is anything to keep to."""
    return route.parts_per_day is not None or route.cost_per_day is not None


def left(route: Route, account: Account) -> int | None:
    """How many parts it may still carry today; None: there is no end of it."""
    used = account.spent + account.unbooked
    bounds = []
    if route.parts_per_day is not None:
        bounds.append(route.parts_per_day - used)
    if route.cost_per_day is not None and route.cost_per_part > 0:
        # A hair more, so that three parts of 0.1 fit into 0.3.
        bounds.append(floor(route.cost_per_day / route.cost_per_part + 1e-9) - used)
    return max(0, min(bounds)) if bounds else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an alert's first wave takes of the budgets, reckoned with the preferred routes.

    Args:
        parts: Of SMS.
        cost: By the cheapest of them.
        short: By route, how many parts it has left where those aren't enough.
    """

    parts: int
    cost: float
    short: dict[str, int]


def plan(parts: int, routes: Sequence[Route], accounts: Mapping[str, Account]) -> Plan:
    """Whether the routes' budgets suffice for so many parts; each is asked for all of them."""
    first = _preferred(routes)
    remaining = {r.name: left(r, accounts.get(r.name, NOTHING_SPENT)) for r in first}
    return Plan(
        parts=parts,
        cost=round(parts * min((route.cost_per_part for route in first), default=0.0), 2),
        short={name: n for name, n in remaining.items() if n is not None and n < parts},
    )


def _preferred(routes: Sequence[Route]) -> list[Route]:
    return [route for route in routes if route.rank == min(each.rank for each in routes)]


Said = tuple[int, bytes]
"""A text for a number: the number of its address, and a keyed hash of the text."""


def fitting(most: int, before: Mapping[Said, int], wanted: Iterable[Said]) -> list[bool]:
    """Which of `wanted`, in their order, may still leave by a route today.

    Args:
        most: How often its gateway takes one text for one number in a day.
        before: How often each has left by it today.
        wanted: What is to leave now.
    """
    left_now: Counter[Said] = Counter()
    fits = []
    for said in wanted:
        fits.append(before.get(said, 0) + left_now[said] < most)
        left_now[said] += fits[-1]
    return fits


def repeats(sharing: Mapping[int, int], routes: Sequence[Route]) -> dict[str, int]:
    """By preferred route, how many of a first wave can't go by it, where any.

    They are for numbers that more people share than the route takes one text for; how many at the
    most, since some of those people may read another text.

    Args:
        sharing: How many numbers so many of the people told share.
        routes: That may carry it.
    """
    over = {
        route.name: sum(n * max(0, k - route.same_text_per_day) for k, n in sharing.items())
        for route in _preferred(routes)
        if route.same_text_per_day is not None
    }
    return {name: n for name, n in over.items() if n}


def is_spent(route: Route, account: Account) -> bool:
    """Whether nothing is left for today."""
    return left(route, account) == 0
