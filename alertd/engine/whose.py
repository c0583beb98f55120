"""Whose each message is, and who answers for each duty: for the journal, by numbers alone.

Without it nobody could tell from the record who was never told, and who was told and is silent.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    select,
)

from alertd.decide.expand import Chunk
from alertd.decide.told import runs
from alertd.engine.turn import LiveAlert, Turn
from alertd.model import RecipientKind, requirement_no
from alertd.store import people
from alertd.store import tables as t
from alertd.store.fold.scope import in_force
from alertd.store.prepared import Prepared, among, numbers
from alertd.store.roster.known import current_version


def whose(
    connection: Connection, alert: LiveAlert, chunk: Chunk, first: int, made: int
) -> dict[str, Any]:
    """The keys `people` and `holders` of a chunk's `alert.selected`, each where there is any.

    Args:
        connection: Which has just written the chunk.
        alert: The alert.
        chunk: The piece.
        first: The number of the chunk's first delivery.
        made: How many it made.
    """
    found: dict[str, Any] = {}
    if made and chunk.phase not in {"terminals", "groups"}:
        found["people"] = _people_of(connection, first, made)
    if chunk.phase == "people" and alert.policy.stages:
        base = _base(alert)
        within = {"after": base + chunk.after, "upto": base + chunk.upto}
        version = alert.roster_version
        ((found["holders"],),) = _HOLDERS.rows(connection, base=base, version=version, **within)
    return {key: those for key, those in found.items() if those}


def _people_of(connection: Connection, first: int, made: int) -> list[list[int]]:
    """Most pieces are one run, which the database tells without giving out each row."""
    within = {"after": first - 1, "upto": first + made - 1}
    ((start, n, end, least, most),) = _ONE_RUN.rows(connection, **within)
    if n and least == most and end - start == n - 1:
        return [[start, start - least, n]]
    return runs(_PEOPLE.rows(connection, **within))


def newcomers(turn: Turn, alert: LiveAlert, persons: Collection[int]) -> list[tuple[int, int]]:
    """Which duties of the alert these people hold by a roster that is newer than it, with whom."""
    newer = current_version(turn.connection) > alert.roster_version
    if not persons or not newer or not alert.policy.stages:
        return []
    found = _NEWCOMERS.rows(
        turn.connection,
        base=_base(alert),
        version=alert.roster_version,
        persons=numbers(turn.connection, sorted(persons)),
    )
    return [(duty_no, person_no) for duty_no, person_no in found]


def _base(alert: LiveAlert) -> int:
    """The number of the first stage's requirements, less that of the duty."""
    return requirement_no(alert.no, min(rule.stage for rule in alert.policy.stages), 0)


def _number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger())


def _within() -> tuple[Any, ...]:
    d = t.delivery.c
    kind = d.recipient_kind == int(RecipientKind.PERSON)
    return d.id > _number("after"), d.id <= _number("upto"), kind


def _people(_: str) -> Any:
    d = t.delivery.c
    return select(d.id, d.recipient_no).where(*_within()).order_by(d.id)


def _one_run(_: str) -> Any:
    """First and last delivery, how many, and the least and most by which they lead people."""
    d = t.delivery.c
    ahead = d.id - d.recipient_no
    figures = func.min(d.id), func.count(), func.max(d.id), func.min(ahead), func.max(ahead)
    return select(*figures).where(*_within())


_PEOPLE = Prepared(_people)
_ONE_RUN = Prepared(_one_run)


def _holders(dialect: str) -> Any:
    """Duties that were asked, each with all who hold it by the alert's roster, or with nobody.

    In words, which the database joins: next to none go along with one another, as runs would.
    """
    r, h = t.requirement.c, t.holding.c
    duty = r.no - _number("base")
    held = and_(h.duty_no == duty, in_force(t.holding, _number("version")))
    person = func.coalesce(h.person_no, 0)
    pair = cast(duty, Text).concat(":").concat(cast(person, Text))
    joined = func.group_concat if dialect == "sqlite" else func.string_agg
    return (
        select(joined(pair, " "))
        .select_from(t.requirement.outerjoin(t.holding, held))
        .where(r.no > _number("after"), r.no <= _number("upto"))
    )


_HOLDERS = Prepared(_holders)


def _newcomers(dialect: str) -> Any:
    h, r = t.holding.c, t.requirement.c
    return (
        select(h.duty_no, h.person_no)
        .where(
            among(dialect, h.person_no, "persons"),
            h.from_version > _number("version"),
            in_force(t.holding, people.NOW),
            exists().where(r.no == _number("base") + h.duty_no),
        )
        .order_by(h.duty_no, h.rank)
    )


_NEWCOMERS = Prepared(_newcomers)
