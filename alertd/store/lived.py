"""What a node knows of its own time: how far it has lived, and whether anything waits."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    exists,
    func,
    literal_column,
    select,
)

from alertd.model import AlertState, DeliveryState, Millis
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.database import Transaction
from alertd.store.prepared import Prepared


def last_fact(connection: Connection, node: str) -> Millis | None:
    """When this node's last fact was recorded; None: no fact.

    The last by its turn, and not the latest of its chains' ends: where an operator has set the time
    back at one of several processes, the others' chains end in what was no time at all.
    """
    c, end = t.journal.c, t.chain.c
    query = (
        select(c.recorded_at)
        .join(t.chain, (end.node == c.node) & (end.writer == c.writer) & (end.seq == c.seq))
        .where(c.node == node)
        .order_by(end.turn.desc(), c.recorded_at.desc())
        .limit(1)
    )
    return connection.execute(query).scalar()


def kept(connection: Connection, node: str) -> Millis | None:
    """The time that a process of this node wrote down last, while anything was under way."""
    c = t.node_clock.c
    return connection.execute(select(c.lived_at).where(c.node == node)).scalar_one_or_none()


def lived(connection: Connection, node: str) -> Millis | None:
    """The latest time that this node is known to have lived through; None for a new one."""
    both = (kept(connection, node), last_fact(connection, node))
    known = [at for at in both if at is not None]
    return max(known, default=None)


def keep(tx: Transaction, node: str, at: Millis) -> None:
    """Write down that this node lives at `at`."""
    _KEEP.run(tx.connection, node=node, lived_at=at)


_KEEP = Prepared(lambda name: dialect.replacing(name, t.node_clock))


def under_way(connection: Connection) -> bool:
    """Whether anything waits for its time: an alert that isn't over, a message, a call for help."""
    ((found,),) = _UNDER_WAY.rows(connection)
    return bool(found)


def ending_by(connection: Connection, at: Millis) -> int:
    """How many alerts would be over at `at` that aren't yet."""
    c = t.alert.c
    live = [state.value for state in _LIVE]
    query = select(func.count()).where(c.state.in_(live), c.expires_at <= bindparam("at"))
    return int(connection.execute(query, {"at": at}).scalar_one())


_LIVE = (AlertState.ISSUED, AlertState.APPROVED, AlertState.DRAFT)


def _under_way(_: str) -> Select[Any]:
    """Spelled as the partial indexes spell it, so that each question is a look-up."""
    alert, delivery, digest, cry = t.alert.c, t.delivery.c, t.digest_entry.c, t.help_case.c
    words: list[ColumnElement[str]] = [literal_column(f"'{state.value}'") for state in _LIVE]
    open_states = (DeliveryState.SENDING, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)
    numbers: list[ColumnElement[int]] = [literal_column(str(int(state))) for state in open_states]
    pending: ColumnElement[int] = literal_column(str(int(DeliveryState.PENDING)))
    return select(
        exists().where(alert.state.in_(words))
        | exists().where(delivery.state == pending)
        | exists().where(delivery.state.in_(numbers), delivery.due_at.is_not(None))
        | exists().where(digest.message_no.is_(None))
        | exists().where(cry.taken_at.is_(None), cry.closed_at.is_(None))
    )


_UNDER_WAY = Prepared(_under_way)
