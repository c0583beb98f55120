"""A paho client as we use it: no thread, no queue beyond a bound, and answers by hand."""

import ssl
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from channels.loudspeaker.address import BrokerAddress, Keeper
from channels.loudspeaker.unsent import NobodyListensError, NotAllowedError, NotHandedOverError

_CONNECT_TIMEOUT_S = 5.0
_MOST_QUEUED = 1000  # far below 65,535 message ids, where paho begins to refuse
_FOR_EVER = 0xFFFF_FFFF  # of a session, as MQTT 3.1.1 keeps it
_LONGEST_S = 0xFFFF_FFFE
_NOBODY = 0x10
_FOR_GOOD = frozenset({0x87, 0x90, 0x95, 0x99})  # rights, topic, size, format: it won't pass later


class _Opened(Protocol):
    """A socket, as paho has it."""

    def close(self) -> None:
        """Hang up."""


class _Shaking(ssl.SSLSocket):
    """A socket that is closed where its handshake fails: paho leaves it to the garbage collector.

    A broker that nobody vouches for is tried again every few seconds, for as long as it takes.
    """

    def do_handshake(self, block: bool = False) -> None:
        """As its own."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


class _Plain(Client):
    """One that reads no properties of what others say.

    Of MQTT 5's anybody may add any to their own words, and paho hangs up on some that brokers pass
    on (a U+FEFF, say): one loudspeaker's word, brought again at each connect, would keep us away
    from all of them.
    """

    def _handle_publish(self) -> MQTTErrorCode:
        if self.protocol == MQTTProtocolVersion.MQTTv5:
            at_qos_0 = not self._in_packet["command"] & 0x06
            packet = bytes(self._in_packet["packet"])
            self._in_packet["packet"] = bytearray(without_properties(packet, numbered=not at_qos_0))
        return super()._handle_publish()


def without_properties(packet: bytes, *, numbered: bool) -> bytes:
    """A PUBLISH of MQTT 5, after its fixed header, with none of its properties.

    Args:
        packet: Topic, number, properties, payload.
        numbered: Whether it has a number: not at QoS 0.

    Raises:
        IndexError: It isn't one.
    """
    at = end = 2 + int.from_bytes(packet[:2]) + (2 if numbered else 0)
    length, shift = 0, 0
    while True:
        length |= (packet[end] & 0x7F) << shift
        end, shift = end + 1, shift + 7
        if packet[end - 1] < 0x80:  # noqa: PLR2004 - the last byte of a length
            return packet[:at] + b"\0" + packet[end + length :]


class Speaks(StrEnum):
    """Which version of MQTT."""

    EITHER = "auto"
    NEWER = "5"
    OLDER = "3.1.1"


@lru_cache(maxsize=64)  # nearly all of an alert's have the same, and paho only reads it
def lasting(seconds: int) -> Properties:
    """What tells a broker to forget a message after so long."""
    said = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    said.MessageExpiryInterval = min(seconds, _LONGEST_S)
    return said


def refusal(reason: ReasonCode) -> NotHandedOverError | None:
    """What a PUBACK says against a message; None where the broker has it."""
    if reason.value == _NOBODY:
        return NobodyListensError()
    if not reason.is_failure:
        return None
    code = f"broker-{str(reason).lower().replace(' ', '-')}"
    return NotAllowedError(code) if reason.value in _FOR_GOOD else NotHandedOverError(code)


def make_client(
    address: BrokerAddress,
    client_id: str,
    context: ssl.SSLContext | None,
    will: tuple[str, bytes] | None,
    keepalive_s: int,
    *,
    clean: bool,
    newer: bool,
) -> Client:
    """One that knows where to connect to, and hasn't yet; the arguments are those of `Link`."""
    client = _Plain(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if newer else clean,
        protocol=MQTTProtocolVersion.MQTTv5 if newer else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.connect_timeout = _CONNECT_TIMEOUT_S
    client.max_inflight_messages_set(0)  # the window is the link's
    client.max_queued_messages_set(_MOST_QUEUED)
    if (keeper := address.keeper) is not None:
        client.on_socket_open = lambda _c, _u, opened: _vouched(keeper, opened)
    if address.username is not None:
        client.username_pw_set(address.username, address.password)
    if address.tls:
        trusted = context or ssl.create_default_context()
        trusted.sslsocket_class = _Shaking
        client.tls_set_context(trusted)
    if will is not None:
        client.will_set(will[0], will[1], qos=1, retain=True)
    if newer:
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        # And no MaximumPacketSize: Mosquitto 2.0.11 brings a session nothing any more, once it has
        # kept back twenty that were larger.
        session.SessionExpiryInterval = 0 if clean else _FOR_EVER
        client.connect_async(
            address.host, address.port, keepalive_s, clean_start=clean, properties=session
        )
    else:
        client.connect_async(address.host, address.port, keepalive_s)
    return client


def _vouched(keeper: Keeper, opened: _Opened) -> None:
    """Hang up, before our login is told, on whoever isn't the broker that we run."""
    try:
        keeper.vouch()
    except BaseException:
        opened.close()
        raise
