"""Facts about a process's starts."""

from sqlalchemy import Connection

from alertd.model import Fact
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.batches import batches


def started(connection: Connection, fact: Fact) -> None:
    """A process began. Body: process, settings (name → its value's print; null: as shipped)."""
    process, c = fact.body["process"], t.known_setting.c
    settings = fact.body["settings"]
    for batch in batches(list(settings)):
        connection.execute(t.known_setting.delete().where(c.process == process, c.name.in_(batch)))
    rows = [
        {"process": process, "name": name, "print": said, "since": fact.occurred_at}
        for name, said in settings.items()
        if said is not None
    ]
    if rows:
        connection.execute(dialect.insert(connection, t.known_setting), rows)
