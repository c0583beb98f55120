"""Two thousand hostile bodies on every inbound route, every twentieth a valid one among them.

No answer is a 5xx, and nothing valid is lost: what took effect is asked of the API afterwards.
"""

import json
import random
import socket
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from threading import local
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from channels.sms.handset_wire import SIGNATURE_HEADER
from channels.sms.handset_wire import sign as sign_handsets
from tests.acceptance.conftest import StartCity
from tests.acceptance.hostile import Body, bodies, form, valid_ones
from tests.acceptance.living_city import CITY, LivingCity
from tests.acceptance.peers import NO_ONE, Handsets
from tests.contract.twilio_stub import ACCOUNT, OUR_NUMBER, TOKEN
from tests.contract.twilio_stub import sign as sign_twilio

COUNT = 2_000
A_KIND = COUNT // 2  # where a route takes two kinds of bodies
AT_ONCE = 8
PUBLIC = "http://alertd.test"
TWILIO = {
    "type": "twilio",
    "account_sid": ACCOUNT,
    "auth_token": TOKEN,
    "from": OUR_NUMBER,
    "base_url": "http://127.0.0.1:9",
    "carries": ["Test"],
}
Headers = Callable[[str, bytes], dict[str, str]]


def storm(
    client: httpx.Client,
    url: Callable[[Body], str],
    sent: Iterable[Body],
    headers: Headers,
    *,
    accepted: int,
    count: int = COUNT,
) -> list[httpx.Response]:
    """Post all of it, several at a time; no 5xx, every valid one accepted.

    Each thread as a client of its own: a shared one's pool may close a connection that it has just
    given to another thread (httpcore's issue 1110).

    Returns the answers to the valid ones.
    """
    own = local()

    def begin() -> None:
        own.client = clients.enter_context(another(client))

    def post(body: Body) -> tuple[Body, httpx.Response]:
        there = url(body)
        answer = own.client.post(there, content=body.content, headers=headers(there, body.content))
        return body, answer

    answers = []
    with ExitStack() as clients, ThreadPoolExecutor(AT_ONCE, initializer=begin) as several:
        for body, answer in several.map(post, sent):
            assert answer.status_code < 500, (answer.text, body.content[:500])
            if body.number is not None:
                assert answer.status_code == accepted, (answer.text, body.content)
                answers.append(answer)
    assert len(answers) == len(valid_ones(count))
    return answers


def another(client: httpx.Client) -> httpx.Client:
    """One that asks the same server as the same principal."""
    return httpx.Client(
        base_url=client.base_url,
        headers=client.headers,
        timeout=client.timeout,
        trust_env=False,
        verify=NO_ONE,
    )


def at(url: str) -> Callable[[Body], str]:
    """The same address for every body."""
    return lambda _: url


def by_handsets(url: str, body: bytes) -> dict[str, str]:
    """Signed as the gateway does, so that what is wrong inside is read."""
    hook = url.rpartition("/")[2]
    return {SIGNATURE_HEADER: sign_handsets(Handsets.SECRET, hook, body)}


def by_twilio(url: str, body: bytes) -> dict[str, str]:
    """Signed as Twilio does, where the body can be read as a form at all."""
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        fields = {}
    return {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": sign_twilio(PUBLIC + url, fields),
    }


def as_json(_url: str, _body: bytes) -> dict[str, str]:
    return {"content-type": "application/json"}


def as_cap(_url: str, _body: bytes) -> dict[str, str]:
    return {"content-type": "application/cap+xml"}


@pytest.fixture
def city(living_city: StartCity) -> LivingCity:
    return living_city(
        speakers=None, settings={"public_base_url": PUBLIC}, routes={"twilio-1": TWILIO}
    )


def texts(city: LivingCity) -> set[str]:
    """What strangers wrote, as an operator is shown it."""
    found: set[str] = set()
    after: dict[str, int] = {}
    while True:
        page = city.get("/api/v1/inbound", verdict="unknown-sender", limit=500, **after)
        found |= {item["text"] for item in page["items"]}
        if page["next"] is None:
            return found
        after = {"after": page["next"]}


def facts(city: LivingCity) -> Iterator[dict[str, Any]]:
    """Every fact there is, from the stream's beginning to its first heartbeat behind them all."""
    url, query = "/api/v1/events", {"after": "", "bodies": "true"}
    with city.client("officer").stream("GET", url, params=query) as answer:
        kind, seen = "", False
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data" and kind == "fact":
                seen = True
                yield json.loads(value)
            elif name == "data" and seen:
                return


def reply(n: int) -> bytes:
    item = {"id": f"h{n}", "from": f"+86139000{n:05d}", "text": f"收到{n}", "at": None}
    return json.dumps([item]).encode()


def receipt(n: int) -> bytes:
    return json.dumps({"delivery": 10**12 + n, "attempt": 1, "status": "delivered"}).encode()


def twilio_inbound(n: int) -> bytes:
    return form({"MessageSid": f"SM{n}", "From": f"+86138000{n:05d}", "Body": f"T{n}"})


def twilio_status(_: int) -> bytes:
    return form({"MessageStatus": "delivered"})


def twilio_status_url(body: Body) -> str:
    """Twilio carries our numbers in the address, which an enemy may write too."""
    if body.number is None and len(body.content) % 3 == 0:
        return f"/hooks/twilio-1/status?d={'9' * (len(body.content) % 40)}&a=%00&x=%ff"
    return f"/hooks/twilio-1/status?d={2 * 10**12 + (body.number or 0)}&a=1"


def test_hooks(city: LivingCity) -> None:
    with httpx.Client(base_url=city.server.url, timeout=30, trust_env=False) as gateway:
        post = partial(storm, gateway, accepted=200)
        post(at("/hooks/sms/replies"), bodies(COUNT, reply, 1), by_handsets)
        post(at("/hooks/sms/receipts"), bodies(COUNT, receipt, 2), by_handsets)
        post(at("/hooks/twilio-1/inbound"), bodies(COUNT, twilio_inbound, 3), by_twilio)
        post(twilio_status_url, bodies(COUNT, twilio_status, 4), by_twilio)
    read = texts(city)
    assert {f"收到{n}" for n in valid_ones(COUNT)} <= read
    assert {f"T{n}" for n in valid_ones(COUNT)} <= read
    heard = {
        item[0]
        for fact in facts(city)
        if fact["kind"] == "receipts.ignored"
        for item in fact["body"]["items"]
    }
    assert {10**12 + n for n in valid_ones(COUNT)} <= heard
    assert {2 * 10**12 + n for n in valid_ones(COUNT)} <= heard
    assert city.get("/readyz")["ready"]


def short(n: int) -> bytes:
    """A drill that nobody issues."""
    value = {
        "template": "typhoon",
        "colour": "red",
        "areas": [CITY],
        "roles": ["grid_leader"],
        "status": "Exercise",
        "params": {"deadline": "18时"},
        "incident": f"storm-{n}",
        "languages": ["zh-CN", "en"],
    }
    return json.dumps(value).encode()


@pytest.mark.timeout(300)
def test_alerts(city: LivingCity) -> None:
    officer = city.client("officer")
    post = partial(storm, officer, at("/api/v1/alerts"), accepted=201, count=A_KIND)
    made = post(bodies(A_KIND, short, 5), as_json)
    drafts = {answer.json()["id"] for answer in made}
    model = officer.get(
        f"/api/v1/alerts/{made[0].json()['id']}", headers={"accept": "application/cap+xml"}
    ).text
    identifier = model.partition("<identifier>")[2].partition("<")[0]

    def handed_in(n: int) -> bytes:
        return model.replace(identifier, f"handed-in-{n}").encode()

    made = post(bodies(A_KIND, handed_in, 6), as_cap)
    drafts |= {answer.json()["id"] for answer in made}
    assert len(drafts) == COUNT // 20
    assert drafts <= {item["id"] for item in pages(city, "/api/v1/alerts")}
    assert city.sms.texts() == [], "a draft reached somebody"


def test_answers_by_hand(city: LivingCity) -> None:
    alert = city.issue("typhoon", "red")
    people = [holder.person_id for holder in city.roll.of("grid_leader", rank=1)]

    def done(n: int) -> bytes:
        said = {"person_id": people[n % len(people)], "kind": "done", "count": n, "of": 10**6}
        return json.dumps({**said, "via": "radio", "note": f"由对讲机报告{n}"}).encode()

    url = at(f"/api/v1/alerts/{alert.code}/acks")
    made = storm(city.client("officer"), url, bodies(COUNT, done, 7), as_json, accepted=201)
    numbers = {answer.json()["no"] for answer in made}
    kept = {item["no"]: item for item in pages(city, f"/api/v1/alerts/{alert.code}/acks")}
    assert numbers <= kept.keys()
    counts = {kept[no]["count"] for no in numbers}
    assert counts == valid_ones(COUNT)


def pages(city: LivingCity, path: str) -> Iterator[dict[str, Any]]:
    """Everything in a list."""
    after: dict[str, int] = {}
    while True:
        page = city.get(path, limit=200, **after)
        yield from page["items"]
        if page["next"] is None:
            return
        after = {"after": page["next"]}


def test_what_is_no_http_at_all(city: LivingCity) -> None:
    """Raw bytes on the socket; the server answers or hangs up, and serves the next."""
    host = urlsplit(city.server.url)
    dice = random.Random(8)
    post = b"POST /hooks/sms/replies HTTP/1.1\r\nhost: x\r\n"
    heads = (
        b"",
        b"\x16\x03\x01\x02\x00\x01\x00",  # TLS
        b"GET / HTTP/9.9\r\n\r\n",
        post + b"content-length: -1\r\n\r\n",
        post + b"content-length: 99999999999999999999\r\n\r\n",
        post + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        post + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n",
        b"GET /" + b"a" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 5_000 + b"\r\n",
        b"GET /\xff\xfe\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
    )
    for _ in range(200):
        with socket.create_connection((host.hostname, host.port), timeout=10) as raw:
            raw.sendall(dice.choice(heads) + dice.randbytes(dice.randrange(100)))
            raw.shutdown(socket.SHUT_WR)
            head = b""
            try:
                head = raw.recv(64)
            except ConnectionResetError:
                continue  # hanging up is an answer too
            assert not head.startswith(b"HTTP/1.1 5"), head
    assert city.get("/healthz") == {"status": "ok", "space": "enough"}
