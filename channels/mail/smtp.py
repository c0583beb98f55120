"""Mail by SMTP, with the alert's CAP document attached; answers come in by IMAP.

Options: `host`, `port` (as `security` has it), `security` (`tls`, `starttls`, `none`), `username`
with `password`, `from`, `secret` (signs our Message-IDs: only who got a mail of ours can answer it,
or bounce it), `ca_file`. To read answers and bounces: `imap_host`, `imap_port`, `imap_security`,
`imap_username` with `imap_password` (else those for sending), `imap_folder` (INBOX), `poll_s` (15).
The mailbox must be alertd's alone: what it has read it marks as seen.

The server's 250 is `accepted` and no more. Threads speak SMTP, `in_flight` of them at most, and a
connection each.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from alertd.i18n import N_
from channels.base import (
    Accepted,
    ChannelKind,
    Event,
    Fault,
    Health,
    Hook,
    Outcome,
    Outgoing,
    RouteConfig,
    RouteContext,
    SendError,
    UnderWay,
    each,
)
from channels.mail.letter import is_address, write
from channels.mail.mailbox import MailboxReader
from channels.mail.marks import Marks
from channels.mail.settings import read_settings
from channels.mail.smtp_session import Session

_HEALTH_TIMEOUT_S = 2.0
_ANSWERS = N_("The mail server answers {code}.")
_UNREAD = N_("The mailbox of answers can't be read: {code}.")


class MailRoute:
    """One mail server to send by, and one mailbox that answers come to."""

    kind = ChannelKind.MAIL

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        self.config = config
        self._now = context.now
        self._sink = context.sink
        self._settings = read_settings(config)
        self._domain = self._settings.sender.rpartition("@")[2]
        self._marks = Marks(self._settings.secret, self._domain)
        self._threads: ThreadPoolExecutor | None = None
        self._mailbox: MailboxReader | None = None
        self._under_way = UnderWay()

    async def start(self) -> None:
        """Begin to read the mailbox; connections for sending come with the first messages."""
        limits = self.config.limits
        # One more, so that health finds a thread also while every other one waits.
        self._threads = ThreadPoolExecutor(limits.in_flight + 1, thread_name_prefix="mail")
        if self._settings.mailbox is not None:
            self._mailbox = MailboxReader(
                self.config.name,
                self._settings.mailbox,
                self._marks,
                self._store,
                limits.timeout_s,
            )
            self._mailbox.start()

    async def close(self) -> None:
        """End the tries in flight as UNKNOWN and cut the connections."""
        threads, self._threads = self._threads, None
        mailbox, self._mailbox = self._mailbox, None
        await self._under_way.end()
        if mailbox is not None:
            await mailbox.close()
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)

    def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Hand over; an Outcome a message."""
        return each(messages, self._send, self.config.limits.timeout_s, self._under_way)

    async def _send(self, message: Outgoing) -> Accepted:
        if self._threads is None:
            raise SendError(Fault.RETRY, "route-closed")
        if not is_address(message.address):
            raise SendError(Fault.DEAD, "bad-address")
        letter = write(message, self._settings.sender, self._marks, self._now())
        timeout_s = self.config.limits.timeout_s
        session = self._session(min(5.0, timeout_s / 2), timeout_s)
        deliver = asyncio.get_running_loop().run_in_executor(self._threads, session.deliver, letter)
        try:
            await deliver
        except asyncio.CancelledError:
            session.abort()
            raise
        return Accepted(None)

    def _session(self, connect_timeout_s: float, timeout_s: float) -> Session:
        return Session(self._settings.smtp, self._domain, connect_timeout_s, timeout_s)

    async def _store(self, events: Sequence[Event]) -> None:
        await self._sink(self.config.name, events)

    def hooks(self) -> Sequence[Hook]:
        """None: the mailbox is read by us."""
        return ()

    async def health(self) -> Health:
        """Greet the server, log in, and tell how the last look into the mailbox went."""
        if self._threads is None:
            return Health(ok=False, detail=N_("The route is closed."))
        session = self._session(_HEALTH_TIMEOUT_S / 2, _HEALTH_TIMEOUT_S / 2)
        greet = asyncio.get_running_loop().run_in_executor(self._threads, session.greet)
        try:
            async with asyncio.timeout(_HEALTH_TIMEOUT_S):
                await greet
        except TimeoutError:
            session.abort()
            return Health(ok=False, detail=N_("The mail server doesn't answer."))
        except SendError as error:
            return Health(ok=False, detail=_ANSWERS.format(code=error.code))
        trouble = None if self._mailbox is None else self._mailbox.trouble
        if trouble is not None:
            return Health(ok=False, detail=_UNREAD.format(code=trouble))
        return Health(ok=True, detail=N_("The mail server takes mail."))
