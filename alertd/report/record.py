"""The journal as a report reads it: the chains merged, the alert's part only, up to a cut."""

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import Connection, and_, or_

from alertd.model import Fact, Recorded
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
    found = []
    for node, writer in journal.chains(connection):
        head = journal.load_head(connection, node, writer)
        found.append(Head(node=node, writer=writer, seq=head.seq, hash=head.hash.hex()))
    return tuple(found)


def cut_at(ends: Iterable[Head]) -> dict[tuple[str, int], int]:
    """The cut that includes everything up to `ends`."""
    return {(head.node, head.writer): head.seq for head in ends}


def concerns(fact: Fact, alert_no: int) -> bool:
    """Whether `figures` needs a fact: what `facts` asks the database for, asked of one fact."""
    mine = fact.alert_no in {0, alert_no} and fact.kind in kinds()
    return mine or fact.kind in _OF_OTHERS


def facts(connection: Connection, alert_no: int, cut: Cut) -> Iterator[Recorded]:
    """What `figures` needs, as it came to be; chains that `cut` doesn't name are left out.

    Memory is bounded by a page a chain.
    """
    c = t.journal.c
    wanted = or_(
        and_(c.alert_no.in_((0, alert_no)), c.kind.in_(sorted(kinds()))),
        c.kind.in_(_OF_OTHERS),
    )
    return journal.in_order(
        [
            journal.chain(connection, *each, where=[wanted, c.seq <= seq], page=_PAGE)
            for each, seq in sorted(cut.items())
        ]
    )
