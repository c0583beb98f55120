"""A call for help is real even in a drill, climbs until a human takes it, and a human closes it."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.conftest import StartCity
from tests.acceptance.living_city import LIMITS, Alert, LivingCity
from tests.acceptance.peers import ROOT, clean_environment, end
from tests.acceptance.roll import phones
from tests.acceptance.within import within
from tests.contract.cloud_stub import HOOK_SECRET

TOWN = "330281001"


@pytest.mark.parametrize("status", ["Actual", "Exercise"])
def test_help_reaches_parent_and_duty_desk_and_stays_until_a_human_closes_it(
    living_city: StartCity, status: str
) -> None:
    city = living_city(minute_s=0.6, speakers=None)
    roll = city.roll
    alert = city.issue(status=status, areas=[TOWN])
    leader = roll.of("grid_leader", rank=1, within=TOWN)[0]
    within(that=lambda: alert.told(kind="confirmation") >= {leader.phone})

    city.phone(leader).replies("3 水进屋了,快来人")
    parent = roll.parent(leader)
    within(that=lambda: alert.told(kind="help") >= phones([parent, *roll.duty_desk]))
    assert all("真实求助" in text["text"] for text in alert.texts(kind="help"))
    assert not any("演练" in text["text"] for text in alert.texts(kind="help"))
    assert alert.cell(leader.unit)["state"] == "help"

    climbs_to_the_subdistrict(city, alert, roll.grandparent(leader).phone)
    city.phone(leader).replies("1")
    city.phone(leader).replies("2 30")
    city.follow(alert, "all-clear")
    case = still_open(city, alert)

    a_human_takes_and_closes_it(city, alert, case["no"])


def climbs_to_the_subdistrict(city: LivingCity, alert: Alert, superior: str) -> None:
    within(that=lambda: superior in alert.told(kind="help"))
    # The desk is told each time, for as long as nobody takes it.
    desk = phones(city.roll.of("city_duty", rank=1))  # a shift may end meanwhile
    within(that=lambda: len([t for t in alert.texts(kind="help") if t["phone"] in desk]) >= 3)


def still_open(city: LivingCity, alert: Alert) -> dict[str, object]:
    """Neither an answer, nor a count, nor the all-clear has closed it, and it goes on climbing."""
    assert alert.state == "all-clear"
    before = len(alert.texts(kind="help"))
    within(that=lambda: len(alert.texts(kind="help")) > before)
    (case,) = city.get("/api/v1/help")
    assert case["short_code"] == alert.code
    assert (case["taken_by"], case["closed_at"]) == (None, None)
    return dict(case)


def a_human_takes_and_closes_it(city: LivingCity, alert: Alert, no: object) -> None:
    city.post(f"/api/v1/help/{no}/take")
    (case,) = city.get("/api/v1/help")
    assert (case["taken_by"], case["next_at"]) == ("officer", None)
    assert city.client("officer").post(f"/api/v1/help/{no}/close", json={}).status_code == 422
    city.post(f"/api/v1/help/{no}/close", {"outcome": "A boat took them to the school"})
    assert city.get("/api/v1/help") == []
    (closed,) = city.get(f"/api/v1/alerts/{alert.id}/help", closed=True)
    assert (closed["closed_by"], closed["outcome"]) == (
        "officer",
        "A boat took them to the school",
    )
    assert alert.board()["board"]["help_open"] == 0


class Telephones:
    """A provider of calls, a process of its own, and what it was asked to say."""

    def __init__(self, log: Path) -> None:
        self._log = log

    @property
    def _lines(self) -> list[str]:
        return self._log.read_text("utf-8").splitlines()

    @property
    def settings(self) -> dict[str, Any]:
        """Of a route to it."""
        return tomllib.loads("\n".join(line for line in self._lines if " = " in line))

    @property
    def calls(self) -> list[str]:
        """What it took, a line a call."""
        return [line for line in self._lines if line.startswith("Made(")]


@contextmanager
def telephones(folder: Path) -> Iterator[Telephones]:
    command = [sys.executable, "-m", "tests.contract.cloud_peer", "voice", "--port", "0"]
    log = folder / "telephones.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, cwd=ROOT, env=clean_environment())
    try:
        found = Telephones(log)
        within(that=lambda: "url" in found.settings)
        yield found
    finally:
        process.terminate()
        end(process)


def test_a_superior_with_a_fixed_line_is_rung_and_no_key_takes_the_cry(
    living_city: StartCity, tmp_path: Path
) -> None:
    with telephones(tmp_path) as peer:
        routes = {"calls": {**peer.settings, **LIMITS}}
        city = living_city(
            minute_s=3.0, speakers=None, fixed_lines=["community_lead"], routes=routes
        )
        alert = city.issue(areas=[TOWN])
        leader = city.roll.of("grid_leader", rank=1, within=TOWN)[0]
        within(that=lambda: alert.told(kind="confirmation") >= {leader.phone})
        city.phone(leader).replies("3")
        within(that=lambda: alert.told(kind="help") >= phones(city.roll.duty_desk))
        (call,) = within(that=lambda: peer.calls)
        number = f"0{city.roll.parent(leader).phone[3:]}"
        assert number in call
        assert "真实求助" in call
        assert leader.name in call
        assert " ".join(leader.phone[3:]) in call

        pressed(city, call, "1")
        read = within(that=lambda: city.get("/api/v1/inbound", verdict="unclear")["items"])
        assert [each["reason"] for each in read] == ["answers-a-cry"]
        (case,) = city.get("/api/v1/help")
        assert (case["taken_by"], case["reach"]) == (None, "sent")
        # It climbs on to the subdistrict, and the village's telephone isn't rung again.
        climbs_to_the_subdistrict(city, alert, city.roll.grandparent(leader).phone)
        assert len(peer.calls) == 1
        a_human_takes_and_closes_it(city, alert, case["no"])


def pressed(city: LivingCity, call: str, key: str) -> None:
    """The provider's record of a call that was heard to its end."""
    made = dict(part.split("=", 1) for part in call[5:-1].split(", ")[:3])
    report = {
        "status_code": "200000",
        "duration": "20",
        "dtmf": key,
        "call_id": made["id"].strip("'"),
        "callee": made["phone"].strip("'"),
        "out_id": made["ours"].strip("'"),
    }
    url = f"{city.server.url}/hooks/calls/calls"
    answer = httpx.post(url, params={"key": HOOK_SECRET}, content=json.dumps([report]))
    assert answer.is_success, answer.text
