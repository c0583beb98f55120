"""Who hasn't answered one alert: the whole list, by waiting time, to call from and to print."""

import asyncio
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from alertd.errors import NotFoundError
from alertd.store.reads import alerts as reads
from alertd.store.reads import board as figures
from alertd.store.reads import unanswered
from alertd.store.reads.units import path_of
from alertd.store.reads.vacant import Vacancy
from alertd.web.auth import Signed
from alertd.web.deps import Given
from alertd.web.fields import AlertRef, Code
from alertd.web.pages.board import rights
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Visitor
from alertd.web.writes import form_key

router = APIRouter(prefix="/alerts/{alert}/unanswered", include_in_schema=False)

_SHOWN: Final = 100
_ON_PAPER: Final = 500  # a call sheet of more pages than that nobody works through

State = Literal["any", "open", "exhausted", "call", "closed"]


@router.get("")
async def show(
    request: Request,
    deps: Given,
    signed: Visitor,
    alert: AlertRef,
    state: State = "any",
    unit: Annotated[Code | None, Query(description="This unit and below")] = None,
    after: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    sheet: Annotated[bool, Query(description="For paper: more rows, lines to write on")] = False,
) -> Response:
    """The list, a page at a time; as a call sheet, whole."""

    def read() -> dict[str, Any]:
        with deps.store.read() as connection:
            found = reads.find(connection, alert, path=signed.actor.path)
            view = reads.alert(connection, found, path=signed.actor.path).view
            within = _within(connection, signed, unit)
            rows = unanswered.unanswered(
                connection,
                view.no,
                path=within,
                state="ever" if state == "any" else state,
                after=after,
                limit=_ON_PAPER if sheet else _SHOWN,
            )
            towns = figures.cells(connection, view.no, level="subdistrict", path=signed.actor.path)
            return {
                "view": view,
                "rows": rows,
                "towns": towns,
                "nobody": _nobody(connection, view.no, within, state, after),
                **rights(deps, signed, view),
            }

    values = await asyncio.to_thread(read)
    chosen = {"state": state, **({"unit": unit} if unit else {})}
    here = f"/alerts/{values['view'].short_code}/unanswered?{urlencode(chosen)}"
    template = "board/sheet.html" if sheet else "board/unanswered.html"
    more = {"state": state, "unit": unit or "", "url": here, "key": form_key(deps)}
    return page(request, deps, template, signed=signed, **{**more, **values})


def _nobody(
    connection: Connection, alert_no: int, path: str, state: str, after: int | None
) -> list[Vacancy]:
    """Where nobody is answerable, on the first page of what isn't a list of ladders under way."""
    if after is not None or state not in {"any", "exhausted"}:
        return []
    return figures.empty(connection, alert_no, path)


def _within(connection: Connection, signed: Signed, unit: str | None) -> str:
    if not unit:
        return signed.actor.path
    path = path_of(connection, unit)
    if path is None or not path.startswith(signed.actor.path):
        raise NotFoundError("There is no such unit.")
    return path
