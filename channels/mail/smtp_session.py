"""One mail over one SMTP connection, in a thread of its own; the standard library speaks it.

A connection a mail: a server that answers twice or late would else be taken for the next mail's.
"""

import smtplib
import socket
import ssl
import threading
from contextlib import suppress

from channels.base import Fault, SendError
from channels.mail.letter import Letter
from channels.mail.settings import Server
from channels.mail.smtp_codes import fault_of_reply

_READY, _DONE, _FORWARDED, _GO_ON = 220, 250, 251, 354


class Session:
    """A connection to be; `abort` may be called from any thread, and ends it at once.

    Args:
        server: Where to.
        name: What we call ourselves in EHLO: a domain.
        connect_timeout_s: For TCP and TLS, and for the greeting.
        timeout_s: For each answer after that.
    """

    def __init__(
        self, server: Server, name: str, connect_timeout_s: float, timeout_s: float
    ) -> None:
        self._server = server
        self._name = name
        self._connect_timeout_s = connect_timeout_s
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._smtp: smtplib.SMTP | None = None
        self._aborted = False

    def deliver(self, letter: Letter) -> None:
        """Hand `letter` over; returns once the server took responsibility.

        Raises:
            SendError: It didn't, or nobody can tell.
        """
        smtp = self._open()
        try:
            _before_content(smtp, letter)
            with self._lock:
                if self._aborted:
                    raise SendError(Fault.RETRY, "route-closed")
            _content(smtp, letter)
        finally:
            _leave(smtp)

    def greet(self) -> None:
        """Connect, and log in where there is a login; for health.

        Raises:
            SendError: As `deliver`.
        """
        _leave(self._open())

    def abort(self) -> None:
        """Cut the connection under whoever waits for it."""
        with self._lock:
            self._aborted = True
            if self._smtp is not None and self._smtp.sock is not None:
                _cut(self._smtp.sock)

    def _open(self) -> smtplib.SMTP:
        wait_s, tls = self._connect_timeout_s, self._server.tls
        smtp: smtplib.SMTP
        if self._server.security == "tls":
            smtp = smtplib.SMTP_SSL(local_hostname=self._name, timeout=wait_s, context=tls)
        else:
            smtp = smtplib.SMTP(local_hostname=self._name, timeout=wait_s)
        # starttls asks for the name that connect was given only where the maker was given one.
        smtp._host = self._server.host  # type: ignore[attr-defined]  # noqa: SLF001 - as said
        with self._lock:
            if self._aborted:
                raise SendError(Fault.RETRY, "route-closed")
            self._smtp = smtp
        try:
            self._connect(smtp)
            self._introduce(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _connect(self, smtp: smtplib.SMTP) -> None:
        # `from None`: the library's errors hold addresses and the server's own words.
        try:
            _expect(smtp.connect(self._server.host, self._server.port), _READY)
        except ssl.SSLError:
            raise SendError(Fault.AWAY, "tls-failed") from None
        except (OSError, smtplib.SMTPException):
            raise SendError(Fault.AWAY, "no-connection") from None

    def _introduce(self, smtp: smtplib.SMTP) -> None:
        try:
            if smtp.sock is not None:
                smtp.sock.settimeout(self._timeout_s)
            if self._server.security == "starttls":
                smtp.starttls(context=self._server.tls)
            if self._server.username is not None:
                smtp.login(self._server.username, self._server.password or "")
            else:
                smtp.ehlo_or_helo_if_needed()
        except ssl.SSLError:
            raise SendError(Fault.AWAY, "tls-failed") from None
        except smtplib.SMTPResponseException as error:
            raise _nothing_left(error.smtp_code, _words(error.smtp_error)) from None
        except smtplib.SMTPServerDisconnected:
            raise SendError(Fault.RETRY, "connection-lost") from None
        except smtplib.SMTPException:  # no STARTTLS, or no login that both sides know
            raise SendError(Fault.REFUSED, "not-supported") from None
        except OSError:  # of which SMTPException is a kind
            raise SendError(Fault.RETRY, "connection-lost") from None


def _before_content(smtp: smtplib.SMTP, letter: Letter) -> None:
    try:
        _expect(smtp.mail(letter.sender), _DONE)
        code, words = smtp.rcpt(letter.recipient)
        if code not in {_DONE, _FORWARDED}:
            raise _nothing_left(code, _words(words), of_recipient=True)
        _expect(smtp.docmd("DATA"), _GO_ON)
    except (OSError, smtplib.SMTPException):
        raise SendError(Fault.RETRY, "connection-lost") from None


def _content(smtp: smtplib.SMTP, letter: Letter) -> None:
    try:
        smtp.send(letter.content)
        smtp.send(b".\r\n")
        code, words = smtp.getreply()
    except (OSError, smtplib.SMTPException):
        raise SendError(Fault.UNKNOWN, "connection-lost") from None
    if code != _DONE:
        raise fault_of_reply(code, _words(words))


def _expect(reply: tuple[int, bytes], code: int) -> None:
    if reply[0] != code:
        raise _nothing_left(reply[0], _words(reply[1]))


def _nothing_left(code: int, words: str, *, of_recipient: bool = False) -> SendError:
    """The fault of a reply that came before the mail itself: it is never UNKNOWN."""
    error = fault_of_reply(code, words, of_recipient=of_recipient)
    return SendError(Fault.RETRY, error.code) if error.fault is Fault.UNKNOWN else error


def _words(reply: bytes | str) -> str:
    return reply if isinstance(reply, str) else reply.decode("ascii", "replace")


def _leave(smtp: smtplib.SMTP) -> None:
    with suppress(OSError, smtplib.SMTPException):  # it has gone, and hears no goodbye
        smtp.putcmd("quit")
    smtp.close()


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # it was cut already
        # The plain socket's own, also of a TLS one: its TLS state is the other thread's.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
