"""Areas × roles → duties and recipients, over a roster in memory. Pure.

This says what selecting means: the store does the same for large rosters as set-based SQL, and its
tests compare with this.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from alertd.errors import InvalidInputError
from rosters.model import ChatGroup, Holding, Person, Roster, Terminal, Unit
from rosters.phones import takes_sms
from rosters.problems import quote
from rosters.words import ROLES, Level

# Where a code may be cut: the ends of 2-2-2-3-3.
_CUTS = (2, 4, 6, 9, 12)
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Duty:
    """A post in a unit with those of its holders that were selected.

    Args:
        unit_code: The unit.
        post: The post.
        level: The unit's level.
        holders: By rank, the principal first.
    """

    unit_code: str
    post: str
    level: Level
    holders: tuple[Holding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Whom and what an alert for some areas and roles goes to.

    Args:
        roles: What was asked for; empty for everybody.
        units: Codes of the units selected.
        duties: From the city down, then by code and post.
        people: The duties' holders by person id, each once.
        terminals: Loudspeakers in the areas, whatever the roles.
        groups: Chat groups in the areas, whatever the roles.
    """

    roles: frozenset[str]
    units: frozenset[str]
    duties: tuple[Duty, ...]
    people: Mapping[str, Person] = field(repr=False)
    terminals: tuple[Terminal, ...]
    groups: tuple[ChatGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headcount:
    """How many a selection reaches.

    Args:
        duties: Posts in units.
        person_duties: Holdings: a person with two duties counts twice.
        people: Each person once.
        unreachable: People without an address for any of their channels.
        terminals: Loudspeakers.
        groups: Chat groups.
        by_level: People whose duty is at a level; who has duties at two levels counts in both.
        by_role: People who hold a role; only the roles asked for, where any were.
        by_channel: People by `sms`, `chat` and `voice`; terminals as `loudspeaker`; groups as
            `group`.
    """

    duties: int
    person_duties: int
    people: int
    unreachable: int
    terminals: int
    groups: int
    by_level: Mapping[Level, int]
    by_role: Mapping[str, int]
    by_channel: Mapping[str, int]


def resolve(roster: Roster, areas: Iterable[str], roles: Iterable[str] = ()) -> Selection:
    """Select the holdings that have one of the roles in one of the areas.

    Args:
        roster: Where to look.
        areas: Codes: of a unit, or cut after the 2nd, 4th, 6th, 9th or 12th digit. An area is
            every unit whose code begins with it, and all that lies below those by their parents.
        roles: Keys; none for everybody.

    Raises:
        InvalidInputError: An area or a role that the roster doesn't know; each is named.
    """
    units = select_units(roster.units, areas)
    wanted = check_roles(roles, {role for held in roster.holdings.values() for role in held.roles})
    by_duty: dict[tuple[str, str], list[Holding]] = {}
    for holding in roster.holdings.values():
        if holding.unit_code in units and (not wanted or not wanted.isdisjoint(holding.roles)):
            by_duty.setdefault((holding.unit_code, holding.post), []).append(holding)
    duties = [
        Duty(unit_code, post, roster.units[unit_code].level, tuple(sorted(holders, key=_by_rank)))
        for (unit_code, post), holders in by_duty.items()
    ]
    ids = {holder.person_id for duty in duties for holder in duty.holders}
    return Selection(
        roles=wanted,
        units=units,
        duties=tuple(sorted(duties, key=_from_above)),
        people={person_id: roster.people[person_id] for person_id in sorted(ids)},
        terminals=tuple(t for t in roster.terminals.values() if t.unit_code in units),
        groups=tuple(g for g in roster.groups.values() if g.unit_code in units),
    )


def _by_rank(holding: Holding) -> tuple[int, str, str]:
    return (holding.rank, holding.person_id, holding.on_duty_from)


def _from_above(duty: Duty) -> tuple[int, str, str]:
    return (duty.level.depth, duty.unit_code, duty.post)


def select_units(units: Mapping[str, Unit], areas: Iterable[str]) -> frozenset[str]:
    """The codes of all units in some areas.

    Raises:
        InvalidInputError: No area, or areas that the roster doesn't know; each is named.
    """
    wanted = tuple(dict.fromkeys(areas))
    unknown = [area for area in wanted if not _is_area(area, units)]
    if unknown or not wanted:
        named = ", ".join(quote(area, code=True) for area in unknown[:_NAMED])
        raise InvalidInputError(
            f"unknown area codes: {named}" if unknown else "no area was given",
            field="areas",
            hint="give the code of a unit, or one cut after its 2nd, 4th, 6th, 9th or 12th digit",
        )
    selected = {code for code in units if code.startswith(wanted)}
    children: dict[str, list[str]] = {}
    for unit in units.values():
        children.setdefault(unit.parent_code, []).append(unit.code)
    frontier = list(selected)
    while frontier:
        below = children.get(frontier.pop(), [])
        fresh = [code for code in below if code not in selected]
        selected.update(fresh)
        frontier.extend(fresh)
    return frozenset(selected)


def _is_area(area: str, units: Mapping[str, Unit]) -> bool:
    """A code cut anywhere else is a slip of the pen that would select more than was meant."""
    if area in units:
        return True
    return len(area) in _CUTS and any(code.startswith(area) for code in units)


def check_roles(roles: Iterable[str], held: Iterable[str]) -> frozenset[str]:
    """The roles asked for.

    Args:
        roles: Keys.
        held: The roles that somebody in the roster has.

    Raises:
        InvalidInputError: A role that is neither a known one nor held by anybody; each is named.
    """
    wanted = frozenset(roles)
    unknown = sorted(wanted - ROLES.keys() - frozenset(held))
    if unknown:
        raise InvalidInputError(
            f"unknown roles: {', '.join(quote(role) for role in unknown[:_NAMED])}",
            field="roles",
            hint=f"known are {', '.join(ROLES)}, and those of the roster's own",
        )
    return wanted


def headcount(selection: Selection) -> Headcount:
    """Count a selection; shown before anything is sent."""
    by_level: dict[Level, set[str]] = {level: set() for level in Level}
    by_role: dict[str, set[str]] = {role: set() for role in sorted(selection.roles)}
    for duty in selection.duties:
        for holder in duty.holders:
            by_level[duty.level].add(holder.person_id)
            for role in holder.roles:
                if not selection.roles or role in selection.roles:
                    by_role.setdefault(role, set()).add(holder.person_id)
    reach = [reachable_by(person) for person in selection.people.values()]
    return Headcount(
        duties=len(selection.duties),
        person_duties=sum(len(duty.holders) for duty in selection.duties),
        people=len(selection.people),
        unreachable=sum(not channels for channels in reach),
        terminals=len(selection.terminals),
        groups=len(selection.groups),
        by_level={level: len(people) for level, people in by_level.items()},
        by_role={role: len(people) for role, people in by_role.items()},
        by_channel={
            **{name: sum(name in each for each in reach) for name in ("sms", "chat", "voice")},
            "loudspeaker": len(selection.terminals),
            "group": len(selection.groups),
        },
    )


def reachable_by(person: Person) -> tuple[str, ...]:
    """Those of a person's channels that there is an address for."""
    has = {
        "sms": any(takes_sms(phone) for phone in person.phones),
        "chat": bool(person.chat_id or person.phones),  # platforms mention people by mobile
        "voice": bool(person.phones or person.short_phone),
    }
    return tuple(channel for channel in person.channels if has[channel])
