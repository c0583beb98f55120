"""The bulk client: whatever a server does, it is told whether anything may have left."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from channels.http_bulk import Answer, BulkClient
from channels.http_faults import LostAnswerError, NotSentError

PATIENCE_S = 10.0
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def request_of(reader: asyncio.StreamReader) -> bytes:
    """One whole request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = [line for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
    return head + body


@asynccontextmanager
async def server(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that lets `talk` have every connection."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    listening = await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://localhost:{port}/base/"
    finally:
        listening.close()
        await listening.wait_closed()


@asynccontextmanager
async def client(
    url: str, *, connections: int = 2, timeout_s: float = 5.0
) -> AsyncIterator[BulkClient]:
    bulk = BulkClient(
        url,
        connections=connections,
        headers={"x-mine": "1"},
        connect_timeout_s=timeout_s,
        max_answer_bytes=1000,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield bulk
    finally:
        bulk.close()
        await asyncio.sleep(0)


def saying(*answers: bytes) -> Talk:
    """Answers each request of a connection with the next of `answers`, then ends it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await request_of(reader)
            writer.write(answer)
        await writer.drain()

    return talk


async def test_the_request_is_whole() -> None:
    seen = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_of(reader))
        writer.write(OK)

    async with server(talk) as url, client(url) as bulk:
        assert await bulk.post("/m", "收到".encode(), {"x-own": "2"}) == Answer(200, b"ok", None)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    host = url.split("/")[2].encode()
    assert head.split(b"\r\n") == [
        b"POST /base/m HTTP/1.1",
        b"content-length: 6",
        b"x-own: 2",
        b"host: " + host,
        b"x-mine: 1",
    ]
    assert body == "收到".encode()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (OK, Answer(200, b"ok", None)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204, b"", None)),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
            Answer(200, b"abcd", None),
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, Answer(200, b"ok", None)),
        (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + OK, Answer(200, b"ok", None)),
        (
            b"HTTP/1.1 429 No\r\nRetry-After: 7\r\ncontent-length: 0\r\n\r\n",
            Answer(429, b"", "7"),
        ),
        (
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
            Answer(200, b"ok", None),
        ),
        # No length at all: the end of the connection is the end of the body.
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", Answer(200, b"until the end", None)),
        (b"HTTP/1.0 200 OK\r\n\r\nold", Answer(200, b"old", None)),
    ],
)
async def test_answers(answer: bytes, expected: Answer) -> None:
    async with server(saying(answer)) as url, client(url) as bulk:
        assert await bulk.post("/m", b"x") == expected


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "connection-lost"),
        (b"HTTP/1.1 200 OK\r\ncontent-le", "connection-lost"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", "connection-lost"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "connection-lost"),
        (b"\x16\x03\x01nonsense\r\n\r\n", "malformed-answer"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "malformed-answer"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "malformed-answer"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + b"x" * 5000, "answer-too-large"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000, "answer-too-large"),
    ],
)
async def test_lost_answers(answer: bytes, code: str) -> None:
    async with server(saying(answer)) as url, client(url) as bulk:
        with pytest.raises(LostAnswerError, match=code):
            await bulk.post("/m", b"x")


@pytest.mark.parametrize("piece", [b"x" * 4096, b"x\r\nx-endless: ", b"x\r\n" * 1000])
async def test_a_head_without_an_end_is_not_gathered_for_ever(piece: bytes) -> None:
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nx-endless: ")
        while sent < 64 * 1024 * 1024:
            writer.write(piece)
            await writer.drain()
            sent += len(piece)

    async with server(talk) as url, client(url) as bulk:
        with pytest.raises(LostAnswerError):
            await bulk.post("/", b"")
        await asyncio.sleep(0.2)  # it would go on, if it were let
    assert sent < 16 * 1024 * 1024  # the kernel's buffers hold some of it


async def test_connections_are_used_again_and_bounded() -> None:
    opened = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while True:
            await request_of(reader)
            await asyncio.sleep(0)
            writer.write(OK)

    async with server(talk) as url, client(url, connections=3) as bulk:
        answers = await asyncio.gather(*(bulk.post("/m", b"x") for _ in range(100)))
        assert {answer.status for answer in answers} == {200}
        assert opened <= 3


async def test_a_connection_that_the_server_ended_is_not_used_again() -> None:
    async with server(saying(OK)) as url, client(url) as bulk:
        for _ in range(5):
            assert (await bulk.post("/m", b"x")).status == 200
            await asyncio.sleep(0.01)  # the end travels


async def test_an_old_idle_connection_is_not_trusted() -> None:
    opened = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while True:
            await request_of(reader)
            writer.write(OK)

    async with server(talk) as url:
        bulk = BulkClient(url, connections=1, headers={}, idle_s=0.0)
        await bulk.post("/m", b"x")
        await asyncio.sleep(0.001)
        await bulk.post("/m", b"x")
        bulk.close()
        assert opened == 2


async def test_a_second_answer_is_given_to_nobody() -> None:
    async with server(saying(OK + OK, OK)) as url, client(url) as bulk:
        assert (await bulk.post("/m", b"x")).body == b"ok"
        assert (await bulk.post("/m", b"y")).body == b"ok"


async def test_nobody_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        async with client(url) as bulk:
            with pytest.raises(NotSentError):
                await bulk.post("/m", b"x")


async def test_no_free_connection_in_time() -> None:
    release = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        await release.wait()
        writer.write(OK)

    async with server(talk) as url, client(url, connections=1, timeout_s=0.2) as bulk:
        first = asyncio.create_task(bulk.post("/m", b"x"))
        await asyncio.sleep(0)
        with pytest.raises(NotSentError):
            await bulk.post("/m", b"y")
        release.set()
        assert (await first).status == 200


async def test_giving_up_frees_the_place() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"hang" in await request_of(reader):
            await reader.read()
        writer.write(OK)

    async with server(talk) as url, client(url, connections=1) as bulk:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await bulk.post("/m", b"hang")
        assert (await bulk.post("/m", b"x")).status == 200


async def test_closing_ends_what_is_under_way() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        seen.set()
        await reader.read()

    seen = asyncio.Event()
    async with server(talk) as url, client(url) as bulk:
        posting = asyncio.create_task(bulk.post("/m", b"x"))
        await seen.wait()
        bulk.close()
        with pytest.raises(LostAnswerError):
            await posting


async def test_tls_is_verified(tmp_path: Path) -> None:
    async with server(saying(OK), certificate(tmp_path)) as url, client(url) as bulk:
        with pytest.raises(NotSentError):
            await bulk.post("/m", b"x")


async def test_tls_works_with_a_trusted_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = certificate(tmp_path)
    # OpenSSL's own variable, which a town with its own authority would set.
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    async with server(saying(OK), tls) as url, client(url) as bulk:
        assert (await bulk.post("/m", b"x")).status == 200


def certificate(folder: Path) -> ssl.SSLContext:
    """A self-signed one for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


@pytest.mark.parametrize(
    ("url", "headers"),
    [("http://h", {"a": "b\r\nc: d"}), ("http://h", {"a": "b\n"}), ("http:///x", {})],
)
def test_what_cannot_be_sent_is_refused(url: str, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="can't be sent"):
        BulkClient(url, connections=1, headers=headers)
