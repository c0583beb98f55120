"""The one file that a loudspeaker is set up with: its name, its login, and whom it trusts."""

import base64
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from alertd.i18n import N_
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.commands import is_terminal_id
from channels.loudspeaker.keys import read_public

_VERSION = 1
_AREA = re.compile(r"[0-9A-Za-z_-]{1,64}")
_NAMES = frozenset(
    {"v", "terminal", "areas", "broker", "keys", "ca", "audio", "heartbeat_s", "timezone"}
)
_MISSING: Final = N_("its {name} is missing or wrong")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """All that a terminal is told by hand. The file is a secret: it holds the login."""

    terminal: str
    broker: BrokerAddress = field(repr=False)
    keys: Mapping[str, bytes] = field(repr=False)  # public keys whose commands it obeys, by key id
    areas: tuple[str, ...] = ()  # codes of the areas whose commands it obeys too
    ca: str = field(default="", repr=False)  # PEM, for mqtts and https; "": the system's
    audio: str = ""  # the URL under which alertd has sounds; "": none is fetched ahead
    heartbeat_s: float = 60.0
    timezone: str = ""  # of the hours that are quieter; "": the box's own

    def to_json(self) -> str:
        """The file's content."""
        document = {
            "v": _VERSION,
            "terminal": self.terminal,
            "areas": list(self.areas),
            "broker": self.broker.url,
            "keys": [base64.b64encode(public).decode("ascii") for public in self.keys.values()],
            "ca": self.ca,
            "audio": self.audio,
            "heartbeat_s": self.heartbeat_s,
            "timezone": self.timezone,
        }
        return json.dumps(document, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """What `to_json` wrote.

        Raises:
            ValueError: Something in it is missing or wrong; told by name and never by value.
        """
        try:
            document = json.loads(text)
        except ValueError:
            raise ValueError(N_("it isn't JSON")) from None
        if not isinstance(document, dict) or document.get("v") != _VERSION:
            raise ValueError(N_("it isn't a bundle that this version can read"))
        if unknown := sorted(set(document) - _NAMES):
            raise ValueError(N_("its {name} isn't known").format(name=unknown[0]))
        return cls(
            terminal=_text(document, "terminal", is_terminal_id),
            broker=_broker(document),
            keys=_keys(document),
            areas=tuple(_areas(document)),
            ca=_text(document, "ca", _is_pem),
            audio=_text(document, "audio", _is_web),
            heartbeat_s=_seconds(document),
            timezone=_text(document, "timezone", lambda _: True),
        )

    def tls(self) -> ssl.SSLContext | None:
        """What the broker's certificate is judged by; None: by the system's authorities."""
        return ssl.create_default_context(cadata=self.ca) if self.ca else None


def _text(document: Mapping[str, Any], name: str, fits: Any) -> str:
    value = document.get(name, "")
    if not isinstance(value, str) or not fits(value):
        raise ValueError(_MISSING.format(name=name))
    return value


def _broker(document: Mapping[str, Any]) -> BrokerAddress:
    try:
        return BrokerAddress.from_url(_text(document, "broker", bool))
    except ValueError:
        raise ValueError(_MISSING.format(name="broker")) from None


def _keys(document: Mapping[str, Any]) -> dict[str, bytes]:
    given = document.get("keys")
    try:
        keys = dict(read_public(text) for text in given)  # type: ignore[union-attr]
    except (TypeError, AttributeError, ValueError):
        keys = {}
    if not keys:
        raise ValueError(_MISSING.format(name="keys"))
    return keys


def _areas(document: Mapping[str, Any]) -> list[str]:
    areas = document.get("areas", [])
    if not isinstance(areas, list) or not all(
        isinstance(code, str) and _AREA.fullmatch(code) for code in areas
    ):
        raise ValueError(_MISSING.format(name="areas"))
    return areas


def _seconds(document: Mapping[str, Any]) -> float:
    value = document.get("heartbeat_s", 60.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 3600:  # noqa: PLR2004 - an hour
        raise ValueError(N_("heartbeat_s must be from 1 to 3600"))
    return float(value)


def _is_pem(text: str) -> bool:
    return text == "" or "-----BEGIN CERTIFICATE-----" in text


def _is_web(text: str) -> bool:
    return text == "" or text.startswith(("http://", "https://"))
