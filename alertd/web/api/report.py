"""An alert's report: the figures from the journal alone, in each of its forms."""

import asyncio
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from fastapi import Query, Request, Response
from fastapi.responses import FileResponse
from sqlalchemy import Connection
from starlette.background import BackgroundTask

from alertd.engine.authority import Actor, require
from alertd.engine.turn import Turn
from alertd.errors import ForbiddenError
from alertd.i18n import LANGUAGES
from alertd.report.bundle import write_bundle
from alertd.report.change import require_same_kind
from alertd.report.make import Order, Report, drill_before, gather, write
from alertd.store.reads import alerts, drills
from alertd.store.reads.report_rows import MASKED, Guise
from alertd.web.api.board import require_whole
from alertd.web.api.routing import api_router
from alertd.web.auth import Reader
from alertd.web.commands.drilling import sees_blind
from alertd.web.deps import Deps, Given
from alertd.web.fields import AlertRef
from alertd.web.language import language_of

router = api_router("report")

Form = Literal["json", "csv", "html", "pdf", "xlsx", "bundle"]
_TYPES: dict[Form, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "bundle": "application/zip",
}
_ENDINGS: dict[Form, str] = {"bundle": "zip"}
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
    form: Annotated[Form, Query(alias="format")] = "json",
    unmasked: Annotated[bool, Query(description="With whole names and phone numbers")] = False,
    against: Annotated[
        str, Query(max_length=32, description="Compared with this one; a drill with the last")
    ] = "",
    lang: Annotated[str, Query(max_length=8, description="zh-CN or en")] = "",
) -> Response:
    """What an alert came to; for those whose area it lies in altogether. On record."""
    if unmasked:
        require(reader, "unmask")
    if form == "bundle":  # it holds every fact of every part of the city
        require(reader, "read", [""])
    language = lang if lang in LANGUAGES else language_of(request)
    guise = Guise(deps.store.vault) if unmasked else MASKED
    order = Order(language=language, zone=deps.settings.zone, guise=guise)
    # Drawing a document takes a second: in a thread, and in a process of its own within that.
    async with deps.drawing:
        view, path = await asyncio.to_thread(_made, deps, reader, (alert, against), form, order)
    try:
        await deps.runner.submit(
            partial(_on_record, actor=reader, alert_no=view.no, form=form, unmasked=unmasked)
        )
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    ending = _ENDINGS.get(form, form)
    return FileResponse(
        path,
        media_type=_TYPES[form],
        headers={
            "Content-Disposition": f'inline; filename="report-{view.short_code}.{ending}"',
            "Content-Language": language,
            "Content-Security-Policy": _POLICY,
            "Cache-Control": "no-store",
        },
        background=BackgroundTask(path.unlink, missing_ok=True),
    )


def _made(
    deps: Deps, reader: Actor, words: tuple[str, str], form: Form, order: Order
) -> tuple[alerts.AlertView, Path]:
    """The face in a file of its own, which whoever gets it deletes."""
    with tempfile.NamedTemporaryFile(prefix="alertd-report-", delete=False) as file:
        path = Path(file.name)
    try:
        with deps.store.read() as connection:
            view = _view(connection, reader, words[0])
            found = gather(connection, view.no)
            if form == "bundle":
                _require_nothing_secret(connection, deps, reader)
                write_bundle(connection, found, path)
            else:
                whole = Order(
                    language=order.language,
                    zone=order.zone,
                    guise=order.guise,
                    before=_before(connection, reader, found, words[1]),
                    signers=(view.created_by, view.approved_by or ""),
                )
                write(connection, found, form, path, whole)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return view, path


def _require_nothing_secret(connection: Connection, deps: Deps, reader: Actor) -> None:
    """Raise ForbiddenError where the record tells of a drill that the reader may not know of."""
    if not sees_blind(reader) and drills.secret(connection, deps.now()):
        raise ForbiddenError(
            "The whole record holds what isn't for everybody yet.",
            hint="Ask whoever may approve alerts for the bundle, or come again later.",
        )


def _view(connection: Connection, reader: Actor, word: str) -> alerts.AlertView:
    found = alerts.find(connection, word, path=reader.path)
    view = alerts.alert(connection, found, path=reader.path).view
    require_whole(reader, view)
    return view


def _before(connection: Connection, reader: Actor, now: Report, against: str) -> Report | None:
    if not against:
        return drill_before(connection, now, path=reader.path)
    found = gather(connection, _view(connection, reader, against).no)
    require_same_kind(found.figures, now.figures)
    return found


def _on_record(turn: Turn, *, actor: Actor, alert_no: int, form: Form, unmasked: bool) -> None:
    body = {"what": "report", "format": form, "unmasked": unmasked}
    turn.record("report.exported", body, alert_no=alert_no, source=actor.source)
