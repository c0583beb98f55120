"""An alert's report: the figures from the journal alone, as JSON, a spreadsheet or a page."""

import asyncio
import json
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from alertd.engine.authority import Actor
from alertd.engine.turn import Turn
from alertd.report.make import gather, to_json
from alertd.report.page import page
from alertd.report.sheet import sheet
from alertd.store.reads import alerts
from alertd.web.api.board import require_whole
from alertd.web.auth import Reader
from alertd.web.deps import Deps, Given
from alertd.web.fields import AlertRef
from alertd.web.language import language_of
from alertd.web.problem import RESPONSES

router = APIRouter(tags=["report"], responses=dict(RESPONSES))

Format = Literal["json", "csv", "html"]
_TYPES: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
# The page is whole in itself, to be kept and printed: its style is inside, and nothing else may be.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


@router.get(
    "/alerts/{alert}/report",
    response_class=Response,
    responses={200: {"content": {kind.partition(";")[0]: {} for kind in _TYPES.values()}}},
)
async def report(
    request: Request,
    deps: Given,
    reader: Reader,
    alert: AlertRef,
    form: Annotated[Format, Query(alias="format")] = "json",
) -> Response:
    """What an alert came to; for those whose area it lies in altogether. On record."""
    language = language_of(request)
    view, content = await asyncio.to_thread(_made, deps, reader, alert, form, language)
    await deps.runner.submit(partial(_on_record, actor=reader, alert_no=view.no, form=form))
    return Response(
        content,
        media_type=_TYPES[form],
        headers={
            "Content-Disposition": f'inline; filename="report-{view.short_code}.{form}"',
            "Content-Language": language,
            "Content-Security-Policy": _POLICY,
        },
    )


def _made(
    deps: Deps, reader: Actor, word: str, form: Format, language: str
) -> tuple[alerts.AlertView, bytes]:
    with deps.store.read() as connection:
        found = alerts.find(connection, word, path=reader.path)
        view = alerts.alert(connection, found, path=reader.path).view
        require_whole(reader, view)
        report = gather(connection, view.no)
    zone = deps.settings.zone
    if form == "csv":
        return view, sheet(report.figures, report.names, language=language, zone=zone)
    if form == "html":
        text = page(report.figures, report.names, report.ends, language=language, zone=zone)
        return view, text.encode()
    return view, json.dumps(to_json(report), ensure_ascii=False, indent=1).encode()


def _on_record(turn: Turn, *, actor: Actor, alert_no: int, form: Format) -> None:
    body = {"what": "report", "format": form}
    turn.record("report.exported", body, alert_no=alert_no, source=actor.source)
