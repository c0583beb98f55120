"""One MQTT connection on the event loop, which comes back by itself.

paho speaks the protocol; only connecting, which blocks, happens in a thread. The simulated
terminals use the same, some hundred in one process.

What paho has taken it sends again after a reconnect until the broker confirms it. Some brokers hang
up on a message that their ACL denies: one that ended several connections is thrown away with all
that is unconfirmed, or none of the others would ever pass.
"""

import asyncio
import contextlib
import itertools
import ssl
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.paho_client import make_client
from channels.loudspeaker.paho_socket import PahoSocket

_log = structlog.get_logger(__name__)

_TICK_S = 1.0  # paho looks after its keepalive as often
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 3.0
_GOODBYE_S = 1.0
_MOST_ENDED = 3  # connections that one message may have ended; a report, on a weak line, more
_MOST_ENDED_BY_POST = 6


class NotHandedOverError(Exception):
    """The message wasn't given to paho and never will be sent; `code` says why.

    `away` where there is no connection, and so no message would have fared better.
    """

    def __init__(self, code: str, *, away: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.away = away


class LostWordError(Exception):
    """The connection ended before the broker confirmed; the message may be there."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the broker."""

    topic: str  # "" where it wasn't UTF-8
    payload: bytes = field(repr=False)
    retained: bool
    qos: int
    mid: int
    connection: int  # which of our connections it came by: only there can it be acknowledged
    number: int = 0  # grows with each that comes


@dataclass(slots=True)
class _Request:
    topic: str
    payload: Callable[[], bytes]
    tag: Any
    confirmed: asyncio.Future[None]
    sent: bool = False
    in_window: bool = False
    ended: int = 0  # connections that ended before it was confirmed


def _nothing(_: Any) -> None:
    pass


class Link:
    """A connection that comes back by itself.

    Args:
        address: The broker.
        client_id: The session's name; the broker keeps what we haven't acknowledged under it.
        subscriptions: Topics, all at QoS 1; the link is up only once they are granted.
        longest_pause_s: Between two tries to connect; a thousand that come back at once need more.
        window: The most messages of `publish` that wait for their PUBACK at a time.
        keepalive_s: A silent end is noticed within twice this by us, 1.5 times by the broker.
        will: Topic and payload that the broker publishes, retained, when we die.
        clean: Forget the session at its end.
        received: Called with each message, which stays with the broker until `acknowledge`.
        confirmed_late: Called with the tag of a `publish` that ended before its PUBACK came.
        came_up: Called each time the link is up.
        went_down: Called, with the reason, each time it was up and is no more.
        context: TLS settings for an `mqtts` address; the system's authorities where it is None.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        *,
        subscriptions: Sequence[str] = (),
        longest_pause_s: float = _LONGEST_PAUSE_S,
        window: int = 20,
        keepalive_s: int = 15,
        will: tuple[str, bytes] | None = None,
        clean: bool = False,
        received: Callable[[Received], None] = _nothing,
        confirmed_late: Callable[[Any], None] = _nothing,
        came_up: Callable[[], None] = lambda: None,
        went_down: Callable[[str], None] = _nothing,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.problem = "not-started"  # a short word; "" while up
        self.connection = 0
        self._subscriptions = subscriptions
        self._longest_pause_s = longest_pause_s
        self._received = received
        self._confirmed_late = confirmed_late
        self._came_up = came_up
        self._went_down = went_down
        self._arrivals = itertools.count(1)
        self._window = window  # what is left of it
        self._queue: deque[_Request] = deque()
        self._pending: dict[int, _Request] = {}
        self._posted: dict[int, int] = {}  # by message id: connections that ended before it
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._connecting: asyncio.Task[Any] | None = None
        self._keeper: asyncio.Task[None] | None = None
        # Terminals that lost the same broker shouldn't all come back in the same instant.
        self._spread = 0.75 + zlib.crc32(client_id.encode()) % 1000 / 2000
        self._made = partial(
            make_client, address, client_id, context, will, keepalive_s, clean=clean
        )
        self._client = self._start_client()

    @property
    def up(self) -> bool:
        """Connected, with every subscription granted."""
        return self._up.is_set()

    async def start(self) -> None:
        """Begin to connect, and to connect again whenever it breaks."""
        self._loop = asyncio.get_running_loop()
        self._socket = self._make_socket()
        self._keeper = asyncio.create_task(self._keep())

    async def wait_up(self, timeout_s: float) -> bool:
        """Wait until it is up, or for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._up.wait()
        return self.up

    async def close(self) -> None:
        """Say goodbye and end; messages that weren't confirmed end as LostWordError."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        if self._socket.open:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE_S):
                    self._client.disconnect()
                    await self._down.wait()
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        if self._connecting is not None:
            # A thread can't be cancelled; what it opened must be closed after it.
            await asyncio.gather(self._connecting, return_exceptions=True)
        self._socket.unwatch()
        self._gone("closed")

    def abandon(self) -> None:
        """Fall silent as if the power had gone: the broker is left with a connection that is dead.

        `close` must still be called, some time.
        """
        self._socket.unwatch()
        if self._keeper is not None:
            self._keeper.cancel()

    async def publish(self, topic: str, payload: Callable[[], bytes], tag: Any = None) -> None:
        """Publish at QoS 1, not retained, and return when the broker has confirmed it.

        Args:
            topic: Where to.
            payload: Asked for when its turn has come: a sequence number is in the order of sending.
            tag: What `confirmed_late` is called with should we have given up by then; None: it
                isn't called.

        Raises:
            NotHandedOverError: It was not sent.
            LostWordError: It may have been.
        """
        if not self.up:
            raise NotHandedOverError(self.problem or "not-connected", away=True)
        request = _Request(topic, payload, tag, self._loop.create_future())
        self._queue.append(request)
        self._send_next()
        try:
            await request.confirmed
        except asyncio.CancelledError:
            if request.sent:
                raise
            # Whoever gives up on us must learn that nothing has left.
            raise NotHandedOverError("window-full") from None

    def post(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Have something published at QoS 1, now or after a reconnect; False where there's no room.

        Nobody is told when the broker has it, which it will in the end unless we end first.
        """
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        if sent.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            return False
        self._posted[sent.mid] = 0
        return True

    def acknowledge(self, message: Received) -> None:
        """Let the broker forget `message`; without effect where its connection has ended."""
        if message.qos and message.connection == self.connection and self._socket.open:
            self._client.ack(message.mid, message.qos)

    def _start_client(self) -> Client:
        client = self._made()
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _make_socket(self) -> PahoSocket:
        return PahoSocket(self._client, self._on_disconnect, self._send_next)

    async def _keep(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            if await self._connect():
                await self._live()
                self._throw_away_what_ends_us()
            longer_s = min(pause_s * 2, self._longest_pause_s)
            pause_s = _FIRST_PAUSE_S if self._was_up else longer_s
            await asyncio.sleep(pause_s * self._spread)

    def _throw_away_what_ends_us(self) -> None:
        """Start over with a client that has nothing to send, where one message is suspected."""
        for request in self._pending.values():
            request.ended += self._let_in
        for mid in self._posted:
            self._posted[mid] += self._let_in
        most = max((request.ended for request in self._pending.values()), default=0)
        if most < _MOST_ENDED and max(self._posted.values(), default=0) < _MOST_ENDED_BY_POST:
            return
        _log.warning("mqtt-thrown-away", messages=len(self._pending) + len(self._posted))
        self._pending.clear()  # told as lost when the first of these connections ended
        self._posted.clear()
        self._socket.unwatch()
        self._client = self._start_client()
        self._socket = self._make_socket()

    async def _connect(self) -> bool:
        self._was_up = self._let_in = False
        self._down.clear()
        self.connection += 1
        self._connecting = asyncio.create_task(asyncio.to_thread(self._client.reconnect))
        try:
            await asyncio.shield(self._connecting)
        except Exception as error:  # noqa: BLE001 - nothing may end our coming back
            self.problem = f"connect-{type(error).__name__}"
            self._connecting = None  # with its traceback, and the socket that paho left in there
            return False
        self._connecting = None
        return self._socket.watch()

    async def _live(self) -> None:
        while not self._down.is_set():
            self._socket.tick()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._down.wait()

    def _on_connect(
        self, _c: Client, _u: Any, _f: ConnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        if reason.is_failure:
            self.problem = f"refused-{str(reason).lower().replace(' ', '-')}"
            return
        self._let_in = True  # and paho sends again what is unconfirmed, before we are up
        self._ungranted = deque(self._subscriptions)
        self._subscribe_next()

    def _subscribe_next(self) -> None:
        """One after the other: a broker that takes its time over one answers our pings between."""
        if self._ungranted:
            self._client.subscribe(self._ungranted.popleft(), 1)
        else:
            self._is_up()

    def _on_subscribe(
        self, _c: Client, _u: Any, _m: int, reasons: list[ReasonCode], _p: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self.problem = "subscription-refused"
            self._socket.cut()
        else:
            self._subscribe_next()

    def _is_up(self) -> None:
        self.problem = ""
        self._was_up = True
        self._up.set()
        self._came_up()

    def _on_disconnect(self, *_: Any) -> None:
        self._gone("connection-lost")
        self._down.set()

    def _gone(self, code: str) -> None:
        if self.up:
            self.problem = code
            self._up.clear()
            self._went_down(code)
        for request in self._pending.values():
            self._leave_window(request)
            if not request.confirmed.done():
                request.confirmed.set_exception(LostWordError(code))
        while self._queue:
            request = self._queue.popleft()
            if not request.confirmed.done():
                request.confirmed.set_exception(NotHandedOverError(code, away=True))

    def _send_next(self) -> None:
        """Fill the window; called as soon as there may be room, so that the broker never waits."""
        while self._queue and self._window > 0 and self.up:
            request = self._queue.popleft()
            if request.confirmed.done():
                continue  # given up
            try:
                self._give_to_paho(request, request.payload())
            except Exception as error:  # noqa: BLE001 - the caller's, whatever it is
                request.confirmed.set_exception(error)

    def _give_to_paho(self, request: _Request, data: bytes) -> None:
        sent = self._client.publish(request.topic, data, qos=1)
        if sent.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            raise NotHandedOverError("queue-full")
        # Any other code and paho has it: it sends it now, or when it is connected again.
        request.sent = request.in_window = True
        self._window -= 1
        self._pending[sent.mid] = request

    def _on_publish(
        self, _c: Client, _u: Any, mid: int, _r: ReasonCode, _p: Properties | None
    ) -> None:
        self._posted.pop(mid, None)
        request = self._pending.pop(mid, None)
        if request is None:
            return
        self._leave_window(request)
        if not request.confirmed.done():
            request.confirmed.set_result(None)
        elif request.tag is not None:
            self._confirmed_late(request.tag)

    def _leave_window(self, request: _Request) -> None:
        if request.in_window:
            request.in_window = False
            self._window += 1

    def _on_message(self, _c: Client, _u: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._received(
            Received(
                topic,
                bytes(message.payload),
                retained=bool(message.retain),
                qos=message.qos,
                mid=message.mid,
                connection=self.connection,
                number=next(self._arrivals),
            )
        )
