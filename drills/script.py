"""A drill's script in order: what fails, what is mended, what the control says, and when."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from alertd.model import MINUTE_MS, Millis
from drills.plan import MOST_MINUTES, Inject, Loss, LossKind, Plan


class Event(StrEnum):
    """What an item of the script is."""

    INJECT = "inject"
    LOST = "lost"
    MENDED = "mended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that happens.

    Args:
        after: So long after the drill's start, ms.
        event: What it is.
        index: Of the plan's inject or loss.
    """

    after: Millis
    event: Event
    index: int

    def to_list(self) -> list[Any]:
        """As a fact has it."""
        return [self.event.value, self.index]


def items(plan: Plan) -> tuple[Item, ...]:
    """All of the script, in order; at one moment what is mended and lost comes before words."""
    found = [
        Item(after=_ms(inject.at_min), event=Event.INJECT, index=number)
        for number, inject in enumerate(plan.injects)
    ]
    for number, loss in enumerate(plan.losses):
        found.append(Item(after=_ms(loss.from_min), event=Event.LOST, index=number))
        if loss.to_min < MOST_MINUTES:
            found.append(Item(after=_ms(loss.to_min), event=Event.MENDED, index=number))
    order = [Event.MENDED, Event.LOST, Event.INJECT]
    return tuple(sorted(found, key=lambda each: (each.after, order.index(each.event), each.index)))


def routes_lost(plan: Plan) -> tuple[tuple[str, Millis, Millis], ...]:
    """The routes that fail by the script: name, from and to, ms after the start."""
    return tuple(
        (loss.route or "", _ms(loss.from_min), _ms(loss.to_min))
        for loss in plan.losses
        if loss.kind is LossKind.GATEWAY
    )


def of(plan: Plan, item: Item) -> Inject | Loss:
    """What an item of the script is about."""
    return plan.injects[item.index] if item.event is Event.INJECT else plan.losses[item.index]


def _ms(minutes: float) -> Millis:
    return round(minutes * MINUTE_MS)
