"""The fold: table state is what `apply` makes of the journal, fact after fact.

One function a kind of fact, for facts of this node and of others, live and at a rebuild. It reads
the fact and the tables, and nothing else.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from alertd.model import Fact
from alertd.store.fold import (
    alerts,
    answers,
    deliveries,
    drills,
    expansion,
    halts,
    ladders,
    paper,
    readiness,
    restoring,
    starts,
    terminals,
)

_FOLDS: dict[str, Callable[[Connection, Fact], Any]] = {
    "event.opened": alerts.opened,
    "alert.drafted": alerts.drafted,
    "alert.approved": alerts.approved,
    "alert.issued": alerts.issued,
    "alert.ended": alerts.ended,
    "alert.numbers-left-out": alerts.left_out,
    "alert.paused": halts.paused,
    "alert.resumed": halts.resumed,
    "alert.stopped": halts.stopped,
    "pause.told": halts.told,
    "alert.expanded": expansion.expanded,
    "claimed": deliveries.claimed,
    "settled": deliveries.settled,
    "receipts": deliveries.receipts,
    "interpreted": answers.interpreted,
    "ack.withdrawn": answers.withdrawn,
    "help.opened": answers.help_opened,
    "help.climbed": answers.help_climbed,
    "help.taken": answers.help_taken,
    "help.closed": answers.help_closed,
    "climbed": ladders.climbed,
    "hurried": ladders.hurried,
    "digest.queued": ladders.digest_queued,
    "paper.printed": paper.printed,
    "paper.entered": paper.entered,
    "presence": terminals.presence,
    "terminals.enrolled": terminals.enrolled,
    "terminals.revoked": terminals.revoked,
    "drill.scored": readiness.scored,
    "todo.found": readiness.found,
    "todo.closed": readiness.closed,
    "engine.started": starts.started,
    "restored": restoring.restored,
    "store.left": restoring.left,
    "store.taken-back": restoring.taken_back,
    "drill.plan-saved": drills.plan_saved,
    "drill.plan-removed": drills.plan_removed,
    "drill.scheduled": drills.scheduled,
    "drill.agreed": drills.agreed,
    "drill.reminded": drills.reminded,
    "drill.off": drills.off,
    "drill.drafted": drills.drafted,
    "drill.started": drills.started,
    "drill.followed": drills.followed,
    "drill.stepped": drills.stepped,
    "drill.ended": drills.ended,
}

# Of these there are many at once, which are applied together; the tables come out the same.
_FOLDS_OF_MANY: dict[str, Callable[[Connection, Sequence[Fact]], None]] = {
    "acked": answers.acked,
    "told": deliveries.told,
    "digest.sent": ladders.digests_sent,
    "ack.counted": answers.counted_anew,
}


def _one(
    fold: Callable[[Connection, Sequence[Fact]], None],
) -> Callable[[Connection, Fact], None]:
    return lambda connection, fact: fold(connection, [fact])


_FOLDS |= {kind: _one(fold) for kind, fold in _FOLDS_OF_MANY.items()}

# Facts that are on record for people and change no table of the fold: sign-ins, tokens, roster
# imports (whose rows hold names and numbers and are therefore kept beside the journal), refusals.
RECORD_ONLY = frozenset(
    {
        "alert.forecast",
        "alert.selected",
        "drill.gave-way",
        "number.shown",
        "roster.imported",
        "principal.created",
        "principal.changed",
        "token.created",
        "token.revoked",
        "signed-in",
        "sign-in.refused",
        "session.revoked",
        "second-factor.changed",
        "report.exported",
        "store.arrived",
        "urged",
        "inbound.stored",
        "receipts.ignored",
        "route.tested",
        "broker.renewed",
        "engine.stopped",
        "clock.doubted",
        "clock.trusted",
        "clock.set",
        "defect",
    }
)


def apply(connection: Connection, fact: Fact) -> Any:
    """Change the tables as `fact` says; raises KeyError for a kind nobody knows.

    Returns what a set-based fact came to, where its fold says so, else None.
    """
    if fact.kind in RECORD_ONLY:
        return None
    return _FOLDS[fact.kind](connection, fact)


def apply_alike(connection: Connection, kind: str, facts: Sequence[Fact]) -> None:
    """Apply many facts of one of the kinds of `_FOLDS_OF_MANY`, as `apply` would one by one."""
    _FOLDS_OF_MANY[kind](connection, facts)
