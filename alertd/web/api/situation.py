"""The situation report: one page on how an alert stands now, drawn when it is asked for."""

import asyncio
import json
from functools import partial
from typing import Annotated, Final, Literal

from fastapi import Query, Request, Response

from alertd.engine.authority import Actor
from alertd.engine.turn import Turn
from alertd.store.reads.alerts import find
from alertd.web.api.routing import api_router
from alertd.web.auth import Reader
from alertd.web.deps import Given
from alertd.web.fields import AlertRef
from alertd.web.language import language_of
from alertd.web.situations import gather

router = api_router("report")

Face = Literal["json", "html", "pdf"]
TYPES: Final[dict[str, str]] = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
}
# The page is whole in itself, to be kept and printed: its style is inside, and nothing else may be.
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@router.get(
    "/alerts/{alert}/situation",
    response_class=Response,
    responses={200: {"content": {kind.partition(";")[0]: {} for kind in TYPES.values()}}},
)
async def situation(
    request: Request,
    deps: Given,
    reader: Reader,
    alert: AlertRef,
    form: Annotated[Face, Query(alias="format")] = "json",
) -> Response:
    """How an alert stands in the reader's area now; without names and numbers. On record."""
    language = language_of(request)
    made = await gather(deps, reader, alert, language)
    if form == "pdf":
        async with deps.drawing:
            content = await asyncio.to_thread(made.pdf)
    elif form == "html":
        content = made.html()
    else:
        content = json.dumps(made.values, ensure_ascii=False).encode()
    await deps.runner.submit(partial(_on_record, actor=reader, alert=alert, form=form))
    return face(content, form, f"situation-{made.code}", language)


def face(content: bytes, form: str, name: str, language: str) -> Response:
    """A situation report as an answer."""
    return Response(
        content,
        media_type=TYPES[form],
        headers={
            "Content-Disposition": f'inline; filename="{name}.{form}"',
            "Content-Language": language,
            "Content-Security-Policy": POLICY,
        },
    )


def _on_record(turn: Turn, *, actor: Actor, alert: str, form: Face) -> None:
    number = turn.alert_by_id(find(turn.connection, alert, path=actor.path)).no
    body = {"what": "situation", "format": form}
    turn.record("report.exported", body, alert_no=number, source=actor.source)
