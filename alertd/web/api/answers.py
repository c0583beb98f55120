"""Answers that people enter, calls for help, and replies that somebody has to read."""

import asyncio
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict

from alertd.engine.authority import Actor, require
from alertd.engine.turn import Turn
from alertd.store.reads import helping, inbox
from alertd.store.reads.alerts import find
from alertd.store.reads.paging import Page
from alertd.web.api.board import about
from alertd.web.api.routing import api_router
from alertd.web.api.shapes import Acked, AckEntered, Classified, Done, SetAside
from alertd.web.auth import Reader
from alertd.web.commands import answers
from alertd.web.commands.answers import Classification, NewAck
from alertd.web.deps import Given
from alertd.web.fields import After, AlertRef, Limit, Number, Reason
from alertd.web.writes import Writing, created

router = api_router("answers")

Verdict = Literal[
    "counted", "unclear", "ambiguous", "quarantined", "unknown-sender", "no-alert", "opt-out"
]


class Withdrawal(BaseModel):
    """Why an acknowledgement was a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Reason


class Outcome(BaseModel):
    """How a call for help ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Reason


@router.post("/alerts/{alert}/acks", status_code=201, response_model=AckEntered)
async def enter_ack(write: Writing, alert: AlertRef, new: NewAck) -> Response:
    """Enter an answer that came by phone, radio, runner or on paper."""

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        alert_id = find(turn.connection, alert, path=actor.path)
        return answers.enter_ack(turn, actor, alert_id, new)

    made = await write.do(do)
    return created(made, f"/api/v1/alerts/{made['alert_id']}/acks/{made['no']}")


@router.delete("/alerts/{alert}/acks/{no}")
async def withdraw_ack(write: Writing, alert: AlertRef, no: Number, why: Withdrawal) -> Acked:
    """Withdraw an acknowledgement; what it covered is open again."""

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        alert_id = find(turn.connection, alert, path=actor.path)
        return answers.withdraw_ack(turn, actor, alert_id, no, why.reason)

    return Acked(**await write.do(do))


@router.get("/help")
async def list_help(
    deps: Given,
    reader: Reader,
    closed: Annotated[bool, Query(description="Closed ones too")] = False,
) -> tuple[helping.HelpView, ...]:
    """Calls for help in the asker's area; those that nobody took first."""

    def read() -> tuple[helping.HelpView, ...]:
        with deps.store.read() as connection:
            return helping.help_cases(connection, path=reader.path, closed=closed)

    return await asyncio.to_thread(read)


@router.get("/alerts/{alert}/help")
async def list_alerts_help(
    deps: Given, reader: Reader, alert: AlertRef, closed: Annotated[bool, Query()] = False
) -> tuple[helping.HelpView, ...]:
    """One alert's calls for help."""
    return await about(
        deps,
        reader,
        alert,
        lambda c, view: helping.help_cases(c, alert_no=view.no, path=reader.path, closed=closed),
    )


@router.post("/help/{no}/take")
async def take_help(write: Writing, no: Number) -> Done:
    """Take a call for help; it climbs no further."""
    return Done(**await write.do(partial(answers.take_help, no=no)))


@router.post("/help/{no}/close")
async def close_help(write: Writing, no: Number, how: Outcome) -> Done:
    """Close a call for help, and say how it ended."""
    return Done(**await write.do(partial(answers.close_help, no=no, outcome=how.outcome)))


@router.get("/inbound")
async def list_inbound(
    deps: Given,
    reader: Reader,
    verdict: Annotated[
        Verdict | None, Query(description="Only these; without: all that wait to be read")
    ] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[inbox.InboundView]:
    """Replies, the newest first, with what they say."""
    require(reader, "answer")

    def read() -> Page[inbox.InboundView]:
        with deps.store.read() as connection:
            return inbox.inbound(
                connection,
                deps.store.vault,
                verdict=verdict,
                path=reader.path,
                after=after,
                limit=limit,
            )

    return await asyncio.to_thread(read)


@router.post("/inbound/{no}/classify")
async def classify(write: Writing, no: Number, said: Classification) -> Classified:
    """Say what a reply means; `nothing` says that it was read and is no answer."""
    return Classified(**await write.do(partial(answers.classify, no=no, said=said)))


@router.post("/inbound/set-aside")
async def set_aside(write: Writing) -> SetAside:
    """Say that what has waited since before any alert that is under way is no answer.

    Only what is older than three days; as much as one commit takes: again while any are `left`.
    """
    return SetAside(**await write.do(answers.set_aside))
