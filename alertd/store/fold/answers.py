"""Facts about what came back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, ScalarSelect, bindparam, func, select, update

from alertd.model import Fact, Millis, RequirementState, alert_of, stage_of
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.prepared import Prepared, among, numbers


def interpreted(connection: Connection, fact: Fact) -> None:
    """Stored replies were read. Body: by, items [[inbound_no, verdict, reason, person_no]…]."""
    alert_no = fact.alert_no or None
    by = bytes.fromhex(fact.body["by"]) if fact.body["by"] else None
    rows = {
        number: (verdict, reason, alert_no, person_no, by, number)
        for number, verdict, reason, person_no in fact.body["items"]
    }
    _INTERPRET.many(connection, (*_READING, "number"), rows.values())


def _given(*names: str) -> dict[str, Any]:
    return {name: bindparam(name) for name in names}


_READING = ("verdict", "reason", "alert_no", "person_no", "classified_by")
_INTERPRET = Prepared(
    lambda _: (
        update(t.inbound).where(t.inbound.c.no == bindparam("number")).values(_given(*_READING))
    ),
    at_once=True,
)


def acked(connection: Connection, facts: Sequence[Fact]) -> None:
    """People answered. Body: the ack's columns, and answers [[requirement, units]…]."""
    _ACK.many(connection, _ACK_COLUMNS, [_ack_row(fact, fact.body) for fact in facts])
    counted(connection, facts)


def _ack_row(fact: Fact, body: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        body["no"],
        bytes.fromhex(body["id"]),
        fact.alert_no,
        body["person_no"],
        body["kind"],
        body["count"],
        body["of"],
        body["via"],
        body["grade"],
        int(body["late"]),
        fact.occurred_at,
        body["inbound_no"],
        bytes.fromhex(body["by"]) if body["by"] else None,
        body["note"],
        _json(body.get("duties")),
    )


def _json(duties: Sequence[int] | None) -> str | None:
    return None if duties is None else json.dumps(duties)


# In the table's own order, so that no row has to be turned round.
_ACK_COLUMNS = (
    *("no", "id", "alert_no", "person_no", "kind", "count", "of", "via", "grade"),
    *("late", "occurred_at", "inbound_no", "by", "note", "duties"),
)
_ACK = Prepared(lambda _: t.ack.insert().values(_given(*_ACK_COLUMNS)))


def counted(connection: Connection, facts: Sequence[Fact]) -> None:
    """Acks count for requirements: at once, or for those that came later.

    Body: no, person_no, answers. What many facts need is read at once; they count one after the
    other, as they would by themselves.
    """
    asked = {number for fact in facts for number, _ in fact.body["answers"]}
    if not asked:
        return
    wanted = numbers(connection, sorted(asked))
    standing: dict[int, _Standing] = {}
    given: set[tuple[int, int]] = set()
    for number, needed, have, state, person in _STANDING.rows(connection, wanted=wanted):
        standing[number] = _Standing(needed, have, RequirementState(state))
        given.add((number, person))  # of nobody: null
    new: list[tuple[int, int, int]] = []
    covered: Coverage = {}
    for fact in facts:
        person_no = fact.body["person_no"]
        for number, units in fact.body["answers"]:
            if (number, person_no) in given:
                continue
            given.add((number, person_no))
            new.append((number, person_no, fact.body["no"]))
            if number in standing:
                standing[number].count(number, units, fact.occurred_at, covered)
    _ANSWER.many(connection, ("requirement_no", "person_no", "ack_no"), new)
    _write_standing(connection, standing)
    _cover(connection, covered)


def counted_anew(connection: Connection, facts: Sequence[Fact]) -> None:
    """Acks count for what they didn't count for before; body as in `counted`."""
    counted(connection, facts)
    _date(connection, (number for fact in facts for number, _ in fact.body["answers"]))


def _date(connection: Connection, requirements: Iterable[int]) -> None:
    """What answers of its own cover is covered since the first one that stands was said.

    What an alert before was answered stands from the beginning.
    """
    a = t.answer.c
    own = select(func.count()).where(a.requirement_no == _r.no).scalar_subquery()
    said = (
        select(func.min(t.ack.c.occurred_at))
        .join(t.answer, a.ack_no == t.ack.c.no)
        .where(a.requirement_no == _r.no)
        .scalar_subquery()
    )
    for batch in batches(dict.fromkeys(requirements)):
        covered = (_r.no.in_(batch), _r.state == int(RequirementState.COVERED), _r.have == own)
        connection.execute(update(t.requirement).where(*covered).values(covered_at=said))


Coverage = dict[tuple[int, int, int], tuple[int, int]]
"""Changes of the rollup: (alert, stage, unit) → (covered, exhausted)."""


@dataclass(slots=True)
class _Standing:
    """A requirement while answers are counted."""

    needed: int
    have: int
    state: RequirementState
    more: int = 0
    covered_at: Millis | None = None

    def count(self, number: int, units: Sequence[int], now: Millis, covered: Coverage) -> None:
        """One more person has answered; `units` are its unit and all above it."""
        self.more += 1
        self.have += 1
        if self.have < self.needed or self.state is RequirementState.COVERED:
            return
        exhausted = -int(self.state is RequirementState.EXHAUSTED)
        self.state, self.covered_at = RequirementState.COVERED, now
        _add(covered, number, units, 1, exhausted)


def _add(
    coverage: Coverage, number: int, units: Sequence[int], covered: int, exhausted: int
) -> None:
    alert_no, stage = alert_of(number), int(stage_of(number))
    for unit in units:
        before = coverage.get((alert_no, stage, unit), (0, 0))
        coverage[alert_no, stage, unit] = (before[0] + covered, before[1] + exhausted)


def _write_standing(connection: Connection, standing: Mapping[int, _Standing]) -> None:
    more = [(r.more, no) for no, r in standing.items() if r.more and r.covered_at is None]
    done = [(r.more, r.covered_at, no) for no, r in standing.items() if r.covered_at is not None]
    _HAVE.many(connection, ("more", "number"), more)
    _COVERED.many(connection, ("more", "at", "number"), done)


_r = t.requirement.c
_ANSWER = Prepared(
    lambda name: dialect.ignoring(name, t.answer).values(
        _given("requirement_no", "person_no", "ack_no")
    )
)
_STANDING = Prepared(
    lambda name: (
        select(_r.no, _r.needed, _r.have, _r.state, t.answer.c.person_no)
        .select_from(t.requirement.outerjoin(t.answer, t.answer.c.requirement_no == _r.no))
        .where(among(name, _r.no, "wanted"))
    )
)
_HAVE = Prepared(
    lambda _: (
        update(t.requirement)
        .where(_r.no == bindparam("number"))
        .values(have=_r.have + bindparam("more"))
    ),
    at_once=True,
)
_COVERED = Prepared(
    lambda _: (
        update(t.requirement)
        .where(_r.no == bindparam("number"))
        .values(
            have=_r.have + bindparam("more"),
            state=int(RequirementState.COVERED),
            due_at=None,
            covered_at=bindparam("at"),
        )
    ),
    at_once=True,
)


def withdrawn(connection: Connection, fact: Fact) -> None:
    """An ack was a mistake. Body: no, answers [[requirement, units, due_at]…], perhaps carried.

    What an alert before was answered, and this one took for its own, has no row of its own here.
    """
    body = fact.body
    connection.execute(
        update(t.ack).where(t.ack.c.no == body["no"]).values(withdrawn_at=fact.occurred_at)
    )
    for number, units, due_at in body["answers"]:
        gone = connection.execute(
            t.answer.delete().where(
                t.answer.c.requirement_no == number, t.answer.c.ack_no == body["no"]
            )
        )
        if gone.rowcount:
            _lose(connection, number, units, due_at)
    for number, units, due_at in body.get("carried", ()):
        _lose(connection, number, units, due_at)
    _date(connection, (number for number, *_ in (*body["answers"], *body.get("carried", ()))))


def _lose(connection: Connection, number: int, units: Sequence[int], due_at: int | None) -> None:
    c = t.requirement.c
    row = connection.execute(select(c.needed, c.have, c.state).where(c.no == number)).one()
    changes: dict[str, object] = {"have": row.have - 1}
    reopens = row.state == RequirementState.COVERED and row.have - 1 < row.needed
    if reopens:
        state = RequirementState.CLOSED if due_at is None else RequirementState.OPEN
        changes |= {"state": state, "due_at": due_at, "covered_at": None}
    connection.execute(update(t.requirement).where(c.no == number).values(**changes))
    if reopens:
        cover(connection, [(number, units)], covered=-1)


def cover(
    connection: Connection,
    requirements: Iterable[tuple[int, Sequence[int]]],
    *,
    covered: int = 0,
    exhausted: int = 0,
) -> None:
    """For each requirement change the coverage of its units (its own and all above that)."""
    changes: Coverage = {}
    for number, units in requirements:
        _add(changes, number, units, covered, exhausted)
    _cover(connection, changes)


def _cover(connection: Connection, changes: Coverage) -> None:
    rows = [(*change, *key) for key, change in changes.items()]
    _COVER.many(connection, _COVER_VALUES, rows)


_c = t.coverage.c
_COVER_VALUES = ("more_covered", "more_exhausted", "in_alert", "at_stage", "of_unit")
_COVER = Prepared(
    lambda _: (
        update(t.coverage)
        .where(
            _c.alert_no == bindparam("in_alert"),
            _c.stage == bindparam("at_stage"),
            _c.unit_no == bindparam("of_unit"),
        )
        .values(
            covered=_c.covered + bindparam("more_covered"),
            exhausted=_c.exhausted + bindparam("more_exhausted"),
        )
    ),
    at_once=True,
)


def help_opened(connection: Connection, fact: Fact) -> None:
    """Somebody needs help. Body: ack_no, unit_no, person_no, climbed, due_at, units.

    An older one has no `climbed`: it was told upward whoever was there.
    """
    body = fact.body
    connection.execute(
        t.help_case.insert().values(
            ack_no=body["ack_no"],
            alert_no=fact.alert_no,
            unit_no=body["unit_no"],
            person_no=body["person_no"],
            opened_at=fact.occurred_at,
            climbed=body.get("climbed", 1),
            due_at=body["due_at"],
            outcome="",
        )
    )
    _helping(connection, fact, body["units"], 1)


def help_climbed(connection: Connection, fact: Fact) -> None:
    """Nobody took it; one level more knows. Body: ack_no, climbed, due_at."""
    body = fact.body
    connection.execute(
        update(t.help_case)
        .where(t.help_case.c.ack_no == body["ack_no"])
        .values(climbed=body["climbed"], due_at=body["due_at"])
    )


def help_taken(connection: Connection, fact: Fact) -> None:
    """A person has taken it on. Body: ack_no, by."""
    body = fact.body
    connection.execute(
        update(t.help_case)
        .where(t.help_case.c.ack_no == body["ack_no"])
        .values(taken_by=bytes.fromhex(body["by"]), taken_at=fact.occurred_at)
    )


def help_closed(connection: Connection, fact: Fact) -> None:
    """A person has closed it. Body: ack_no, by, outcome, units."""
    body = fact.body
    connection.execute(
        update(t.help_case)
        .where(t.help_case.c.ack_no == body["ack_no"])
        .values(
            closed_by=bytes.fromhex(body["by"]),
            closed_at=fact.occurred_at,
            outcome=body["outcome"],
        )
    )
    _helping(connection, fact, body["units"], -1)


def first_stage_of(alert_no: int) -> ScalarSelect[Any]:
    """The first stage that an alert asks at, by what it counts; a subquery."""
    c = t.coverage.alias().c
    return select(func.min(c.stage)).where(c.alert_no == alert_no).scalar_subquery()


def _helping(connection: Connection, fact: Fact, units: Sequence[int], change: int) -> None:
    c, alert_no = t.coverage.c, fact.alert_no
    connection.execute(
        update(t.coverage)
        .where(c.alert_no == alert_no, c.stage == first_stage_of(alert_no), c.unit_no.in_(units))
        .values(helping=c.helping + change)
    )
