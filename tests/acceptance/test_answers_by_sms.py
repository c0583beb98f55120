"""What people write back, and what comes of it; the escalation's minutes are real ones here.

So whatever a phone gets within seconds was sent at once, and not because a rung was due.
"""

import pytest

from tests.acceptance.conftest import StartCity
from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.within import within

STRANGER = "+8613911112222"


@pytest.fixture
def city(living_city: StartCity) -> LivingCity:
    """Nobody answers but by hand."""
    return living_city(mix={"silent": 1.0}, speakers=None)


def inbound(city: LivingCity, verdict: str) -> list[str]:
    return [i["text"] for i in city.get("/api/v1/inbound", verdict=verdict)["items"]]


def test_a_dead_number_and_an_absent_leader_are_replaced_at_once(city: LivingCity) -> None:
    dead, away, *_ = city.roll.of("grid_leader", rank=1)
    city.sms.behave([dead.phone], "dead")
    alert = city.issue()
    stand_in = city.phone(city.roll.leader(dead.unit, rank=2))
    within(that=lambda: stand_in.texts(kind="takeover"))

    within(that=lambda: city.phone(away).texts(kind="alert"))
    city.phone(away).replies("0 在外地开会")
    other = city.phone(city.roll.leader(away.unit, rank=2))
    within(that=lambda: other.texts(kind="takeover"))
    assert "A角" in other.texts()[0]["text"]
    assert alert.cell(away.unit)["state"] == "waiting"
    other.replies("收到")
    within(that=lambda: alert.cell(away.unit)["state"] == "covered")
    assert not alert.texts(kind="reminder")


def test_only_an_answer_is_an_answer(city: LivingCity) -> None:
    alert = city.issue()
    puzzled, busy, done, twice, *_ = city.roll.of("grid_leader", rank=1)
    within(that=alert.at_rest)

    city.phone(puzzled).replies("没收到")
    city.phone(busy).replies("开会中稍后联系")
    within(that=lambda: set(inbound(city, "unclear")) == {"没收到", "开会中稍后联系"})
    assert alert.funnel["answered"] == 0
    city.sms.post(f"/phones/{STRANGER}/replies", {"text": "1"})
    within(that=lambda: inbound(city, "unknown-sender") == ["1"])
    assert alert.funnel["answered"] == 0
    assert STRANGER not in alert.told(), "a stranger is answered by nobody"

    city.phone(done).replies("2 35/40")
    within(that=lambda: counts_of(alert, done.person_id) == [35])
    city.phone(done).replies("2 40/40")
    within(that=lambda: counts_of(alert, done.person_id) == [40, 35])
    city.phone(twice).replies("1", times=3)  # the gateway brings one reply three times
    within(that=lambda: alert.cell(twice.unit)["state"] == "covered")
    within(that=lambda: not city.sms.get("/stats")["waiting"])
    assert len(counts_of(alert, twice.person_id)) == 1
    assert alert.funnel["answered"] == 2
    an_operator_reads_what_was_unclear(city, alert, busy.unit)


def counts_of(alert: Alert, person: str) -> list[object]:
    """The counts of somebody's acknowledgements, the newest first."""
    acks = alert.city.get(f"/api/v1/alerts/{alert.id}/acks")["items"]
    return [ack["count"] for ack in acks if ack["person_id"] == person]


def an_operator_reads_what_was_unclear(city: LivingCity, alert: Alert, unit: str) -> None:
    items = city.get("/api/v1/inbound", verdict="unclear")["items"]
    (busy,) = [item for item in items if item["text"].startswith("开会")]
    city.post(f"/api/v1/inbound/{busy['no']}/classify", {"kind": "received"})
    assert alert.cell(unit)["state"] == "covered"
    again = city.client("officer").post(
        f"/api/v1/inbound/{busy['no']}/classify", json={"kind": "received"}
    )
    assert again.status_code == 409


def test_with_several_open_alerts_the_code_decides(city: LivingCity) -> None:
    typhoon = city.issue("typhoon", "red")
    flood = city.issue("flood", "red")
    leader = city.roll.of("grid_leader", rank=1)[0]
    phone = city.phone(leader)
    within(that=lambda: typhoon.at_rest() and flood.at_rest())

    phone.replies("1")
    within(that=lambda: phone.texts(kind="confirmation"))
    (menu,) = phone.texts(kind="confirmation")
    assert typhoon.code in menu["text"]
    assert flood.code in menu["text"]
    assert typhoon.funnel["answered"] == flood.funnel["answered"] == 0

    phone.replies(f"{flood.code} 1")
    within(that=lambda: flood.cell(leader.unit)["state"] == "covered")
    assert typhoon.cell(leader.unit)["state"] == "waiting"
    an_all_clear_is_no_choice(city, typhoon, flood)


def an_all_clear_is_no_choice(city: LivingCity, typhoon: Alert, flood: Alert) -> None:
    """It asks nothing, so that a bare reply is the one open alert's."""
    city.follow(flood, "all-clear")
    other = city.roll.of("grid_leader", rank=1)[1]
    within(that=lambda: len(city.phone(other).texts(kind="alert")) == 3)
    city.phone(other).replies("收到")
    within(that=lambda: typhoon.cell(other.unit)["state"] == "covered")
