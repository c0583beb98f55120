"""The node's time and the machine's clock, and an operator's word that the machine's is right."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from alertd.engine.authority import require
from alertd.errors import UnavailableError
from alertd.model import Millis
from alertd.web.api.routing import api_router
from alertd.web.auth import Asker, Reader
from alertd.web.deps import Given
from alertd.web.standing import standing_of

router = api_router("status")

_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """How the two stand to each other.

    Args:
        now: The node's time, ms: what every due time counts by.
        wall: The machine's clock, ms, as last looked at.
        trusted: Whether they agree.
        reason: `wall` where they agree, else `wall-ahead` or `wall-behind`.
        warning: One sentence; empty where they agree.
    """

    now: Millis
    wall: Millis
    trusted: bool
    reason: str
    warning: str


class Word(BaseModel):
    """An operator says that the machine's clock is right.

    Attributes:
        time: What time it is by the operator's own watch, ms since the epoch; the machine's clock
            has to agree within two minutes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: Annotated[int, Field(ge=0, le=253_402_300_799_999)]


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedView:
    """What came of it: the node's time before and after, and how many alerts were over by it."""

    was: Millis
    now: Millis
    ended: int


@router.get("/clock")
async def clock(deps: Given, reader: Reader) -> ClockView:
    """The node's time beside the machine's clock."""
    del reader
    found, now = standing_of(deps), deps.now()
    return ClockView(
        now=now,
        wall=now + found.ahead_ms,
        trusted=found.trusted,
        reason=found.why.value,
        warning=found.warning,
    )


@router.post("/clock")
async def accept(deps: Given, asker: Asker, word: Word) -> MovedView:
    """Take the machine's clock for the node's time; on record with who said so."""
    require(asker.actor, "clock", [""])
    keeper = deps.runner.keeper
    if keeper is None:
        raise UnavailableError("This node doesn't keep its own time.")
    future = keeper.ask(asker.actor, word.time)
    deps.runner.wake()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            moved = await asyncio.wrap_future(future)
    except TimeoutError:
        raise UnavailableError("The engine is too busy; try again in a moment.") from None
    return MovedView(was=moved.was, now=moved.now, ended=moved.ended)
