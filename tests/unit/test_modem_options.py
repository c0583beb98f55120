"""A modem route's options, its numbers, and where gammu may be imported."""

import ast
from pathlib import Path
from typing import Any

import pytest

from alertd.errors import NotConfiguredError
from channels.base import Fault, RouteConfig
from channels.sms.modem_codes import judge
from channels.sms.modem_settings import read_settings

ROOT = Path(__file__).parents[2]
M1 = {"m1": {"device": "/dev/ttyUSB0"}}


def config(**options: Any) -> RouteConfig:
    return RouteConfig(name="sims", type="modems", options=options)


def test_a_modem_needs_no_more_than_its_device() -> None:
    settings = read_settings(config(modems=M1))
    (modem,) = settings.modems
    assert (modem.name, modem.device, modem.connection) == ("m1", "/dev/ttyUSB0", "at115200")
    assert (modem.sim_pin, modem.smsc, modem.ussd) == (None, None, None)
    assert (settings.part_timeout_s, settings.poll_s, settings.country) == (60.0, 15.0, "86")


def test_what_the_route_says_holds_for_modems_that_dont_say_otherwise() -> None:
    modems = {"a": {"device": "/a"}, "b": {"device": "/b", "sim_pin": "0002", "ussd": "*101#"}}
    a, b = read_settings(config(modems=modems, sim_pin="0001", ussd="*100#")).modems
    assert (a.sim_pin, a.ussd) == ("0001", "*100#")
    assert (b.sim_pin, b.ussd) == ("0002", "*101#")
    assert "0001" not in repr(a)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "modems"),
        ({"modems": {}}, "modems"),
        ({"modems": []}, "modems"),
        ({"modems": {"m 1": {"device": "/a"}}}, "modems"),
        ({"modems": {"m1": "/dev/ttyUSB0"}}, "m1"),
        ({"modems": {"m1": {}}}, "device"),
        ({"modems": {"m1": {"device": "/a\nconnection = none"}}}, "device"),
        ({"modems": {"m1": {"device": "/a", "pin": "1234"}}}, "pin"),
        ({"modems": {"a": {"device": "/a"}, "b": {"device": "/a"}}}, "twice"),
        ({"modems": M1, "device": "/a"}, "device"),
        ({"modems": M1, "sim_pin": 1234}, "sim_pin"),
        ({"modems": M1, "sim_pin": "12"}, "sim_pin"),
        ({"modems": M1, "smsc": "home"}, "smsc"),
        ({"modems": M1, "ussd": "100\r"}, "ussd"),
        ({"modems": M1, "cnmi": ",,,1\ndevice = /b"}, "cnmi"),
        ({"modems": M1, "cnmi": "1,2,0,1"}, "cnmi"),  # replies would be on no SIM
        ({"modems": M1, "model": ["at"]}, "model"),
        ({"modems": M1, "connection": ""}, "connection"),
        ({"modems": M1, "part_timeout_s": 0}, "part_timeout_s"),
        ({"modems": M1, "part_timeout_s": True}, "part_timeout_s"),
        ({"modems": M1, "poll_s": "often"}, "poll_s"),
        ({"modems": M1, "country": "CN"}, "country"),
    ],
)
def test_what_is_wrong_is_told_by_name(options: dict[str, Any], named: str) -> None:
    with pytest.raises(NotConfiguredError, match=named) as told:
        read_settings(config(**options))
    assert "1234" not in str(told.value)


@pytest.mark.parametrize(
    ("number", "name", "submitted", "fault", "own"),
    [
        ("cms-38", "ERR_UNKNOWN", True, Fault.RETRY, False),
        ("cms-42", "ERR_UNKNOWN", True, Fault.THROTTLED, False),
        ("cms-21", "ERR_UNKNOWN", True, Fault.REFUSED, False),
        ("cms-97", "ERR_UNKNOWN", True, Fault.REFUSED, False),
        ("cms-1", "ERR_UNKNOWN", True, Fault.DEAD, False),
        ("cms-17", "ERR_UNKNOWN", True, Fault.RETRY, False),  # nothing was passed on
        ("cms-22", "ERR_UNKNOWN", True, Fault.THROTTLED, False),  # the same
        ("cms-8", "ERR_UNKNOWN", True, Fault.AWAY, True),  # the SIM that sends is barred
        ("cms-28", "ERR_UNKNOWN", True, Fault.AWAY, True),  # or its network doesn't know it
        ("cms-193", "ERR_UNKNOWN", True, Fault.AWAY, True),
        ("cms-30", "ERR_UNKNOWN", True, Fault.REFUSED, False),
        ("cms-331", "ERR_UNKNOWN", True, Fault.AWAY, True),
        ("cme-11", "ERR_SECURITYERROR", True, Fault.AWAY, True),
        ("cme-32", "ERR_UNKNOWN", True, Fault.AWAY, True),  # let in for emergency calls alone
        ("cms-332", "ERR_UNKNOWN", True, Fault.UNKNOWN, False),
        ("cms-500", "ERR_UNKNOWN", True, Fault.UNKNOWN, False),
        ("cms-512", "ERR_UNKNOWN", True, Fault.UNKNOWN, False),
        (None, "ERR_TIMEOUT", True, Fault.UNKNOWN, False),
        (None, "ERR_UNKNOWN", True, Fault.UNKNOWN, False),
        (None, "ERR_TIMEOUT", False, Fault.AWAY, True),
        (None, "ERR_DEVICEWRITEERROR", False, Fault.AWAY, True),
    ],
)
def test_numbers_mean_what_the_next_try_may_do(
    number: str | None, name: str, submitted: bool, fault: Fault, own: bool
) -> None:
    verdict = judge(number, name, submitted=submitted)
    assert (verdict.fault, verdict.modems_own) == (fault, own)
    assert verdict.code == verdict.code.lower()


def test_gammu_is_imported_by_the_modems_process_only() -> None:
    """It is GPL; what imports it would have to be as well."""
    packages = ("alertd", "channels", "rosters", "drills")
    files = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    texts = {path: text for path in files if "gammu" in (text := path.read_text("utf-8"))}
    found = [
        str(path.relative_to(ROOT))
        for path, text in texts.items()
        for node in ast.walk(ast.parse(text))
        if "gammu" in imported(node)
    ]
    assert found == ["channels/sms/modem_child.py"]


def imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return {(node.module or "").split(".")[0]} if isinstance(node, ast.ImportFrom) else set()
