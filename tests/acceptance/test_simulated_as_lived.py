"""A night as it is lived and as it is simulated: every ladder climbs for the same reasons.

One alert goes out over eight grids of a city of processes, whose people answer, leave it to their
alternates, are silent, or have numbers that don't exist. The same grids are then simulated, from
that city's own database, under the policy that it lived by.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import create_engine

from alertd import messages
from alertd.decide.plan import Route
from alertd.engine.library import Library
from alertd.model import Channel, Stage, Status, stage_of
from alertd.policies import load_policies
from drills.plan import from_dict
from drills.simulate import stage
from drills.simulate.figures import Rung, ladders
from drills.simulate.night import Night
from drills.simulate.scenario import People, Phones, Quality, Scenario
from drills.simulate.task import Task
from tests.acceptance.conftest import StartCity
from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.roll import Holder, every_phone, phones
from tests.acceptance.within import within

MINUTE_S = 2.0  # of the policy
EACH = 2  # grids that are alike
ALWAYS, NEVER = {"median_s": 0.3, "spread": 0.0}, {"notices": 0.0}
# How principals and alternates are, as the simulated phones say it and as a scenario does.
WAYS: Mapping[str, tuple[str, str, tuple[People, ...], Phones]] = {
    "all answer": ("ack", "ack", (People(**ALWAYS),), Phones()),
    "alternates answer": (
        *("silent", "ack"),
        (People(rank=2, **ALWAYS), People(**NEVER)),
        Phones(),
    ),
    "all are silent": ("silent", "silent", (People(**NEVER),), Phones()),
    "all numbers are dead": ("dead", "dead", (People(**NEVER),), Phones(dead=1.0, told_dead=1.0)),
}


@pytest.mark.timeout(300)
def test_every_ladder_climbs_for_the_same_reasons(living_city: StartCity) -> None:
    city = living_city(minute_s=MINUTE_S, speakers=None, postgresql=False)
    # A shared phone is read by one of several people, and the scenario can't say by whom.
    whose = {(phone, holder.person_id) for holder in city.roll.holders for phone in holder.phones}
    shared = Counter(phone for phone, _ in whose)
    leaders = [
        leader
        for leader in city.roll.of("grid_leader", rank=1)
        if is_own(leader, shared) and is_own(city.roll.leader(leader.unit, rank=2), shared)
    ][: EACH * len(WAYS)]
    assert len(leaders) == EACH * len(WAYS)
    groups = {
        way: [leader.unit for leader in leaders[place * EACH : (place + 1) * EACH]]
        for place, way in enumerate(WAYS)
    }
    for way, (principals, alternates, _, _) in WAYS.items():
        for unit in groups[way]:
            for rank, behaviour in ((1, principals), (2, alternates)):
                holder = city.roll.leader(unit, rank=rank)
                city.sms.behave(every_phone([holder]), behaviour)
    alert = city.issue("typhoon", "red", areas=[leader.unit for leader in leaders])
    relieved = [city.roll.leader(unit, rank=2) for unit in groups["alternates answer"]]
    within(that=lambda: alert.told(kind="takeover") >= phones(relieved))
    for alternate in relieved:  # the simulated phones answer an alert by themselves, and no other
        city.phone(alternate).replies("1")
    forsaken = {*groups["all are silent"], *groups["all numbers are dead"]}
    within(60, that=lambda: are_exhausted(alert, forsaken))

    engine = create_engine(city.server.database)
    with engine.connect() as connection:
        lived = first_stage(ladders(connection))
        with stage.set_up(connection) as file, stage.opened(file) as opened:
            simulated = {
                number: rungs
                for way in WAYS
                for number, rungs in first_stage(play(city, opened, way, groups[way])).items()
            }
    engine.dispose()
    assert {reason for rungs in lived.values() for reason, _ in rungs} == {
        *("no-answer", "steps-exhausted", "unreachable")
    }
    # The lived alert is this node's first, as the simulated one is.
    assert simulated == lived


def is_own(holder: Holder, shared: Mapping[str, int]) -> bool:
    """Whether nobody else has any of a holder's phones."""
    return all(shared[phone] == 1 for phone in holder.phones)


def are_exhausted(alert: Alert, units: set[str]) -> bool:
    """Whether the grids where nobody received it are these, with all rungs taken."""
    items = [item for item in alert.unanswered() if item["stage"] == "received"]
    assert {item["unit_code"]: item["exhausted"] for item in items} == dict.fromkeys(units, True)
    return True


def first_stage(found: Mapping[int, tuple[Rung, ...]]) -> dict[int, tuple[Rung, ...]]:
    return {no: rungs for no, rungs in found.items() if stage_of(no) is Stage.RECEIVED}


def play(
    city: LivingCity, opened: stage.Stage, way: str, units: list[str]
) -> Mapping[int, tuple[Rung, ...]]:
    _, _, people, numbers = WAYS[way]
    sent = {"template": "typhoon-red", "areas": units, "roles": ["grid_leader"], "policy": "red"}
    zone = ZoneInfo("Asia/Shanghai")
    route = Route(
        name="sms",
        channel=Channel.SMS,
        carries=frozenset(Status),
        simulated=False,
        in_flight=200,
        rate_per_s=2_000.0,
        burst=200,
        timeout_s=5.0,
    )
    night = Night(
        Task(
            plan=from_dict({"name": way, "alert": sent, "channels": {"sms": "real"}}),
            library=Library(
                policies=load_policies(city.folder / "config" / "policies"),
                templates=messages.load_library(),
                zone=zone,
            ),
            wording=messages.Wording({}),
            played={"sms": route},
            status=Status.ACTUAL,
            open_routes=True,
        ),
        Scenario(
            name=way,
            start=dt.datetime(2027, 5, 12, 9, tzinfo=zone),
            hours=20 * MINUTE_S / 3_600,
            grain_s=0.2,
            people=people,
            phones=numbers,
            gateways={"sms": Quality(answer_s=0.05, receipts=1.0, receipt_s=0.1)},
        ),
        opened.census,
        opened.rehearsals,
        1,
        keep_ladders=True,
    ).run()
    assert night.broken == ()
    return night.ladders
