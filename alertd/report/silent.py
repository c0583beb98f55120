"""Lines about duties that were never answered, or of which nobody was ever told; for every form."""

from collections.abc import Mapping
from dataclasses import dataclass

from alertd.i18n import N_
from alertd.model import duty_of, stage_of
from alertd.report.figures import Figures
from alertd.report.names import Names
from alertd.report.words import Say, role_word, word


@dataclass(frozen=True, slots=True)
class Silent:
    """A duty. `told`: whether anybody was told who holds it, or why not; "" where nobody knows."""

    code: str
    place: str
    role: str
    stage: str
    name: str
    phone: str
    told: str


def unwoken(
    figures: Figures, names: Names, say: Say, language: str, *, most: int | None = None
) -> list[Silent]:
    """Those that were asked to the last rung and never answered; the first `most`."""
    why = figures.why_never
    return [
        _line(number, unit_no, names, say, language, _told(say, why, number))
        for number, unit_no in figures.unwoken[:most]
    ]


def never(
    figures: Figures, names: Names, say: Say, language: str, *, most: int | None = None
) -> list[Silent]:
    """Those of which nothing has left for anybody, and why; the first `most`."""
    found = figures.telling.never[:most] if figures.telling else ()
    return [
        _line(
            *(number, names.homes.get(duty_of(number), 0), names, say, language),
            word(say, f"never.{why}"),
        )
        for number, why in found
    ]


def _told(say: Say, why: Mapping[int, str] | None, number: int) -> str:
    if why is None:
        return ""
    if number not in why:
        return say(N_("told"))
    return say(N_("never told: {why}")).format(why=word(say, f"never.{why[number]}"))


def _line(number: int, unit_no: int, names: Names, say: Say, language: str, told: str) -> Silent:
    who = names.holder(duty_of(number))
    return Silent(
        code=names.unit(unit_no).code,
        place=names.place(unit_no),
        role=role_word(language, names.roles.get(duty_of(number), "")),
        stage=word(say, stage_of(number).word),
        name=who.name,
        phone=who.phone,
        told=told,
    )
