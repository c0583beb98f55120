"""The engine against a small model of it, by whatever order of events Hypothesis finds.

The model knows only what the world did: who was sent what and how each try ended, who answered.
After every step the tables must say the same, the rollups must add up, the journal must hold, and
nothing may be left between its states.
"""

import shutil
import tempfile
from collections import Counter, defaultdict
from functools import cache, partial
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import func, select

from alertd.engine import halting, withdrawing
from alertd.model import (
    DeliveryState,
    RequirementState,
    Stage,
    numbers_of,
    requirement_no,
)
from alertd.store import journal
from alertd.store import tables as t
from channels.base import Accepted, Outgoing, ReceiptStatus
from tests import databases
from tests.city import OFFICER, City
from tests.weather import ENDINGS

AREA = "330281001"
BEHAVIOURS = ("accepts", "dead", "delivers", "hangs", "retry", "throttled", "unknown")
ANSWERS = {
    "1": {Stage.RECEIVED},
    "收到": {Stage.RECEIVED},
    "2 35": {Stage.RECEIVED},
    "没收到": set(),
    "收到吗": set(),
    "0": set(),
    "3": set(),
}


@cache
def template() -> Path:
    """A city imported once; each example works on a copy."""
    directory = Path(tempfile.mkdtemp(prefix="alertd-machine-"))
    databases.keep(directory)
    City(directory).store.close()
    return directory


class EngineMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="alertd-machine-"))
        databases.copy(template(), self.directory)
        self.city = City(self.directory, fresh=False, behave=self._behave)
        self.mode = "accepts"
        self.alert = 0
        self.over = False
        self.paused = False
        self.stopped = False
        self.covered: set[int] = set()  # duties that somebody has answered for
        self.acks: dict[int, set[int]] = {}  # ack → duties
        self.copies: dict[int, list[Outgoing]] = defaultdict(list)
        self.arrived: set[int] = set()

    def teardown(self) -> None:
        with self.city.store.read() as connection:
            _, broken = journal.verify(journal.stream(connection))
        assert not broken
        self.city.store.close()
        databases.forget(self.directory)
        shutil.rmtree(self.directory)

    def _behave(self, message: Outgoing) -> Any:
        halted = self.paused and message.delivery >> 32 == self.alert
        goes_on = {"help", "heard", "paused"}  # the desk is told of a pause that lasts
        assert not halted or message.kind in goes_on, "it left while it was paused"
        self.copies[message.delivery].append(message)
        result = ENDINGS[self.mode]()
        if isinstance(result, Accepted) and result.delivered:
            self.arrived.add(message.delivery)
        return result

    @precondition(lambda self: not self.alert)
    @rule()
    def issue(self) -> None:
        self.alert = self.city.issue(areas=[AREA])

    @rule(mode=st.sampled_from(BEHAVIOURS))
    def weather(self, mode: str) -> None:
        self.mode = mode

    @rule(seconds=st.sampled_from([1, 7, 20, 61, 130, 400]))
    def time_passes(self, seconds: int) -> None:
        self.city.forward(seconds=seconds, tick_s=10)

    @rule()
    def crash(self) -> None:
        self.city.restart()

    @precondition(lambda self: self.alert and self.copies)
    @rule(
        pick=st.integers(0, 10_000),
        status=st.sampled_from(
            [ReceiptStatus.ACCEPTED, ReceiptStatus.DELIVERED, ReceiptStatus.FAILED]
        ),
    )
    def receipt(self, pick: int, status: ReceiptStatus) -> None:
        delivery = sorted(self.copies)[pick % len(self.copies)]
        before = self._state(delivery)
        self.city.receipt(self.copies[delivery][0], status)
        after = self._state(delivery)
        if status is ReceiptStatus.DELIVERED:
            self.arrived.add(delivery)
        elif before is DeliveryState.DELIVERED:
            assert after is DeliveryState.DELIVERED, "a receipt moved it backwards"

    def _state(self, delivery: int) -> DeliveryState:
        c = t.delivery.c
        return DeliveryState(self.city.one(select(c.state).where(c.id == delivery)).state)

    @precondition(lambda self: self.alert)
    @rule(pick=st.integers(0, 10_000), text=st.sampled_from(sorted(ANSWERS)))
    def answer(self, pick: int, text: str) -> None:
        people = sorted({m.address for m in self.city.sent if m.address.startswith("+")})
        if not people:
            return
        phone = people[pick % len(people)]
        known = self._acks()
        self.city.reply(phone, text)
        for ack, person in self._acks() - known:
            if Stage.RECEIVED in ANSWERS[text]:
                duties = self._duties(person)
                self.covered |= duties
                self.acks[ack] = duties

    def _acks(self) -> set[tuple[int, int]]:
        return {
            (row.no, row.person_no)
            for row in self.city.rows(select(t.ack))
            if row.alert_no == self.alert  # after an all-clear, a bare answer is the all-clear's
        }

    def _duties(self, person: int) -> set[int]:
        h = t.holding.c
        return {
            row.duty_no
            for row in self.city.rows(select(h.duty_no).where(h.person_no == person))
            if self._asked(row.duty_no)
        }

    def _asked(self, duty: int) -> bool:
        number = requirement_no(self.alert, Stage.RECEIVED, duty)
        return bool(self.city.rows(select(t.requirement).where(t.requirement.c.no == number)))

    @precondition(lambda self: self.acks and not self.over)
    @rule(pick=st.integers(0, 100))
    def withdraw(self, pick: int) -> None:
        ack = sorted(self.acks)[pick % len(self.acks)]
        self.city.take(
            partial(
                withdrawing.withdraw, alert_no=self.alert, ack_no=ack, by=b"o" * 16, reason="error"
            )
        )
        del self.acks[ack]
        # A duty stays covered by a different person's answer; by the same person's, the first
        # ack carried it, and the person answers again.
        a = t.answer.c
        held = self.city.rows(select(a.requirement_no, func.count()).group_by(a.requirement_no))
        self.covered = {number & ((1 << 28) - 1) for number, _ in held}

    @precondition(lambda self: self.alert and not self.over and not self.stopped)
    @rule(act=st.sampled_from(["pause", "pause", "stop"]))
    def halt(self, act: str) -> None:
        """Pause it, or let it go on; one that is paused may be stopped for good."""
        if self.paused:
            act = "stop" if act == "stop" else "resume"
        elif act == "stop":
            return
        self.paused, self.stopped = act == "pause", act == "stop"
        alert_id = self.city.one(select(t.alert.c.id).where(t.alert.c.no == self.alert)).id
        does = {"pause": halting.pause, "resume": halting.resume, "stop": halting.stop}[act]
        self.city.take(partial(does, actor=OFFICER, alert_id=alert_id, reason="x"))

    @precondition(lambda self: self.alert and not self.over)
    @rule()
    def all_clear(self) -> None:
        self.city.issue("all-clear", areas=[AREA], references=[self.city.reference(self.alert)])
        self.over, self.paused = True, False

    @invariant()
    def rollups_add_up(self) -> None:
        d = t.delivery.c
        counted: Counter[tuple[int, int, int]] = Counter()
        for row in self.city.rows(select(t.delivery_count)):
            counted[row.alert_no, row.channel, row.state] += row.n
        real = Counter(
            (row.id >> 32, row.lane // 10, row.state)
            for row in self.city.rows(select(d.id, d.lane, d.state))
        )
        assert counted == real

    @invariant()
    def covered_is_what_was_answered(self) -> None:
        if not self.alert:
            return
        first, last = numbers_of(self.alert)
        r = t.requirement.c
        rows = self.city.rows(select(t.requirement).where(r.no.between(first, last)))
        covered = {
            row.no & ((1 << 28) - 1) for row in rows if row.state == RequirementState.COVERED
        }
        assert covered == self.covered
        root = self.city.rows(
            select(t.coverage).where(t.coverage.c.alert_no == self.alert, t.coverage.c.unit_no == 1)
        )
        if root:
            assert root[0].covered == len(covered)
            assert root[0].needed == len(rows)

    @invariant()
    def arrival_is_never_taken_back(self) -> None:
        c = t.delivery.c
        for row in self.city.rows(select(c.id, c.state)):
            if row.id in self.arrived:
                assert row.state == DeliveryState.DELIVERED

    @invariant()
    def copies_after_an_unknown_are_marked(self) -> None:
        for messages in self.copies.values():
            tries = [message.attempt for message in messages]
            assert tries == sorted(set(tries)), "one try was handed over twice"

    @invariant()
    def nothing_rests_past_its_time(self) -> None:
        c = t.delivery.c
        late = self.city.rows(
            select(c.id).where(
                c.state == int(DeliveryState.SENDING), c.due_at < self.city.now - 1_000
            )
        )
        assert not late


QUICK = settings(
    max_examples=25,
    stateful_step_count=25,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(300)
class TestEngineMachine(EngineMachine.TestCase):
    settings = QUICK


@pytest.mark.soak
@pytest.mark.timeout(3_600)
class TestEngineMachineLong(EngineMachine.TestCase):
    settings = settings(QUICK, max_examples=300, stateful_step_count=40)
