"""A call for help is real even in a drill, climbs until a human takes it, and a human closes it."""

import pytest

from tests.acceptance.conftest import StartCity
from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.roll import phones
from tests.acceptance.within import within

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
