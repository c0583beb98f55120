"""`mqtts://`: a broker behind TLS, its certificate signed by the town's own authority."""

import gc
from collections import Counter
from dataclasses import replace
from pathlib import Path

from channels.base import Accepted, RouteConfig
from channels.loudspeaker.keys import make_key
from channels.loudspeaker.mqtt import MqttRoute
from tests.contract.case_mqtt import context, route_config, through
from tests.contract.mqtt_brokers import Embedded
from tests.contract.mqtt_gate import Gate
from tests.contract.mqtt_world import delivered, order, send, world
from tests.contract.peer import Recorder
from tests.contract.tls_certificate import certificate


def tls_config(gate: Gate, broker: Embedded, folder: Path, *, ca: bool) -> RouteConfig:
    make_key(folder / "key.pem")
    config = route_config(replace(through(gate, broker), tls=True), folder / "key.pem")
    trusted = {"ca_file": str(folder / "ca.pem")} if ca else {}
    return replace(config, options={**config.options, **trusted})


async def test_commands_and_answers_over_tls(tmp_path: Path) -> None:
    async with world(tmp_path, Embedded) as city:
        await city.terminals.start(*["ok"] * 20)
        assert isinstance(city.broker, Embedded)
        gate = Gate(city.broker.address.port, certificate(tmp_path))
        await gate.open()
        sink = Recorder()
        route = MqttRoute(tls_config(gate, city.broker, tmp_path, ca=True), context(sink))
        await route.start()
        # Many small packets in one record, which the socket tells of once only.
        outcomes = await send(route, *[order(number, 1 + number % 20) for number in range(200)])
        assert Counter(type(outcome.result) for outcome in outcomes) == {Accepted: 200}
        await sink.until(lambda events: len(delivered(events)) == 200)
        await route.close()
        await gate.close()


async def test_a_certificate_that_nobody_vouches_for_is_not_talked_to(tmp_path: Path) -> None:
    async with Embedded.running(tmp_path / "broker") as broker:
        gate = Gate(broker.address.port, certificate(tmp_path))
        await gate.open()
        route = MqttRoute(tls_config(gate, broker, tmp_path, ca=False), context(Recorder()))
        await route.start()
        health = await route.health()
        assert not health.ok
        assert "the broker's certificate isn't trusted" in health.detail
        assert gate.publishes == []
        await route.close()
        await gate.close()
    gc.collect()  # a socket that was left open is told of here
