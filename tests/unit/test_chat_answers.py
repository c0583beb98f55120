"""What answers of chat platforms mean, status and body together."""

import json
from typing import Any

import httpx
import pytest

from channels.base import Accepted, Fault, SendError
from channels.chat.answers import BotBusyError, refused, require_zero
from channels.chat.onebot import _judge as onebot_judge
from channels.chat.slack import _judge as slack_judge
from channels.http_web import WebAnswer


def judge(status: int, body: Any, headers: dict[str, str] | None = None) -> SendError | None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = WebAnswer(status, httpx.Headers(headers), raw)
    try:
        require_zero(
            answer,
            service="x",
            code_fields=("code", "old"),
            words_field="msg",
            meaning=lambda code, words: refused(f"x-{code}-{words}") if code == 7 else None,
            now_ms=1_790_000_000_000,
        )
    except SendError as error:
        return error
    return None


@pytest.mark.parametrize("body", [{"code": 0}, {"old": 0}, {"code": 0, "old": 5, "msg": "x"}])
def test_zero_with_success_is_taken(body: Any) -> None:
    assert judge(200, body) is None


@pytest.mark.parametrize(
    ("status", "body", "fault", "code"),
    [
        (200, {"code": 7, "msg": "no"}, Fault.REFUSED, "x-7-no"),
        (400, {"code": 7, "msg": ["no"]}, Fault.REFUSED, "x-7-"),
        (200, {"code": 8}, Fault.UNKNOWN, "x-8"),
        (404, {"code": 8}, Fault.UNKNOWN, "x-8"),
        (500, {"code": 7}, Fault.UNKNOWN, "http-500"),
        (503, {"code": 7}, Fault.RETRY, "http-503"),
        (429, {"code": 7}, Fault.BUSY, "http-429"),
        (404, {"code": 0}, Fault.UNKNOWN, "contradictory-answer"),
        (503, {"code": 0}, Fault.UNKNOWN, "contradictory-answer"),
        (404, b"<html>", Fault.REFUSED, "http-404"),
        (502, b"<html>", Fault.UNKNOWN, "http-502"),
        *[
            (200, body, Fault.UNKNOWN, "malformed-answer")
            for body in (
                {"code": False},
                {"code": "0"},
                {"code": None},
                {"code": 0.0},
                {"code": 10**10},
                {},
                [],
                0,
                b"",
                b"\xff",
                b"[" * 100_000,
                b'{"code": 0',
            )
        ],
    ],
)
def test_all_else_is_told_apart(status: int, body: Any, fault: Fault, code: str) -> None:
    found = judge(status, body)
    assert found is not None
    assert (found.fault, found.code) == (fault, code)


@pytest.mark.parametrize(("header", "wait_s"), [({}, 60.0), ({"retry-after": "7"}, 7.0)])
def test_too_many_is_one_bots(header: dict[str, str], wait_s: float) -> None:
    found = judge(429, {}, header)
    assert isinstance(found, BotBusyError)
    assert found.retry_after_s == wait_s


def onebot(body: Any) -> Accepted:
    raw = json.dumps(body).encode()
    return onebot_judge(WebAnswer(200, httpx.Headers(), raw), 0)


def test_what_onebot_does_later_hasnt_arrived_yet() -> None:
    assert onebot({"status": "async", "retcode": 1, "data": None}) == Accepted(None)
    done = {"status": "ok", "retcode": 0, "data": {"message_id": 5}}
    assert onebot(done) == Accepted("5", delivered=True)
    for odd in ({"status": "ok", "retcode": 100}, {"status": "ok"}, {"retcode": 0}):
        with pytest.raises(SendError, match="malformed-answer"):
            onebot(odd)


def test_slacks_word_counts_with_its_own_status_only() -> None:
    for status, fault in ((404, Fault.DEAD), (500, Fault.UNKNOWN), (503, Fault.RETRY)):
        with pytest.raises(SendError) as told:
            slack_judge(WebAnswer(status, httpx.Headers(), b"no_service"), 0)
        assert told.value.fault is fault


def test_slacks_workflow_that_was_started_has_told_nobody_yet() -> None:
    words = ((b"ok", True), (b'{"success":true}', True), (b'{"ok":true}', False))
    for said, delivered in words:
        judged = slack_judge(WebAnswer(200, httpx.Headers(), said), 0)
        assert judged.delivered is delivered
