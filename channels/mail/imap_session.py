"""One IMAP connection, used from one thread at a time; the standard library speaks it."""

import imaplib
import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from channels.mail.inbox import MAX_BYTES
from channels.mail.settings import Mailbox

AT_ONCE = 20  # mails that are read before the store is asked; 5 MB at the most
_UID = re.compile(rb"UID (\d+)")


class MailboxError(Exception):
    """The mailbox can't be read now; `code` says why in a stable word."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Found:
    """A mail that nobody has read."""

    uid: str
    fallback_id: str  # unique in this mailbox for ever (RFC 3501, 2.3.1.1)
    raw: bytes = field(repr=False)


class ImapSession:
    """Reads the unseen mails of one folder; marking one as seen is a step of its own.

    Args:
        mailbox: Where.
        timeout_s: For each answer of the server.
    """

    def __init__(self, mailbox: Mailbox, timeout_s: float) -> None:
        self._mailbox = mailbox
        self._timeout_s = timeout_s
        self._imap: imaplib.IMAP4 | None = None
        self._validity = "0"

    def unseen(self, last: set[str]) -> list[Found]:
        """The oldest unseen mails, `AT_ONCE` at the most; connects where that's needed.

        Args:
            last: UIDs whose turn comes after all others.

        Raises:
            MailboxError: They can't be had.
        """
        try:
            imap = self._connected()
            # Without it, a server needn't say what came in since the last look.
            _done(imap.noop())
            (listed,) = _done(imap.uid("SEARCH", "UNSEEN"))
            uids = (listed or b"").decode("ascii", "replace").split()
            uids.sort(key=lambda uid: uid in last)
            return [found for uid in uids[:AT_ONCE] if (found := self._fetch(imap, uid))]
        except (OSError, imaplib.IMAP4.error, ValueError) as error:
            self.close()
            # `from None`: the library's errors quote what the server said, and that may be mail.
            raise _told(error) from None

    def mark(self, uids: list[str]) -> None:
        """Mark `uids` as seen, so that they don't come again.

        Raises:
            MailboxError: It can't be done; they come again, and are known by their ids.
        """
        try:
            if self._imap is not None and uids:
                _done(self._imap.uid("STORE", ",".join(uids), "+FLAGS", r"(\Seen)"))
        except (OSError, imaplib.IMAP4.error) as error:
            self.close()
            raise _told(error) from None

    def abort(self) -> None:
        """Cut the connection under the thread that waits for it; from any thread."""
        imap = self._imap
        if imap is not None:
            with suppress(OSError):  # it was cut already
                # The plain socket's own, also of a TLS one: its TLS state is the other thread's.
                socket.socket.shutdown(imap.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Cut the connection; the next look makes a new one."""
        imap, self._imap = self._imap, None
        if imap is not None:
            with suppress(OSError):  # it was cut already
                imap.shutdown()

    def _connected(self) -> imaplib.IMAP4:
        if self._imap is not None:
            return self._imap
        server, wait_s = self._mailbox.server, min(5.0, self._timeout_s)  # for connecting
        imap: imaplib.IMAP4
        if server.security == "tls":
            imap = imaplib.IMAP4_SSL(
                server.host, server.port, ssl_context=server.tls, timeout=wait_s
            )
        else:
            imap = imaplib.IMAP4(server.host, server.port, timeout=wait_s)
        self._imap = imap
        imap.sock.settimeout(self._timeout_s)
        if server.security == "starttls":
            imap.starttls(ssl_context=server.tls)
        imap.login(server.username or "", server.password or "")
        _done(imap.select(f'"{self._mailbox.folder}"'))
        (validity,) = imap.response("UIDVALIDITY")[1] or [None]
        self._validity = validity.decode("ascii", "replace") if validity else "0"
        return imap

    def _fetch(self, imap: imaplib.IMAP4, uid: str) -> Found | None:
        """One mail's beginning; None where it has gone meanwhile. PEEK leaves it unseen."""
        answer = _done(imap.uid("FETCH", uid, f"(UID BODY.PEEK[]<0.{MAX_BYTES}>)"))
        for part in answer:  # (what it is, the mail), and the line that closes it
            if isinstance(part, tuple):
                named = _UID.search(part[0])
                if named is not None and named[1].decode() == uid:
                    return Found(uid, f"uid-{self._validity}-{uid}", part[1][:MAX_BYTES])
        return None


def _done(answer: tuple[str, list[Any]]) -> list[Any]:
    """The data of an answer that is OK."""
    if answer[0] != "OK":
        raise imaplib.IMAP4.error(answer[0])
    return answer[1]


def _told(error: Exception) -> MailboxError:
    if isinstance(error, ssl.SSLError):
        return MailboxError("tls-failed")
    if isinstance(error, OSError | imaplib.IMAP4.abort):
        return MailboxError("connection-lost")
    return MailboxError("refused")
