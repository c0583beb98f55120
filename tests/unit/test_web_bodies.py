"""Bodies: what JSON, forms and fields may hold; everything else is a clear refusal."""

import json
import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.errors import InvalidInputError
from alertd.web.bodies import MOST_BYTES, read_form, read_json
from tests.unit.web_city import WebCity, served, short


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"NaN",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": -1e999}',
        b'{"a": 9223372036854775808}',
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": "\\u0000"}',
        b'{"a": 1, "a": 2}',
        b"[" * 100 + b"]" * 100,
        b"[" * 100_000,
        b"{}{}",
    ],
)
def test_json_that_cannot_be_stored_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError):
        read_json(body)


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner),
    max_leaves=10,
)


@given(_JSON)
def test_json_that_can_be_stored_is_read_as_it_was_written(value: Any) -> None:
    read = read_json(json.dumps(value).encode())
    assert read == value
    assert not isinstance(read, float) or math.isfinite(read)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for reader in (read_json, lambda b: read_form(b, "application/x-www-form-urlencoded")):
        try:
            reader(body)
        except InvalidInputError as error:
            str(error).encode()  # fails where a part of the input came through unsound


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"name=%D6%B5%B0%E0%D4%B1", "application/x-www-form-urlencoded"),
        (b"name=%E5%80%BC%E7%8F%AD%E5%91%98", "application/x-www-form-urlencoded"),
        (b"name=%D6%B5%B0%E0%D4%B1", "application/x-www-form-urlencoded; charset=GBK"),
        ("name=值班员".encode(), "application/x-www-form-urlencoded;charset=utf-8"),
        ("name=值班员".encode("gb18030"), "Application/X-WWW-Form-Urlencoded"),
    ],
)
def test_forms_are_read_in_the_encoding_they_are_in(body: bytes, content_type: str) -> None:
    assert read_form(body, content_type) == {"name": "值班员"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"a=%00", "application/x-www-form-urlencoded"),
        (b"a=%FF%FF", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(2_500)), "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"a=1", ""),
    ],
)
def test_forms_that_are_none_are_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(InvalidInputError):
        read_form(body, content_type)


_HOSTILE = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"\x00",
    b'{"template": "\\ud800", "colour": "red", "areas": ["330281"], "status": "Actual"}',
    b'{"template": "typhoon", "colour": "red", "areas": ["330281"], "status": NaN}',
    b'{"template": "typhoon", "colour": "red", "areas": [1e400], "status": "Actual"}',
    b'{"valid_min": ' + b"1" * 400 + b"}",
    b"{" * 5_000,
]


@pytest.mark.parametrize("body", _HOSTILE)
async def test_hostile_json_is_a_problem_and_never_a_failure(web: WebCity, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    async with web.client("officer") as officer:
        for method, path in (
            ("POST", "alerts"),
            ("POST", "alerts/preview"),
            ("POST", "tokens"),
            ("POST", "alerts/A1/acks"),
            ("DELETE", "alerts/A1/acks/1"),
            ("POST", "inbound/1/classify"),
            ("POST", "help/1/close"),
        ):
            answer = await officer.request(method, f"/api/v1/{path}", content=body, headers=headers)
            assert 400 <= answer.status_code < 500, (path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json", path
            assert answer.json()["code"]


@pytest.mark.parametrize(
    "path",
    [
        "alerts/%00",
        "alerts/%ED%A0%80",
        "alerts/../../etc/passwd",
        "alerts/" + "a" * 5_000,
        "alerts/A1/acks/" + "9" * 400,
        "alerts?limit=99999999999999999999999",
        "alerts?after=-1",
        "alerts?limit=NaN",
        "alerts?status=%00",
        "roster/units?parent=%27%20OR%201=1",
        "terminals?after=1e9",
        "events?after=%F0%28%8C%28",
        "alerts/A1/cells?level=galaxy",
    ],
)
async def test_hostile_addresses_are_a_problem(web: WebCity, path: str) -> None:
    async with web.client("officer") as officer:
        answer = await officer.get(f"/api/v1/{path}")
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.json()["code"]


async def test_no_write_is_done_with_something_unknown_in_its_address(web: WebCity) -> None:
    writes = [
        (method, path.replace("{", "").replace("}", ""))
        for path, operations in web.app.openapi()["paths"].items()
        for method in operations
        if method != "get"
    ]
    assert len(writes) >= 40
    async with web.client("admin") as admin:
        for method, path in writes:
            answer = await admin.request(method, f"{path}?dry-run=true")
            assert (answer.status_code, answer.json()["field"]) == (422, "dry-run"), path


async def test_a_body_over_its_bound_is_refused_before_it_is_read(web: WebCity) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MOST_BYTES // 1_000 + 10):
            yield b" " * 1_000

    headers = {
        "authorization": f"Bearer {web.tokens['officer']}",
        "content-type": "application/json",
    }
    async with served(web) as url, httpx.AsyncClient() as client:
        streamed = await client.post(f"{url}/api/v1/alerts", content=endless(), headers=headers)
        assert streamed.status_code == 413
        assert streamed.json()["code"] == "too-large"
        announced = await client.post(
            f"{url}/api/v1/alerts", content=b" " * (MOST_BYTES + 1), headers=headers
        )
        assert announced.status_code == 413
        assert (await client.get(f"{url}/healthz")).status_code == 200


async def test_problems_are_told_in_the_readers_language(web: WebCity) -> None:
    async with web.client("officer") as officer:
        english = await officer.post("/api/v1/alerts", json=short(colour="purple"))
        chinese = await officer.post(
            "/api/v1/alerts", json=short(colour="purple"), headers={"accept-language": "zh"}
        )
        assert english.headers["content-language"] == "en"
        assert chinese.headers["content-language"] == "zh-CN"
        assert english.json()["code"] == chinese.json()["code"]
        assert english.json()["field"] == chinese.json()["field"] == "colour"
        assert "purple" not in english.text


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/issue/typhoon", "application/x-www-form-urlencoded"),
        ("/sign-in", "application/x-www-form-urlencoded"),
        ("/roster/import", "multipart/form-data; boundary=b"),
        ("/api/v1/alerts", "application/json"),
    ],
)
async def test_one_that_goes_before_it_has_sent_all_is_no_error_of_ours(
    web: WebCity, path: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = iter(
        [
            {"type": "http.request", "body": b"--b\r\n", "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Any:
        return next(parts)

    async def send(_message: Any) -> None:
        """Nobody is there."""

    cookie = f"alertd_session={await web.session('admin')}".encode()
    headers = [(b"host", b"alertd.test"), (b"content-type", kind.encode()), (b"cookie", cookie)]
    if path.startswith("/api"):
        headers[2] = (b"authorization", f"Bearer {web.tokens['officer']}".encode())
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("alertd.test", 80),
    }
    await web.app(scope, receive, send)
    assert "request failed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("who", "status"), [(None, 401), ("viewer", 403), ("town", 403), ("admin", 422)]
)
async def test_a_citys_files_are_taken_from_whoever_may_send_them(
    web: WebCity, who: str | None, status: int
) -> None:
    """The framework reads all of a form before a route is asked who sends it."""
    taken = 0

    async def files() -> AsyncIterator[bytes]:
        nonlocal taken
        head = 'content-disposition: form-data; name="people"; filename="people.csv"'
        yield f"--b\r\n{head}\r\n\r\n".encode()
        for _ in range(4):
            taken += MOST_BYTES
            yield b"x" * MOST_BYTES
        yield b"\r\n--b--\r\n"

    kind = {"content-type": "multipart/form-data; boundary=b"}
    async with web.client(who) as client:
        answer = await client.post("/api/v1/roster?dry_run=true", content=files(), headers=kind)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert taken == (4 if who == "admin" else 1) * MOST_BYTES
        long = await client.post(
            "/api/v1/roster", content=b"--b", headers={**kind, "content-length": "9999999"}
        )
        assert long.status_code == status, long.text
