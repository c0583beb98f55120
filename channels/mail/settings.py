"""A mail route's options, read; what is wrong is told by name and never by value."""

import ssl
from dataclasses import dataclass, field
from typing import Literal, cast

from alertd.i18n import N_
from channels import options
from channels.base import RouteConfig
from channels.mail.letter import is_address
from channels.tls import trust

Security = Literal["tls", "starttls", "none"]
_SMTP = frozenset({"host", "port", "security", "username", "password", "from", "secret", "ca_file"})
_IMAP = frozenset({"imap_host", "imap_port", "imap_security", "imap_username", "imap_password"})
_KNOWN = _SMTP | _IMAP | {"imap_folder", "poll_s"}
_PORTS = {"tls": 465, "starttls": 587, "none": 25}
_IMAP_PORTS = {"tls": 993, "starttls": 143, "none": 143}
_POLL_S = (0.1, 3600.0)
_USUAL_POLL_S = 15.0


@dataclass(frozen=True, slots=True)
class Server:
    """How to reach a mail server."""

    host: str
    port: int
    security: Security
    username: str | None = field(repr=False)
    password: str | None = field(repr=False)
    tls: ssl.SSLContext = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where answers come in."""

    server: Server
    folder: str
    poll_s: float


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The options' values."""

    smtp: Server
    sender: str
    secret: str = field(repr=False)
    mailbox: Mailbox | None  # None: no answers are read


def read_settings(config: RouteConfig) -> MailSettings:
    """Read them.

    Raises:
        NotConfiguredError: One is missing, unknown or wrong.
    """
    options.only(config, _KNOWN)
    sender = options.text(config, "from")
    if not is_address(sender):
        raise options.wrong(config, "from", "must be a plain mail address")
    tls = _tls(config)
    smtp = _server(config, "", _PORTS, tls)
    mailbox = None
    if config.options.get("imap_host") is not None:
        imap = _server(config, "imap_", _IMAP_PORTS, tls)
        if not imap.username or not imap.password:
            raise options.wrong(config, "imap_username", "is missing, as is one for sending")
        folder = options.text(config, "imap_folder", "INBOX")
        if not (folder.isascii() and folder.isprintable() and '"' not in folder):
            raise options.wrong(config, "imap_folder", "must be printable ASCII without quotes")
        mailbox = Mailbox(imap, folder, _poll_s(config))
    return MailSettings(smtp, sender, options.text(config, "secret"), mailbox)


def _server(config: RouteConfig, prefix: str, ports: dict[str, int], tls: ssl.SSLContext) -> Server:
    security = options.text(config, f"{prefix}security", "tls")
    if security not in ports:
        what = N_("must be one of: tls, starttls, none")
        raise options.wrong(config, f"{prefix}security", what)
    username = options.optional_text(config, f"{prefix}username")
    password = options.optional_text(config, f"{prefix}password")
    if prefix and username is None:
        username = options.optional_text(config, "username")
        password = password or options.optional_text(config, "password")
    if (username is None) != (password is None):
        raise options.wrong(config, f"{prefix}password", "and the user's name go together")
    return Server(
        host=options.header_text(config, f"{prefix}host"),
        port=options.whole(config, f"{prefix}port", ports[security], range(1, 65_536)),
        security=cast("Security", security),
        username=username,
        password=password,
        tls=tls,
    )


def _tls(config: RouteConfig) -> ssl.SSLContext:
    ca_file = options.optional_text(config, "ca_file")
    try:
        return trust() if ca_file is None else ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise options.wrong(config, "ca_file", "must be a file of PEM certificates") from None


def _poll_s(config: RouteConfig) -> float:
    value = config.options.get("poll_s", _USUAL_POLL_S)
    shortest, longest = _POLL_S
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise options.wrong(config, "poll_s", "must be a number of seconds")
    if not shortest <= value <= longest:
        raise options.wrong(config, "poll_s", f"must be from {shortest} to {longest}")
    return float(value)
