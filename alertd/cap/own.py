"""What alertd asks of the alerts that it issues itself, and what it reads out of any alert.

CAP leaves much open and real feeds leave out `expires`; an alert of ours says until when it holds,
whom it addresses, and what colour it has.
"""

import re
from typing import Final

from alertd.cap.fields import parse_time
from alertd.cap.model import Alert, Info
from alertd.cap.problems import refuse
from alertd.cap.vocabulary import (
    COLOUR,
    RESPONSE_LEVEL,
    ROLE,
    UNIT_CODE,
    Colour,
    MsgType,
    ResponseLevel,
    Severity,
    Status,
)
from alertd.i18n import N_

# Administrative codes are digits (2-2-2-3-3); grids and stairwells append a suffix of their own.
AREA_CODE: Final = re.compile(r"[0-9]{2}[0-9A-Za-z_-]{0,38}")
ROLE_NAME: Final = re.compile(r"[0-9A-Za-z_\u3400-\u9fff-]{1,40}")

_ISSUABLE: Final = frozenset({Status.ACTUAL, Status.EXERCISE, Status.TEST})
_LIFECYCLE: Final = frozenset({MsgType.ALERT, MsgType.UPDATE, MsgType.CANCEL})
_TOO_LATE_MS: Final = parse_time("2100-01-01T00:00:00+00:00")  # far short of what clocks can show


def severity_rank(alert: Alert) -> int:
    """1 Extreme … 4 Minor, 5 Unknown; the worst of its info blocks."""
    return min((info.severity.rank for info in alert.info), default=Severity.UNKNOWN.rank)


def area_codes(alert: Alert) -> tuple[str, ...]:
    """The roster's area codes that it addresses, each once, in the order given."""
    return tuple(
        dict.fromkeys(
            code.value
            for info in alert.info
            for area in info.area
            for code in area.geocode
            if code.value_name == UNIT_CODE
        )
    )


def roles(alert: Alert) -> tuple[str, ...]:
    """The roles that it addresses, each once; empty means every role."""
    return tuple(dict.fromkeys(role for info in alert.info for role in info.parameters(ROLE)))


def colour(alert: Alert) -> Colour | None:
    """The warning signal's colour, where it is one of the four."""
    found = _first(alert, COLOUR)
    return Colour(found) if found in set(Colour) else None


def response_level(alert: Alert) -> ResponseLevel | None:
    """The flood headquarters' response level, where it is one of the four."""
    found = _first(alert, RESPONSE_LEVEL)
    return ResponseLevel(found) if found in set(ResponseLevel) else None


def info_for(alert: Alert, language: str) -> Info | None:
    """The info block in `language`, else in the same primary language, else the first."""
    wanted = language.lower()
    for match in (wanted, wanted.split("-", maxsplit=1)[0]):
        for info in alert.info:
            if (info.language or "en-US").lower().startswith(match):
                return info
    return alert.info[0] if alert.info else None


def require_own(alert: Alert) -> Alert:
    """Hold `alert` to what this system asks of its own, and return it.

    Raises:
        InvalidInputError: It misses `expires`, areas, a colour that fits its severity, or has a
            status or message type that isn't issued here; `field` says where.
    """
    problems = [*_head_problems(alert), *_info_problems(alert)]
    if problems:
        raise refuse(problems)
    return alert


def _first(alert: Alert, name: str) -> str | None:
    return next((value for info in alert.info for value in info.parameters(name)), None)


def _head_problems(alert: Alert) -> list[tuple[str, str]]:
    problems = []
    if alert.status not in _ISSUABLE:
        problems.append(("status", N_("must be Actual, Exercise or Test")))
    if alert.msg_type not in _LIFECYCLE:
        problems.append(("msgType", N_("must be Alert, Update or Cancel")))
    if not alert.info:
        problems.append(("info", N_("is missing")))
    if alert.info and not area_codes(alert):
        problems.append(
            ("info[0].area", N_("must name areas by geocodes called {name}").format(name=UNIT_CODE))
        )
    return problems


def _info_problems(alert: Alert) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    for number, info in enumerate(alert.info):
        at = f"info[{number}]"
        if info.language is None:
            problems.append((f"{at}.language", N_("is missing")))
        if info.expires is None:
            problems.append((f"{at}.expires", N_("is missing")))
        elif parse_time(info.expires) <= alert.sent_at:
            problems.append((f"{at}.expires", N_("must be later than sent")))
        elif parse_time(info.expires) >= _TOO_LATE_MS:
            problems.append((f"{at}.expires", N_("must be before the year 2100")))
        problems += [(f"{at}.{field}", reason) for field, reason in _target_problems(info)]
    return problems


def _target_problems(info: Info) -> list[tuple[str, str]]:
    problems = []
    colours = info.parameters(COLOUR)
    if len(colours) != 1 or colours[0] not in set(Colour):
        problems.append(
            (
                "parameter",
                N_("must give {name} once: red, orange, yellow or blue").format(name=COLOUR),
            )
        )
    elif Colour(colours[0]).severity is not info.severity:
        wanted = Colour(colours[0]).severity
        problems.append(
            (
                "severity",
                N_("must be {wanted} where {name} is {colour}").format(
                    wanted=wanted, name=COLOUR, colour=colours[0]
                ),
            )
        )
    levels = info.parameters(RESPONSE_LEVEL)
    if len(levels) > 1 or not set(levels) <= set(ResponseLevel):
        problems.append(
            (
                "parameter",
                N_("must give {name} at most once: I, II, III, IV").format(name=RESPONSE_LEVEL),
            )
        )
    if not all(ROLE_NAME.fullmatch(role) for role in info.parameters(ROLE)):
        problems.append(("parameter", N_("must give {name} as a role's name").format(name=ROLE)))
    codes = [code for area in info.area for code in area.geocode if code.value_name == UNIT_CODE]
    if not all(AREA_CODE.fullmatch(code.value) for code in codes):
        problems.append(
            (
                "area",
                N_("must give {name} as a code that begins with digits").format(name=UNIT_CODE),
            )
        )
    return problems
