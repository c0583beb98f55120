"""The journal as a report reads it: the chains merged, the alert's part only, up to a cut."""

import heapq
from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import Connection, and_, or_, select

from alertd.model import Recorded
from alertd.report.figures import kinds
from alertd.report.figures.values import Head
from alertd.store import journal
from alertd.store import tables as t

Cut = Mapping[tuple[str, int], int]
"""The last fact of each chain that belongs to a report: (node, writer) → seq."""

_PAGE = 100  # facts at once: a batch of 1,000 settlements is some 60 KB of JSON
_OF_OTHERS = ("alert.drafted", "alert.issued")  # what followed the alert


def heads(connection: Connection) -> tuple[Head, ...]:
    """Where every chain ends now, by its newest row."""
    c = t.journal.c
    newest = select(c.node, c.writer).distinct().order_by(c.node, c.writer)
    found = []
    for node, writer in connection.execute(newest):
        head = journal.load_head(connection, node, writer)
        found.append(Head(node=node, writer=writer, seq=head.seq, hash=head.hash.hex()))
    return tuple(found)


def cut_at(ends: Iterable[Head]) -> dict[tuple[str, int], int]:
    """The cut that includes everything up to `ends`."""
    return {(head.node, head.writer): head.seq for head in ends}


def facts(connection: Connection, alert_no: int, cut: Cut) -> Iterator[Recorded]:
    """What `figures` needs, in the order of recording; chains that `cut` doesn't name are left out.

    Each chain keeps its order, whatever its clock did; between chains the time of recording
    decides. Memory is bounded by a page a chain.
    """
    chains = [_chain(connection, alert_no, *chain, upto=seq) for chain, seq in sorted(cut.items())]
    return heapq.merge(*chains, key=_recorded_at)


def _recorded_at(row: Recorded) -> tuple[int, str, int]:
    return row.recorded_at, row.node, row.writer


def _chain(
    connection: Connection, alert_no: int, node: str, writer: int, *, upto: int
) -> Iterator[Recorded]:
    c = t.journal.c
    wanted = or_(
        and_(c.alert_no.in_((0, alert_no)), c.kind.in_(sorted(kinds()))),
        c.kind.in_(_OF_OTHERS),
    )
    query = select(t.journal).where(c.node == node, c.writer == writer, wanted).order_by(c.seq)
    last = 0
    while True:
        page = connection.execute(query.where(c.seq > last, c.seq <= upto).limit(_PAGE)).all()
        if not page:
            return
        yield from (journal.recorded(row) for row in page)
        last = page[-1].seq
