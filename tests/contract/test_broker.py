"""The embedded broker: a process of ours that is there, guarded, and never outlives us."""

import asyncio
import os
import shutil
import signal
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.broker import EmbeddedBroker
from channels.loudspeaker.broker_bounds import Keeps
from channels.loudspeaker.broker_life import hangs
from channels.loudspeaker.broker_store import deaf, kept_aside
from tests.contract.mqtt_brokers import Embedded
from tests.contract.mqtt_bytes import Speaker
from tests.contract.peer import PATIENCE_S, until
from tests.contract.process_peer import ROOT

COMMANDS = "alertd/v1/terminal/t1/cmd"


async def login(address: BrokerAddress, *, name: str = "") -> Speaker:
    return await Speaker.connect(
        address.port, address.username or "", address.password or "", name=name
    )


def _login(address: BrokerAddress) -> tuple[int, str, str]:
    return address.port, address.username or "", address.password or ""


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # Killed, and not yet reaped by whoever adopted it.
    return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] in "ZX"


async def test_it_starts_serves_and_ends(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    address = await broker.start()
    assert address.host == "127.0.0.1"
    pid = broker.pid
    assert pid is not None
    listener, sender = await login(address, name="a"), await login(address, name="b")
    assert await listener.subscribe(COMMANDS) == 1
    await sender.publish(COMMANDS, b"hello")
    assert (await listener.next_message()).payload == b"hello"
    await listener.close()
    await sender.close()
    await broker.stop()
    assert not broker.alive
    assert gone(pid)


async def queue(broker: EmbeddedBroker, many: int, *, kept: bytes = b"") -> None:
    """Commands for a loudspeaker that has been there once and never comes back."""
    away = await Speaker.connect(*_login(broker.address), name="away", clean=False)
    assert await away.subscribe(COMMANDS) == 1
    await away.close()
    sender = await login(broker.address)
    for number in range(many):
        await sender.publish(COMMANDS, b"%d" % number + kept)
    await sender.close()


async def test_what_waits_for_the_dead_never_fills_it(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path, keeps=Keeps(most_bytes=1_000_000))
    await broker.start()
    await queue(broker, 100, kept=b"x" * 30_000)
    # The oldest is gone, and what was said last is there.
    back = await Speaker.connect(*_login(broker.address), name="away", clean=False)
    waited: list[int] = []
    while not waited or waited[-1] < 99:
        waited.append(int((await back.next_message()).payload.split(b"x")[0]))
    assert waited[0] > 60
    await back.close()
    await broker.stop()


async def hears_first(back: Speaker, broker: EmbeddedBroker) -> None:
    """What is said now is the first thing that it is brought; it leaves then."""
    sender = await login(broker.address)
    await sender.publish(COMMANDS, b"fresh")
    assert (await back.next_message()).payload == b"fresh"
    await back.close()
    await sender.close()


async def test_what_waits_for_the_dead_is_dropped_in_time(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path, keeps=Keeps(age_s=1))
    await broker.start()
    await queue(broker, 3)
    await asyncio.sleep(2)  # the one thing waited for is that their time is over
    back = await Speaker.connect(*_login(broker.address), name="away", clean=False)
    await hears_first(back, broker)
    await broker.stop()


async def test_its_secrets_are_made_here_and_kept(tmp_path: Path) -> None:
    logins = []
    for folder in ("a", "a", "b"):
        async with Embedded.running(tmp_path / folder) as broker:
            logins.append((broker.address.password, broker.terminal_url.split("@")[0]))
    assert logins[0] == logins[1]
    assert logins[0][0] != logins[2][0]
    assert logins[0][1] != logins[2][1]
    for name in ("logins.json", "nats.conf"):
        assert stat.S_IMODE((tmp_path / "a" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


async def test_nobody_enters_without_a_login(tmp_path: Path) -> None:
    async with Embedded.running(tmp_path) as broker:
        port, password = broker.address.port, broker.address.password or ""
        for user, word in (("", ""), ("alertd", ""), ("alertd", "alertd"), ("terminal", password)):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await Speaker.connect(port, user, word)


async def test_a_terminal_can_neither_command_nor_listen_to_others_words(tmp_path: Path) -> None:
    async with Embedded.running(tmp_path) as broker:
        ours = await login(broker.address)
        terminal = await broker.terminal()
        assert await ours.subscribe("alertd/v1/#") == 1
        for topic in ("alertd/v1/terminal/+/ack", "alertd/#", "#", "alertd/v1/terminal/t1/result"):
            assert await terminal.subscribe(topic) == 0x80
        assert await terminal.subscribe(COMMANDS) == 1
        assert await terminal.subscribe("alertd/v1/area/330281/cmd") == 1
        for topic in (COMMANDS, "alertd/v1/area/1/cmd", "alertd/v1/x", "other"):
            await broken_or_ignored(broker, topic)
        await terminal.publish("alertd/v1/terminal/t1/ack", b"mine")
        heard = await ours.next_message()
        assert (heard.topic, heard.payload) == ("alertd/v1/terminal/t1/ack", b"mine")
        await terminal.close()
        await ours.close()


async def broken_or_ignored(broker: Embedded, topic: str) -> None:
    """MQTT 3.1.1 has no refusal of a PUBLISH: the broker confirms and drops it, or hangs up."""
    speaker = await broker.terminal()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await speaker.publish(topic, b"forbidden")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # hanging up is its way to refuse
    finally:
        await speaker.close()


async def test_what_it_confirmed_survives_a_kill(tmp_path: Path) -> None:
    async with Embedded.running(tmp_path) as broker:
        address = broker.address
        sender = await login(address, name="sender")
        await sender.publish("alertd/v1/terminal/t1/online", b"online", retain=True)
        await broker.kill()
        await broker.back()
        assert broker.address == address
        listener = await login(address, name="listener")
        await listener.subscribe("alertd/v1/terminal/+/online")
        assert (await listener.next_message()).payload == b"online"
        await listener.close()
        await sender.close()


async def test_it_comes_back_as_often_as_it_dies(tmp_path: Path) -> None:
    async with Embedded.running(tmp_path) as broker:
        for _ in range(3):
            await broker.kill()
            await broker.back()


@pytest.mark.parametrize(
    ("misses", "worked_s", "killed"),
    [
        (2, 0.0, False),
        (3, 0.0, True),
        (3, 0.1, True),
        (3, 0.2, False),  # a thousand loudspeakers come at once: it works, and answers late
        (14, 9.0, False),
        (15, 9.0, True),  # it works at nothing
    ],
)
def test_one_at_work_is_given_longer(misses: int, worked_s: float, killed: bool) -> None:
    assert hangs(misses, worked_s) is killed


async def test_one_that_hangs_is_started_again(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path, look_s=0.05)
    await broker.start()
    pid = broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)

    async def another() -> bool:
        return broker.alive and broker.pid != pid

    await until(another)
    assert broker.restarts == 1
    await (await login(broker.address)).close()
    await broker.stop()


_PARENT = """
import asyncio, sys
from pathlib import Path
from channels.loudspeaker.broker import EmbeddedBroker

async def main():
    broker = EmbeddedBroker(Path(sys.argv[1]))
    address = await broker.start()
    print(broker.pid, address.port, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_it_dies_with_its_parent_and_frees_the_folder(
    tmp_path: Path, number: signal.Signals
) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PARENT, str(tmp_path)), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert parent.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        pid, _ = map(int, (await parent.stdout.readline()).split())
    assert not gone(pid)
    parent.send_signal(number)
    await parent.communicate()

    async def orphan_gone() -> bool:
        return gone(pid)

    await until(orphan_gone)
    broker = EmbeddedBroker(tmp_path)
    await broker.start()
    assert broker.alive
    await broker.stop()


async def test_two_never_share_a_folder(tmp_path: Path) -> None:
    async with Embedded.running(tmp_path) as first:
        second = EmbeddedBroker(tmp_path, lock_patience_s=0.2)
        await second.start()
        assert not second.alive
        assert "same data folder" in str(second.trouble)
        await second.stop()
        await (await login(first.address)).close()


async def test_a_port_that_is_asked_for_is_used(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    broker = EmbeddedBroker(tmp_path, port=port)
    assert (await broker.start()).port == port
    await broker.stop()


async def test_a_broken_set_up_is_told_and_leaves_nothing_running(tmp_path: Path) -> None:
    (tmp_path / "nats.log").mkdir()  # a folder where a file must be
    (tmp_path / "store").mkdir()
    broker = EmbeddedBroker(tmp_path)
    await broker.start()
    assert broker.trouble is not None
    assert "didn't come up" in broker.trouble.message
    assert "nats.log" in (broker.trouble.hint or "")
    assert not broker.alive
    await broker.stop()
    assert kept_aside(tmp_path) == []  # it wasn't the store's fault
    assert (tmp_path / "store").is_dir()


async def test_a_store_that_it_does_not_start_with_is_put_aside(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        (tmp_path / "store").mkdir()
        (tmp_path / "store" / "jetstream").write_text("a file where a folder must be")
        told: list[tuple[str, str]] = []
        broker = EmbeddedBroker(tmp_path, renewed=lambda *word, told=told: told.append(word))
        await broker.start()
        await (await login(broker.address)).close()
        await broker.stop()
        assert told == [("does-not-start", f"store.damaged-{number}")]
    assert [path.name for path in kept_aside(tmp_path)] == ["store.damaged-2", "store.damaged-3"]


def lose_what_it_listens_by(streams: Path) -> None:
    (lost,) = (streams / "$MQTT_msgs" / "obs").glob("*/meta.inf")
    lost.write_bytes(lost.read_bytes()[:20])


def lose_what_all_listen_by(streams: Path) -> None:
    (streams / "$MQTT_msgs" / "meta.sum").unlink()


def spoil_its_session(streams: Path) -> None:
    (block,) = (streams / "$MQTT_sess" / "msgs").glob("*.blk")
    data = block.read_bytes()
    at = data.rindex(b"durable_name")
    block.write_bytes(data[:at] + b"x" + data[at + 1 :])


@pytest.mark.parametrize(
    "damage", [lose_what_it_listens_by, lose_what_all_listen_by, spoil_its_session]
)
async def test_a_damaged_store_leaves_nobody_deaf(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    broker = EmbeddedBroker(tmp_path)
    await broker.start()
    await queue(broker, 1)
    await broker.stop()
    damage(tmp_path / "store" / "jetstream" / "$G" / "streams")
    told: list[tuple[str, str]] = []
    broker = EmbeddedBroker(tmp_path, renewed=lambda *word: told.append(word))
    await broker.start()

    async def renewed() -> bool:
        return broker.alive and bool(told)

    await until(renewed)
    assert told == [("deaf", "store.damaged-1")]
    back = await Speaker.connect(*_login(broker.address), name="away", clean=False)
    assert await back.subscribe(COMMANDS) == 1
    await hears_first(back, broker)
    await broker.stop()


async def test_a_whole_store_is_kept(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    await broker.start()
    await queue(broker, 1)
    await broker.stop()
    broker = EmbeddedBroker(tmp_path)
    await broker.start()
    async with broker.api(PATIENCE_S) as api:
        assert await deaf(api) == 0
    back = await Speaker.connect(*_login(broker.address), name="away", clean=False)
    assert (await back.next_message()).payload == b"0"
    await back.close()
    await broker.stop()
    assert kept_aside(tmp_path) == []


async def test_stopping_one_that_never_started_is_nothing(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    await broker.stop()
    assert (broker.alive, broker.pid) == (False, None)


async def test_it_waits_for_the_disk_before_it_confirms(tmp_path: Path) -> None:
    """No kill of a process can show it, only a power cut: so the setting itself is looked at."""
    async with Embedded.running(tmp_path):
        lines = (tmp_path / "nats.conf").read_text("utf-8").splitlines()
        assert "  sync_interval: always" in lines
