"""What MQTT 5 adds, with a real Mosquitto: nobody listens, commands run out, refusals are named."""

import time
from pathlib import Path

import pytest

from channels.base import Accepted, Fault, SendError
from channels.loudspeaker.accounts import Accounts
from tests.contract.mqtt_brokers import MOSQUITTO, NO_MOSQUITTO, Embedded, Mosquitto
from tests.contract.mqtt_world import delivered, forgetful, order, presence, send, world
from tests.contract.peer import Recorder, until
from tests.contract.test_mqtt_traps import Enrolled, is_up
from tests.enrolled import enrol

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason=NO_MOSQUITTO)


async def test_the_newer_is_spoken_where_the_broker_does_and_the_older_where_it_does_not(
    tmp_path: Path,
) -> None:
    for broker_class, newer in ((Mosquitto, True), (Embedded, False)):
        async with world(tmp_path / broker_class.__name__, broker_class) as city:  # type: ignore[type-abstract]
            route = await city.route(Recorder())

            await until(is_up(route))
            assert route._link.newer is newer
            await city.terminals.start("ok")
            (outcome,) = await send(route, order(1))
            assert isinstance(outcome.result, Accepted)


async def test_a_broker_that_does_not_speak_what_is_asked_for_is_named(tmp_path: Path) -> None:
    async with world(tmp_path, Embedded) as city:
        health = await (await city.route(Recorder(), mqtt="5")).health()
        assert not health.ok
        assert "refuses (unsupported-protocol-version)" in health.detail


async def test_one_that_nobody_listens_for_is_away_at_once_and_never_delivered(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, Mosquitto) as city:
        sink = Recorder()
        route = await city.route(sink)
        ghost = await city.broker.terminal()
        await ghost.publish("alertd/v1/terminal/t1/online", b"online", retain=True)
        await sink.until(lambda events: presence(events) == {"t1": (True, "")})
        (outcome,) = await send(route, order(1))
        assert isinstance(outcome.result, SendError)
        assert (outcome.result.fault, outcome.result.code) == (Fault.BUSY, "nobody-listens")
        await sink.until(lambda events: presence(events) == {"t1": (False, "")})
        # One that is away, and has a session, is another thing: the broker keeps it for it.
        await city.terminals.start("ok")
        await city.terminals.kill()
        (outcome,) = await send(route, order(1, attempt=2))
        assert isinstance(outcome.result, Accepted)
        await city.terminals.start("ok")
        await sink.until(lambda events: delivered(events) == {1})
        await ghost.close()


async def test_an_area_that_nobody_listens_to_is_asked_singly_at_once(tmp_path: Path) -> None:
    enrol(Accounts(tmp_path / "enrolled"), ["t1", "t2"], ["330281"], 1)
    async with world(tmp_path, Mosquitto) as city:
        sink = Recorder()
        options = {"accounts_dir": str(tmp_path / "enrolled"), "area_grace_s": 60}
        route = await city.route(sink, **options)
        await city.terminals.start("ok", "ok", area="another")
        await send(route, order(1), order(2))
        await sink.until(lambda events: delivered(events) == {1, 2})


async def test_what_has_run_out_the_broker_no_longer_brings(tmp_path: Path) -> None:
    async with world(tmp_path, Mosquitto) as city:
        sink = Recorder()
        route = await city.route(sink)
        await city.terminals.start("ok", "ok", speed=10_000.0)
        await city.terminals.kill()
        over_at = time.time_ns() // 1_000_000 + 1_000
        outcomes = await send(route, order(1, expires_at=over_at), order(11, 1))
        assert {type(outcome.result) for outcome in outcomes} == {Accepted}

        async def over() -> bool:  # the broker counts whole seconds
            return time.time_ns() // 1_000_000 > over_at + 2_000

        await until(over)
        await city.terminals.start("ok", "ok", speed=10_000.0)
        await sink.until(lambda events: delivered(events) == {11})
        assert [line["cmd_id"].split("-")[2] for line in city.terminals.log("heard")] == ["11"]


async def test_no_more_is_under_way_than_the_broker_said(tmp_path: Path) -> None:
    """It hangs up on more, with MQTT 5."""
    async with (
        forgetful(tmp_path, "max_inflight_messages 3") as broker_class,
        world(tmp_path, broker_class) as city,
    ):
        sink = Recorder()
        route = await city.route(sink)
        await city.terminals.start(*["ok"] * 5, speed=10_000.0)
        outcomes = await send(route, *[order(n, 1 + n % 5) for n in range(100)])
        assert {type(outcome.result) for outcome in outcomes} == {Accepted}
        assert route._link.connection == 1


async def test_a_refusal_of_the_brokers_own_is_told_by_its_name(tmp_path: Path) -> None:
    """With MQTT 3.1.1 it confirms, and delivers to nobody."""

    class Narrow(Enrolled):
        acl = (
            "user alertd\ntopic read alertd/v1/#\n"
            "topic write alertd/v1/terminal/+/ack\ntopic write alertd/v1/terminal/t2/cmd\n"
        )

    async with world(tmp_path, Narrow) as city:
        route = await city.route(Recorder())
        (outcome,) = await send(route, order(1))
        assert isinstance(outcome.result, SendError)
        assert outcome.result.fault is Fault.REFUSED
        assert outcome.result.code == "broker-not-authorized"
