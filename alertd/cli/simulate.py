"""`alertd drill simulate`: play a plan in many simulated nights, with nobody woken."""

import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from alertd.cli import show, simulated
from alertd.cli.behaviour import Behaviour, Wanted, choose
from alertd.cli.logs import configure
from alertd.cli.options import Json, today
from alertd.cli.plan_word import is_known, plan_of
from alertd.cli.reading import reading
from alertd.cli.words import LANGUAGE, _
from alertd.decide.plan import Route
from alertd.errors import AlertdError, InvalidInputError
from alertd.i18n import N_
from alertd.lanes import service_of
from alertd.model import Channel, Status
from alertd.provision import library_of, route_config, wording_of
from alertd.settings import RouteSettings, Settings, load
from channels.kinds import kind_of
from drills.plan import Plan, Way
from drills.simulate import scenario as scenarios
from drills.simulate import stage, whatif
from drills.simulate.batch import Batch
from drills.simulate.figures import NightFigures
from drills.simulate.scenario import Scenario
from drills.simulate.summary import Summary, summarise
from drills.simulate.task import Task, played, sample_route

_MOST_POLICIES: Final = 2


class BrokenPromiseError(AlertdError):
    """A simulated night has found a defect of alertd itself."""

    code = "broken-promise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed."""

    plan: str
    scenario: str
    seed: int
    seeds: int
    policies: tuple[str, ...]
    sample: float | None
    processes: int | None
    people: Wanted

    def replay(self, seed: int, policy: str) -> str:
        """The command that plays one night again, exactly."""
        words = ["alertd", "drill", "simulate", self.plan, "--scenario", self.scenario]
        words += ["--seed", str(seed), "--seeds", "1"]
        words += ["--policy", policy] if policy else []
        words += ["--sample", f"{self.sample:g}"] if self.sample is not None else []
        words += self.people.words()
        return shlex.join(words)


def simulate(  # noqa: D103 - its help says it
    plan: Annotated[
        str,
        typer.Argument(
            metavar="PLAN", help=_("A saved plan's name, its TOML file, or a shipped example.")
        ),
    ],
    scenario: Annotated[
        str, typer.Option(metavar="NAME|FILE", help=_("The night around it: shipped, or a file."))
    ] = "calm",
    seed: Annotated[int, typer.Option(help=_("The first night's; the same is the same."))] = 1,
    seeds: Annotated[int, typer.Option(min=1, max=1_000_000, help=_("How many nights."))] = 20,
    policy: Annotated[
        list[str] | None,
        typer.Option(help=_("In place of the plan's; give two to compare them side by side.")),
    ] = None,
    learned: Annotated[
        bool | None,
        typer.Option(
            "--learned/--as-usual",
            help=_(
                "People as past drills show, or as shipped; else learned where there is enough."
            ),
            show_default=False,
        ),
    ] = None,
    people: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=_("People as the rules of this file say.")),
    ] = None,
    what_if: Annotated[
        bool, typer.Option("--what-if", help=_("Say which one thing more would help most."))
    ] = False,
    sample: Annotated[
        float | None,
        typer.Option(metavar="SCALE", help=_("A sample city in place of the roster; 1 for Yuyao.")),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, max=1_024, help=_("How many at once; else one a core."))
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help=_("A folder for the figures and the pictures."))
    ] = None,
    as_json: Json = False,
) -> None:
    configure("error")
    policies = tuple(policy or [""])
    if len(policies) > _MOST_POLICIES:
        raise InvalidInputError("Two policies can be compared, and no more.", field="policy")
    if people is not None and learned is not None:
        raise InvalidInputError(
            "--people stands in place of --learned and --as-usual.", field="people"
        )
    asked = Asked(
        plan=plan,
        scenario=scenario,
        seed=seed,
        seeds=seeds,
        policies=policies,
        sample=sample,
        processes=processes,
        people=Wanted(learned=learned, file=people),
    )
    played_ = _play(asked, what_if=what_if)
    document = simulated.document(played_, asked.seed)
    if out is not None:
        simulated.write(played_, document, out)
    show.answer(document, as_json=as_json, human=lambda: simulated.tables(played_))
    _refuse_broken(asked, played_)


def _play(asked: Asked, *, what_if: bool) -> simulated.Played:
    settings = load()
    with ExitStack() as stack:
        ground = _ground(stack, settings, asked)
        file, plan, night = ground.file, ground.plan, ground.scenario
        base = Batch(file=file, task=_task(settings, plan, night, asked), scenario=night)
        base.task.library.policy(base.task.named_policy or "red")
        with stage.opened(file) as opened:
            census = opened.census
        found: list[tuple[str, Summary]] = []
        gains: list[whatif.Gain] = []
        for policy in asked.policies:
            batch = replace(base, task=replace(base.task, policy=policy))
            nights = _nights(asked, batch, policy)
            found.append((policy, summarise(nights, night.hours * 60, plan)))
            if what_if and not gains:
                gains = _gains(asked, batch, census, nights)
        return simulated.Played(
            plan=plan.title(LANGUAGE),
            scenario=night.title(LANGUAGE),
            behaviour=ground.behaviour,
            batches=tuple(found),
            gains=tuple(gains) if what_if else None,
            names={no: place.name for no, place in census.places.items()},
        )


def _nights(asked: Asked, batch: Batch, policy: str) -> list[NightFigures]:
    label = _("Simulating nights")
    if policy:
        label = f"{label} ({policy})"
    seeds = range(asked.seed, asked.seed + asked.seeds)
    with show.counting(label, asked.seeds) as told:
        return batch.run(seeds, told, asked.processes)


def _gains(
    asked: Asked, batch: Batch, census: Any, nights: Sequence[NightFigures]
) -> list[whatif.Gain]:
    tried = whatif.changes(batch, census, nights)
    with show.counting(_("Trying one thing more"), len(tried) * len(nights)) as told:
        return whatif.gains(tried, nights, told, asked.processes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What the nights are played on: the city, the plan, and the world around it."""

    file: Path
    plan: Plan
    scenario: Scenario
    behaviour: Behaviour


def _ground(stack: ExitStack, settings: Settings, asked: Asked) -> _Ground:
    """Read all that is needed of the city, which isn't held on to while nights are played."""
    text = scenarios.text_of(asked.scenario)
    with ExitStack() as looking:
        city = looking.enter_context(reading(settings)) if _reads(settings, asked) else None
        plan = plan_of(asked.plan, city).plan
        learns = asked.sample is None or asked.people.learned
        people = choose(asked.people, text, city if learns else None, settings)
        night = scenarios.parse(text, people.given)
        if asked.sample is not None:
            with show.working(_("Making a sample city")):
                file = stack.enter_context(stage.sample(asked.sample, today(settings)))
        else:
            assert city is not None  # noqa: S101 - read wherever it isn't a sample's
            file = stack.enter_context(stage.set_up(city))
    return _Ground(file=file, plan=plan, scenario=night, behaviour=people)


def _reads(settings: Settings, asked: Asked) -> bool:
    """Whether the city's own store is needed; beside a sample city only where it is asked for."""
    if asked.sample is None or asked.people.learned:
        return True
    return not is_known(asked.plan) and settings.data_dir.is_dir()


def _task(settings: Settings, plan: Plan, night: Scenario, asked: Asked) -> Task:
    if asked.sample is not None:
        muted = set(plan.routes(Way.MUTED))
        given = {r.name: sample_route(r) for r in night.routes if r.name not in muted}
    else:
        there = {name: _route(name, route) for name, route in settings.routes.items()}
        given = played(plan, there)
    return Task(plan=plan, library=library_of(settings), wording=wording_of(settings), played=given)


def _route(name: str, given: RouteSettings) -> Route:
    """A route's limits, and nothing by which its gateway could be reached."""
    return Route(
        name=name,
        channel=Channel[kind_of(route_config(name, given)).name],
        carries=frozenset(Status),
        simulated=True,
        in_flight=given.in_flight,
        rate_per_s=given.rate_per_s,
        burst=given.burst,
        timeout_s=given.timeout_s,
        rank=given.rank,
        service=service_of(given.type),
        parts_per_day=given.parts_per_day,
        same_text_per_day=given.same_text_per_number_per_day,
    )


def _refuse_broken(asked: Asked, found: simulated.Played) -> None:
    broken = [(policy, each) for policy, summary in found.batches for each in summary.broken]
    for policy, (promise, what, seeds) in broken:
        show.note(_("Promise {no}: {what}").format(no=promise, what=what))
        show.note(f"  {asked.replay(seeds[0], policy)}")
    if broken:
        raise BrokenPromiseError(
            N_("A simulated night has broken a promise of alertd."),
            hint=N_("That is a defect of alertd: please report it with the command above."),
        )
