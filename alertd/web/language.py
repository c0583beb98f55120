"""Which language a request is answered in."""

from typing import Final

from starlette.requests import Request

from alertd.i18n import DEFAULT, LANGUAGES, negotiate

COOKIE: Final = "alertd_language"


def language_of(request: Request) -> str:
    """What the reader chose on the page, else what the browser asks for, else the city's own."""
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    deps = getattr(request.app.state, "deps", None)
    default = deps.settings.language if deps else DEFAULT
    return negotiate(request.headers.get("accept-language"), default)
