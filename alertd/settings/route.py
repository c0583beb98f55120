"""One `[routes.NAME]` table: a concrete gateway, as written down."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from alertd.i18n import N_

# What a paste brings along around a value, and nobody sees: spaces of any width, ends of lines, a
# byte order mark, joiners.
_AROUND: Final = re.compile(r"\A[\s\ufeff\u200b-\u200f\u2060]+|[\s\ufeff\u200b-\u200f\u2060]+\Z")
_SECRET: Final = re.compile(r"secret|token|password|passwd|credential|(^|_)key($|_)|_pin$")


def no_truth(value: Any) -> Any:
    """Refuse true and false where a number is asked for; Python would take them for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(N_("must be a number"))  # noqa: TRY004 - pydantic takes ValueError
    return value


def bare(text: str) -> str:
    """A text without the spaces and invisible signs around it."""
    return _AROUND.sub("", text)


class RouteSettings(BaseModel):
    """A route's settings; what the engine doesn't know is an option of its type.

    Attributes:
        type: Which kind of gateway: handsets, twilio, mqtt, webhook.
        carries: The CAP statuses it may carry; a real gateway carries drills only where said so.
        simulated: It reaches nobody real.
        in_flight: How many messages may be under way at once.
        rate_per_s: Messages per second; a SIM carries 10 to 30 a minute.
        burst: How many may go at once after a pause; not right after a start.
        timeout_s: After so long without an answer nobody knows whether a message went.
        shares: Into how many parts several workers may divide these limits among them; 1: one
            worker at a time has the whole route.
        numbers: Beginnings of the phones that it reaches, as "+86"; empty: all.
        parts_per_min: How many parts of SMS it carries in a minute, where that is what bounds it;
            for the forecast. A SIM carries 10 to 15.
        parts_per_day: How many parts of SMS it may carry in a day. Past it, drills and tests fail
            rather than wait for another day; an Actual goes by another route, or by this where
            there is none.
        cost_per_part: What a part costs, in the office's currency.
        cost_per_day: How much it may cost in a day; as parts_per_day.
        same_text_per_number_per_day: How often its gateway takes one text for one number in a day.
            Past it the text goes by another route; where there is none it fails, and the ladder
            climbs. Calls for help are always tried.
        rank: Which routes of a channel are preferred: those with the lowest. One with a higher
            rank takes what they can't: where they aren't there, or what has waited for 20 s.
        options: The type's own, without spaces and invisible signs around them; those with a
            secret's name are kept as secrets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
    carries: Annotated[
        tuple[Literal["Actual", "Exercise", "Test"], ...], Field(min_length=1, max_length=3)
    ] = ("Actual", "Exercise", "Test")
    simulated: bool = False
    in_flight: Annotated[int, Field(ge=1, le=100_000)] = 50
    rate_per_s: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] = 50.0
    burst: Annotated[int, Field(ge=1, le=100_000)] = 50
    timeout_s: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)] = 15.0
    shares: Annotated[int, Field(ge=1, le=64)] = 8
    numbers: Annotated[
        tuple[Annotated[str, Field(pattern=r"^\+[0-9]{1,14}$")], ...], Field(max_length=100)
    ] = ()
    parts_per_min: Annotated[float | None, Field(gt=0, le=1_000_000, allow_inf_nan=False)] = None
    parts_per_day: Annotated[int | None, Field(ge=0, le=10**12)] = None
    cost_per_part: Annotated[float, Field(ge=0, le=10**6, allow_inf_nan=False)] = 0.0
    cost_per_day: Annotated[float | None, Field(ge=0, le=10**12, allow_inf_nan=False)] = None
    same_text_per_number_per_day: Annotated[int | None, Field(ge=1, le=10_000)] = None
    rank: Annotated[int, Field(ge=1, le=99)] = 1
    options: Annotated[dict[str, Any], Field(repr=False)] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather_options(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        known = {name: value for name, value in data.items() if name in cls.model_fields}
        others = {name: value for name, value in data.items() if name not in cls.model_fields}
        given = known.pop("options", {})
        if not isinstance(given, Mapping):
            raise ValueError(N_("options must be a table"))  # noqa: TRY004 - pydantic takes ValueError
        return {**known, "options": {**given, **others}}

    _numbers = field_validator(
        *("in_flight", "rate_per_s", "burst", "timeout_s", "shares", "rank", "parts_per_min"),
        *("parts_per_day", "cost_per_part", "cost_per_day", "same_text_per_number_per_day"),
        mode="before",
    )(no_truth)

    @model_validator(mode="after")
    def _hide_secrets(self) -> Self:
        for name, value in self.options.items():
            if isinstance(value, str):
                text = bare(value)
                self.options[name] = SecretStr(text) if _SECRET.search(name.lower()) else text
        return self

    def plain_options(self) -> dict[str, Any]:
        """The options with their secrets readable: for the gateway, never for a log."""
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in self.options.items()
        }
