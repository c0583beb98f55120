"""The reference terminal behind a real broker: it plays, refuses, remembers, and says so."""

import contextlib
import hashlib
import http.server
import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alertd.errors import ConflictError
from channels.base import Accepted, Fault, Outgoing, ReceiptStatus
from channels.loudspeaker.accounts import Account, Accounts
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.box.box import Box, wall_ms
from channels.loudspeaker.box.player import FILE, CommandPlayer, FilePlayer, Player, alsa
from channels.loudspeaker.bundle import Bundle
from channels.loudspeaker.commands import Command, CommandType, command_id, sign
from channels.loudspeaker.loudness import Hours
from channels.loudspeaker.mqtt import MqttRoute
from channels.loudspeaker.speech.sound import RATE, at_volume, lasts_ms, wav_of
from channels.loudspeaker.speech.store import SoundStore
from channels.loudspeaker.speech.voice import Voice
from tests.contract.mqtt_brokers import Embedded
from tests.contract.mqtt_world import World, order, presence, send, words, world
from tests.contract.peer import Recorder, until
from tests.enrolled import enrol

S = ReceiptStatus
BEEP = wav_of([b"\x00\x10\x00\xf0" * (RATE // 4)])  # half a second


class Site:
    """A city with one enrolled box, t1."""

    def __init__(
        self, folder: Path, account: Account, city: World, sink: Recorder, route: MqttRoute
    ) -> None:
        self.folder = folder
        self.city = city
        self.sink = sink
        self.route = route
        self.played = folder / "played"
        port = city.broker.address.port
        self.bundle = Bundle(
            terminal="t1",
            broker=BrokerAddress("127.0.0.1", port, account.terminal, account.password),
            keys={city.key.key_id: city.key.public},
            areas=("330281",),
            heartbeat_s=60.0,
        )

    @asynccontextmanager
    async def box(self, player: Player | None = None, **how: Any) -> AsyncIterator[Box]:
        how = {"voice": Voice(), "pause_s": 0.0} | how
        box = Box(self.bundle, self.folder / "box", player or FilePlayer(self.played), **how)
        await box.start()
        try:
            assert await box.wait_up(15.0), box.problem
            yield box
        finally:
            await box.close()

    async def told(self, message: Outgoing, *expected: tuple[ReceiptStatus, str, str]) -> None:
        await self.sink.until(lambda _: len(words(self.sink, message)) >= len(expected))
        assert words(self.sink, message) == list(expected)

    def sounds(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.played.glob("*.wav"))]


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    (account,) = enrol(Accounts(folder / "broker"), ["t1"], ["330281"], wall_ms())
    async with world(folder, Embedded) as city:
        sink = Recorder()
        yield Site(folder, account, city, sink, await city.route(sink))


@contextlib.contextmanager
def web(folder: Path) -> Iterator[str]:
    """A web server over a folder."""
    folder.mkdir(exist_ok=True)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def sleeper(seconds: float) -> CommandPlayer:
    """A player that takes so long, whatever it is given."""
    code = f"import sys, time; open(sys.argv[1]).close; time.sleep({seconds})"
    return CommandPlayer([sys.executable, "-c", code, FILE])


async def test_it_speaks_a_text_and_says_what_was_heard(tmp_path: Path) -> None:
    async with site(tmp_path) as here, here.box():
        message = order(1)
        await send(here.route, message)
        await here.told(message, (S.DELIVERED, "", ""), (S.PLAYED, "", "3/3"))
        first, second, third = here.sounds()
        assert first == second == third
        assert lasts_ms(first) > 1_000
        await here.sink.until(lambda events: presence(events).get("t1") == (True, ""))


async def test_a_command_to_its_area_is_obeyed_and_to_another_is_not_even_heard(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as here, here.box():
        ours = await here.city.ours()
        await ours.subscribe("alertd/v1/terminal/t1/+")
        for number, area in enumerate(("330282", "330281"), start=1):
            command = Command(
                cmd_id=command_id(here.city.key, "t1", "c" * 32, number, 1),
                to=f"area/{area}",
                alert="c" * 32,
                type=CommandType.DRILL_PLATFORM,
                severity=3,
                seq=number,
                not_before=wall_ms(),
                expires=wall_ms() + 60_000,
                text="试音",
            )
            await ours.publish(f"alertd/v1/area/{area}/cmd", sign(command, here.city.key))
        said = {}
        while "result" not in said:
            packet = await ours.next_message()
            said[packet.topic.rpartition("/")[2]] = json.loads(packet.payload or b"0")
        assert said["ack"]["cmd_id"] == said["result"]["cmd_id"] == command.cmd_id
        assert len(here.sounds()) == 1
        await ours.close()


async def test_a_play_that_a_broker_retained_does_not_sound(tmp_path: Path) -> None:
    """Somebody kept a command of ours and had the broker retain it: it comes at each connect."""
    async with site(tmp_path) as here:
        command = Command(
            cmd_id=command_id(here.city.key, "t1", "c" * 32, 1, 1),
            to="terminal/t1",
            alert="c" * 32,
            type=CommandType.ACTUAL,
            severity=1,
            seq=1,
            not_before=wall_ms(),
            expires=wall_ms() + 600_000,
            text="旧的",
        )
        ours = await here.city.ours()
        kept = sign(command, here.city.key)
        await ours.publish("alertd/v1/terminal/t1/cmd", kept, retain=True)
        async with here.box():
            message = order(2, 1)
            await send(here.route, message)
            await here.told(message, (S.DELIVERED, "", ""), (S.PLAYED, "", "3/3"))
        assert here.sink.receipts(order(1)) == []
        assert len(here.sounds()) == 3, "three times the new one, and nothing else"
        await ours.close()


async def test_the_sound_of_a_command_is_fetched_once_and_only_if_it_is_as_signed(
    tmp_path: Path,
) -> None:
    offered = SoundStore(tmp_path / "offered")
    name = offered.put(BEEP)
    with web(tmp_path / "offered") as url:
        async with site(tmp_path) as here, here.box(voice=None):
            ours = await here.city.ours()
            await ours.subscribe("alertd/v1/terminal/t1/result")

            async def play(number: int, audio: str, sha256: str) -> dict[str, Any]:
                command = Command(
                    cmd_id=command_id(here.city.key, "t1", "c" * 32, number, 1),
                    to="terminal/t1",
                    alert="c" * 32,
                    type=CommandType.ACTUAL,
                    severity=1,
                    seq=number,
                    not_before=wall_ms(),
                    expires=wall_ms() + 60_000,
                    text="试音",
                    audio=audio,
                    audio_sha256=sha256,
                )
                await ours.publish("alertd/v1/terminal/t1/cmd", sign(command, here.city.key))
                result: dict[str, Any] = json.loads((await ours.next_message()).payload)
                return result

            assert (await play(1, f"{url}/{name}.wav", name))["status"] == "played"
            assert here.sounds() == [BEEP]
            (tmp_path / "offered" / f"{name}.wav").unlink()
            assert (await play(2, f"{url}/{name}.wav", name))["status"] == "played"
            other = hashlib.sha256(b"other").hexdigest()
            (tmp_path / "offered" / "other.wav").write_bytes(BEEP)
            for number, file, reason in (
                (3, "other.wav", "audio-not-as-signed"),
                (4, "gone.wav", "audio-http-404"),
            ):
                result = await play(number, f"{url}/{file}", other)
                assert (result["status"], result["reason"]) == ("failed", reason)
            await here.sink.until(lambda e: presence(e).get("t1") == (True, "audio-http-404"))
            await ours.close()


async def test_without_the_sound_it_speaks_itself(tmp_path: Path) -> None:
    async with site(tmp_path) as here, here.box():
        ours = await here.city.ours()
        await ours.subscribe("alertd/v1/terminal/t1/result")
        command = Command(
            cmd_id=command_id(here.city.key, "t1", "c" * 32, 1, 1),
            to="terminal/t1",
            alert="c" * 32,
            type=CommandType.ACTUAL,
            severity=1,
            seq=1,
            not_before=wall_ms(),
            expires=wall_ms() + 60_000,
            text="试音",
            audio="http://127.0.0.1:9/x.wav",
            audio_sha256="0" * 64,
        )
        await ours.publish("alertd/v1/terminal/t1/cmd", sign(command, here.city.key))
        assert json.loads((await ours.next_message()).payload)["status"] == "played"
        await ours.close()


async def test_what_is_for_the_season_is_there_before_it_is_needed(tmp_path: Path) -> None:
    offered = SoundStore(tmp_path / "offered")
    name = offered.put(BEEP)
    offered.keep_for_season([name])
    with web(tmp_path / "offered") as url:
        async with site(tmp_path) as here:
            values = {n: getattr(here.bundle, n) for n in Bundle.__slots__}
            here.bundle = Bundle(**values | {"audio": url})
            async with here.box(voice=None):
                cache = SoundStore(tmp_path / "box" / "sounds")

                async def there() -> bool:
                    return cache.path(name) is not None and cache.season() == [name]

                await until(there)


async def test_a_restart_is_not_played_twice_and_goes_on_with_the_rest(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        first, second = order(1), order(2, terminal=1)
        ours = await here.city.ours()
        topic = "alertd/v1/terminal/t1/cmd"
        await ours.subscribe(topic)
        async with here.box():
            await send(here.route, first)
            await here.told(first, (S.DELIVERED, "", ""), (S.PLAYED, "", "3/3"))
        recorded = (await ours.next_message()).payload
        async with here.box(sleeper(60)):
            await send(here.route, second)
            await here.told(second, (S.DELIVERED, "", ""))
            await ours.publish(topic, recorded)
        assert len(here.sounds()) == 3
        async with here.box():
            await here.told(second, (S.DELIVERED, "", ""), (S.PLAYED, "", "3/3"))
            await ours.publish(topic, recorded)
            await here.sink.until(
                lambda _: words(here.sink, first)[2:].count((S.PLAYED, "", "3/3")) == 2
            )
        assert len(here.sounds()) == 6
        await ours.close()


async def test_more_pressing_goes_first_a_cancel_stops_and_the_player_falls_silent(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as here, here.box(sleeper(60)):
        drill = order(1)
        live = order(2, terminal=1, status="Actual", alert="0b" * 16, text="台风")
        stop = order(3, terminal=1, status="Actual", alert="0b" * 16, stop=True, text="")
        await send(here.route, drill)
        await here.told(drill, (S.DELIVERED, "", ""))
        await send(here.route, live)
        await here.told(drill, (S.DELIVERED, "", ""), (S.INTERRUPTED, "more-pressing", "0/3"))
        await send(here.route, stop)
        await here.told(live, (S.DELIVERED, "", ""), (S.INTERRUPTED, "cancelled", "0/3"))


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["/nowhere/aplay", FILE], "no-player"),
        ([sys.executable, "-c", "raise SystemExit(1)", FILE], "player-failed"),
        ([sys.executable, "-c", "", FILE], "player-too-quick"),
    ],
)
async def test_a_player_that_does_not_play_is_told(
    tmp_path: Path, command: list[str], code: str
) -> None:
    async with site(tmp_path) as here, here.box(CommandPlayer(command)):
        message = order(1, text="台风红色预警。" * 20)
        await send(here.route, message)
        await here.told(message, (S.DELIVERED, "", ""), (S.FAILED, code, "0/3"))
        await here.sink.until(lambda events: presence(events).get("t1") == (True, code))


async def test_at_night_it_is_quieter_but_for_red(tmp_path: Path) -> None:
    async with site(tmp_path) as here, here.box(hours=[Hours(0, 24 * 60, 30)]):
        yellow = order(1, severity=3)
        red = order(2, terminal=1, severity=1)
        await send(here.route, yellow)
        await here.told(yellow, (S.DELIVERED, "", ""), (S.PLAYED, "", "3/3"))
        await send(here.route, red)
        await here.told(red, (S.DELIVERED, "", ""), (S.PLAYED, "", "3/3"))
        sounds = here.sounds()
        assert sounds[0] == at_volume(sounds[3], 30) != sounds[3]


async def test_another_terminals_folder_is_refused(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        async with here.box():
            assert isinstance((await send(here.route, order(1)))[0].result, Accepted)
            await here.told(order(1), (S.DELIVERED, "", ""), (S.PLAYED, "", "3/3"))
        values = {n: getattr(here.bundle, n) for n in Bundle.__slots__}
        other = Bundle(**values | {"terminal": "t2"})
        with pytest.raises(ConflictError, match="another loudspeaker"):
            Box(other, tmp_path / "box", FilePlayer(here.played))
        (tmp_path / "box" / "memory.json").write_text("{}")
        with pytest.raises(ConflictError, match="can't be read"):
            Box(here.bundle, tmp_path / "box", FilePlayer(here.played))


async def test_two_processes_are_never_one_loudspeaker(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        async with here.box():
            with pytest.raises(ConflictError, match="already"):
                Box(here.bundle, tmp_path / "box", FilePlayer(here.played))
        async with here.box():
            pass  # and it is free again


async def test_a_clock_that_went_back_is_told_and_waited_for(tmp_path: Path) -> None:
    """After a power cut a box without a battery is in the past, until it is told the time."""
    behind = 86_400_000
    async with site(tmp_path) as here:
        async with here.box():
            await send(here.route, order(1))
            await here.told(order(1), (S.DELIVERED, "", ""), (S.PLAYED, "", "3/3"))
        async with here.box(now=lambda: wall_ms() - behind):
            late = order(2, terminal=1)
            await send(here.route, late)
            await here.told(late, (S.FAILED, "not-yet", ""))
            await here.sink.until(lambda e: presence(e).get("t1") == (True, "clock-behind"))
            assert [r.fault for r in here.sink.receipts(late)] == [Fault.RETRY]
            behind = 0
            again = replace(late, attempt=2)
            await send(here.route, again)
            await here.told(again, (S.DELIVERED, "", ""), (S.PLAYED, "", "3/3"))


_APLAY = """\
#!{python}
import sys, time, wave
open({log!r}, "w").write(" ".join(sys.argv[1:]))
sound = wave.open(sys.argv[-1])
time.sleep(sound.getnframes() / sound.getframerate())
"""


async def test_alsas_own_player_is_told_device_and_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where ALSA isn't, a program of its name shows what it would be called with."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert alsa("default").problem() == "no-player"
    log = tmp_path / "called"
    program = tmp_path / "aplay"
    program.write_text(_APLAY.format(python=sys.executable, log=str(log)))
    program.chmod(0o700)
    assert alsa("default").problem() == ""
    sound = tmp_path / "beep.wav"
    sound.write_bytes(BEEP)
    await alsa("plughw:1,0").play(sound, lasts_ms(BEEP) / 1000)
    assert log.read_text() == f"-q -D plughw:1,0 {sound}"
