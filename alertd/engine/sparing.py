"""Messages about silence that was broken while they waited for a gateway.

A modem takes an hour for a small city: a reminder to somebody who has answered meanwhile would keep
those waiting who haven't.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select

from alertd.engine.material import Message, said_of
from alertd.engine.telling import silence
from alertd.engine.turn import Turn
from alertd.model import (
    ALERT_SHIFT,
    CONFIRMATION_PRIORITY,
    HELP_PRIORITY,
    PAUSED_PRIORITY,
    MessageKind,
    RecipientKind,
    RequirementState,
    Stage,
    alert_of,
    requirement_no,
)
from alertd.store import cries, due
from alertd.store import tables as t
from alertd.store.outbox import Row
from alertd.store.prepared import Prepared, among, numbers

_ASKING: Final = frozenset({MessageKind.REMINDER, MessageKind.CALL, MessageKind.TAKEOVER})
_UNANSWERED: Final = (int(RequirementState.OPEN), int(RequirementState.EXHAUSTED))
_PERSON: Final = int(RecipientKind.PERSON)
_COUNTER: Final = (1 << ALERT_SHIFT) - 1
_FIRST: Final = 1  # by that, an alert's first message, which most are: it tells


def needless(turn: Turn, rows: Sequence[Row]) -> list[Row]:
    """Those of `rows` that ask for, or tell of, what has been answered since, by whomever.

    Who holds nothing in the alert any more is taken for unanswered: why they were written to is
    for the roster to say.
    """
    further = _further(turn, rows)
    asking: dict[tuple[int, Stage], list[Row]] = {}
    for row, stage in _asking(further):
        asking.setdefault((alert_of(row.id), stage), []).append(row)
    found = _closed(turn, rows) + _digests(turn, further)
    for (alert_no, stage), some in asking.items():
        asked, silent = _asked(turn, alert_no, stage, {row.recipient_no for row in some})
        found += [row for row in some if row.recipient_no in asked - silent]
    return found


def _closed(turn: Turn, rows: Sequence[Row]) -> list[Row]:
    """Calls for help that a person has closed: nobody is to be sent there hours later."""
    calls = [row for row in rows if row.priority == HELP_PRIORITY]
    over = cries.closed(turn.connection, [row.id for row in calls]) if calls else set()
    return [row for row in calls if row.id in over]


def _further(turn: Turn, rows: Sequence[Row]) -> list[tuple[Row, Message]]:
    """Those that may be about silence, each with its message."""
    further = [
        row
        for row in rows
        if PAUSED_PRIORITY < row.priority < CONFIRMATION_PRIORITY
        and row.recipient_kind == _PERSON
        and row.message_no & _COUNTER != _FIRST
    ]
    messages = said_of(turn, {row.message_no for row in further}) if further else {}
    return [(row, messages[row.message_no].message) for row in further]


def _digests(turn: Turn, further: Sequence[tuple[Row, Message]]) -> list[Row]:
    """Digests all of whose units have answered."""
    digests = {message.no for _, message in further if message.kind == MessageKind.DIGEST}
    entries = due.digested(turn.connection, digests) if digests else {}
    over = {no for no, those in entries.items() if not silence(turn.alert(alert_of(no)), those)}
    return [row for row, message in further if message.no in over]


def _asking(further: Sequence[tuple[Row, Message]]) -> Iterator[tuple[Row, Stage]]:
    """Reminders, calls and take-overs, each with the stage that it asks for."""
    for row, message in further:
        stage = json.loads(message.params).get("stage") if message.kind in _ASKING else None
        if stage:
            yield row, Stage[stage.upper()]


def _asked(
    turn: Turn, alert_no: int, stage: Stage, persons: Collection[int]
) -> tuple[set[int], set[int]]:
    """Those of the people who hold a duty that was asked, and those one of whose is unanswered."""
    found = _HELD.rows(
        turn.connection,
        base=requirement_no(alert_no, stage, 0),
        persons=numbers(turn.connection, persons),
        version=turn.alert(alert_no).roster_version,
    )
    return {person for person, _ in found}, {
        person for person, state in found if state in _UNANSWERED
    }


def _held(dialect: str) -> Any:
    """Of people's duties, now or when the alert was issued, how each requirement stands."""
    h, r = t.holding.c, t.requirement.c
    return (
        select(h.person_no, r.state)
        .join(t.requirement, r.no == bindparam("base") + h.duty_no)
        .where(among(dialect, h.person_no, "persons"), h.to_version > bindparam("version"))
    )


_HELD = Prepared(_held)
