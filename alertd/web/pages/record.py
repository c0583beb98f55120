"""The journal as the auditor reads it: every action, the newest first."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from alertd.engine.authority import require
from alertd.store.reads import drills, timeline
from alertd.web.commands.drilling import sees_blind
from alertd.web.deps import Given
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Visitor

router = APIRouter(include_in_schema=False)

_SHOWN: Final = 100


@router.get("/record")
async def show(
    request: Request,
    deps: Given,
    signed: Visitor,
    kind: Annotated[str, Query(max_length=40, pattern=r"^[a-z.-]*$")] = "",
    people: Annotated[bool, Query()] = True,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """A page of it; by default what people did, and not what the engine did by itself."""
    require(signed.actor, "audit", [""])

    def read() -> Any:
        with deps.store.read() as connection:
            return timeline.recent(
                connection,
                kind=kind,
                people=people,
                before=before,
                limit=_SHOWN,
                hidden=() if sees_blind(signed.actor) else drills.hidden(connection),
            )

    found = await asyncio.to_thread(read)
    return page(
        request, deps, "access/record.html", signed=signed, found=found, kind=kind, people=people
    )
