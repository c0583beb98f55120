"""Route, broker and terminals together: what is promised while any of them dies."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from channels.base import Accepted, Event, Fault, ReceiptStatus, SendError
from tests.contract.case_mqtt import MqttCase
from tests.contract.mqtt_brokers import MOSQUITTO, NO_MOSQUITTO, Broker, Embedded, Mosquitto
from tests.contract.mqtt_bytes import RETAIN
from tests.contract.mqtt_world import delivered, order, presence, send, words, world
from tests.contract.peer import PATIENCE_S, Recorder, until

S = ReceiptStatus

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason=NO_MOSQUITTO)


@pytest.fixture(
    params=[
        pytest.param(Embedded, id="embedded"),
        pytest.param(Mosquitto, id="mosquitto", marks=needs_mosquitto),
    ]
)
def broker_class(request: pytest.FixtureRequest) -> type[Broker]:
    found: type[Broker] = request.param
    return found


async def test_three_states_and_none_is_another(broker_class: type[Broker], tmp_path: Path) -> None:
    async with world(tmp_path, broker_class) as city:
        await city.terminals.start("ok", "refuses", "power-lost", "partial", "duplicate")
        sink = Recorder()
        route = await city.route(sink)
        messages = [order(number) for number in range(1, 6)]
        outcomes = await send(route, *messages)
        # The broker has them all: that says nothing of any terminal.
        assert all(isinstance(o.result, Accepted) and not o.result.delivered for o in outcomes)
        ok, refuses, lost, partial, duplicate = messages
        await sink.until(
            lambda _: (
                len(words(sink, duplicate)) == 4
                and all(len(words(sink, message)) == 2 for message in (ok, partial))
                and len(words(sink, refuses)) == 1
            )
        )
        assert words(sink, ok) == [(S.DELIVERED, "", ""), (S.PLAYED, "", "3/3")]
        assert words(sink, refuses) == [(S.FAILED, "amplifier-fault", "")]
        assert sink.receipts(refuses)[0].fault is Fault.REFUSED
        assert words(sink, partial) == [(S.DELIVERED, "", ""), (S.PLAYED, "", "1/3")]
        assert Counter(words(sink, duplicate)) == {
            (S.DELIVERED, "", ""): 2,
            (S.PLAYED, "", "3/3"): 2,
        }
        await city.terminals.logged("power-lost", 1)
        assert words(sink, lost) == []


async def test_they_come_are_ill_and_go(broker_class: type[Broker], tmp_path: Path) -> None:
    async with world(tmp_path, broker_class) as city:
        sink = Recorder()
        await city.route(sink)
        await city.terminals.start("ok", "refuses")
        well = {"t1": (True, ""), "t2": (True, "amplifier-fault")}
        await sink.until(lambda events: presence(events) == well)
        await city.terminals.switch_off()
        gone = {"t1": (False, ""), "t2": (False, "amplifier-fault")}
        await sink.until(lambda events: presence(events) == gone)


async def test_a_killed_terminal_is_gone_by_its_last_will(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    async with world(tmp_path, broker_class) as city:
        sink = Recorder()
        await city.route(sink)
        await city.terminals.start("ok", "ok")
        await sink.until(lambda events: presence(events) == dict.fromkeys(("t1", "t2"), (True, "")))
        await city.terminals.kill()
        await sink.until(
            lambda events: presence(events) == dict.fromkeys(("t1", "t2"), (False, ""))
        )


async def test_a_silent_death_is_noticed_by_the_keepalive(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    async with world(tmp_path, broker_class) as city:
        await city.terminals.start("power-lost", "ok", keepalive_s=2)
        sink = Recorder()
        route = await city.route(sink)
        await sink.until(lambda events: presence(events) == dict.fromkeys(("t1", "t2"), (True, "")))
        await send(route, order(1))
        await sink.until(lambda events: presence(events)["t1"] == (False, ""))
        assert presence(sink.events)["t2"] == (True, "")


async def test_who_is_there_is_known_after_a_restart_of_ours(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    async with world(tmp_path, broker_class) as city:
        before = Recorder()
        route = await city.route(before)
        await city.terminals.start("ok", "ok")
        await before.until(lambda events: len(presence(events)) == 2)
        await route.close()
        after = Recorder()
        await city.route(after)
        await after.until(
            lambda events: presence(events) == dict.fromkeys(("t1", "t2"), (True, ""))
        )


async def test_what_terminals_say_while_we_are_away_waits(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    async with world(tmp_path, broker_class) as city:
        await city.terminals.start("ok", speed=10.0)
        before = Recorder()
        route = await city.route(before)
        message = order(1)
        await send(route, message)
        await before.until(lambda events: delivered(events) == {1})
        await route.close()
        await city.terminals.logged("ended", 1)
        after = Recorder()
        await city.route(after)
        await after.until(lambda _: (S.PLAYED, "", "3/3") in words(after, message))


class Failing(Recorder):
    """A sink whose store is away."""

    async def __call__(self, route: str, events: Sequence[Event]) -> None:
        await super().__call__(route, events)
        raise OSError("the disk is full")


async def test_what_we_could_not_store_is_sent_again(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    async with world(tmp_path, broker_class) as city:
        await city.terminals.start("ok")
        broken = Failing()
        route = await city.route(broken)
        message = order(1)
        await send(route, message)
        await broken.until(lambda _: len(words(broken, message)) >= 1)
        await city.terminals.logged("ended", 1)
        await route.close()
        sound = Recorder()
        await city.route(sound)
        await sound.until(
            lambda _: set(words(sound, message)) == {(S.DELIVERED, "", ""), (S.PLAYED, "", "3/3")}
        )


async def test_a_terminal_that_was_away_hears_what_is_still_fresh(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    async with world(tmp_path, broker_class) as city:
        await city.terminals.start("ok")
        sink = Recorder()
        route = await city.route(sink, mqtt="3.1.1")  # with 5 the broker itself may drop it
        await city.terminals.kill()
        fresh, stale = order(1), order(2, terminal=1)
        stale = order(2, terminal=1, expires_at=stale.created_at + 300)
        assert all(isinstance(o.result, Accepted) for o in await send(route, stale, fresh))
        await asyncio.sleep(0.3)  # the one thing waited for is that its time is over
        await city.terminals.start("ok")
        await sink.until(lambda _: (S.PLAYED, "", "3/3") in words(sink, fresh))
        assert words(sink, stale) == [(S.FAILED, "expired", "")]
        assert len(city.terminals.log("playing")) == 1


async def test_a_killed_broker_loses_nothing_that_it_confirmed(tmp_path: Path) -> None:
    async with world(tmp_path, Embedded) as city:
        await city.terminals.start(*["ok"] * 60)
        sink = Recorder()
        route = await city.route(sink)
        messages = [order(number, terminal=1 + number % 60) for number in range(1, 601)]
        sending = asyncio.create_task(send(route, *messages))
        await city.terminals.logged("heard", 20)
        await city.broker.kill()
        outcomes = {outcome.delivery: outcome.result for outcome in await sending}
        faults = Counter(r.fault if isinstance(r, SendError) else None for r in outcomes.values())
        assert set(faults) <= {None, Fault.UNKNOWN, Fault.AWAY}
        assert faults[Fault.AWAY] > 0
        await city.broker.back()
        # What may have gone does go in the end, and only what never left needs another try.
        may_have_gone = {
            delivery
            for delivery, result in outcomes.items()
            if not isinstance(result, SendError) or result.fault is Fault.UNKNOWN
        }
        await sink.until(lambda events: delivered(events) >= may_have_gone)
        left = [message for message in messages if message.delivery not in may_have_gone]

        async def up() -> bool:
            return (await route.health()).ok

        await until(up)
        again = await send(route, *left)
        assert all(isinstance(outcome.result, Accepted) for outcome in again)
        await sink.until(lambda events: delivered(events) == set(range(1, 601)))
        heard = Counter(
            line["cmd_id"] for line in city.terminals.log("heard") if line["verdict"] == "accepted"
        )
        assert set(heard.values()) == {1}


async def test_it_comes_back_by_itself_when_the_broker_does(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    async with world(tmp_path, broker_class) as city:
        await city.terminals.start("ok")
        sink = Recorder()
        route = await city.route(sink)
        await send(route, order(1))
        await sink.until(lambda events: delivered(events) == {1})
        await city.broker.kill()
        away = await send(route, order(2, terminal=1))
        assert isinstance(away[0].result, SendError)
        await city.broker.back()

        async def up() -> bool:
            return (await route.health()).ok

        await until(up)
        # So does the terminal. Until then Mosquitto, which forgot its session, drops what we send
        # and confirms it: a delivery stays open until the terminal itself has answered.
        await city.terminals.logged("up", 2)
        assert isinstance((await send(route, order(3, terminal=1)))[0].result, Accepted)
        await sink.until(lambda events: delivered(events) >= {1, 3})


async def test_a_lost_puback_is_made_good_by_a_late_one(tmp_path: Path) -> None:
    async with MqttCase.open(tmp_path) as case:
        message = case.message(1)
        await case.trouble("cut-after")
        async with asyncio.timeout(PATIENCE_S):
            outcomes = [outcome async for outcome in case.route.send_many([message])]
        assert isinstance(outcomes[0].result, SendError)
        assert outcomes[0].result.fault is Fault.UNKNOWN
        await case.sink.until(lambda _: words(case.sink, message) == [(S.ACCEPTED, "late", "")])
        first, again = case.gate.publishes
        assert again.is_repeated
        assert (first.topic, first.payload) == (again.topic, again.payload)


async def test_replayed_and_forged_commands_are_not_played(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    async with world(tmp_path, broker_class) as city:
        await city.terminals.start("ok")
        sink = Recorder()
        route = await city.route(sink)
        ours = await city.ours()
        topic = "alertd/v1/terminal/t1/cmd"
        await ours.subscribe(topic)
        await send(route, order(1))
        command = (await ours.next_message()).payload
        await city.terminals.logged("ended", 1)
        await ours.publish(topic, command)
        forged = json.loads(command) | {"text": "全体撤离", "seq": 2**52}
        await ours.publish(topic, json.dumps(forged).encode())
        await ours.publish(topic, b"\xff garbage")
        heard = await city.terminals.logged("heard", 4)
        assert [line["verdict"] for line in heard] == [
            *("accepted", "repeated", "bad-signature", "malformed"),
        ]
        assert len(city.terminals.log("playing")) == 1
        await sink.until(lambda events: presence(events)["t1"] == (True, "command-bad-signature"))
        assert isinstance((await send(route, order(2, terminal=1)))[0].result, Accepted)
        await sink.until(lambda events: delivered(events) == {1, 2})
        await ours.close()


async def test_a_command_is_never_retained(broker_class: type[Broker], tmp_path: Path) -> None:
    async with world(tmp_path, broker_class) as city:
        route = await city.route(Recorder())
        await send(route, *[order(number) for number in range(1, 6)])
        ours = await city.ours()
        await ours.subscribe("alertd/v1/terminal/+/cmd")
        other = await city.ours()
        await other.publish("alertd/v1/terminal/t9/cmd", b"the first")
        async with asyncio.timeout(PATIENCE_S):
            first = await ours.next_message()
        assert (first.payload, first.head & RETAIN) == (b"the first", 0)
        await ours.close()
        await other.close()


async def test_an_order_to_stop_stops(broker_class: type[Broker], tmp_path: Path) -> None:
    async with world(tmp_path, broker_class) as city:
        await city.terminals.start("ok", speed=1.0)
        sink = Recorder()
        route = await city.route(sink)
        playing = order(1)
        await send(route, playing)
        await city.terminals.logged("playing", 1)
        stop = order(2, terminal=1, stop=True, text="", expires_at=1)
        await send(route, stop)
        await sink.until(lambda _: len(words(sink, playing)) == 2 and len(words(sink, stop)) == 1)
        assert words(sink, stop) == [(S.DELIVERED, "", "")]
        assert words(sink, playing)[1] == (S.INTERRUPTED, "cancelled", "0/3")


async def test_what_was_replaced_while_a_terminal_was_away_is_not_heard(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    async with world(tmp_path, broker_class) as city:
        await city.terminals.start("ok")
        sink = Recorder()
        route = await city.route(sink)
        await city.terminals.kill()
        old = order(1)
        new = order(2, terminal=1, alert="0b" * 16, severity=2, stops=(old.alert,))
        await send(route, old)
        await send(route, new)
        await city.terminals.start("ok")
        await sink.until(lambda _: (S.PLAYED, "", "3/3") in words(sink, new))
        assert words(sink, old) == [(S.DELIVERED, "", ""), (S.INTERRUPTED, "cancelled", "0/3")]
        # That it obeyed the order to fall silent is no word on the text.
        assert words(sink, new) == [(S.DELIVERED, "", ""), (S.PLAYED, "", "3/3")]


async def test_a_live_alert_goes_before_a_drill(broker_class: type[Broker], tmp_path: Path) -> None:
    async with world(tmp_path, broker_class) as city:
        await city.terminals.start("ok", speed=2.0)
        sink = Recorder()
        route = await city.route(sink)
        drill, live = order(1), order(2, terminal=1, status="Actual", severity=4, alert="0b" * 16)
        await send(route, drill)
        await send(route, live)
        await sink.until(lambda _: len(words(sink, drill)) == 2 and len(words(sink, live)) == 1)
        assert words(sink, drill)[1] == (S.INTERRUPTED, "more-pressing", "0/3")


async def test_2000_hostile_words_and_no_true_one_lost(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    async with world(tmp_path, broker_class) as city:
        sink = Recorder()
        route = await city.route(sink, mqtt="3.1.1")  # no terminal is there
        outcomes = await send(route, *[order(number) for number in range(1, 101)])
        ids = {o.delivery: o.result.reference for o in outcomes if isinstance(o.result, Accepted)}
        evil = [
            b"",
            b"\x00" * 100,
            b"[" * 60_000,
            b'{"cmd_id": "89c72fc2-0a0a0a0a-1-1-9ca19dd03f71c5a8", "status": "accepted"}',
            b'{"cmd_id": null, "status": {}}',
            '{"fault": "💥", "at": -1}'.encode(),
            b'{"status": "accepted", "status": "refused"}',
            b'{"at": 1e999, "cmd_id": NaN}',
        ]
        says = ["ack", "result", "fault", "state", "online"]
        speaker = await city.broker.terminal()
        for number in range(1, 2001):
            if number % 20:
                topic = f"alertd/v1/terminal/evil-{number % 7}/{says[number % 5]}"
                await speaker.publish(topic, evil[number % len(evil)])
            else:
                delivery = number // 20
                body = {"cmd_id": ids[delivery], "status": "accepted"}
                topic = f"alertd/v1/terminal/t{delivery}/ack"
                await speaker.publish(topic, json.dumps(body).encode())
        await sink.until(lambda events: delivered(events) == set(range(1, 101)))
        assert len([e for e in sink.events if e in sink.receipts(order(1))]) == 1
        assert (await route.health()).ok
        await speaker.close()


async def test_a_broker_that_hangs_costs_a_window_and_no_more(tmp_path: Path) -> None:
    """What paho would have queued in silence is told as not handed over."""
    async with MqttCase.open(tmp_path, timeout_s=1.0) as case:
        messages = [case.message(number) for number in range(1, 201)]
        for message in messages:
            await case.hold(message)
        async with asyncio.timeout(PATIENCE_S):
            outcomes = [outcome async for outcome in case.route.send_many(messages)]
        faults = Counter(o.result.fault for o in outcomes if isinstance(o.result, SendError))
        assert faults == {Fault.UNKNOWN: 20, Fault.RETRY: 180}
        await case.release()
        unknown = {
            outcome.delivery
            for outcome in outcomes
            if isinstance(outcome.result, SendError) and outcome.result.fault is Fault.UNKNOWN
        }
        await case.sink.until(lambda events: len(events) == len(unknown))
        late = [word for m in messages for word in case.sink.receipts(m, S.ACCEPTED)]
        assert {(word.delivery, word.code) for word in late} == {(n, "late") for n in unknown}
