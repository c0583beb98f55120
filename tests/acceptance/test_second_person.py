"""A live alert is never sent by one person by accident."""

import httpx

from tests.acceptance.conftest import StartCity
from tests.acceptance.living_city import LivingCity
from tests.acceptance.roll import phones
from tests.acceptance.within import within

DELAY_S = 3


def test_an_actual_alert_waits_for_a_second_person(living_city: StartCity) -> None:
    city = living_city(speakers=None, settings={"break_glass_delay_s": DELAY_S})
    alert = city.draft("typhoon", "red")

    alone = city.client("officer").post(f"/api/v1/alerts/{alert.code}/approve")
    assert alone.status_code == 409
    assert "second person" in alone.json()["detail"]
    assert somebody_without_the_right(city).post(approval(alert.code)).status_code == 403
    assert city.client("officer").post(approval("Z9")).status_code == 404
    assert not city.sms.texts()

    city.approve(alert)
    leaders = city.roll.of("grid_leader", rank=1)
    within(that=lambda: alert.told(kind="alert") == phones(leaders))
    again = city.client("second").post(approval(alert.code))
    assert again.status_code == 409

    broken_glass_waits_and_is_on_record(city)
    somebody_else_can_still_stop_it(city)


def approval(code: str) -> str:
    return f"/api/v1/alerts/{code}/approve"


def somebody_without_the_right(city: LivingCity) -> httpx.Client:
    city.post("/api/v1/principals", {"name": "watcher", "role": "viewer"}, who="cli")
    token = {"label": "test", "principal": "watcher", "scopes": ["read", "approve"]}
    city.tokens["watcher"] = city.post("/api/v1/tokens", token, who="cli")["token"]
    return city.client("watcher")


def broken_glass_waits_and_is_on_record(city: LivingCity) -> None:
    alert = city.draft("flood", "red", areas=["330281001"])
    state = city.post(approval(alert.code), {"break_glass": True})
    assert state["state"] == "approved"
    within(DELAY_S + 20, that=alert.texts)
    first = min(text["ts"] for text in alert.texts())
    assert first >= state["issue_at"]
    shown = alert.board()["alert"]
    assert shown["break_glass"]
    assert shown["approved_by"] == shown["created_by"] == "officer"
    assert state["issue_at"] - shown["created_at"] >= DELAY_S * 1000


def somebody_else_can_still_stop_it(city: LivingCity) -> None:
    """The next alert's texts are the proof that the wait of the stopped one is over."""
    stopped = city.draft("rainstorm", "red", areas=["330281002"])
    state = city.post(approval(stopped.code), {"break_glass": True})
    assert city.post(f"/api/v1/alerts/{stopped.code}/discard")["state"] == "cancelled"
    later = city.draft("rainstorm", "red", areas=["330281003"])
    city.post(approval(later.code), {"break_glass": True})
    within(DELAY_S + 20, that=later.texts)
    assert min(text["ts"] for text in later.texts()) >= state["issue_at"]
    assert not stopped.texts()
