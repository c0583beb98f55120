"""What was learned, as a scenario's rules: for the simulator, and as TOML for people."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from alertd.i18n import N_
from drills.learning.cells import Cell
from drills.learning.fitting import Found
from drills.learning.record import Learned, written
from drills.simulate import scenario as scenarios
from drills.simulate.scenario import People
from drills.toml import written as toml

Say = Callable[[str], str]
"""A translator."""


def rules(learned: Learned) -> list[dict[str, Any]]:
    """The rules of the cells that rest on enough, as a scenario has them."""
    return [_rule(cell, found) for cell, found, _ in written(learned.cells)]


def behaviour(own: list[dict[str, Any]]) -> dict[str, Any]:
    """What `scenario.parse` takes: some rules, and after them the shipped ones for all others."""
    shipped = [_plain(rule) for rule in scenarios.usual().people]
    return {"people": [*own, *shipped]}


def document(learned: Learned, heads: list[str], say: Say) -> str:
    """The rules as TOML, each with what it rests on; no name and no number of anybody's.

    Args:
        learned: What was learned.
        heads: Lines that say what it was learned from.
        say: Into the reader's language.
    """
    parts = ["\n".join(f"# {line}".rstrip() for line in heads)]
    for cell, found, people in written(learned.cells):
        rests = say(N_("{messages} messages to {people} people, {answers} answered")).format(
            messages=found.messages, people=people, answers=round(found.answers)
        )
        parts.append(f"# {rests}\n" + toml({"people": [_rule(cell, found)]}).strip())
    return "\n\n".join(parts) + "\n"


def _rule(cell: Cell, found: Found) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "roles": [cell.role],
        "hours": list(cell.hours),
        "channel": cell.channel,
        "notices": round(found.notices, 3),
        "median_s": round(found.median_s, 1),
        "spread": round(found.spread, 2),
    }
    says = {word: round(share, 3) for word, share in found.says.items() if round(share, 3)}
    return rule | ({"says": says} if says else {})


def _plain(rule: People) -> dict[str, Any]:
    found: Mapping[str, Any] = asdict(rule)
    return {name: list(v) if isinstance(v, tuple) else v for name, v in found.items()}
