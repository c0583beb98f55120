"""What alerts came to: the reports of those that are out, live ones, drills and tests apart."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from alertd.engine.authority import may, require
from alertd.model import Status
from alertd.store.reads import alerts as reads
from alertd.store.reads.paging import Page
from alertd.web.auth import Signed
from alertd.web.deps import Deps, Given
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Visitor

router = APIRouter(include_in_schema=False)

_SHOWN: Final = 50
After = Annotated[int | None, Query(ge=1, le=2**62)]


@router.get("/reports")
async def reports(
    request: Request,
    deps: Given,
    signed: Visitor,
    status: Annotated[str, Query(pattern="^(Actual|Exercise|Test)$")] = "Actual",
    after: After = None,
) -> Response:
    """Those of one status: they never mix."""
    require(signed.actor, "read")
    found = await _issued(deps, signed, Status[status.upper()], after)
    whole = may(signed.actor, "unmask")
    return page(
        request,
        deps,
        "reports/list.html",
        signed=signed,
        found=found,
        kind=status,
        may_unmask=whole,
        may_check=may(signed.actor, "read", [""]),
    )


async def _issued(
    deps: Deps, signed: Signed, status: Status, after: int | None
) -> Page[reads.AlertView]:
    def read() -> Page[reads.AlertView]:
        with deps.store.read() as connection:
            return reads.alerts(
                connection, path=signed.actor.path, status=status, after=after, limit=_SHOWN
            )

    return await asyncio.to_thread(read)
