"""Looking into the mailbox from time to time: stored first, then marked as seen."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from channels.base import Event
from channels.mail.imap_session import AT_ONCE, Found, ImapSession, MailboxError
from channels.mail.inbox import read_mail
from channels.mail.marks import Marks
from channels.mail.settings import Mailbox

_CLOSE_S = 1.0  # a thread that is still connecting is left to its own timeout

_log = structlog.get_logger(__name__)


class MailboxReader:
    """Reads until it is closed; what can't be read or stored now is read again later.

    A mail is marked as seen only after `store` returned. Between the two lies a moment in which a
    crash brings it a second time: its Message-ID tells.

    Args:
        route: The route's name, for the log.
        mailbox: Where.
        marks: Ours.
        store: Commits events.
        timeout_s: For each answer of the server.
    """

    def __init__(
        self,
        route: str,
        mailbox: Mailbox,
        marks: Marks,
        store: Callable[[Sequence[Event]], Awaitable[None]],
        timeout_s: float,
    ) -> None:
        self._route = route
        self._marks = marks
        self._store = store
        self._poll_s = mailbox.poll_s
        self._session = ImapSession(mailbox, timeout_s)
        # One thread of its own: a connection is used by one at a time.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mailbox")
        self._aside: set[str] = set()  # UIDs of mails that couldn't be stored
        self._task: asyncio.Task[None] | None = None
        self.trouble: str | None = None  # a stable word; None: the last look went well

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End; what wasn't committed stays unseen."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            self._session.abort()
            await asyncio.gather(task, return_exceptions=True)
        closed = asyncio.get_running_loop().run_in_executor(self._thread, self._session.close)
        await asyncio.wait([closed], timeout=_CLOSE_S)
        self._thread.shutdown(wait=False)

    async def _run(self) -> None:
        while True:
            found = await self._look()
            if len(found) < AT_ONCE or len(self._aside) >= AT_ONCE:
                await asyncio.sleep(self._poll_s)

    async def _look(self) -> Sequence[Found]:
        loop = asyncio.get_running_loop()
        found: Sequence[Found] = ()
        try:
            found = await loop.run_in_executor(self._thread, self._session.unseen, self._aside)
            stored = [one.uid for one in found if await self._is_stored(one)]
            await loop.run_in_executor(self._thread, self._session.mark, stored)
        except MailboxError as error:
            self._told(error.code)
        except Exception as error:  # noqa: BLE001 - a mailbox that nobody reads any more is lost
            self._told(f"defect-{type(error).__name__}")
        else:
            self._aside = {one.uid for one in found} - set(stored)
            self._told("not-stored" if self._aside else None)
        return found

    async def _is_stored(self, one: Found) -> bool:
        """Whether all that the mail says is committed; one that can't be keeps back no other."""
        try:
            # In a thread: one that takes long holds up no alert.
            events = await asyncio.to_thread(read_mail, one.raw, one.fallback_id, self._marks)
            if events:
                await self._store(events)
        except Exception as error:  # noqa: BLE001 - whatever the store's trouble is, it passes
            _log.warning("mail-not-stored", route=self._route, error=type(error).__name__)
            return False
        return True

    def _told(self, trouble: str | None) -> None:
        """Log where trouble begins and where it ends, and not every look between."""
        if trouble != self.trouble:
            if trouble is None:
                _log.info("mailbox-read-again", route=self._route)
            else:
                _log.warning("mailbox-trouble", route=self._route, code=trouble)
        self.trouble = trouble
