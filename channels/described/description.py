"""What a gateway's description may hold, and how it is read: strictly, each fault by its field.

Shape and meaning of every field are explained in docs/channels/http.md.
"""

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alertd.errors import NotConfiguredError
from alertd.i18n import N_
from channels import options
from channels.base import Fault, ReceiptStatus, RouteConfig
from channels.described.digests import DigestName

_SHIPPED: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MAX_BYTES: Final = 64 * 1024
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Option(_Table):
    """An option that the route must or may set; without a default it must."""

    default: str | None = None
    about: str = ""


class Computed(_Table):
    """A value made of others before the request is, such as a password's MD5."""

    name: Name
    digest: DigestName
    of: str
    secret: str = ""


class Signing(_Table):
    """How the finished request is signed; `key` and `secret` name options."""

    algorithm: Literal[
        "none", "basic", "bearer", "aliyun-rpc", "acs3-hmac-sha256", "tc3-hmac-sha256", "digest"
    ] = "none"
    key: str = ""
    secret: str = ""
    service: str = ""  # tc3
    header: str = ""  # digest: which header carries it
    digest: DigestName = "hmac-sha256-hex"
    of: str = ""


class Request(_Table):
    """One call."""

    method: Literal["GET", "POST"] = "POST"
    path: Annotated[str, Field(pattern=r"^/[\w/.~-]*$")] = "/"
    body: Literal["json", "form", "query"] = "json"
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    headers: dict[str, str] = {}
    fields: dict[str, Any] = {}


class Answer(_Table):
    """Where in an answer what stands, and what its codes mean."""

    format: Literal["json", "text"] = "json"
    pattern: str = ""  # of a text answer: a regular expression with named groups
    code: tuple[str, ...]  # paths; the first that is there counts
    ok: tuple[str, ...]
    reference: str = ""
    echo: str = ""  # where our own number comes back
    faults: dict[str, Fault] = {}
    default: Fault = Fault.UNKNOWN
    prefix: str = ""  # before the gateway's code in our own


class Verify(_Table):
    """How a call of the gateway's is known to be its own."""

    given: Annotated[str, Field(pattern=r"^(query|header|field):[\w.-]+$")]
    of: str
    digest: DigestName = "plain"
    secret: str = ""


class ReceiptItem(_Table):
    """Where a receipt's parts stand in an item."""

    ours: str
    status: str
    statuses: dict[str, ReceiptStatus]
    reference: str = ""
    code: str = ""
    faults: dict[str, Fault] = {}
    default: Fault = Fault.REFUSED
    part: str = ""  # which part of a long message it is of, from 1, where each is reported
    parts: str = ""  # how many it has
    heard: str = ""  # seconds of a call
    at: tuple[str, ...] = ()  # paths; the first that is there counts


class ReplyItem(_Table):
    """Where a reply's parts stand in an item."""

    id: tuple[str, ...]
    sender: str
    text: str
    country: str = ""
    keys: bool = False  # the text is what was pressed on the telephone
    extension: str = ""
    at: tuple[str, ...] = ()


class Inbound(_Table):
    """One hook."""

    verify: Verify
    method: Literal["GET", "POST"] = "POST"
    body: Literal["json", "form", "query"] = "json"
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    items: str = ""
    time: str = "ms"  # ms, s, or a strptime format
    zone: Annotated[str, Field(pattern=r"^[+-]\d{4}$")] = "+0800"
    receipt: ReceiptItem | None = None
    reply: ReplyItem | None = None
    answer: str = ""
    answer_type: str = "application/json"


class Description(_Table):
    """One gateway."""

    title: str
    documentation: tuple[str, ...] = ()
    channel: Literal["sms", "voice"]
    url: str
    apart_s: Annotated[float, Field(ge=0, le=3600)] = 0.0  # between two requests for one number
    options: dict[Name, Option] = {}
    computed: tuple[Computed, ...] = ()
    request: Request
    signing: Signing = Signing()
    answer: Answer
    health: Request | None = None
    hooks: dict[Annotated[str, Field(pattern=r"^[a-z]+$")], Inbound] = {}


def load(config: RouteConfig) -> Description:
    """The description that the route's option `gateway` names.

    Raises:
        NotConfiguredError: There is none, or it isn't one; the field at fault is named.
    """
    named = options.text(config, "gateway")
    try:
        return Description.model_validate(_table(config, named))
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in detail["loc"])
        raise fault(config, place, _reason(detail["type"], detail["msg"])) from None


def fault(config: RouteConfig, place: str, reason: str) -> NotConfiguredError:
    """The error that says what is the matter with `place` in the description; raise it."""
    gateway = Path(options.text(config, "gateway")).name
    return NotConfiguredError(
        f"The gateway description {gateway}: {place} {reason}.",
        field=f"routes.{config.name}.gateway",
        hint="docs/channels/http.md explains every field.",
    )


def _table(config: RouteConfig, named: str) -> dict[str, Any]:
    if named.endswith(".toml"):
        try:
            data = Path(named).read_bytes()
        except OSError:
            raise options.wrong(config, "gateway", "names a file that can't be read") from None
    else:
        shipped = resources.files("config") / "gateways" / f"{named}.toml"
        if not _SHIPPED.fullmatch(named) or not shipped.is_file():
            known = ", ".join(sorted(shipped_names()))
            raise options.wrong(config, "gateway", f"names none of the shipped ones: {known}")
        data = shipped.read_bytes()
    if len(data) > _MAX_BYTES:
        raise options.wrong(config, "gateway", "names a file that is too large")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except ValueError:  # TOML, and UTF-8
        raise options.wrong(config, "gateway", "names a file that isn't TOML") from None


def shipped_names() -> set[str]:
    """The descriptions that come with alertd."""
    files = (resources.files("config") / "gateways").iterdir()
    return {file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")}


_REASONS: Final = {
    "missing": N_("is missing"),
    "extra_forbidden": N_("is unknown"),
    "string_type": N_("must be text"),
    "bool_type": N_("must be true or false"),
    "bool_parsing": N_("must be true or false"),
    "tuple_type": N_("must be a list"),
    "dict_type": N_("must be a table"),
    "model_type": N_("must be a table"),
}


def _reason(kind: str, said: str) -> str:
    known = _REASONS.get(kind)
    if known:
        return known
    return N_("isn't right: {reason}").format(reason=f"{said[:1].lower()}{said[1:]}")
