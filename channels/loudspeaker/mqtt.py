"""Loudspeakers over any MQTT 3.1.1 or 5 broker: signed commands out, terminals' own words back.

Options: `broker` (`mqtt://user:password@host:port`, or `mqtts://`), `key_file` (the signing key,
see `keys.make_key`), `volume` (0–100, default 100), `repeat` (how often a text is played, default
3), `ca_file` (PEM, for `mqtts://`), `heartbeat_s` and `missed` (a loudspeaker that wasn't heard for
so many heartbeats is offline; 60 and 3), `audio` (offer each text as a sound, too), `audio_url`,
`clips_dir`, `speech_command` (in espeak-ng's place), `mqtt` (auto, 5, 3.1.1), `areas` (false: never
one command to an area), `area_grace_s` (5: once no answer came for so long, the silent are asked
singly), and `audio_dir` and `accounts_dir`, which bootstrap sets.

The broker's PUBACK is `accepted` and no more. That a terminal has the command is its own ack
(`delivered`), and what was heard its result (`played`, `interrupted`): three states.
"""

from collections.abc import AsyncIterator, Callable, Sequence

import structlog

from alertd.i18n import N_
from alertd.words.sound import why_away
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
from channels.loudspeaker.attendance import Attendance
from channels.loudspeaker.commands import Try
from channels.loudspeaker.echo import Echo, Hearing
from channels.loudspeaker.flooding import Guard
from channels.loudspeaker.inbox import Inbox
from channels.loudspeaker.link import Link
from channels.loudspeaker.link_messages import Received
from channels.loudspeaker.mqtt_settings import read_settings
from channels.loudspeaker.patience import Patience
from channels.loudspeaker.reports import (
    MAX_REPORT_BYTES,
    SUBSCRIPTIONS,
    Message,
    read_receipt,
)
from channels.loudspeaker.sending import Sender
from channels.loudspeaker.watching import Watch

_log = structlog.get_logger(__name__)

_WINDOW = 20  # paho holds back and then refuses more; a broker's answer takes a disk's turn
_START_PATIENCE_S = 3.0
_DEAF = N_(
    "The MQTT broker is connected, but what loudspeakers say doesn't arrive: look at its ACL."
)
_SILENT = N_("The MQTT broker is connected, but confirms nothing that is said to it.")
_AWAY = N_("The MQTT broker isn't connected: {problem}.")
_NOT_UP = N_(
    "The loudspeakers' broker doesn't run, and is tried again by itself: {problem} What to do:"
    " {reason}"
)
_BROKEN = {Hearing.DEAF: _DEAF, Hearing.SILENT: _SILENT}


class MqttRoute:
    """The loudspeakers behind one broker."""

    kind = ChannelKind.LOUDSPEAKER
    can_stop = True

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        settings = read_settings(config, context.public_base_url)
        self.config = config
        self._now = context.now
        self._key = settings.key
        self._keeper = settings.broker.keeper
        self._attendance = Attendance()
        self._patience = Patience()
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
            speaks=settings.speaks,
            context=settings.tls,
        )
        self._sender = Sender(
            self._link,
            self._key,
            settings.manner,
            settings.announcer,
            now=self._now,
            areas=settings.areas.areas,
            grace_s=settings.area_grace_s,
            absent=lambda message: self._watch.absent(message.address),
        )
        self._closed = False
        self._echo = Echo(self._link, name)
        self._inbox = Inbox(config.name, context.sink, self._read, self._link.acknowledge)
        told = (self._attendance, self._link, self._now, self._inbox.put)
        self._watch = Watch(settings.silent_after_ms, *told)
        self._guard = Guard(settings.accounts, *told)

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
        await self._sender.close()
        await self._watch.close()
        await self._guard.close()
        await self._echo.close()
        await self._link.close()
        await self._inbox.close()

    def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Hand over; one Outcome each."""
        send = self._refuse if self._closed else self._sender.together(messages)
        return each(messages, send, self.config.limits.timeout_s, self._under_way)

    def hooks(self) -> Sequence[Hook]:
        """None: terminals answer through the broker."""
        return ()

    async def health(self) -> Health:
        """Whether the broker is connected, and brings what is said to us."""
        if self._link.up:
            broken = _BROKEN.get(self._echo.hearing)
            well = N_("The MQTT broker is connected.")
            return Health(ok=broken is None, detail=broken or well)
        if self._keeper is not None and (trouble := self._keeper.trouble):
            told = _NOT_UP.format(problem=trouble.message, reason=trouble.hint)
            return Health(ok=False, detail=told)
        return Health(ok=False, detail=_AWAY.format(problem=why_away(self._link.problem)))

    async def _refuse(self, _message: Outgoing) -> Accepted:
        raise SendError(Fault.RETRY, "route-closed")

    def _came_up(self) -> None:
        _log.info("mqtt-up", route=self.config.name)
        self._watch.back()
        self._echo.connected()

    def _received(self, message: Received) -> None:
        if self._echo.took(message):
            return
        refused = self._guard.refuses(message)
        if not refused:
            self._watch.heard(message)
        if refused or len(message.payload) > MAX_REPORT_BYTES:
            self._link.acknowledge(message)  # nothing that we read is as large
        else:
            self._inbox.put(message)

    def _confirmed_late(self, tries: Sequence[Try]) -> None:
        for late in tries:
            receipt = Receipt(
                delivery=late.delivery,
                attempt=late.attempt,
                status=ReceiptStatus.ACCEPTED,
                code="late",
            )
            self._inbox.put(receipt)

    def _read(self, batch: Sequence[Received]) -> tuple[Sequence[Event], Callable[[], None]]:
        messages = [Message(m.topic, m.payload, m.retained, m.number) for m in batch]
        changes = self._attendance.changes(messages, self._now())
        read = [read_receipt(message, self._key) for message in messages]
        receipts = [word for word in read if word and self._patience.has(word.reference)]
        for receipt in receipts:
            self._sender.answered(receipt.reference)
        events = [*receipts, *changes.events]

        def committed() -> None:
            self._attendance.adopt(changes)
            self._patience.heard(receipt.reference for receipt in receipts)

        return events, committed
