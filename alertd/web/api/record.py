"""The whole record, for those who audit: who did what, and when."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from alertd.engine.authority import Actor, require
from alertd.engine.turn import Turn
from alertd.errors import NotFoundError
from alertd.model import Millis
from alertd.store import access
from alertd.store.reads import drills
from alertd.store.reads import record as reads
from alertd.web.api.routing import api_router
from alertd.web.auth import Reader
from alertd.web.commands.drilling import sees_blind
from alertd.web.deps import Deps, Given
from alertd.web.fields import LATEST_AT, Limit
from alertd.web.writes import Writing

router = api_router("record")

Subject = Literal["all", "rights", "alerts", "answers", "drills", "roster", "handed-out", "machine"]
People = Annotated[bool, Query(description="Only what people did, not what ran by itself")]
Name = Annotated[str, Query(max_length=64, description="Only what this account did")]
Since = Annotated[
    int | None, Query(ge=0, le=LATEST_AT, description="Recorded at this time or later, ms")
]
Until = Annotated[int | None, Query(ge=0, le=LATEST_AT, description="Recorded before it, ms")]
Before = Annotated[
    str | None,
    Query(pattern=r"^[0-9]{1,18}\.[0-9]{1,18}$", description="`next` of the page before"),
]


_NEEDS: Final = {"mosquitto": "terminals", "certificate": "principals", "keys": "principals"}


class HandedOut(BaseModel):
    """What a command writes where it runs: logins, a certificate, or a backup with the keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: Literal["mosquitto", "certificate", "keys"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """A page of the record, the newest first; `next` is what the next page's `before` is."""

    items: tuple[reads.Line, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which part of the record is asked for; see the route's own words."""

    about: Subject
    people: bool
    by: str
    since: Millis | None
    until: Millis | None


@router.get("/record")
async def record(
    deps: Given,
    reader: Reader,
    about: Subject = "all",
    people: People = True,
    by: Name = "",
    since: Since = None,
    until: Until = None,
    before: Before = None,
    limit: Limit = 100,
) -> RecordView:
    """What happened, with the names of those it is about, from the newest back."""
    asked = Asked(about=about, people=people, by=by, since=since, until=until)
    return await asyncio.to_thread(read_record, deps, reader, asked, before, limit)


@router.post("/record/handed-out")
async def handed_out(write: Writing, given: HandedOut) -> HandedOut:
    """Put on record that the command line hands out what lets somebody in."""
    await write.do(partial(_handed_out, what=given.what))
    return given


def _handed_out(turn: Turn, actor: Actor, *, what: str) -> dict[str, str]:
    require(actor, _NEEDS[what], [""])
    turn.record("report.exported", {"what": what}, source=actor.source)
    return {"what": what}


def read_record(
    deps: Deps, reader: Actor, asked: Asked, before: str | None, limit: int
) -> RecordView:
    """The record as the reader may see it.

    Raises:
        ForbiddenError: They may not, or not of the whole city.
        NotFoundError: There is no account of that name.
    """
    require(reader, "audit", [""])
    with deps.store.read() as connection:
        account = access.find_principal(connection, asked.by) if asked.by else None
        if asked.by and account is None:
            raise NotFoundError(f"There is nobody called {asked.by}.", field="by")
        lines, more = reads.recent(
            connection,
            reads.Wanted(
                kinds=reads.SUBJECTS.get(asked.about, ()),
                people=asked.people,
                by=account.id if account else None,
                since=asked.since,
                until=asked.until,
            ),
            before=_place(before),
            limit=limit,
            hidden=() if sees_blind(reader) else drills.hidden(connection),
        )
    return RecordView(items=lines, next=f"{more[0]}.{more[1]}" if more else None)


def _place(text: str | None) -> reads.Place | None:
    if text is None:
        return None
    turn, _, seq = text.partition(".")
    return int(turn), int(seq)
