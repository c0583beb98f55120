"""A drill of a plan is scored by itself, by the plan's marks; what was muted proves nothing."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from alertd.engine.turn import Turn
from alertd.model import DrillState
from alertd.report.make import drill_before, gather
from alertd.settings import load
from alertd.store import tables as t
from alertd.store.reads import ledger, todo
from drills.scorekeeper import Scorekeeper
from drills.scoring import look, terms_of
from tests.city import City, sms_route
from tests.unit.drill_city import TOWN, DrillCity, plan_of

MARKS = {"answer_rate": 0.9, "loudspeakers": 0.9}


class Taking:
    """Hands inputs to a city's engine, as a runner would."""

    def __init__(self, city: City) -> None:
        self.city = city

    async def submit(self, item: Callable[[Turn], Any]) -> Any:
        return self.city.take(item)


@pytest.fixture
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrillCity]:
    found = DrillCity(tmp_path_factory.mktemp("city"))
    yield found
    found.city.store.close()


def keeper_of(drill: DrillCity) -> Scorekeeper:
    settings = load(data_dir=drill.city.directory)
    return Scorekeeper(drill.city.store, Taking(drill.city), settings)


async def test_a_drill_with_injects_is_held_against_the_one_before(drill: DrillCity) -> None:
    city, keeper = drill.city, keeper_of(drill)
    injects = [{"at_min": at, "text": "道路中断", "to": [TOWN]} for at in (1, 2)]
    wanted = plan_of(marks=MARKS, injects=injects)
    for answering in (0, 3):
        number = drill.run(wanted)
        asked = [
            person
            for duty, person in city.leaders("building_lead")
            if city.requirement_or_none(duty, drill.row(number).alert_no) is not None
        ]
        city.forward(seconds=10)  # who has it at once didn't answer this one, but the one before
        for person in asked[:answering]:
            city.reply(city.phone_of(person), "1")
        city.forward(minutes=3, tick_s=30)
        assert len(drill.facts("drill.stepped")[-1]["items"]) == 1
        city.forward(minutes=12, tick_s=360)
        drill.stop(number)
        await keeper.look()
    first, second = city.rows(select(t.drill_score).order_by(t.drill_score.c.alert_no))
    assert (first.against_no, second.against_no) == (None, first.alert_no)
    mended = drill.facts("todo.closed")
    assert [(body["reason"], len(body["items"])) for body in mended] == [("mended", 3)]
    # Who hears an inject is told something, and isn't asked for an answer.
    with city.store.read() as connection:
        found = look(connection, second.alert_no, terms_of(connection, second.alert_no)).score
    assert found.totals.answered.n == 3
    assert found.totals.people > found.totals.answered.of


async def test_a_planned_drill_is_scored_once_it_has_ended(drill: DrillCity) -> None:
    city, keeper = drill.city, keeper_of(drill)
    number = drill.run(plan_of(marks=MARKS))
    leader = next(
        person
        for duty, person in city.leaders()
        if city.requirement_or_none(duty, alert_no=1) is not None
    )
    city.reply(city.phone_of(leader), "1")
    city.forward(minutes=1, tick_s=20)
    await keeper.look()
    assert city.rows(select(t.drill_score)) == []  # under way
    drill.stop(number)
    city.issue(areas=[TOWN])
    await keeper.look()
    assert city.rows(select(t.drill_score)) == []  # a live alert is out
    with city.store.transaction(city.now) as tx:
        tx.connection.execute(t.alert.update().values(state="expired"))
    await keeper.look()
    kept = city.one(select(t.drill_score))
    verdicts = {name: verdict for name, _, _, verdict in json.loads(kept.marks)}
    # The plan mutes the loudspeakers, so that nothing is known of them.
    assert (kept.plan, kept.result) == ("汛前演练", "missed")
    assert verdicts == {"answer_rate": "missed", "loudspeakers": "not-measured"}
    found = json.loads(kept.found)
    assert (found["loudspeaker"], found["mark"], found["silent"] > 0) == (0, 1, True)
    facts = city.one(select(t.chain.c.seq)).seq
    await keeper.look()
    assert city.one(select(t.chain.c.seq)).seq == facts  # once
    with city.store.read() as connection:
        (mark,) = todo.todos(connection, kind="mark").items
        entries = {entry.duty_no: entry for entry in ledger.entries(connection)}
        scored = look(connection, kept.alert_no, terms_of(connection, kept.alert_no)).score
    assert (mark.owner_code, mark.owner_name, mark.subject) == ("", "admin", "answer_rate")
    assert scored.marks[0].wanted == 0.9
    # Nobody was woken: an answer from a simulated phone reaches nobody.
    assert {entry.last for entry in entries.values()} == {None}
    assert "simulated" in {kind for entry in entries.values() for kind in entry.by_kind}


class Overtaken(Taking):
    """Another server looks and writes before what this one has found gets its turn."""

    def __init__(self, city: City, other: Scorekeeper) -> None:
        super().__init__(city)
        self.other = other

    async def submit(self, item: Callable[[Turn], Any]) -> Any:
        await self.other.look()
        return await super().submit(item)


async def test_of_two_servers_one_scores_a_drill(drill: DrillCity) -> None:
    city, settings = drill.city, load(data_dir=drill.city.directory)
    number = drill.run(plan_of(marks=MARKS))
    city.forward(minutes=20, tick_s=60)
    drill.stop(number)
    there = City(city.directory, fresh=False, url=city.url) if city.store.shared else city
    first = Scorekeeper(there.store, Taking(there), settings)
    await Scorekeeper(city.store, Overtaken(city, first), settings).look()
    assert len(drill.facts("drill.scored")) == 1
    new = [thing[0] for body in drill.facts("todo.found") for thing in body["new"]]
    assert new
    assert len(new) == len(set(new))


async def test_a_drill_that_a_live_alert_ended_is_scored_as_far_as_it_went(
    drill: DrillCity,
) -> None:
    city, keeper = drill.city, keeper_of(drill)
    marks = {"answer_rate": 0.9, "reach_rate": 0.01, "answered_within_min": 1}
    wanted = plan_of(marks=marks, injects=[{"at_min": 30, "text": "不会再说", "to": [TOWN]}])
    number = drill.run(wanted)
    asked = [p for duty, p in city.leaders() if city.requirement_or_none(duty) is not None]
    city.reply(city.phone_of(asked[0]), "1")
    city.forward(minutes=2, tick_s=30)
    live = city.issue(areas=[TOWN])
    assert drill.state(number) is DrillState.INTERRUPTED
    await keeper.look()
    assert city.rows(select(t.drill_score)) == []  # a live alert is out
    city.issue("all-clear", areas=[TOWN], references=[city.reference(live)])
    await keeper.look()
    assert len(city.rows(select(t.drill_score))) == 1
    kept = city.one(select(t.drill_score))
    assert (kept.result, kept.cut_short) == ("undecided", 1)
    assert {name: verdict for name, _, _, verdict in json.loads(kept.marks)} == {
        "reach_rate": "kept",
        "answer_rate": "undecided",  # there were 13 of 15 minutes left for it
        "answered_within_min": "kept",  # the minute was over
    }
    found = json.loads(kept.found)
    assert (found["silent"], found["mark"]) == (0, 0)
    (body,) = drill.facts("drill.scored")
    assert body["cut_short"]
    # The next one isn't held against it; the one after that is held against the next.
    beside = []
    for _ in range(2):
        again = drill.run(plan_of(marks=MARKS))
        city.forward(minutes=15, tick_s=300)
        drill.stop(again)
        await keeper.look()
        beside.append(drill.facts("drill.scored")[-1]["against_no"])
    assert beside == [None, drill.row(number + 1).alert_no]


async def test_what_was_decided_when_a_drill_was_cut_short_stays_decided(drill: DrillCity) -> None:
    city, keeper = drill.city, keeper_of(drill)
    injects = [{"at_min": 30, "text": "不会再说", "to": [TOWN]}]
    number = drill.run(plan_of(marks=MARKS, injects=injects))
    city.forward(minutes=15, tick_s=300)
    drill.stop(number)  # before its script was over
    await keeper.look()
    kept = city.one(select(t.drill_score))
    assert (kept.result, kept.cut_short) == ("missed", 1)
    assert json.loads(kept.found)["silent"] > 0


async def test_one_that_never_began_has_no_score_and_makes_no_noise(tmp_path: Path) -> None:
    real = DrillCity(tmp_path / "real", routes=(sms_route(simulated=False),))
    keeper = keeper_of(real)
    number = real.run(plan_of(channels={"sms-1": "real"}))
    live = real.city.issue(areas=[TOWN])
    real.city.forward(seconds=1)
    real.city.issue("all-clear", areas=[TOWN], references=[real.city.reference(live)])
    with capture_logs() as said:
        await keeper.look()
    assert real.state(number) is DrillState.INTERRUPTED
    assert (real.city.rows(select(t.drill_score)), said) == ([], [])
    real.city.store.close()


async def test_a_report_is_compared_with_the_last_drill_of_the_same_plan(drill: DrillCity) -> None:
    city = drill.city

    def held(minutes: int = 16, **changes: Any) -> int:
        no = drill.run(plan_of(**changes))
        city.forward(minutes=minutes, tick_s=120)
        drill.stop(no)
        city.forward(seconds=5)
        return int(drill.row(no).alert_no)

    def before(alert_no: int) -> int | None:
        with city.store.read() as connection:
            found = drill_before(connection, gather(connection, alert_no))
        return found.figures.course.no if found else None

    first = held()
    other = held(name="另一个", alert={"headline": "集合", "areas": ["330281001001"]})
    assert before(other) is None, "a drill of one community says nothing of a town's"
    short = held(minutes=1)
    await keeper_of(drill).look()
    assert before(short) is None, "it was cut short, as its score says"
    assert before(held()) == first
