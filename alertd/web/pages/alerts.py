"""The list of alerts, and one alert: to be approved while it is a draft, then its live board."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from alertd.cap.problems import refuse_validation
from alertd.decide.lifecycle import OVER
from alertd.engine.turn import Turn
from alertd.errors import ConflictError
from alertd.model import AlertState
from alertd.store.reads import alerts as reads
from alertd.store.reads.helping import help_cases
from alertd.store.reads.paging import Page
from alertd.web.auth import Signed
from alertd.web.commands import answers as commands
from alertd.web.deps import Deps, Given
from alertd.web.fields import AlertRef, Number
from alertd.web.pages import board, drafts, situations
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Form, Sender, Visitor, back_to

router = APIRouter(include_in_schema=False)

_RUNNING: Final = 200
_OVER: Final = 50


@router.get("/")
async def home(signed: Visitor) -> Response:
    """To the alerts."""
    del signed
    return back_to("/alerts")


@router.get("/alerts")
async def list_alerts(
    request: Request,
    deps: Given,
    signed: Visitor,
    after: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """What waits for approval first, then what is under way, then what is over.

    What isn't over stands on the first page, however much is newer; the others go on with the rest.
    """
    path = signed.actor.path

    def read() -> Any:
        with deps.store.read() as connection:
            over = reads.alerts(connection, path=path, states=OVER, after=after, limit=_OVER)
            helping = help_cases(connection, path=path)
            if after is not None:
                return Page(items=()), over, helping
            running = reads.alerts(connection, path=path, states=reads.RUNNING, limit=_RUNNING)
            return running, over, helping

    running, over, helping = await asyncio.to_thread(read)
    return page(
        request,
        deps,
        "alerts.html",
        signed=signed,
        helping=helping,
        waiting=[
            (view, drafts.approving_of(deps, signed.actor, view))
            for view in running.items
            if view.state is not AlertState.ISSUED
        ],
        running=[view for view in running.items if view.state is AlertState.ISSUED],
        more=running.next,
        first=after is None,
        over=over.items,
        next=over.next,
    )


@router.get("/alerts/{alert}")
async def show(request: Request, deps: Given, signed: Visitor, alert: AlertRef) -> Response:
    """A draft with whom it would reach; an issued alert with its board."""
    values = await asyncio.to_thread(_read_alert, deps, signed, alert)
    template = "draft.html" if values["full"].view.issued_at is None else "board/show.html"
    return page(request, deps, template, signed=signed, **values)


def _read_alert(deps: Deps, signed: Signed, word: str) -> dict[str, Any]:
    path = signed.actor.path
    with deps.store.read() as connection:
        found = reads.find(connection, word, path=path)
        full = reads.alert(connection, found, path=path)
        known = {"full": full, "view": full.view}
        if full.view.issued_at is None:
            return {**known, **drafts.read(deps, signed, connection, full)}
        return {
            **known,
            **board.read_lists(deps, signed, connection, full.view),
            "towns": (shown := board.towns(connection, full.view, path)),
            "sheet": board.plan_of(connection, shown, path),
            "situation_at": situations.newest(deps, full.view),
            "channels": None,  # asked for by the page itself: a gateway may take its time
        }


@router.post("/alerts/{alert}/acks")
async def enter_ack(deps: Given, signed: Sender, alert: AlertRef, form: Form) -> Response:
    """Enter an answer that came by phone, radio or runner."""
    fields = {name: form[name] for name in ("kind", "via", "note", "count") if form.get(name)}
    duty = {"unit_code": form.get("unit_code", ""), "role": form.get("role", "")}
    try:
        new = commands.NewAck.model_validate({**fields, "duty": duty})
    except ValidationError as error:
        raise refuse_validation(error) from None

    def do(turn: Turn) -> None:
        alert_id = reads.find(turn.connection, alert, path=signed.actor.path)
        commands.enter_ack(turn, signed.actor, alert_id, new)

    await deps.runner.submit(do)
    return back_to(form.get("to", f"/alerts/{alert}#unanswered"))


@router.post("/help/{no}/{act}")
async def deal_with_help(deps: Given, signed: Sender, no: Number, act: str, form: Form) -> Response:
    """Take a call for help, or close it with a word on how it ended."""

    def do(turn: Turn) -> None:
        if act == "take":
            commands.take_help(turn, signed.actor, no)
            return
        outcome = form.get("outcome", "").strip()[:500]
        if act != "close" or not outcome:
            raise ConflictError("Say how it ended.")
        commands.close_help(turn, signed.actor, no, outcome)

    await deps.runner.submit(do)
    return back_to(form.get("to", "/alerts"))


@router.post("/inbound/{no}/classify")
async def classify(deps: Given, signed: Sender, no: Number, form: Form) -> Response:
    """Say what a reply means."""
    given: dict[str, object] = {name: form[name] for name in ("kind", "alert") if form.get(name)}
    # By name or, of those who share the telephone, each with a box of their own.
    given["person_ids"] = [form[name] for name in form if name.startswith("writer") and form[name]]
    try:
        said = commands.Classification.model_validate(given)
    except ValidationError as error:
        raise refuse_validation(error) from None
    await deps.runner.submit(lambda turn: commands.classify(turn, signed.actor, no, said))
    return back_to(form.get("to", "/alerts"))
