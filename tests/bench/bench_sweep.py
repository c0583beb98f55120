"""The escalation sweep: what a tick costs where many ladders are open and few or none are due."""

import time
from statistics import median

from figures import Figure, peak_mb
from ground import Ground, ground
from sqlalchemy import literal, select, update

from alertd.model import ALERT_SHIFT, STAGE_SHIFT, DeliveryState, Stage
from alertd.store import tables as t

_LADDERS = 100_000
_DUE = 1_000
_TICK_MS = 250


def run(*, quick: bool) -> list[Figure]:
    """With none due, at two sizes; and with a thousand due among them."""
    rounds = 20 if quick else 100
    with ground(20_000) as here:
        here.expand(here.draft())
        _all_handed_over(here)
        few = _idle_ms(here, rounds)
        _open_more(here, _LADDERS)
        many = _idle_ms(here, rounds)
        due = _due_ms(here)
    return [
        Figure(
            bench="sweep",
            what="a step with none due",
            size=_LADDERS,
            ours=many,
            unit="ms",
            at_most=2.0,
            peak_mb=peak_mb(),
            note=f"the same with 7,300 open ladders: {few:.2g} ms",
        ),
        Figure(
            bench="sweep",
            what=f"{_DUE:,} due among them",
            size=_LADDERS,
            ours=due,
            unit="ms",
            note="their principals are reminded, in one step",
        ),
    ]


def _all_handed_over(here: Ground) -> None:
    accepted = int(DeliveryState.ACCEPTED)
    with here.store.transaction(here.now) as tx:
        tx.connection.execute(update(t.delivery).values(state=accepted, due_at=None))


def _open_more(here: Ground, wanted: int) -> None:
    """Copies of an open ladder, under duties that nobody has, due in a day."""
    r = t.requirement.c
    base = (1 << ALERT_SHIFT) + (int(Stage.RECEIVED) << STAGE_SHIFT)
    with here.store.transaction(here.now) as tx:
        row = tx.connection.execute(select(t.requirement).where(r.due_at.is_not(None))).first()
        assert row is not None
        same = {**row._asdict(), "due_at": here.now + 86_400_000}
        first = base + 1_000_000
        rows = [{**same, "no": number} for number in range(first, first + wanted)]
        tx.connection.execute(t.requirement.insert(), rows)


def _idle_ms(here: Ground, rounds: int) -> float:
    took = []
    for _ in range(rounds):
        here.now += _TICK_MS
        began = time.perf_counter()
        step = here.engine.step(here.now)
        took.append((time.perf_counter() - began) * 1000)
        assert not step.recorded
    return median(took)


def _due_ms(here: Ground) -> float:
    r = t.requirement.c
    here.now += _TICK_MS
    some = select(r.no).where(r.due_at > here.now, r.no < (1 << ALERT_SHIFT) + (2 << STAGE_SHIFT))
    with here.store.transaction(here.now) as tx:
        picked = some.order_by(r.no).limit(_DUE)
        due = update(t.requirement).where(r.no.in_(picked)).values(due_at=literal(here.now))
        tx.connection.execute(due.values(start_at=here.now - 121_000))
    began = time.perf_counter()
    assert here.engine.step(here.now, claim=False).recorded
    return (time.perf_counter() - began) * 1000
