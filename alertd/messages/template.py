"""A message template as a value: what the texts are, what they need, and what CAP says of them.

An alert keeps the templates it went out with (`to_dict`), so that a later edit of the files never
changes what an issued alert, its reminders or its correction say.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from alertd.cap import Category, Certainty, Colour, MsgType, ResponseType, Urgency
from alertd.cap.problems import reason_of
from alertd.errors import InvalidInputError
from alertd.i18n import LANGUAGES, N_
from alertd.messages.context import NAMES
from alertd.messages.source import names_in

Channel = Literal["sms", "chat", "loudspeaker", "voice", "headline", "description", "instruction"]
CHANNELS: Final = ("sms", "chat", "loudspeaker", "voice")  # ways out; the others are CAP's fields
Kind = Literal[
    "alert",  # an operator issues it
    "reminder",
    "takeover",
    "digest",
    "help",
    "confirmation",
    "group_reminder",
    "voice_call",  # spoken, to a phone whose owner hasn't answered
    "paused",  # to the duty desk: nobody let it go on
    "notice",  # the system tells that an alert ended by itself, or of a drill
]
Language = Literal["zh-CN", "en"]
ByLanguage = dict[Language, Annotated[str, Field(max_length=200)]]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Param(_Value):
    """A value that an operator fills in; `max` bounds a text's length or a number."""

    type: Literal["text", "int"] = "text"
    required: bool = False
    max: int = Field(default=40, ge=1, le=1_000_000)
    label: ByLanguage
    example: str | int


class Template(_Value):
    """One message in all its languages and channels."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,60}$")]
    kind: Kind
    title: ByLanguage = {}  # how the console and the CLI call it
    colour: Colour | None = None  # set where the file has a variant for each colour
    statuses: tuple[Literal["Actual", "Exercise", "Test"], ...] = ("Actual", "Exercise", "Test")
    answer: bool = False  # whether the people told are asked for an answer
    msg_type: MsgType = MsgType.ALERT
    event: ByLanguage = {}
    category: tuple[Category, ...] = (Category.SAFETY,)
    response_type: tuple[ResponseType, ...] = ()
    urgency: Urgency = Urgency.EXPECTED
    certainty: Certainty = Certainty.LIKELY
    valid_min: int = Field(default=720, ge=1, le=60 * 24 * 30)  # where no end is given
    params: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")], Param] = {}
    text: dict[Language, dict[Channel, str]]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if set(self.text) != set(LANGUAGES):
            raise ValueError(N_("text must be given in every language"))
        first, *others = self.text.values()
        if any(set(other) != set(first) for other in others):
            raise ValueError(N_("text must have the same channels in every language"))
        if self.params.keys() & NAMES:
            raise ValueError(N_("params must not have a name that the system uses"))
        for language, by_channel in self.text.items():
            for channel, source in by_channel.items():
                self._check_source(f"text.{language}.{channel}", source)
        return self

    def _check_source(self, path: str, source: str) -> None:
        try:
            unknown = names_in(source) - NAMES - self.params.keys()
        except ValueError as error:
            raise ValueError(f"{path} {error}") from None
        if unknown:
            reason = N_("names unknown values: {names}").format(names=", ".join(sorted(unknown)))
            raise ValueError(f"{path} {reason}")
        if "【" in source or "】" in source:
            reason = N_("must not hold 【】: signature and marks are added to it")
            raise ValueError(f"{path} {reason}")

    @property
    def channels(self) -> tuple[str, ...]:
        """The ways out that it has a text for."""
        return tuple(name for name in CHANNELS if name in self.text["zh-CN"])

    @property
    def tells_apart(self) -> bool:
        """Whether its SMS says whom it is for, where several people share a telephone."""
        texts = [by_channel["sms"] for by_channel in self.text.values() if "sms" in by_channel]
        return all("people" in names_in(text) for text in texts)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able copy, to be frozen on an alert."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote, or a template file's variant.

        Raises:
            InvalidInputError: It isn't a template; the message says which part and why.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            name, reason = str(data.get("name", "?")), _first_reason(error)
            raise InvalidInputError(
                f"The message template {name} is wrong: {reason}.", field="template"
            ) from None


def _first_reason(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    path = ".".join(str(part) for part in detail["loc"])
    reason = reason_of(detail)
    return f"{path} {reason}" if path else reason
