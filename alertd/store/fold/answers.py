"""Facts about what came back."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from alertd.model import Fact, RequirementState, alert_of, stage_of
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.prepared import Prepared, among, numbers

Answers = Sequence[tuple[int, Sequence[int]]]
"""What an ack counts for: (requirement, its unit and all above it)."""


def interpreted(connection: Connection, fact: Fact) -> None:
    """A stored reply was read. Body: inbound_no, verdict, reason, alert_no, person_no, by."""
    body = fact.body
    _INTERPRET.run(
        connection,
        number=body["inbound_no"],
        verdict=body["verdict"],
        reason=body["reason"],
        alert_no=body["alert_no"],
        person_no=body["person_no"],
        classified_by=bytes.fromhex(body["by"]) if body["by"] else None,
    )


def _given(*names: str) -> dict[str, Any]:
    return {name: bindparam(name) for name in names}


_INTERPRET = Prepared(
    lambda _: (
        update(t.inbound)
        .where(t.inbound.c.no == bindparam("number"))
        .values(_given("verdict", "reason", "alert_no", "person_no", "classified_by"))
    )
)


def acked(connection: Connection, fact: Fact) -> None:
    """A person answered. Body: the ack's columns, and answers [[requirement, units]…]."""
    body = fact.body
    _ACK.run(
        connection,
        **{name: body[name] for name in _SAME},
        id=bytes.fromhex(body["id"]),
        alert_no=fact.alert_no,
        late=int(body["late"]),
        occurred_at=fact.occurred_at,
        by=bytes.fromhex(body["by"]) if body["by"] else None,
    )
    _count_answers(connection, fact, body["no"], body["person_no"], body["answers"])


_SAME = ("no", "person_no", "kind", "count", "of", "via", "grade", "inbound_no", "note")
_ACK = Prepared(
    lambda _: t.ack.insert().values(_given(*_SAME, "id", "alert_no", "late", "occurred_at", "by"))
)


def counted(connection: Connection, fact: Fact) -> None:
    """An earlier ack counts for requirements that came later. Body: no, person_no, answers."""
    body = fact.body
    _count_answers(connection, fact, body["no"], body["person_no"], body["answers"])


def _count_answers(
    connection: Connection, fact: Fact, ack_no: int, person_no: int, answers: Answers
) -> None:
    for number, units in answers:
        ours = {"requirement_no": number, "person_no": person_no, "ack_no": ack_no}
        if _ANSWER.run(connection, **ours):
            _have(connection, number, units, fact.occurred_at)


def _have(connection: Connection, number: int, units: Sequence[int], now: int) -> None:
    found = _STANDING.rows(connection, number=number)
    if not found:
        return
    needed, have, state = found[0]
    if have + 1 < needed or state == RequirementState.COVERED:
        _HAVE.run(connection, number=number)
        return
    _COVERED.run(connection, number=number, at=now)
    was_exhausted = state == RequirementState.EXHAUSTED
    cover(connection, number, units, covered=1, exhausted=-int(was_exhausted))


_r = t.requirement.c
_ANSWER = Prepared(
    lambda name: dialect.ignoring(name, t.answer).values(
        _given("requirement_no", "person_no", "ack_no")
    )
)
_STANDING = Prepared(
    lambda _: select(_r.needed, _r.have, _r.state).where(_r.no == bindparam("number"))
)
_HAVE = Prepared(
    lambda _: update(t.requirement).where(_r.no == bindparam("number")).values(have=_r.have + 1)
)
_COVERED = Prepared(
    lambda _: (
        update(t.requirement)
        .where(_r.no == bindparam("number"))
        .values(
            have=_r.have + 1,
            state=int(RequirementState.COVERED),
            due_at=None,
            covered_at=bindparam("at"),
        )
    )
)


def withdrawn(connection: Connection, fact: Fact) -> None:
    """An ack was a mistake. Body: no, answers [[requirement, units, due_at]…]."""
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
        cover(connection, number, units, covered=-1)


def cover(
    connection: Connection,
    number: int,
    units: Sequence[int],
    *,
    covered: int = 0,
    exhausted: int = 0,
) -> None:
    """Change the coverage of `units` (a requirement's unit and all above it)."""
    _COVER.run(
        connection,
        alert_no=alert_of(number),
        stage=int(stage_of(number)),
        units=numbers(connection, units),
        more_covered=covered,
        more_exhausted=exhausted,
    )


def _covering(dialect_name: str) -> Any:
    c = t.coverage.c
    return (
        update(t.coverage)
        .where(
            c.alert_no == bindparam("alert_no"),
            c.stage == bindparam("stage"),
            among(dialect_name, c.unit_no, "units"),
        )
        .values(
            covered=c.covered + bindparam("more_covered"),
            exhausted=c.exhausted + bindparam("more_exhausted"),
        )
    )


_COVER = Prepared(_covering)


def help_opened(connection: Connection, fact: Fact) -> None:
    """Somebody needs help. Body: ack_no, unit_no, person_no, due_at, units."""
    body = fact.body
    connection.execute(
        t.help_case.insert().values(
            ack_no=body["ack_no"],
            alert_no=fact.alert_no,
            unit_no=body["unit_no"],
            person_no=body["person_no"],
            opened_at=fact.occurred_at,
            climbed=1,
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


def _helping(connection: Connection, fact: Fact, units: Sequence[int], change: int) -> None:
    c = t.coverage.c
    connection.execute(
        update(t.coverage)
        .where(c.alert_no == fact.alert_no, c.stage == 1, c.unit_no.in_(units))
        .values(helping=c.helping + change)
    )
