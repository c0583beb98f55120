"""The state tables against what the facts come to: they are the same history, told twice."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, func, select

from alertd.model import Channel, DeliveryState, RequirementState, Stage, numbers_of
from alertd.report.figures import Figures
from alertd.report.figures.replay import Replay
from alertd.report.figures.values import HelpCall
from alertd.report.names import Names
from alertd.report.rollup import unit_rows
from alertd.store import tables as t
from alertd.store.batches import stream

Found = Iterator[tuple[str, str, str]]
"""(where, by the facts, by the table)."""

_NO_ROW = "no row"


def table_differences(
    connection: Connection, state: Replay, figures: Figures, names: Names
) -> Found:
    """Every row that the facts don't account for, and every fact that no row shows."""
    yield from _alert(connection, figures)
    yield from _delivery_counts(connection, state)
    yield from _deliveries(connection, state)
    yield from _requirements(connection, state)
    yield from _coverage(connection, figures, names)
    yield from _acks(connection, figures)
    yield from _help_calls(connection, figures)


def _alert(connection: Connection, figures: Figures) -> Found:
    c = t.alert.c
    row = connection.execute(select(c.state).where(c.no == figures.course.no)).first()
    found = row.state if row else _NO_ROW
    if found != figures.course.state:
        yield f"alert[{figures.course.no}].state", figures.course.state, found


def _delivery_counts(connection: Connection, state: Replay) -> Found:
    c = t.delivery_count.c
    rows = connection.execute(
        select(c.channel, c.state, func.sum(c.n))
        .where(c.alert_no == state.alert_no)
        .group_by(c.channel, c.state)
    )
    table = {(channel, delivery_state): int(n) for channel, delivery_state, n in rows if n}
    facts = {
        (channel, delivery_state): n
        for channel, counts in state.handover.by_state().items()
        for delivery_state, n in counts.items()
        if n
    }
    for channel, delivery_state in sorted({*table, *facts}):
        place = (channel, delivery_state)
        if table.get(place, 0) != facts.get(place, 0):
            where = f"delivery_count[{Channel(channel).word}, {DeliveryState(delivery_state).word}]"
            yield where, str(facts.get(place, 0)), str(table.get(place, 0))


def _deliveries(connection: Connection, state: Replay) -> Found:
    c = t.delivery.c
    known = state.handover.known()
    rows = 0
    query = select(c.id, c.state, c.played).where(c.id.between(*numbers_of(state.alert_no)))
    for number, delivery_state, played in stream(connection, query):
        rows += 1
        facts = state.handover.standing(number)
        if facts != (delivery_state, played):
            by_facts = _standing(*facts) if facts else "never made"
            yield f"delivery[{number}]", by_facts, _standing(delivery_state, played)
    if rows != known:
        yield "delivery rows", str(known), str(rows)


def _requirements(connection: Connection, state: Replay) -> Found:
    c = t.requirement.c
    query = select(c.no, c.state).where(c.no.between(*numbers_of(state.alert_no)))
    rows = 0
    for number, requirement_state in stream(connection, query):
        rows += 1
        expected = state.duties.state_of(number)
        if expected != requirement_state:
            yield f"requirement[{number}]", _word(expected), _word(requirement_state)
    asked = state.duties.asked_of.total()
    if rows != asked:
        yield "requirement rows", str(asked), str(rows)


def _coverage(connection: Connection, figures: Figures, names: Names) -> Found:
    c = t.coverage.c
    facts: dict[tuple[str, int], Mapping[str, int]] = {
        (row.stage, row.unit_no): {
            "needed": row.asked,
            "covered": row.covered,
            "exhausted": row.exhausted,
        }
        for row in unit_rows(figures.units, names)
    }
    query = select(t.coverage).where(c.alert_no == figures.course.no)
    seen = set()
    for row in connection.execute(query):
        place = (Stage(row.stage).word, row.unit_no)
        seen.add(place)
        expected = facts.get(place, {})
        for name in ("needed", "covered", "exhausted"):
            if expected.get(name, 0) != getattr(row, name):
                where = f"coverage[{place[0]}, unit {row.unit_no}].{name}"
                yield where, str(expected.get(name, 0)), str(getattr(row, name))
    for stage, unit_no in sorted(facts.keys() - seen):
        yield f"coverage[{stage}, unit {unit_no}]", str(facts[stage, unit_no]), _NO_ROW


def _acks(connection: Connection, figures: Figures) -> Found:
    c = t.ack.c
    mine = select(func.count()).where(c.alert_no == figures.course.no)
    facts = {"acks": figures.answers.total, "withdrawn acks": figures.answers.withdrawn}
    standing = connection.execute(mine.where(c.withdrawn_at.is_(None))).scalar_one()
    withdrawn = connection.execute(mine.where(c.withdrawn_at.is_not(None))).scalar_one()
    for (where, expected), found in zip(facts.items(), (standing, withdrawn), strict=True):
        if expected != found:
            yield where, str(expected), str(found)


def _help_calls(connection: Connection, figures: Figures) -> Found:
    c = t.help_case.c
    query = select(t.help_case).where(c.alert_no == figures.course.no).order_by(c.ack_no)
    table = {
        row.ack_no: HelpCall(
            ack_no=row.ack_no,
            unit_no=row.unit_no,
            opened_at=row.opened_at,
            climbed=row.climbed,
            taken_ms=None if row.taken_at is None else row.taken_at - row.opened_at,
            closed_ms=None if row.closed_at is None else row.closed_at - row.opened_at,
        )
        for row in connection.execute(query)
    }
    facts = {call.ack_no: call for call in figures.answers.help_calls}
    for number in sorted({*table, *facts}):
        if table.get(number) != facts.get(number):
            yield f"help_case[{number}]", str(facts.get(number)), str(table.get(number))


def _standing(state: int, played: int) -> str:
    return f"{DeliveryState(state).word}, played {played}"


def _word(state: int) -> str:
    return RequirementState(state).name.lower()
