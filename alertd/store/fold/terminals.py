"""Facts about loudspeakers."""

from sqlalchemy import Connection

from alertd.model import Fact
from alertd.store import dialect
from alertd.store import tables as t


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
