"""What this machine does at best: the same work, at the same concurrency, with nothing of alertd.

Nothing here imports alertd, its channels or its rosters. Benches measure these beside alertd in
the same run. As a program it is the peer that both talk to: `python limits.py serve [DELAY_MS]` is
a gateway that reads every body and answers, `python limits.py nothing` a web application whose
inbound route does nothing. Both print their port.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import sqlite3
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httptools
import uvicorn
from fastapi import FastAPI
from paho.mqtt.client import Client as Paho
from paho.mqtt.enums import CallbackAPIVersion
from starlette.routing import Route

# --- the database ---------------------------------------------------------------------------------

# alertd's own table and indexes, to the letter (the bench compares them).
DELIVERY = """
CREATE TABLE delivery (
    id INTEGER NOT NULL PRIMARY KEY, message_no INTEGER NOT NULL, recipient_kind SMALLINT NOT NULL,
    recipient_no INTEGER NOT NULL, address_no INTEGER, lane SMALLINT NOT NULL,
    priority SMALLINT NOT NULL, state SMALLINT NOT NULL, attempt SMALLINT NOT NULL, due_at INTEGER,
    left_at INTEGER, route TEXT, avoid_route TEXT, lease TEXT, duplicate SMALLINT NOT NULL,
    reason TEXT, played SMALLINT NOT NULL, settled_at INTEGER
);
CREATE INDEX delivery_queue ON delivery (lane, priority, due_at, id) WHERE state = 0;
CREATE INDEX delivery_deadline ON delivery (due_at)
    WHERE state IN (1, 2, 5) AND due_at IS NOT NULL;
CREATE INDEX delivery_recipient ON delivery (recipient_no, id);
CREATE TABLE source (no INTEGER PRIMARY KEY, recipient_no INTEGER, address_no INTEGER);
"""
NOW = 1_760_000_000_000

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


def fresh_database(path: Path, recipients: Sequence[tuple[int, int | None]]) -> sqlite3.Connection:
    """An empty table of deliveries, and (recipient, address) of those to fill it with."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA cache_size=-65536")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.executescript(DELIVERY)
    connection.execute("BEGIN IMMEDIATE")
    rows = ((number, *one) for number, one in enumerate(recipients, start=1))
    connection.executemany("INSERT INTO source VALUES (?, ?, ?)", rows)
    connection.execute("COMMIT")
    return connection


def everybody(rows: int) -> list[tuple[int, int | None]]:
    """Recipients where it doesn't matter who they are."""
    return [(number, number) for number in range(1, rows + 1)]


def insert_select(connection: sqlite3.Connection) -> float:
    """Every delivery by one INSERT … SELECT in the order of the key, on disk; seconds."""
    began = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "INSERT INTO delivery (id, message_no, recipient_kind, recipient_no, address_no, lane,"
        " priority, state, attempt, due_at, duplicate, played)"
        " SELECT (1 << 32) + no, (1 << 32) + 1, 1, recipient_no, address_no, 11, 1, 0, 0, ?, 0, 0"
        " FROM source ORDER BY no",
        (NOW,),
    )
    connection.execute("COMMIT")
    return time.perf_counter() - began


# The columns that alertd's two statements set and give back; its values come one by one, too.
_CLAIM = (
    "UPDATE delivery SET state = 1, attempt = attempt + 1, due_at = ?, route = 'sms', lease = 'me',"
    " left_at = coalesce(left_at, ?) WHERE id IN (SELECT id FROM delivery WHERE lane = 11"
    " AND state = 0 AND due_at <= ? ORDER BY lane, priority, due_at, id LIMIT ?) RETURNING id,"
    " attempt, message_no, recipient_kind, recipient_no, address_no, lane, priority, duplicate,"
    " played"
)
_SETTLE = (
    "UPDATE delivery SET state = ?, due_at = ?, reason = ?, avoid_route = ?, duplicate = ?,"
    " settled_at = ?, lease = NULL WHERE id = ? AND state = 1 AND attempt = ? AND lease = ?"
)


def claim_and_settle(connection: sqlite3.Connection, batch: int, most: int) -> float:
    """Claim a batch, commit, settle it, commit, and again; returns rows per second."""
    began, done = time.perf_counter(), 0
    while done < most:
        connection.execute("BEGIN IMMEDIATE")
        rows = connection.execute(_CLAIM, (NOW + 15_000, NOW, NOW, batch)).fetchall()
        connection.execute("COMMIT")
        if not rows:
            break
        connection.execute("BEGIN IMMEDIATE")
        same = (2, None, "gateway-has-it", None, 0, NOW)
        connection.executemany(_SETTLE, [(*same, row[0], row[1], "me") for row in rows])
        connection.execute("COMMIT")
        done += len(rows)
    return done / (time.perf_counter() - began)


def group_by(connection: sqlite3.Connection) -> float:
    """The board's counts without a rollup, ms."""
    began = time.perf_counter()
    connection.execute("SELECT lane, state, count(*) FROM delivery GROUP BY lane, state").fetchall()
    return (time.perf_counter() - began) * 1000


# --- HTTP -----------------------------------------------------------------------------------------


class Server(asyncio.Protocol):
    """A gateway: reads a JSON body, answers 202 with an id, at once or after a while."""

    taken = 0
    delay_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.body = b""

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        body, self.body = self.body, b""
        if self.url == b"/taken":
            self.answer(str(Server.taken).encode())
            return
        json.loads(body)
        Server.taken += 1
        text = b'{"id":"%d"}' % Server.taken
        if Server.delay_s:
            asyncio.get_running_loop().call_later(Server.delay_s, self.answer, text)
        else:
            self.answer(text)

    def answer(self, text: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\n\r\n%b" % (len(text), text)
            )


class Client(asyncio.Protocol):
    """One connection that posts one body after another, closes, and reads each answer."""

    def __init__(self, requests: Iterator[bytes], done: "asyncio.Future[int]") -> None:
        self.requests = requests
        self.done = done
        self.answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.parser = httptools.HttpResponseParser(self)
        self.next()

    def next(self) -> None:
        self.body = b""
        request = next(self.requests, None)
        if request is None:
            self.done.set_result(self.answered)
            self.transport.close()
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        if self.body[:1] == b"{":
            json.loads(self.body)
        self.answered += self.parser.get_status_code() < 300
        self.next()


async def post_all(port: int, requests: Iterator[bytes], connections: int) -> int:
    """Post every request over so many connections; returns how many were answered 2xx."""
    loop = asyncio.get_running_loop()
    ends: list[asyncio.Future[int]] = [loop.create_future() for _ in range(connections)]
    for end in ends:
        await loop.create_connection(partial(Client, requests, end), "127.0.0.1", port)
    return sum(await asyncio.gather(*ends))


async def post_each(port: int, requests: Iterator[bytes], at_once: int) -> int:
    """The same with a connection for every request, as many at once."""
    loop = asyncio.get_running_loop()

    async def one_after_another() -> int:
        answered = 0
        for one in requests:
            end: asyncio.Future[int] = loop.create_future()
            await loop.create_connection(partial(Client, iter([one]), end), "127.0.0.1", port)
            answered += await end
        return answered

    return sum(await asyncio.gather(*(one_after_another() for _ in range(at_once))))


def request(path: str, body: bytes, headers: str = "") -> bytes:
    """The bytes of one POST."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return f"{head}{headers}content-length: {len(body)}\r\n\r\n".encode() + body


def sms_requests(texts: Sequence[tuple[str, str]]) -> Iterator[bytes]:
    """(to, text) as a bulk SMS gateway takes them, made one by one."""
    for number, (to, text) in enumerate(texts, start=1):
        fields = {
            "delivery": number,
            "attempt": 1,
            "to": to,
            "text": text,
            "language": "zh-CN",
            "alert": "0" * 32,
            "short_code": "A7",
            "kind": "alert",
            "status": "Actual",
            "expires_at": NOW,
            "possible_duplicate": False,
        }
        body = json.dumps(fields, ensure_ascii=False).encode()
        yield request("/messages", body, "authorization: Bearer secret\r\n")


def webhook_requests(texts: Sequence[tuple[str, str]], secret: bytes) -> Iterator[bytes]:
    """The same texts as signed webhooks (Standard Webhooks)."""
    for number, (_, text) in enumerate(texts, start=1):
        data = {"delivery": number, "attempt": 1, "alert": "0" * 32, "kind": "alert", "text": text}
        event = {"type": "alertd.alert", "timestamp": "2025-10-09T08:53:20+00:00", "data": data}
        body = json.dumps(event, ensure_ascii=False).encode()
        stamp = f"msg-{number}.{NOW // 1000}.".encode()
        mac = base64.b64encode(hmac.digest(secret, stamp + body, "sha256")).decode()
        headers = (
            f"webhook-id: msg-{number}\r\nwebhook-timestamp: {NOW // 1000}\r\n"
            f"webhook-signature: v1,{mac}\r\n"
        )
        yield request("/group", body, headers)


def reply_requests(path: str, secret: bytes, phones: Sequence[str], run: str) -> Iterator[bytes]:
    """One signed SMS reply a request, each from another phone."""
    for number, phone in enumerate(phones):
        fields = {"id": f"{run}-{number}", "from": phone, "text": "1"}
        body = json.dumps(fields).encode()
        mac = hmac.new(secret, b"replies\n" + body, hashlib.sha256).hexdigest()
        yield request(path, body, f"x-handsets-signature: sha256={mac}\r\n")


# --- MQTT -----------------------------------------------------------------------------------------


def publish_all(
    host: str, port: int, login: tuple[str, str], messages: Sequence[tuple[str, bytes]], window: int
) -> float:
    """Publish at QoS 1 with paho alone, never more than `window` unconfirmed; per second."""
    client = Paho(CallbackAPIVersion.VERSION2, client_id="limit")
    client.username_pw_set(*login)
    slots, connected = threading.Semaphore(window), threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.on_publish = lambda *_: slots.release()
    client.connect(host, port)
    client.loop_start()
    connected.wait(10)
    began = time.perf_counter()
    for topic, payload in messages:
        slots.acquire()
        client.publish(topic, payload, qos=1)
    for _ in range(window):
        slots.acquire()
    took = time.perf_counter() - began
    client.disconnect()
    client.loop_stop()
    return len(messages) / took


def command_all(
    host: str,
    port: int,
    login: tuple[str, str],
    messages: Sequence[tuple[str, bytes]],
    window: int,
    answers: str,
    many: int | None = None,
) -> float:
    """Publish with paho alone; `many` (else one each) come back under `answers`, per second."""
    many = len(messages) if many is None else many
    client = Paho(CallbackAPIVersion.VERSION2, client_id="limit-commands")
    client.username_pw_set(*login)
    slots, subscribed, answered = threading.Semaphore(window), threading.Event(), threading.Event()
    came = 0

    def on_message(*_: Any) -> None:
        nonlocal came
        came += 1
        if came == many:
            answered.set()

    client.on_connect = lambda *_: client.subscribe(answers, 1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_publish = lambda *_: slots.release()
    client.on_message = on_message
    client.connect(host, port)
    client.loop_start()
    subscribed.wait(10)
    began = time.perf_counter()
    for topic, payload in messages:
        slots.acquire()
        client.publish(topic, payload, qos=1)
    assert answered.wait(120)
    took = time.perf_counter() - began
    client.disconnect()
    client.loop_stop()
    return many / took


# --- the peers, as programs -----------------------------------------------------------------------


async def nothing(scope: Any, receive: Receive, send: Send) -> None:
    """The inbound route, doing nothing: it reads the body and answers."""
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    body = b'{"accepted": 1, "refused": []}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Nothing:
    """As an object, which a Route takes for an ASGI application and not for a view."""

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        await nothing(scope, receive, send)


async def _serve(delay_ms: float) -> None:
    Server.delay_s = delay_ms / 1000
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Server, "127.0.0.1", 0, backlog=2048)
    _say(server)
    await server.serve_forever()


async def _serve_nothing() -> None:
    app = FastAPI()
    app.router.routes.append(Route("/hooks/sms/replies", Nothing(), methods=["POST"]))
    settings = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False)
    server = uvicorn.Server(settings)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    _say(server.servers[0])
    await serving


def _say(server: asyncio.Server) -> None:
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "nothing":
        asyncio.run(_serve_nothing())
    else:
        asyncio.run(_serve(float(sys.argv[2])))
