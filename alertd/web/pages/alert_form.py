"""The form on which an alert is written: what was filled in, and the short form that it means."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import ValidationError

from alertd.cap.problems import refuse_validation
from alertd.i18n import LANGUAGES
from alertd.messages.template import Template
from alertd.web.commands.drafting import FollowUp, NewAlert

Fields = Mapping[str, Sequence[str]]
_BETWEEN = re.compile(r"[\s,,、;;]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form as it was filled in, right or wrong, so that it can be shown again.

    Args:
        status: Actual, Exercise, Test; "" while nobody has chosen: it is never preselected.
        areas: Codes, ticked or typed.
        roles: Keys; none for everybody with a duty.
        params: The template's values by name and language.
        routes: A drill's plan.
        follows: The short code of the alert whose place it takes, or "".
    """

    status: str = ""
    areas: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    level: str = ""
    storm: str = ""
    source_warning: str = ""
    valid_min: str = ""
    simulated: bool = False
    routes: tuple[str, ...] = ()
    follows: str = ""
    params: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, fields: Fields, template: Template) -> Self:
        """A form that was sent, or a link's query."""

        def one(name: str) -> str:
            return next(iter(fields.get(name, ())), "").strip()

        typed = [code for code in _BETWEEN.split(one("codes")) if code]
        return cls(
            status=one("status"),
            areas=tuple(dict.fromkeys([*fields.get("area", ()), *typed])),
            roles=tuple(fields.get("role", ())),
            level=one("level"),
            storm=one("storm"),
            source_warning=one("source_warning"),
            valid_min=one("valid_min"),
            simulated=one("simulated") == "yes",
            routes=tuple(fields.get("route", ())),
            follows=one("follows"),
            params={
                name: {language: one(f"param.{name}.{language}") for language in LANGUAGES}
                for name in template.params
            },
        )

    def new_alert(self, template: str, colour: str) -> NewAlert:
        """What it means.

        Raises:
            InvalidInputError: Something is missing or can't be; the field is named.
        """
        drill = self.status == "Exercise"
        values: dict[str, Any] = {
            "template": template,
            "colour": colour,
            "areas": self.areas,
            "roles": self.roles,
            "status": self.status or None,
            "response_level": self.level or None,
            "storm": self.storm,
            "source_warning": self.source_warning or None,
            "valid_min": _number(self.valid_min),
            "simulated": drill and self.simulated,
            "routes": self.routes if drill and self.routes else None,
            "params": self.values(),
        }
        try:
            return NewAlert.model_validate(values)
        except ValidationError as error:
            raise refuse_validation(error) from None

    def follow_up(self) -> FollowUp:
        """What follows an alert, in its own words: everything else is as in the alert.

        Raises:
            InvalidInputError: A value can't be; the field is named.
        """
        try:
            return FollowUp.model_validate({"params": self.values()})
        except ValidationError as error:
            raise refuse_validation(error) from None

    def values(self) -> dict[str, dict[str, str]]:
        """The template's values; what is given in one language only holds for both."""
        said = {}
        for name, by_language in self.params.items():
            given = [text for text in by_language.values() if text]
            if given:
                said[name] = {key: text or given[0] for key, text in by_language.items()}
        return said


def _number(text: str) -> int | str | None:
    return int(text) if text.isascii() and text.isdecimal() else text or None
