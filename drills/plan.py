"""A drill's plan: what is sent, when, by which routes, what fails meanwhile, and what passes.

A plan is one TOML file. It is read whole or not at all: every mistake is named by its key and its
line. Nothing here does I/O, draws a moment or looks at a clock.
"""

import tomllib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from alertd.cap import AREA_CODE, ROLE_NAME, Colour
from alertd.decide.plan import Way as Way  # noqa: PLC0414 - a plan's word, too
from alertd.errors import InvalidInputError
from alertd.i18n import N_
from alertd.model import Millis
from drills.mistakes import line_of, not_toml, problems_of, refuse
from drills.toml import lines_of, written
from rosters.words import Level

MOST_BYTES: Final = 256 * 1024
MOST_MINUTES: Final = 7 * 24 * 60
LONGEST_WINDOW_DAYS: Final = 62
_WHOLE: Final = ConfigDict(extra="forbid", hide_input_in_errors=True)


class LossKind(StrEnum):
    """What can fail by a script."""

    BASE_STATION = "base_station"
    POWER = "power"
    NETWORK = "network"
    ROAD = "road"
    GATEWAY = "gateway"
    NODE = "node"


class Climb(StrEnum):
    """How high in the roster a drill's ladders may tell superiors."""

    NONE = "none"  # no superior at all
    GRID = "grid"
    COMMUNITY = "community"
    TOWN = "town"
    CITY = "city"

    @property
    def level(self) -> Level | None:
        """The roster's level; None where nobody above may be told."""
        return _LEVELS.get(self)


_LEVELS: Final[Mapping[Climb, Level]] = {
    Climb.GRID: Level.GRID,
    Climb.COMMUNITY: Level.COMMUNITY,
    Climb.TOWN: Level.SUBDISTRICT,
    Climb.CITY: Level.CITY,
}


def _moment(value: Any) -> Any:
    """A TOML time, or the same as text; always with its offset, as in CAP."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise PydanticCustomError(
            "plan", N_("must be a time with its offset, such as 2027-05-12T09:30:00+08:00")
        )
    return value


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("plan", N_("must be one line of printable text"))
    return text.strip()


def _tuple(value: Any) -> Any:
    """TOML's lists are ours to keep unchanged."""
    return tuple(value) if isinstance(value, list) else value


def _word(kind: type[StrEnum]) -> BeforeValidator:
    """Words of a closed list, from text."""

    def known(value: Any) -> Any:
        try:
            return kind(value)
        except ValueError:
            words = ", ".join(kind)
            raise PydanticCustomError(
                "plan", "{reason}", {"reason": N_("must be one of {words}").format(words=words)}
            ) from None

    return BeforeValidator(known)


Moment = Annotated[datetime, BeforeValidator(_moment)]
Line = Annotated[str, AfterValidator(_one_line)]
Area = Annotated[str, Field(pattern=f"^{AREA_CODE.pattern}$")]
Role = Annotated[str, Field(pattern=f"^{ROLE_NAME.pattern}$")]
Areas = Annotated[tuple[Area, ...], BeforeValidator(_tuple), Field(max_length=1_500)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")]
RouteName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$")]
Minute = Annotated[float, Field(ge=0, le=MOST_MINUTES, allow_inf_nan=False, strict=True)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True, config=_WHOLE)
class Sent:
    """What is sent, and to whom; its status is always Exercise.

    Args:
        areas: Area codes of the roster.
        template: A message template with its colour, such as `typhoon-red`; or a headline.
        headline: What to say where no template is named.
        roles: Whom to tell in those areas; none: everybody with a duty.
        policy: An escalation policy by name; "": the one of the template's colour.
        climb_to: How far escalation may climb.
        colour: Of a template that has none in its name, and of a headline.
        params: The template's own values, each for all languages or by language.
        valid_min: For how many minutes it holds; None: as the template says.
    """

    areas: Annotated[Areas, Field(min_length=1)]
    template: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{0,60}$")] = ""
    headline: Annotated[Line, Field(max_length=60)] = ""
    roles: Annotated[tuple[Role, ...], BeforeValidator(_tuple), Field(max_length=50)] = ()
    policy: Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9_-]{0,39})?$")] = ""
    climb_to: Annotated[Climb, _word(Climb)] = Climb.CITY
    colour: Annotated[Colour, _word(Colour)] | None = None
    params: Annotated[
        dict[str, str | int | dict[Literal["zh-CN", "en"], str | int]], Field(max_length=20)
    ] = Field(default_factory=dict)
    valid_min: Annotated[int, Field(ge=1, le=MOST_MINUTES, strict=True)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_WHOLE)
class When:
    """A date, or a window in which the calendar draws a moment that nobody is told (双盲).

    Args:
        at: The moment.
        window: From when to when.
        remind_h: So many hours before the moment, or before the window opens, the owner is
            reminded; a reminder never tells a window's moment.
    """

    at: Moment | None = None
    window: Annotated[tuple[Moment, Moment], BeforeValidator(_tuple)] | None = None
    remind_h: Annotated[
        tuple[Annotated[float, Field(gt=0, le=24 * 60, strict=True)], ...],
        BeforeValidator(_tuple),
        Field(max_length=10),
    ] = (72.0, 24.0, 1.0)

    @property
    def blind(self) -> bool:
        """Whether nobody knows the moment."""
        return self.window is not None

    @property
    def opens_at(self) -> Millis | None:
        """The earliest moment at which it may begin; None where it is begun by hand only."""
        return _millis(self.window[0] if self.window else self.at)

    @property
    def closes_at(self) -> Millis | None:
        """The latest moment at which it may begin."""
        return _millis(self.window[1] if self.window else self.at)


@dataclass(frozen=True, slots=True, kw_only=True, config=_WHOLE)
class Loss:
    """Something that fails by the script: `from_min` to `to_min` of the drill."""

    kind: Annotated[LossKind, _word(LossKind)]
    from_min: Minute = 0.0
    to_min: Minute = float(MOST_MINUTES)
    area: Area | None = None
    route: RouteName | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_WHOLE)
class Inject:
    """What the exercise control tells people at a minute of the drill.

    Args:
        to: The units whose duty holders are told; none: the exercise control's own log only.
    """

    at_min: Minute
    text: Annotated[Line, Field(min_length=1, max_length=120)]
    to: Areas = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=_WHOLE)
class Marks:
    """What the drill must reach to pass; None isn't asked for. Shares are of 1."""

    reach_rate: Share | None = None
    answer_rate: Share | None = None
    answered_within_min: Minute | None = None  # 90% of those who answer
    covered_grids: Share | None = None
    on_post_within_min: Minute | None = None
    loudspeakers: Share | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_WHOLE)
class Plan:
    """One drill, as its TOML says it."""

    name: Annotated[Line, Field(min_length=1, max_length=60)]
    alert: Sent
    name_en: Annotated[Line, Field(max_length=60)] = ""
    owner: Annotated[Line, Field(max_length=60)] = ""
    note: Annotated[str, Field(max_length=2_000)] = ""
    when: When = Field(default_factory=When)
    channels: Annotated[dict[RouteName, Annotated[Way, _word(Way)]], Field(max_length=50)] = Field(
        default_factory=dict
    )
    losses: Annotated[tuple[Loss, ...], BeforeValidator(_tuple), Field(max_length=200)] = ()
    injects: Annotated[tuple[Inject, ...], BeforeValidator(_tuple), Field(max_length=200)] = ()
    marks: Marks = Field(default_factory=Marks)

    def way(self, route: str) -> Way:
        """What the plan does with a route."""
        return self.channels.get(route, Way.MUTED)

    def routes(self, way: Way) -> tuple[str, ...]:
        """The routes that it does this with."""
        return tuple(name for name, chosen in self.channels.items() if chosen is way)

    def title(self, language: str) -> str:
        """Its name in a language."""
        return self.name if language.startswith("zh") else self.name_en or self.name


_PLAN: Final = TypeAdapter(Plan)


def parse(text: str) -> Plan:
    """Read a plan.

    Raises:
        PlanError: Every mistake is named by key and line; none of the plan is taken.
    """
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise InvalidInputError(f"A drill's plan is at most {MOST_BYTES // 1024} KiB long.")
    try:
        content = tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise refuse([not_toml(error)]) from None
    return from_dict(content, lines=lines_of(text))


def from_dict(content: Mapping[str, Any], *, lines: Mapping[str, int] | None = None) -> Plan:
    """A plan from what TOML or JSON holds.

    Args:
        content: The tables.
        lines: Where each key stands, for the mistakes.

    Raises:
        PlanError: Every mistake is named; none of the plan is taken.
    """
    where = lines or {}
    try:
        plan = _PLAN.validate_python(dict(content))
    except ValidationError as error:
        raise refuse(problems_of(error, where)) from None
    wrong = _inconsistent(plan)
    if wrong:
        raise refuse([(key, line_of(key, where), why) for key, why in wrong])
    return plan


def to_dict(plan: Plan) -> dict[str, Any]:
    """The JSON shape that `from_dict` reads; what is as usual is left out."""
    found = _PLAN.dump_python(plan, mode="json", exclude_defaults=True)
    return dict(found)


def dumps(plan: Plan) -> str:
    """The plan as TOML; `parse` reads the same plan from it."""
    return written(_PLAN.dump_python(plan, exclude_defaults=True))


def _inconsistent(plan: Plan) -> list[tuple[str, str]]:
    """What is wrong with values that are each right by themselves."""
    wrong: list[tuple[str, str]] = []
    if bool(plan.alert.template) == bool(plan.alert.headline):
        wrong.append(("alert.template", N_("or a headline is needed, and not both")))
    if plan.alert.headline and plan.alert.params:
        wrong.append(("alert.params", N_("belong to a template, and none is named")))
    wrong += _wrong_times(plan.when)
    for number, loss in enumerate(plan.losses):
        wrong += _wrong_loss(loss, f"losses[{number}]")
    return wrong


def _wrong_times(when: When) -> list[tuple[str, str]]:
    if when.at and when.window:
        return [("when.window", N_("can't be given together with a date"))]
    if when.window is None:
        return []
    opens, closes = when.window
    if closes <= opens:
        return [("when.window", N_("must close later than it opens"))]
    if (closes - opens).days > LONGEST_WINDOW_DAYS:
        return [("when.window", N_("must be at most 62 days long"))]
    return []


def _wrong_loss(loss: Loss, at: str) -> list[tuple[str, str]]:
    wrong = []
    if loss.to_min <= loss.from_min:
        wrong.append((f"{at}.to_min", N_("must be later than from_min")))
    wants = _WANTS[loss.kind]
    for key in ("area", "route"):
        given = getattr(loss, key) is not None
        if given and key != wants:
            wrong.append((f"{at}.{key}", N_("doesn't belong to a loss of this kind")))
        if not given and key == wants:
            wrong.append((f"{at}.{key}", N_("is missing for a loss of this kind")))
    return wrong


_WANTS: Final[Mapping[LossKind, str]] = {
    LossKind.BASE_STATION: "area",
    LossKind.POWER: "area",
    LossKind.NETWORK: "area",
    LossKind.ROAD: "area",
    LossKind.GATEWAY: "route",
    LossKind.NODE: "",
}


def _millis(moment: datetime | None) -> Millis | None:
    return None if moment is None else round(moment.timestamp() * 1000)
