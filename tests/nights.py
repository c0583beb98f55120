"""Hostile nights on a tiny city: the simulator as a test of the engine.

    python -m tests.nights --seeds 0-99

A seed decides all of it: how gateways fail, who sleeps, what is lost, when we are killed, whether
the alert is live, a drill of real routes or a simulated one. A breach is printed with its seed.
"""

import argparse
import datetime as dt
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from alertd import messages
from alertd.decide.expand import Pieces
from alertd.decide.plan import Route
from alertd.engine.library import Library
from alertd.model import Channel, Policy, Stage, StageRule, Status, Step
from alertd.store import dialect, migrate, scratch
from alertd.store.database import Store
from alertd.store.identity import SequentialIds
from alertd.store.roster import import_roster
from drills.plan import Loss, LossKind, Plan, from_dict
from drills.simulate import stage
from drills.simulate.batch import Batch
from drills.simulate.dice import Dice
from drills.simulate.figures import NightFigures
from drills.simulate.scenario import Hands, People, Phones, Quality, Scenario, Speakers
from drills.simulate.task import Task
from rosters.export import Style, roster_files, write_roster
from rosters.model import ChatGroup, Holding, Person, Roster, Terminal, Unit
from rosters.parse import check
from rosters.words import Level

ZONE = ZoneInfo("Asia/Shanghai")
START = dt.datetime(2027, 5, 12, 1, 0, tzinfo=ZONE)
CITY, INSIDE, OUTSIDE = "330281", "330281001", "330281002"
RED = Policy(
    name="red",
    stages=(StageRule(stage=Stage.RECEIVED, due_min=15),),
    steps=(
        Step(after_min=2, do=("remind",), channels=("other",)),
        Step(after_min=3, do=("call",)),
        Step(after_min=5, do=("alternate", "parent")),
        Step(after_min=10, do=("grandparent", "door_knock")),
        Step(after_min=15, do=("duty_desk",)),
    ),
)
PIECES = Pieces(first_people=3, most=5)


def roster() -> Roster:
    """Two towns of two grids; shared phones, people with two duties, duties without alternates."""
    units = [Unit(CITY, "", "city", Level.CITY, "")]
    people, holdings = (
        [Person(person_id="desk", name="desk", phones=("+8615500009999",))],
        [Holding("desk", CITY, "city_duty", 1, ("city_duty",))],
    )

    def post(code: str, role: str, rank: int, phone: int, second: int = 0) -> None:
        name = f"p{len(people)}"
        phones = [f"+86155000{n:05d}" for n in (phone, second) if n]
        people.append(Person(person_id=name, name=name, phones=tuple(phones)))
        holdings.append(Holding(name, code, role, rank, (role,)))

    number = 0
    for town in (OUTSIDE, INSIDE):
        units.append(Unit(town, "", f"town {town}", Level.SUBDISTRICT, CITY))
        post(town, "subdistrict_lead", 1, number := number + 1)
        community = f"{town}001"
        units.append(Unit(community, "", f"community {community}", Level.COMMUNITY, town))
        post(community, "community_lead", 1, number := number + 1)
        for place in range(2):
            grid = f"{community}G{place}"
            units.append(Unit(grid, "", f"grid {grid}", Level.GRID, community))
            post(grid, "grid_leader", 1, number := number + 1, number + 500)
            post(grid, "grid_leader", 2, number := number + 1)
            for stair in range(2 + place):
                building = f"{grid}B{stair}"
                units.append(Unit(building, "", f"stairs {building}", Level.BUILDING, grid))
                post(building, "building_lead", 1, number := number + 1)
                if stair:  # the first stairwell has no alternate, the others share a phone
                    post(building, "building_lead", 2, 9_000 + place)
    # One leader has a second post in the other grid.
    second = next(h.person_id for h in holdings if h.unit_code == f"{INSIDE}001G0")
    holdings.append(Holding(second, f"{INSIDE}001G1B0", "building_lead", 2, ("building_lead",)))
    return Roster(
        units={each.code: each for each in units},
        facts={},
        people={each.person_id: each for each in people},
        holdings={each.key: each for each in holdings},
        terminals={
            f"T{n}": Terminal(f"T{n}", town, "gate", 121.1, 30.0)
            for n, town in enumerate((INSIDE, INSIDE, OUTSIDE))
        },
        groups={"G1": ChatGroup("G1", INSIDE, "webhook", "https://chat.invalid/1", "whsec_c2Vj")},
    )


def build(folder: Path) -> Path:
    """The tiny city as a scratch file."""
    url = f"sqlite:///{folder / 'tiny.sqlite3'}"
    migrate.upgrade(url)
    write_roster(roster(), folder / "roster", Style(unmasked=True))
    store = Store(url, scratch.vault(), node=scratch.NODE, synchronous="OFF")
    now, day = round(START.timestamp() * 1000), START.date()
    with store.transaction(now) as tx:
        checked = check(roster_files(folder / "roster"), today=day)
        ids = SequentialIds("tiny", at=now)
        import_roster(tx, checked, ids=ids, by="test", why="test", now=now)
    store.close()
    reader = dialect.reader(url)
    with reader.begin() as connection:
        scratch.make(connection, folder / "scratch.sqlite3")
    reader.dispose()
    return folder / "scratch.sqlite3"


def storm(seed: int) -> Scenario:
    """A night that the seed makes: anything may go wrong in it."""
    dice = Dice(seed)

    def upto(most: float, *name: object) -> float:
        return round(dice.share("storm", *name) * most, 4)

    def sms(name: str) -> Quality:
        return Quality(
            answer_s=0.2 + upto(3, name, "answer"),
            fails=upto(0.25, name, "fails"),
            throttles=upto(0.1, name, "throttles"),
            throttle_s=5.0,
            refuses=upto(0.08, name, "refuses"),
            hangs=upto(0.35, name, "hangs"),
            stalls=upto(0.1, name, "stalls"),
            late=upto(0.08, name, "late"),
            receipts=upto(1, name, "receipts"),
            doubled=0.2,
            undelivered=upto(0.1, name, "undelivered"),
        )

    says = {"help": 0.06, "unavailable": 0.06, "unclear": 0.06, "done": 0.06}
    people = People(
        notices=0.05 + upto(0.95, "notices"), median_s=20 + upto(240, "median"), says=says
    )
    call = People(channel="voice", notices=0.7, median_s=20.0, says={"help": 0.1})
    return Scenario(
        name=f"storm {seed}",
        start=START,
        hours=0.8,
        grain_s=(2.0, 10.0)[seed % 2],
        people=(call, people),
        phones=Phones(
            dead=upto(0.25, "dead"),
            off_night=upto(0.3, "off"),
            battery_min=10.0,
            double=0.2,
            again=0.4,
        ),
        gateways={
            "gateway": sms("gateway"),
            "modems": sms("modems"),
            "calls": sms("calls"),
            "loudspeaker": Quality(answer_s=0.1, receipts=0.9, doubled=0.2),
            "chat": Quality(answer_s=0.1, fails=0.1),
        },
        speakers=Speakers(offline=upto(0.5, "offline"), partial=0.2, play_s=20.0),
        hands=(
            Hands(does="call", count=1, minutes=1.0, finds=0.5),
            Hands(does="knock", each="town", count=seed // 3 % 2, minutes=4.0, finds=0.6),
            Hands(does="help", count=int(dice.share("help") < 0.7), minutes=5.0),
        ),
        losses=tuple(_losses(dice)),
    )


def _losses(dice: Dice) -> Iterator[Loss]:
    for kind in (LossKind.BASE_STATION, LossKind.POWER, LossKind.NETWORK, LossKind.ROAD):
        if dice.share("lost", kind) < 0.3:
            begins = round(dice.share("from", kind) * 12, 2)
            lasts = 1 + round(dice.share("lasts", kind) * 12, 2)
            area = (INSIDE, f"{INSIDE}001G0")[int(dice.share("where", kind) * 2)]
            yield Loss(kind=kind, area=area, from_min=begins, to_min=begins + lasts)
    if dice.share("lost", "gateway") < 0.4:
        begins = round(dice.share("from", "gateway") * 6, 2)
        yield Loss(kind=LossKind.GATEWAY, route="gateway", from_min=begins, to_min=begins + 4.0)
    if dice.share("lost", "node") < 0.4:
        begins = round(dice.share("from", "node") * 12, 2)
        lasts = round(0.1 + dice.share("lasts", "node") * 3, 2)
        yield Loss(kind=LossKind.NODE, from_min=begins, to_min=begins + lasts)


def _route(name: str, channel: Channel, **more: object) -> Route:
    values: dict[str, object] = {
        "carries": frozenset(Status),
        "simulated": False,
        "in_flight": 6,
        "rate_per_s": 4.0,
        "burst": 6,
        "timeout_s": 10.0,
    }
    return Route(name=name, channel=channel, **(values | more))  # type: ignore[arg-type]


@cache
def _library() -> Library:
    return Library(policies={"red": RED}, templates=messages.load_library(), zone=ZONE)


@cache
def _plan() -> Plan:
    routes = ("gateway", "modems", "loudspeakers", "groups", "calls")
    return from_dict(
        {
            "name": "storm",
            "alert": {
                "template": "typhoon-red",
                "areas": [INSIDE],
                "roles": ["grid_leader", "building_lead"],
                "policy": "red",
            },
            "channels": dict.fromkeys(routes, "simulated"),
        }
    )


def task(seed: int) -> Task:
    """A live alert, a drill of real routes, or a simulated one."""
    kind = seed // 2 % 3
    simulated = kind == 0
    played = [
        _route("gateway", Channel.SMS),
        _route("loudspeakers", Channel.LOUDSPEAKER),
        _route("groups", Channel.CHAT),
    ]
    if seed % 4:
        played.append(_route("modems", Channel.SMS, rank=2, rate_per_s=1.0, in_flight=2, burst=2))
    if seed // 6 % 2:
        played.append(_route("calls", Channel.VOICE, in_flight=2))
    drills = frozenset({Status.EXERCISE, Status.TEST})
    decoys = [
        _route("decoy-drills", Channel.SMS, carries=drills),
        _route("decoy-live", Channel.SMS, carries=frozenset({Status.ACTUAL})),
        _route("decoy-speakers", Channel.LOUDSPEAKER),
    ]
    return Task(
        plan=_plan(),
        library=_library(),
        wording=messages.Wording({"zh-CN": "余姚市防指", "en": "Yuyao FCDH"}),
        played={each.name: replace(each, simulated=simulated) for each in played},
        decoys={each.name: each for each in decoys},
        status=Status.ACTUAL if kind == 2 else Status.EXERCISE,
        open_routes=not simulated,
    )


@contextmanager
def city(file: Path | None = None) -> Iterator[stage.Stage]:
    """The tiny city, opened; built where there is no file of it."""
    if file is not None:
        with stage.opened(file) as opened:
            yield opened
        return
    with tempfile.TemporaryDirectory() as folder, stage.opened(build(Path(folder))) as opened:
        yield opened


def play(opened: stage.Stage, seed: int) -> NightFigures:
    """One night of the storm."""
    batch = Batch(file=Path(), task=task(seed), scenario=storm(seed), pieces=PIECES)
    return batch.night(opened, seed)


def main() -> int:
    """Play the seeds that are asked for; 1 where one of them broke a promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0-19", help="FIRST-LAST")
    parser.add_argument("--city", type=Path, help="a file that `build` made")
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    broken = 0
    with city(options.city) as opened:
        for seed in range(first, last + 1):
            night = play(opened, seed)
            broken += bool(night.broken)
            shown = {"seed": seed, "fingerprint": night.fingerprint, "broken": night.broken}
            print(json.dumps(shown), flush=True)
    return min(broken, 1)


if __name__ == "__main__":
    sys.exit(main())
