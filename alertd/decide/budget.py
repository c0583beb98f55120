"""What a route may still carry today, by its contract and the office's purse.

A budget never silences an Actual alert: where no other route is left, the route goes on, and the
overrun shows. Drills and tests stop at it.
"""

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


def is_spent(route: Route, account: Account) -> bool:
    """Whether nothing is left for today."""
    return left(route, account) == 0
