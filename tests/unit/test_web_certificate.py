"""A certificate that is renewed under a running server."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alertd.beside import Running
from alertd.cli.certificates import Files, make
from alertd.errors import NotConfiguredError
from alertd.settings import Settings
from alertd.web.server import Server, listen, listen_aside, server_for


async def answers(scope: Any, _receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@dataclass
class Office:
    """A server with TLS, whose two files are links into one folder, as certbot's are."""

    folder: Path
    settings: Settings
    server: Server
    port: int

    def switch(self, files: Files) -> None:
        for name, to in (("cert", files.server), ("key", files.server_key)):
            fresh = self.folder / "fresh"
            fresh.symlink_to(to)
            fresh.replace(self.folder / name)

    def look(self) -> list[tuple[str, str]]:
        told: list[tuple[str, str]] = []
        assert self.server.certificate is not None
        self.server.certificate.look(lambda now, before: told.append((now, before)))
        return told

    async def shown(self) -> str:
        return await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", self.port))


def pair(folder: Path, name: str) -> Files:
    return make(folder / name, ["127.0.0.1"], office="office", now=datetime.now(UTC))


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with serving(tmp_path) as made:
        yield made


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Office]:
    first = pair(folder, "first")
    (folder / "cert").symlink_to(first.server)
    (folder / "key").symlink_to(first.server_key)
    settings = Settings(
        data_dir=folder / "data", tls_cert=folder / "cert", tls_key=folder / "key", port=0
    )
    with listen(settings) as sock:
        server = server_for(answers, asyncio.Event(), settings)
        task = asyncio.create_task(server.serve(sockets=[sock]))
        await server.up.wait()
        yield Office(folder, settings, server, sock.getsockname()[1])
        server.stop()
        await task


async def test_a_renewed_certificate_is_shown_without_a_start(office: Office) -> None:
    first = await office.shown()
    assert office.look() == []
    second = pair(office.folder, "second")
    office.switch(second)
    ((now, before),) = office.look()
    assert (before.strip(), now.strip()) == (first.strip(), second.server.read_text().strip())
    assert (await office.shown()).strip() == now.strip()
    assert office.look() == []
    # A command that was told of both trusts either.
    for text in (now + before, before + now):
        context = Running("", 1, text).trusted()
        assert isinstance(context, ssl.SSLContext)
        _, writer = await asyncio.open_connection("127.0.0.1", office.port, ssl=context)
        writer.close()


async def test_for_want_of_a_usable_one_it_serves_by_one_of_the_moment(tmp_path: Path) -> None:
    """Until it can be used; whoever may read it may be all that changes."""
    good, key = pair(tmp_path, "good"), tmp_path / "key"
    key.mkdir()  # what can't be read, whoever reads it
    settings = Settings(data_dir=tmp_path / "data", tls_cert=good.server, tls_key=key, port=0)
    with pytest.raises(NotConfiguredError):
        server_for(answers, asyncio.Event(), settings)
    with listen(settings) as sock, listen_aside(settings) as another:
        server = server_for(answers, asyncio.Event(), settings, spare=True)
        assert server.certificate is not None
        assert server.certificate.trouble is not None
        task = asyncio.create_task(server.serve(sockets=[sock]))
        await server.up.wait()
        await server.serve_too(another)
        offices = [Office(tmp_path, settings, server, s.getsockname()[1]) for s in (sock, another)]
        for office in offices:
            assert (await office.shown()).strip() == server.certificate.text.strip()
            context = Running("", 1, server.certificate.text).trusted()
            assert isinstance(context, ssl.SSLContext)
            _, writer = await asyncio.open_connection("127.0.0.1", office.port, ssl=context)
            writer.close()
        assert offices[0].look() == offices[0].look() == []
        key.rmdir()
        key.symlink_to(good.server_key)
        assert len(offices[0].look()) == 1
        assert server.certificate.trouble is None
        for office in offices:
            assert (await office.shown()).strip() == good.server.read_text().strip()
        server.stop()
        await task


@pytest.mark.parametrize("broken", ["no pair", "cut off", "gone"])
async def test_a_broken_renewal_leaves_what_is_served(office: Office, broken: str) -> None:
    first = await office.shown()
    second, third = pair(office.folder, "second"), pair(office.folder, "third")
    office.switch(second)
    if broken == "no pair":
        office.switch(second._replace(server_key=third.server_key))
    elif broken == "cut off":
        second.server.write_bytes(second.server.read_bytes()[:200])
    else:
        second.server.unlink()
    assert office.look() == office.look() == []
    assert await office.shown() == first
    office.switch(third)
    assert len(office.look()) == 1
    assert (await office.shown()).strip() == third.server.read_text().strip()
