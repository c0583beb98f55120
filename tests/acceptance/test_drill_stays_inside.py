"""A drill never reaches a person or a route outside its plan, and every message says what it is."""

from tests.acceptance.conftest import StartCity
from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.roll import every_phone, phones
from tests.acceptance.within import within

TOWN = "330281002"  # with a loudspeaker and a chat group even in the smallest sample
MARK = "【演练】"
NOBODY_ANSWERS = {"silent": 1.0}


def test_a_drill_climbs_to_its_end_and_never_leaves_its_plan(living_city: StartCity) -> None:
    city = living_city(
        minute_s=0.5,
        mix=NOBODY_ANSWERS,
        gateways={"plan": {}, "other": {}, "live": {"carries": ["Actual"]}},
    )
    drill = city.issue(
        status="Exercise", areas=[TOWN], roles=["grid_leader", "building_lead"], routes=["plan"]
    )
    leads = city.roll.of("grid_leader", rank=1, within=TOWN)
    leads += city.roll.of("building_lead", rank=1, within=TOWN)
    within(that=lambda: drill.told(kind="alert") == phones(leads))
    within(that=lambda: len(drill.unanswered("exhausted")) == len(leads))
    time_goes_by_for_the_last_digests(city)

    assert {text["kind"] for text in drill.texts()} >= {"alert", "reminder", "takeover"}
    townspeople = [holder for holder in city.roll.holders if holder.unit.startswith(TOWN)]
    assert drill.told() <= set(every_phone(townspeople))
    assert all(text["text"].startswith(MARK) for text in drill.texts())
    assert {text["status"] for text in drill.texts()} == {"Exercise"}
    assert not any("不是演练" in text["text"] for text in drill.texts())
    nothing_left_by_another_way(city)


def time_goes_by_for_the_last_digests(city: LivingCity) -> None:
    """The next drill's reminder comes two minutes after it, a digest's window is one."""
    later = city.issue("flood", "red", status="Exercise", areas=[TOWN], routes=["plan"])
    within(that=lambda: later.texts(kind="reminder"))
    within(that=later.at_rest)


def nothing_left_by_another_way(city: LivingCity) -> None:
    assert any(unit.startswith(TOWN) for unit in city.roll.groups.values())
    assert any(unit.startswith(TOWN) for unit in city.roll.loudspeakers.values())
    assert not city.handsets["other"].log.lines("message")
    assert not city.handsets["live"].log.lines("message")
    assert not city.groups.log.lines()
    assert not city.loudspeakers.heard()


def test_a_drill_that_may_use_every_channel_is_marked_on_each(living_city: StartCity) -> None:
    city = living_city(minute_s=0.5, mix=NOBODY_ANSWERS)
    drill = city.issue(status="Exercise", areas=[TOWN])
    here = [unit for unit in city.roll.loudspeakers.values() if unit.startswith(TOWN)]
    within(that=lambda: len(drill.unanswered("exhausted")) == len(drill.told(kind="alert")) > 0)
    within(that=drill.at_rest)
    assert drill.group_texts()
    assert all(text["text"].startswith(MARK) for text in drill.group_texts())
    spoken = [line for line in city.loudspeakers.heard() if line["alert"] == drill.id]
    assert len(spoken) == len(here) > 0
    assert all("这是演练" in line["text"] for line in spoken)
    # To a loudspeaker it isn't an actual alert: it never interrupts one.
    assert not [line for line in spoken if line["type"] == 1]


def test_a_drill_needs_a_route_that_carries_drills(living_city: StartCity) -> None:
    city = living_city(gateways={"live": {"carries": ["Actual"]}, "drills": {}}, speakers=None)
    officer = city.client("officer")
    drill = {
        "template": "typhoon",
        "colour": "red",
        "areas": [TOWN],
        "roles": ["grid_leader"],
        "status": "Exercise",
    }
    only_live = officer.post("/api/v1/alerts", json={**drill, "routes": ["live"]})
    assert (only_live.status_code, only_live.json()["field"]) == (422, "routes")
    nobody_woken = officer.post("/api/v1/alerts", json={**drill, "simulated": True})
    assert (nobody_woken.status_code, nobody_woken.json()["field"]) == (422, "routes")
    assert city.get("/api/v1/alerts")["items"] == []

    real_people = Alert(city, officer.post("/api/v1/alerts", json=drill).json())
    alone = officer.post(f"/api/v1/alerts/{real_people.code}/approve")
    assert alone.status_code == 409, "an exercise that wakes people needs a second person"
    city.approve(real_people)
    within(that=real_people.texts)
    assert not city.handsets["live"].log.lines("message")


def test_nothing_live_leaves_by_a_route_that_is_there_for_drills(living_city: StartCity) -> None:
    """It would be called delivered, and nobody would have it: a reminder goes by another route."""
    city = living_city(
        gateways={"sms": {}, "drills": {"simulated": True}},
        minute_s=0.5,
        mix=NOBODY_ANSWERS,
        speakers=None,
    )
    carries = {route["name"]: route["carries"] for route in city.get("/api/v1/routes")}
    assert carries["drills"] == ["Exercise"]
    assert carries["sms"] == ["Actual", "Exercise", "Test"]
    alert = city.issue(areas=[TOWN], roles=["grid_leader"])
    leaders = len(city.roll.of("grid_leader", rank=1, within=TOWN))
    within(that=lambda: len(alert.texts(kind="reminder")) >= leaders)
    assert not city.handsets["drills"].log.lines("message")
