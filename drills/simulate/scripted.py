"""A plan's script in a night: done by the drill's own exercise control, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from alertd.engine import accept
from alertd.engine.authority import Actor
from alertd.engine.turn import Turn
from alertd.model import MINUTE_MS, DeliveryState, Millis
from alertd.store.reads import drills as reads
from alertd.store.reads import rehearsal
from drills import control, holding
from drills import plan as plans
from drills.plan import Inject, Plan
from drills.script import Event, Item, items, of

DRILL: Final = 1
"""A night is the first drill of its city."""


@dataclass(slots=True)
class Script:
    """The script of one night, as an agenda of the engine.

    What it has done stands in the drill's own row, as in life, so that a process that was killed
    goes on where it stopped.

    Args:
        plan: Whose script it is.
        start: When the alert is issued.
    """

    plan: Plan
    start: Millis
    alert_no: int = 0
    _items: tuple[Item, ...] = field(init=False)
    _done: int = 0

    def __post_init__(self) -> None:
        self._items = items(self.plan)

    def __bool__(self) -> bool:
        return bool(self._items)

    def begin(self, turn: Turn, *, wanted: accept.Draft, author: Actor, second: Actor) -> int:
        """Write the drill down and begin it; returns its alert's number."""
        content = plans.to_dict(self.plan)
        content.pop("owner", "")
        body = {
            "no": DRILL,
            "id": turn.ids.uuid().hex(),
            "plan": self.plan.name,
            "content": content,
            "paths": [],
            "owner": author.id.hex(),
            "by": author.id.hex(),
            "opens_at": turn.now,
            "closes_at": turn.now,
            "commitment": "",
            "due_at": turn.now,
        }
        turn.record("drill.scheduled", body, source=author.source)
        self.alert_no = holding.begin_with(turn, DRILL, wanted, author, second)
        return self.alert_no

    def next_at(self) -> Millis | None:
        """When something of it comes next."""
        if not self.alert_no or self._done >= len(self._items):
            return None
        return self.start + self._items[self._done].after

    def __call__(self, turn: Turn, *, tick: bool) -> None:
        """Do what has come by now; once the alert is over nothing more comes."""
        at = self.next_at()
        if not tick or at is None or at > turn.now:
            return
        alert = turn.alert(self.alert_no)
        if alert.over:
            self._done = len(self._items)
            return
        row = reads.row_of(turn.connection, DRILL)
        self._done = control.go_on(turn, row, alert, self.plan, self._items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Something of the script, in one night.

    Args:
        place: In the script, from 0.
        minute: When it was done; later than planned where our own node was away.
        told: People to whom it was to go.
        taken: To how many of them a gateway took it.
        arrived: And said that it had arrived.
    """

    place: int
    minute: float
    told: int = 0
    taken: int = 0
    arrived: int = 0


def happened(connection: Connection, script: Script) -> tuple[Happened, ...]:
    """What was done of it, from the record."""
    found: list[Happened] = []
    for fact in reads.log(connection, script.alert_no):
        if fact.kind != "drill.stepped":
            continue
        minute = round((fact.occurred_at - script.start) / MINUTE_MS, 3)
        for _, _, message in fact.body["items"]:
            states = rehearsal.states_of(connection, message) if message else []
            arrived = states.count(DeliveryState.DELIVERED)
            found.append(
                Happened(
                    place=len(found),
                    minute=minute,
                    told=len(states),
                    taken=states.count(DeliveryState.ACCEPTED) + arrived,
                    arrived=arrived,
                )
            )
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """Something of the script, in many nights; figures are means of the nights it happened in.

    Args:
        no: In the script, from 1.
        event: inject, lost or mended.
        kind: Of the loss; "" for an inject.
        what: The inject's text, or the loss's area or route.
        units: How many units the inject is for; 0: it stands in the control's log alone.
        at_min: When, by the plan.
        minute: When it was done.
        nights: In which share of nights it happened at all.
        told, taken, arrived: People, as in `Happened`.
        covered: The share of grids covered by then, in the middle night.
        covered_worst: The same in the worst 5% of nights.
    """

    no: int
    event: str
    kind: str
    what: str
    units: int
    at_min: float
    minute: float | None
    nights: float
    told: float
    taken: float
    arrived: float
    covered: float = 0.0
    covered_worst: float = 0.0


def scripted(plan: Plan, nights: Sequence[Sequence[Happened]]) -> tuple[Scripted, ...]:
    """What all of a plan's script came to in some nights, in its order; coverage left out."""
    return tuple(
        _line(plan, place, item, [each[place] for each in nights if place < len(each)], len(nights))
        for place, item in enumerate(items(plan))
    )


def _line(plan: Plan, place: int, item: Item, seen: Sequence[Happened], nights: int) -> Scripted:
    about = of(plan, item)
    return Scripted(
        no=place + 1,
        event=item.event.value,
        kind="" if isinstance(about, Inject) else about.kind.value,
        what=about.text if isinstance(about, Inject) else about.route or about.area or "",
        units=len(about.to) if isinstance(about, Inject) else 0,
        at_min=round(item.after / MINUTE_MS, 3),
        minute=_mean([each.minute for each in seen], 2) if seen else None,
        nights=round(len(seen) / nights, 4),
        told=_mean([each.told for each in seen], 1),
        taken=_mean([each.taken for each in seen], 1),
        arrived=_mean([each.arrived for each in seen], 1),
    )


def marks(lines: Sequence[Scripted]) -> list[Scripted]:
    """Those of the script that a picture marks: what was said, and what failed."""
    return [line for line in lines if line.event != Event.MENDED.value]


def _mean(values: Sequence[float], digits: int) -> float:
    return round(sum(values) / len(values), digits) if values else 0.0
