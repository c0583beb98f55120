"""What the simulator says of many nights, on a tiny city whose answers can be counted by hand."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from alertd.model import Status
from alertd.store import scratch
from drills.simulate import pictures, whatif
from drills.simulate.batch import Batch
from drills.simulate.figures import NightFigures
from drills.simulate.scenario import Hands, People, Quality, Scenario, Speakers
from drills.simulate.stage import Stage
from drills.simulate.summary import plain, quantile, summarise
from tests import nights
from tests.acceptance.command import alertd

pytest_plugins = ("tests.unit.tiny_city",)

PERFECT = Scenario(
    name="perfect",
    start=nights.START,
    hours=0.5,
    people=(People(median_s=60.0, spread=0.0),),
    gateways={"sms": Quality(answer_s=0.1, answer_spread=0.0)},
)
DEAF = replace(PERFECT, people=(People(notices=0.0),))
GATEWAY_ALONE = ("gateway", "loudspeakers", "groups")


def batch(file: Path, scenario: Scenario) -> Batch:
    task = nights.task(0)
    played = {name: task.played[name] for name in GATEWAY_ALONE}
    return Batch(
        file=file, task=replace(task, played=played, status=Status.EXERCISE), scenario=scenario
    )


def play(stage: Stage, file: Path, scenario: Scenario, seeds: Sequence[int]) -> list[NightFigures]:
    return [batch(file, scenario).night(stage, seed) for seed in seeds]


def test_where_everybody_answers_after_a_minute_the_city_is_covered_after_one(
    stage: Stage, file: Path
) -> None:
    (night,) = play(stage, file, PERFECT, [1])
    assert (night.grids, night.duties) == (2, 7)
    # One leader is the alternate of a stairwell as well, and one answer is for both.
    assert night.ends == {"alternate": 1, "principal": 6}
    assert all(1.0 <= at <= 1.1 for at in night.covered_duties)
    assert night.broken == ()
    assert night.messages["alert"] == 7 + 2 + 1  # loudspeakers and the chat group
    assert "reminder" not in night.messages


def test_a_loudspeaker_that_broke_off_has_not_played(stage: Stage, file: Path) -> None:
    heard = Quality(answer_s=0.1, answer_spread=0.0, receipts=1.0)
    whole = replace(PERFECT, gateways={**PERFECT.gateways, "loudspeaker": heard})
    (night,) = play(stage, file, whole, [1])
    assert night.speakers == (2, 2)
    (night,) = play(stage, file, replace(whole, speakers=Speakers(partial=1.0)), [1])
    assert night.speakers == (2, 0)


def test_where_nobody_answers_every_ladder_ends_silent_at_the_duty_desk(
    stage: Stage, file: Path
) -> None:
    (night,) = play(stage, file, DEAF, [1])
    assert night.ends == {"silent": 7}
    assert night.acts["door_knock"] == night.acts["duty_desk"] == 7
    assert night.minutes_to(0.5) is None
    assert len(night.silent) == 7
    assert night.broken == ()


def test_runners_find_those_whom_no_message_wakes(stage: Stage, file: Path) -> None:
    knocking = Hands(does="knock", each="town", count=2, minutes=2.0)
    (night,) = play(stage, file, replace(DEAF, hands=(knocking,)), [1])
    assert night.ends == {"runner": 7}
    assert min(night.covered_duties) > 10  # the list of doors is made at the tenth minute


def test_a_summary_has_the_middle_and_the_worst_nights(stage: Stage, file: Path) -> None:
    half = replace(PERFECT, people=(People(notices=0.5, median_s=60.0, spread=1.0),))
    played = play(stage, file, half, range(6))
    found = summarise(played, 30.0)
    assert found.nights == 6
    assert sum(found.ends.values()) == pytest.approx(1, abs=0.01)
    middle, worst = found.times[0].median, found.times[0].worst
    assert middle is not None
    assert worst is None or worst >= middle
    assert [band.low <= band.middle <= band.high for band in found.bands].count(False) == 0
    assert json.loads(json.dumps(plain(found)))["nights"] == 6
    for drawn in (
        pictures.coverage("covered", "minutes", [("red", found), ("orange", found)]),
        pictures.ends("ends", "share", [("", found)], {"silent": "<silent>"}),
    ):
        assert ET.fromstring(drawn).tag.endswith("svg")  # noqa: S314 - our own


def test_never_is_later_than_any_time() -> None:
    assert quantile([1.0, None, 3.0, 2.0], 0.5) == 2.0  # the second of four
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([4.0, 3.0, 2.0, 1.0, None], 0.8) == 4.0  # the fourth of five
    assert quantile([4.0, 3.0, 2.0, 1.0, None], 0.81) is None  # the fifth
    twenty = [float(n) for n in range(1, 21)]
    assert quantile(twenty, 0.95) == 19.0
    assert quantile(twenty, 1 - 0.95) == 1.0  # by binary fractions a little more than 0.05
    assert quantile([None, None, 1.0], 0.5) is None
    assert quantile([], 0.5) is None


def test_what_would_help_most_is_said_first(stage: Stage, file: Path, tmp_path: Path) -> None:
    """Nobody answers a text, but those who are told as alternates do, and calls wake everybody."""
    people = (People(channel="voice", median_s=5.0, spread=0.0), People(notices=0.0))
    scenario = replace(PERFECT, people=people)
    copy = tmp_path / "city.sqlite3"
    copy.write_bytes(file.read_bytes())
    before = play(stage, file, scenario, [1])
    tried = whatif.changes(batch(copy, scenario), stage.census, before)
    kinds = {change.kind for change in tried}
    assert kinds == {"gateway", "modem", "voice", "alternate"}
    found = whatif.gains(tried, before, lambda _more: None, 1)
    assert found[0].kind == "voice"
    assert found[0].waited_min > 20  # from the third minute instead of never
    assert found[0].silent == -found[-1].silent + found[0].silent
    assert [gain.waited_min for gain in found] == sorted(
        (gain.waited_min for gain in found), reverse=True
    )


def test_of_a_silence_its_superior_must_hear_and_who_stands_in_where_they_cant_come(
    stage: Stage,
) -> None:
    """Night 3410 was said to break a promise: its superior had answered 不在岗."""
    census, roles = stage.census, nights.RED.ladder_roles
    grid = next(no for no, place in census.places.items() if place.path.endswith("001G0/"))
    stairs = next(no for no, place in census.places.items() if place.path.endswith("G0B0/"))
    post = next(held for held in census.held.values() if held[0].unit_no == grid)
    leader, alternate = (each.person_no for each in post)
    assert census.leads_above(stairs, roles) == {leader}
    assert census.leads_above(stairs, roles, gone={alternate}) == {leader}
    assert census.leads_above(stairs, roles, gone={leader}) == {leader, alternate}


def test_a_rehearsal_has_nobodys_name_or_number(file: Path, stage: Stage) -> None:
    content = file.read_bytes()
    for person in nights.roster().people.values():
        for phone in person.phones:
            assert phone.encode() not in content
    census = stage.census
    assert census.behind
    assert all(scratch.address_of(scratch.made_up(no)) == no for no in census.behind)
    assert scratch.address_of("+8613800000000") == 0


def test_the_command_plays_nights_and_writes_figures_and_pictures(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'name = "t"\n[alert]\ntemplate = "typhoon-red"\nareas = ["330281001"]\n'
        'roles = ["grid_leader"]\npolicy = "red"\n',
        encoding="utf-8",
    )
    options = ["--sample", "0.05", "--seeds", "1", "--processes", "1", "--json"]
    options += ["--policy", "red", "--policy", "orange", "--out", str(tmp_path / "out")]
    said = alertd(tmp_path / "data", "drill", "simulate", str(plan), *options)
    assert said.code == 0, said.out + said.err
    found = said.document
    assert [each["policy"] for each in found["batches"]] == ["red", "orange"]
    assert all(each["nights"] == 1 and not each["broken"] for each in found["batches"])
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"simulation.json", "coverage.svg", "ends.svg"}
    assert not (tmp_path / "data").exists(), "the simulator wrote to the city's folder"
