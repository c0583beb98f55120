"""The SMPP connection of one route: bound as a transceiver, and coming back by itself.

smpplib makes the PDUs; the socket is the event loop's. smpplib's own client blocks: in a thread it
could read no answer while a reply waits for its commit, and write nothing while the peer doesn't
read; it loses what it has read of a PDU at a timeout, and gives TLS no host name to check.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from channels.base import Fault
from channels.sms import smpp_codes as codes
from channels.sms import smpp_pdus as pdus
from channels.sms.smpp_session import Session
from channels.sms.smpp_settings import SmppSettings

_CONNECT_TIMEOUT_S = 5.0
_BIND_TIMEOUT_S = 10.0
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_FIRST_PAUSE_REFUSED_S = 1.0  # carriers lock out whoever knocks too often
_LONGEST_PAUSE_REFUSED_S = 60.0
_UNSTEADY_PAUSE_S = 0.5
_STEADY_S = 10.0  # a connection that lived as long was a good one
_ENQUIRE_PATIENCE_S = 10.0
_GOODBYE_S = 1.0
_FIRST_SLOW_S = 0.5
_LONGEST_SLOW_S = 8.0
_CLOCK_STEP_S = 0.001  # a timer may come as much too early


class NotHandedOverError(Exception):
    """Not one octet of it was written; `away` where no other message would fare better."""

    def __init__(self, code: str, *, away: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.away = away


class OutOfTimeError(NotHandedOverError):
    """The caller gave up while it waited for its turn."""


class LostWordError(Exception):
    """It was written, and no readable answer came; `code` says what was seen."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True, eq=False)
class _Request:
    write: Callable[[int], bytes]
    late: Callable[[str], None]
    taken: asyncio.Future[str]
    since: float  # by the loop's clock
    written_at: float = 0.0  # 0 while it waits


class SmppLink:
    """A connection that comes back by itself.

    Args:
        settings: Where to, as whom, and how many submits may be unanswered.
        delivered: Called with each deliver_sm: its session, sequence number and octets.
        came_up: Called each time it is bound.
        went_down: Called, with a short word, each time it was bound and is no more.
        overdue_s: An answer that hasn't come after so long never comes.
        first: Where requests are numbered from; by chance, so that those of before a restart are
            others.
    """

    def __init__(
        self,
        settings: SmppSettings,
        *,
        delivered: Callable[[Session, int, bytes], None],
        came_up: Callable[[], None],
        went_down: Callable[[str], None],
        overdue_s: float = 60.0,
        first: int = 0,
    ) -> None:
        self.problem = "not-started"  # a short word; "" while bound
        self._settings = settings
        self._delivered = delivered
        self._came_up = came_up
        self._went_down = went_down
        self._overdue_s = overdue_s
        self._queue: deque[_Request] = deque()
        self._unanswered: dict[_Request, None] = {}  # the oldest first
        self._asking: set[asyncio.Future[bool]] = set()
        self._session: Session | None = None
        self._numbered = first  # as far as the connections before have
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._was_up = False
        self._refused = False
        self._draining = False
        self._enquired_at = 0.0
        self._answered_at = 0.0
        self._slow_s = 0.0
        self._slow_until = 0.0

    @property
    def up(self) -> bool:
        """Bound."""
        return self._up.is_set()

    async def start(self) -> None:
        """Begin to connect, and to connect again whenever it breaks."""
        self._loop = asyncio.get_running_loop()
        self._keeper = asyncio.create_task(self._keep())

    async def wait_up(self, timeout_s: float) -> None:
        """Wait until it is bound, or for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._up.wait()

    async def close(self) -> None:
        """Unbind and end; what has no answer yet ends as LostWordError."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        if self.up:
            await self._answered_within(_GOODBYE_S, "unbind")
        if self._session is not None:
            self._session.end("closed")
            await self._down.wait()
        self.problem = "closed"

    async def submit(self, write: Callable[[int], bytes], late: Callable[[str], None]) -> str:
        """Send one submit_sm when the window has room; returns its message_id, which may be "".

        Args:
            write: Makes its octets from its sequence number, when its turn has come.
            late: Called with the message_id should it come after the caller has given up.

        Raises:
            SendError: The peer refused it, or `write` did.
            NotHandedOverError: It wasn't sent.
            LostWordError: It was, and may have been taken.
        """
        if not self.up:
            raise NotHandedOverError(self.problem, away=True)
        request = _Request(write, late, self._loop.create_future(), self._loop.time())
        self._queue.append(request)
        self._fill()
        try:
            return await request.taken
        except asyncio.CancelledError:
            if request.written_at:
                raise
            # Whoever gives up must learn that nothing has left. A gateway that answered nobody
            # in all that time isn't there, whatever holds its connection.
            if self._answered_at < request.since:
                raise OutOfTimeError("no-answers", away=True) from None
            raise OutOfTimeError("window-full") from None

    async def answers(self, within_s: float) -> bool:
        """Ask the peer whether it is there."""
        return self.up and await self._answered_within(within_s, "enquire_link")

    async def _answered_within(self, within_s: float, command: str) -> bool:
        answered: asyncio.Future[bool] = self._loop.create_future()
        self._asking.add(answered)
        answered.add_done_callback(self._asking.discard)
        assert self._session is not None  # noqa: S101 - the callers know that it is bound
        self._session.ask(partial(pdus.request, command), lambda *_: _settle(answered, there=True))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                return await answered
        return False

    async def _keep(self) -> None:
        failures = 0
        while True:
            began = self._loop.time()
            self._was_up = False
            await self._connect()
            while not self._down.is_set():
                self._look_after(began)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(1.0, self._settings.enquire_link_s / 4)):
                        await self._down.wait()
            failures = 0 if self._was_up else failures + 1
            steady = self._loop.time() - began > _STEADY_S
            await asyncio.sleep(_pause_s(failures, refused=self._refused, steady=steady))

    async def _connect(self) -> None:
        """Connect and ask to be bound; what comes of it, the session says."""
        self._refused = self._draining = False
        self._enquired_at = 0.0
        self._down.clear()
        session = self._session = Session(self._delivered, self._lost, self._numbered)
        to = self._settings
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                await self._loop.create_connection(lambda: session, to.host, to.port, ssl=to.tls)
        except asyncio.CancelledError:
            self._session = None  # it never came about
            raise
        except Exception as error:  # noqa: BLE001 - nothing may end our coming back
            self.problem = f"connect-{type(error).__name__}"
            self._session = None
            self._down.set()
            return
        login = {"system_id": to.system_id, "password": to.password, "system_type": to.system_type}
        session.ask(lambda n: pdus.request("bind_transceiver", n, **login), self._bound)

    def _bound(self, command: int, status: int, _: bytes) -> None:
        if command == pdus.BIND_TRANSCEIVER_RESP and status == codes.OK:
            self.problem = ""
            self._was_up = True
            self._up.set()
            self._came_up()
            return
        # Already bound is our own last connection, which the peer doesn't know to be dead yet.
        self._refused = status != codes.ALREADY_BOUND
        self.problem = f"bind-refused-{codes.code_of(status)}"
        if self._session is not None:
            self._session.end(self.problem)

    def _look_after(self, began: float) -> None:
        """Notice a peer that has fallen silent, by asking it, and answers that never come."""
        session, now = self._session, self._loop.time()
        if session is None:
            return
        if not self.up:
            if now - began > _BIND_TIMEOUT_S:
                session.end("bind-timeout")
            return
        every_s = self._settings.enquire_link_s
        if session.heard_at >= self._enquired_at:
            since = self._enquired_at if session.has_unread else session.heard_at
            if now - since >= every_s:
                self._enquired_at = now
                session.ask(partial(pdus.request, "enquire_link"), _nothing)
        elif now - self._enquired_at >= min(_ENQUIRE_PATIENCE_S, every_s):
            session.end("silent-peer")
            return
        oldest = next(iter(self._unanswered), None)
        if oldest is not None and now - oldest.written_at > self._overdue_s:
            # It would hold its place in the window for ever. A new connection has all places
            # free; before, those that are still waited for get their answers.
            self._draining = True
        if self._draining and all(request.taken.done() for request in self._unanswered):
            session.end("answers-overdue")

    def _fill(self) -> None:
        """Write as many as the window has room for."""
        session = self._session
        while self._queue and session is not None and session.open and self._has_room():
            request = self._queue.popleft()
            if request.taken.done():
                continue  # given up
            try:
                session.ask(request.write, partial(self._answered, request))
            except Exception as error:  # noqa: BLE001 - the caller's, whatever it is
                request.taken.set_exception(error)
            else:
                request.written_at = self._loop.time()
                self._unanswered[request] = None

    def _has_room(self) -> bool:
        return (
            self.up
            and not self._draining
            and len(self._unanswered) < self._settings.window
            and self._loop.time() >= self._slow_until
        )

    def _answered(self, request: _Request, command: int, status: int, raw: bytes) -> None:
        if request not in self._unanswered:
            return  # the connection's end has settled it
        del self._unanswered[request]
        self._answered_at = self._loop.time()
        try:
            given = self._read(command, status, raw)
        except Exception as error:  # noqa: BLE001 - the caller's, whatever it is
            if not request.taken.done():
                request.taken.set_exception(error)
        else:
            if request.taken.done():
                request.late(given)
            else:
                request.taken.set_result(given)
        self._fill()

    def _read(self, command: int, status: int, raw: bytes) -> str:
        if command == pdus.GENERIC_NACK or status != codes.OK:
            refusal = codes.refusal(status or codes.INVALID_COMMAND)
            if refusal.fault is Fault.THROTTLED:
                self._slow_down()
            elif refusal.fault is Fault.AWAY and self._session is not None:
                self._session.end(refusal.code)
            raise refusal
        self._slow_s = 0.0
        if command != pdus.SUBMIT_SM_RESP:
            raise LostWordError("malformed-answer")
        try:
            return pdus.read_message_id(raw)
        except pdus.MalformedPduError:
            raise LostWordError("malformed-answer") from None

    def _slow_down(self) -> None:
        """Write nothing for a while, longer each time; the rest of the window says the same."""
        now = self._loop.time()
        if now >= self._slow_until:
            self._slow_s = min(self._slow_s * 2 or _FIRST_SLOW_S, _LONGEST_SLOW_S)
            self._slow_until = now + self._slow_s
            self._loop.call_at(self._slow_until + _CLOCK_STEP_S, self._fill)

    def _lost(self, session: Session, code: str) -> None:
        if session is not self._session:
            return
        self._session = None
        self._numbered = session.sequence
        self.problem = code
        if self.up:
            self._up.clear()
            if self._keeper is not None:  # else it is we who end it
                self._went_down(code)
        unanswered, self._unanswered = self._unanswered, {}
        for request in unanswered:
            if not request.taken.done():
                request.taken.set_exception(LostWordError(code))
        while self._queue:
            request = self._queue.popleft()
            if not request.taken.done():
                request.taken.set_exception(NotHandedOverError(code, away=True))
        for asking in list(self._asking):
            _settle(asking, there=False)
        self._down.set()


def _pause_s(failures: int, *, refused: bool, steady: bool) -> float:
    """How long to wait before connecting again, after so many times without being bound."""
    if not failures:
        return _FIRST_PAUSE_S if steady else _UNSTEADY_PAUSE_S
    first, longest = (
        (_FIRST_PAUSE_REFUSED_S, _LONGEST_PAUSE_REFUSED_S)
        if refused
        else (_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
    )
    return float(min(first * 2.0 ** min(failures - 1, 10), longest))


def _settle(asking: asyncio.Future[bool], *, there: bool) -> None:
    if not asking.done():
        asking.set_result(there)


def _nothing(*_: object) -> None:
    pass
