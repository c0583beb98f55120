"""Whom a selection reaches, counted before anything is sent.

The same conditions as the expansion's (store.fold.expansion), so that what is shown is what will be
written down; `rosters.resolve` says the same in plain words, and tests compare all three.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    distinct,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)

from alertd.errors import InvalidInputError
from alertd.i18n import N_
from alertd.lanes import way_of_group
from alertd.model import Channel, Precedence
from alertd.store import tables as t
from alertd.store.fold.places import LEVELS, depth_of
from alertd.store.fold.scope import below, in_force
from alertd.store.fold.shifts import stood_down
from rosters.problems import quote
from rosters.resolve import check_roles

# Where a code may be cut: the ends of 2-2-2-3-3 (DOMAIN: area codes).
_CUTS = (2, 4, 6, 9, 12)
_NAMED = 10


Waves = Mapping[str, Mapping[str, int]]
"""By precedence, and then by level, how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headcount:
    """How many a selection reaches.

    Args:
        duties: Posts in units with somebody selected.
        person_duties: People's parts in them: who has two duties counts twice.
        people: Each person once.
        unreachable: Those of them whom no message can be sent to.
        off_duty: Whose shift it isn't, while another's is: alternates, for now.
        requirements: Duties that will be asked for an answer, per stage.
        vacant: Those of them whose principal nobody can send to: due at once.
        by_level: People whose duty is at a level; who has duties at two levels counts in both.
        by_role: People by the role that selects them; who has two counts in both.
        by_channel: Messages of the first wave: `sms` people, `loudspeaker`s, `chat` groups, `mail`
            and `paper` where there are any.
        by_precedence: The `sms` people in the order in which they are told: `first`, `others`,
            `alternates`.
        waves: The messages of each channel by precedence, and those by the level of the unit that
            they are for; a person's is the highest of their selected duties'.
        sharing: How many numbers so many of the `sms` people share.
    """

    duties: int
    person_duties: int
    people: int
    unreachable: int
    off_duty: int
    requirements: int
    vacant: int
    by_level: Mapping[str, int]
    by_role: Mapping[str, int]
    by_channel: Mapping[str, int]
    by_precedence: Mapping[str, int]
    waves: Mapping[str, Waves]
    sharing: Mapping[int, int]


def headcount(
    connection: Connection,
    version: int,
    *,
    paths: Sequence[str],
    roles: Sequence[str],
    ladder_roles: Sequence[str],
    everyone: bool = False,
    minute: int | None = None,
) -> Headcount:
    """Count a selection.

    Args:
        connection: Reading is enough.
        version: Of the roster.
        paths: Of units, as `paths_for` gives them.
        roles: As `roles_for` gives them.
        ladder_roles: Of the policy: who of them is selected is asked for an answer.
        everyone: Alternates too, from the start; otherwise principals only.
        minute: Of the local day, for whose shift it is; None: shifts aren't looked at.
    """
    everybody = _everybody(version, paths, roles, minute).cte("everybody")
    told = select(everybody)
    if not everyone:
        told = told.where(everybody.c.rank == 1, everybody.c.off == 0)
    asked = set(ladder_roles) & set(roles)
    found = _count(connection, everybody.c, told.cte("chosen").c, asked)
    waves = {
        Channel.SMS.word: _people_waves(found["waves"]),
        Channel.LOUDSPEAKER.word: _first(_terminals(connection, version, paths)),
        **_groups(connection, version, paths),
    }
    one = {name: found[name][0][-1] for name in _ONE}
    return Headcount(
        **one,
        requirements=_requirements(connection, version, paths, asked),
        vacant=_requirements(connection, version, paths, asked, ~_principal_by_sms(version)),
        by_level={level: n for level, _, _, n in sorted(found["by_level"])},
        by_role={role: n for role, _, _, n in sorted(found["by_role"])},
        by_channel={
            word: sum(sum(levels.values()) for levels in by_precedence.values())
            for word, by_precedence in waves.items()
        },
        by_precedence={
            name: sum(levels.values()) for name, levels in waves[Channel.SMS.word].items()
        },
        waves=waves,
        sharing={people: n for _, people, _, n in sorted(found["sharing"])},
    )


def _everybody(
    version: int, paths: Sequence[str], roles: Sequence[str], minute: int | None
) -> Select[Any]:
    """Who holds a selected duty, a row each; from the units down, as a town is few of them.

    A holding's own unit and role are its duty's, and no index leads from those to it.
    """
    h, u, d = t.holding.c, t.unit.c, t.duty.c
    return (
        select(
            *(h.person_no, h.unit_no, h.role, h.rank, h.address_no, u.level, d.post),
            case((stood_down(version, minute), 1), else_=0).label("off"),
        )
        .join_from(t.unit, t.duty, d.unit_no == u.no)
        .join(t.holding, h.duty_no == d.no)
        .where(
            in_force(t.holding, version),
            in_force(t.unit, version),
            in_force(t.duty, version),
            below(u.path, paths),
            d.role.in_(roles),
        )
    )


_ONE = ("people", "unreachable", "duties", "person_duties", "off_duty")


def _count(
    connection: Connection, everybody: Any, found: Any, asked: set[str]
) -> dict[str, list[tuple[str, int, int, int]]]:
    """Figures about people by name: (word, number, number, how many), whatever each is by.

    One statement, so that the selection is found once and not once a figure.
    """
    person = func.count(distinct(found.person_no))
    duties = select(found.unit_no, found.post).distinct().subquery()
    parts = select(found.unit_no, found.post, found.person_no).distinct().subquery()
    each = _each(found, asked).subquery()
    shared = func.count(distinct(found.person_no)).label("people")
    phones = select(shared).where(found.address_no.is_not(None)).group_by(found.address_no)
    phone = phones.subquery()
    figures = (
        _figure("people", person),
        _figure("unreachable", person).where(found.address_no.is_(None)),
        _figure("duties", func.count()).select_from(duties),
        _figure("person_duties", func.count()).select_from(parts),
        _figure("off_duty", func.count(distinct(everybody.person_no))).where(everybody.off == 1),
        _figure("by_level", person, found.level).group_by(found.level),
        _figure("by_role", person, found.role).group_by(found.role),
        _figure("waves", func.count(), numbers=(each.c.precedence, each.c.depth)).group_by(
            each.c.precedence, each.c.depth
        ),
        _figure("sharing", func.count(), numbers=(phone.c.people, literal(0))).group_by(
            phone.c.people
        ),
    )
    counted: dict[str, list[tuple[str, int, int, int]]] = {}
    for name, *row in connection.execute(union_all(*figures)):
        counted.setdefault(name, []).append(tuple(row))
    return defaultdict(list, counted)


_NO_WORD, _NOTHING = literal(""), (literal(0), literal(0))


def _figure(
    name: str, how_many: Any, word: Any = _NO_WORD, numbers: tuple[Any, Any] = _NOTHING
) -> Select[Any]:
    return select(literal(name), word, *numbers, how_many)


def paths_for(connection: Connection, version: int, areas: Iterable[str]) -> tuple[str, ...]:
    """The paths that some areas cover; none of them lies below another.

    Args:
        connection: Reading is enough.
        version: Of the roster.
        areas: Codes: of a unit, or cut after the 2nd, 4th, 6th, 9th or 12th digit. An area is
            every unit whose code begins with it, and all that lies below those.

    Raises:
        InvalidInputError: No area, or areas that the roster doesn't know; each is named.
    """
    wanted = list(dict.fromkeys(area.strip() for area in areas))
    unknown = [area for area in wanted if not _is_area(connection, version, area)]
    if unknown or not wanted:
        codes = ", ".join(quote(area, code=True) for area in unknown[:_NAMED])
        sentence = N_("The roster has no area {codes}.") if unknown else N_("No area was given.")
        raise InvalidInputError(
            sentence.format(codes=codes),
            field="areas",
            hint="Give the code of a unit, or one cut after its 2nd, 4th, 6th, 9th or 12th digit.",
        )
    u = t.unit.c
    query = select(u.path).where(
        in_force(t.unit, version), or_(*(_begins(u.code, area) for area in wanted))
    )
    found: list[str] = []
    for path in connection.execute(query.order_by(u.path)).scalars():
        if not found or not path.startswith(found[-1]):
            found.append(path)
    return tuple(found)


def roles_for(connection: Connection, version: int, roles: Iterable[str]) -> tuple[str, ...]:
    """The roles asked for, sorted; all that anybody holds where none was asked for.

    Raises:
        InvalidInputError: A role that is neither a known one nor held by anybody; each is named.
    """
    held = known_roles(connection, version)
    return tuple(sorted(check_roles(roles, held))) or held


def known_roles(connection: Connection, version: int) -> tuple[str, ...]:
    """Every role that somebody holds, sorted."""
    c = t.duty.c
    rows = connection.execute(select(c.role).where(in_force(t.duty, version)).distinct())
    return tuple(sorted(rows.scalars()))


def _is_area(connection: Connection, version: int, area: str) -> bool:
    """A code cut anywhere else is a slip of the pen that would select more than was meant."""
    if not area.isascii():  # codes are; and the range below needs a next character
        return False
    u = t.unit.c
    match = _begins(u.code, area) if len(area) in _CUTS else u.code == area
    query = select(u.no).where(in_force(t.unit, version), match).limit(1)
    return connection.execute(query).first() is not None


def _begins(code: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """A prefix as a range, which an index serves."""
    return and_(code >= prefix, code < prefix[:-1] + chr(ord(prefix[-1]) + 1))


def _principal_by_sms(version: int) -> ColumnElement[bool]:
    h = t.holding.c
    return exists().where(
        h.duty_no == t.duty.c.no,
        h.rank == 1,
        h.address_no.is_not(None),
        in_force(t.holding, version),
    )


def _requirements(
    connection: Connection,
    version: int,
    paths: Sequence[str],
    roles: Iterable[str],
    *conditions: ColumnElement[bool],
) -> int:
    return _inside(connection, t.duty, version, paths, t.duty.c.role.in_(set(roles)), *conditions)


def _each(found: Any, asked: set[str]) -> Select[Any]:
    """Everybody who can be sent to, as the expansion ranks them (store.fold.recipients)."""
    principal = and_(found.rank == 1, found.off == 0)
    answering = and_(principal, found.role.in_(asked))
    precedence = case(
        (answering, int(Precedence.FIRST)),
        (principal, int(Precedence.OTHERS)),
        else_=int(Precedence.ALTERNATES),
    )
    columns: tuple[Any, Any] = (
        func.min(precedence).label("precedence"),
        func.min(depth_of(found.level)).label("depth"),
    )
    return select(*columns).where(found.address_no.is_not(None)).group_by(found.person_no)


def _people_waves(rows: Iterable[tuple[str, int, int, int]]) -> Waves:
    waves: dict[str, dict[str, int]] = {p.name.lower(): {} for p in Precedence}
    for _, place, depth, n in sorted(rows, key=lambda row: row[2]):
        waves[Precedence(place).name.lower()][LEVELS[depth]] = n
    return waves


def _terminals(connection: Connection, version: int, paths: Sequence[str]) -> dict[str, int]:
    u, c = t.unit.c, t.terminal.c
    query = select(u.level, func.count()).join_from(t.terminal, t.unit, u.no == c.unit_no)
    here = (in_force(t.terminal, version), in_force(t.unit, version), below(u.path, paths))
    rows = connection.execute(query.where(*here).group_by(u.level))
    found = {row[0]: row[1] for row in rows}
    return {level: found[level] for level in LEVELS if level in found}


def _first(levels: Mapping[str, int]) -> Waves:
    return {Precedence.FIRST.name.lower(): levels}


def _groups(connection: Connection, version: int, paths: Sequence[str]) -> dict[str, Waves]:
    """Groups by the channel that reaches them; `chat` is always there."""
    u, c = t.unit.c, t.chat_group.c
    query = (
        select(c.kind, u.level, func.count())
        .join_from(t.chat_group, t.unit, u.no == c.unit_no)
        .where(in_force(t.chat_group, version), in_force(t.unit, version), below(u.path, paths))
        .group_by(c.kind, u.level)
    )
    found: dict[str, Counter[str]] = {Channel.CHAT.word: Counter()}
    for kind, level, n in connection.execute(query):
        found.setdefault(way_of_group(kind)[0].word, Counter())[level] += n
    return {
        word: _first({level: levels[level] for level in LEVELS if level in levels})
        for word, levels in found.items()
    }


def _inside(
    connection: Connection,
    table: Any,
    version: int,
    paths: Sequence[str],
    *conditions: ColumnElement[bool],
) -> int:
    u = t.unit.c
    query = (
        select(func.count())
        .join_from(table, t.unit, u.no == table.c.unit_no)
        .where(
            in_force(table, version), in_force(t.unit, version), below(u.path, paths), *conditions
        )
    )
    return connection.execute(query).scalar_one()
