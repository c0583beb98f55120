"""A small city with a real store and engine, a clock to wind forward, and phones to reply from.

Scenarios read as prose (MODELS, habit 10):

    city.issue("typhoon", "red"); city.forward(minutes=5); city.phone(grid_leader).replies("1")
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, tzinfo
from functools import cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from alertd import cap, messages
from alertd.decide.expand import Pieces
from alertd.decide.plan import Route
from alertd.decide.shares import Part
from alertd.engine import accept, approving, core, receive, settling
from alertd.engine.authority import Actor
from alertd.engine.core import Engine
from alertd.engine.library import Library
from alertd.engine.timekeeping import Timekeeper
from alertd.engine.turn import Turn
from alertd.messages import ShortForm, compose, load_library
from alertd.model import (
    FOREVER,
    MINUTE_MS,
    Channel,
    DeliveryState,
    Millis,
    Policy,
    Stage,
    StageRule,
    Status,
    Step,
)
from alertd.store import due
from alertd.store import tables as t
from alertd.store.database import Store
from alertd.store.identity import SequentialIds
from alertd.store.roster import import_roster
from alertd.store.vault import Vault
from channels.base import Accepted, Outcome, Outgoing, Receipt, ReceiptStatus, Reply, SendError
from rosters.parse import check
from rosters.sample import write_sample
from tests import databases

START = 1_760_000_000_000  # 2025-10-09 08:53:20 UTC
ZONE = ZoneInfo("Asia/Shanghai")
KEY = bytes(range(32))
OFFICER = Actor(no=1, id=b"o" * 16, name="officer", role="duty_officer", path="")
SECOND = Actor(no=2, id=b"s" * 16, name="second", role="approver", path="")

RED = Policy(
    name="red",
    stages=(StageRule(stage=Stage.RECEIVED, due_min=15),),
    steps=(
        Step(after_min=2, do=("remind",)),
        Step(after_min=3, do=("call",)),
        Step(after_min=5, do=("alternate", "parent")),
        Step(after_min=10, do=("grandparent", "door_knock")),
        Step(after_min=15, do=("duty_desk",)),
    ),
)


def sms_route(name: str = "sms-1", **changes: Any) -> Route:
    values: dict[str, Any] = {
        "name": name,
        "channel": Channel.SMS,
        "carries": frozenset(Status),
        "simulated": True,
        "in_flight": 10_000,
        "rate_per_s": 1e6,
        "burst": 10_000,
        "timeout_s": 10.0,
    }
    return Route(**(values | changes))


ROUTES = (
    sms_route(),
    sms_route("speakers", channel=Channel.LOUDSPEAKER),
    sms_route("groups", channel=Channel.CHAT),
)

Behave = Callable[[Outgoing], Accepted | SendError | None]
Gateways = Callable[[str, Outgoing], Accepted | SendError | None]


def accepts(_message: Outgoing) -> Accepted:
    return Accepted("ref")


@cache
def _templates() -> messages.Library:
    return load_library()


def library(policies: dict[str, Policy] | None = None, zone: tzinfo = ZONE) -> Library:
    """The shipped templates, with `policies` by colour; RED for all where there are none."""
    return Library(
        policies=policies or {colour.value: RED for colour in cap.Colour},
        templates=_templates(),
        zone=zone,
    )


def _import(store: Store, directory: Path, seed: int, scale: float, now: Millis) -> None:
    """Write a sample city's roster into a directory, and import it."""
    day = date(2025, 10, 9)
    made = write_sample(directory / "roster", seed=seed, today=day, scale=scale)
    ids = SequentialIds("roster", at=now)
    with store.transaction(now) as tx:
        import_roster(tx, check(made.files, today=day), ids=ids, by="test", why="test", now=now)


@cache
def _imported(seed: int, scale: float, *, postgresql: bool | None) -> Path:
    """Where a city is whose roster was just imported, made once for this process."""
    directory = databases.templates() / f"city-{seed}-{scale}-{postgresql}"
    url = databases.url_of(directory, postgresql=postgresql)
    databases.keep(directory)
    store = Store(url, Vault(KEY), node="test", synchronous="NORMAL")
    _import(store, directory, seed, scale, START)
    store.close()
    return directory


@dataclass
class City:
    """See the module; `sent` is what has left, as the peers saw it."""

    directory: Path
    routes: Sequence[Route] = ROUTES
    policies: dict[str, Policy] = field(default_factory=dict)
    scale: float = 0.05
    seed: int = 7
    now: Millis = START
    zone: tzinfo = ZONE
    behave: Behave = accepts  # None: the try hangs and never ends
    gateways: Gateways | None = None  # in place of `behave`: is told by which route as well
    sent: list[Outgoing] = field(default_factory=list)
    hanging: list[Outgoing] = field(default_factory=list)
    replies: int = 0
    boot: int = 0
    pieces: Pieces = field(default_factory=Pieces)
    fresh: bool = True  # False: the directory has a city already
    like: Path | None = None  # the directory of another, closed one, as whose copy it begins
    part: Part = field(default_factory=Part)
    postgresql: bool | None = None  # None: as the run of the tests says
    url: str = ""  # a database that the test has made itself
    name: str = "test"  # of this process's ids
    link: str = ""  # to a person's own page, as messages.Wording has it
    synchronous: str = "NORMAL"  # as Store has it; most tests cut no power
    keeper: Timekeeper | None = None  # None: `now` is what the test says

    def __post_init__(self) -> None:
        self.library = library(self.policies, self.zone)
        self.ids = SequentialIds(self.name, at=self.now)
        copied = self.fresh and self._copied()
        self.url = self.url or databases.url_of(self.directory, postgresql=self.postgresql)
        self.start()
        if self.fresh and not copied:
            _import(self.store, self.directory, self.seed, self.scale, self.now)

    def _copied(self) -> bool:
        """Begin as a copy of a city that was imported once, where nothing is special."""
        at = (self.directory, self.postgresql)
        if self.url or self.now != START or databases.exists(at[0], postgresql=at[1]):
            assert self.like is None
            return False
        template = self.like or _imported(self.seed, self.scale, postgresql=self.postgresql)
        databases.copy(template, self.directory, postgresql=self.postgresql)
        shutil.copytree(template / "roster", self.directory / "roster", dirs_exist_ok=True)
        return True

    def start(self) -> None:
        """A fresh process: nothing remembered but what is on disk."""
        self.boot += 1
        self.store = Store(self.url, Vault(KEY), node="test", synchronous=self.synchronous)
        databases.opened.append(self.store)
        self.engine = Engine(
            store=self.store,
            routes={route.name: route for route in self.routes},
            library=self.library,
            wording=messages.Wording({"zh-CN": "余姚市防指", "en": "Yuyao FCDH"}, link=self.link),
            ids=self.ids,
            lease=f"boot-{self.boot}",
            pieces=self.pieces,
            part=self.part,
        )
        self.engine.load_live_alerts(self.now)

    def restart(self) -> None:
        """Killed and started again: tries in flight are lost with it."""
        self.store.close()
        self.hanging.clear()
        self.start()

    # What people do.

    def take(self, item: Callable[[Turn], Any]) -> Any:
        """Have the engine take one input; raises what it refused it with."""
        value = self.hand_in(item)
        self.settle()
        return value

    def hand_in(self, item: Callable[[Turn], Any]) -> Any:
        """The same in one step, after which more may be to do at this moment."""
        step = self._step([item])
        self._hand_over(step.handovers)
        (answer,) = step.answers
        if answer.error is not None:
            raise answer.error
        return answer.value

    def draft(
        self,
        template: str = "typhoon",
        colour: str = "red",
        *,
        areas: Sequence[str] = ("330281",),
        roles: Sequence[str] = ("grid_leader", "building_lead"),
        status: str = "Actual",
        actor: Actor = OFFICER,
        references: Sequence[cap.Reference] = (),
        identifier: str | None = None,
        valid_min: int | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Write an alert down; returns {no, id, short_code}."""
        short = ShortForm.from_dict(
            {
                "template": template,
                "colour": colour,
                "areas": list(areas),
                "roles": list(roles),
                "status": status,
                **({} if valid_min is None else {"valid_min": valid_min}),
            }
        )
        name = identifier or f"test-{self.ids.uuid().hex()}"

        def write(turn: Turn) -> dict[str, Any]:
            """By the step's own time: another process may just have set it."""
            alert = compose(
                short,
                self.library.templates.select(template, colour),
                identifier=name,
                sender="test@alertd.example",
                sent_at=turn.now,
                zone=self.zone,
                references=references,
            )
            return accept.draft(turn, actor, accept.Draft(alert=alert, **options))

        result: dict[str, Any] = self.take(write)
        return result

    def approve(self, drafted: dict[str, Any], actor: Actor = SECOND, **options: Any) -> None:
        """Agree to it; it goes out."""
        self.take(
            partial(
                approving.approve, actor=actor, alert_id=bytes.fromhex(drafted["id"]), **options
            )
        )

    def issue(self, *arguments: Any, **options: Any) -> int:
        """Draft and approve; returns the alert's number."""
        drafted = self.draft(*arguments, **options)
        self.approve(drafted)
        return int(drafted["no"])

    def reference(self, alert_no: int) -> cap.Reference:
        """What a later alert names this one by."""
        row = self.one(select(t.alert).where(t.alert.c.no == alert_no))
        return cap.Reference(row.sender, row.identifier, row.sent)

    def reply(
        self, phone: str, text: str, *, key: str | None = None, route: str = "sms-1", **more: Any
    ) -> None:
        """An SMS comes back."""
        self.replies += 1
        came = Reply(gateway_id=key or f"r{self.replies}", sender=phone, text=text, **more)
        self.take(partial(receive.events, route=route, came=[came]))

    def receipt(self, message: Outgoing, status: ReceiptStatus, **more: Any) -> None:
        """The gateway says more about a message."""
        word = Receipt(delivery=message.delivery, attempt=message.attempt, status=status, **more)
        c, number = t.delivery.c, min(message.delivery, 2**63 - 1)  # tests forge any number
        left_by = self.rows(select(c.route).where(c.id == number))
        route = (left_by[0].route if left_by else None) or "sms-1"
        self.take(partial(receive.events, route=route, came=[word]))

    # Time.

    def forward(self, *, minutes: float = 0, seconds: float = 0, tick_s: float = 1.0) -> None:
        """Wind the clock by ticks, settling at each at which anything may be due."""
        until, tick = self.now + round(minutes * MINUTE_MS + seconds * 1000), round(tick_s * 1000)
        while self.now < until:
            ticks = max(1, -(-(self._stirs_at() - self.now) // tick))
            self.now = min(until, self.now + ticks * tick)
            self.settle()

    def _stirs_at(self) -> Millis:
        """Until when ticks would find nothing to do, by the simulator's rule for its own clock.

        Shifts begin by the minute; of what an agenda waits for only the agenda knows.
        """
        if self.engine.agenda is not None:
            return self.now
        with self.store.read() as connection:
            waits = due.waits(connection, self.now)
            written = self.now if waits else due.next_moment(connection)
        minute = (self.now // MINUTE_MS + 1) * MINUTE_MS
        return minute if written is None else min(written, minute)

    def settle(self) -> None:
        """Step until nothing more is to be done at this moment."""
        for _ in range(10_000):
            step = self._step()
            self._hand_over(step.handovers)
            if not step.again and not step.handovers:
                return
        raise AssertionError("the engine never comes to rest")

    def _step(self, inputs: Sequence[Callable[[Turn], Any]] = ()) -> core.Step:
        if self.keeper is None:
            return self.engine.step(self.now, inputs)
        return self.keeper.in_time(partial(self.engine.step, inputs=inputs))

    def _hand_over(self, handovers: Sequence[Any]) -> None:
        for handover in handovers:
            ended = list(handover.unmade)
            for message in handover.messages:
                self.sent.append(message)
                result = self._result(handover.route, message)
                if result is None:
                    self.hanging.append(message)
                else:
                    ended.append(Outcome(message.delivery, message.attempt, result))
            self.end(handover.route, ended)

    def _result(self, route: str, message: Outgoing) -> Accepted | SendError | None:
        return self.gateways(route, message) if self.gateways else self.behave(message)

    def end(self, route: str, ended: Sequence[Outcome]) -> None:
        """Tries of a route have ended, at once or after they hung."""

        def settle(turn: Turn) -> int:
            return settling.outcomes(turn, route, ended, turn.flows[route], turn.lease)

        step = self._step([settle])
        for answer in step.answers:
            assert answer.error is None, answer.error
        self._hand_over(step.handovers)

    # What can be seen.

    def rows(self, query: Any) -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(query).all())

    def one(self, query: Any) -> Any:
        (row,) = self.rows(query)
        return row

    def states(self, alert_no: int) -> dict[str, int]:
        """How many deliveries are in each state."""
        c = t.delivery.c
        rows = self.rows(
            select(c.state, func.count())
            .where(c.id.between(alert_no << 32, (alert_no + 1 << 32) - 1))
            .group_by(c.state)
        )
        return {DeliveryState(state).word: n for state, n in rows}

    def leaders(self, role: str = "grid_leader", rank: int = 1) -> list[tuple[int, int]]:
        """(duty, person) of a role's holders."""
        c = t.holding.c
        return [
            (row.duty_no, row.person_no)
            for row in self.rows(
                select(c.duty_no, c.person_no)
                .where(c.role == role, c.rank == rank, c.to_version == FOREVER)
                .order_by(c.duty_no)
            )
        ]

    def phone_of(self, person_no: int) -> str:
        c, a = t.contact.c, t.address.c
        row = self.one(
            select(a.cipher)
            .join(t.contact, c.address_no == a.no)
            .where(c.person_no == person_no, c.channel == 1, c.rank == 1, c.to_version == FOREVER)
        )
        return self.store.vault.open(row.cipher, context="address")

    def requirement(self, duty_no: int, alert_no: int = 1, stage: Stage = Stage.RECEIVED) -> Any:
        number = alert_no << 32 | int(stage) << 28 | duty_no
        return self.one(select(t.requirement).where(t.requirement.c.no == number))

    def requirement_or_none(self, duty_no: int, alert_no: int = 1) -> Any:
        number = alert_no << 32 | int(Stage.RECEIVED) << 28 | duty_no
        rows = self.rows(select(t.requirement).where(t.requirement.c.no == number))
        return rows[0] if rows else None

    def to(self, phone: str) -> list[Outgoing]:
        """What left for one phone."""
        return [message for message in self.sent if message.address == phone]
