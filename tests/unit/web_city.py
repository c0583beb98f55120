"""A city behind the web: a real store, engine, runner and application, and one loopback route.

`async with web_city(folder) as web:` starts the runner; `web.client("officer")` asks as somebody.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from sqlalchemy import update

from alertd import messages
from alertd.engine.authority import ACTIONS
from alertd.engine.runner import Runner
from alertd.engine.timekeeping import Timekeeper
from alertd.engine.turn import Turn
from alertd.settings import Settings, load
from alertd.store import access, credentials
from alertd.store import tables as t
from alertd.web.app import create_app
from alertd.web.commands.sessions import open_session
from alertd.web.deps import Deps
from alertd.web.passwords import hash_password
from channels.base import (
    Accepted,
    Channel,
    ChannelKind,
    Event,
    Health,
    Hook,
    HookAnswer,
    HookRefusedError,
    HookRequest,
    Outcome,
    Outgoing,
    Reply,
    RouteConfig,
    SendError,
)
from channels.hook_reading import message_text, read_items, word
from drills.alerting import Office
from drills.calendar import Calendar
from tests import databases
from tests.city import START, City, sms_route

TOWN = "330281001"
SECRET = "hook-secret"
PASSWORD = "correct horse battery"
PEOPLE: Mapping[str, tuple[str, str]] = {
    "admin": ("administrator", ""),
    "officer": ("duty_officer", ""),
    "second": ("approver", ""),
    "viewer": ("viewer", ""),
    "auditor": ("auditor", ""),
    "town": ("area_administrator", TOWN),
}


class Loopback:
    """A route whose gateway is this process: it takes everything, and replies come by its hook."""

    def __init__(self, name: str, kind: ChannelKind = ChannelKind.SMS) -> None:
        self.config = RouteConfig(name=name, type="loopback", simulated=True)
        self.kind = kind
        self.sent: list[Outgoing] = []
        self.well = True
        self.result: Accepted | SendError = Accepted("ref")

    async def start(self) -> None:
        self.started = True

    async def close(self) -> None:
        self.started = False

    async def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        for message in messages:
            self.sent.append(message)
            yield Outcome(message.delivery, message.attempt, self.result)

    def hooks(self) -> Sequence[Hook]:
        return [Hook("replies", self._read, max_body_bytes=4096)]

    async def health(self) -> Health:
        return Health(ok=self.well, detail="in this process" if self.well else "away")

    def _read(self, request: HookRequest) -> tuple[Sequence[Event], HookAnswer]:
        if request.headers.get("authorization") != f"Bearer {SECRET}":
            raise HookRefusedError(401, "not-the-gateway")
        return read_items(request.body, _reply)


def _reply(item: Any) -> Event | None:
    if not isinstance(item, dict):
        return None
    key, sender = word(item.get("id")), word(item.get("from"))
    text = message_text(item.get("text"))
    if key is None or sender is None or text is None:
        return None
    return Reply(gateway_id=key, sender=sender, text=text)


class Clock:
    """START, the time that passes, and what was added to it."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.added_ms = 0
        self.wrong_by_ms = 0  # the machine's clock, before the node's time

    def __call__(self) -> int:
        return START + round((time.monotonic() - self._began) * 1000) + self.added_ms

    def wall(self) -> int:
        return self() + self.wrong_by_ms

    def move(self, to: int) -> None:
        by = to - self()
        self.added_ms += by
        self.wrong_by_ms -= by

    def forward(self, *, minutes: float) -> None:
        self.added_ms += round(minutes * 60_000)


@dataclass
class WebCity:
    """See the module."""

    city: City
    deps: Deps
    runner: Runner
    app: FastAPI
    loopback: Loopback
    clock: Clock
    tokens: dict[str, str] = field(default_factory=dict)
    sessions: list[str] = field(default_factory=list)  # opened, for names of their own

    def client(self, who: str | None = None, **more: Any) -> httpx.AsyncClient:
        """A client of the application itself; as somebody with a bearer token, or as nobody."""
        headers = {"authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://alertd.test",
            headers={"accept-language": "en", **headers, **more.pop("headers", {})},
            **more,
        )

    async def session(self, who: str) -> str:
        """A browser's session without the half second that a password takes: its cookie."""
        secret = f"session-{len(self.sessions)}-of-{who}-{'x' * 24}"
        with self.city.store.read() as connection:
            found = access.find_principal(connection, who)
        assert found is not None, who
        opening = partial(
            open_session,
            principal_no=found.no,
            secret=secret,
            csrf=f"csrf-{secret}",
            lasts_ms=12 * 3_600_000,
        )
        await self.runner.submit(opening)
        self.sessions.append(secret)
        return secret

    async def administer(self, name: str, unit_code: str) -> None:
        """Let in one more, who administers a part of the city, with a token."""
        token = f"token-of-{name}-{'x' * 24}"

        def do(turn: Turn) -> None:
            made = access.create_principal(
                turn.tx,
                turn.ids,
                name=name,
                role="area_administrator",
                by="cli",
                unit_code=unit_code,
            )
            credentials.create_token(
                turn.tx, token, principal_no=made.no, label="test", scopes=ACTIONS, by="cli"
            )

        await self.runner.submit(do)
        self.tokens[name] = token

    async def issue(self, **changes: Any) -> dict[str, Any]:
        """An Actual alert drafted by the officer and approved by the second person."""
        async with self.client("officer") as officer, self.client("second") as second:
            made = await officer.post("/api/v1/alerts", json=short(**changes))
            assert made.status_code == 201, made.text
            drafted: dict[str, Any] = made.json()
            approved = await second.post(f"/api/v1/alerts/{drafted['id']}/approve")
            assert approved.status_code == 200, approved.text
        return drafted

    async def board(self, alert: str, who: str = "officer") -> dict[str, Any]:
        async with self.client(who) as client:
            answer = await client.get(f"/api/v1/alerts/{alert}/board")
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

    async def until(self, alert: str, reached: Any) -> dict[str, Any]:
        """The board, once the alert is expanded and says what is waited for."""
        async with asyncio.timeout(20):
            while True:
                # Asked for before reading, so that a commit in between isn't slept through.
                committed = asyncio.create_task(self.runner.committed())
                found = await self.board(alert)
                if not found["alert"]["expanding"] and reached(found["board"]):
                    committed.cancel()
                    return found
                await committed

    async def reply(self, phone: str, text: str, key: str) -> httpx.Response:
        """A reply by the gateway's hook."""
        async with self.client(headers={"authorization": f"Bearer {SECRET}"}) as gateway:
            return await gateway.post(
                "/hooks/sms-1/replies", json=[{"id": key, "from": phone, "text": text}]
            )

    async def older(self, *, days: int, upto: int | None = None) -> None:
        """All that came and was issued is so much older; with `upto` replies up to that alone."""
        by, c, a = days * 86_400_000, t.inbound.c, t.alert.c

        def change(turn: Turn) -> None:
            replies = update(t.inbound).values(received_at=c.received_at - by)
            turn.connection.execute(replies if upto is None else replies.where(c.no <= upto))
            if upto is None:
                turn.connection.execute(update(t.alert).values(issued_at=a.issued_at - by))

        await self.runner.submit(change)


def short(**changes: Any) -> dict[str, Any]:
    """A short form for one town."""
    values: dict[str, Any] = {
        "template": "typhoon",
        "colour": "red",
        "areas": [TOWN],
        "roles": ["grid_leader", "building_lead"],
        "status": "Actual",
    }
    return values | changes


def settings_of(folder: Path, **more: Any) -> Settings:
    return load(**{"data_dir": folder, "public_base_url": "http://alertd.test", **more})


def let_in(city: City) -> dict[str, str]:
    """Make everybody of PEOPLE, with a token each; returns the tokens."""
    tokens = {}
    with city.store.transaction(city.now) as tx:
        for name, (role, unit_code) in PEOPLE.items():
            person = city.leaders()[0][1] if name == "officer" else None
            made = access.create_principal(
                tx,
                city.ids,
                name=name,
                role=role,
                by="cli",
                unit_code=unit_code,
                person_no=person,
            )
            tokens[name] = f"token-of-{name}-{'x' * 24}"
            credentials.create_token(
                tx,
                tokens[name],
                principal_no=made.no,
                label="test",
                scopes=ACTIONS,
                by="cli",
                expires_at=None,
            )
    return tokens


@cache
def _peopled(*, postgresql: bool | None) -> tuple[Path, dict[str, str]]:
    """Where a city is that everybody was let into, made once for this process; their tokens."""
    directory = databases.templates() / f"peopled-{postgresql}"
    city = City(directory, postgresql=postgresql, name="people")
    databases.keep(directory)
    tokens = let_in(city)
    city.store.close()
    return directory, tokens


def give_password(city: City, name: str, *, must_change: bool = False) -> None:
    with city.store.transaction(city.now) as tx:
        found = access.find_principal(tx.connection, name)
        assert found is not None
        access.set_password(tx, found.no, kept(PASSWORD), by="cli", must_change=must_change)


@cache
def kept(password: str) -> str:
    """A password's hash; each takes half a second."""
    return hash_password(password)


@asynccontextmanager
async def web_city(
    folder: Path,
    *,
    passwords: Sequence[str] = (),
    one_time: Sequence[str] = (),
    link: str = "",
    settings: Mapping[str, Any] | None = None,
    postgresql: bool | None = None,
    others: Sequence[Loopback] = (),
) -> AsyncIterator[WebCity]:
    """Start a city behind the web; it stops with the block. `others`: routes beside `sms-1`."""
    named = [sms_route(), *(sms_route(other.config.name) for other in others)]
    like, tokens = _peopled(postgresql=postgresql)
    city = City(folder, routes=named, link=link, postgresql=postgresql, like=like)
    for name in (*passwords, *one_time):
        give_password(city, name, must_change=name in one_time)
    loopback, clock = Loopback("sms-1"), Clock()
    keeper = Timekeeper(city.store, clock, moved=city.engine.leapt, pulse_ms=100)
    made = settings_of(folder, **(settings or {}))
    city.engine.agenda = Calendar(Office(made.sender, made.sender_name))
    channels: dict[str, Channel] = {"sms-1": loopback}
    channels |= {other.config.name: other for other in others}
    runner = Runner(city.engine, channels, now=clock, keeper=keeper)
    deps = Deps(
        store=city.store,
        runner=runner,
        library=city.library,
        wording=messages.Wording({"zh-CN": "余姚市防指", "en": "Yuyao FCDH"}, link=link),
        settings=made,
        now=clock,
        channels=channels,
        stopping=asyncio.Event(),
    )
    await runner.start()
    if city.store.shared:
        await runner.submit(lambda _: None)  # it says that it works by its first step
    try:
        yield WebCity(city, deps, runner, create_app(deps), loopback, clock, dict(tokens))
    finally:
        deps.stopping.set()
        await runner.stop()
        city.store.close()


class Served(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, *args: Any, **kwargs: Any) -> None:
        await super().startup(*args, **kwargs)
        self.ready.set()


@asynccontextmanager
async def served(web: WebCity) -> AsyncIterator[str]:
    """Serve the application on a port of its own; yields its address."""
    async with listening(web.app) as url:
        try:
            yield url
        finally:
            web.deps.stopping.set()


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    """Serve any application on a port of its own; yields its address."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=3
    )
    server = Served(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        await server.ready.wait()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
