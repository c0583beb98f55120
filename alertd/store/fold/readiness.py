"""Facts about drills' scores, and about what is to be mended."""

import json

from sqlalchemy import Connection, bindparam, update

from alertd.model import Fact
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.batches import batches


def scored(connection: Connection, fact: Fact) -> None:
    """A drill was scored. Body: plan, against_no, result, marks, found, cut_short."""
    body = fact.body
    statement = dialect.insert(connection, t.drill_score)
    row = {
        "alert_no": fact.alert_no,
        "plan": body["plan"],
        "against_no": body["against_no"],
        "result": body["result"],
        "marks": json.dumps(body["marks"], ensure_ascii=False),
        "found": json.dumps(body["found"], sort_keys=True),
        "cut_short": int(body.get("cut_short", False)),
        "scored_at": fact.occurred_at,
    }
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["alert_no"],
            set_={name: statement.excluded[name] for name in row if name != "alert_no"},
        ),
        [row],
    )


def found(connection: Connection, fact: Fact) -> None:
    """A drill showed what is wrong. Body: plan, due_at, new [[…]], again [numbers]."""
    body, c = fact.body, t.todo.c
    new = [
        {
            **dict(zip(_NEW, item, strict=True)),
            "plan": body["plan"],
            "due_at": body["due_at"],
            "alert_no": fact.alert_no,
            "last_no": fact.alert_no,
            "times": 1,
            "found_at": fact.occurred_at,
            "reason": "",
            "closed_no": 0,
            "note": "",
        }
        for item in body["new"]
    ]
    if new:
        connection.execute(t.todo.insert(), new)
    for batch in batches(body["again"]):
        connection.execute(
            update(t.todo).where(c.no.in_(batch)).values(last_no=fact.alert_no, times=c.times + 1)
        )


_NEW = ("no", "kind", "subject_no", "what", "unit_no", "owner_no", "cause")


def closed(connection: Connection, fact: Fact) -> None:
    """Something was mended. Body: by, reason, note, items [numbers]."""
    body, c = fact.body, t.todo.c
    values = {
        "at": fact.occurred_at,
        "who": bytes.fromhex(body["by"]) if body["by"] else None,
        "why": body["reason"],
        "drill": fact.alert_no,
        "said": body["note"],
    }
    statement = (
        update(t.todo)
        .where(c.no == bindparam("number"), c.closed_at.is_(None))
        .values(
            closed_at=bindparam("at"),
            closed_by=bindparam("who"),
            reason=bindparam("why"),
            closed_no=bindparam("drill"),
            note=bindparam("said"),
        )
    )
    if body["items"]:
        connection.execute(statement, [{"number": no, **values} for no in body["items"]])
