"""The expansion of an alert: selection → requirements and deliveries, set-based, in chunks.

A chunk is one fact: which phase, and which range of numbers (terminals, groups, duties and people
alike, or earlier deliveries) it covers. The same fact gives the same rows again, because the roster
version and the selection are frozen with the alert. People are numbered in the order of their
duties, so that most of them find in their own chunk what they are asked; whoever answers before
the last chunk is counted after it (engine.expanding).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    bindparam,
    case,
    exists,
    func,
    literal,
    select,
    update,
)

from alertd.lanes import channel_of
from alertd.model import (
    ALERT_SHIFT,
    STAGE_SHIFT,
    Channel,
    DeliveryState,
    Fact,
    RequirementState,
    Status,
    numbers_of,
)
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.fold.deliveries import count
from alertd.store.fold.places import look_up, places
from alertd.store.fold.scope import Scope, in_force, inside, one_of, scope_of
from alertd.store.fold.telling import tell
from alertd.store.prepared import Prepared, among, numbers

_SCOPES = 64  # statements kept: a phase each of the alerts under way


def expanded(connection: Connection, fact: Fact) -> dict[str, Any]:
    """One chunk. Body: phase, after, upto, next_phase, next_cursor, message_no, first, scope….

    Returns what it came to, for the journal: `asked` [[stage, unit, requirements, of them covered
    already]…] by grid or higher unit, `made` [[channel, deliveries]…], and `levels` [[depth,
    deliveries in a row]…] in the deliveries' order, 0 the city, where a forecast was made.
    """
    body = fact.body
    scope = scope_of(body["scope"])
    asked: list[list[int]] = []
    made: list[list[int]] = []
    levels: list[list[int]] = []
    if body["upto"] > body["after"]:
        if body["phase"] == "people":
            asked = _requirements(connection, fact, scope)
        made, levels = _deliveries(connection, fact, scope)
    _PROGRESS.run(
        connection,
        number=fact.alert_no,
        to_phase=body["next_phase"],
        to_cursor=body["next_cursor"],
        made=sum(n for _, n in made),
    )
    return {"asked": asked, "made": made} | ({"levels": levels} if levels else {})


_PROGRESS = Prepared(
    lambda _: (
        update(t.alert)
        .where(t.alert.c.no == bindparam("number"))
        .values(
            phase=bindparam("to_phase"),
            cursor=bindparam("to_cursor"),
            next_delivery=t.alert.c.next_delivery + bindparam("made"),
        )
    )
)


def _requirements(connection: Connection, fact: Fact, scope: Scope) -> list[list[int]]:
    body, found = fact.body, []
    look_up(connection, body["scope"]["version"])
    asked: list[tuple[int, int, int]] | None = None
    for place, stage in enumerate(body["stages"]):
        _ask(connection, fact, scope, place)
        if body["carry_over"]:
            _carry_over(connection, fact, stage["stage"])
        if asked is None or body["carry_over"]:
            asked = _asked(connection, fact, stage["stage"])
            sums = _with_above(connection, body["scope"]["version"], asked)
        # Without anything carried over, every stage asks the same.
        key = (fact.alert_no, stage["stage"])
        rows = [(*key, no, n, done, 0, 0) for no, (n, done) in sums.items()]
        _COVERAGE.many(connection, _COVERAGE_COLUMNS, rows)
        found += [[stage["stage"], *each] for each in asked]
    return found


def _ask(connection: Connection, fact: Fact, scope: Scope, place: int) -> None:
    """Write the requirements of one stage; those of a later one are like the first's."""
    body, stages = fact.body, fact.body["stages"]
    stage, first = stages[place], stages[0]
    base = (fact.alert_no << ALERT_SHIFT) + (stage["stage"] << STAGE_SHIFT)
    times = {
        "start_at": stage["start_at"],
        "due_at": stage["due_at"],
        "at_once": fact.occurred_at,
    }
    # Whom nobody can be reached for shows in the first stage's due times, if they differ.
    if place == 0 or body["carry_over"] or first["due_at"] == fact.occurred_at:
        within = {"after": body["after"], "upto": body["upto"]}
        _asking(scope).run(connection, base=base, **times, **within)
        return
    before = (fact.alert_no << ALERT_SHIFT) + (first["stage"] << STAGE_SHIFT)
    within = {"after": before + body["after"], "upto": before + body["upto"]}
    _ASKING_AGAIN.run(connection, further=base - before, **times, **within)


def _asking_again(_: str) -> Any:
    r, whole = t.requirement.c, BigInteger()
    rows = select(
        r.no + bindparam("further", type_=whole),
        r.unit_no,
        r.role,
        r.needed,
        literal(0),
        literal(int(RequirementState.OPEN)),
        literal(0),
        bindparam("start_at", type_=whole),
        case(
            (r.due_at == bindparam("at_once", type_=whole), r.due_at),
            else_=bindparam("due_at", type_=whole),
        ),
        literal(0),
    ).where(r.no > bindparam("after", type_=whole), r.no <= bindparam("upto", type_=whole))
    return t.requirement.insert().from_select(_ASKED_COLUMNS, rows.order_by(r.no))


_ASKED_COLUMNS = (
    *("no", "unit_no", "role", "needed", "have"),
    *("state", "step", "start_at", "due_at", "told"),
)
_ASKING_AGAIN = Prepared(_asking_again)


@lru_cache(maxsize=_SCOPES)
def _asking(scope: Scope) -> Prepared:
    """The statement that asks the duties of a range; the same for every chunk of an alert."""
    d, whole = t.duty.c, BigInteger()
    holder = exists().where(
        t.holding.c.duty_no == d.no,
        t.holding.c.rank == 1,
        t.holding.c.address_no.is_not(None),
        in_force(t.holding, scope.version),
    )
    rows = select(
        # Range addition, not OR: a duty's number stays below the stage's bit.
        bindparam("base", type_=whole) + d.no,
        d.unit_no,
        d.role,
        literal(1),
        literal(0),
        literal(int(RequirementState.OPEN)),
        literal(0),
        bindparam("start_at", type_=whole),
        # A duty that nobody can be reached for doesn't wait for its first rung.
        case((holder, bindparam("due_at", type_=whole)), else_=bindparam("at_once", type_=whole)),
        literal(0),
    ).where(
        d.no > bindparam("after", type_=whole),
        d.no <= bindparam("upto", type_=whole),
        in_force(t.duty, scope.version),
        one_of(d.role, set(scope.ladder_roles) & set(scope.roles)),
        inside(d.unit_no, scope),
    )
    return Prepared(
        lambda _: t.requirement.insert().from_select(_ASKED_COLUMNS, rows.order_by(d.no))
    )


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


def _asked(connection: Connection, fact: Fact, stage: int) -> list[tuple[int, int, int]]:
    """What this chunk asks at a stage: (unit, requirements, of them covered already)."""
    body = fact.body
    base = (fact.alert_no << ALERT_SHIFT) + (stage << STAGE_SHIFT)
    rows = _HOMES.rows(
        connection,
        after=base + body["after"],
        upto=base + body["upto"],
        version=body["scope"]["version"],
    )
    return [(unit_no, n, int(covered)) for unit_no, n, covered in rows]


def _with_above(
    connection: Connection, version: int, asked: Sequence[tuple[int, int, int]]
) -> dict[int, tuple[int, int]]:
    """What is asked of every unit and all below it: unit → (requirements, of them covered)."""
    sums: dict[int, tuple[int, int]] = {}
    parents = parents_of(connection, version, [unit_no for unit_no, _, _ in asked])
    for unit_no, n, covered in asked:
        for above in chain(unit_no, parents):
            needed, done = sums.get(above, (0, 0))
            sums[above] = (needed + n, done + covered)
    return sums


def _homes(dialect: str) -> Any:
    """What a range of requirements asks, by unit: (unit, requirements, covered already)."""
    r, place = t.requirement.c, places(dialect, bindparam("version"))
    answered = func.sum(case((r.state == int(RequirementState.COVERED), 1), else_=0))
    return (
        select(place.c.home_no, func.count(), answered)
        .select_from(t.requirement.join(place, place.c.unit_no == r.unit_no))
        .where(r.no > bindparam("after"), r.no <= bindparam("upto"))
        .group_by(place.c.home_no)
    )


_HOMES = Prepared(_homes)
_COVERAGE = Prepared(lambda name: dialect.adding(name, t.coverage))
_COVERAGE_COLUMNS = ("alert_no", "stage", "unit_no", "needed", "covered", "exhausted", "helping")


def parents_of(connection: Connection, version: int, units: Sequence[int]) -> dict[int, int | None]:
    """Each unit's parent, for `units` and all above them."""
    wanted = numbers(connection, dict.fromkeys(units))
    return dict(_PARENTS.rows(connection, units=wanted, version=version))


def _parents(dialect: str) -> Any:
    u, above = t.unit, t.unit.alias()
    asked = (among(dialect, u.c.no, "units"), in_force(u, bindparam("version")))
    found = select(u.c.no, u.c.parent_no).where(*asked).cte("found", recursive=True)
    # UNION, not ALL: each unit once, and a circle has an end.
    following = select(above.c.no, above.c.parent_no).join(found, above.c.no == found.c.parent_no)
    found = found.union(following.where(in_force(above, bindparam("version"))))
    return select(found.c.no, found.c.parent_no)


_PARENTS = Prepared(_parents)


def chain(unit_no: int, parents: Mapping[int, int | None]) -> list[int]:
    """A unit and all above it, from below."""
    found: list[int] = []
    current: int | None = unit_no
    while current is not None and current not in found:
        found.append(current)
        current = parents.get(current)
    return found


def _deliveries(
    connection: Connection, fact: Fact, scope: Scope
) -> tuple[list[list[int]], list[list[int]]]:
    body = fact.body
    told_first, told_last = numbers_of(body["references_no"] or 0)
    own_first, own_last = numbers_of(fact.alert_no)
    status = Status(body["status"])
    values = {
        "before": body["first"] - 1,
        "message_no": body["message_no"],
        "priority": body["priority"],
        "due_at": fact.occurred_at,
        "after": body["after"],
        "upto": body["upto"],
        "told_first": told_first,
        "told_last": told_last,
        "own_first": own_first,
        "own_last": own_last,
        "author": body["person_no"],
    }
    # The report holds the forecast against them, where there is one.
    forecast = body["references_no"] is None and status is not Status.TEST
    rows, channel, levels = tell(connection, body["phase"], scope, status, values, levels=forecast)
    made = _made(connection, fact, channel, rows)
    pending = int(DeliveryState.PENDING)
    count(connection, fact.alert_no, [[on, pending, n] for on, n in made])
    return made, levels


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
        select(c.lane, func.count()).where(c.id >= first, c.id < first + made).group_by(c.lane)
    )
    by_channel: Counter[int] = Counter()
    for lane, n in rows:
        by_channel[channel_of(lane)] += n
    return [[on, n] for on, n in sorted(by_channel.items())]
