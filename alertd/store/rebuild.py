"""Make the tables again from the journal, and compare them with the live ones.

What the journal leaves out on purpose is copied: the roster and the addresses (names and numbers),
replies as they came, and who may sign in. Everything else has to follow from the facts.
"""

from sqlalchemy import Connection, Table

from alertd.store import journal, rows
from alertd.store import tables as t
from alertd.store.fold import apply

COPIED: tuple[Table, ...] = (
    t.node,
    t.node_clock,
    t.route_day,
    t.route_text,
    t.journal,
    t.chain,
    t.roster_version,
    t.unit,
    t.person,
    t.duty,
    t.holding,
    t.address,
    t.contact,
    t.terminal,
    t.terminal_secret,
    t.chat_group,
    t.principal,
    t.token,
    t.session,
    t.second_factor,
    t.idempotency,
)
FOLDED: tuple[Table, ...] = (
    t.departure,
    t.known_setting,
    t.terminal_state,
    t.terminal_account,
    t.event,
    t.alert,
    t.halt,
    t.message,
    t.requirement,
    t.delivery,
    t.delivery_count,
    t.coverage,
    t.inbound,  # copied as it came; what was made of it is folded
    t.ack,
    t.answer,
    t.help_case,
    t.help_told,
    t.digest_entry,
    t.sheet,
    t.sheet_mark,
    t.drill_plan,
    t.drill,
    t.drill_alert,
    t.drill_score,
    t.todo,
)
# Who is alive now, and where: no part of the record.
LEFT_OUT: tuple[Table, ...] = (t.worker, t.route_share, t.home)

# A reply before anybody has read it, as engine.replies stores it.
_UNREAD = {
    "verdict": "new",
    "reason": "",
    "alert_no": None,
    "person_no": None,
    "classified_by": None,
}


def rebuild(source: Connection, target: Connection) -> int:
    """Fill an empty, migrated database from another's journal.

    Args:
        source: Reading is enough.
        target: Of a writing transaction on an empty database.

    Returns:
        How many facts there were.
    """
    for table in COPIED:
        rows.copy(source, target, table)
    rows.copy(source, target, t.inbound, **_UNREAD)
    count = 0
    for row in journal.stream(source):
        apply(target, row.fact)
        count += 1
    return count


def compare(one: Connection, other: Connection) -> list[str]:
    """Compare the folded tables of two databases; empty where they agree.

    A line names table, key and columns, and no content.
    """
    found: list[str] = []
    for table in FOLDED:
        found += rows.differences(table, one, other)
    return found
