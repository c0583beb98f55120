"""The live board of one alert, its big screen, and the overview of all that is under way."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from alertd.decide import halt
from alertd.engine.authority import may
from alertd.model import AlertState, Status
from alertd.store import lived
from alertd.store.reads import alerts as reads
from alertd.store.reads import answers, helping, inbox, unanswered
from alertd.store.reads import board as figures
from alertd.store.reads.paging import Page
from alertd.store.reads.places import places
from alertd.store.reads.pulse import oldest_due
from alertd.web.api.routes import routes_now
from alertd.web.api.status import read_terminals
from alertd.web.auth import Signed
from alertd.web.deps import Deps, Given
from alertd.web.fields import AlertRef
from alertd.web.language import language_of
from alertd.web.pages import plan
from alertd.web.pages.following import may_correct
from alertd.web.pages.rendering import packed_answer_of, page, part
from alertd.web.pages.signing import Visitor, back_to
from alertd.web.ready import MOST_PENDING_AGE_S, readiness
from alertd.web.shared import LEAST_S, Made, Shared, Sharing, pack

router = APIRouter(include_in_schema=False)

_SHOWN: Final = 25  # rows of a list on the board; the whole list has a page of its own
_ON_THE_WALL: Final = 12
_UNDER_WAY: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A subdistrict on the heat map: its grids, and how many of its duties are answered."""

    code: str
    name: str
    covered: int
    needed: int
    grids: tuple[figures.Cell, ...]


def towns(connection: Connection, view: reads.AlertView, path: str) -> list[Town]:
    """The grids of the visitor's area by subdistrict."""
    grids = figures.cells(connection, view.no, level="grid", path=path)
    found = []
    for town in figures.cells(connection, view.no, level="subdistrict"):
        inside = tuple(grid for grid in grids if grid.path.startswith(town.path))
        # Of a town that is only partly the visitor's, no more is counted than is shown.
        whole = town.path.startswith(path)
        covered = town.covered if whole else sum(grid.covered for grid in inside)
        needed = town.needed if whole else sum(grid.needed for grid in inside)
        if inside:
            found.append(
                Town(code=town.code, name=town.name, covered=covered, needed=needed, grids=inside)
            )
    return found


def plan_of(connection: Connection, shown: list[Town], path: str) -> plan.Sheet | None:
    """Where those of the grids lie that have loudspeakers with coordinates."""
    codes = {grid.code for town in shown for grid in town.grids}
    found = places(connection, path=path, level="grid")
    return plan.draw([place for place in found if place.code in codes])


def read_lists(
    deps: Deps,
    signed: Signed,
    connection: Connection,
    view: reads.AlertView,
    shown: int = _SHOWN,
) -> dict[str, Any]:
    """What changes: figures, calls for help, who hasn't answered, loudspeakers, replies to read."""
    actor = signed.actor
    board = figures.board(connection, view.no, path=actor.path, whole=view.whole)
    silent_by = {each.stage: each.exhausted for each in board.stages if each.exhausted}
    open_by = {each.stage: each.needed - each.covered - each.exhausted for each in board.stages}
    over = view.ended_at is not None

    def waiting(state: str, count: int) -> Page[unanswered.Unanswered]:
        if count <= 0:  # the rollup knows; looking through a whole alert for nobody is dear
            return Page(items=())
        return unanswered.unanswered(connection, view.no, path=actor.path, state=state, limit=shown)

    inbound = (
        inbox.inbound(connection, deps.store.vault, path=actor.path, limit=20).items
        if may(actor, "answer")
        else ()
    )
    speakers = read_terminals(deps, actor, view.id, None, shown)
    return {
        "figures": board,
        "people": answers.people_by_answer(connection, view.no, path=actor.path),
        "totals": {"silent": silent_by, "still": open_by},
        "silent": waiting("exhausted", sum(silent_by.values())),
        "nobody": figures.empty(connection, view.no, actor.path)[:shown],
        "still": waiting("closed" if over else "open", sum(open_by.values())),
        "over": over,
        "helping": helping.help_cases(
            connection, alert_no=view.no, others_over=True, path=actor.path
        ),
        "inbound": inbound,
        "speakers": speakers.page.items,
        "speaker_counts": speakers.counts,
        **rights(deps, signed, view),
    }


def rights(deps: Deps, signed: Signed, view: reads.AlertView) -> dict[str, Any]:
    """What the visitor may do at the board, and what is said of a halt; the engine asks again."""
    actor, under_way = signed.actor, view.state is AlertState.ISSUED
    return {
        "may_answer": may(actor, "answer"),
        "may_call": may(actor, "call") and not view.simulated,
        "may_help": may(actor, "help"),
        "may_follow": may(actor, "draft") and view.whole,
        "partly": may(actor, "draft") and not view.whole,
        "may_correct": may_correct(deps, signed, view),
        "may_pause": under_way and may(actor, "pause") and view.whole,
        "notice": halt.notice(view.halt, deps.now(), under_way=under_way),
        "asking": under_way and view.halt.paused_at is None and view.halt.stopped_at is None,
    }


async def _lists(
    asked: tuple[Request, Deps, Signed, Shared], alert: str, template: str, shown: int
) -> Response:
    """A board's parts; made once for all who may see the same, in the same words.

    Their forms hold no token: the page that they are put into has its session's own.
    """
    request, deps, signed, shared = asked
    language, actor = language_of(request), signed.actor

    def make() -> Made:
        with deps.store.read() as connection:
            found = reads.find(connection, alert, path=actor.path)
            view = reads.alert(connection, found, path=actor.path).view
            values = read_lists(deps, signed, connection, view, shown)
            cells = towns(connection, view, actor.path)
        return pack(part(deps, language, template, csrf="", view=view, towns=cells, **values))

    key = (template, alert.upper(), actor.path, actor.role, actor.scopes, language)
    made = await shared.get(key, partial(asyncio.to_thread, make))
    return packed_answer_of(request, language, made)


@router.get("/alerts/{alert}/lists")
async def lists(
    request: Request, deps: Given, signed: Visitor, shared: Sharing, alert: AlertRef
) -> Response:
    """The board's parts alone, which the page's script puts in place of the old ones."""
    return await _lists((request, deps, signed, shared), alert, "lists.html", _SHOWN)


@router.get("/alerts/{alert}/wall/lists")
async def wall_lists(
    request: Request, deps: Given, signed: Visitor, shared: Sharing, alert: AlertRef
) -> Response:
    """The same for the big screen."""
    asked = (request, deps, signed, shared)
    return await _lists(asked, alert, "board/wall_lists.html", _ON_THE_WALL)


@router.get("/alerts/{alert}/wall")
async def wall(request: Request, deps: Given, signed: Visitor, alert: AlertRef) -> Response:
    """The board on a big screen: to be read from three metres, and nothing to press."""

    def read() -> dict[str, Any]:
        path = signed.actor.path
        with deps.store.read() as connection:
            found = reads.find(connection, alert, path=path)
            view = reads.alert(connection, found, path=path).view
            lists = read_lists(deps, signed, connection, view, _ON_THE_WALL)
            shown = towns(connection, view, path)
            sheet = plan_of(connection, shown, path)
            return {"view": view, "towns": shown, "sheet": sheet, **lists}

    values = await asyncio.to_thread(read)
    if values["view"].issued_at is None:
        return back_to(f"/alerts/{alert}")
    return page(request, deps, "board/wall.html", signed=signed, channels=None, **values)


@router.get("/channels")
async def channels(request: Request, deps: Given, signed: Visitor, shared: Sharing) -> Response:
    """How what carries the messages is: gateways, queues, clock, last event; the same for all.

    However many boards ask, gateways are asked once.
    """
    del signed
    language = language_of(request)

    async def make() -> Made:
        found = await channels_now(deps)
        return pack(part(deps, language, "board/channels.html", csrf="", channels=found))

    made = await shared.get(("channels", language), make, longest_s=LEAST_S)
    return packed_answer_of(request, language, made)


async def channels_now(deps: Deps) -> dict[str, Any]:
    """The channel strip's values."""

    def read() -> tuple[dict[str, int], int | None]:
        with deps.store.read() as connection:
            at = lived.last_fact(connection, deps.store.node)
            return oldest_due(connection, deps.now()), at

    (ages, last_fact), ready = await asyncio.gather(asyncio.to_thread(read), readiness(deps))
    return {
        "routes": await routes_now(deps),
        "ready": ready,
        "oldest": {word: (deps.now() - at) / 1000 for word, at in ages.items()},
        "too_old_s": MOST_PENDING_AGE_S,
        "last_fact": last_fact,
    }


@router.get("/board")
async def board(signed: Visitor) -> Response:
    """To the overview."""
    del signed
    return back_to("/wall")


@router.get("/wall")
async def overview(request: Request, deps: Given, signed: Visitor) -> Response:
    """Every alert under way with its figures; live ones first, then the newest."""

    def read() -> dict[str, Any]:
        path, now = signed.actor.path, deps.now()
        with deps.store.read() as connection:
            listed = reads.alerts(
                connection, path=path, states=[AlertState.ISSUED], limit=_UNDER_WAY
            )
            running = [
                (
                    view,
                    figures.board(connection, view.no, path=path, whole=view.whole),
                    halt.notice(view.halt, now, under_way=True),
                )
                for view in sorted(listed.items, key=_gravest_first)
            ]
            left = helping.help_cases(connection, alert_no=0, others_over=True, path=path)
            return {"running": running, "more": listed.next, "helping": left}

    values = await asyncio.to_thread(read)
    return page(request, deps, "board/overview.html", signed=signed, **values)


def _gravest_first(view: reads.AlertView) -> tuple[Status, int]:
    """Live ones, then drills, then tests; of each the newest first."""
    return Status[view.status.upper()], -(view.issued_at or 0)
