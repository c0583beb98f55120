"""A person's own page about one alert, behind the link in their SMS; and a leader's of the doors.

For old telephones on one bar of signal: a page, a style and a script, together under 20 kB, that
work without the script, over plain HTTP, and keep what is tapped while there is no signal. Whoever
has the link is its person: there is no cookie and no sign-in. Fetching a page changes nothing,
since carriers and chats fetch every link that they carry; only a POST answers.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from alertd import cap
from alertd.decide.links import GRACE_S, Standing
from alertd.engine import taps
from alertd.engine.taps import Tap
from alertd.engine.turn import Turn
from alertd.errors import AlertdError, InvalidInputError
from alertd.i18n import LANGUAGES, N_, negotiate, sentence
from alertd.model import AckKind
from alertd.store.reads import own_grid, own_page
from alertd.store.reads.own_page import OwnPage
from alertd.web.deps import Deps, Given
from alertd.web.links import Bearer, Linked, links_of
from alertd.web.pages.rendering import environment, shown
from alertd.web.pages.signing import Form
from alertd.web.throttle import TooManyTriesError
from alertd.web.writes import form_key

router = APIRouter(include_in_schema=False)

ROWS: Final = 40  # of a leader's page
_MOST_COUNT: Final = 1_000_000
_PRACTICE: Final = "practice"  # a call for help that an Exercise asks to be tried
_HEADERS: Final = {
    # A page that was open may be shown again without signal; nobody else keeps it.
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}

Wanted = Annotated[str, Query(alias="l", max_length=10)]


class Seen(NamedTuple):
    """What a page is made of."""

    own: OwnPage
    language: str


async def _seen(deps: Deps, bearer: Bearer, wanted: str) -> Seen:
    """Read a person's page, in the language that they chose, else in their own."""

    def read() -> OwnPage:
        with deps.store.read() as connection:
            return own_page.own_page(connection, bearer.alert_id, bearer.person_no, deps.now())

    own = await asyncio.to_thread(read)
    language = wanted if wanted in LANGUAGES else negotiate(own.language, deps.settings.language)
    return Seen(own, language)


def _page(
    deps: Deps, template: str, seen: Seen, token: str, *, status: int = 200, **values: Any
) -> HTMLResponse:
    own, language = seen
    alert = cap.from_json(own.full.cap)
    info = cap.info_for(alert, language)
    # Ours in the reader's language; another's as the alert says it.
    theirs = (info.sender_name if info else None) or alert.sender
    sender = deps.settings.issuers[language] if alert.sender == deps.settings.sender else theirs
    text = (
        environment()
        .get_template(f"phone/{template}")
        .render(
            **shown(deps, language),
            own=own,
            view=own.full.view,
            info=info,
            sender=sender,
            comma=", " if language == "en" else "、",
            open=own.standing is not Standing.CLOSED,
            late=own.standing is Standing.LATE,
            grace_h=GRACE_S // 3600,
            base=f"/a/{token}",
            key=form_key(deps),
            **values,
        )
    )
    return HTMLResponse(text, status, headers={**_HEADERS, "Content-Language": language})


@router.get("/a/{token}")
async def show(deps: Given, bearer: Linked, token: str, wanted: Wanted = "") -> Response:
    """The alert, what is asked, and the buttons."""
    seen = await _seen(deps, bearer, wanted)
    return _page(deps, "page.html", seen, token, then=_then(deps, bearer, seen))


def _then(deps: Deps, bearer: Bearer, seen: Seen) -> str:
    """The person's link to the alert that took this one's place; "" where none did."""
    follower = seen.own.follower
    links = deps.store.vault.links
    return links.token(follower[1], follower[0], bearer.person_no) if follower else ""


def _heard(deps: Deps, bearer: Bearer, seen: Seen, token: str) -> HTMLResponse:
    then = _then(deps, bearer, seen)
    return _page(deps, "part_heard.html", seen, token, alone=True, then=then)


@router.get("/a/{token}/now")
async def now(deps: Given, bearer: Linked, token: str, wanted: Wanted = "") -> Response:
    """What was heard of the person so far: the part of the page that moves."""
    return _tapped(_heard(deps, bearer, await _seen(deps, bearer, wanted), token), "now")


@router.post("/a/{token}")
async def answer(
    request: Request, deps: Given, bearer: Linked, token: str, form: Form, wanted: Wanted = ""
) -> Response:
    """Take an answer."""
    said = form.get("kind", "")
    practice = said == _PRACTICE
    kind = AckKind.HELP if practice else _kind(said)
    count, of = _number(form, "count"), _number(form, "of")
    # A page without scripts sends the same key with each of its buttons.
    tap = _tap(deps, bearer, form, f"{said}-{count}-{of}")

    def do(turn: Turn) -> bool:
        return taps.answer(turn, tap, kind, practice=practice, count=count, of=of)

    # However often somebody has tapped, they can still call for help.
    await _do(request, deps, f"help {token}" if kind is AckKind.HELP else token, do)
    if "x-part" not in request.headers:
        return _back(f"/a/{token}", wanted, "#heard")
    seen = await _seen(deps, bearer, wanted)
    return _tapped(_heard(deps, bearer, seen, token), form.get("key", ""))


@router.get("/a/{token}/grid")
async def grid(
    deps: Given,
    bearer: Linked,
    token: str,
    wanted: Wanted = "",
    start: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Response:
    """The doors below a leader: who has answered, and whom to go to."""
    seen = await _seen(deps, bearer, wanted)
    found = await asyncio.to_thread(_grid, deps, bearer, seen.own, start=start)
    return _page(deps, "grid.html", seen, token, grid=found, rows=ROWS, units=found.units)


@router.post("/a/{token}/grid")
async def knock(
    request: Request, deps: Given, bearer: Linked, token: str, form: Form, wanted: Wanted = ""
) -> Response:
    """Take that a leader has told somebody at the door."""
    duty_no = _number(form, "duty")
    if duty_no is None:
        raise InvalidInputError("Say which duty.", field="duty")
    tap = _tap(deps, bearer, form, f"knocked-{duty_no}")
    await _do(request, deps, token, lambda turn: taps.knocked(turn, tap, duty_no))
    if "x-part" not in request.headers:
        start = _number(form, "start") or 0
        return _back(f"/a/{token}/grid", wanted, f"#d{duty_no}", start=start)
    seen = await _seen(deps, bearer, wanted)
    found = await asyncio.to_thread(_grid, deps, bearer, seen.own, only=duty_no)
    row = next(iter(found.rows), None)
    part = _page(deps, "part_door.html", seen, token, row=row, units=found.units)
    return _tapped(part, form.get("key", ""))


def _grid(
    deps: Deps, bearer: Bearer, own: OwnPage, *, start: int = 0, only: int | None = None
) -> own_grid.Grid:
    with deps.store.read() as connection:
        return own_grid.grid(
            connection, own.full, bearer.person_no, start=start, limit=ROWS, only=only
        )


async def _do(request: Request, deps: Deps, name: str, command: Callable[[Turn], bool]) -> None:
    links_of(request).count_tap(name)
    await deps.runner.submit(command)


def _kind(said: str) -> AckKind:
    if said not in set(AckKind):
        raise InvalidInputError("That is no answer.", field="kind")
    return AckKind(said)


def _number(form: dict[str, str], name: str) -> int | None:
    """A number that somebody may have left out; full-width digits are digits."""
    text = form.get(name, "").strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > 10 or int(text) > _MOST_COUNT * 1_000:  # noqa: PLR2004 - digits
        raise InvalidInputError("That is no number.", field=name)
    return int(text)


def _tap(deps: Deps, bearer: Bearer, form: dict[str, str], what: str) -> Tap:
    """A tap as it came; `ago` is how many ms it was kept, by the telephone's own clock."""
    key = form.get("key", "")
    if not key.isascii() or not key.isalnum() or len(key) > 40:  # noqa: PLR2004 - as ours are
        raise InvalidInputError("The tap has no key.", field="key")
    ago = form.get("ago", "")
    kept_ms = int(ago) if ago.isascii() and ago.isdecimal() and len(ago) < 12 else 0  # noqa: PLR2004 - 3 years
    raw = "&".join(f"{name}={value}" for name, value in form.items() if name != "key")
    return Tap(
        alert_id=bearer.alert_id,
        person_no=bearer.person_no,
        key=f"{key}-{what}",
        raw=raw,
        tapped_at=deps.now() - kept_ms if kept_ms else None,
    )


def _back(path: str, wanted: str, place: str, start: int = 0) -> Response:
    asked = [f"l={wanted}"] if wanted in LANGUAGES else []
    asked += [f"start={start}"] if start else []
    query = f"?{'&'.join(asked)}" if asked else ""
    return RedirectResponse(f"{path}{query}{place}", 303, headers=_HEADERS)


def _tapped(answer: Response, key: str) -> Response:
    """Say that it is we who answered: a hotspot's own page also says 200."""
    answer.headers["X-Tap"] = key if key.isascii() and key.isalnum() else ""
    return answer


def refused(request: Request, deps: Deps, error: AlertdError) -> Response:
    """A link that opens nothing, as a page that a telephone can load."""
    asked = request.query_params.get("l", "")
    accepted = request.headers.get("accept-language")
    language = asked if asked in LANGUAGES else negotiate(accepted, deps.settings.language)
    values = shown(deps, language)
    wait_s = error.retry_after_s if isinstance(error, TooManyTriesError) else None
    message = N_("Too many links were tried from your network.") if wait_s else error.message
    hint = N_("Try again later, or answer by SMS.") if wait_s else error.hint
    text = (
        environment()
        .get_template("phone/refused.html")
        .render(
            **values,
            sentence=sentence(language, message),
            hint=sentence(language, hint) if hint else "",
        )
    )
    headers = {**_HEADERS, "Content-Language": language}
    if wait_s is not None:
        headers["Retry-After"] = str(wait_s)
    answer = HTMLResponse(text, error.http_status, headers=headers)
    return _tapped(answer, "refused")
