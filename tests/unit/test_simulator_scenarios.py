"""Scenarios: read whole or not at all; the shipped ones fit, and say what they assume."""

import pytest

from drills.mistakes import PlanError
from drills.plan import Loss, LossKind
from drills.simulate import scenario
from drills.simulate.dice import Dice
from drills.simulate.losses import PHONES, ROADS, Losses
from rosters.sample_plan import towns

START = 1_810_054_800_000
MINUTE = 60_000


@pytest.mark.parametrize("name", scenario.shipped())
def test_a_shipped_scenario_fits_the_city(name: str) -> None:
    night = scenario.named(name)
    assert night.people
    assert {"sms", "loudspeaker"} <= set(night.gateways)
    known = {code for code, _ in towns()}
    assert {loss.area for loss in night.losses if loss.area} <= known
    assert {loss.route for loss in night.losses if loss.route} <= {r.name for r in night.routes}
    assert night.title("en") != night.title("zh-CN")


def test_what_a_scenario_leaves_out_is_as_usual() -> None:
    usual = scenario.parse("")
    own = scenario.parse("[phones]\ndead = 0.5\n[gateways.mine]\nfails = 0.25\n")
    assert own.phones.dead == 0.5
    assert own.phones.reports == usual.phones.reports
    assert own.quality("mine", "sms").fails == 0.25
    assert own.quality("other", "sms") == usual.gateways["sms"]
    learned = scenario.parse("", {"phones": {"again": 0.75}})
    assert (learned.phones.again, learned.phones.dead) == (0.75, usual.phones.dead)


def test_every_mistake_is_named_and_nothing_is_taken() -> None:
    with pytest.raises(PlanError) as refused:
        scenario.parse('hours = 0\nstrat = 1\n[phones]\ndead = 2.0\n[[losses]]\nkind = "flood"\n')
    named = {key for key, _, _ in refused.value.mistakes}
    assert {"hours", "strat", "phones.dead", "losses[0].kind"} <= named


def test_chance_depends_on_the_seed_and_the_name_alone() -> None:
    dice = Dice(7)
    assert dice.share("a", 1) == Dice(7).share("a", 1)
    assert len({dice.share("a", 1), dice.share("a", 2), Dice(8).share("a", 1)}) == 3
    drawn = [dice.after_s(60, 1.0, "delay", n) for n in range(2_000)]
    assert 54 < sorted(drawn)[1_000] < 66
    assert dice.after_s(60, 0, "delay", 1) == 60
    words = [dice.pick({"help": 0.25}, "says", n) for n in range(2_000)]
    assert 0.2 < words.count("help") / 2_000 < 0.3


def test_an_outage_lasts_as_long_as_what_follows_it() -> None:
    losses = Losses(
        START,
        60.0,
        (
            Loss(kind=LossKind.POWER, area="330281001", from_min=0.0, to_min=120.0),
            Loss(kind=LossKind.BASE_STATION, area="330281001", from_min=120.0, to_min=130.0),
            Loss(kind=LossKind.ROAD, area="330281002", from_min=0.0, to_min=5.0),
            Loss(kind=LossKind.GATEWAY, route="sms", from_min=1.0, to_min=2.0),
        ),
    )
    here, there = "330281/330281001/x/", "330281/330281002/"
    assert losses.back_at(PHONES, here, START + 59 * MINUTE) is None  # on batteries
    assert losses.back_at(PHONES, here, START + 61 * MINUTE) == START + 130 * MINUTE
    assert losses.back_at(PHONES, there, START + 61 * MINUTE) is None
    assert losses.back_at(ROADS, there, START) == START + 5 * MINUTE
    assert losses.route_back_at("sms", START + 90_000) == START + 2 * MINUTE
    assert losses.route_back_at("sms", START + 2 * MINUTE) is None
