"""Foreign programs drive our simulated modem: what gammu alone would forgive, these show.

smstools and Kannel bring AT drivers and coders of their own, gammu-smsd the gammu of the system in
place of the wheel's. Kannel is at the same time a real gateway for the route type `http`.
"""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from channels.base import Accepted, Limits, ReceiptStatus, Reply, RouteConfig
from channels.registry import build
from tests.contract.case_modems import Modems, context
from tests.contract.hook_host import hook_host
from tests.contract.messages import outgoing
from tests.contract.peer import Recorder

_PATH = "/usr/sbin:/usr/bin"
SMSTOOLS, GAMMU, INJECT, BEARERBOX, SMSBOX = (
    shutil.which(name, path=_PATH)
    for name in ("smsd", "gammu-smsd", "gammu-smsd-inject", "bearerbox", "smsbox")
)
PATIENCE_S = 60.0  # they look at their folders, and at the modem, every few seconds
LONG = "立即转移𬍛危房🌀低洼户" * 12
LATIN = "hello [world] é"
ANSWER = "已转移35人🌀"
PHONES = ("+8613800000001", "+8613800000002")
ANSWERING = "+8613800000009"

pytestmark = [pytest.mark.peers, pytest.mark.timeout(150)]


def needs(package: str, *programs: str | None) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        None in programs, reason=f"{package} isn't installed: make test-peers does where it may"
    )


@asynccontextmanager
async def modem(folder: Path) -> AsyncIterator[Modems]:
    """One that reports at once."""
    peer = Modems(folder, 1, "--reports", "prompt")
    await peer.start()
    try:
        yield peer
    finally:
        await peer.stop()


@asynccontextmanager
async def running(folder: Path, name: str, *command: object) -> AsyncIterator[None]:
    """A daemon in the foreground; it is told to end."""
    with (folder / f"{name}.out").open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *map(str, command), stdout=out, stderr=out, stdin=asyncio.subprocess.DEVNULL
        )
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 15)
            except TimeoutError:
                process.kill()
        await process.wait()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - it is another's file that grows
            await asyncio.sleep(0.1)


def folders(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).mkdir()


async def went_out(peer: Modems, texts: Sequence[str]) -> list[list[dict[str, Any]]]:
    """The parts of each phone's message, once all are whole."""

    def parts() -> list[list[dict[str, Any]]]:
        return [peer.lines("message", to=phone, taken=True) for phone in PHONES[: len(texts)]]

    def whole() -> bool:
        return ["".join(line["text"] for line in lines) for lines in parts()] == list(texts)

    await until(whole)
    return parts()


def in_order(lines: Sequence[dict[str, Any]]) -> bool:
    """One reference, the places from 1 on, and none longer than a part may be."""
    places = [line["part"] for line in lines]
    return (
        {place[0] for place in places} == {places[0][0]}
        and [place[1:] for place in places] == [[len(lines), n + 1] for n in range(len(lines))]
        and all(len(line["text"].encode("utf-16-be")) <= 134 for line in lines)
    )


async def answers(peer: Modems) -> None:
    await peer.control("receive", {"modem": "m1", "from": ANSWERING, "text": ANSWER})


@needs("smstools", SMSTOOLS)
async def test_smstools_sends_hears_of_it_and_receives(tmp_path: Path) -> None:
    names = ("outgoing", "checked", "incoming", "failed", "sent", "report")
    folders(tmp_path, *names)
    async with modem(tmp_path) as peer:
        config = tmp_path / "smsd.conf"
        settings = [f"{name} = {tmp_path / name}" for name in names]
        settings += [f"{name} = {tmp_path / name}" for name in ("logfile", "infofile", "pidfile")]
        settings += ["devices = m1", "delaytime = 1", "autosplit = 3", "receive_before_send = no"]
        settings += ["[m1]", f"device = {peer.links / 'm1'}", "incoming = yes", "report = yes"]
        settings += ["init = AT+CNMI=1,1,0,1,0", "baudrate = 115200", "rtscts = no"]
        config.write_text("\n".join(settings) + "\n")
        head = "To: {}\nReport: yes\nAlphabet: {}\n\n"
        (tmp_path / "outgoing" / "long").write_bytes(
            head.format(PHONES[0][1:], "UCS").encode() + LONG.encode("utf-16-be")
        )
        (tmp_path / "outgoing" / "latin").write_bytes(
            head.format(PHONES[1][1:], "ISO").encode() + LATIN.encode("latin-1")
        )
        async with running(tmp_path, "smsd", SMSTOOLS, "-t", "-c", config):
            long, latin = await went_out(peer, (LONG, LATIN))
            assert in_order(long)
            assert not latin[0]["ucs2"]
            assert all(line["report"] for line in [*long, *latin])
            await until(lambda: len(list((tmp_path / "report").iterdir())) == len(long) + 1)
            reports = [path.read_text("latin-1") for path in (tmp_path / "report").iterdir()]
            assert all("SMS STATUS REPORT" in report for report in reports)
            assert all("Status: 0,Ok" in report for report in reports)
            await answers(peer)
            await until(lambda: any((tmp_path / "incoming").iterdir()))
            (came,) = (tmp_path / "incoming").iterdir()
            head_read, _, body = came.read_bytes().partition(b"\n\n")
            assert f"From: {ANSWERING[1:]}".encode() in head_read
            assert body.decode("utf-16-be") == ANSWER


@needs("gammu-smsd", GAMMU, INJECT)
async def test_gammu_smsd_sends_hears_of_it_and_receives(tmp_path: Path) -> None:
    folders(tmp_path, "inbox", "outbox", "sent", "error")
    async with modem(tmp_path) as peer:
        config = tmp_path / "rc"
        log = tmp_path / "log"
        settings = ["[gammu]", f"device = {peer.links / 'm1'}", "connection = at115200", "[smsd]"]
        settings += [f"{name}path = {tmp_path / name}/" for name in ("inbox", "outbox")]
        settings += [f"{name}smspath = {tmp_path / name}/" for name in ("sent", "error")]
        settings += ["service = files", f"logfile = {log}", "debuglevel = 1", "commtimeout = 1"]
        settings += ["inboxformat = unicode", "deliveryreport = log", "checksecurity = 0"]
        settings += ["receivefrequency = 2"]
        config.write_text("\n".join(settings) + "\n")
        for phone, text, *more in (
            (PHONES[0], LONG, "-unicode", "-autolen", "500"),
            (PHONES[1], LATIN),
        ):
            command = (INJECT, "-c", config, "TEXT", phone, "-report", *more, "-text", text)
            async with running(tmp_path, "inject", *command):
                await until(lambda phone=phone: any((tmp_path / "outbox").glob(f"*{phone}*")))
        async with running(tmp_path, "smsd", GAMMU, "-c", config, "-p", tmp_path / "pid"):
            long, latin = await went_out(peer, (LONG, LATIN))
            assert in_order(long)
            assert not latin[0]["ucs2"]
            said = "Delivery report: Delivered to"
            await until(lambda: log.read_text("utf-8", "replace").count(said) == len(long) + 1)
            await answers(peer)
            await until(lambda: any((tmp_path / "inbox").glob(f"*{ANSWERING}*")))
            (came,) = (tmp_path / "inbox").iterdir()
            # Where gammu counts an emoji as two letters, it leaves the room of the second empty.
            assert came.read_bytes().decode("utf-16").rstrip("\0") == ANSWER


KANNEL = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = {password}
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
dlr-storage = internal

group = smsc
smsc = at
smsc-id = m1
modemtype = generic
device = {device}
speed = 115200
my-number = 10657100

group = modems
id = generic
name = "generic"
init-string = "AT+CNMI=1,2,0,1,0"

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
global-sender = 10657100
mo-recode = true

group = sendsms-user
username = alertd
password = {password}
max-messages = 5
concatenation = true

group = sms-service
keyword = default
get-url = "{hooks}/replies?key={secret}&from=%p&text=%b&id=%I"
max-messages = 0
"""
PASSWORD, SECRET = "kannels-password", "in-the-callback-address"


def free_ports(count: int) -> list[int]:
    """Ports that nobody has: Kannel takes no 0. Another process may still snatch one."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


async def listens(port: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                await writer.wait_closed()
                return


@needs("kannel", BEARERBOX, SMSBOX)
async def test_kannel_carries_our_messages_over_our_own_modem(tmp_path: Path) -> None:
    """alertd's route `http`, Kannel's smsbox and bearerbox, its AT driver, the simulated modem."""
    sink = Recorder()
    admin, boxes, sendsms = free_ports(3)
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(modem(tmp_path))
        host = await stack.enter_async_context(hook_host(sink))
        hooks = f"{host.base_url}/hooks/r1"
        config = tmp_path / "kannel.conf"
        config.write_text(
            KANNEL.format(
                admin=admin,
                boxes=boxes,
                sendsms=sendsms,
                hooks=hooks,
                device=peer.links / "m1",
                password=PASSWORD,
                secret=SECRET,
            )
        )
        await stack.enter_async_context(running(tmp_path, "bearerbox", BEARERBOX, config))
        await listens(boxes)
        await stack.enter_async_context(running(tmp_path, "smsbox", SMSBOX, config))
        await listens(sendsms)
        route = build(route_config(sendsms, hooks), context(sink))
        host.mount(route)
        await route.start()
        stack.push_async_callback(route.close)
        messages = [
            outgoing(number, phone, text=text)
            for number, (phone, text) in enumerate(zip(PHONES, (LONG, LATIN), strict=True), start=1)
        ]
        ended = [outcome async for outcome in route.send_many(messages)]
        assert all(isinstance(outcome.result, Accepted) for outcome in ended), ended
        long, _ = await went_out(peer, (LONG, LATIN))
        assert in_order(long)
        for message in messages:
            await sink.until(
                lambda _, message=message: bool(sink.receipts(message, ReceiptStatus.DELIVERED))
            )
        await answers(peer)
        await sink.until(lambda events: any(isinstance(event, Reply) for event in events))
        (reply,) = [event for event in sink.events if isinstance(event, Reply)]
        assert (reply.sender, reply.text) == (ANSWERING, ANSWER)
        assert (await route.health()).ok
        assert not host.refused


def route_config(port: int, hooks: str) -> RouteConfig:
    options = {
        "gateway": str(Path(__file__).with_name("kannel.toml")),
        "url": f"http://127.0.0.1:{port}",
        "username": "alertd",
        "password": PASSWORD,
        "hooks": hooks,
        "hook_secret": SECRET,
    }
    return RouteConfig(name="r1", type="http", limits=Limits(timeout_s=10.0), options=options)
