"""What was frozen with an alert, read part by part: another version may have written it.

A part that can't be read is replaced by one that does no harm, and named, so that whoever needs it
says so (`unread.whole`) and everybody else goes on.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, TypeVar

from alertd.decide.plan import Leave, Terms, Way
from alertd.model import Policy, Status


class Part(StrEnum):
    """A column of `alert` that holds what was frozen."""

    POLICY = "policy"  # ladders, times, tries
    TEMPLATES = "templates"  # words
    SELECTION = "selection"  # for whom, by which routes, a drill's plan


STANDARD: Final = Policy(name="standard")
"""By which what is under way of an alert ends whose own policy can't be read."""

EVERYWHERE: Final = ("",)
"""Areas that nobody knows: only whoever acts everywhere may touch it, and it meets every other."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What an alert's later messages and steps go by.

    Args:
        policy: Its own, or `STANDARD`.
        templates: By name; none where they can't be read.
        selection: As the fact `alert.drafted` has it; without anything where it can't be read.
        terms: Of a drill that was made from a plan.
        leave: How it may travel.
        paths: Of its areas' units, or `EVERYWHERE`.
        reach: As `reach_of` has it, or `EVERYWHERE`.
        unread: The parts that can't be read.
    """

    policy: Policy
    templates: Mapping[str, Any]
    selection: Mapping[str, Any]
    terms: Terms | None
    leave: Leave
    paths: tuple[str, ...]
    reach: tuple[str, ...]
    unread: frozenset[Part]


@lru_cache(maxsize=64)
def policy_of(text: str) -> Policy:
    """A frozen policy, the same for most alerts; `STANDARD` where it can't be read."""
    try:
        found = Policy.thaw(json.loads(text))
    except Exception:  # noqa: BLE001 - nobody foresaw what another version writes there
        return STANDARD
    alike = all(_alike(getattr(found, each.name), each.default) for each in fields(Policy)[1:])
    waits = all(isinstance(wait, int | float) for wait in found.retry_backoff_s)
    return found if alike and waits else STANDARD


def _alike(value: object, usual: object) -> bool:
    """Whether a value is of the kind that it is where nobody says otherwise."""
    if isinstance(usual, bool | str | tuple):
        return isinstance(value, type(usual))
    return isinstance(value, int | float) and not isinstance(value, bool)


def shown(text: str) -> dict[str, Any]:
    """A frozen column for whoever only shows alerts; empty where it can't be read."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def reach_of(selection: Mapping[str, Any]) -> tuple[str, ...]:
    """The paths of all who hear of an alert: its own areas', and those of what it follows."""
    return tuple(dict.fromkeys((*selection.get("paths", ()), *selection.get("told", ()))))


def thaw(policy: str, templates: str, selection: str, status: Status) -> Frozen:
    """Read the three columns; never raises."""
    unread: set[Part] = set()

    def part(name: Part, read: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return read()
        except Exception:  # noqa: BLE001 - as above
            unread.add(name)
            return otherwise

    nothing: _Whom = (
        {"params": {}},
        None,
        Leave(status=status, routes=None, simulated=False),
        EVERYWHERE,
    )
    found, terms, leave, paths = part(
        Part.SELECTION, lambda: _selection(selection, status), nothing
    )
    own = policy_of(policy)
    if own is STANDARD:
        unread.add(Part.POLICY)
    return Frozen(
        policy=own,
        templates=part(Part.TEMPLATES, lambda: _templates(templates), {}),
        selection=found,
        terms=terms,
        leave=leave,
        paths=paths,
        reach=EVERYWHERE if Part.SELECTION in unread else reach_of(found),
        unread=frozenset(unread),
    )


def _templates(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    if not all(isinstance(each, dict) for each in found.values()):
        raise TypeError(text)
    return found


_Whom = tuple[Mapping[str, Any], Terms | None, Leave, tuple[str, ...]]


def _selection(text: str, status: Status) -> _Whom:
    found = json.loads(text)
    known = (found["paths"], list), (found["roles"], list), (found["params"], dict)
    if not all(isinstance(value, kind) for value, kind in known):
        raise TypeError(text)
    routes, terms = found.get("routes"), _terms(found.get("drill"))
    leave = Leave(
        status=status,
        routes=None if routes is None else frozenset(routes),
        simulated=bool(found.get("simulated")),
        ways=terms.ways if terms else None,
    )
    return found, terms, leave, tuple(found["paths"])


def _terms(found: Mapping[str, Any] | None) -> Terms | None:
    """What a drill's plan froze with its alert; None of any other alert."""
    if not found:
        return None
    return Terms(
        drill=found["no"],
        ways={name: Way(word) for name, word in found["ways"].items()},
        climb_to=found["climb_to"],
        lost=tuple((name, since, until) for name, since, until in found["lost"]),
    )
