"""A scenario: the night around the drill, as one TOML file says it.

It says how people, gateways, loudspeakers and helpers behave, what fails and when, and which routes
a sample city has. What a file leaves out is as in `drills/scenarios/defaults.toml`, where each
figure has its source or is called an assumption. Read whole or not at all, as plans are.
"""

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from alertd.errors import InvalidInputError
from alertd.i18n import N_
from drills.mistakes import FileError, by_line, not_toml, problems_of
from drills.plan import Line, Loss, Moment, Role, RouteName, Share, Word
from drills.toml import lines_of

DEFAULTS: Final = "defaults"
MOST_BYTES: Final = 256 * 1024
_WHOLE: Final = ConfigDict(extra="forbid", hide_input_in_errors=True)
_SHIPPED: Final = N_("Shipped ones: {names}.")
_FOLDER: Final = resources.files("drills") / "scenarios"


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


_LIST: Final = BeforeValidator(_tuple)
Seconds = Annotated[float, Field(ge=0, le=7 * 86_400, allow_inf_nan=False, strict=True)]
Spread = Annotated[float, Field(ge=0, le=4, allow_inf_nan=False, strict=True)]
Minutes = Annotated[float, Field(ge=0, le=7 * 24 * 60, allow_inf_nan=False, strict=True)]
ChannelWord = Literal["sms", "loudspeaker", "chat", "voice", "mail", "paper"]
Hour = Annotated[int, Field(ge=0, le=24, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True, config=_WHOLE)
class People:
    """How some people answer; of several rules that fit, the first counts.

    Args:
        roles: Of which roles; none: everybody.
        rank: 1: whoever is principal of a unit, 2: who is an alternate only; 0: both.
        hours: Local hours, from and up to; from 22 to 6 is the night.
        channel: How they were told; "": in any way.
        notices: Which share of the messages that arrive is noticed at all.
        median_s: From a message's arrival to its answer, in the middle.
        spread: Sigma of the logarithm of that time.
        says: What the answer is, as shares of those who answer: done, on_post, help, unavailable,
            unclear; the rest is "received".
    """

    roles: Annotated[tuple[Role, ...], _LIST, Field(max_length=50)] = ()
    rank: Annotated[int, Field(ge=0, le=2, strict=True)] = 0
    hours: Annotated[tuple[Hour, Hour], _LIST] = (0, 24)
    channel: ChannelWord | Literal[""] = ""
    notices: Share = 1.0
    median_s: Seconds = 60.0
    spread: Spread = 0.8
    says: Annotated[
        dict[Literal["done", "on_post", "help", "unavailable", "unclear"], Share],
        Field(max_length=5),
    ] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, config=_WHOLE)
class Phones:
    """What is true of phones for a whole night.

    Args:
        dead: Share of numbers that don't exist any more.
        off_day: Share that is switched off or empty from 6 to 22 o'clock.
        off_night: The same from 22 to 6 o'clock.
        told_dead: Of dead numbers the share that a gateway refuses at once; of the rest a receipt
            tells.
        kept_min: For how long a carrier keeps a message for a phone that it can't reach.
        battery_min: How long a base station goes on without power.
        double: Share of replies that a gateway brings twice.
        again: Share of people who answer every message, also when they have answered before.
        reports: Share of those who answered "received" that later report "done".
        report_median_min: How long that takes, in the middle.
    """

    dead: Share = 0.0
    off_day: Share = 0.0
    off_night: Share = 0.0
    told_dead: Share = 0.5
    kept_min: Minutes = 1_440.0
    battery_min: Minutes = 240.0
    double: Share = 0.0
    again: Share = 0.0
    reports: Share = 0.0
    report_median_min: Minutes = 60.0


@dataclass(frozen=True, slots=True, kw_only=True, config=_WHOLE)
class Quality:
    """How a gateway treats what it is given; shares of tries.

    Args:
        answer_s: Until it answers, in the middle.
        answer_spread: Sigma of the logarithm of that.
        fails: Not taken, may be tried again.
        throttles: Not taken, and the route is told to wait `throttle_s`.
        refuses: Not taken, by this route never.
        hangs: No answer until the time-out: nobody can tell.
        stalls: No word even then: the deadline decides, and the word that comes after it is late.
        late: Taken, but the word comes after the deadline.
        went: Of those that nobody can tell of, the share that went all the same.
        receipts: Of what went, the share that a receipt comes for.
        receipt_s: How long a receipt takes, in the middle.
        receipt_spread: Sigma of the logarithm of that.
        doubled: Share of receipts that come twice.
        undelivered: Of what was taken, the share of which a receipt says that it failed.
    """

    answer_s: Seconds = 0.3
    answer_spread: Spread = 0.5
    fails: Share = 0.0
    throttles: Share = 0.0
    throttle_s: Seconds = 5.0
    refuses: Share = 0.0
    hangs: Share = 0.0
    stalls: Share = 0.0
    late: Share = 0.0
    went: Share = 0.5
    receipts: Share = 0.0
    receipt_s: Seconds = 4.0
    receipt_spread: Spread = 0.8
    doubled: Share = 0.0
    undelivered: Share = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, config=_WHOLE)
class SampleRoute:
    """A route of a sample city, with the limits that the engine keeps to."""

    name: RouteName
    channel: ChannelWord
    in_flight: Annotated[int, Field(ge=1, le=100_000, strict=True)] = 50
    rate_per_s: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False, strict=True)] = 50.0
    burst: Annotated[int, Field(ge=1, le=100_000, strict=True)] = 50
    timeout_s: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False, strict=True)] = 15.0
    rank: Annotated[int, Field(ge=1, le=99, strict=True)] = 1


@dataclass(frozen=True, slots=True, kw_only=True, config=_WHOLE)
class Speakers:
    """Loudspeakers, each for the whole night.

    Args:
        offline: Share that isn't there.
        partial: Of the rest the share that breaks off.
        play_s: How long a message is played.
    """

    offline: Share = 0.0
    partial: Share = 0.0
    play_s: Seconds = 40.0


@dataclass(frozen=True, slots=True, kw_only=True, config=_WHOLE)
class Hands:
    """People who work off what alertd lists for them.

    Args:
        does: `call` the list of calls, `knock` at the doors of the unanswered, take `help`.
        each: So many in every town, or in the whole city.
        count: How many.
        minutes: What one takes, way and all.
        finds: The share of tries that finds somebody who answers.
    """

    does: Literal["call", "knock", "help"]
    each: Literal["town", "city"] = "city"
    count: Annotated[int, Field(ge=0, le=1_000, strict=True)] = 1
    minutes: Annotated[float, Field(gt=0, le=24 * 60, allow_inf_nan=False, strict=True)] = 2.0
    finds: Share = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, config=_WHOLE)
class Scenario:
    """One night.

    Args:
        name: Its name; `name_en` in English.
        start: When the alert is issued; the clock that people live by.
        hours: How long it is looked at, at the most.
        grain_s: What happens within so many seconds happens together.
        losses: As in a plan; both are in force.
    """

    name: Annotated[Line, Field(min_length=1, max_length=60)]
    name_en: Annotated[Line, Field(max_length=60)] = ""
    about: Annotated[str, Field(max_length=2_000)] = ""
    start: Moment
    hours: Annotated[float, Field(gt=0, le=72, allow_inf_nan=False, strict=True)] = 6.0
    grain_s: Annotated[float, Field(ge=0.2, le=60, allow_inf_nan=False, strict=True)] = 1.0
    people: Annotated[tuple[People, ...], _LIST, Field(max_length=400)] = ()
    phones: Phones = Field(default_factory=Phones)
    gateways: Annotated[dict[Word, Quality], Field(max_length=60)] = Field(default_factory=dict)
    routes: Annotated[tuple[SampleRoute, ...], _LIST, Field(max_length=50)] = ()
    speakers: Speakers = Field(default_factory=Speakers)
    hands: Annotated[tuple[Hands, ...], _LIST, Field(max_length=20)] = ()
    losses: Annotated[tuple[Loss, ...], _LIST, Field(max_length=500)] = ()

    @property
    def start_ms(self) -> int:
        """When the alert is issued, ms."""
        return round(self.start.timestamp() * 1000)

    @property
    def grain_ms(self) -> int:
        """The grain, ms."""
        return round(self.grain_s * 1000)

    def quality(self, route: str, channel: str) -> Quality:
        """How a route treats what it is given: by its own name, else by its channel's."""
        return self.gateways.get(route) or self.gateways.get(channel) or Quality()

    def title(self, language: str) -> str:
        """Its name in a language."""
        return self.name if language.startswith("zh") else self.name_en or self.name


_SCENARIO: Final = TypeAdapter(Scenario)


def shipped() -> tuple[str, ...]:
    """The names of the scenarios that come with alertd."""
    names = (entry.name for entry in _FOLDER.iterdir() if entry.name.endswith(".toml"))
    return tuple(sorted(name.removesuffix(".toml") for name in names if DEFAULTS not in name))


def named(word: str, behaviour: Mapping[str, Any] | None = None) -> Scenario:
    """A shipped scenario by name, or one in a file; `behaviour` as `parse` takes it.

    Raises:
        InvalidInputError: There is no such one.
        PlanError: It has mistakes; each is named.
    """
    return parse(text_of(word), behaviour)


def text_of(word: str) -> str:
    """The TOML of a shipped scenario by name, or of one in a file; raises InvalidInputError."""
    if word in shipped():
        return (_FOLDER / f"{word}.toml").read_text(encoding="utf-8")
    return read(word, hint=_SHIPPED.format(names=", ".join(shipped())))


@cache
def usual() -> Scenario:
    """What a scenario is that says nothing of its own."""
    return parse("")


def read(word: str, *, hint: str = "") -> str:
    """A file's text, however it fails; raises InvalidInputError."""
    try:
        return Path(word).read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        raise InvalidInputError(f"There is no readable file {word}.", hint=hint) from None


def parse(text: str, behaviour: Mapping[str, Any] | None = None) -> Scenario:
    """Read a scenario; what it leaves out is as in the defaults, or in `behaviour` first.

    Raises:
        PlanError: It has mistakes; each is named by key and line.
    """
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise InvalidInputError(f"A scenario is at most {MOST_BYTES // 1024} KiB long.")
    own = toml(text)
    try:
        return _SCENARIO.validate_python(_over(_over(_defaults(), behaviour or {}), own))
    except ValidationError as error:
        raise FileError(by_line(problems_of(error, lines_of(text)))) from None


def _over(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """The upper's values, in tables one by one, and the lower's where it says nothing."""
    found = dict(lower)
    for name, value in upper.items():
        below = lower.get(name)
        both = isinstance(value, dict) and isinstance(below, dict)
        found[name] = {**below, **value} if both and below else value
    return found


def toml(text: str) -> dict[str, Any]:
    """A TOML file's tables; raises PlanError."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise FileError([not_toml(error)]) from None


@cache
def _defaults() -> Mapping[str, Any]:
    return toml((_FOLDER / f"{DEFAULTS}.toml").read_text(encoding="utf-8"))


def local_hour(at_ms: int, start: datetime) -> int:
    """The hour on a clock in the scenario's own zone."""
    return datetime.fromtimestamp(at_ms / 1000, tz=start.tzinfo).hour
