"""Who is where in the city that is played: read once, and the same for every night."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from alertd.store import people
from alertd.store.reads import rehearsal
from alertd.store.reads.rehearsal import Held
from rosters.words import LEAD_ROLES, Level

_TOWN_DEPTH = 2  # of a path: the city, the town


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who holds duties: what they are, and where they are at night."""

    no: int
    roles: frozenset[str]
    path: str  # of the first unit that they answer for, or else hold anything in
    rank: int  # 1: principal there; 2: an alternate
    duties: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A unit."""

    path: str
    level: str
    name: str


@dataclass(frozen=True, slots=True)
class Census:
    """The whole city.

    Args:
        people: By number.
        behind: By address, whose phone it is: more than one where a phone is shared.
        held: By duty, who holds it, principals first.
        speakers: By id, the path of a loudspeaker's unit.
        places: Units by number.
        leads: By a unit's path, who holds its duties, principals first.
        town_of_unit: By unit, the path of the town that it lies in.
        towns: All of these.
    """

    people: Mapping[int, Person]
    behind: Mapping[int, tuple[int, ...]]
    held: Mapping[int, tuple[Held, ...]]
    speakers: Mapping[str, str]
    places: Mapping[int, Place]
    leads: Mapping[str, tuple[Held, ...]]
    town_of_unit: Mapping[int, str]
    towns: tuple[str, ...]

    def unit_of(self, duty: int) -> int:
        """The unit of a duty that somebody holds."""
        return self.held[duty][0].unit_no

    def leads_above(
        self, unit: int, roles: Sequence[str], gone: Collection[int] = ()
    ) -> frozenset[int]:
        """Who answers for the nearest unit above that anybody answers for: one a shift.

        With who stands in for them, where all of them are `gone`. Nobody where a principal has no
        phone for texts: who is told then is a question of its own.
        """
        path = self.places[unit].path
        above = [self.leads.get("/".join(path.split("/")[:n]) + "/", ()) for n in range(9, 0, -1)]
        for held in above:
            fit = [h for role in roles for h in held if h.role == role and h.unit_no != unit]
            if fit:
                post = [h for h in fit if h.duty_no == fit[0].duty_no]
                first = [h for h in post if h.rank == 1]
                if any(h.address_no is None for h in first):
                    return frozenset()
                here = post if all(h.person_no in gone for h in first) else first
                return frozenset(h.person_no for h in here if h.address_no is not None)
        return frozenset()

    def principal(self, duty: int, minute: int) -> int:
        """Who answers for a duty at a minute of the city's day."""
        return people.in_charge(self.held[duty], minute)[0]


def town_of(path: str) -> str:
    """The part of a path that names the town; all of a shorter one."""
    return "/".join(path.split("/")[:_TOWN_DEPTH]) + "/"


def read(connection: Connection) -> Census:
    """Read it from a scratch city."""
    held: dict[int, list[Held]] = {}
    mine: dict[int, list[Held]] = {}
    for each in rehearsal.holdings(connection):
        mine.setdefault(each.person_no, []).append(each)
        held.setdefault(each.duty_no, []).append(each)
    leads: dict[str, list[Held]] = {}
    for each in sorted((h for those in held.values() for h in those), key=lambda h: h.rank):
        leads.setdefault(each.path, []).append(each)
    behind: dict[int, dict[int, None]] = {}
    for person, address in rehearsal.phones(connection):
        behind.setdefault(address, {})[person] = None
    places = {no: Place(*place) for no, place in rehearsal.places(connection).items()}
    towns = {no: town_of(place.path) for no, place in places.items()}
    return Census(
        people={no: _person(no, duties) for no, duties in mine.items()},
        behind={address: tuple(people) for address, people in behind.items()},
        held={no: tuple(sorted(those, key=lambda h: h.rank)) for no, those in held.items()},
        speakers=rehearsal.terminals(connection),
        places=places,
        town_of_unit=towns,
        towns=tuple(sorted(set(towns.values()))),
        leads={path: tuple(those) for path, those in leads.items()},
    )


def _person(no: int, duties: list[Held]) -> Person:
    leads = [each for each in duties if each.role in LEAD_ROLES.values()]
    first = min(leads or duties, key=lambda each: (each.rank, each.duty_no))
    return Person(
        no=no,
        roles=frozenset(each.role for each in duties),
        path=first.path,
        rank=min(first.rank, 2),
        duties=tuple(each.duty_no for each in duties),
    )


def is_grid(place: Place) -> bool:
    """Whether a unit is a grid."""
    return place.level == Level.GRID
