"""A description that doesn't hold together is refused, and the field at fault is named."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from alertd.errors import NotConfiguredError
from alertd.i18n import sentence
from channels.described.description import Description, shipped_names
from tests.unit.described_routes import ALIYUN, CMPP, TENCENT, VOICE, made, written

SOUND = """
title = "own"
channel = "sms"
url = "http://gateway.example/base"

[options]
account = {}
hook_secret = {}

[[computed]]
name = "sign"
digest = "md5-hex"
of = "{account}{timestamp}"

[request]
path = "/send"
fields = { to = "{address}", sign = "{sign}", say = { text = "{text}" } }

[signing]
algorithm = "digest"
header = "x-sign"
of = "{request_body}"

[answer]
code = ["code"]
ok = ["0"]

[hooks.receipts]
verify = { given = "query:key", of = "{hook_secret}" }
answer = "ok"

[hooks.receipts.receipt]
ours = "id"
status = "state"
statuses = { ok = "delivered" }
"""
OPTIONS = {"account": "yy", "hook_secret": "0123456789abcdef"}


def refused(options: dict[str, Any], **more: Any) -> NotConfiguredError:
    with pytest.raises(NotConfiguredError) as error:
        made(options, **more)
    assert error.value.hint
    return error.value


def test_a_sound_one_is_taken(tmp_path: Path) -> None:
    assert [hook.name for hook in made(written(tmp_path, SOUND, **OPTIONS)).hooks()] == ["receipts"]


def test_the_shipped_ones_are_sound() -> None:
    known = {options["gateway"]: options for options in (ALIYUN, TENCENT, VOICE, CMPP)}
    assert known.keys() == shipped_names()
    for options in known.values():
        assert made(options).hooks()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('title = "own"', "", "title is missing"),
        ('channel = "sms"', 'channel = "fax"', "channel isn't right"),
        ('channel = "sms"', 'chanel = "sms"', "channel is missing"),
        ('title = "own"', 'title = "own"\nx = 1', "x is unknown"),
        ('path = "/send"', 'path = "send"', "request.path isn't right"),
        ('path = "/send"', 'path = "/a b"', "request.path isn't right"),
        ('path = "/send"', "path = 7", "request.path must be text"),
        ('path = "/send"', 'method = "PUT"', "request.method isn't right"),
        ('path = "/send"', 'method = "GET"', "request.body must be query"),
        ('{address}"', '{adress}"', "request.fields asks for {adress}"),
        ('text = "{text}"', 'text = "{request_body}"', "request.fields asks for {request_body}"),
        ('"{account}{timestamp}"', '"{account}{time}"', "computed.0.of asks for {time}"),
        ('"{account}{timestamp}"', '"{sign}"', "computed.0.of asks for {sign}"),
        ('digest = "md5-hex"', 'digest = "md6"', "computed.0.digest isn't right"),
        ('name = "sign"', 'name = "Sign!"', "computed.0.name isn't right"),
        ('header = "x-sign"', 'secret = "nobody"', "signing.secret names no option: nobody"),
        ('header = "x-sign"', "", "signing.header is missing"),
        ('algorithm = "digest"', 'algorithm = "aliyun-rpc"', "request.body must be query or form"),
        ('code = ["code"]', 'code = "code"', "answer.code must be a list"),
        ('code = ["code"]', 'code = ["c"]\nfaults = { 1 = "x" }', "answer.faults.1 isn't right"),
        ('code = ["code"]', 'code = ["c"]\nformat = "text"', "answer.pattern must be a regular"),
        ('"query:key"', '"cookie:key"', "hooks.receipts.verify.given isn't right"),
        ('of = "{hook_secret}"', 'of = "{hok}"', "hooks.receipts.verify.of asks for {hok}"),
        ('of = "{hook_secret}"', 'of = "{query.a}"', "hooks.receipts.verify.of needs a secret"),
        ('delivered"', 'dilevered"', "hooks.receipts.receipt.statuses.ok isn't right"),
        ("[hooks.receipts.receipt]", "[hooks.receipts.reply]", "hooks.receipts.reply"),
        ("[hooks.receipts]", "[hooks.Receipts]", "hooks.Receipts"),
        ("account = {}", "url = {}\naccount = {}", "options.url is a name that every route has"),
        ("account = {}", "account = { defualt = 1 }", "options.account.defualt is unknown"),
    ],
)
def test_the_field_at_fault_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in SOUND
    error = refused(written(tmp_path, SOUND.replace(old, new, 1), **OPTIONS))
    assert error.message.startswith(f"The gateway description own.toml: {says}")
    assert error.field == "routes.way.gateway"
    assert str(tmp_path) not in error.message


@pytest.mark.parametrize(
    "proof",
    [
        'digest = "hmac-sha256-hex", secret = "hook_secret", of = "{request_body}"',
        'digest = "md5-hex", of = "{hook_secret}{request_body}"',
        'of = "{hook_secret}"',
    ],
)
def test_a_hook_without_its_secret_isnt_open_to_anybody(tmp_path: Path, proof: str) -> None:
    """An option may be left out where its description says so; not one that proves a call."""
    text = SOUND.replace("hook_secret = {}", 'hook_secret = { default = "" }').replace(
        'of = "{hook_secret}" }', f"{proof} }}"
    )
    found = refused(written(tmp_path, text, account="yy"))
    assert found.field is not None
    assert found.field.endswith("hook_secret")


def test_a_hook_that_reports_nothing(tmp_path: Path) -> None:
    without = SOUND[: SOUND.index("[hooks.receipts.receipt]")]
    error = refused(written(tmp_path, without, **OPTIONS))
    assert "hooks.receipts needs a receipt, a reply or both" in error.message


@pytest.mark.parametrize("text", ["= 1", "\x00", "title = 'a'\ntitle = 'b'"])
def test_a_file_that_isnt_toml(tmp_path: Path, text: str) -> None:
    assert "isn't TOML" in refused(written(tmp_path, text)).message


def test_a_file_that_isnt_there_or_is_too_large(tmp_path: Path) -> None:
    assert "can't be read" in refused({"gateway": str(tmp_path / "none.toml")}).message
    assert "too large" in refused(written(tmp_path, "#" * 70_000)).message


@pytest.mark.parametrize("name", ["../policies/red", "Aliyun", "no-such", "a/b"])
def test_a_shipped_name_is_no_path(name: str) -> None:
    error = refused({"gateway": name})
    assert "aliyun-sms, aliyun-voice, cmpp-http, tencent-sms" in error.message


@pytest.mark.parametrize(
    ("options", "field", "says"),
    [
        ({}, "gateway", "is missing"),
        (ALIYUN | {"access_key_id": ""}, "access_key_id", "isn't empty"),
        (ALIYUN | {"acces_key": "x"}, "acces_key", "is unknown"),
        (ALIYUN | {"hook_secret": "short"}, "hook_secret", "at least 16 characters"),
        (ALIYUN | {"templates": {}}, "templates", "must be a table of registered"),
        (ALIYUN | {"templates": {"a": 1}}, "templates.a", "must be the provider's id"),
        (ALIYUN | {"templates": {"a": {"id": "1", "x": 1}}}, "templates.a", "must be the"),
        (ALIYUN | {"templates": {"a": {"exercise": "1"}}}, "templates.a", "needs the"),
        (ALIYUN | {"templates": {"a": {"id": "1", "variables": "b"}}}, "templates.a", "list"),
        (ALIYUN | {"extension_digits": 7}, "extension_digits", "from 0 to 6"),
        (ALIYUN | {"extension_digits": True}, "extension_digits", "from 0 to 6"),
        (VOICE | {"asked_s": -1}, "asked_s", "from 0 to 600"),
        (CMPP | {"templates": {"*": "1"}}, "templates", "is unknown"),
        (CMPP | {"url": "gateway.example"}, "url", "http://"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], field: str, says: str) -> None:
    error = refused(options)
    assert error.field == f"routes.way.{field}"
    assert says in error.message
    for secret in ("key-secret", "pass-word-of-yy"):
        assert secret not in error.message


def test_what_is_wrong_is_said_in_chinese_too(tmp_path: Path) -> None:
    text = SOUND.replace('title = "own"', "")
    told = sentence("zh-CN", refused(written(tmp_path, text, **OPTIONS)).message)
    assert told == "网关描述own.toml:title缺失。"


def test_every_shipped_source_is_a_page() -> None:
    for name in shipped_names():
        data = (resources.files("config") / "gateways" / f"{name}.toml").read_text("utf-8")
        found = Description.model_validate(tomllib.loads(data))
        assert all(page.startswith("https://") for page in found.documentation)
