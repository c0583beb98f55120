"""The short form a human needs, made into a CAP alert, and back into values for templates. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alertd.cap import (
    AREA_CODE,
    COLOUR,
    RESPONSE_LEVEL,
    ROLE,
    ROLE_NAME,
    SOURCE_WARNING,
    TEMPLATE,
    TEXT_PARAMETER,
    UNIT_CODE,
    Alert,
    Area,
    Colour,
    Info,
    MsgType,
    NamedValue,
    Reference,
    ResponseLevel,
    Scope,
    Status,
    format_time,
    parse_time,
    require_own,
)
from alertd.cap.problems import refuse, refuse_validation
from alertd.errors import InvalidInputError
from alertd.messages.context import clean, in_language
from alertd.messages.params import check_params
from alertd.messages.render import render
from alertd.messages.template import Template

_SEVERAL_AREAS = 5  # as many are named in a text; the codes have them all
_RESTRICTION = "防汛防台责任人 / people responsible for flood and typhoon defence"


class ShortForm(BaseModel):
    """What an operator decides; everything else of a CAP alert follows from it.

    Attributes:
        template: A template's name without its colour, such as `typhoon`.
        colour: The warning signal's colour.
        areas: Area codes of the roster.
        response_level: The flood headquarters' level, which doesn't follow from the colour.
        roles: Whom to address in those areas; empty means everybody with a duty.
        status: Actual, Exercise or Test.
        params: Values for the template's own parameters, each one for all languages or by
            language.
        event: The event's name in place of the template's, in one language or by language.
        incident: Groups the alerts of one storm; CAP's `incidents`.
        expires: Until when it holds, as a CAP time; or `valid_min`, minutes from the issue; or
            neither: the template's own.
        languages: The CAP info blocks to write, in this order.
        source_warning: The id of the official warning that is cited; alertd never invents one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    template: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,60}$")]
    colour: Colour
    areas: Annotated[
        tuple[Annotated[str, Field(pattern=f"^{AREA_CODE.pattern}$")], ...],
        Field(min_length=1, max_length=1_500),
    ]
    response_level: ResponseLevel | None = None
    roles: Annotated[
        tuple[Annotated[str, Field(pattern=f"^{ROLE_NAME.pattern}$")], ...], Field(max_length=50)
    ] = ()
    status: Literal["Actual", "Exercise", "Test"]
    params: Annotated[
        dict[str, str | int | dict[Literal["zh-CN", "en"], str | int]], Field(max_length=20)
    ] = {}
    event: Annotated[str, Field(max_length=40)] | dict[Literal["zh-CN", "en"], str] | None = None
    incident: Annotated[str, Field(pattern=r"^[^\s\"]{1,100}$")] | None = None
    expires: str | None = None
    valid_min: Annotated[int, Field(ge=1, le=60 * 24 * 30)] | None = None
    languages: Annotated[tuple[Literal["zh-CN", "en"], ...], Field(min_length=1, max_length=2)] = (
        "zh-CN",
        "en",
    )
    source_warning: Annotated[str, Field(max_length=100)] | None = None

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Read the JSON shape.

        Raises:
            InvalidInputError: It isn't one; `field` says where.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise refuse_validation(error) from None

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape that `from_dict` reads."""
        return self.model_dump(mode="json", exclude_defaults=True)


def compose(
    short: ShortForm,
    template: Template,
    *,
    identifier: str,
    sender: str,
    sent_at: int,
    zone: tzinfo,
    sender_name: str = "",
    area_names: Mapping[str, str] | None = None,
    references: Sequence[Reference] = (),
) -> Alert:
    """The CAP alert that a short form stands for.

    Args:
        short: What the operator decided.
        template: The one that `short.template` and `short.colour` select.
        identifier: CAP identifier, given by the caller.
        sender: CAP sender.
        sent_at: When it is sent, in ms since the epoch; seconds are kept.
        zone: The city's time zone, in which CAP's times are written.
        sender_name: CAP senderName, for people to read.
        area_names: Names of area codes; a code without one stands for itself.
        references: The messages that this one follows; it is then an Update, or what the
            template says (all-clear and correction are Updates, cancel is a Cancel).

    Raises:
        InvalidInputError: A value is wrong, or what the template ends isn't named.
    """
    sent = format_time(sent_at, zone)
    try:
        alert = Alert(
            identifier=identifier,
            sender=sender,
            sent=sent,
            status=Status(short.status),
            msg_type=_msg_type(template, references),
            scope=Scope.RESTRICTED,
            restriction=_RESTRICTION,
            note="演练 / Exercise" if short.status == "Exercise" else None,
            references=tuple(references),
            incidents=short.incident,
            info=tuple(
                _info(
                    short,
                    template,
                    language,
                    params=check_params(template, short.params, language),
                    sent=sent,
                    expires=_expires(short, template, sent_at, zone),
                    sender_name=sender_name,
                    area_names=area_names or {},
                )
                for language in dict.fromkeys(short.languages)
            ),
        )
    except ValidationError as error:
        raise refuse_validation(error) from None
    return require_own(alert)


def _msg_type(template: Template, references: Sequence[Reference]) -> MsgType:
    return (
        MsgType.UPDATE if template.msg_type is MsgType.ALERT and references else template.msg_type
    )


def _expires(short: ShortForm, template: Template, sent_at: int, zone: tzinfo) -> str:
    if short.expires is None:
        minutes = template.valid_min if short.valid_min is None else short.valid_min
        return format_time(sent_at + minutes * 60_000, zone)
    if short.valid_min is not None:
        raise InvalidInputError("Give expires or valid_min, not both.", field="expires")
    try:
        parse_time(short.expires)
    except ValueError as error:
        raise refuse([("expires", str(error))]) from None
    return short.expires


def _info(
    short: ShortForm,
    template: Template,
    language: str,
    *,
    params: Mapping[str, str | int],
    sent: str,
    expires: str,
    sender_name: str,
    area_names: Mapping[str, str],
) -> Info:
    areas = _area_text([area_names.get(code, code) for code in short.areas], language)
    event = clean(str(in_language(short.event or template.event, language))) or template.name
    values = {
        **params,
        "event": event,
        "colour": short.colour.value,
        "level": short.response_level.value if short.response_level else "",
        "areas": areas,
        "source": short.source_warning,
    }
    texts = {
        channel: render(template, language, channel, values, status=short.status)
        for channel in ("headline", "description", "instruction")
        if channel in template.text["zh-CN"]
    }
    return Info(
        language=language,
        category=template.category,
        event=event,
        response_type=template.response_type,
        urgency=template.urgency,
        severity=short.colour.severity,
        certainty=template.certainty,
        effective=sent,
        expires=expires,
        sender_name=sender_name or None,
        headline=texts.get("headline"),
        description=texts.get("description"),
        instruction=texts.get("instruction"),
        parameter=tuple(_parameters(short, template, params)),
        area=(
            Area(
                area_desc=areas,
                geocode=tuple(NamedValue(value_name=UNIT_CODE, value=c) for c in short.areas),
            ),
        ),
    )


def _parameters(
    short: ShortForm, template: Template, params: Mapping[str, str | int]
) -> Iterator[NamedValue]:
    yield NamedValue(value_name=TEMPLATE, value=template.name)
    yield NamedValue(value_name=COLOUR, value=short.colour.value)
    if short.response_level:
        yield NamedValue(value_name=RESPONSE_LEVEL, value=short.response_level.value)
    if short.source_warning:
        yield NamedValue(value_name=SOURCE_WARNING, value=short.source_warning)
    for role in short.roles:
        yield NamedValue(value_name=ROLE, value=role)
    for name, value in params.items():
        yield NamedValue(value_name=f"{TEXT_PARAMETER}{name}", value=str(value))


def _area_text(names: Sequence[str], language: str) -> str:
    """The areas by name where they are few, else the first ones and how many they are."""
    separator = ", " if language == "en" else "、"
    shown = separator.join(clean(name) for name in names[:_SEVERAL_AREAS])
    if len(names) <= _SEVERAL_AREAS:
        return shown
    more = f" and others, {len(names)} areas" if language == "en" else f"等{len(names)}个区域"
    return shown + more
