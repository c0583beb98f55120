"""Drills by real processes: one of the calendar with its script, and one without notice that a
live alert ends."""

import datetime as dt
import hashlib
from typing import Any

from tests.acceptance.conftest import StartCity
from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.within import within

TOWN = "330281002"
MARK = "【演练】"
PLAN = """
name = "{name}"
owner = "officer"
alert = {{ template = "typhoon-red", areas = ["{town}"], roles = ["grid_leader", "building_lead"] }}
when = {{ {when}, remind_h = [] }}
channels = {{ sms = "real", loudspeakers = "{speakers}" }}
injects = [
  {{ at_min = 0.01, text = "姚江超警", to = ["{town}"] }},
  {{ at_min = 0.02, text = "通镇道路中断", to = ["{town}"] }},
]
losses = [{{ kind = "road", area = "{town}", from_min = 0.01, to_min = 60 }}]
marks = {{ reach_rate = 0.9 }}
"""


def test_a_drill_of_the_calendar_and_one_without_notice(living_city: StartCity) -> None:
    city = living_city(minute_s=60.0)
    held = scheduled_by_command(city, "汛前演练", speakers="real")
    drill = begun(city, held)
    it_told_what_its_script_says(city, drill)
    stopped = city.server.run("drill", "stop", "--reason", "done")
    assert (stopped["no"], stopped["state"]) == (held, "ended")
    assert [line["event"] for line in stopped["log"]] == ["lost", "inject", "inject"]
    figures = city.get(f"/api/v1/alerts/{drill.id}/report")
    assert "Exercise" in str(figures)

    window = f'window = ["{soon(4)}", "{soon(7)}"]'
    blind = scheduled(city, "双盲演练", window, speakers="muted")
    assert "moment" not in str(city.get(f"/api/v1/drills/{blind}"))
    secret = begun(city, blind)
    its_moment_is_proven(city, blind, secret)
    within(that=lambda: secret.texts(kind="inject"))
    told = secret.told()
    live = city.issue(areas=[TOWN])
    assert city.get(f"/api/v1/drills/{blind}")["state"] == "interrupted"
    everybody_is_told_that_it_is_over(city, told)
    within(that=live.at_rest)
    assert live.texts()
    assert not any(MARK in text["text"] for text in live.texts())
    # Its loudspeakers were muted: they said the live alert and nothing else since.
    assert not [line for line in city.loudspeakers.heard() if line["alert"] == secret.id]


def soon(seconds: float) -> str:
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    return at.isoformat(timespec="milliseconds")


def scheduled(city: LivingCity, name: str, when: str, *, speakers: str) -> int:
    """By the API, and agreed to."""
    text = PLAN.format(name=name, town=TOWN, when=when, speakers=speakers)
    city.post("/api/v1/drill-plans", {"toml": text}, who="cli")
    made = city.post("/api/v1/drills", {"plan": name}, who="cli")
    city.post(f"/api/v1/drills/{made['no']}/agree", who="second")
    return int(made["no"])


def scheduled_by_command(city: LivingCity, name: str, *, speakers: str) -> int:
    """By the command line, and agreed to; so far ahead that the commands are done by then."""
    file = city.folder / "plan.toml"
    text = PLAN.format(name=name, town=TOWN, when=f"at = {soon(20)}", speakers=speakers)
    file.write_text(text, "utf-8")
    made = city.server.run("drill", "schedule", str(file))
    agreed = city.command("drill", "agree", str(made["no"]), who="second")
    assert agreed["agreed_by"] == "second"
    (listed,) = city.server.run("drill", "calendar")
    assert listed["no"] == made["no"]
    return int(made["no"])


def begun(city: LivingCity, no: int) -> Alert:
    within(that=lambda: city.get(f"/api/v1/drills/{no}")["state"] == "running")
    shown = city.get(f"/api/v1/drills/{no}")
    alert = Alert(city, city.get(f"/api/v1/alerts/{shown['short_code']}")["view"])
    within(that=alert.at_rest)
    return alert


def it_told_what_its_script_says(city: LivingCity, drill: Alert) -> None:
    within(that=lambda: len({text["text"] for text in drill.texts(kind="inject")}) == 2)
    assert drill.texts(kind="alert")
    assert all(text["text"].startswith(MARK) for text in drill.texts())
    spoken = [line for line in city.loudspeakers.heard() if line["alert"] == drill.id]
    assert all("这是演练" in line["text"] for line in spoken)


def its_moment_is_proven(city: LivingCity, no: int, drill: Alert) -> None:
    facts = city.get(f"/api/v1/alerts/{drill.id}/facts")["items"]
    (begun_by,) = [fact["body"] for fact in facts if fact["kind"] == "drill.started"]
    opened = hashlib.sha256(f"{begun_by['salt']}:{begun_by['moment']}".encode()).hexdigest()
    assert opened == city.get(f"/api/v1/drills/{no}")["commitment"]


def everybody_is_told_that_it_is_over(city: LivingCity, told: set[str]) -> None:
    def heard() -> set[Any]:
        return {text["phone"] for text in city.sms.texts() if "演练中止" in text["text"]}

    within(that=lambda: heard() == told)
    over = [text for text in city.sms.texts() if "演练中止" in text["text"]]
    assert all(text["text"].startswith(MARK) for text in over)
    assert all("以实际预警为准" in text["text"] for text in over)
