"""Templates to pages: in the reader's language and the city's time, escaped throughout."""

from datetime import datetime, tzinfo
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from alertd.i18n import LANGUAGES, sentence, translator
from alertd.model import Millis
from alertd.report.fact_words import figure
from alertd.report.values import duration, rate_text
from alertd.web.auth import Signed
from alertd.web.deps import Deps
from alertd.web.language import language_of
from alertd.web.pages.menu import menu
from alertd.web.shared import Made
from alertd.web.standing import standing_of
from alertd.words import word
from rosters.model import CHINA
from rosters.words import Level, level_of, role_name

_FOLDER: Final = Path(__file__).parents[1]
STATIC: Final = _FOLDER / "static"
MOST_ADDRESS: Final = 500  # of a page that one is led back to


@cache
def environment() -> Environment:
    """The templates' environment; one for all."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["percent"] = rate_text  # macros that are imported see no page's values
    return made


def page(
    request: Request,
    deps: Deps,
    template: str,
    *,
    signed: Signed | None = None,
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """A page as an answer."""
    language = language_of(request)
    actor = signed.actor if signed else None
    rooms = menu(actor, request.url.path, demo=deps.phones is not None)
    here = {"here": request.url.path, "address": place_of(request)}
    more = {**here, "me": actor, "menu": rooms}
    csrf = signed.csrf if signed else ""
    text = part(deps, language, template, csrf=csrf, **more, **values)
    return answer_of(language, text, status)


def place_of(request: Request) -> str:
    """Where a page is on this site, with what it was asked for: a colour, the alert it follows."""
    path, query = request.url.path, request.url.query
    whole = f"{path}?{query}" if query else path
    return whole if len(whole) <= MOST_ADDRESS else path


def part(deps: Deps, language: str, template: str, *, csrf: str, **values: Any) -> str:
    """A template's text; what is no whole page needs no more than this."""
    known = {**shown(deps, language), **values}
    return environment().get_template(template).render(**known, csrf=csrf)


def answer_of(language: str, text: str, status: int = 200) -> HTMLResponse:
    """A text of a template as an answer."""
    headers = {"Content-Language": language, "Vary": "Accept-Language, Cookie"}
    return HTMLResponse(text, status, headers=headers)


def packed_answer_of(request: Request, language: str, made: Made) -> Response:
    """What was made for many as an answer; packed for who can read that."""
    packs = "gzip" in request.headers.get("accept-encoding", "")
    headers = {"Content-Language": language, "Vary": "Accept-Encoding, Accept-Language, Cookie"}
    if packs:
        headers["Content-Encoding"] = "gzip"
    text = made.packed if packs else made.plain
    return Response(text, headers=headers, media_type="text/html")


def shown(deps: Deps, language: str) -> dict[str, Any]:
    """What every template may use."""
    _ = translator(language)
    zone, now = deps.settings.zone, deps.now()

    return {
        "_": _,
        "language": language,
        "languages": LANGUAGES,
        "provider": bool(deps.settings.oidc_issuer),
        "office": deps.settings.issuers.get(language, ""),
        "now": now,
        "clock_warning": standing_of(deps).warning,
        "zone": deps.settings.timezone,
        "headline": lambda view: view.headlines.get(language, view.headline),
        "word": partial(word, _),
        "say": lambda text: sentence(language, text),
        "role": lambda key: role_name(key, language),
        "level": lambda key: level_name(key, language),
        "at": lambda at: moment(at, zone, now),
        "figure": lambda name, value: figure(_, name, value, lambda at: moment(at, zone, now)),
        "day": day,
        "spell": lambda seconds: duration(_, round(seconds * 1000)),
        "since": lambda at: minutes_since(at, now, language),
    }


def level_name(key: str, language: str) -> str:
    """What a level of the hierarchy is called."""
    known: Level | None = level_of(key)
    return known.name_in(language) if known else key


def moment(at: Millis | None, zone: tzinfo, now: Millis) -> str:
    """A time on the city's clock; with the day where it isn't today."""
    if at is None:
        return ""
    there = datetime.fromtimestamp(at / 1000, zone)
    today = datetime.fromtimestamp(now / 1000, zone).date()
    return f"{there:%H:%M:%S}" if there.date() == today else f"{there:%Y-%m-%d %H:%M}"


def day(at: Millis | None) -> str:
    """A date of a roster, which is its midnight in China wherever the city is; "" for None."""
    return "" if at is None else f"{datetime.fromtimestamp(at / 1000, CHINA):%Y-%m-%d}"


def minutes_since(at: Millis, now: Millis, language: str) -> str:
    """How long ago, in words that fit a table."""
    seconds = max(0, now - at) // 1000
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds} s" if language == "en" else f"{seconds}秒"
    minutes = seconds // 60
    if minutes < 120:  # noqa: PLR2004 - two hours are still read well in minutes
        return f"{minutes} min" if language == "en" else f"{minutes}分钟"
    return f"{minutes // 60} h" if language == "en" else f"{minutes // 60}小时"
