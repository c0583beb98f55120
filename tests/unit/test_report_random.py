"""Whatever people, gateways and loudspeakers do: figures of the facts and tables agree.

One city for all examples. Each issues an alert of its own, perhaps others that follow it, and
ends what is still open, so that the next one's replies have an alert to mean.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from alertd.engine import helping, withdrawing
from alertd.errors import AlertdError
from alertd.model import (
    Channel,
    DeliveryState,
    Policy,
    RequirementState,
    Stage,
    StageRule,
    Step,
    numbers_of,
)
from alertd.report.make import gather, to_json
from alertd.report.verify import verify
from alertd.store import tables as t
from channels.base import Accepted, Fault, Outgoing, ReceiptStatus, SendError
from tests.city import City

POLICY = Policy(
    name="red",
    update_wants_fresh_answer=False,
    terminal_grace_s=20,
    unknown_grace_s=20,
    stages=(
        StageRule(stage=Stage.RECEIVED, due_min=3),
        StageRule(stage=Stage.DONE, due_min=6, start_min=1),
    ),
    steps=(
        Step(after_min=1, do=("remind", "call")),
        Step(after_min=2, do=("alternate", "parent")),
        Step(after_min=4, do=("grandparent", "door_knock", "duty_desk")),
    ),
)
AREAS = ("330281001", "330281002")  # the second has a loudspeaker and a chat group
ROLES = ("subdistrict_lead", "community_lead", "grid_leader", "building_lead")
TEXTS = ("1", "收到", "2 3/4", "2 7", "2", "4", "0", "3 救命", "没收到", "2 9/9", "T")

Action = tuple[Any, ...]
REPLIES = st.tuples(
    st.just("reply"), st.integers(0, 99), st.integers(1, 12), st.sampled_from(TEXTS)
)
WAITS = st.tuples(st.just("wait"), st.integers(1, 150))
ACTIONS = st.lists(
    st.one_of(
        *(REPLIES, REPLIES, REPLIES, WAITS, WAITS),
        st.tuples(st.just("receipt"), st.integers(0, 999), st.sampled_from(ReceiptStatus)),
        st.tuples(st.just("withdraw"), st.integers(0, 9)),
        st.tuples(st.just("crash")),
        st.tuples(st.just("help"), st.sampled_from(["take", "close"])),
        st.tuples(st.just("follow"), st.sampled_from(["all-clear", "cancel", "typhoon"])),
    ),
    min_size=6,
    max_size=18,
)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    colours = ("red", "orange", "yellow", "blue")
    city = City(tmp_path_factory.mktemp("city"), policies=dict.fromkeys(colours, POLICY))
    yield city
    city.store.close()


def behave(weather: int, message: Outgoing) -> Accepted | SendError | None:
    """What becomes of a try, by numbers alone: the same again at every run."""
    luck = (message.delivery * 7 + message.attempt * 3 + weather) % 20
    ends: dict[int, Accepted | SendError | None] = {
        0: SendError(Fault.DEAD, "no-such-number"),
        1: SendError(Fault.RETRY, "http-503"),
        2: SendError(Fault.UNKNOWN, "timeout"),
        3: None,
        4: SendError(Fault.REFUSED, "content"),
        5: SendError(Fault.THROTTLED, "busy", retry_after_s=3),
        6: Accepted("ref", delivered=True),
    }
    return ends.get(luck, Accepted("ref"))


def act(city: City, alert_no: int, action: Action) -> None:
    kind, *values = action
    if kind == "reply":
        code = city.one(select(t.alert.c.short_code).where(t.alert.c.no == alert_no)).short_code
        if people := told(city, alert_no):
            for person in people[values[0] % len(people) :][: values[1]]:
                city.reply(city.phone_of(person), f"{code} {values[2]}")
    elif kind == "wait":
        city.forward(seconds=values[0], tick_s=5)
    elif kind == "receipt" and city.sent:
        word = values[1]
        fault = Fault.DEAD if word is ReceiptStatus.FAILED else None
        city.receipt(city.sent[values[0] % len(city.sent)], word, fault=fault, detail="1/2")
    elif kind == "crash":
        city.restart()
    elif kind == "withdraw":
        withdraw(city, alert_no, values[0])
    elif kind == "help":
        help_call(city, values[0])
    elif kind == "follow":
        city.issue(values[0], references=[city.reference(alert_no)], areas=AREAS)


def told(city: City, alert_no: int) -> list[int]:
    c = t.delivery.c
    query = select(c.recipient_no).where(
        c.id.between(*numbers_of(alert_no)), c.recipient_kind == 1, c.attempt > 0
    )
    return sorted({row.recipient_no for row in city.rows(query)})


def end_what_is_open(city: City) -> None:
    city.behave = lambda _: Accepted("ref")
    c = t.alert.c
    for row in city.rows(select(c.no, c.purpose).where(c.state == "issued")):
        if row.purpose in {"alert", "update"}:
            city.issue("cancel", references=[city.reference(row.no)], areas=[AREAS[0]])


def withdraw(city: City, alert_no: int, place: int) -> None:
    c = t.ack.c
    rows = city.rows(select(c.no).where(c.alert_no == alert_no, c.withdrawn_at.is_(None)))
    if rows:
        ack = rows[place % len(rows)].no
        city.take(
            partial(withdrawing.withdraw, alert_no=alert_no, ack_no=ack, by=b"o" * 16, reason="x")
        )


def help_call(city: City, what: str) -> None:
    c = t.help_case.c
    rows = city.rows(select(c.ack_no).where(c.closed_at.is_(None)).limit(1))
    if rows and what == "take":
        city.take(partial(helping.take_help, ack_no=rows[0].ack_no, by=b"o" * 16))
    elif rows:
        city.take(partial(helping.close_help, ack_no=rows[0].ack_no, by=b"o" * 16, outcome="done"))


@settings(
    max_examples=12,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(weather=st.integers(0, 19), actions=ACTIONS)
def test_figures_and_tables_agree(city: City, weather: int, actions: list[Action]) -> None:
    city.behave = partial(behave, weather)
    alert_no = city.issue(areas=AREAS, roles=ROLES)
    for action in actions:
        try:
            act(city, alert_no, action)
        except AlertdError:
            continue  # refused: the alert is over, the call is closed
    last = city.one(select(func.max(t.alert.c.no)))[0]
    with city.store.read() as connection:
        for number in range(alert_no, last + 1):
            report = json.loads(json.dumps(to_json(gather(connection, number))))
            verdict = verify(connection, number, report)
            assert verdict.differences == ()
            assert verdict.figures is not None
            sums_agree(city, number, verdict.figures)
    end_what_is_open(city)
    city.sent.clear()


def sums_agree(city: City, alert_no: int, figures: Any) -> None:
    """Straight from the tables, without any of verify's own code."""
    d, r, a = t.delivery.c, t.requirement.c, t.ack.c
    mine = d.id.between(*numbers_of(alert_no))
    states = dict(city.rows(select(d.state, func.count()).where(mine).group_by(d.state)))
    assert {s: getattr(figures.deliveries, s.word) for s in DeliveryState} == {
        s: states.get(int(s), 0) for s in DeliveryState
    }
    (played,) = city.one(
        select(func.count()).where(mine, d.played == 1, d.lane // 10 == int(Channel.LOUDSPEAKER))
    )
    assert figures.loudspeakers.played == played
    for stage in figures.stages:
        low = (alert_no << 32) + (int(Stage[stage.stage.upper()]) << 28)
        rows = city.rows(
            select(r.state, func.count())
            .where(r.no.between(low, low + (1 << 28) - 1))
            .group_by(r.state)
        )
        by_state = {RequirementState(state): n for state, n in rows}
        assert stage.asked == sum(by_state.values())
        assert stage.covered == by_state.get(RequirementState.COVERED, 0)
        assert stage.exhausted == by_state.get(RequirementState.EXHAUSTED, 0)
        assert stage.closed == by_state.get(RequirementState.CLOSED, 0)
        assert stage.open == by_state.get(RequirementState.OPEN, 0)
    (acks,) = city.one(select(func.count()).where(a.alert_no == alert_no, a.withdrawn_at.is_(None)))
    assert figures.answers.total == acks
