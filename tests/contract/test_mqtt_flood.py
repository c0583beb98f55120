"""One login that says too much is shut out, and all others are heard."""

import asyncio
from pathlib import Path

from channels.base import Presence
from channels.loudspeaker.accounts import Account, Accounts
from tests.contract.mqtt_brokers import Embedded
from tests.contract.mqtt_bytes import PUBLISH, Packet, Speaker, text
from tests.contract.mqtt_world import delivered, order, send, world
from tests.contract.peer import Recorder, until
from tests.enrolled import enrol

WORD = Packet(PUBLISH, text("alertd/v1/terminal/evil/state") + b'{"fault": ""}').encoded()


async def flood(port: int, account: Account) -> None:
    """As fast as the broker takes it, until it hangs up and lets nobody in any more."""
    while True:
        try:
            speaker = await Speaker.connect(port, account.terminal, account.password)
        except ConnectionRefusedError:
            return
        try:
            while True:
                speaker.writer.write(WORD * 500)
                await speaker.writer.drain()
        except OSError:
            await speaker.close()


async def test_one_that_floods_is_shut_out_and_the_others_are_heard(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "broker")
    (evil,) = enrol(accounts, ["evil"], [], 1)
    async with world(tmp_path, Embedded) as city:
        await city.terminals.start("ok")
        sink = Recorder()
        route = await city.route(sink, accounts_dir=str(tmp_path / "broker"), mqtt="3.1.1")
        async with asyncio.timeout(60):
            await flood(city.broker.address.port, evil)
        assert not accounts.all()["evil"].good

        async def up() -> bool:
            return (await route.health()).ok

        await until(up)
        await send(route, order(1))
        await sink.until(lambda events: delivered(events) == {1})
        told = [e for e in sink.events if isinstance(e, Presence) and e.terminal == "evil"]
        assert (told[-1].online, told[-1].fault) == (False, "floods")
