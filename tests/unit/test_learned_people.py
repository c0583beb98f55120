"""How people answer, learned from what past alerts left: the parameters come back, and no names."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd.model import Status
from alertd.store import tables as t
from alertd.store.reads import behaviour as reads
from drills.learning import rules
from drills.learning.cells import Cell, foremost
from drills.learning.fitting import Usual, fit
from drills.learning.record import (
    LEAST_MESSAGES,
    LEAST_PEOPLE,
    Learned,
    Seen,
    Sources,
    learn,
    learned,
    written,
)
from drills.learning.trials import Answer, Sent, Watch, watch
from drills.plan import from_dict
from drills.simulate import scenario as scenarios
from drills.simulate import stage as stages
from drills.simulate.batch import Batch
from drills.simulate.dice import Dice
from drills.simulate.figures import NightFigures
from drills.simulate.scenario import Hands, People, Phones, Quality, Scenario
from drills.simulate.stage import Stage, opened
from tests import nights
from tests.city import sms_route
from tests.unit.drill_city import DrillCity, plan_of

MINUTE = 60_000
OVER = 120 * MINUTE
TRUE = {"sms": (0.55, 150.0, 1.0), "voice": (0.7, 25.0, 0.3)}
"""What the made-up people are: share, median, spread."""


def sent(at: int, channel: str = "sms", *, sure: bool = True, told: bool = True) -> Sent:
    cell = ("sms", "voice").index(channel)
    return Sent(cell, channel, at, at + 4_000 if told else None, sure)


def test_whoever_is_answered_for_is_watched_until_then_and_no_longer() -> None:
    seen = watch([sent(0)], [Answer(10 * MINUTE, "")], OVER)
    assert seen is not None
    assert seen.word == ""
    (silent,) = seen.trials
    longer = watch([sent(0)], [], OVER)
    assert longer is not None
    assert silent.place < longer.trials[0].place


def test_a_message_that_may_never_have_arrived_ends_the_watch() -> None:
    whole = watch([sent(0), sent(2 * MINUTE, sure=False)], [Answer(3 * MINUTE, "done")], OVER)
    alone = watch([sent(0)], [], 2 * MINUTE)
    assert whole == alone
    assert watch([sent(0, sure=False)], [Answer(MINUTE, "done", ("sms",))], OVER) is None


def test_an_answer_belongs_to_what_it_can_answer() -> None:
    both = [sent(0), sent(MINUTE, "voice")]
    called = watch(both, [Answer(2 * MINUTE, "received", ("voice",))], OVER)
    assert called is not None
    assert [(trial.cell, trial.may) for trial in called.trials] == [(0, False), (1, True)]
    before = watch(both, [Answer(30_000, "received", ("voice",))], OVER)
    assert before is not None
    assert before.word == "", (
        "a key pressed before there was a call ends the watch, and is no answer"
    )


def test_a_phone_that_was_away_is_watched_from_when_it_was_there() -> None:
    away = Sent(0, "sms", 0, 30 * MINUTE, sure=True)
    late = watch([away], [], 60 * MINUTE)
    assert late == watch([Sent(0, "sms", 0, 1_000, sure=True)], [], 30 * MINUTE)


def made_up(number: int, on: float | None = None) -> Watch | None:
    """Somebody who is told at once, reminded after three minutes and called after five.

    Where no gateway tells, `on` is the share of messages that arrive.
    """
    dice, first, messages = Dice(11), None, []
    for place, (minute, channel) in enumerate([(0, "sms"), (3, "sms"), (5, "voice")]):
        at = minute * MINUTE
        if first is not None and first.at <= at:
            break
        messages.append(sent(at, channel, told=on is None))
        share, median_s, spread = TRUE[channel]
        share *= on or 1.0
        if first is not None or dice.share("notices", number, place) >= share:
            continue  # whoever is going to answer pays no heed to the next
        answered = at + round(dice.after_s(median_s, spread, "delay", number, place) * 1000)
        first = Answer(answered, "received", (channel,))
    helped = Answer(round(dice.after_s(600, 0.8, "helped", number) * 1000), "")
    return watch(messages, [helped, *([first] if first else [])], OVER)


def test_share_and_times_come_back_though_most_watches_are_cut_short() -> None:
    watches = Counter(each for number in range(8_000) if (each := made_up(number)))
    usual = [Usual(notices=0.9, median_s=60.0, spread=0.6)] * 2
    text, call = fit(watches, usual)
    for found, (share, median_s, spread) in ((text, TRUE["sms"]), (call, TRUE["voice"])):
        assert found.notices == pytest.approx(share, abs=0.05)
        assert found.median_s == pytest.approx(median_s, rel=0.08)
        assert found.spread == pytest.approx(spread, abs=0.06)
    # What is simply counted says something else: many had no time to answer.
    assert text.answers / text.messages < TRUE["sms"][0] - 0.1


def test_phones_that_are_off_arent_held_against_people_where_nothing_tells() -> None:
    watches = Counter(each for number in range(4_000) if (each := made_up(number, on=0.8)))
    usual = [Usual(notices=0.9, median_s=60.0, spread=0.6, on=0.8)] * 2
    text, _ = fit(watches, usual)
    assert text.notices == pytest.approx(TRUE["sms"][0], abs=0.05)


def test_a_few_watches_say_little_against_what_is_usual() -> None:
    usual = Usual(notices=0.8, median_s=60.0, spread=0.9, says={"help": 0.01})
    few = Counter({watch([sent(0)], [], OVER): 2})
    (found,) = fit({each: n for each, n in few.items() if each}, [usual])
    assert found.notices == pytest.approx(0.8 * 20 / 22, abs=0.01)
    assert found.median_s == pytest.approx(60, rel=0.01)
    assert found.says["help"] == pytest.approx(0.01)


# A world whose people are known, and what its record says of them.

WORLD = Scenario(
    name="known",
    start=nights.START.replace(hour=9, minute=30),
    hours=0.3,
    grain_s=5.0,
    people=(
        People(channel="voice", notices=0.7, median_s=25.0, spread=0.4),
        People(notices=0.4, median_s=150.0, spread=1.0, says={"done": 0.3, "unclear": 0.05}),
    ),
    phones=Phones(dead=0.02, off_day=0.05, double=0.02, again=0.1),
    gateways={
        "sms": Quality(answer_s=0.4, fails=0.02, hangs=0.01, receipts=0.9, receipt_spread=1.0),
        "voice": Quality(answer_s=1.0),
    },
    hands=(Hands(does="call", count=4, minutes=1.5, finds=0.6),),
)
TEXTED = Cell("building_lead", (6, 22), "sms")
CALLED = Cell("building_lead", (6, 22), "voice")


@dataclass(frozen=True, slots=True)
class Known:
    """The known world, and what was learned of it from two nights."""

    batch: Batch
    stage: Stage
    found: Learned
    nights: Sequence[NightFigures]


@pytest.fixture(scope="module")
def known() -> Iterator[Known]:
    plan = {
        "name": "known",
        "alert": {
            "template": "typhoon-red",
            "areas": [nights.CITY],
            "roles": ["grid_leader", "building_lead"],
            "policy": "red",
        },
    }
    task = nights.task(6)  # simulated, with calls
    wide = {"in_flight": 200, "rate_per_s": 500.0, "burst": 200}
    played = {name: replace(task.played[name], **wide) for name in ("gateway", "calls")}
    task = replace(task, plan=from_dict(plan), played=played, decoys={})
    with (
        stages.sample(0.05, WORLD.start.date()) as file,
        opened(file) as stage,
    ):
        batch = Batch(file=file, task=task, scenario=WORLD, deep=False)
        seen = Seen()
        played = [look(seen, batch, stage, seed) for seed in (1, 2)]
        yield Known(batch, stage, learned(seen), played)


def look(seen: Seen, batch: Batch, stage: Stage, seed: int) -> NightFigures:
    """Play a night, and add what its record shows."""
    night = batch.night(stage, seed)
    assert night.broken == ()
    start = batch.scenario.start_ms
    alert = reads.Past(
        no=1,
        status=Status.EXERCISE,
        version=1,
        issued_at=start,
        over_at=start + round(batch.scenario.hours * 3_600_000),
        simulated=True,
    )
    store = stage.rehearsals.reopen()
    with store.read() as connection:
        seen.look(connection, alert, Sources(zone=nights.ZONE, simulated=True))
    store.close()
    return night


def test_what_people_of_a_world_do_is_learned_from_its_record(known: Known) -> None:
    found = {cell: (one, people) for cell, one, people in known.found.cells}
    texted, people = found[TEXTED]
    assert people > 300
    assert texted.notices == pytest.approx(0.4, abs=0.05)
    assert texted.median_s == pytest.approx(150, rel=0.15)
    assert texted.spread == pytest.approx(1.0, abs=0.15)
    assert texted.says["done"] == pytest.approx(0.3, abs=0.06)
    assert texted.says["unclear"] == pytest.approx(0.05, abs=0.03)
    called, _ = found[CALLED]
    assert called.notices == pytest.approx(0.7, abs=0.1)
    assert called.median_s == pytest.approx(25, rel=0.2)
    assert called.spread == pytest.approx(0.4, abs=0.15)


def test_a_night_by_what_was_learned_is_like_the_world_and_unlike_the_usual(known: Known) -> None:
    given = rules.behaviour(rules.rules(known.found))
    soon = {"world": answered_soon(known.nights)}
    for name, people in (
        ("learned", scenarios.parse("", given).people),
        ("usual", scenarios.usual().people),
    ):
        batch = replace(known.batch, scenario=replace(WORLD, people=people))
        soon[name] = answered_soon([batch.night(known.stage, 9)])
    assert soon["learned"] == pytest.approx(soon["world"], abs=0.05)
    assert soon["usual"] > soon["world"] + 0.1


def answered_soon(played: Sequence[NightFigures]) -> float:
    """The share of duties that were answered within two minutes."""
    times = [at for night in played for at in night.covered_duties]
    return sum(at <= 2 for at in times) / sum(night.duties for night in played)


def test_nothing_is_written_of_a_few_people_or_messages(known: Known) -> None:
    text = rules.document(known.found, ["heads"], str)
    own = scenarios.parse(text).people
    kept = [cell for cell, _, _ in written(known.found.cells)]
    assert TEXTED in kept
    assert [(rule.roles, rule.hours, rule.channel) for rule in own] == [
        ((cell.role,), cell.hours, cell.channel) for cell in kept
    ]
    assert text.count("# ") == 1 + len(own), "each rule says what it rests on"
    few_people = [(cell, one, LEAST_PEOPLE - 1) for cell, one, _ in known.found.cells]
    assert rules.rules(replace(known.found, cells=tuple(few_people))) == []
    few = [(c, replace(one, messages=LEAST_MESSAGES - 1), n) for c, one, n in known.found.cells]
    assert rules.rules(replace(known.found, cells=tuple(few))) == []


# What is learned from.


def test_somebody_of_several_roles_counts_for_the_first_of_the_hierarchy() -> None:
    assert foremost(["volunteer", "grid_leader", "building_lead"]) == "grid_leader"
    assert foremost(["our_own", "volunteer"]) == "volunteer"


def test_only_drills_that_reached_people_teach_and_what_follows_them_does_not(
    tmp_path: Path,
) -> None:
    drills = DrillCity(tmp_path / "city", routes=(sms_route(simulated=False),))
    no = drills.run(plan_of(channels={"sms-1": "real"}))
    alert_no = drills.row(no).alert_no
    drafted = drills.city.one(select(t.alert.c.id).where(t.alert.c.no == alert_no))
    drills.city.approve({"id": drafted.id.hex()}, drills.second)
    drills.city.forward(seconds=30)
    leader = next(iter(drills.told(alert_no)))
    drills.city.reply(drills.city.phone_of(leader), "1")
    drills.city.forward(seconds=10)
    sources = Sources(zone=nights.ZONE)
    assert counted(drills, sources)[:2] == (0, 0), "it is under way"
    drills.stop(no)
    drills.city.forward(seconds=10)
    alerts, messages, answers = counted(drills, sources)
    assert alerts == 1, "the notice of its end asks for no answer"
    assert messages >= len(drills.told(alert_no)) - 5
    assert answers == 1
    assert counted(drills, replace(sources, mute={"sms-1"}))[1:] == (0, 0)
    live = drills.city.issue(areas=["330281001"])
    over = [drills.city.reference(live)]
    drills.city.issue("all-clear", "red", areas=["330281001"], references=over)
    drills.city.forward(seconds=1)
    assert counted(drills, sources)[0] == 1
    assert counted(drills, replace(sources, live=True))[0] == 2


def counted(drills: DrillCity, sources: Sources) -> tuple[int, int, int]:
    with drills.city.store.read() as connection:
        found = learn(connection, sources)
    return found.drills + found.live, found.messages, found.answers
