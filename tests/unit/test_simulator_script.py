"""A plan's script in simulated nights: injects are told as in a drill, and what came of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from alertd.messages.marks import EXERCISE_MARK
from alertd.model import Status
from alertd.store import journal
from alertd.store.reads import drills as reads
from drills.plan import from_dict, to_dict
from drills.simulate import pictures
from drills.simulate.batch import Batch
from drills.simulate.scenario import People, Quality, Scenario
from drills.simulate.scripted import DRILL
from drills.simulate.stage import Stage
from drills.simulate.summary import summarise
from tests import nights

pytest_plugins = ("tests.unit.tiny_city",)

CALM = Scenario(
    name="calm",
    start=nights.START,
    hours=0.5,
    people=(People(median_s=60.0, spread=0.0),),
    gateways={"sms": Quality(answer_s=0.1, answer_spread=0.0, receipts=1.0, receipt_s=1.0)},
)
GRID = f"{nights.INSIDE}001G0"
INJECTS = [
    {"at_min": 4, "text": "通镇道路中断", "to": [nights.INSIDE, GRID]},
    {"at_min": 2, "text": "只给导调看"},
    {"at_min": 6, "text": "另一个镇", "to": [nights.OUTSIDE]},
]


def batch(script: dict[str, Any], **more: Any) -> Batch:
    task = nights.task(0)
    plan = from_dict(to_dict(task.plan) | script)
    played = {name: task.played[name] for name in ("gateway", "loudspeakers")}
    task = replace(task, plan=plan, played=played, **({"status": Status.EXERCISE} | more))
    return Batch(file=Path(), task=task, scenario=CALM)


def facts(stage: Stage, kind: str) -> list[Any]:
    """What the night that was played last has recorded."""
    store = stage.rehearsals.reopen()
    try:
        with store.read() as connection:
            return [r.fact for r in journal.stream(connection) if r.fact.kind == kind]
    finally:
        store.close()


def test_injects_are_told_at_their_minute_to_those_in_charge(stage: Stage) -> None:
    played = batch({"injects": INJECTS})
    night = played.night(stage, 1)
    assert night.broken == ()
    assert night.messages["inject"] == 2  # the town's lead and the grid's leader
    first, second, third = night.script
    assert (first.minute, first.told) == (2, 0)
    assert (second.minute, second.told, second.taken, second.arrived) == (4, 2, 2, 2)
    assert (third.minute, third.told) == (6, 0), "a drill tells nobody outside its areas"
    steps = [fact.body["items"] for fact in facts(stage, "drill.stepped")]
    assert [[item[:2] for item in items] for items in steps] == [
        [["inject", 1]],
        [["inject", 0]],
        [["inject", 2]],
    ]
    (told,) = (f for f in facts(stage, "told") if f.body["message"]["kind"] == "inject")
    assert told.body["message"]["params"]["text"] == "通镇道路中断"
    assert EXERCISE_MARK not in told.body["message"]["params"]["text"]  # put there by rendering


def test_the_same_seed_is_the_same_night_with_a_script_too(stage: Stage) -> None:
    played = batch({"injects": INJECTS})
    assert played.night(stage, 3).fingerprint == played.night(stage, 3).fingerprint


def test_what_our_own_node_missed_is_told_when_it_is_back_and_once(stage: Stage) -> None:
    away = {"kind": "node", "from_min": 3, "to_min": 9}
    night = batch({"injects": INJECTS, "losses": [away]}).night(stage, 1)
    assert night.broken == ()
    assert night.messages["inject"] == 2
    by_minute = [(each.place, round(each.minute)) for each in night.script]
    # 2: the control's log; lost, told and the other town; mended
    assert by_minute == [(0, 2), (1, 9), (2, 9), (3, 9), (4, 9)]
    store = stage.rehearsals.reopen()
    with store.read() as connection:
        assert reads.drill(connection, DRILL).step == 5
    store.close()


def test_a_live_alert_has_no_script(stage: Stage) -> None:
    night = batch({"injects": INJECTS}, status=Status.ACTUAL, open_routes=True).night(stage, 1)
    assert night.script == ()
    assert "inject" not in night.messages
    assert facts(stage, "drill.scheduled") == []


def test_a_summary_says_what_came_of_the_script(stage: Stage) -> None:
    loss = {"kind": "gateway", "route": "gateway", "from_min": 0.5, "to_min": 5}
    played = batch({"injects": INJECTS[:1], "losses": [loss]})
    seen = [played.night(stage, seed) for seed in (1, 2)]
    found = summarise(seen, 30.0, played.task.plan)
    lost, told, mended = found.script
    assert (lost.event, lost.kind, lost.what, lost.nights) == ("lost", "gateway", "gateway", 1.0)
    assert (mended.event, mended.at_min) == ("mended", 5)
    assert (told.event, told.what, told.units, told.told) == ("inject", "通镇道路中断", 2, 2)
    assert (told.taken, told.arrived) == (2, 2), "held back while the gateway was away"
    # All answer after a minute; the record has that time, though the word comes after the mending.
    assert [each.covered for each in found.script] == [0.0, 1.0, 1.0]
    drawn = pictures.coverage("covered", "minutes", [("", found)], "dashed: told")
    shapes = [each.get("class") for each in ET.fromstring(drawn).iter()]  # noqa: S314 - our own
    assert (shapes.count("told"), shapes.count("lost")) == (1, 1)
    assert summarise(seen, 30.0).script == ()
