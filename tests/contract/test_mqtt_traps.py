"""What brokers do to whoever trusts them, and that no delivery is lost or heard twice by it."""

import asyncio
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from channels.base import Accepted, Channel, Event, Fault, Outcome, Outgoing, Presence, SendError
from channels.loudspeaker.accounts import Account, Accounts
from channels.loudspeaker.broker_config import mosquitto_acl, mosquitto_passwords
from channels.loudspeaker.keys import make_key
from channels.loudspeaker.mqtt import MqttRoute
from tests.contract.case_mqtt import MqttCase, context, route_config
from tests.contract.mqtt_brokers import MOSQUITTO, NO_MOSQUITTO, Embedded, Mosquitto
from tests.contract.mqtt_bytes import Speaker
from tests.contract.mqtt_world import delivered, forgetful, order, presence, send, world
from tests.contract.peer import PATIENCE_S, Recorder, until
from tests.enrolled import enrol

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason=NO_MOSQUITTO)


def accepted(outcomes: Sequence[Outcome]) -> set[int]:
    return {o.delivery for o in outcomes if isinstance(o.result, Accepted)}


def again(message: Outgoing) -> Outgoing:
    """What the engine sends where nobody answered in time."""
    return order(message.delivery, 1, attempt=message.attempt + 1, possible_duplicate=True)


@needs_mosquitto
async def test_a_broker_that_forgets_what_it_confirmed(tmp_path: Path) -> None:
    """Mosquitto saves every half hour unless told otherwise; a kill -9 loses all since."""
    async with (
        forgetful(tmp_path, "autosave_interval 1800") as broker_class,
        world(tmp_path, broker_class) as city,
    ):
        sink = Recorder()
        route = await city.route(sink)
        await city.terminals.start("ok", speed=10_000.0)
        await city.terminals.kill()
        messages = [order(number, 1) for number in range(1, 11)]
        assert accepted(await send(route, *messages)) == set(range(1, 11))
        await city.broker.kill()
        await city.broker.back()
        await city.terminals.start("ok", speed=10_000.0)
        await until(is_up(route))
        # Nothing of it ever arrives; each delivery is still open, and is sent once more.
        await send(route, *map(again, messages))
        await sink.until(lambda events: delivered(events) == set(range(1, 11)))
        assert {word.attempt for m in messages for word in sink.receipts(again(m))} == {2}
        assert [word for m in messages for word in sink.receipts(m)] == []
        assert len(await city.terminals.logged("ended", 10)) == 10


@needs_mosquitto
async def test_a_broker_that_drops_past_a_bound(tmp_path: Path) -> None:
    """Mosquitto confirms what it drops; the bound is 1,000 by default, and 10 here."""
    async with (
        forgetful(tmp_path, "max_queued_messages 10", "max_inflight_messages 5") as broker_class,
        world(tmp_path, broker_class) as city,
    ):
        sink = Recorder()
        route = await city.route(sink)
        await city.terminals.start("ok", speed=10_000.0)
        await city.terminals.kill()
        messages = [order(number, 1) for number in range(1, 41)]
        assert accepted(await send(route, *messages)) == set(range(1, 41))
        await city.terminals.start("ok", speed=10_000.0)
        first = await heard_all_that_was_kept(city.terminals.log)
        assert 0 < len(first) < 40
        await sink.until(lambda events: delivered(events) == first)
        silent = [message for message in messages if message.delivery not in first]
        for some in (silent[:8], silent[8:16], silent[16:24], silent[24:]):
            await send(route, *map(again, some))
            done = {message.delivery for message in some}
            await sink.until(lambda events, done=done: delivered(events) >= done)  # type: ignore[misc]
        assert delivered(sink.events) == set(range(1, 41))


async def heard_all_that_was_kept(log: object) -> set[int]:
    """Deliveries heard, once no more come for a while: what was dropped says nothing."""
    known: set[int] = set()
    since = time.monotonic()
    while time.monotonic() - since < 0.7:
        heard = {int(line["cmd_id"].split("-")[2]) for line in log("heard")}  # type: ignore[operator]
        if heard != known:
            known, since = heard, time.monotonic()
        await asyncio.sleep(0.05)
    return known


def is_up(route: MqttRoute):  # type: ignore[no-untyped-def]  # noqa: ANN201
    async def up() -> bool:
        return (await route.health()).ok

    return up


class Enrolled(Mosquitto):
    """Mosquitto with what `alertd terminal mosquitto` writes."""

    acl = ""
    accounts: Sequence[Account] = ()

    async def back(self) -> None:
        conf, folder = self._folder / "conf", self._folder
        if not (folder / "acl").exists():
            own = self.address.password or ""
            (folder / "passwords").write_text(
                mosquitto_passwords(own, self.accounts, secrets.token_bytes)
            )
            (folder / "acl").write_text(self.acl or mosquitto_acl(self.accounts))
            with conf.open("a") as file:
                file.write(f"acl_file {folder}/acl\n")
        await super().back()

    async def ruled_by(self, acl: str) -> None:
        """Another ACL, without a restart."""
        (self._folder / "acl").write_text(acl)
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)


async def login(broker: Mosquitto, account: Account) -> Speaker:
    return await Speaker.connect(broker.address.port, account.terminal, account.password)


@needs_mosquitto
async def test_mosquitto_takes_our_passwords_and_our_acl(tmp_path: Path) -> None:
    made = enrol(Accounts(tmp_path / "a"), ["t1", "t2"], ["330281"], 1)
    t1, t2 = made

    class Here(Enrolled):
        accounts = made

    async with Here.running(tmp_path / "broker") as broker:
        ours = await broker.terminal()  # the login is alertd's
        terminal, other = await login(broker, t1), await login(broker, t2)
        await ours.subscribe("alertd/v1/#")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await login(broker, Account("t1", t2.password))
        # It grants what it denies: so that only what arrives can show what may be heard.
        assert await terminal.subscribe("alertd/v1/terminal/+/cmd") in {0, 1}
        assert await terminal.subscribe("alertd/v1/area/330281/cmd") == 1
        await terminal.subscribe("alertd/v1/terminal/t2/ack")
        await other.publish("alertd/v1/terminal/t1/ack", b"not mine")
        await other.publish("alertd/v1/terminal/t1/cmd", b"nor this")
        await other.publish("alertd/v1/terminal/t2/ack", b"mine")
        assert (await ours.next_message()).payload == b"mine"
        for topic in ("terminal/t2/cmd", "area/1/cmd", "area/330281/cmd", "terminal/t1/cmd"):
            await ours.publish(f"alertd/v1/{topic}", topic.encode())
        heard = {(await terminal.next_message()).payload for _ in range(2)}
        assert heard == {b"area/330281/cmd", b"terminal/t1/cmd"}
        for speaker in (ours, terminal, other):
            await speaker.close()


@needs_mosquitto
async def test_a_subscription_that_is_granted_and_denied_is_found_out(tmp_path: Path) -> None:
    class Deaf(Enrolled):
        acl = "user alertd\ntopic write alertd/v1/#\n"

    async with Deaf.running(tmp_path / "broker") as broker:
        make_key(tmp_path / "key.pem")
        config = route_config(broker.address, tmp_path / "key.pem", mqtt="3.1.1")
        route = MqttRoute(config, context(Recorder()))
        route._echo._patience_s = route._echo._pause_s = 0.3
        await route.start()

        async def found_out() -> bool:
            return not (await route.health()).ok

        try:
            await until(found_out)
            assert "look at its ACL" in (await route.health()).detail
            # It goes on sending: loudspeakers may well hear.
            assert accepted(await send(route, order(1))) == {1}
            # Set right, it is well again without a new connection; and spoilt, it isn't.
            for acl, well in (
                ("user alertd\ntopic readwrite alertd/v1/#\n", True),
                (Deaf.acl, False),
            ):
                await broker.ruled_by(acl)
                await until(is_well(route, well))
        finally:
            await route.close()


async def test_one_that_confirms_nothing_is_found_out(tmp_path: Path) -> None:
    async with MqttCase.open(tmp_path) as case:
        assert isinstance(case.route, MqttRoute)
        echo = case.route._echo
        echo._confirm_patience_s = echo._pause_s = 0.3
        case.gate.muted.add(echo._topic)
        await case.gate.cut()

        async def found_out() -> bool:
            return "confirms nothing" in (await case.route.health()).detail

        await until(found_out)
        case.gate.muted.clear()
        await until(is_well(case.route, well=True))


def is_well(route: Channel, well: bool) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return (await route.health()).ok is well

    return look


async def test_one_that_hangs_up_on_a_message_does_not_lose_the_others(tmp_path: Path) -> None:
    """MQTT 3.1.1 has no refusal of a PUBLISH; some brokers disconnect, at each repetition."""
    async with MqttCase.open(tmp_path) as case:
        bad = case.message(1)
        case.gate.denied.add(f"alertd/v1/terminal/{bad.address}/cmd")
        (outcome,) = await outcomes(case.route, bad)  # type: ignore[arg-type]
        assert isinstance(outcome.result, SendError)
        assert outcome.result.fault is Fault.UNKNOWN

        async def others_pass() -> bool:
            number = next(numbers)
            return accepted(await outcomes(case.route, case.message(number))) == {number}  # type: ignore[arg-type]

        numbers = iter(range(2, 1000))
        await until(others_pass)
        for number in range(1000, 1010):
            assert accepted(await outcomes(case.route, case.message(number))) == {number}  # type: ignore[arg-type]
        assert (await case.route.health()).ok


async def test_one_that_hangs_up_on_the_trial_itself_is_used_all_the_same(tmp_path: Path) -> None:
    async with MqttCase.open(tmp_path) as case:
        assert isinstance(case.route, MqttRoute)
        case.gate.denied.add(case.route._echo._topic)
        await case.gate.cut()

        async def passes() -> bool:
            number = next(numbers)
            return accepted(await outcomes(case.route, case.message(number))) == {number}  # type: ignore[arg-type]

        numbers = iter(range(1, 1000))
        await until(passes)
        assert (await case.route.health()).ok


async def outcomes(route: MqttRoute, *messages: Outgoing) -> list[Outcome]:
    async with asyncio.timeout(PATIENCE_S):
        return [outcome async for outcome in route.send_many(messages)]


async def test_a_silent_death_that_the_broker_never_tells_of(tmp_path: Path) -> None:
    """A loudspeaker without power, behind a gateway that keeps its connection alive."""
    async with world(tmp_path, Embedded) as city:
        make_key(tmp_path / "key.pem")
        config = route_config(city.broker.address, tmp_path / "key.pem")
        options = {**config.options, "heartbeat_s": 1, "missed": 1}
        sink = Recorder()
        route = MqttRoute(
            type(config)(name="speakers", type="mqtt", limits=config.limits, options=options),
            context(sink),
        )
        await route.start()
        speaker = await city.broker.terminal()
        try:
            await speaker.publish("alertd/v1/terminal/t1/online", b"online", retain=True)
            await sink.until(lambda events: presence(events) == {"t1": (True, "")})
            await sink.until(lambda events: presence(events) == {"t1": (False, "")})
            # Any word of its own brings it back; what the broker kept doesn't.
            await speaker.publish("alertd/v1/terminal/t1/ack", b"{}")
            await sink.until(lambda events: presence(events) == {"t1": (True, "")})
            assert told(sink.events) == [True, False, True]
        finally:
            await speaker.close()
            await route.close()


def told(events: Sequence[Event]) -> list[bool]:
    return [event.online for event in events if isinstance(event, Presence)]
