"""The simulator: nights of a whole city, by their size; memory, and how both grow with the city."""

import time
from zoneinfo import ZoneInfo

from figures import Figure, peak_mb
from ground import city

from alertd import messages
from alertd.engine.heap import settle_heap
from alertd.engine.library import Library
from alertd.policies import load_policies
from alertd.store import dialect
from drills.plan import Plan, from_dict
from drills.simulate import scenario, stage
from drills.simulate.batch import Batch
from drills.simulate.figures import NightFigures
from drills.simulate.task import Task, sample_route

_PLAN = {
    "name": "bench",
    "alert": {
        "template": "typhoon-red",
        "areas": ["330281"],
        "roles": ["grid_leader", "building_lead"],
        "policy": "red",
    },
}
_SIZES = (20_000, 200_000)


def run(*, quick: bool) -> list[Figure]:
    """A night at each size, in one process: as many run beside each other as there are cores."""
    plan = from_dict(_PLAN)
    found = []
    for people in _SIZES[:1] if quick else _SIZES:
        seconds, night = _night(people, plan)
        assert not night.broken, night.broken
        found.append(
            Figure(
                bench="simulator",
                what="a night of the whole city, one core",
                size=people,
                ours=60 / seconds,
                unit="nights/min",
                peak_mb=peak_mb(),
                note=f"{seconds:.1f} s; {night.grids:,} grids, {night.duties:,} duties,"
                f" {sum(night.messages.values()):,} messages, {night.steps:,} steps",
            )
        )
    return found


def _night(people: int, plan: Plan) -> tuple[float, NightFigures]:
    scene = scenario.named("calm")
    library = Library(
        policies=load_policies(), templates=messages.load_library(), zone=ZoneInfo("Asia/Shanghai")
    )
    task = Task(
        plan=plan,
        library=library,
        wording=messages.Wording({"zh-CN": "余姚市防指", "en": "Yuyao FCDH"}),
        played={route.name: sample_route(route) for route in scene.routes},
    )
    reader = dialect.reader(f"sqlite:///{city(people)}")
    with reader.begin() as source, stage.set_up(source) as file, stage.opened(file) as opened:
        batch = Batch(file=file, task=task, scenario=scene, deep=False)
        settle_heap()  # as each process does that plays nights
        began = time.process_time()
        night = batch.night(opened, 1)
        seconds = time.process_time() - began
    reader.dispose()
    return seconds, night
