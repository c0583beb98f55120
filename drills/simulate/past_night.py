"""A night that has been played, as whoever looks at it afterwards knows it."""

from collections.abc import Collection
from typing import Protocol

from alertd.decide.expand import Pieces
from alertd.model import Millis, Policy
from alertd.store.database import Store
from drills.simulate.census import Census
from drills.simulate.hands import Helpers
from drills.simulate.scenario import Scenario
from drills.simulate.scripted import Script
from drills.simulate.task import Task
from drills.simulate.world import World


class PastNight(Protocol):
    """`night.Night` after its end.

    Attributes:
        task: What was drilled.
        scenario: The world as it was drawn.
        census: The city.
        world: What was sent, and what came back.
        helpers: What the operators entered and did.
        script: The drill's; None: nothing of it is to be told.
        store: All that was written down.
        seed: Of all chance.
        pieces: How much of an expansion was written at once.
        deep: Also look through all that was written.
        keep_ladders: Have the figures say how each ladder climbed.
        alert_no: The alert.
        now: When it was over.
        steps: Of the engine.
    """

    task: Task
    scenario: Scenario
    census: Census
    world: World
    helpers: Helpers
    script: Script | None
    store: Store
    seed: int
    pieces: Pieces
    deep: bool
    keep_ladders: bool
    alert_no: int
    now: Millis
    steps: int

    @property
    def policy(self) -> Policy:
        """The one that the alert froze."""

    def superiors(self, unit: int, gone: Collection[int]) -> frozenset[int]:
        """Of whom somebody must hear that a unit is silent, where those in `gone` can't come."""
