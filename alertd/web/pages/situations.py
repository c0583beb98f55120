"""Situation reports: those that were drawn by themselves, the newest first, and one for now."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request, Response

from alertd.errors import ConflictError, NotFoundError
from alertd.store.reads import alerts
from alertd.web.api.board import require_whole
from alertd.web.api.situation import face
from alertd.web.deps import Deps, Given
from alertd.web.fields import AlertRef
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Visitor
from alertd.web.situations import Situations, shelf_of

router = APIRouter(prefix="/alerts/{alert}/situations", include_in_schema=False)


@router.get("")
async def show(request: Request, deps: Given, signed: Visitor, alert: AlertRef) -> Response:
    """Those there are; and how to have one of this moment."""

    def read() -> dict[str, Any]:
        with deps.store.read() as connection:
            found = alerts.find(connection, alert, path=signed.actor.path)
            view = alerts.alert(connection, found, path=signed.actor.path).view
        if view.issued_at is None:
            raise ConflictError("Nobody has been told of this alert.")
        # What was drawn by itself is about the whole alert.
        times = shelf_of(deps).times(view.short_code) if view.whole else []
        return {"view": view, "times": times}

    values = await asyncio.to_thread(read)
    situations: Situations = request.app.state.situations
    return page(
        request,
        deps,
        "reports/situations.html",
        signed=signed,
        every_min=deps.settings.situation_every_min,
        failed=values["view"].short_code in situations.failed,
        **values,
    )


@router.get("/{at}.{form}")
async def kept(
    deps: Given,
    signed: Visitor,
    alert: AlertRef,
    at: Annotated[int, Path(ge=0, le=2**53)],
    form: Literal["html", "pdf"],
) -> Response:
    """One that was drawn by itself; for those whose area the alert lies in altogether."""

    def read() -> tuple[str, bytes]:
        with deps.store.read() as connection:
            found = alerts.find(connection, alert, path=signed.actor.path)
            view = alerts.alert(connection, found, path=signed.actor.path).view
        require_whole(signed.actor, view)
        content = shelf_of(deps).read(view.short_code, at, form)
        if content is None:
            raise NotFoundError("There is no such situation report.")
        return view.short_code, content

    code, content = await asyncio.to_thread(read)
    return face(content, form, f"situation-{code}-{at}", deps.settings.language)


def newest(deps: Deps, view: alerts.AlertView) -> int | None:
    """When the newest was drawn, for the board; None where there is none to see."""
    return next(iter(shelf_of(deps).times(view.short_code)), None) if view.whole else None
