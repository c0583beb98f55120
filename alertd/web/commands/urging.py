"""Remind silent people, or let their ladders climb, now: one duty's or all of a part's."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from alertd.engine import urging
from alertd.engine.authority import Actor, require
from alertd.engine.turn import LiveAlert, Turn
from alertd.engine.urging import Urged
from alertd.errors import InvalidInputError, NotFoundError
from alertd.store.reads.unanswered import silent
from alertd.store.reads.units import duty_at, path_of, unit_of_duty
from alertd.web.commands.answers import DutyName
from alertd.web.fields import Code

MOST: Final = 10_000  # duties at one press

Act = Literal["remind", "climb"]
_ACTS: dict[str, Callable[[Turn, Actor, LiveAlert, Sequence[int]], Urged]] = {
    "remind": urging.remind,
    "climb": urging.climb,
}


class Urge(BaseModel):
    """Whom it is about; without anything, everybody silent in the asker's area.

    Attributes:
        duty: One duty; or
        unit_code: a unit and all below it.
        state: Of their ladders: still climbing, all rungs taken, or either.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    duty: DutyName | None = None
    unit_code: Code | None = None
    state: Literal["open", "exhausted", "any"] = "any"


def urge(turn: Turn, actor: Actor, alert_id: bytes, act: Act, about: Urge) -> dict[str, Any]:
    """Do it; returns how many duties it is about, and how many messages go out.

    Raises:
        NotFoundError: No such alert or duty, or nobody there is silent.
        ForbiddenError: That is outside the actor's area.
        ConflictError: It can't be done now; the sentence says why.
    """
    alert = turn.alert_by_id(alert_id)
    duty, path = None, actor.path
    if about.duty is not None:
        duty = duty_at(turn.connection, about.duty.unit_code, about.duty.role)
        path = unit_of_duty(turn.connection, duty)
    elif about.unit_code is not None:
        found = path_of(turn.connection, about.unit_code)
        if found is None:
            raise InvalidInputError("The roster has no such unit.", field="unit_code")
        path = found
    require(actor, "answer", [path])
    about_these = silent(
        turn.connection, alert.no, path=path, state=about.state, duty_no=duty, limit=MOST
    )
    if not about_these:
        raise NotFoundError("Nobody there is silent.")
    return asdict(_ACTS[act](turn, actor, alert, about_these))
