"""What somebody at the board does about an alert under way: halt it, call, remind, escalate."""

from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from alertd.engine import halting
from alertd.engine.authority import Actor
from alertd.engine.turn import Turn
from alertd.store.reads.alerts import find
from alertd.web.api.alerts import state_of
from alertd.web.api.routing import api_router
from alertd.web.api.shapes import State
from alertd.web.auth import Asker
from alertd.web.commands import calling, urging
from alertd.web.deps import Given
from alertd.web.fields import AlertRef, PersonId, Reason
from alertd.web.writes import Writing

router = api_router("board", "/alerts/{alert}")

Halting = Literal["pause", "resume", "stop"]
HALTS = {"pause": halting.pause, "resume": halting.resume, "stop": halting.stop}


class Why(BaseModel):
    """Why the sending is halted or goes on; without names and numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Reason


class Number(BaseModel):
    """Whom to call, and by which number."""

    person_id: str
    name: str
    number: str


class Urged(BaseModel):
    """How many silent duties it is about, and how many reminders go out."""

    requirements: int
    messages: int


@router.post("/halt/{how}")
async def halt(write: Writing, alert: AlertRef, how: Halting, why: Why) -> State:
    """Pause the sending, let it go on, or stop it for good."""

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        alert_id = find(turn.connection, alert, path=actor.path)
        HALTS[how](turn, actor, alert_id, why.reason)
        return state_of(turn, alert_id)

    return State(**await write.do(do))


@router.post("/people/{person}/call")
async def call(deps: Given, asker: Asker, alert: AlertRef, person: PersonId) -> Number:
    """The whole number of one person, to be called; that it was shown goes on record."""

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        alert_id = find(turn.connection, alert, path=actor.path)
        return calling.show_number(turn, actor, deps.store.vault, alert_id, person)

    # No `Writing`: each time that it is shown goes on record.
    return Number(**await deps.runner.submit(partial(do, actor=asker.actor)))


@router.post("/urge/{act}")
async def urge(
    write: Writing, alert: AlertRef, act: urging.Act, about: urging.Urge | None = None
) -> Urged:
    """Remind those who are silent, or let their ladders climb, now."""

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        alert_id = find(turn.connection, alert, path=actor.path)
        return urging.urge(turn, actor, alert_id, act, about or urging.Urge())

    return Urged(**await write.do(do))
