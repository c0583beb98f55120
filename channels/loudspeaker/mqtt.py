"""Loudspeakers over any MQTT 3.1.1 broker: signed commands out, the terminals' own words back.

Options: `broker` (`mqtt://user:password@host:port`, or `mqtts://`), `key_file` (the signing key,
see `keys.make_key`), `volume` (0–100, default 100), `repeat` (how often a text is played, default
3), `ca_file` (PEM, for `mqtts://`), `heartbeat_s` and `missed` (a loudspeaker that wasn't heard for
so many heartbeats is offline; 60 and 3), `audio` (offer each text as a sound, too), `audio_url`,
`clips_dir`, and `audio_dir`, which bootstrap sets.

The broker's PUBACK is `accepted` and no more. That a terminal has the command is its own ack
(`delivered`), and what was heard its result (`played`, `interrupted`): three states.
"""

from collections.abc import AsyncIterator, Callable, Sequence

import structlog

from channels.base import (
    Accepted,
    ChannelKind,
    Event,
    Fault,
    Health,
    Hook,
    Outcome,
    Outgoing,
    Receipt,
    ReceiptStatus,
    RouteConfig,
    RouteContext,
    SendError,
    UnderWay,
    each,
)
from channels.loudspeaker.commands import (
    Numbering,
    Try,
    command_id,
    command_topic,
    is_terminal_id,
    sign,
)
from channels.loudspeaker.echo import Echo, Hearing
from channels.loudspeaker.inbox import Inbox
from channels.loudspeaker.link import Link, LostWordError, NotHandedOverError, Received
from channels.loudspeaker.mqtt_settings import read_settings
from channels.loudspeaker.orders import order
from channels.loudspeaker.reports import (
    MAX_REPORT_BYTES,
    SUBSCRIPTIONS,
    Attendance,
    Message,
    read_receipt,
)
from channels.loudspeaker.watching import Watch

_log = structlog.get_logger(__name__)

_WINDOW = 20  # paho holds back and then refuses more; a broker's answer takes a disk's turn
_START_PATIENCE_S = 3.0
_DEAF = "The MQTT broker is connected, but what loudspeakers say doesn't arrive: look at its ACL."


class MqttRoute:
    """The loudspeakers behind one broker."""

    kind = ChannelKind.LOUDSPEAKER
    can_stop = True

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        settings = read_settings(config, context.public_base_url)
        self.config = config
        self._now = context.now
        self._key = settings.key
        self._manner = settings.manner
        self._numbering = Numbering()
        self._announcer = settings.announcer
        self._attendance = Attendance()
        self._under_way = UnderWay()
        # One name for one session: what terminals say while we are away waits under it. 23
        # characters are what every broker takes; who could guess it could take the session.
        name = f"alertd-{self._key.mac(f'session {config.name}'.encode())}"
        self._link = Link(
            settings.broker,
            name,
            subscriptions=SUBSCRIPTIONS,
            window=min(_WINDOW, config.limits.in_flight),
            received=self._received,
            confirmed_late=self._confirmed_late,
            came_up=self._came_up,
            went_down=lambda code: _log.warning("mqtt-down", route=config.name, reason=code),
            context=settings.tls,
        )
        self._closed = False
        self._echo = Echo(self._link, name)
        self._inbox = Inbox(config.name, context.sink, self._read, self._link.acknowledge)
        self._watch = Watch(
            settings.silent_after_ms, self._attendance, self._link, self._now, self._inbox.put
        )

    async def start(self) -> None:
        """Connect; where the broker is away, that goes on in the background."""
        self._inbox.start()
        self._watch.start()
        await self._link.start()
        await self._link.wait_up(_START_PATIENCE_S)

    async def close(self) -> None:
        """End the tries in flight as UNKNOWN, and the connection; the session stays."""
        self._closed = True
        await self._under_way.end()
        await self._watch.close()
        await self._echo.close()
        await self._link.close()
        await self._inbox.close()

    def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Hand over; one Outcome each."""
        return each(messages, self._send, self.config.limits.timeout_s, self._under_way)

    def hooks(self) -> Sequence[Hook]:
        """None: terminals answer through the broker."""
        return ()

    async def health(self) -> Health:
        """Whether the broker is connected, and brings what is said to us."""
        if self._link.up and self._echo.hearing is Hearing.DEAF:
            return Health(ok=False, detail=_DEAF)
        if self._link.up:
            return Health(ok=True, detail="The MQTT broker is connected.")
        return Health(ok=False, detail=f"The MQTT broker isn't connected: {self._link.problem}.")

    async def _send(self, message: Outgoing) -> Accepted:
        if self._closed:
            raise SendError(Fault.RETRY, "route-closed")
        if not is_terminal_id(message.address):
            raise SendError(Fault.DEAD, "bad-terminal-id")
        topic = command_topic(f"terminal/{message.address}")
        cmd_id = command_id(
            self._key, message.address, message.alert, message.delivery, message.attempt
        )

        sound = ("", "")
        if self._announcer is not None and not message.stop:
            sound = await self._announcer.sound(message.text, message.language)

        def payload() -> bytes:
            now = self._now()
            if not message.stop and message.expires_at <= now:
                raise SendError(Fault.REFUSED, "expired")
            number = self._numbering.next(topic, now)
            return sign(order(message, cmd_id, number, now, self._manner, sound), self._key)

        try:
            await self._link.publish(topic, payload, Try(message.delivery, message.attempt))
        except NotHandedOverError as error:
            fault = Fault.AWAY if error.away else Fault.RETRY
            raise SendError(fault, error.code) from None
        except LostWordError as error:
            raise SendError(Fault.UNKNOWN, error.code) from None
        except ValueError:
            raise SendError(Fault.REFUSED, "text-too-long-or-not-unicode") from None
        return Accepted(reference=cmd_id)

    def _came_up(self) -> None:
        _log.info("mqtt-up", route=self.config.name)
        self._watch.back()
        self._echo.connected()

    def _received(self, message: Received) -> None:
        if self._echo.took(message):
            return
        self._watch.heard(message)
        if len(message.payload) > MAX_REPORT_BYTES:
            self._link.acknowledge(message)  # nothing that we read is as large
        else:
            self._inbox.put(message)

    def _confirmed_late(self, tag: Try) -> None:
        receipt = Receipt(
            delivery=tag.delivery, attempt=tag.attempt, status=ReceiptStatus.ACCEPTED, code="late"
        )
        self._inbox.put(receipt)

    def _read(self, batch: Sequence[Received]) -> tuple[Sequence[Event], Callable[[], None]]:
        messages = [Message(m.topic, m.payload, m.retained, m.number) for m in batch]
        changes = self._attendance.changes(messages)
        receipts = [read_receipt(message, self._key) for message in messages]
        events = [*(receipt for receipt in receipts if receipt), *changes.events]
        return events, lambda: self._attendance.adopt(changes)
