"""Where a broker is and how to log in there, as one value and as one URL."""

import hmac
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit

from alertd.errors import AlertdError

_PORTS = {"mqtt": 1883, "mqtts": 8883}


class Keeper(Protocol):
    """Who runs a broker, in this very process."""

    trouble: AlertdError | None  # why it doesn't come up; None where it did

    def vouch(self) -> None:
        """Raises OSError where whoever was connected to just now, at its address, may be another.

        Called from any thread.
        """


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A broker; the password stays out of any repr, the URL is a secret as a whole.

    One that we run ourselves has its `keeper`, who is asked before a word is said there.
    """

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    keeper: Keeper | None = field(default=None, repr=False, compare=False)

    @property
    def url(self) -> str:
        """`mqtt://user:password@host:port`, or `mqtts://` over TLS."""
        login = ""
        if self.username is not None:
            login = quote(self.username, safe="")
            if self.password is not None:
                login += ":" + quote(self.password, safe="")
            login += "@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{login}{host}:{self.port}"

    def session(self, terminal: str) -> str:
        """The name of a loudspeaker's session at the broker, its MQTT client id.

        Whoever is let in takes any session whose name it knows, with all that waits in it, and
        keeps its owner out. This one only who has the password can tell.
        """
        if self.password is None:
            return f"terminal-{terminal}"
        proof = hmac.digest(self.password.encode(), f"session {terminal}".encode(), "sha256")
        return f"terminal-{proof.hex()[:14]}"  # 23 characters are what every broker takes

    @classmethod
    def from_url(cls, url: str) -> "BrokerAddress":
        """Read such a URL; the port is 1883, or 8883 over TLS, where none is given.

        Raises:
            ValueError: It isn't one; the text doesn't hold the URL.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError("not a URL") from None
        if parts.scheme not in _PORTS or not host:
            raise ValueError("not an mqtt:// or mqtts:// URL")
        if port == 0 or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("more or less than a host and a port")
        return cls(
            host=host,
            port=port or _PORTS[parts.scheme],
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            tls=parts.scheme == "mqtts",
        )
