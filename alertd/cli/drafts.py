"""From a command's options to the API's short form, and what is shown of a draft."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from alertd import cap
from alertd.cli import show
from alertd.cli.figures import head_line
from alertd.cli.words import LANGUAGE, _, listed, word
from alertd.errors import InvalidInputError
from alertd.i18n import translator
from alertd.report.values import duration
from rosters.words import Level

_COLOURED = re.compile(r"-(red|orange|yellow|blue)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What an operator decides on the command line; `told` holds NAME=VALUE texts."""

    template: str = ""
    colour: str = ""
    areas: Sequence[str] = ()
    roles: Sequence[str] = ()
    status: str = "Actual"
    told: Sequence[str] = ()
    level: str | None = None
    event: str | Mapping[str, str] | None = None
    storm: str = ""
    valid_min: int | None = None
    routes: Sequence[str] | None = None
    simulated: bool = False

    @property
    def params(self) -> dict[str, str]:
        """The template's values.

        Raises:
            InvalidInputError: One isn't NAME=VALUE.
        """
        found = {}
        for text in self.told:
            name, equals, value = text.partition("=")
            if not (equals and name.strip()):
                raise InvalidInputError("--set takes NAME=VALUE.", field="--set")
            found[name.strip()] = value.strip()
        return found

    @classmethod
    def of(cls, before: Mapping[str, Any], **changes: Any) -> Self:
        """As an alert that is there (the API's answer), but for what is given."""
        view, known = before["view"], cap.from_json(before["cap"])
        names = [name for info in known.info for name in info.parameters(cap.TEMPLATE)]
        level = cap.response_level(known)
        values = {
            "template": _COLOURED.sub("", names[0]) if names else "",
            "colour": view["colour"],
            "areas": view["areas"],
            "roles": cap.roles(known),
            "status": view["status"],
            "level": level.value if level else None,
            "event": {i.language: i.event for i in known.info if i.language in {"zh-CN", "en"}},
            "routes": view["routes"],
            "simulated": view["simulated"],
        }
        return cls(**{**values, **_given(changes)})


def _given(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if value}


def short_form(wording: Wording) -> dict[str, Any]:
    """The API's JSON of it.

    Raises:
        InvalidInputError: What nothing can do without is missing.
    """
    if not wording.template or not wording.areas:
        raise InvalidInputError(
            "An alert needs a template and an area.",
            hint="alertd alert issue --template typhoon --colour red --area 330281",
        )
    body = {
        "template": wording.template,
        "colour": wording.colour or "blue",
        "areas": list(wording.areas),
        "roles": list(wording.roles),
        "status": wording.status,
        "params": wording.params,
        "response_level": wording.level,
        "event": wording.event or None,
        "storm": wording.storm,
        "valid_min": wording.valid_min,
        "routes": list(wording.routes) if wording.routes else None,
        "simulated": wording.simulated,
    }
    return {name: value for name, value in body.items() if value is not None}


def headcount(made: Mapping[str, Any]) -> None:
    """Whom a draft would reach, and its texts with their SMS parts."""
    show.line(head_line(made))
    count = made["headcount"]
    off = count["off_duty"]
    rows = [
        (_("people"), count["people"]),
        (_("duties"), count["duties"]),
        (_("asked for an answer"), count["requirements"]),
        (_("without a phone"), count["unreachable"]),
        (_("asked, and nobody there to be reached"), count["vacant"]),
        *([(_("off duty, told when their shift begins"), off)] if off else []),
        *((word("channel", name), n) for name, n in count["by_channel"].items() if name != "sms"),
    ]
    show.table(("", ""), rows)
    _forecast(made["forecast"])
    for route, parts in ((made["budget"] or {}).get("short") or {}).items():
        told = _("The budget of {route} has {left} parts left for today; this takes {parts}.")
        show.line(told.format(route=route, left=parts, parts=made["budget"]["parts"]))
    for route, n in ((made["budget"] or {}).get("repeats") or {}).items():
        told = _(
            "{route} doesn't take one text so often for one number:"
            " up to {n} messages for shared numbers go another way."
        )
        show.line(told.format(route=route, n=n))
    if made["beside"]:
        told = _(
            "{codes}: under way and asks some of the same people. A bare 1 will answer neither:"
            " to change it, update it (alertd alert update)."
        )
        show.line(told.format(codes=listed(made["beside"])))
    for text in made["texts"]:
        marks = [word("tongue", text["language"]), word("channel", text["channel"])]
        if text["sms_parts"]:
            marks.append(_("parts: {n}").format(n=text["sms_parts"]))
        show.line(f"[{listed(marks)}] {text['text']}")


def _forecast(found: Mapping[str, Any]) -> None:
    """When each channel, and each level of the city by it, will have been handed its messages."""
    rows: list[tuple[str, ...]] = []
    for channel, finish in found.items():
        if finish is None:
            rows.append((word("channel", channel), _("no route carries it"), "", "", ""))
            continue
        rows.append((word("channel", channel), *_times(finish)))
        levels = finish["levels"] if len(finish["levels"]) > 1 else {}
        rows += [
            (f"  {Level(level).name_in(LANGUAGE)}", *_times(at)) for level, at in levels.items()
        ]
    if rows:
        show.table((_("handed over"), _("first"), "90%", _("last"), ""), rows)
    for channel, finish in found.items():
        if finish and finish["ahead"]:
            told = _("{channel}: {n} messages of other alerts go first.")
            show.line(told.format(channel=word("channel", channel), n=finish["ahead"]))


def _times(finish: Mapping[str, Any]) -> tuple[str, ...]:
    say = translator(LANGUAGE)
    times = (duration(say, round(finish[f"{name}_s"] * 1000)) for name in ("first", "most", "last"))
    late = _("{n} after the first rung").format(n=finish["late"])
    return (*times, late if finish["late"] else "")
