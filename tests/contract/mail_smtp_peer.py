"""A real SMTP server, aiosmtpd's, that takes mail or does what it is told instead."""

import asyncio
import logging
import re
import ssl
import warnings
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

# The peer's own log holds addresses; alertd's is what a test looks at.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)

# Which command answers what.
AT_MAIL = {"too-many": "421 4.7.0 too many connections"}
AT_RCPT = {
    "greylisted": "451 4.7.1 come back later",
    "mailbox-full": "452 4.2.2 the mailbox is full",
    "no-such-mailbox": "550 5.1.1 no such user",
    "closed-mailbox": "550 5.2.1 the mailbox is closed",
    "unknown-user": "550 no such user here",
    "relay-denied": "554 5.7.1 relay access denied",
}
AT_END = {
    "congested": "451 4.4.5 try again",
    "out-of-space": "452 4.3.1 insufficient system storage",
    "content-refused": "554 5.7.1 message refused",
}
AFTER_ALL = {"garbage": "what?", "nonsense-code": "999 hello"}


class SmtpPeer:
    """Listens; `taken` is what it took responsibility for, in order."""

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, implicit: bool = False, login: str | None = None
    ) -> None:
        self.taken: list[EmailMessage] = []
        self.logins: list[tuple[str, str]] = []
        self.secured: list[bool] = []
        self.trouble: str | None = None
        self.held: set[str] = set()
        self.port = 0
        self._tls = tls
        self._implicit = implicit
        self._login = login
        self._released = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: set[SMTP] = set()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        outer = self._tls if self._implicit else None
        self._server = await loop.create_server(self._protocol(), "127.0.0.1", self.port, ssl=outer)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            self.release()
            for connection in list(self._open):
                if connection.transport is not None:
                    connection.transport.abort()

    def release(self) -> None:
        self.held.clear()
        self._released.set()
        self._released = asyncio.Event()

    def _protocol(self) -> Callable[[], SMTP]:
        options: dict[str, Any] = {"hostname": "mail.test", "loop": asyncio.get_running_loop()}
        if self._tls is not None and not self._implicit:
            options |= {"tls_context": self._tls, "require_starttls": True}
        if self._login is not None:
            options |= {"authenticator": self._authenticate, "auth_required": True}
            options |= {"auth_require_tls": not self._implicit}  # it sees no TLS around itself

        def made() -> SMTP:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
                connection = SMTP(self, **options)
            self._open.add(connection)
            return connection

        return made

    def _authenticate(self, *given_by: Any) -> AuthResult:
        given = given_by[-1]
        assert isinstance(given, LoginPassword)
        self.logins.append((given.login.decode(), given.password.decode()))
        sound = given.password.decode() == self._login
        return AuthResult(success=sound, handled=False)  # the server answers

    async def handle_MAIL(self, server: SMTP, *given: Any) -> str:  # noqa: N802 - the library's name
        _, envelope, address, _ = given
        if self.trouble == "hung-up-early":
            server.transport.abort()
        envelope.mail_from = address
        return AT_MAIL.get(self.trouble or "", "250 OK")

    async def handle_RCPT(self, *given: Any) -> str:  # noqa: N802 - the library's name
        _, _, envelope, address, _ = given
        answer = AT_RCPT.get(self.trouble or "", "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        if self.trouble in AT_END:
            return AT_END[self.trouble]
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.taken.append(mail)
        self.secured.append(session.ssl is not None or self._implicit)
        if set(envelope.rcpt_tos) & self.held:
            await self._released.wait()
        if self.trouble == "drop":
            server.transport.abort()
        return AFTER_ALL.get(self.trouble or "", "250 2.0.0 OK: queued")


def numbers(mail: EmailMessage) -> tuple[int, int]:
    """Delivery and attempt, as a mail's own Message-ID has them."""
    found = re.match(r"<alertd\.(\d+)\.(\d+)\.", mail["Message-ID"])
    assert found is not None
    return int(found[1]), int(found[2])


def body(mail: EmailMessage) -> str:
    """The text of a mail, as its reader sees it."""
    part = mail.get_body(("plain",))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n").removesuffix("\n")
