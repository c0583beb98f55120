"""A route is built from its settings, and what is wrong with them is told by name."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from alertd.errors import NotConfiguredError
from alertd.i18n import sentence
from channels import kinds, registry
from channels.base import ChannelKind, Event, RouteConfig, RouteContext

ROOT = Path(__file__).parents[2]
TYPES = (
    "apprise",
    "by-hand",
    "dingtalk",
    "dingwork",
    "feishu",
    "handsets",
    "http",
    "mail",
    "modems",
    "mqtt",
    "onebot",
    "poster",
    "slack",
    "smpp",
    "twilio",
    "twilio-voice",
    "webhook",
    "wecom",
)
SMPP = {"host": "smpp.example", "system_id": "yuyao", "password": "p4ssw0rd"}
TWILIO = {"account_sid": "AC1", "auth_token": "t0p-secret", "from": "+15005550006"}
CMPP = {"gateway": "cmpp-http", "account": "yy", "password": "t0p-secret"}
MAIL = {"host": "smtp.example", "from": "alertd@city.example", "secret": "s1gns"}


async def nowhere(route: str, events: Sequence[Event]) -> None:
    raise AssertionError(route, events)


CONTEXT = RouteContext(now=lambda: 0, sink=nowhere, public_base_url="https://alerts.example/x/")


def config(kind: str, **options: Any) -> RouteConfig:
    return RouteConfig(name="way-1", type=kind, options=options)


@pytest.mark.parametrize(
    ("given", "kind", "hooks"),
    [
        (
            config("handsets", url="http://127.0.0.1:1/", secret="s"),
            ChannelKind.SMS,
            ["receipts", "replies"],
        ),
        (config("twilio", **TWILIO), ChannelKind.SMS, ["status", "inbound"]),
        (config("twilio-voice", **TWILIO), ChannelKind.VOICE, ["status", "key"]),
        (config("mail", **MAIL), ChannelKind.MAIL, []),
        (config("poster", folder="outbox"), ChannelKind.PAPER, []),
        (config("webhook"), ChannelKind.CHAT, []),
        (config("http", **CMPP), ChannelKind.SMS, ["receipts", "replies"]),
        (config("by-hand"), ChannelKind.VOICE, []),
        (config("smpp", **SMPP), ChannelKind.SMS, []),
    ],
)
def test_builds(given: RouteConfig, kind: ChannelKind, hooks: list[str]) -> None:
    route = registry.build(given, CONTEXT)
    assert (route.config, route.kind) == (given, kind)
    assert kinds.kind_of(given) is kind
    assert [hook.name for hook in route.hooks()] == hooks


def test_the_kind_of_every_type_is_known() -> None:
    chats = {"apprise", "dingtalk", "dingwork", "feishu", "onebot", "slack", "webhook", "wecom"}
    found = {kind: kinds.kind_of(config(kind)) for kind in TYPES if kind != "http"}
    assert {kind for kind, is_ in found.items() if is_ is ChannelKind.CHAT} == chats


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        (config("pigeon"), "routes.way-1.type", "no route type 'pigeon'"),
        (config("handsets", secret="s"), "routes.way-1.url", "is missing"),
        (config("handsets", url="http://h"), "routes.way-1.secret", "is missing"),
        (config("handsets", url="http://h", secret=""), "routes.way-1.secret", "isn't empty"),
        (config("handsets", url="http://h", secret=7), "routes.way-1.secret", "must be a text"),
        (config("handsets", url="http://h", secret="é"), "routes.way-1.secret", "ASCII"),
        (config("handsets", url="http://h", secret="a\nb"), "routes.way-1.secret", "ASCII"),
        (config("handsets", url="ftp://h", secret="s"), "routes.way-1.url", "http://"),
        (config("handsets", url="http://", secret="s"), "routes.way-1.url", "http://"),
        (config("handsets", url="http://h:99999", secret="s"), "routes.way-1.url", "http://"),
        (config("handsets", url="http://１27.0.0.1", secret="s"), "routes.way-1.url", "ASCII"),
        (config("handsets", url="http://h/a b", secret="s"), "routes.way-1.url", "without spaces"),
        (config("handsets", url="http://h?x=1", secret="s"), "routes.way-1.url", "http://"),
        (config("handsets", url="http://h", secret="s", ulr=""), "routes.way-1.ulr", "is unknown"),
        (config("twilio"), "routes.way-1.account_sid", "is missing"),
        (config("twilio", **TWILIO | {"from": ""}), "routes.way-1.from", "isn't empty"),
        (config("twilio", **TWILIO, api_key="SK1"), "routes.way-1.api_key_secret", "is missing"),
        (
            config("twilio", **TWILIO, edge="sydney", base_url="http://h"),
            "routes.way-1.base_url",
            "can't go with",
        ),
        (
            config("twilio", **TWILIO | {"from": "+86 574 0000"}),
            "routes.way-1.from",
            "mainland China",
        ),
        (config("twilio", **TWILIO | {"from": "＋15005550006"}), "routes.way-1.from", "ASCII"),
        (config("twilio", **TWILIO, validity_s=4), "routes.way-1.validity_s", "from 5 to 36000"),
        (config("twilio-voice", **TWILIO, ring_s=True), "routes.way-1.ring_s", "from 5 to 120"),
        (config("mail", **MAIL | {"from": "village"}), "routes.way-1.from", "a plain mail address"),
        (config("mail", **MAIL, security="ssl"), "routes.way-1.security", "tls, starttls, none"),
        (config("mail", **MAIL, username="u"), "routes.way-1.password", "go together"),
        (config("mail", **MAIL, port=0), "routes.way-1.port", "from 1 to 65535"),
        (config("mail", **MAIL, ca_file="/no/such"), "routes.way-1.ca_file", "PEM"),
        (
            config("mail", **MAIL, imap_host="imap.example"),
            "routes.way-1.imap_username",
            "is missing",
        ),
        (
            config("mail", **MAIL, imap_host="h", username="u", password="p", imap_folder='a"b'),
            "routes.way-1.imap_folder",
            "without quotes",
        ),
        (
            config("mail", **MAIL, imap_host="h", username="u", password="p", poll_s=0),
            "routes.way-1.poll_s",
            "from 0.1 to 3600",
        ),
        (config("poster"), "routes.way-1.folder", "is missing"),
        (
            config("poster", folder="f", print_command="lp -d x"),
            "routes.way-1.print_command",
            "list of words",
        ),
        (config("webhook", secret="s"), "routes.way-1.secret", "is unknown"),
        (config("by-hand", secret="s"), "routes.way-1.secret", "is unknown"),
        (config("http", **CMPP | {"gateway": "none"}), "routes.way-1.gateway", "names none of the"),
        (config("smpp", **SMPP | {"host": ""}), "routes.way-1.host", "isn't empty"),
        (config("smpp", **SMPP, port=0), "routes.way-1.port", "from 1 to 65535"),
        (config("smpp", **SMPP, port="2775"), "routes.way-1.port", "whole number"),
        (config("smpp", **SMPP | {"password": "p4ssw0rd9"}), "routes.way-1.password", "than 8"),
        (config("smpp", **SMPP, source="1" * 21), "routes.way-1.source", "than 20"),
        (config("smpp", **SMPP, window=True), "routes.way-1.window", "from 1 to 1000"),
        (config("smpp", **SMPP, reference_tlv=5), "routes.way-1.reference_tlv", "from 5120"),
        (config("smpp", **SMPP, validity="no"), "routes.way-1.validity", "true or false"),
        (config("smpp", **SMPP, region="China"), "routes.way-1.region", "two letters"),
        (config("smpp", **SMPP, ca_file="/none.pem"), "routes.way-1.ca_file", "PEM"),
        (config("smpp", **SMPP, tls=False, ca_file="/x"), "routes.way-1.ca_file", "tls = true"),
        (config("smpp", **SMPP, user="u"), "routes.way-1.user", "is unknown"),
    ],
)
def test_says_what_is_wrong(given: RouteConfig, field: str, words: str) -> None:
    with pytest.raises(NotConfiguredError, match=words) as told:
        registry.build(given, CONTEXT)
    assert told.value.field == field
    assert told.value.hint
    for value in given.options.values():
        if len(str(value)) > len("http://"):
            assert str(value) not in told.value.message
    chinese = sentence("zh-CN", told.value.message)
    named = re.sub(r"“.*?”|\(.*?\)", "", chinese)
    assert not re.search(r"[a-z]{2,} [a-z]{2,}", named), "all of it is Chinese"


def test_an_unknown_type_is_told_the_known_ones() -> None:
    with pytest.raises(NotConfiguredError) as told:
        registry.build(config("pigeon"), CONTEXT)
    assert told.value.hint == f"Use one of: {', '.join(TYPES)}."


def test_only_what_is_configured_is_loaded() -> None:
    """Twilio's library is 24 MB of memory that a town without it needn't spend."""
    script = """
import sys
from channels import kinds, registry
from channels.base import RouteConfig, RouteContext
context = RouteContext(now=lambda: 0, sink=None, public_base_url="http://h")
registry.build(RouteConfig(name="a", type="handsets",
               options={"url": "http://h", "secret": "s"}), context)
found = [name for name in ("twilio", "aiohttp", "paho", "httpx", "smpplib") if name in sys.modules]
sys.exit(repr(found) if found else 0)
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_the_registry_names_every_type_once() -> None:
    assert registry.known_types() == TYPES
