"""Other settings in a random week: routes go and come back, get slower; policies change.

They count from a start on, and find alerts under way that were planned by the ones before.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from alertd.decide.plan import Route
from alertd.model import Channel, Policy
from tests.city import library
from tests.faults.random_world import World

Routes = tuple[Route, ...]


def settings(world: World) -> None:
    """All processes are ended, and started with what changed in between."""
    change = world.dice.choice(CHANGES)
    world.kill_all()
    change(world)
    world.start_all()


def a_route_goes(world: World) -> None:
    """One for SMS stays: without any, replies would come from nowhere."""
    here = world.city.routes
    sms = [each for each in here if each.channel == Channel.SMS]
    gone = world.dice.choice([each for each in here if len(sms) > 1 or each not in sms])
    world.gone.append(gone)
    _serve(world, [each for each in here if each is not gone])
    world.say(f"   {gone.name} is gone")


def a_route_comes_back(world: World) -> None:
    if world.gone:
        back = world.gone.pop(world.dice.randrange(len(world.gone)))
        _serve(world, [*world.city.routes, back])
        world.say(f"   {back.name} is back")


def all_come_back(world: World) -> None:
    """What has waited for them goes out."""
    if world.gone:
        world.kill_all()
        while world.gone:
            a_route_comes_back(world)
        world.start_all()


def other_limits(world: World) -> None:
    """Such as a modem in the gateway's place."""
    dice = world.dice
    chosen = dice.choice(world.city.routes)
    other = _slower(dice, chosen)
    _serve(world, [other if each is chosen else each for each in world.city.routes])
    world.say(f"   {other.name}: {other.in_flight} at once, {other.rate_per_s} a second")


def other_policies(world: World) -> None:
    """By another colour's rules from now on; an alert keeps those that it was issued with."""
    dice, old = world.dice, world.city.library.policies
    colours = sorted(old)
    first, second = dice.sample(colours, 2)
    policies: dict[str, Policy] = {**old, first: old[second], second: old[first]}
    for process in world.node.processes:
        process.city.policies = policies
        process.city.library = library(policies, process.city.zone)
    world.say(f"   {first} and {second} change places")


def _slower(dice: random.Random, route: Route) -> Route:
    rate, at_once = dice.choice([0.2, 1.0, 1e6]), dice.choice([1, 2, 10_000])
    return replace(route, rate_per_s=rate, in_flight=at_once, burst=at_once)


def _serve(world: World, routes: Sequence[Route]) -> None:
    for process in world.node.processes:
        process.city.routes = tuple(routes)


CHANGES: tuple[Callable[[World], None], ...] = (
    *(a_route_goes, a_route_goes, a_route_comes_back, a_route_comes_back),
    *(other_limits, other_policies),
)
