"""One loudspeaker's login in an enemy's hands: nobody else's loudspeaker is told or spoken for.

With real brokers, as they are set up for enrolled loudspeakers.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from channels.loudspeaker.accounts import Account, Accounts
from channels.loudspeaker.broker import EmbeddedBroker
from channels.loudspeaker.keys import make_key
from channels.loudspeaker.mqtt import MqttRoute
from channels.loudspeaker.paho_client import without_properties
from tests.contract.case_mqtt import context, route_config
from tests.contract.mqtt_brokers import MOSQUITTO, NO_MOSQUITTO, Broker, Embedded
from tests.contract.mqtt_bytes import Speaker
from tests.contract.mqtt_world import presence
from tests.contract.peer import Recorder, until
from tests.contract.test_mqtt_traps import Enrolled, is_up
from tests.enrolled import enrol

T1 = "alertd/v1/terminal/t1"
# Others' words and commands, and what nats-server keeps under names of its own.
FORBIDDEN = (
    *(f"{T1}/{word}" for word in ("ack", "result", "fault", "state", "online", "cmd")),
    *("alertd/v1/area/330281/cmd", "alertd/v1/terminal/evil/cmd", "alertd.v1.terminal.t1.ack"),
    *("$MQTT/msgs/alertd/v1/terminal/t1/ack", "$MQTT/rmsgs/alertd/v1/terminal/t1/online"),
    *("$JS/API/STREAM/DELETE/$MQTT_msgs", f"/{T1}/ack", "$SYS/x"),
)
OVERHEARD = (
    *(f"{T1}/cmd", f"{T1}/+", "alertd/v1/+/+/cmd", "alertd/v1/#", "#", "+/+/+/t1/cmd"),
    *(f"$share/g/{T1}/cmd", "$share/g/alertd/v1/terminal/+/cmd", "$share/g/#", "$MQTT/#"),
)


class Five:
    """paho with MQTT 5, driven by its own thread."""

    def __init__(self, broker: Broker, account: Account, **will: Any) -> None:
        newer = MQTTProtocolVersion.MQTTv5
        self.paho = Client(CallbackAPIVersion.VERSION2, protocol=newer)
        self.paho.username_pw_set(account.terminal, account.password)
        if will:
            self.paho.will_set(**will)
        self.paho.connect("127.0.0.1", broker.address.port)
        self.paho.loop_start()

    def say(self, topic: str, payload: bytes, *, retain: bool = False, **properties: Any) -> None:
        said = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        for name, value in properties.items():
            setattr(said, name, value)
        self.paho.publish(topic, payload, 1, retain=retain, properties=said).wait_for_publish(20)

    def end(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()

    def die(self) -> None:
        """Without a goodbye, so that its will is published."""
        self.paho.loop_stop()
        self.paho.socket().close()  # type: ignore[union-attr]


@dataclass
class City:
    """A broker with two enrolled loudspeakers in one area."""

    broker: Broker
    t1: Account
    evil: Account

    async def enters(self, account: Account) -> Speaker:
        return await Speaker.connect(self.broker.address.port, account.terminal, account.password)

    async def alertd(self) -> Speaker:
        address = self.broker.address
        speaker = await self.enters(Account("alertd", address.password or ""))
        await speaker.subscribe("alertd/v1/terminal/+/+")
        return speaker


@asynccontextmanager
async def mosquitto(folder: Path) -> AsyncIterator[City]:
    t1, evil = made = enrol(Accounts(folder / "accounts"), ["t1", "evil"], ["330281"], 1)

    class Here(Enrolled):
        accounts = made

    async with Here.running(folder / "broker") as broker:
        yield City(broker, t1, evil)


@asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[City]:
    t1, evil = enrol(Accounts(folder), ["t1", "evil"], ["330281"], 1)
    broker = EmbeddedBroker(folder)
    address = await broker.start()
    try:
        yield City(Embedded(broker, address), t1, evil)
    finally:
        await broker.stop()


CITIES = [
    pytest.param(mosquitto, marks=pytest.mark.skipif(MOSQUITTO is None, reason=NO_MOSQUITTO)),
    embedded,
]
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason=NO_MOSQUITTO)


@pytest.mark.parametrize("city_of", CITIES)
async def test_it_speaks_for_nobody_else_and_overhears_nothing(
    tmp_path: Path, city_of: Any
) -> None:
    async with city_of(tmp_path) as city:
        alertd, victim = await city.alertd(), await city.enters(city.t1)
        await victim.subscribe(f"{T1}/cmd")
        for topic in FORBIDDEN:
            for retain in (False, True):
                evil = await city.enters(city.evil)
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):  # it hangs up
                    await evil.publish(topic, b"online", retain=retain)
                await evil.close()
        listening = await city.enters(city.evil)
        for topic in OVERHEARD:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await listening.subscribe(topic)
        evil = await city.enters(city.evil)
        await evil.publish("alertd/v1/terminal/evil/ack", b"mine")
        assert (await alertd.next_message()).payload == b"mine"
        late = await city.alertd()
        await evil.publish("alertd/v1/terminal/evil/ack", b"later")
        assert (await late.next_message()).payload == b"later", "nothing of it was retained"
        await alertd.publish(f"{T1}/cmd", b"for t1 alone")
        assert (await victim.next_message()).payload == b"for t1 alone"
        await listening.subscribe("alertd/v1/terminal/evil/cmd")
        await alertd.publish("alertd/v1/terminal/evil/cmd", b"for evil")
        assert (await listening.next_message()).payload == b"for evil"
        for speaker in (alertd, victim, evil, late, listening):
            await speaker.close()


@needs_mosquitto
async def test_neither_a_will_nor_an_alias_speaks_for_another(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as city:
        alertd = await city.alertd()
        will = {"topic": f"{T1}/online", "payload": b"offline", "qos": 1, "retain": True}
        await asyncio.to_thread(Five(city.broker, city.evil, **will).die)
        evil = Five(city.broker, city.evil)
        for topic in (f"{T1}/ack", ""):
            with contextlib.suppress(ValueError):  # paho itself sends no empty topic
                await asyncio.to_thread(evil.say, topic, b"x", TopicAlias=1)
        await asyncio.to_thread(evil.say, "alertd/v1/terminal/evil/ack", b"mine")
        assert (await alertd.next_message()).payload == b"mine"
        await asyncio.to_thread(evil.end)
        await alertd.close()


@needs_mosquitto
async def test_no_word_of_one_keeps_us_away_from_the_others(tmp_path: Path) -> None:
    """paho hangs up on a U+FEFF in a property, and was brought the same word at each connect."""
    async with mosquitto(tmp_path) as city:
        make_key(tmp_path / "key.pem")
        sink = Recorder()
        route = MqttRoute(route_config(city.broker.address, tmp_path / "key.pem"), context(sink))
        await route.start()
        await until(is_up(route))
        evil = Five(city.broker, city.evil)
        strange: list[dict[str, Any]] = [
            {"UserProperty": ("name", "\ufeff")},
            {"UserProperty": ("", ""), "ResponseTopic": "a/b", "ContentType": "\ufeff"},
            {"CorrelationData": b"", "PayloadFormatIndicator": 1, "MessageExpiryInterval": 1},
        ]
        for word in ("ack", "state"):
            for said in strange:
                topic = f"alertd/v1/terminal/evil/{word}"
                await asyncio.to_thread(evil.say, topic, b"{}", retain=True, **said)
        large = {"UserProperty": [("x" * 60_000, "y" * 60_000)] * 2}
        for _ in range(60):  # thrice what a broker brings unconfirmed
            await asyncio.to_thread(evil.say, "alertd/v1/terminal/evil/ack", b"{}", **large)
        t1 = await city.enters(city.t1)
        await t1.publish(f"{T1}/online", b"online")
        await sink.until(lambda events: presence(events) == {"t1": (True, "")})
        assert route._link.connection == 1
        await route.close()
        await t1.close()
        await asyncio.to_thread(evil.end)


@pytest.mark.parametrize(
    ("packet", "numbered", "plain"),
    [
        (b"\x00\x01t\x00\x07\x00data", True, b"\x00\x01t\x00\x07\x00data"),
        (b"\x00\x01t\x00\x07\x02\x01\x01data", True, b"\x00\x01t\x00\x07\x00data"),
        (b"\x00\x01t\x02\x01\x01", False, b"\x00\x01t\x00"),
        (b"\x00\x01t\x80\x01" + b"p" * 128 + b"data", False, b"\x00\x01t\x00data"),
    ],
)
def test_a_publish_without_its_properties(packet: bytes, numbered: bool, plain: bytes) -> None:
    assert without_properties(packet, numbered=numbered) == plain


def test_what_is_no_publish_is_none() -> None:
    with pytest.raises(IndexError):
        without_properties(b"\x00\x05topic\x00", numbered=True)
