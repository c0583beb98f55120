"""What an alert, composed here or taken in as CAP, gives the templates. Pure."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any, Final

from alertd.cap import (
    SOURCE_WARNING,
    TEXT_PARAMETER,
    Alert,
    Info,
    colour,
    response_level,
)
from alertd.i18n import negotiate
from alertd.messages.context import clean
from alertd.messages.marks import unmarked

_MAX_INSTRUCTION: Final = 200  # what a chat group reads; `context.TEXTS` has the same bound
_ENDS: Final = "。!!??;;.\n"


def alert_params(alert: Alert, *, code: str, zone: tzinfo) -> dict[str, Any]:
    """What an alert of any origin gives the templates: JSON-able, by language where it differs.

    Args:
        alert: Composed here, or taken in as CAP.
        code: The alert's short code, such as A7.
        zone: The city's time zone, for the end that people read.
    """
    found_colour, found_level = colour(alert), response_level(alert)
    values: dict[str, Any] = {
        "code": code,
        "colour": found_colour.value if found_colour else "",
        "level": found_level.value if found_level else "",
        "event": _by_language(alert, lambda info: info.event),
        "headline": _by_language(alert, lambda info: unmarked(info.headline or info.event)),
        "instruction": _by_language(
            alert, lambda info: _shortened(unmarked(info.instruction or info.description or ""))
        ),
        "areas": _by_language(alert, lambda info: [area.area_desc for area in info.area]),
        "expires": _when(alert.expires_at, zone),
        "source": _first(alert, SOURCE_WARNING),
    }
    own = _by_language(alert, _own_values)
    names = {name for by_name in own.values() for name in by_name}
    for name in sorted(names - values.keys()):
        values[name] = {language: by_name.get(name, "") for language, by_name in own.items()}
    return values


def _own_values(info: Info) -> dict[str, str]:
    return {
        pair.value_name.removeprefix(TEXT_PARAMETER): pair.value
        for pair in info.parameter
        if pair.value_name.startswith(TEXT_PARAMETER)
    }


def _by_language(alert: Alert, of: Callable[[Info], Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for info in alert.info:
        found.setdefault(negotiate(info.language or "en-US"), of(info))
    return found


def _shortened(text: str) -> str:
    """Cut at the end of the last sentence that fits, and say so with an ellipsis."""
    text = clean(text)
    if len(text) <= _MAX_INSTRUCTION:
        return text
    kept = text[: _MAX_INSTRUCTION - 1]
    end = max(kept.rfind(mark) for mark in _ENDS) + 1
    return f"{kept[:end] if end > _MAX_INSTRUCTION // 2 else kept}…"


def _first(alert: Alert, name: str) -> str:
    return next((value for info in alert.info for value in info.parameters(name)), "")


def _when(at_ms: int | None, zone: tzinfo) -> dict[str, str]:
    """A moment as people say it: 7月1日18时, 7月1日18时30分; 18:00 on 1 July."""
    if at_ms is None:
        return {}
    moment = datetime.fromtimestamp(at_ms // 1000, tz=zone)
    minutes = f"{moment.minute}分" if moment.minute else ""
    return {
        "zh-CN": f"{moment.month}月{moment.day}日{moment.hour}时{minutes}",
        "en": f"{moment:%H:%M} on {moment.day} {_MONTHS[moment.month - 1]}",
    }


# strftime's %B follows the machine's locale.
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
