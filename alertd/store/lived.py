"""What a node knows of its own time: how far it has lived, and whether anything waits."""

from dataclasses import astuple, dataclass, fields
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


@dataclass(frozen=True, slots=True)
class Kept:
    """What is written down of a node's time, by any of its processes.

    Args:
        lived_at: How far it had lived when it was written down last; None: never.
        era: How often it was set. A process that knows of another era than this one lives by
            another time.
        leapt_at: When it was set last, where that was by the wall clock's word alone.
        leapt_ms: How far ahead it was set so in all, since somebody vouched for it.
    """

    lived_at: Millis | None = None
    era: int = 0
    leapt_at: Millis | None = None
    leapt_ms: int = 0


def kept(connection: Connection, node: str) -> Kept:
    """What is written down of this node's time."""
    rows = _KEPT.rows(connection, node=node)
    return Kept(*rows[0]) if rows else Kept()


def lived(connection: Connection, node: str) -> Millis | None:
    """The latest time that this node is known to have lived through; None for a new one."""
    both = (kept(connection, node).lived_at, last_fact(connection, node))
    return max((at for at in both if at is not None), default=None)


def no_earlier(connection: Connection, node: str, now: Millis) -> Millis:
    """`now` by a machine's clock that may be behind, as a restored machine's often is.

    A fact of before what the node has lived through would have its time begin there anew, and
    whatever waits would wait for as long as the clock is behind.
    """
    return max(now, lived(connection, node) or now)


def keep(connection: Connection, node: str, written: Kept) -> None:
    """Write it down."""
    _KEEP.run(connection, node=node, **dict(zip(_FIELDS, astuple(written), strict=True)))


_FIELDS = tuple(field.name for field in fields(Kept))
_KEPT = Prepared(
    lambda _: select(*(t.node_clock.c[name] for name in _FIELDS)).where(
        t.node_clock.c.node == bindparam("node")
    )
)
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
