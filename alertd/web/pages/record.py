"""The journal as the auditor reads it: every action, the newest first."""

import asyncio
from typing import Annotated, Final, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from alertd.report.values import days
from alertd.web.api.record import Asked, Before, Name, People, Subject, read_record
from alertd.web.deps import Given
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Visitor

router = APIRouter(include_in_schema=False)

_SHOWN: Final = 100

Day = Annotated[str, Query(max_length=10, description="2026-06-01")]


@router.get("/record")
async def show(
    request: Request,
    deps: Given,
    signed: Visitor,
    about: Subject = "all",
    people: People = True,
    by: Name = "",
    since: Day = "",
    until: Day = "",
    before: Before = None,
) -> Response:
    """A page of it; by default what people did, and not what the engine did by itself."""
    first, last = days(since.strip(), until.strip(), deps.settings.zone)
    asked = Asked(
        about=about,
        people=people,
        by=by.strip(),
        since=first,
        until=last,
    )
    found = await asyncio.to_thread(read_record, deps, signed.actor, asked, before, _SHOWN)
    filled = {"about": about, "people": people, "by": by, "since": since, "until": until}
    return page(
        request,
        deps,
        "access/record.html",
        signed=signed,
        found=found,
        subjects=get_args(Subject),
        filled=filled,
        older="/record?" + urlencode(filled | {"before": found.next}) if found.next else "",
    )
