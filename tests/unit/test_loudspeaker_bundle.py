"""The file that a loudspeaker is set up with, and who is told what when it is made."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from alertd.cli.checkup_routes import broker_finding
from alertd.cli.enrolling import Enrolment
from alertd.cli.findings import Health
from alertd.errors import InvalidInputError
from alertd.settings import RouteSettings, Settings
from channels.loudspeaker.accounts import Account, Accounts
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.bundle import Bundle
from channels.loudspeaker.commands import SigningKey
from channels.loudspeaker.keys import load_key, make_key, public_text
from tests.enrolled import enrol

KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
BUNDLE = Bundle(
    terminal="LS000001",
    broker=BrokerAddress("broker.example", 8883, "LS000001", "s3cret/@", tls=True),
    keys={KEY.key_id: KEY.public},
    areas=("330281", "330281001"),
    audio="https://alertd.example/audio",
    heartbeat_s=30.0,
    timezone="Asia/Shanghai",
)
ACCOUNT = Account("LS000001", "s3cret", ("330281",))


def test_what_was_written_is_what_is_read() -> None:
    assert Bundle.from_json(BUNDLE.to_json()) == BUNDLE
    assert "s3cret" not in repr(BUNDLE)
    assert BUNDLE.tls() is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("v", 2),
        ("terminal", "a/b"),
        ("terminal", None),
        ("broker", "http://u:s3cret@h"),
        ("broker", ""),
        ("keys", []),
        ("keys", ["s3cret"]),
        ("keys", None),
        ("areas", ["a/b"]),
        ("areas", "330281"),
        ("ca", "s3cret"),
        ("audio", "ftp://s3cret"),
        ("heartbeat_s", 0),
        ("heartbeat_s", True),
        ("heartbeat_s", "60"),
        ("timezone", 8),
        ("passwort", "s3cret"),
    ],
)
def test_what_is_wrong_is_told_by_name(name: str, value: Any) -> None:
    document = json.loads(BUNDLE.to_json()) | {name: value}
    with pytest.raises(ValueError, match="bundle" if name == "v" else name) as wrong:
        Bundle.from_json(json.dumps(document))
    assert "s3cret" not in str(wrong.value)


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '"s3cret"'])
def test_what_is_no_bundle_at_all(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|bundle"):
        Bundle.from_json(text)


def enrolment(settings: Settings, **changes: Any) -> Enrolment:
    given: dict[str, Any] = {
        "areas": None,
        "broker": None,
        "ca": None,
        "audio": None,
        "trust": None,
        "heartbeat_s": 60.0,
    }
    return Enrolment(settings, **(given | changes))


def test_a_bundle_says_what_the_settings_say(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path,
        public_base_url="https://alertd.example",
        broker_host="10.0.0.5",
        broker_port=1883,
    )
    made = enrolment(settings, trust=[public_text(KEY)]).bundle(ACCOUNT)
    own = load_key(tmp_path / "keys" / "commands.key")
    assert made.broker == BrokerAddress("10.0.0.5", 1883, "LS000001", "s3cret")
    assert made.keys == {own.key_id: own.public, KEY.key_id: KEY.public}
    assert (made.areas, made.audio) == (("330281",), "https://alertd.example/audio")


def test_a_broker_of_its_own_is_theirs_too_without_our_login(tmp_path: Path) -> None:
    make_key(tmp_path / "own.key")
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    options = {
        "broker": "mqtts://alertd:s3cret@broker.example",
        "key_file": str(tmp_path / "own.key"),
        "ca_file": str(tmp_path / "ca.pem"),
    }
    route = RouteSettings(type="mqtt", options=options)
    settings = Settings(data_dir=tmp_path / "data", routes={"speakers": route})
    made = enrolment(settings).bundle(ACCOUNT)
    assert made.broker == BrokerAddress("broker.example", 8883, "LS000001", "s3cret", tls=True)
    assert set(made.keys) == {load_key(tmp_path / "own.key").key_id}
    assert made.ca.startswith("-----BEGIN")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "broker"),
        ({"broker": "http://h"}, "broker"),
        ({"broker": "mqtt://h", "trust": ["x"]}, "trust"),
        ({"broker": "mqtt://h", "ca": Path("/nowhere.pem")}, "ca"),
        ({"broker": "mqtt://h", "heartbeat_s": 0.0}, None),
        ({"broker": "mqtt://h", "areas": ["a/b"]}, None),
    ],
)
def test_nothing_is_enrolled_where_something_is_wrong(
    tmp_path: Path, changes: dict[str, Any], field: str | None
) -> None:
    with pytest.raises(InvalidInputError) as wrong:
        enrolment(Settings(data_dir=tmp_path), **changes)
    assert wrong.value.field == field


def test_doctor_tells_that_enrolled_loudspeakers_cannot_reach_the_broker(tmp_path: Path) -> None:
    def health(**settings: Any) -> Health:
        routes = {"loudspeakers": RouteSettings(type="mqtt")}
        return broker_finding(Settings(data_dir=tmp_path, routes=routes, **settings)).health

    assert health() is Health.WELL
    enrol(Accounts(tmp_path / "broker"), ["t1"], [], 1)
    assert health() is Health.LOOK
    with socket.create_server(("127.0.0.2", 0)) as here:
        port = here.getsockname()[1]
        assert health(broker_host="127.0.0.2", broker_port=port) is Health.BROKEN, "it is taken"
    assert health(broker_host="127.0.0.2") is Health.LOOK, "a port that changes"
    assert health(broker_host="127.0.0.2", broker_port=port) is Health.WELL
    Accounts(tmp_path / "broker").shut_out("t1", 2, "test")
    assert health() is Health.WELL
    (tmp_path / "broker" / "store.damaged-1").mkdir()
    assert health() is Health.LOOK
