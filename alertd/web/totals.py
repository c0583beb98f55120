"""How many lines the roster's lists have, counted once for each version of the roster.

Three of the lists are functions of the roster and of the day: together they take a fifth of a
second at 20,000 people. Numbers that failed change with every delivery: they are counted anew
after some seconds. Wishes to be left out cost nothing.
"""

from dataclasses import dataclass
from typing import Annotated, Final, cast

from fastapi import Depends, Request
from sqlalchemy import Connection

from alertd.model import Millis
from alertd.store import roster
from alertd.store.reads import roster_lists

OF_ITSELF: Final = ("no-alternate", "vacant", "unverified")
LIVE: Final = ("failed",)
FRESH_MS: Final = 10_000
_DAY_MS: Final = 86_400_000
_CHINA_MS: Final = 8 * 3_600_000  # a date in a roster is its midnight in China


@dataclass(frozen=True, slots=True)
class _Counted:
    """Counts of a version on a day, and when the live ones were taken."""

    version: int
    day: int
    steady: dict[str, int]
    live: dict[str, int]
    at: Millis


class Totals:
    """The counts by subtree; asked from any thread: at worst two count the same."""

    def __init__(self) -> None:
        self._counted: dict[str, _Counted] = {}

    def of(self, connection: Connection, *, path: str, now: Millis) -> dict[str, int]:
        """How many lines each list has in a subtree."""
        version, day = roster.current_version(connection), (now + _CHINA_MS) // _DAY_MS
        kept = self._counted.get(path)
        same = kept is not None and (kept.version, kept.day) == (version, day)
        if kept is None or not same or not 0 <= now - kept.at < FRESH_MS:
            steady = kept.steady if kept and same else _count(connection, OF_ITSELF, path, now)
            live = _count(connection, LIVE, path, now)
            kept = self._counted[path] = _Counted(version, day, steady, live, now)
        found = {**kept.steady, **kept.live}
        return {
            name: found[name] if name in found else _count(connection, (name,), path, now)[name]
            for name in roster_lists.LISTS
        }


def _count(
    connection: Connection, names: tuple[str, ...], path: str, now: Millis
) -> dict[str, int]:
    return {name: roster_lists.total(connection, name, path=path, now=now) for name in names}


def totals_of(request: Request) -> Totals:
    """The application's."""
    return cast("Totals", request.app.state.totals)


Counting = Annotated[Totals, Depends(totals_of)]
