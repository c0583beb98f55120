"""A drill of the calendar with two injects, scored, beside the one before; by real processes.

The town has one grid with a leader and thirteen stairwells with a lead each: fourteen duties, one
principal each. The injects go to the two people who hold the town's own duties. What is worked out
by hand below is for these sixteen people.
"""

import datetime as dt
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx

from tests.acceptance.conftest import StartCity
from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.roll import Holder
from tests.acceptance.within import within

TOWN = "330281002"
GATEWAY, ROAD = "主用短信网关拒收", "通镇道路中断"
PLAN = """
name = "汛前演练"
owner = "officer"
alert = {{ template = "typhoon-red", areas = ["{town}"], roles = ["grid_leader", "building_lead"] }}
when = {{ at = {at}, remind_h = [] }}
channels = {{ main = "real", spare = "real" }}
losses = [
  {{ kind = "gateway", route = "main", from_min = 0.02, to_min = 60 }},
  {{ kind = "road", area = "{town}", from_min = 0.08, to_min = 60 }},
]
injects = [
  {{ at_min = 0.02, text = "{gateway}", to = ["{town}"] }},
  {{ at_min = 0.08, text = "{road}", to = ["{town}"] }},
]
marks = {{ reach_rate = 0.95, answer_rate = 0.3, covered_grids = 1.0 }}
"""


@dataclass(frozen=True)
class Town:
    """Who is asked in it, in the roster's order."""

    leader: Holder
    stairs: Sequence[Holder]

    @property
    def phones(self) -> set[str]:
        return {holder.phone for holder in (self.leader, *self.stairs)}


def test_a_drill_of_the_calendar_is_held_against_the_one_before(living_city: StartCity) -> None:
    city = living_city(
        minute_s=1.0,  # an answer is due in 3 s, before the second inject
        mix={"silent": 1.0},
        gateways={"main": {}, "spare": {}},
        speakers=None,
        policy={"steps": []},
    )
    (leader,) = city.roll.of("grid_leader", rank=1, within=TOWN)
    town = Town(leader, city.roll.of("building_lead", rank=1, within=TOWN))
    assert len(town.stairs) == 13
    behave(city, town.stairs[12], "dead")
    earlier = an_earlier_one_by_hand(city, town)
    behave(city, town.stairs[12], "silent")
    drill = one_of_the_calendar(city, town)
    within(that=lambda: score(city, drill)["on_record"], seconds=60)

    shown = score(city, drill)
    the_figures_are_those_worked_out_by_hand(shown, earlier)
    assert city.server.run("drill", "score", drill.code) == shown
    the_console_shows_it(city, drill, earlier)
    the_list_of_what_is_to_be_mended(city, earlier, drill)
    the_ledger_says_who_was_reached_when(city, town, earlier, drill)


def an_earlier_one_by_hand(city: LivingCity, town: Town) -> Alert:
    """The leads of the first three stairwells answer; the last one's number is dead."""
    save(city, at="2099-05-12T09:30:00+08:00")
    made = city.post("/api/v1/drills", {"plan": "汛前演练", "when": "now"}, who="cli")
    assert made["state"] == "drafted"
    city.post(f"/api/v1/alerts/{made['short_code']}/approve", who="second")
    drill = held(city, made["no"], town, answering=town.stairs[:3])
    assert drill.told(kind="alert") == town.phones - {town.stairs[12].phone}
    recorded = city.server.run("drill", "score", drill.code, "--record")
    assert (recorded["cut_short"], recorded["against"]) == (False, None)
    assert {mark["name"]: mark["verdict"] for mark in recorded["marks"]} == {
        "reach_rate": "missed",  # 15 of 16
        "answer_rate": "missed",  # 3 of 14
        "covered_grids": "missed",  # the leader was silent
    }
    return drill


def one_of_the_calendar(city: LivingCity, town: Town) -> Alert:
    """The leader answers, stairwells 2 to 4, and the last one, whose number was put right."""
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=3)
    save(city, at=at.isoformat(timespec="milliseconds"))
    made = city.post("/api/v1/drills", {"plan": "汛前演练"}, who="cli")
    city.post(f"/api/v1/drills/{made['no']}/agree", who="second")
    answering = (town.leader, *town.stairs[1:4], town.stairs[12])
    drill = held(city, made["no"], town, answering=answering)
    assert drill.told(kind="alert") == town.phones
    return drill


def save(city: LivingCity, *, at: str) -> None:
    text = PLAN.format(town=TOWN, at=at, gateway=GATEWAY, road=ROAD)
    city.post("/api/v1/drill-plans", {"toml": text}, who="cli")


def held(city: LivingCity, no: int, town: Town, *, answering: Sequence[Holder]) -> Alert:
    """A drill from its begin to its end."""
    within(that=lambda: city.get(f"/api/v1/drills/{no}")["state"] == "running")
    code = city.get(f"/api/v1/drills/{no}")["short_code"]
    drill = Alert(city, city.get(f"/api/v1/alerts/{code}")["view"])
    within(that=lambda: drill.told(kind="alert") >= {one.phone for one in answering})
    for one in answering:
        body = {"text": f"1 {code}"}
        city.handsets["spare"].post(f"/phones/{one.phone}/replies", body)
    within(that=lambda: len(drill.told(kind="confirmation")) == len(answering))
    within(that=lambda: len(drill.texts(kind="inject")) == 4)
    assert all(text["text"].startswith("【演练】") for text in drill.texts())
    injected = {text["text"].partition(":")[2] for text in drill.texts(kind="inject")}
    assert injected == {GATEWAY, ROAD}
    assert not city.handsets["main"].texts(kind="inject"), "that gateway was lost by the script"
    within(that=drill.at_rest)
    within(that=lambda: everybody_has_a_receipt(drill))
    city.post(f"/api/v1/drills/{no}/stop", {"reason": "over"}, who="cli")
    log = city.get(f"/api/v1/drills/{no}")["log"]
    assert [line["event"] for line in log] == ["lost", "inject", "lost", "inject"]
    return drill


def everybody_has_a_receipt(drill: Alert) -> bool:
    funnel = drill.funnel
    return bool(funnel["delivered"] == len(drill.texts()))


def behave(city: LivingCity, holder: Holder, how: str) -> None:
    for gateway in city.handsets.values():
        gateway.behave(holder.phones, how)


def score(city: LivingCity, drill: Alert) -> Any:
    return city.get(f"/api/v1/alerts/{drill.code}/score")


def the_figures_are_those_worked_out_by_hand(shown: Any, earlier: Alert) -> None:
    assert (shown["plan"], shown["result"], shown["over"]) == ("汛前演练", "kept", True)
    assert (shown["cut_short"], shown["followed_by"]) == (False, [])
    totals = shown["totals"]
    assert totals["people"] == 16
    assert counts(totals, "reached", "answered", "grids") == [(16, 16), (5, 14), (1, 1)]
    # 14 are asked, 2 hear two injects each, and each of the 5 is told that their answer is in.
    assert totals["messages"] == 14 + 2 * 2 + 5
    assert totals["per_person"] == 1.44
    levels = {row["level"]: counts(row, "people", "reached", "answered") for row in shown["levels"]}
    assert levels == {
        "grid": [(1, 1), (1, 1), (1, 1)],
        "building": [(13, 13), (13, 13), (4, 13)],
    }
    units = {row["unit_code"]: counts(row, "people", "answered") for row in shown["units"]}
    whole = [(14, 14), (5, 14)]
    assert units == {TOWN: whole, f"{TOWN}001": whole, f"{TOWN}001001": whole}
    arrived = {
        row["channel"]: (row["made"], row["muted"], row["arrived"]["n"])
        for row in shown["channels"]
    }
    assert arrived == {"sms": (23, 0, 23), "loudspeaker": (1, 0, 0), "chat": (1, 1, 0)}
    assert shown["counts"] == {
        "silent": 9,
        "vacant": 0,
        "no-contact": 0,
        "number": 0,
        "loudspeaker": 0,
        "messages": 0,
        "mark": 0,
    }
    against = shown["against"]
    assert against["short_code"] == earlier.code
    moved = {
        each["name"]: (each["before"], each["now"], each["better"]) for each in against["changes"]
    }
    assert moved["reached"] == (0.9375, 1.0, True)  # 15 and 16 of 16
    assert moved["answered"] == (0.2143, 0.3571, True)  # 3 and 5 of 14
    assert moved["grids"] == (0.0, 1.0, True)
    # Then 11 silent duties, the dead number and three marks; now 9 silent duties. Of these the
    # first stairwell's is new; 8 were silent both times.
    assert moved["defects"] == (15.0, 9.0, True)
    assert (against["new"], against["still"], against["gone"]) == (1, 8, 7)


def counts(row: Any, *names: str) -> list[tuple[int, int]]:
    return [(row[name]["n"], row[name]["of"]) for name in names]


def the_console_shows_it(city: LivingCity, drill: Alert, earlier: Alert) -> None:
    with closing(browser(city)) as client:
        page = client.get(f"/readiness/scores/{drill.code}").text
        listed = client.get("/readiness").text
    assert "100.0%<small> 16/16</small>" in page
    assert "35.7%<small> 5/14</small>" in page
    assert '<td>93.8%</td><td>100.0%</td><td><span class="verdict" data-verdict="kept">' in page
    assert f"{earlier.code} ·" in page
    assert "new: 1, still there: 8, no longer: 7" in page
    assert listed.count('data-verdict="kept"') == listed.count('data-verdict="missed"') == 1


def browser(city: LivingCity) -> httpx.Client:
    """Somebody signed in who may look."""
    made = city.post("/api/v1/principals", {"name": "viewer", "role": "viewer"}, who="cli")
    old, new = made["one_time_password"], "a password of my own"
    headers = {"accept": "text/html", "accept-language": "en"}
    client = httpx.Client(
        base_url=city.server.url, headers=headers, follow_redirects=True, trust_env=False
    )
    client.post("/sign-in", data={"name": "viewer", "password": old})
    csrf = client.get("/password").text.partition('name="csrf" value="')[2].partition('"')[0]
    change = {"csrf": csrf, "old_password": old, "new_password": new, "again": new}
    client.post("/password", data=change)
    client.post("/sign-in", data={"name": "viewer", "password": new})
    return client


def the_list_of_what_is_to_be_mended(city: LivingCity, earlier: Alert, drill: Alert) -> None:
    items = city.server.run("drill", "todo", "--all")["items"]
    left = [item for item in items if item["closed_at"] is None]
    assert {item["kind"] for item in left} == {"silent"}
    assert sorted((item["times"], item["found_in"], item["last_in"]) for item in left) == [
        (1, drill.code, drill.code),
        *[(2, earlier.code, drill.code)] * 8,
    ]
    assert {item["owner_code"] for item in left} == {f"{TOWN}001001"}, "the stairwells' grid"
    mended = [item for item in items if item["closed_at"] is not None]
    assert {(item["reason"], item["mended_in"]) for item in mended} == {("mended", drill.code)}
    kinds = sorted(item["kind"] for item in mended)
    assert kinds == ["mark"] * 3 + ["number"] + ["silent"] * 3


def the_ledger_says_who_was_reached_when(
    city: LivingCity, town: Town, earlier: Alert, drill: Alert
) -> None:
    entries = city.get("/api/v1/readiness/ledger", unit=TOWN, limit=500)["items"]
    asked = [entry for entry in entries if entry["role"] in {"grid_leader", "building_lead"}]
    by_unit = {entry["unit_code"]: (entry["last"] or {}).get("alert") for entry in asked}
    answered = [town.leader, *town.stairs[1:4], town.stairs[12]]
    assert by_unit == {
        **dict.fromkeys(one.unit for one in town.stairs),
        town.stairs[0].unit: earlier.code,
        **{one.unit: drill.code for one in answered},
    }
    ways = {(e["last"]["via"], e["last"]["route"]) for e in asked if e["last"]}
    assert ways == {("sms", "spare")}
    dark = {grid["unit_code"] for grid in city.get("/api/v1/readiness/dark-grids")}
    assert town.leader.unit not in dark
    assert len(dark) > 10, "the other towns' grids, which no drill has tried"
