"""Facts about sheets of paper."""

import json

from sqlalchemy import Connection, update

from alertd.model import Fact
from alertd.store import dialect
from alertd.store import tables as t


def printed(connection: Connection, fact: Fact) -> None:
    """Paper was printed. Body: by, kind, unit_no, people, links, sheets [[code, unit_no, rows]…].

    A poster has no sheet of its own to be entered.
    """
    body = fact.body
    rows = [
        {
            "code": code,
            "alert_no": fact.alert_no,
            "kind": body["kind"],
            "unit_no": unit_no,
            "printed_at": fact.occurred_at,
            "by": bytes.fromhex(body["by"]),
            "numbers": int(bool(body["people"])),
            "asked": json.dumps(rows),
        }
        for code, unit_no, rows in body["sheets"]
    ]
    if rows:
        connection.execute(t.sheet.insert(), rows)


def entered(connection: Connection, fact: Fact) -> None:
    """A row of a sheet was entered. Body: by, sheet, row, result, ack_no."""
    body = fact.body
    c = t.sheet_mark.c
    key = {"sheet": body["sheet"], "row_no": body["row"]}
    values = {
        "result": body["result"],
        "ack_no": body["ack_no"],
        "entered_at": fact.occurred_at,
        "by": bytes.fromhex(body["by"]),
    }
    connection.execute(dialect.insert_new(connection, t.sheet_mark), [{**key, **values}])
    connection.execute(
        update(t.sheet_mark)
        .where(c.sheet == key["sheet"], c.row_no == key["row_no"])
        .values(**values)
    )
