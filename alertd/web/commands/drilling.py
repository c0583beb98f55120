"""Drill plans and drills, as the API, the pages and the command line ask for them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection

from alertd.engine.authority import Actor, may, require
from alertd.engine.turn import Turn
from alertd.errors import NotFoundError
from alertd.model import Fact
from alertd.settings import Settings
from alertd.store.reads import drills as reads
from drills import holding, keeping, moment
from drills import plan as plans
from drills.alerting import Office
from drills.plan import Plan
from drills.script import Event, Item, items, of


def office_of(settings: Settings) -> Office:
    """Whose alerts the drills' are."""
    return Office(settings.sender, settings.sender_name)


def sees_blind(actor: Actor) -> bool:
    """Whether somebody may know that a drill without notice is in the calendar.

    Whoever writes and agrees to drills does; those who take part don't.
    """
    return may(actor, "draft") or may(actor, "approve")


def listed(connection: Connection, actor: Actor) -> list[dict[str, Any]]:
    """The city's own plans that an actor may see, and the shipped examples after them."""
    own = reads.plans(connection, path=actor.path)
    own = [each for each in own if sees_blind(actor) or not _blind(each)]
    names = {each.name for each in own}
    found = [
        {
            "name": each.name,
            "name_en": str(each.content.get("name_en", "")),
            "owner": each.owner,
            "saved_at": each.saved_at,
            "saved_by": each.saved_by,
            "shipped": False,
        }
        for each in own
    ]
    return found + [
        {
            "name": each.name,
            "name_en": each.name_en,
            "owner": "",
            "saved_at": None,
            "saved_by": "",
            "shipped": True,
        }
        for each in keeping.shipped().values()
        if each.name not in names
    ]


def _blind(plan: reads.PlanView) -> bool:
    return "window" in plan.content.get("when", {})


def plan_shown(connection: Connection, actor: Actor, name: str) -> dict[str, Any]:
    """A plan as its TOML and as JSON; raises NotFoundError."""
    for each in listed(connection, actor):
        if each["name"] == name:
            plan = keeping.find(connection, name, path=actor.path)
            return {**each, "toml": plans.dumps(plan), "plan": plans.to_dict(plan)}
    raise NotFoundError("There is no such drill plan.", field="plan")


def check(turn: Turn, actor: Actor, settings: Settings, text: str) -> dict[str, Any]:
    """Read a plan and try it, storing nothing.

    Raises:
        PlanError: Every mistake is named by key and line.
        AlertdError: What it says can't be drafted, or not by the actor.
    """
    require(actor, "draft")
    plan = keeping.read(turn.connection, turn.library, turn.routes, text)
    holding.rehearse(turn, actor, office_of(settings), plan)
    return {
        "name": plan.name,
        "wakes_people": holding.wakes_people(turn, plan),
        "toml": plans.dumps(plan),
    }


def save(turn: Turn, actor: Actor, settings: Settings, text: str) -> dict[str, Any]:
    """Check a plan as `check`, and write it down."""
    found = check(turn, actor, settings, text)
    keeping.save(turn, actor, plans.parse(text))
    return found


def remove(turn: Turn, actor: Actor, name: str) -> dict[str, Any]:
    """Take a plan of the city's own away."""
    keeping.remove(turn, actor, name)
    return {"name": name}


def begin(turn: Turn, actor: Actor, settings: Settings, name: str, *, now: bool) -> dict[str, Any]:
    """Begin a drill, or put it into the calendar."""
    plan = keeping.find(turn.connection, name, path=actor.path)
    does = holding.run if now else holding.schedule
    return shown(turn.connection, actor, does(turn, actor, office_of(settings), plan))


def agree(turn: Turn, actor: Actor, no: int) -> dict[str, Any]:
    """The second person agrees."""
    holding.agree(turn, actor, no)
    return shown(turn.connection, actor, no)


def call_off(turn: Turn, actor: Actor, no: int, reason: str) -> dict[str, Any]:
    """Take a drill out of the calendar."""
    holding.call_off(turn, actor, no, reason)
    return shown(turn.connection, actor, no)


def stop(turn: Turn, actor: Actor, settings: Settings, no: int, reason: str) -> dict[str, Any]:
    """End a drill that is under way."""
    holding.stop(turn, actor, office_of(settings), no, reason)
    return shown(turn.connection, actor, no)


def shown(connection: Connection, actor: Actor, no: int) -> dict[str, Any]:
    """A drill, with the log of its control; raises NotFoundError."""
    view = reads.drill(connection, no, path=actor.path)
    if not visible(view, actor):
        raise NotFoundError("There is no such drill.", field="drill")
    facts = reads.log(connection, no)
    return {**view_of(view), "log": log_of(facts, view), "proof": _proof(facts, view)}


def visible(view: reads.DrillView, actor: Actor) -> bool:
    """Whether an actor may know of a drill."""
    return view.started_at is not None or not view.blind or sees_blind(actor)


def calendar(connection: Connection, actor: Actor) -> list[dict[str, Any]]:
    """What is to be held and what is under way."""
    found = reads.calendar(connection, path=actor.path)
    return [view_of(view) for view in found if visible(view, actor)]


def view_of(view: reads.DrillView) -> dict[str, Any]:
    """A drill as JSON; of a window never the moment."""
    values = asdict(view)
    content = values.pop("content")
    values |= {name: list(values[name]) for name in ("paths", "followed_by")}
    return {**values, "state": view.state.value, "name_en": content.get("name_en", "")}


def _proof(facts: Sequence[Fact], view: reads.DrillView) -> dict[str, Any] | None:
    """Of a window, once the drill has begun: what opens the commitment, and whether it does."""
    for fact in facts:
        if fact.kind == "drill.started" and "salt" in fact.body:
            at, salt = int(fact.body["moment"]), str(fact.body["salt"])
            holds = moment.commitment(at, salt) == view.commitment
            return {"moment": at, "salt": salt, "holds": holds}
    return None


def log_of(facts: Sequence[Fact], view: reads.DrillView) -> list[dict[str, Any]]:
    """What the control said and what failed, in order."""
    plan = plans.from_dict(dict(view.content))
    lines: list[dict[str, Any]] = []
    for fact in facts:
        if fact.kind == "drill.stepped":
            lines += [_line(plan, fact.occurred_at, *item) for item in fact.body["items"]]
    return lines


def to_come(plan: Plan, step: int) -> list[dict[str, Any]]:
    """What of the script is still to happen."""
    return [
        {"after": item.after, **_line(plan, 0, item.event.value, item.index, 0)}
        for item in items(plan)[step:]
    ]


def _line(plan: Plan, at: int, event: str, index: int, message_no: int) -> dict[str, Any]:
    item = Item(after=0, event=Event(event), index=index)
    about: Any = of(plan, item)
    words = {"at": at, "event": event, "told": bool(message_no)}
    if item.event is Event.INJECT:
        return {**words, "text": about.text, "to": list(about.to)}
    return {**words, "kind": about.kind.value, "area": about.area, "route": about.route}
