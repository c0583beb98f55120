"""Drills by a plan in a random week: begun by hand or by the calendar, and stopped.

They are chains: an alert that begins it, what the exercise control says at its minutes, and what
ends it; a live alert has them give way.
"""

import random
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select

from alertd.engine.authority import Actor
from alertd.model import DrillState
from alertd.store import access
from alertd.store import tables as t
from drills import holding, plan
from drills.alerting import Office
from drills.calendar import Calendar
from tests.faults.random_world import World

OFFICE = Office("drill@alertd.example", "余姚市防指")
CLIMBS = ("none", "grid", "community", "town", "city")


def drill(world: World) -> None:
    """Begin one now, or put one into the calendar; perhaps it is agreed to at once."""
    if world.calendar is None:
        _begin_to_look(world)
    admin, second = _people(world)
    later = world.dice.random() < 0.5
    wanted = _plan(world, later=later)
    world.say(f"   {plan.to_dict(wanted)}")
    act = holding.schedule if later else holding.run
    no = world.hand_in(lambda turn: act(turn, admin, OFFICE, wanted))
    if no is None:
        return
    row = world.city.one(select(t.drill).where(t.drill.c.no == no))
    world.say(f"   -> drill {no}, {DrillState(row.state).name}")
    if later and world.dice.random() < 0.7:
        world.hand_in(lambda turn: holding.agree(turn, second, no))
    elif row.state == DrillState.DRAFTED:
        alert = world.city.one(select(t.alert).where(t.alert.c.no == row.alert_no))
        world.drafts.append({"no": alert.no, "id": alert.id.hex()})


def drill_ends(world: World) -> None:
    """One is stopped, or taken out of the calendar."""
    rows = world.city.rows(select(t.drill).order_by(t.drill.c.no))
    if rows:
        no, (admin, _) = world.dice.choice(rows).no, _people(world)
        running = partial(holding.stop, office=OFFICE)
        how = world.dice.choice([running, holding.call_off])
        world.say(f"   drill {no}")
        world.hand_in(lambda turn: how(turn, actor=admin, no=no, reason="as the seed wants"))


def _begin_to_look(world: World) -> None:
    """From now on every process looks at the calendar, also after a start."""
    world.calendar = partial(Calendar, OFFICE)
    for process in world.node.processes:
        process.agenda = world.calendar
        process.city.engine.agenda = world.calendar()


def _people(world: World) -> tuple[Actor, Actor]:
    """Who draws drills up and who agrees to them; a restore may know of neither."""
    p, found = t.principal.c, []
    for name, role in (("admin", "administrator"), ("second", "approver")):
        rows = world.city.rows(select(p.no, p.id).where(p.name == name))
        made: Any = rows[0] if rows else _account(world, name, role)
        found.append(Actor(no=made.no, id=made.id, name=name, role=role, path=""))
    admin, second = found
    return admin, second


def _account(world: World, name: str, role: str) -> Any:
    made = partial(access.create_principal, name=name, role=role, by="cli", person_no=None)
    return world.city.take(lambda turn: made(turn.tx, turn.ids))


def _plan(world: World, *, later: bool) -> plan.Plan:
    dice, codes = world.dice, sorted(world.roster.units)
    towns = [code for code in codes if len(code) <= 9]
    area = dice.choice(codes if dice.random() < 0.3 else towns)
    sent = {
        "template": f"typhoon-{dice.choice(['red', 'orange', 'yellow', 'blue'])}",
        "areas": [area],
        "roles": ["grid_leader", "building_lead"],
        "climb_to": dice.choice(CLIMBS),
    }
    if dice.random() < 0.3:
        sent["valid_min"] = dice.choice([5, 12, 30])
    ways = ["real", "simulated", "simulated", "muted"]
    content: dict[str, Any] = {
        "name": "汛前演练",
        "owner": "admin",
        "alert": sent,
        "channels": {each.name: dice.choice(ways) for each in world.city.routes},
        "injects": [
            {"at_min": float(minute), "text": "水位上涨", "to": [area]}
            for minute in dice.choice([[], [1], [2, 7]])
        ],
        "losses": [
            {"kind": "gateway", "route": dice.choice(world.city.routes).name, "from_min": 1.0}
            for _ in range(dice.choice([0, 0, 1]))
        ],
    }
    if later:
        content["when"] = _when(dice, world.city.now)
    return plan.from_dict(content)


def _when(dice: random.Random, now: int) -> dict[str, Any]:
    """A moment in some minutes, or a window that nobody knows the moment of."""
    at = datetime.fromtimestamp(now // 1000, UTC) + timedelta(minutes=dice.choice([1, 4, 15]))
    if dice.random() < 0.5:
        return {"at": at.isoformat(), "remind_h": dice.choice([[], [0.05]])}
    return {"window": [at.isoformat(), (at + timedelta(minutes=10)).isoformat()], "remind_h": []}
