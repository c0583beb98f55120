"""The expansion of an alert: selection → requirements and deliveries, set-based, in chunks.

A chunk is one fact: which phase, and which range of numbers (duties, terminals, groups or earlier
deliveries) it covers. The same fact gives the same rows again, because the roster version and the
selection are frozen with the alert. Within a chunk, requirements and deliveries commit together,
so that no answer can come before what it answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
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
    numbers_of,
)
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.fold.deliveries import count


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom an alert is for. `paths` are units' paths; one of the root alone means everybody."""

    version: int
    paths: tuple[str, ...]
    everywhere: bool
    roles: tuple[str, ...]
    ladder_roles: tuple[str, ...]
    everyone: bool  # alternates too


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


def scope_of(data: Mapping[str, Any]) -> Scope:
    """Read a scope from a fact's body."""
    return Scope(
        version=data["version"],
        paths=tuple(data["paths"]),
        everywhere=data["everywhere"],
        roles=tuple(data["roles"]),
        ladder_roles=tuple(data["ladder_roles"]),
        everyone=data["everyone"],
    )


def in_force(table: Any, version: int) -> ColumnElement[bool]:
    """The rows of a temporal table that hold at `version`."""
    return and_(table.c.from_version <= version, table.c.to_version > version)


def below(path: Any, paths: Sequence[str]) -> ColumnElement[bool]:
    """Units whose path is one of `paths` or starts with it ("0" is the character after "/")."""
    return or_(*(and_(path >= p, path < p[:-1] + "0") for p in paths))


def _inside(unit_no: Any, scope: Scope) -> ColumnElement[bool]:
    if scope.everywhere:
        return true()
    u = t.unit.alias()
    return exists().where(
        u.c.no == unit_no, in_force(u, scope.version), below(u.c.path, scope.paths)
    )


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
            _inside(d.unit_no, scope),
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
    queries = {
        "terminals": _terminals,
        "groups": _groups,
        "duties": _holders,
        "others": _holders,
        "alternates": _holders,
        "told": _told,
        "author": _author,
    }
    query, channel = queries[fact.body["phase"]](fact, scope)
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


Picked = tuple[Select[Any], Channel | None]


def _terminals(fact: Fact, scope: Scope) -> Picked:
    c = t.terminal.c
    query = select(literal(int(RecipientKind.TERMINAL)), c.no, null(), c.no.label("rank")).where(
        c.no > fact.body["after"],
        c.no <= fact.body["upto"],
        in_force(t.terminal, scope.version),
        _inside(c.unit_no, scope),
    )
    return query, Channel.LOUDSPEAKER


def _groups(fact: Fact, scope: Scope) -> Picked:
    c = t.chat_group.c
    query = select(literal(int(RecipientKind.GROUP)), c.no, c.address_no, c.no.label("rank")).where(
        c.no > fact.body["after"],
        c.no <= fact.body["upto"],
        in_force(t.chat_group, scope.version),
        _inside(c.unit_no, scope),
    )
    return query, Channel.CHAT


def _holders(fact: Fact, scope: Scope) -> Picked:
    """People of a range of duties, each once: by the first duty that selects them."""
    h, earlier = t.holding, t.holding.alias()
    ladder = tuple(set(scope.ladder_roles) & set(scope.roles))
    rest = tuple(set(scope.roles) - set(scope.ladder_roles))
    mine = {
        "duties": and_(h.c.rank == 1, h.c.role.in_(ladder)),
        "others": and_(h.c.rank == 1, h.c.role.in_(rest)),
        "alternates": and_(h.c.rank > 1, h.c.role.in_(scope.roles)),
    }[fact.body["phase"]]
    before = {
        "duties": _sooner(earlier, h, [earlier.c.rank == 1, earlier.c.role.in_(ladder)]),
        "others": or_(
            and_(earlier.c.rank == 1, earlier.c.role.in_(ladder)),
            _sooner(earlier, h, [earlier.c.rank == 1, earlier.c.role.in_(rest)]),
        ),
        "alternates": or_(
            earlier.c.rank == 1,
            _sooner(earlier, h, [earlier.c.rank > 1]),
        ),
    }[fact.body["phase"]]
    told_already = exists().where(
        earlier.c.person_no == h.c.person_no,
        in_force(earlier, scope.version),
        earlier.c.role.in_(scope.roles),
        before,
        _inside(earlier.c.unit_no, scope),
    )
    c = t.contact.c
    query = (
        select(
            literal(int(RecipientKind.PERSON)),
            h.c.person_no,
            c.address_no,
            (h.c.duty_no * 64 + h.c.rank).label("rank"),
        )
        .select_from(h.join(t.contact, c.person_no == h.c.person_no))
        .where(
            h.c.duty_no > fact.body["after"],
            h.c.duty_no <= fact.body["upto"],
            in_force(h, scope.version),
            mine,
            _inside(h.c.unit_no, scope),
            c.channel == int(Channel.SMS),
            c.rank == 1,
            in_force(t.contact, scope.version),
            ~told_already,
        )
    )
    return query, Channel.SMS


def _sooner(earlier: Any, h: Any, conditions: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    return and_(
        *conditions,
        or_(
            earlier.c.duty_no < h.c.duty_no,
            and_(earlier.c.duty_no == h.c.duty_no, earlier.c.rank < h.c.rank),
        ),
    )


def _told(fact: Fact, _scope: Scope) -> Picked:
    """Everybody whom the referenced alert may have reached, each contact once."""
    first, last = numbers_of(fact.body["references_no"])
    d = t.delivery.c
    seen, has = t.delivery.alias(), t.delivery.alias()
    query = select(d.recipient_kind, d.recipient_no, d.address_no, d.id.label("rank")).where(
        d.id > first + fact.body["after"],
        d.id <= first + fact.body["upto"],
        d.attempt > 0,
        ~exists().where(
            seen.c.recipient_no == d.recipient_no,
            seen.c.id.between(first, last),
            seen.c.id < d.id,
            seen.c.recipient_kind == d.recipient_kind,
            seen.c.attempt > 0,
        ),
        # Whoever has this alert already needs it once.
        ~exists().where(
            has.c.recipient_no == d.recipient_no,
            has.c.id.between(*numbers_of(fact.alert_no)),
            has.c.recipient_kind == d.recipient_kind,
        ),
    )
    return query, None


def _author(fact: Fact, scope: Scope) -> Picked:
    """A Test reaches its author and nobody else."""
    c = t.contact.c
    query = select(
        literal(int(RecipientKind.PERSON)), c.person_no, c.address_no, c.rank.label("rank")
    ).where(
        c.person_no == fact.body["person_no"],
        c.channel == int(Channel.SMS),
        c.rank == 1,
        in_force(t.contact, scope.version),
    )
    return query, Channel.SMS
