"""The exercise control: does what a drill's script says, when its minute has come.

The calendar has it done in a drill, and the simulator in each of its nights.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from alertd.engine.telling import tell
from alertd.engine.turn import LiveAlert, Turn
from alertd.model import FOREVER, MessageKind
from alertd.store import people
from alertd.store import tables as t
from alertd.store.batches import batches
from drills.alerting import INJECT
from drills.plan import Plan
from drills.script import Event, Item


def go_on(turn: Turn, row: Row[Any], alert: LiveAlert, plan: Plan, script: Sequence[Item]) -> int:
    """Do what has come by now, and record it.

    Args:
        turn: The step.
        row: The drill, which is under way.
        alert: Its alert, or what it went on as.
        plan: The drill's.
        script: All of it, in order.

    Returns:
        How many items of the script are done.
    """
    passed = alert.ran(turn.now)
    due = [item for item in script[row.step :] if item.after <= passed]
    step = int(row.step) + len(due)
    if due:
        done = [[*item.to_list(), _do(turn, alert, plan, item)] for item in due]
        body = {"no": row.no, "step": step, "due_at": row.due_at, "items": done}
        turn.record("drill.stepped", body, alert_no=alert.no)
    return step


def _do(turn: Turn, alert: LiveAlert, plan: Plan, item: Item) -> int:
    """Do one thing of the script; returns the number of the message that says it, or 0.

    A gateway that fails is left out at the claim (`decide.plan`); of every other loss only the
    drill's control knows.
    """
    if item.event is not Event.INJECT:
        return 0
    inject = plan.injects[item.index]
    persons = _in_charge(turn, inject.to)
    params = {**alert.selection["params"], "text": inject.text}
    return tell(turn, alert, MessageKind.INJECT, persons, template=INJECT, params=params)


def _in_charge(turn: Turn, codes: tuple[str, ...]) -> list[int]:
    """Who answers for the duties of the units themselves now."""
    u, d = t.unit.c, t.duty.c
    duties: list[int] = []
    for batch in batches(codes):
        query = (
            select(d.no)
            .join(t.unit, (u.no == d.unit_no) & (u.to_version == FOREVER))
            .where(u.code.in_(batch), d.to_version == FOREVER)
        )
        duties += turn.connection.execute(query.order_by(d.no)).scalars()
    held = people.holders(turn.connection, duties)
    found = [person for each in held.values() for person in people.in_charge(each, turn.minute)]
    return sorted(dict.fromkeys(found))
