"""The expansion of an alert: selection → requirements and deliveries, set-based, in chunks.

A chunk is one fact: which phase, and which range of numbers (duties, terminals, groups or earlier
deliveries) it covers. The same fact gives the same rows again, because the roster version and the
selection are frozen with the alert. Within a chunk, requirements and deliveries commit together,
so that no answer can come before what it answers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    case,
    exists,
    func,
    literal,
    select,
    update,
)

from alertd.model import (
    ALERT_SHIFT,
    STAGE_SHIFT,
    Channel,
    DeliveryState,
    Fact,
    RecipientKind,
    RequirementState,
    Status,
    lane_of,
)
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.fold.deliveries import count
from alertd.store.fold.recipients import QUERIES
from alertd.store.fold.scope import Scope, in_force, inside, scope_of


def expanded(connection: Connection, fact: Fact) -> dict[str, Any]:
    """One chunk. Body: phase, after, upto, next_phase, next_cursor, message_no, first, scope….

    Returns what it came to, for the journal: `asked` [[stage, unit, requirements, of them covered
    already]…] by grid or higher unit, and `made` [[channel, deliveries]…].
    """
    body = fact.body
    scope = scope_of(body["scope"])
    asked: list[list[int]] = []
    made: list[list[int]] = []
    if body["upto"] > body["after"]:
        if body["phase"] == "duties":
            asked = _requirements(connection, fact, scope)
        made = _deliveries(connection, fact, scope)
    connection.execute(
        update(t.alert)
        .where(t.alert.c.no == fact.alert_no)
        .values(
            phase=body["next_phase"],
            cursor=body["next_cursor"],
            next_delivery=t.alert.c.next_delivery + sum(n for _, n in made),
        )
    )
    return {"asked": asked, "made": made}


def _requirements(connection: Connection, fact: Fact, scope: Scope) -> list[list[int]]:
    body = fact.body
    d = t.duty.c
    asked: list[list[int]] = []
    for stage in body["stages"]:
        # Range addition, not OR: a duty's number stays below the stage's bit.
        number = literal((fact.alert_no << ALERT_SHIFT) + (stage["stage"] << STAGE_SHIFT)) + d.no
        holder = exists().where(
            t.holding.c.duty_no == d.no,
            in_force(t.holding, scope.version),
            t.holding.c.rank == 1,
            t.contact.c.person_no == t.holding.c.person_no,
            t.contact.c.channel == int(Channel.SMS),
            in_force(t.contact, scope.version),
        )
        # A duty that nobody can be reached for doesn't wait for its first rung.
        due = case((holder, stage["due_at"]), else_=fact.occurred_at)
        rows = select(
            number,
            d.unit_no,
            d.role,
            literal(1),
            literal(0),
            literal(int(RequirementState.OPEN)),
            literal(0),
            literal(stage["start_at"]),
            due,
            literal(0),
        ).where(
            d.no > body["after"],
            d.no <= body["upto"],
            in_force(t.duty, scope.version),
            d.role.in_(tuple(set(scope.ladder_roles) & set(scope.roles))),
            inside(d.unit_no, scope),
        )
        names = ("no", "unit_no", "role", "needed", "have", "state", "step", "start_at", "due_at")
        connection.execute(
            t.requirement.insert().from_select([*names, "told"], rows.order_by(d.no))
        )
        if body["carry_over"]:
            _carry_over(connection, fact, stage["stage"])
        asked += _coverage(connection, fact, stage["stage"])
    return asked


def _carry_over(connection: Connection, fact: Fact, stage: int) -> None:
    """What the alert before had an answer for needs no fresh one, where the policy says so."""
    body, r, old = fact.body, t.requirement, t.requirement.alias()
    base = (fact.alert_no << ALERT_SHIFT) + (stage << STAGE_SHIFT)
    back = (fact.alert_no - body["references_no"]) << ALERT_SHIFT
    connection.execute(
        update(r)
        .where(
            r.c.no > base + body["after"],
            r.c.no <= base + body["upto"],
            exists().where(old.c.no == r.c.no - back, old.c.state == int(RequirementState.COVERED)),
        )
        .values(
            state=int(RequirementState.COVERED),
            have=r.c.needed,
            due_at=None,
            covered_at=fact.occurred_at,
        )
    )


def _coverage(connection: Connection, fact: Fact, stage: int) -> list[list[int]]:
    """Add what this chunk asks to the rollup of every unit above it."""
    body = fact.body
    base = (fact.alert_no << ALERT_SHIFT) + (stage << STAGE_SHIFT)
    u = t.unit.c
    r = t.requirement.c
    # A stairwell has no row of its own there: its requirement says as much.
    home = case((u.level == "building", u.parent_no), else_=u.no)
    answered = func.sum(case((r.state == int(RequirementState.COVERED), 1), else_=0))
    found = connection.execute(
        select(home.label("unit_no"), func.count().label("n"), answered.label("covered"))
        .select_from(t.requirement.join(t.unit, u.no == r.unit_no))
        .where(
            r.no > base + body["after"],
            r.no <= base + body["upto"],
            in_force(t.unit, body["scope"]["version"]),
        )
        .group_by(home)
    ).all()
    sums: dict[int, tuple[int, int]] = {}
    parents = parents_of(connection, body["scope"]["version"], [row.unit_no for row in found])
    for unit_no, n, covered in found:
        for above in chain(unit_no, parents):
            needed, done = sums.get(above, (0, 0))
            sums[above] = (needed + n, done + int(covered))
    key = {"alert_no": fact.alert_no, "stage": stage}
    rows = [
        {**key, "unit_no": no, "needed": n, "covered": done, "exhausted": 0, "helping": 0}
        for no, (n, done) in sums.items()
    ]
    dialect.add_counts(connection, t.coverage, rows)
    return [[stage, unit_no, n, int(covered)] for unit_no, n, covered in found]


def parents_of(connection: Connection, version: int, units: Sequence[int]) -> dict[int, int | None]:
    """Each unit's parent, for `units` and all above them."""
    parents: dict[int, int | None] = {}
    wanted = set(units)
    while wanted:
        rows = connection.execute(
            select(t.unit.c.no, t.unit.c.parent_no).where(
                t.unit.c.no.in_(wanted), in_force(t.unit, version)
            )
        ).all()
        parents.update({row.no: row.parent_no for row in rows})
        wanted = {row.parent_no for row in rows if row.parent_no is not None} - parents.keys()
    return parents


def chain(unit_no: int, parents: Mapping[int, int | None]) -> list[int]:
    """A unit and all above it, from below."""
    found: list[int] = []
    current: int | None = unit_no
    while current is not None and current not in found:
        found.append(current)
        current = parents.get(current)
    return found


def _deliveries(connection: Connection, fact: Fact, scope: Scope) -> list[list[int]]:
    query, channel = QUERIES[fact.body["phase"]](fact, scope)
    body = fact.body
    status = Status(body["status"])
    picked = query.subquery()
    kind, number, address, rank = picked.c[0], picked.c[1], picked.c[2], picked.c[3]
    lane = (
        literal(lane_of(channel, status))
        if channel
        else case(
            (kind == int(RecipientKind.PERSON), lane_of(Channel.SMS, status)),
            (kind == int(RecipientKind.TERMINAL), lane_of(Channel.LOUDSPEAKER, status)),
            else_=lane_of(Channel.CHAT, status),
        )
    )
    rows = select(
        literal(body["first"] - 1) + func.row_number().over(order_by=rank),
        literal(body["message_no"]),
        kind,
        number,
        address,
        lane,
        literal(body["priority"]),
        literal(int(DeliveryState.PENDING)),
        literal(0),
        literal(fact.occurred_at),
        literal(0),
        literal(0),
    )
    names = ("id", "message_no", "recipient_kind", "recipient_no", "address_no", "lane")
    more = ("priority", "state", "attempt", "due_at", "duplicate", "played")
    result = connection.execute(t.delivery.insert().from_select([*names, *more], rows))
    made = _made(connection, fact, channel, result.rowcount)
    pending = int(DeliveryState.PENDING)
    count(connection, fact.alert_no, [[on, pending, n] for on, n in made])
    return made


def _made(
    connection: Connection, fact: Fact, channel: Channel | None, made: int
) -> list[list[int]]:
    if not made:
        return []
    if channel:
        return [[int(channel), made]]
    first = fact.body["first"]
    c = t.delivery.c
    rows = connection.execute(
        select(c.lane // 10, func.count())
        .where(c.id >= first, c.id < first + made)
        .group_by(c.lane // 10)
    )
    return [[int(on), n] for on, n in rows]
