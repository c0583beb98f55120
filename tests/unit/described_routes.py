"""Described routes for the unit tests: with the shipped descriptions, or with one's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from channels.base import Event, HookRequest, Limits, Outgoing, RouteConfig, RouteContext
from channels.described.http import HttpRoute

NOW = 1_795_680_000_000  # 2026-11-26 08:00 UTC
HOOK_SECRET = "hook-secret-0123456789"
ALIYUN = {
    "gateway": "aliyun-sms",
    "access_key_id": "id",
    "access_key_secret": "key-secret",
    "signature": "余姚市防指",
    "hook_secret": HOOK_SECRET,
    "templates": {"*": {"id": "SMS_9", "variables": ["content=unsigned"]}},
}
TENCENT = {
    "gateway": "tencent-sms",
    "secret_id": "id",
    "secret_key": "key-secret",
    "sdk_app_id": "1400006666",
    "signature": "余姚市防指",
    "hook_secret": HOOK_SECRET,
    "templates": {"*": {"id": "9", "variables": ["unsigned"]}},
}
VOICE = {
    "gateway": "aliyun-voice",
    "access_key_id": "id",
    "access_key_secret": "key-secret",
    "show_number": "057400000000",
    "hook_secret": HOOK_SECRET,
    "templates": {"*": {"id": "TTS_9", "variables": ["content=spoken"]}},
}
CMPP = {"gateway": "cmpp-http", "account": "yy", "password": "pass-word-of-yy"}


async def nowhere(route: str, events: Sequence[Event]) -> None:
    raise AssertionError(route, events)


def made(options: Mapping[str, Any], **more: Any) -> HttpRoute:
    limits = Limits(in_flight=5, timeout_s=10)
    config = RouteConfig(name="way", type="http", options={**options, **more}, limits=limits)
    context = RouteContext(now=lambda: NOW, sink=nowhere, public_base_url="https://a.example")
    return HttpRoute(config, context)


def written(folder: Path, text: str, **options: Any) -> dict[str, Any]:
    """Options of a route whose description is `text`."""
    file = folder / "own.toml"
    file.write_text(text, encoding="utf-8")
    return {"gateway": str(file), **options}


def read(
    route: HttpRoute, hook: str, body: bytes, query: str = f"key={HOOK_SECRET}"
) -> Sequence[Event]:
    """What a call of the gateway's says."""
    found = next(each for each in route.hooks() if each.name == hook)
    events, _ = found.read(HookRequest("POST", f"/hooks/way/{hook}?{query}", {}, body))
    return events


def message(**more: Any) -> Outgoing:
    given = {
        "delivery": 7_000_000_001,
        "attempt": 1,
        "address": "+8613800000001",
        "text": "【余姚市防指】红色台风A7:立即转移",
        "alert": "0a" * 16,
        "short_code": "A7",
        "kind": "alert",
        "status": "Actual",
        "severity": 1,
        "created_at": NOW,
        "expires_at": NOW + 3_600_000,
        "template": "typhoon-red",
    }
    return Outgoing(**{**given, **more})
