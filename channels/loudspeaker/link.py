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
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.link_messages import Received, Request
from channels.loudspeaker.paho_client import Speaks, lasting, make_client, refusal
from channels.loudspeaker.paho_socket import PahoSocket
from channels.loudspeaker.pauses import Pauses
from channels.loudspeaker.unsent import LostWordError, NotHandedOverError

_log = structlog.get_logger(__name__)

_TICK_S = 1.0  # paho looks after its keepalive as often
_LONGEST_PAUSE_S = 3.0
_GOODBYE_S = 1.0
_TOGETHER = 4  # leave in one write, where many are due
_MOST_ENDED = 3  # connections that one message may have ended; a report, on a weak line, more
_MOST_ENDED_BY_POST = 6
_MANY = 65_535  # what MQTT 5 takes for granted where a broker says nothing
_UNSUPPORTED_VERSION = 0x84  # also what paho makes of MQTT 3.1.1's own word for it


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
        speaks: Which MQTT; with both, whichever the broker lets us in with, the newer first.
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
        received: Callable[[Received], None] = lambda _: None,
        confirmed_late: Callable[[Any], None] = lambda _: None,
        came_up: Callable[[], None] = lambda: None,
        went_down: Callable[[str], None] = lambda _: None,
        speaks: Speaks = Speaks.OLDER,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.problem = "not-started"  # a short word; "" while up
        self.connection = 0
        self._subscriptions = subscriptions
        self._received = received
        self._confirmed_late = confirmed_late
        self._came_up = came_up
        self._went_down = went_down
        self._arrivals = itertools.count(1)
        self._window = window  # what is left of it
        self._given = 0
        self._queue: deque[Request] = deque()
        self._pending: dict[int, Request] = {}
        self._posted: dict[int, int] = {}  # by message id: connections that ended before it
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._connecting: asyncio.Task[Any] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._pauses = Pauses(longest_pause_s, client_id)
        self._up_at: float | None = None  # of this connection, by the loop's clock
        self._speaks = speaks
        self.newer = speaks is not Speaks.OLDER  # whether it is MQTT 5 that we speak now
        self._most_pending = _MANY
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

    def hang_up(self) -> None:
        """Leave behind all that waits in the connection, and come back by itself."""
        if self.up:
            self._socket.cut()

    def abandon(self) -> None:
        """Fall silent as if the power had gone, on a connection that stays; `close` comes later."""
        self._socket.unwatch()
        if self._keeper is not None:
            self._keeper.cancel()

    async def publish(
        self,
        topic: str,
        payload: Callable[[], bytes],
        tag: Any = None,
        *,
        lasts_s: Callable[[], int] | None = None,
    ) -> None:
        """Publish at QoS 1, not retained, and return when the broker has confirmed it.

        Args:
            topic: Where to.
            payload: Asked for when its turn has come: a sequence number is in the order of sending.
            tag: What `confirmed_late` is called with should we have given up by then; None: it
                isn't called.
            lasts_s: Asked for with it: when a broker of MQTT 5 may forget it, in seconds.

        Raises:
            NotHandedOverError: It was not sent, or the broker of MQTT 5 won't pass it on.
            LostWordError: It may have been.
        """
        if not self.up:
            raise NotHandedOverError(self.problem or "not-connected", away=True)
        request = Request(topic, payload, tag, self._loop.create_future(), lasts_s)
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
        client = self._made(newer=self.newer)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _make_socket(self) -> PahoSocket:
        return PahoSocket(self._client, self._on_disconnect, self._send_next)

    async def _keep(self) -> None:
        while True:
            if await self._connect():
                await self._live()
                if not self._try_the_other():
                    self._throw_away_what_ends_us()
            up_s = None if self._up_at is None else self._loop.time() - self._up_at
            await asyncio.sleep(self._pauses.after(up_s))

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
        self._start_over()

    def _try_the_other(self) -> bool:
        """Speak the other MQTT next time, where we weren't let in and nobody said why."""
        if self._speaks is not Speaks.EITHER or self._let_in or self._refused:
            return False
        self.newer = not self.newer
        self._start_over()
        return True

    def _start_over(self) -> None:
        self._pending.clear()  # told as lost when the first of these connections ended
        self._posted.clear()
        self._socket.unwatch()
        self._client = self._start_client()
        self._socket = self._make_socket()

    async def _connect(self) -> bool:
        self._let_in, self._refused, self._up_at = False, False, None
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
        self, _c: Client, _u: Any, _f: ConnectFlags, reason: ReasonCode, said: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refused = reason.value != _UNSUPPORTED_VERSION
            self.problem = f"refused-{str(reason).lower().replace(' ', '-')}"
            return
        self._let_in = True  # and paho sends again what is unconfirmed, before we are up
        self._most_pending = getattr(said, "ReceiveMaximum", _MANY)
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
        self._up_at = self._loop.time()
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
        while self._queue and self._has_room() and self.up:
            request = self._queue.popleft()
            if request.confirmed.done():
                continue  # given up
            try:
                self._give_to_paho(request, request.payload())
            except Exception as error:  # noqa: BLE001 - the caller's, whatever it is
                request.confirmed.set_exception(error)

    def _has_room(self) -> bool:
        """A broker of MQTT 5 hangs up on more than it said; what paho sends again counts, too."""
        return self._window > 0 and len(self._pending) < self._most_pending

    def _give_to_paho(self, request: Request, data: bytes) -> None:
        lasts = lasting(request.lasts_s()) if self.newer and request.lasts_s else None
        sent = self._client.publish(request.topic, data, qos=1, properties=lasts)
        if sent.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            raise NotHandedOverError("queue-full")
        # Any other code and paho has it: it sends it now, or when it is connected again.
        request.sent = request.in_window = True
        self._window -= 1
        self._pending[sent.mid] = request
        self._given += 1
        if self._given % _TOGETHER == 0:
            # Signing takes as long as the broker's disk: it writes while the rest are signed.
            self._socket.flush()

    def _on_publish(
        self, _c: Client, _u: Any, mid: int, reason: ReasonCode, _p: Properties | None
    ) -> None:
        self._posted.pop(mid, None)
        request = self._pending.pop(mid, None)
        if request is None:
            return
        self._leave_window(request)
        refused = refusal(reason)
        if not request.confirmed.done():
            if refused is None:
                request.confirmed.set_result(None)
            else:
                request.confirmed.set_exception(refused)
        elif request.tag is not None and refused is None:
            self._confirmed_late(request.tag)

    def _leave_window(self, request: Request) -> None:
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
