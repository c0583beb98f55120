"""A broker's address, the key's file, a route's options, and what a message becomes."""

import stat
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from alertd.errors import NotConfiguredError
from channels.base import Outgoing, RouteConfig
from channels.loudspeaker.accounts import Accounts
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.commands import CommandType
from channels.loudspeaker.keys import load_key, make_key, public_text, read_public
from channels.loudspeaker.mqtt_settings import read_settings
from channels.loudspeaker.orders import Manner, order
from channels.loudspeaker.paho_client import Speaks
from tests.enrolled import enrol

WEB = "http://127.0.0.1:8730"
NOW = 1_790_000_000_000


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://broker", BrokerAddress("broker", 1883)),
        ("mqtts://broker/", BrokerAddress("broker", 8883, tls=True)),
        ("mqtt://u@h:1", BrokerAddress("h", 1, "u")),
        ("mqtt://u:p%40%2F%3A@h:1", BrokerAddress("h", 1, "u", "p@/:")),
        ("mqtt://[::1]:1883", BrokerAddress("::1", 1883)),
    ],
)
def test_an_address_and_its_url(url: str, address: BrokerAddress) -> None:
    assert BrokerAddress.from_url(url) == address
    assert BrokerAddress.from_url(address.url) == address


@pytest.mark.parametrize(
    "url",
    [
        *("", "broker:1883", "http://h", "mqtt://", "mqtt://:1883", "mqtt://h:99999"),
        *("mqtt://h:0", "mqtt://h/topic", "mqtt://h?x=1", "mqtt://[::1", "mqtt://h:x"),
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(not an? [a-z:/ ]*URL|more or less than [a-z ]*)$"):
        BrokerAddress.from_url(url)


def test_an_address_hides_its_password() -> None:
    assert "s3cret" not in repr(BrokerAddress("h", 1, "u", "s3cret"))


def test_a_key_is_made_once_and_for_us_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "loudspeakers.pem"
    with ThreadPoolExecutor(8) as pool:
        keys = {key.key_id for key in pool.map(lambda _: make_key(path), range(8))}
    assert keys == {load_key(path).key_id}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_public_key_travels_as_text(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    assert read_public(public_text(key) + "\n") == (key.key_id, key.public)
    for wrong in ("", "AAAA", "!", "ä"):
        with pytest.raises(ValueError, match="not an Ed25519 public key"):
            read_public(wrong)


def test_a_file_that_holds_no_such_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(NotConfiguredError, match="can't be read"):
        load_key(path)
    path.write_text("no key")
    with pytest.raises(NotConfiguredError, match="isn't an Ed25519 key"):
        make_key(path)
    other = generate_private_key(SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(NotConfiguredError, match="isn't an Ed25519 key"):
        load_key(path)
    (tmp_path / "file").touch()
    with pytest.raises(NotConfiguredError, match="can't be written"):
        make_key(tmp_path / "file" / "key")


def config(options: Mapping[str, Any]) -> RouteConfig:
    return RouteConfig(name="speakers", type="mqtt", options=options)


def test_a_routes_options(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    plain = read_settings(config({"broker": "mqtt://h", "key_file": str(tmp_path / "key")}), WEB)
    assert (plain.key.key_id, plain.manner, plain.tls) == (key.key_id, Manner(100, 3), None)


def test_how_long_a_loudspeaker_may_be_silent_and_where_sounds_are(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    plain = {"broker": "mqtt://h", "key_file": str(tmp_path / "key")}
    settings = read_settings(config(plain), WEB)
    assert (settings.silent_after_ms, settings.announcer) == (180_000, None)
    assert read_settings(config(plain | {"heartbeat_s": 0}), WEB).silent_after_ms == 0
    with_audio = plain | {"audio": True, "audio_dir": str(tmp_path / "audio")}
    assert read_settings(config(with_audio), WEB).announcer is not None
    by_program = with_audio | {"speech_command": f"{sys.executable} -c pass {{file}}"}
    assert read_settings(config(by_program), WEB).announcer is not None
    with pytest.raises(NotConfiguredError, match="audio_url"):
        read_settings(config(with_audio | {"audio_url": "ftp://h"}), WEB)


def test_who_is_told_by_area_and_which_mqtt_is_spoken(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    enrol(Accounts(tmp_path), ["t1", "t2"], ["330281"], NOW)
    plain = {"broker": "mqtt://h", "key_file": str(tmp_path / "key")}
    settings = read_settings(config(plain), WEB)
    assert (settings.speaks, settings.area_grace_s) == (Speaks.EITHER, 5)
    assert settings.areas.areas() == {}
    known = plain | {"accounts_dir": str(tmp_path)}
    assert read_settings(config(known), WEB).areas.areas() == {"330281": {"t1", "t2"}}
    assert read_settings(config(known | {"areas": False}), WEB).areas.areas() == {}
    assert read_settings(config(plain | {"mqtt": "3.1.1"}), WEB).speaks is Speaks.OLDER


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("broker", None),
        ("broker", "http://u:s3cret@h"),
        ("key_file", None),
        ("volume", 101),
        ("volume", "80"),
        ("volume", True),
        ("repeat", 0),
        ("ca_file", "/nowhere/ca.pem"),
        ("heartbeat_s", -1),
        ("missed", 0),
        ("audio", "yes"),
        ("speech_command", sys.executable),
        ("speech_command", "/nowhere/voice"),
        ("speech_command", '"'),
        ("mqtt", "4"),
        ("areas", "yes"),
        ("area_grace_s", 0),
        ("brocker", "mqtt://u:s3cret@h"),
    ],
)
def test_an_option_that_is_wrong_is_told_by_name(option: str, value: Any, tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    options = {"broker": "mqtt://h", "key_file": str(tmp_path / "key"), option: value}
    with pytest.raises(NotConfiguredError, match=option) as wrong:
        read_settings(config({name: v for name, v in options.items() if v is not None}), WEB)
    assert wrong.value.field == f"routes.speakers.{option}"
    assert "s3cret" not in str(wrong.value)


MESSAGE = Outgoing(
    delivery=1,
    attempt=2,
    address="t1",
    text="【演练】台风",
    alert="a" * 32,
    short_code="A7",
    kind="alert",
    status="Actual",
    severity=2,
    created_at=NOW - 5000,
    expires_at=NOW + 60_000,
    possible_duplicate=True,
)


def test_a_message_becomes_a_command() -> None:
    command = order(MESSAGE, "id", 7, NOW, Manner(80, 2))
    assert (command.type, command.severity, command.seq) == (CommandType.ACTUAL, 2, 7)
    assert (command.not_before, command.expires) == (NOW, NOW + 60_000)
    assert (command.to, command.text, command.lang) == ("terminal/t1", "【演练】台风", "zh-CN")
    assert (command.volume, command.repeat, command.duplicate) == (80, 2, True)


def test_only_what_is_actual_is_told_as_actual() -> None:
    kinds = {
        status: order(replace(MESSAGE, status=status), "id", 1, NOW, Manner()).type
        for status in ("Actual", "Exercise", "Test", "System", "Draft", "")
    }
    assert [status for status, kind in kinds.items() if not kind.is_drill] == ["Actual"]


def test_a_stop_outlives_the_alert_and_plays_nothing() -> None:
    over = replace(MESSAGE, stop=True, expires_at=NOW - 1)
    command = order(over, "id", 1, NOW, Manner())
    assert (command.type, command.text, command.repeat) == (CommandType.CANCEL, "", 0)
    assert command.expires > NOW
