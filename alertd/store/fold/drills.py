"""Facts about drill plans, and about the drills that are made from them."""

from typing import Any

from sqlalchemy import Connection, update

from alertd.canonical import canonical
from alertd.model import DrillState, Fact
from alertd.store import tables as t


def plan_saved(connection: Connection, fact: Fact) -> None:
    """A plan is written down whole, in place of the one of that name. Body: the row's columns."""
    body = fact.body
    connection.execute(t.drill_plan.delete().where(t.drill_plan.c.name == body["name"]))
    connection.execute(
        t.drill_plan.insert().values(
            name=body["name"],
            content=canonical(body["content"]),
            paths=canonical(body["paths"]),
            owner=bytes.fromhex(body["owner"]),
            saved_by=bytes.fromhex(body["by"]),
            saved_at=fact.occurred_at,
        )
    )


def plan_removed(connection: Connection, fact: Fact) -> None:
    """It isn't wanted any more; drills that were made from it keep theirs. Body: name, by."""
    connection.execute(t.drill_plan.delete().where(t.drill_plan.c.name == fact.body["name"]))


def scheduled(connection: Connection, fact: Fact) -> None:
    """A drill is to be held; its plan is frozen with it. Body: the row's columns."""
    body = fact.body
    same = ("no", "plan", "opens_at", "closes_at", "commitment", "due_at")
    connection.execute(
        t.drill.insert().values(
            **{name: body[name] for name in same},
            id=bytes.fromhex(body["id"]),
            content=canonical(body["content"]),
            paths=canonical(body["paths"]),
            owner=bytes.fromhex(body["owner"]),
            created_by=bytes.fromhex(body["by"]),
            created_at=fact.occurred_at,
            state=DrillState.SCHEDULED,
            reason="",
            step=0,
            reminded=0,
        )
    )


def agreed(connection: Connection, fact: Fact) -> None:
    """A second person agrees to it. Body: no, by."""
    _set(connection, fact, agreed_by=bytes.fromhex(fact.body["by"]))


def reminded(connection: Connection, fact: Fact) -> None:
    """Its owner is reminded. Body: no, reminded, due_at, test_no."""
    _set(connection, fact, reminded=fact.body["reminded"], due_at=fact.body["due_at"])


def off(connection: Connection, fact: Fact) -> None:
    """It isn't held. Body: no, state, reason, by."""
    state, reason = fact.body["state"], fact.body["reason"]
    _set(connection, fact, state=state, reason=reason, due_at=None, ended_at=fact.occurred_at)


def drafted(connection: Connection, fact: Fact) -> None:
    """Its alert is written down, and waits to be issued. Body: no, due_at."""
    due_at = fact.body["due_at"]
    _set(connection, fact, state=DrillState.DRAFTED, alert_no=fact.alert_no, due_at=due_at)
    followed(connection, fact)


def followed(connection: Connection, fact: Fact) -> None:
    """Somebody followed its alert up by hand, and it goes on as that. Body: no."""
    row = {"alert_no": fact.alert_no, "drill_no": fact.body["no"]}
    connection.execute(t.drill_alert.insert().values(**row))


def started(connection: Connection, fact: Fact) -> None:
    """Its alert is out. Body: no, due_at, moment and salt of a blind one."""
    due_at = fact.body["due_at"]
    begun = {"started_at": fact.occurred_at, "due_at": due_at}
    _set(connection, fact, state=DrillState.RUNNING, **begun)


def stepped(connection: Connection, fact: Fact) -> None:
    """Items of its script were done. Body: no, step, due_at, items."""
    _set(connection, fact, step=fact.body["step"], due_at=fact.body["due_at"])


def ended(connection: Connection, fact: Fact) -> None:
    """It is over. Body: no, state, reason, by, actual_no, notice_no."""
    state, reason = fact.body["state"], fact.body["reason"]
    _set(connection, fact, state=state, reason=reason, due_at=None, ended_at=fact.occurred_at)


def _set(connection: Connection, fact: Fact, **values: Any) -> None:
    connection.execute(update(t.drill).where(t.drill.c.no == fact.body["no"]).values(**values))
