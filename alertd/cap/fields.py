"""The scalar types of CAP fields: what one value must look like, apart from its neighbours.

Bounds are this project's: the whole document is at most 256 KiB (`MAX_BYTES`), and no field needs
the room that is refused here.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any, Final, NamedTuple

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, Strict, StringConstraints
from pydantic_core import PydanticCustomError

from alertd.i18n import N_

MAX_BYTES: Final = 256 * 1024
MAX_REFERENCES: Final = 100

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}")
_TOKEN_FORBIDDEN = re.compile(r"[\s,<&]")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_URI_TEXT = r"(?:[A-Za-z0-9._~/?:@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_WEB = re.compile(
    rf"https?://[A-Za-z0-9._-]+(?::[0-9]{{1,5}})?(?:[/?]{_URI_TEXT}*)?(?:#{_URI_TEXT}*)?"
)
_NAME = re.compile(r"[A-Za-z0-9._~-]{1,200}")
_NUMBER = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,12})?")
_WHITE = " \t\r\n"  # XML's own white space; str.strip() alone would take more
_MAX_OFFSET = timedelta(hours=14)  # xs:dateTime's bound
_MIN_CORNERS = 4
_MAX_LATITUDE, _MAX_LONGITUDE, _MAX_RADIUS_KM = 90.0, 180.0, 20_100.0


def bad(reason: str) -> PydanticCustomError:
    """A validation error whose whole text is `reason`, a clause such as "must be …"."""
    return PydanticCustomError("cap", "{reason}", {"reason": reason})


def _clean(text: str) -> str:
    """Refuse what XML 1.0 can't carry or a gateway can't take, and name it."""
    for char in text:
        category = unicodedata.category(char)
        if category == "Cs":
            raise bad(N_("must not hold half a surrogate pair"))
        if category == "Cc" and char not in "\t\n\r":
            raise bad(
                N_("must not hold the control character {char}").format(char=f"U+{ord(char):04X}")
            )
        if char in "\ufffe\uffff":
            raise bad(N_("must not hold a Unicode non-character"))
    return text


def _filled(text: str) -> str:
    if not text.strip():
        raise bad(N_("must not be empty"))
    return text


def _blank_is_absent(value: Any) -> Any:
    """A blank optional element says as much as none at all."""
    return None if isinstance(value, str) and not value.strip() else value


def _token(text: str) -> str:
    if _TOKEN_FORBIDDEN.search(text):
        raise bad(N_("must not hold white space, a comma, < or &"))
    return text


def _trimmed(value: Any) -> Any:
    """XML Schema collapses white space around times, languages, URIs and numbers."""
    return value.strip(_WHITE) if isinstance(value, str) else value


def parse_time(text: str) -> int:
    """Milliseconds since the epoch of a CAP time.

    Raises:
        ValueError: It isn't `YYYY-MM-DDThh:mm:ss±hh:mm` or not a real time; the text says why.
    """
    if not _TIME.fullmatch(text):
        raise ValueError(
            N_(
                "must be a time such as 2026-07-01T08:00:00+08:00, with a numeric offset,"
                " without a fraction and without Z"
            )
        )
    if text[20:22] > "14" or text[23:25] > "59" or (text[20:22] == "14" and text[23:25] != "00"):
        raise ValueError(N_("must have an offset of at most 14 hours"))
    try:
        moment = datetime.fromisoformat(text)
        return int((moment - _EPOCH).total_seconds()) * 1000
    except (ValueError, OverflowError):
        raise ValueError(N_("must be a time that exists")) from None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_time(at_ms: int, zone: tzinfo) -> str:
    """A CAP time in `zone`; what is below a second is cut off, since CAP has no fraction."""
    moment = datetime.fromtimestamp(at_ms // 1000, tz=zone)
    offset = moment.utcoffset() or timedelta()
    if abs(offset) > _MAX_OFFSET or offset.total_seconds() % 60:
        raise ValueError("CAP takes offsets of whole minutes, at most 14 hours")
    return moment.isoformat(timespec="seconds")


def _time(text: str) -> str:
    try:
        parse_time(text)
    except ValueError as error:
        raise bad(str(error)) from None
    return text


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise bad(N_("must be a language tag such as zh-CN"))
    return text


def _web(text: str) -> str:
    if not _WEB.fullmatch(text):
        raise bad(N_("must be an http:// or https:// address, percent-encoded"))
    return text


def _uri(text: str) -> str:
    if not (_WEB.fullmatch(text) or _NAME.fullmatch(text)):
        raise bad(N_("must be an http:// or https:// address, or a file's name"))
    return text


class Reference(NamedTuple):
    """An earlier message: CAP's identity of it."""

    sender: str
    identifier: str
    sent: str

    def __str__(self) -> str:
        return ",".join(self)


def _references(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    triples = value.split()
    if len(triples) > MAX_REFERENCES:
        raise bad(N_("must name at most {count} messages").format(count=MAX_REFERENCES))
    return tuple(_reference(triple) for triple in triples)


def _reference(text: str) -> Reference:
    parts = text.split(",")
    if len(parts) != len(Reference._fields) or not all(parts):
        raise bad(N_("must be sender,identifier,sent triples separated by spaces"))
    return Reference(*parts)


def _known_parts(references: tuple[Reference, ...]) -> tuple[Reference, ...]:
    for reference in references:
        _token(_clean(_filled(reference.sender)) + _clean(_filled(reference.identifier)))
        _time(reference.sent)
    return references


def _point(text: str) -> tuple[float, float]:
    parts = text.split(",")
    if len(parts) != 2 or not all(_NUMBER.fullmatch(part) for part in parts):  # noqa: PLR2004 - a pair
        raise bad(N_("must be made of latitude,longitude pairs in degrees"))
    latitude, longitude = float(parts[0]), float(parts[1])
    if abs(latitude) > _MAX_LATITUDE or abs(longitude) > _MAX_LONGITUDE:
        raise bad(N_("must be within 90 degrees of latitude and 180 of longitude"))
    return latitude, longitude


def _polygon(text: str) -> str:
    points = [_point(pair) for pair in text.split()]
    if len(points) < _MIN_CORNERS or points[0] != points[-1]:
        raise bad(N_("must have at least four points, the last the same as the first"))
    return text


def _circle(text: str) -> str:
    centre, _, radius = text.partition(" ")
    _point(centre)
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,6})?", radius) or float(radius) > _MAX_RADIUS_KM:
        raise bad(N_("must be latitude,longitude, a space, and a radius in km"))
    return text


def _number(value: Any) -> Any:
    """xs:decimal and xs:integer as text; JSON brings numbers."""
    if not isinstance(value, str):
        return value
    text = value.strip(_WHITE)
    if not re.fullmatch(r"[+-]?([0-9]{1,15}(\.[0-9]{0,9})?|\.[0-9]{1,9})", text):
        raise bad(N_("must be a plain decimal number"))
    return float(text) if "." in text else int(text)


def _altitude(value: float) -> float:
    if abs(value) > _MAX_ALTITUDE_FT:
        raise bad(N_("must be a height in feet"))
    return round(value, 3) + 0.0  # + 0.0 makes -0.0 a plain zero


_MAX_ALTITUDE_FT = 1_000_000.0

_Clean = AfterValidator(_clean)
Text = Annotated[str, StringConstraints(max_length=20_000), _Clean, AfterValidator(_filled)]
Line = Annotated[str, StringConstraints(max_length=1_000), _Clean, AfterValidator(_filled)]
Token = Annotated[
    str, StringConstraints(max_length=200), _Clean, AfterValidator(_filled), AfterValidator(_token)
]
Blob = Annotated[str, StringConstraints(max_length=MAX_BYTES), _Clean]
AnyValue = Annotated[str, StringConstraints(max_length=20_000), _Clean]
Time = Annotated[str, BeforeValidator(_trimmed), AfterValidator(_time)]
Language = Annotated[str, BeforeValidator(_trimmed), AfterValidator(_language)]
Web = Annotated[
    str, BeforeValidator(_trimmed), StringConstraints(max_length=2_000), AfterValidator(_web)
]
Uri = Annotated[
    str, BeforeValidator(_trimmed), StringConstraints(max_length=2_000), AfterValidator(_uri)
]
Polygon = Annotated[str, StringConstraints(max_length=50_000), _Clean, AfterValidator(_polygon)]
Circle = Annotated[str, StringConstraints(max_length=100), _Clean, AfterValidator(_circle)]
Size = Annotated[int, BeforeValidator(_number), Strict()]
Feet = Annotated[float, BeforeValidator(_number), Strict(), AfterValidator(_altitude)]
References = Annotated[
    tuple[Reference, ...],
    BeforeValidator(_references),
    AfterValidator(_known_parts),
    PlainSerializer(lambda references: " ".join(map(str, references)), return_type=str),
]
AbsentIfBlank = BeforeValidator(_blank_is_absent)
AbsentIfEmpty = BeforeValidator(lambda value: None if value == "" else value)
