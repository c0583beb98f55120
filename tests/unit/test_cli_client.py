"""What a command says where the server's answer doesn't come: was it done, or wasn't it?"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from alertd.cli.client import PATIENCE_S, Client, RefusedError, StoppedError, http_client
from alertd.cli.roster import patience_s
from alertd.errors import UnavailableError, UnsureError
from alertd.i18n import sentence
from rosters.parse import RosterFiles

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
pytestmark = pytest.mark.anyio


class Mute:
    """A server on loopback that reads what it is asked and never answers.

    Args:
        hangs_up: Whether it ends the connection then, or keeps it.
    """

    def __init__(self, *, hangs_up: bool) -> None:
        self.hangs_up = hangs_up
        self.asked: list[bytes] = []
        self.was_asked = asyncio.Event()

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        self.was_asked.set()
        if not self.hangs_up:
            await reader.read()  # until the other side has gone
        writer.close()


@asynccontextmanager
async def asking(mute: Mute, patience_s: float = 30) -> AsyncIterator[Client]:
    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with http_client(f"http://127.0.0.1:{port}", "token") as http:
            http.timeout = httpx.Timeout(patience_s)
            yield Client(http, is_server=True)
    finally:
        server.close()
        await server.wait_closed()


async def test_a_write_without_an_answer_may_have_been_done() -> None:
    mute = Mute(hangs_up=True)
    async with asking(mute) as client:
        with pytest.raises(UnsureError, match="it may have done what it was asked") as told:
            await client.post("/api/v1/alerts", {})
    assert told.value.hint == "Look whether it was done before you ask again."
    keys = {line for each in mute.asked for line in each.split(b"\r\n") if b"dempotency" in line}
    assert len(mute.asked) == 3
    assert len(keys) == 1, "asked again it is the same request"


async def test_a_read_without_an_answer_changed_nothing() -> None:
    async with asking(Mute(hangs_up=True)) as client:
        with pytest.raises(UnavailableError, match=r"^The server doesn't answer\.$") as told:
            await client.get("/api/v1/alerts")
    assert not isinstance(told.value, UnsureError)


async def test_what_never_reached_a_server_was_not_done(deaf_port: int) -> None:
    async with http_client(f"http://127.0.0.1:{deaf_port}", "token") as http:
        with pytest.raises(UnavailableError, match=r"^The server doesn't answer\.$") as told:
            await Client(http, is_server=True).post("/api/v1/alerts", {})
    assert not isinstance(told.value, UnsureError)


async def test_ctrl_c_while_the_server_is_at_it_says_that_it_may_have_been_done() -> None:
    mute = Mute(hangs_up=False)
    async with asking(mute) as client:
        command = asyncio.create_task(client.post("/api/v1/alerts", {}))
        await mute.was_asked.wait()
        command.cancel()
        with pytest.raises(StoppedError, match="it may have been done") as told:
            await command
    assert told.value.exit_code == 130
    chinese = sentence("zh-CN", told.value.message)
    assert chinese == "已中止,但 alertd 已在处理:该操作可能已经生效。"


async def test_a_server_that_is_at_it_is_not_asked_again_when_patience_ends() -> None:
    mute = Mute(hangs_up=False)
    async with asking(mute, patience_s=0.2) as client:
        with pytest.raises(UnsureError):
            await client.post("/api/v1/alerts", {})
    assert len(mute.asked) == 1


UNSURE = b'{"code": "unsure", "detail": "The database\'s answer was lost: it may have been done."}'
AWAY = b'{"code": "unavailable", "detail": "The store can\'t be written to now."}'


class Says(Mute):
    """A server that answers each request in turn, and the last for ever."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        super().__init__(hangs_up=True)
        self.answers = list(answers)

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        head = f"HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        writer.close()


class Gone(Says):
    """One that hangs up at the first request: it ended in the midst of it, and began anew."""

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        if self.asked:
            await super().__call__(reader, writer)
        else:
            await Mute.__call__(self, reader, writer)


async def test_what_may_have_been_done_is_asked_for_again_by_its_key() -> None:
    says = Says((503, UNSURE), (201, b'{"short_code": "A1"}'))
    async with asking(says) as client:
        assert await client.post("/api/v1/alerts", {}) == {"short_code": "A1"}
    keys = {line for each in says.asked for line in each.split(b"\r\n") if b"dempotency" in line}
    assert (len(says.asked), len(keys)) == (2, 1)


@pytest.mark.parametrize("says", [Says((503, UNSURE), (503, AWAY)), Gone((503, AWAY))])
async def test_what_may_have_been_done_is_not_called_refused(says: Says) -> None:
    async with asking(says) as client:
        with pytest.raises(UnsureError, match="it may have"):
            await client.post("/api/v1/alerts", {})


async def test_what_is_refused_was_not_done() -> None:
    says = Says((503, AWAY))
    async with asking(says) as client:
        with pytest.raises(RefusedError, match="can't be written"):
            await client.post("/api/v1/alerts", {})
    assert len(says.asked) == 1


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that is taken, so that nobody else gets it, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_an_imports_answer_is_waited_for_by_what_has_to_be_read(tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.touch()
    files = RosterFiles(people=people)
    assert patience_s(files) == PATIENCE_S
    with people.open("wb") as file:
        file.truncate(350_000_000)  # 2,000,000 people
    assert patience_s(files) > 3_600
