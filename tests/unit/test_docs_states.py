"""docs/states.md against the code: every arrow of a diagram can happen, and no other can."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from sqlalchemy import create_engine, select

from alertd.decide import settle
from alertd.decide.lifecycle import TRANSITIONS
from alertd.model import (
    AlertState,
    Channel,
    DeliveryState,
    Fact,
    Played,
    Policy,
    RequirementState,
    Stage,
    requirement_no,
)
from alertd.store import tables as t
from alertd.store.fold import apply
from channels.base import Accepted, Fault, Receipt, ReceiptStatus, SendError
from tests.unit.docs_pages import Arrow, arrows, promised, read, section

NOW = 1_000
RESULTS: tuple[Accepted | SendError, ...] = (
    Accepted("x"),
    Accepted("x", delivered=True),
    *(SendError(f, "c") for f in Fault),
)
RECEIPTS = tuple(
    Receipt(delivery=1, attempt=attempt, status=status, fault=fault, detail=detail)
    for status, fault, attempt, detail in product(
        ReceiptStatus, (None, *Fault), (0, 1, 5, 6), ("", "1/3", "3/3")
    )
)


def part(title: str) -> str:
    return section(read("docs/states.md"), title)


def test_an_alerts_states_are_those_of_the_lifecycle() -> None:
    moves = {(before, after, action) for (before, action), after in TRANSITIONS.items()}
    assert arrows(part("An alert")) == {("[*]", "draft", ""), *moves}
    assert promised(part("An alert")) == list(AlertState)


def deliveries() -> Iterator[settle.Delivery]:
    """One of each kind that a decision can tell apart."""
    yes = (False, True)
    channels = (Channel.SMS, Channel.LOUDSPEAKER)
    kinds = product(DeliveryState, (0, 1, 5), yes, yes, yes, yes, channels, Played)
    for state, attempt, duplicate, over, late, other, channel, played in kinds:
        yield settle.Delivery(
            id=1,
            channel=channel,
            state=state,
            attempt=attempt,
            due_at=0,
            route="r",
            duplicate=duplicate,
            expires_at=NOW if late else NOW * NOW,
            alert_over=over,
            policy=Policy(name="x"),
            other_route=other,
            played=played,
        )


def decided(delivery: settle.Delivery) -> Iterator[Arrow]:
    """Every move that `decide.settle` makes with it, with the fact that the engine records."""
    before, state = delivery.state.word, delivery.state
    broker_has_it = delivery.channel is Channel.LOUDSPEAKER and state is DeliveryState.ACCEPTED
    if state is DeliveryState.SENDING:
        for result in RESULTS:
            yield before, settle.outcome(delivery, result, NOW).state.word, "settled"
    if state in {DeliveryState.SENDING, DeliveryState.UNKNOWN} or broker_has_it:
        yield before, settle.deadline(delivery, NOW).state.word, "settled"
    for receipt in RECEIPTS:
        if settlement := settle.receipt(delivery, receipt, NOW):
            yield before, settlement.state.word, "receipts"


def test_a_deliverys_states_are_those_that_can_be() -> None:
    moves = {arrow for delivery in deliveries() for arrow in decided(delivery)}
    without_a_decision = {
        ("[*]", "pending", "alert.expanded"),
        ("[*]", "pending", "told"),
        ("pending", "sending", "claimed"),
        ("pending", "failed", "settled"),  # engine.dispatch: no route, or outside the plan
        ("pending", "unknown", "settled"),  # the same, of what may be out there; or it ends first
        ("pending", "expired", "alert.ended"),
        ("pending", "cancelled", "alert.ended"),
        ("pending", "cancelled", "alert.stopped"),
        ("pending", "cancelled", "settled"),  # engine.dispatch: muted by a drill's plan
    }
    assert arrows(part("A delivery")) == moves | without_a_decision
    assert promised(part("A delivery")) == [state.word for state in DeliveryState]


NO = requirement_no(1, Stage.RECEIVED, 7)
HAD, NEW = 1, 2  # the ack that covers what is covered, and another one
ACK = {
    "no": NEW,
    "id": "00" * 16,
    "person_no": 4,
    "kind": "received",
    "via": "sms",
    "count": None,
    "of": None,
    "grade": "own",
    "late": False,
    "inbound_no": None,
    "by": None,
    "note": "",
    "answers": [[NO, [1]]],
}
FACTS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("acked", ACK),
    ("ack.counted", {"no": NEW, "person_no": 4, "answers": [[NO, [1]]]}),
    ("ack.withdrawn", {"no": HAD, "by": "00", "reason": "", "answers": [[NO, [1], NOW]]}),
    ("climbed", {"items": [[NO, 1, NOW, 0, int(RequirementState.OPEN), "", [], []]]}),
    ("climbed", {"items": [[NO, 1, None, 0, int(RequirementState.EXHAUSTED), "", [], [1]]]}),
    ("hurried", {"items": [NO]}),
    ("alert.ended", {"state": "cancelled", "reason": ""}),
    ("alert.stopped", {"by": "00", "reason": "", "lasted_ms": 0}),
    ("alert.resumed", {"by": "00", "reason": "", "lasted_ms": 1}),
)


def folded(state: RequirementState, fact: Fact) -> str:
    """What a fact makes of a requirement in `state`."""
    have = int(state is RequirementState.COVERED)
    due_at = 2 * NOW if state is RequirementState.OPEN else None
    row = {"no": NO, "unit_no": 1, "role": "x", "needed": 1, "have": have, "state": int(state)}
    engine = create_engine("sqlite://")
    t.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(
            t.requirement.insert().values(**row, step=0, start_at=0, due_at=due_at, told=0)
        )
        if have:
            connection.execute(t.answer.insert().values(requirement_no=NO, person_no=3, ack_no=HAD))
        apply(connection, fact)
        after = connection.execute(select(t.requirement.c.state)).scalar_one()
    engine.dispose()
    return RequirementState(after).name.lower()


def test_a_requirements_states_are_those_that_can_be() -> None:
    moves = {
        (
            state.name.lower(),
            folded(state, Fact(kind=kind, occurred_at=NOW, body=body, alert_no=1)),
            kind,
        )
        for state in RequirementState
        for kind, body in FACTS
    }
    rungs = {("open", "open", "climbed"), ("open", "open", "hurried")}
    assert rungs <= moves
    expanded = {("[*]", "open", "alert.expanded"), ("[*]", "covered", "alert.expanded")}
    changes = {(before, after, kind) for before, after, kind in moves if before != after}
    text = part("A requirement, and its ladder")
    assert arrows(text) == changes | rungs | expanded
    assert promised(text) == [state.name.lower() for state in RequirementState]
