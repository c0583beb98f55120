"""Inbound hooks: the gateway's own calls are read, everything else is refused by one error."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.base import Event, Hook, HookAnswer, HookRefusedError, HookRequest, Reply
from tests.contract.cases import CASES
from tests.contract.peer import Case

HOSTILE = [
    b"",
    b"\0",
    b"\xff\xfe",
    "【余姚】收到".encode("gb18030"),
    b"{",
    b"null",
    b"[]",
    b"[[]]",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"NaN",
    b'{"delivery": NaN, "attempt": 1e999}',
    b'{"delivery": ' + b"9" * 5_000 + b', "attempt": 1, "status": "delivered"}',
    b'{"delivery": 9223372036854775808, "attempt": 1, "status": "delivered"}',
    b'{"delivery": true, "attempt": 1, "status": "delivered"}',
    b'{"delivery": 1, "attempt": -1, "status": "delivered"}',
    b'{"delivery": 1, "attempt": 1, "status": ["delivered"]}',
    b'{"delivery": 1, "attempt": 1, "status": {"a": 1}, "reason": []}',
    b'{"id": "\\u0000", "from": "\\ud800", "text": "\\ud800\\u0000"}',
    b'{"id": "r", "from": "+861", "text": "\\ud83d\\u0000", "at": 1e400}',
    b'{"id": {}, "from": [], "text": 1}',
    b"Body=%ff%fe&From=%00&MessageSid=%ed%a0%80",
    b"&&&===%%%%zz",
    b"a=1" + b"&a=1" * 20_000,
]


def read(hook: Hook, request: HookRequest) -> int | None:
    """Read, and make sure that what came out can be stored; a refusal's status, or None."""
    try:
        events, answer = hook.read(request)
    except HookRefusedError as error:
        status = error.status
    else:
        check(events, answer)
        return None
    assert status in {400, 401, 403, 413}
    return status


def check(events: Sequence[Event], answer: HookAnswer) -> None:
    assert 200 <= answer.status < 300
    for event in events:
        if isinstance(event, Reply):
            stored = f"{event.gateway_id}{event.sender}{event.text}{event.extension}"
            stored.encode("utf-8")
            assert "\0" not in stored
            assert event.gateway_id


async def test_a_genuine_call_is_read(case_class: type[Case], tmp_path: Path) -> None:
    async with case_class.open(tmp_path) as case:
        for sample in case.hook_samples():
            events, answer = sample.hook.read(sample.request)
            assert len(events) == sample.events
            assert 200 <= answer.status < 300
            again, _ = sample.hook.read(sample.request)
            assert list(again) == list(events), "reading is pure: a repeated call reads the same"


async def test_a_forged_call_is_refused(case_class: type[Case], tmp_path: Path) -> None:
    async with case_class.open(tmp_path) as case:
        for sample in case.hook_samples():
            request = sample.request
            forgeries = list(sample.forgeries) or signature_forgeries(request)
            assert len(forgeries) > 4, "the sample has a signature header, or forgeries of its own"
            for forgery in forgeries:
                assert read(sample.hook, forgery) in {400, 401, 403}


def signature_forgeries(request: HookRequest) -> list[HookRequest]:
    return [
        replace(request, headers={}),
        replace(request, body=request.body + b" "),
        replace(request, headers=dict.fromkeys(request.headers, "")),
        replace(request, headers=dict.fromkeys(request.headers, "\udc80é")),
        *[
            replace(request, headers={**request.headers, name: value[:-1] + "x"})
            for name, value in request.headers.items()
            if "signature" in name
        ],
    ]


async def test_one_hooks_call_is_no_other_hooks(case_class: type[Case], tmp_path: Path) -> None:
    async with case_class.open(tmp_path) as case:
        samples = case.hook_samples()
        for sample in samples:
            for other in samples:
                if other.hook.name != sample.hook.name:
                    assert read(other.hook, sample.request) in {400, 401, 403}


async def test_an_oversize_body_is_refused(case_class: type[Case], tmp_path: Path) -> None:
    async with case_class.open(tmp_path) as case:
        for sample in case.hook_samples():
            body = sample.request.body + b" " * sample.hook.max_body_bytes
            assert read(sample.hook, case.signed(sample.hook, body)) == 413


async def test_hostile_bodies_raise_nothing_else(case_class: type[Case], tmp_path: Path) -> None:
    async with case_class.open(tmp_path) as case:
        for sample in case.hook_samples():
            for body in HOSTILE:
                read(sample.hook, replace(sample.request, body=body))
                read(sample.hook, case.signed(sample.hook, body))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
field_names = st.sampled_from(
    ["delivery", "attempt", "status", "reason", "at", "id", "from", "text", "extension"]
)
bodies = st.binary(max_size=300) | st.dictionaries(field_names, json_values).map(
    lambda value: json.dumps(value).encode()
)


@pytest.mark.parametrize("case_type", CASES, ids=[case.name for case in CASES])
def test_whatever_is_signed_raises_nothing_else(case_type: type[Case], tmp_path: Path) -> None:
    async def everything() -> None:
        async with case_type.open(tmp_path) as case:
            samples = case.hook_samples()

            @settings(suppress_health_check=list(HealthCheck))
            @given(body=bodies)
            def each_reads(body: bytes) -> None:
                for sample in samples:
                    read(sample.hook, case.signed(sample.hook, body))

            if samples:
                await asyncio.to_thread(each_reads)

    asyncio.run(everything())
