"""The disk is full: what was accepted goes on, new work is refused, and nothing is lost.

A real `alertd serve` on a disk of 2 MB that somebody else fills, with a real gateway beside it.
"""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.living_city import Alert
from tests.acceptance.roll import phones
from tests.acceptance.within import within
from tests.faults.tiny_city import STAIRS, TinyCity

ALARM_S = 60.0
SHORT = "The disk is full, or can't be written to: new alerts and rosters are refused."
NEARLY = "The disk is nearly full."  # as any disk of 2 MB is
NEW = {
    "template": "typhoon",
    "colour": "red",
    "areas": ["330281"],
    "roles": ["building_lead"],
    "status": "Actual",
}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TinyCity]:
    """One whose gateway is slow enough that there is always something queued."""
    made = TinyCity(tmp_path / "city", gateways={"sms": {"rate_per_s": 6.0, "burst": 3}})
    try:
        made.open()
        yield made
    finally:
        made.close()


def leaders(city: TinyCity) -> set[str]:
    return phones(city.roll.of("building_lead"))


def refused(city: TinyCity, language: str) -> Any:
    """What somebody hears who drafts an alert."""
    answer = city.client("officer").post(
        "/api/v1/alerts", json=NEW, headers={"accept-language": language}
    )
    assert answer.status_code == 503, answer.text
    return answer.json()


def each_was_told_once(city: TinyCity, alert: Alert) -> None:
    """Counted from the gateway's own log."""
    assert alert.told(kind="alert") == leaders(city)
    copies = Counter(text["phone"] for text in alert.texts(kind="alert"))
    assert set(copies.values()) == {1}


@pytest.mark.timeout(180)
def test_on_the_ballast_what_was_accepted_goes_on(city: TinyCity) -> None:
    assert (city.server.data / "ballast").stat().st_size == 2 * 1024 * 1024 // 8
    alert = city.issue(roles=["building_lead"])
    waiting = city.draft(roles=["grid_leader"])  # accepted, and not yet approved
    within(that=lambda: len(alert.told()) >= 5)
    began = time.monotonic()
    city.fill()
    within(ALARM_S, that=city.is_short)
    assert time.monotonic() - began < ALARM_S
    assert len(alert.told()) < STAIRS + 1, "there was nothing queued any more"

    the_alarm_is_everywhere(city)
    problem = refused(city, "en")
    assert (problem["code"], problem["detail"]) == ("no-room", SHORT)
    assert problem["type"] == "urn:alertd:problem:no-room"
    assert "Make room" in problem["hint"]
    assert "磁盘已满" in refused(city, "zh-CN")["detail"]
    files = {
        path.stem: (path.name, path.read_bytes().replace(b"Gate", b"Yard"))
        for path in (city.folder / "roster").glob("*.csv")
    }
    roster = city.client("cli").post("/api/v1/roster", files=files)
    assert roster.json()["code"] == "no-room"
    assert roster.json()["code"] == "no-room"

    # What was accepted goes on: messages, receipts, replies, answers by hand, approvals, an end.
    within(that=lambda: alert.told(kind="alert") >= leaders(city))
    within(that=lambda: alert.funnel["answered"] >= STAIRS)
    city.approve(waiting)
    within(that=lambda: waiting.told(kind="alert"))
    end = city.follow(alert, "all-clear")
    within(that=lambda: end.told() >= leaders(city))

    city.make_room()
    within(that=lambda: not city.is_short())
    assert city.ready()["reasons"] == [NEARLY]
    again = city.issue(roles=["building_lead"])
    within(that=lambda: again.told(kind="alert") >= leaders(city))
    assert (city.server.data / "ballast").exists()
    each_was_told_once(city, alert)


def the_alarm_is_everywhere(city: TinyCity) -> None:
    client = city.client("cli")
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert SHORT in ready.json()["reasons"]
    assert client.get("/healthz").json() == {"status": "ok", "space": "short"}
    assert "alertd_new_work_refused 1.0" in client.get("/metrics").text
    assert "disk space is short" in city.server.log


@pytest.mark.timeout(180)
def test_with_not_a_byte_left_all_waits_and_nothing_is_lost(city: TinyCity) -> None:
    alert = city.issue(roles=["building_lead"])
    within(that=lambda: len(alert.told()) >= 5)

    def is_stuck() -> bool:
        city.fill()  # the ballast's place is taken, too
        return any("can't write" in reason for reason in city.ready()["reasons"])

    within(ALARM_S, that=is_stuck)
    told = len(alert.told())
    assert told < STAIRS
    problem = refused(city, "en")
    # The second where the step had nothing else to write, and so could say why.
    assert problem["code"] in {"unavailable", "no-room"}
    assert "disk" in problem["hint"]
    city.make_room()
    within(that=lambda: alert.told(kind="alert") >= leaders(city))
    within(that=lambda: alert.funnel["answered"] >= STAIRS)
    within(that=lambda: city.ready()["reasons"] == [NEARLY])
    each_was_told_once(city, alert)
    again = city.issue(roles=["building_lead"])
    within(that=lambda: again.told(kind="alert") >= leaders(city))


@pytest.mark.timeout(180)
def test_it_starts_on_a_full_disk(city: TinyCity) -> None:
    """Restarted in mid-alert by whoever looks after it: the ballast is given up before all else."""
    alert = city.issue(roles=["building_lead"])
    within(that=lambda: len(alert.told()) >= 5)
    city.server.stop()  # SQLite's journal and its index are gone
    city.fill()
    city.start()
    within(that=city.is_short)
    within(that=lambda: alert.told(kind="alert") >= leaders(city))
