"""Facts about loudspeakers."""

from sqlalchemy import Connection

from alertd.canonical import canonical
from alertd.model import Fact
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.batches import batches


def presence(connection: Connection, fact: Fact) -> None:
    """A loudspeaker came, went or told a fault. Items: [terminal_no, online, fault]."""
    rows = [
        {
            "terminal_no": number,
            "online": int(online),
            "fault": fault,
            "changed_at": fact.occurred_at,
        }
        for number, online, fault in fact.body["items"]
    ]
    statement = dialect.insert(connection, t.terminal_state)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["terminal_no"],
            set_={n: statement.excluded[n] for n in ("online", "fault", "changed_at")},
        ),
        rows,
    )


def enrolled(connection: Connection, fact: Fact) -> None:
    """Loudspeakers were let in, each by a fresh password. Body: terminals, areas."""
    areas = canonical(fact.body["areas"])
    rows = [
        {"terminal_id": terminal, "areas": areas, "enrolled_at": fact.occurred_at}
        for terminal in fact.body["terminals"]
    ]
    statement = dialect.insert(connection, t.terminal_account).values(revoked_at=None)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["terminal_id"],
            set_={n: statement.excluded[n] for n in ("areas", "enrolled_at", "revoked_at")},
        ),
        rows,
    )


def revoked(connection: Connection, fact: Fact) -> None:
    """Loudspeakers were shut out. Body: terminals."""
    c = t.terminal_account.c
    for batch in batches(fact.body["terminals"]):
        connection.execute(
            t.terminal_account.update()
            .where(c.terminal_id.in_(batch), c.revoked_at.is_(None))
            .values(revoked_at=fact.occurred_at)
        )
