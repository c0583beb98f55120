"""CAP 1.2 messages as frozen values, in the order of the schema's own sequence.

Attributes are the CAP names in snake case (`msg_type` for `msgType`); JSON and XML use CAP's. An
issued alert is never edited: what follows it is a new one that names it in `references`.
"""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from alertd.cap.fields import (
    AbsentIfBlank,
    AbsentIfEmpty,
    AnyValue,
    Blob,
    Circle,
    Feet,
    Language,
    Line,
    Polygon,
    Reference,
    References,
    Size,
    Text,
    Time,
    Token,
    Uri,
    Web,
    parse_time,
)
from alertd.cap.vocabulary import (
    Category,
    Certainty,
    MsgType,
    ResponseType,
    Scope,
    Severity,
    Status,
    Urgency,
)
from alertd.i18n import N_


class _Value(BaseModel):
    """What all CAP values share: frozen, nothing unknown, CAP's names outside."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )


def _misses(field: str, reason: str) -> PydanticCustomError:
    """A rule between fields was broken; `field` is where to mend it."""
    return PydanticCustomError("cap", "{reason}", {"reason": reason, "field": field})


class NamedValue(_Value):
    """A `valueName` and its `value`: an event code, a parameter or a geocode."""

    value_name: Line
    value: AnyValue


class Resource(_Value):
    """A file that goes with an alert."""

    resource_desc: Text
    mime_type: Line
    size: Annotated[Size, Field(ge=0, le=10**12)] | None = None
    uri: Annotated[Uri | None, AbsentIfBlank] = None
    deref_uri: Annotated[Blob | None, AbsentIfBlank] = None
    digest: Annotated[Line | None, AbsentIfBlank] = None


class Area(_Value):
    """Where; altitudes are in feet above mean sea level, as CAP has them."""

    area_desc: Text
    polygon: Annotated[tuple[Polygon, ...], Field(max_length=100)] = ()
    circle: Annotated[tuple[Circle, ...], Field(max_length=100)] = ()
    geocode: Annotated[tuple[NamedValue, ...], Field(max_length=3_000)] = ()
    altitude: Feet | None = None
    ceiling: Feet | None = None

    @model_validator(mode="after")
    def _ceiling_has_altitude(self) -> Self:
        if self.ceiling is not None and self.altitude is None:
            raise _misses("altitude", N_("is missing; a ceiling needs it"))
        return self


class Info(_Value):
    """What an alert says, in one language."""

    language: Annotated[Language | None, AbsentIfEmpty] = None
    category: Annotated[tuple[Category, ...], Field(min_length=1, max_length=20)]
    event: Line
    response_type: Annotated[tuple[ResponseType, ...], Field(max_length=20)] = ()
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    audience: Annotated[Text | None, AbsentIfBlank] = None
    event_code: Annotated[tuple[NamedValue, ...], Field(max_length=100)] = ()
    effective: Time | None = None
    onset: Time | None = None
    expires: Time | None = None
    sender_name: Annotated[Line | None, AbsentIfBlank] = None
    headline: Annotated[Line | None, AbsentIfBlank] = None
    description: Annotated[Text | None, AbsentIfBlank] = None
    instruction: Annotated[Text | None, AbsentIfBlank] = None
    web: Annotated[Web | None, AbsentIfBlank] = None
    contact: Annotated[Text | None, AbsentIfBlank] = None
    parameter: Annotated[tuple[NamedValue, ...], Field(max_length=200)] = ()
    resource: Annotated[tuple[Resource, ...], Field(max_length=20)] = ()
    area: Annotated[tuple[Area, ...], Field(max_length=500)] = ()

    def parameters(self, name: str) -> tuple[str, ...]:
        """The values of the parameter `name`, in order; empty where there are none."""
        return tuple(pair.value for pair in self.parameter if pair.value_name == name)


class Alert(_Value):
    """A CAP 1.2 message."""

    identifier: Token
    sender: Token
    sent: Time
    status: Status
    msg_type: MsgType
    source: Annotated[Line | None, AbsentIfBlank] = None
    scope: Scope
    restriction: Annotated[Text | None, AbsentIfBlank] = None
    addresses: Annotated[Text | None, AbsentIfBlank] = None
    code: Annotated[tuple[AnyValue, ...], Field(max_length=100)] = ()
    note: Annotated[Text | None, AbsentIfBlank] = None
    references: References = ()
    incidents: Annotated[Text | None, AbsentIfBlank] = None
    info: Annotated[tuple[Info, ...], Field(max_length=50)] = ()

    @property
    def identity(self) -> Reference:
        """What makes two messages the same one, and what a reference to this one says."""
        return Reference(self.sender, self.identifier, self.sent)

    @property
    def sent_at(self) -> int:
        """When it was sent, in ms since the epoch."""
        return parse_time(self.sent)

    @property
    def expires_at(self) -> int | None:
        """The last `expires` of its info blocks in ms, or None where one of them has none."""
        if not self.info or any(info.expires is None for info in self.info):
            return None
        return max(parse_time(info.expires) for info in self.info if info.expires)

    @model_validator(mode="after")
    def _conditions(self) -> Self:
        if self.scope is Scope.RESTRICTED and self.restriction is None:
            raise _misses("restriction", N_("is missing; the scope Restricted needs it"))
        if self.scope is Scope.PRIVATE and self.addresses is None:
            raise _misses("addresses", N_("is missing; the scope Private needs it"))
        if self.msg_type is not MsgType.ALERT and not self.references:
            raise _misses(
                "references",
                N_("is missing; msgType {msg_type} needs it").format(msg_type=self.msg_type),
            )
        if self.identity in self.references:
            raise _misses("references", N_("must not name the message itself"))
        return self
