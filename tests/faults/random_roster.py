"""A small roster that changes at random: people come and go, swap numbers; units move and end."""

import random
from collections.abc import Callable, Collection
from dataclasses import replace

from rosters.model import ChatGroup, Holding, Person, Roster, Terminal, Unit
from rosters.words import Level
from tests.small_city import person, unit

CITY = "330281"
LEADER = "grid_leader"
_FIRST = ord("翀")  # and after it: names that are no words, of which an answer may be signed
LEADS = {
    Level.SUBDISTRICT: "subdistrict_lead",
    Level.COMMUNITY: "community_lead",
    Level.GRID: LEADER,
    Level.BUILDING: "building_lead",
}
SHIFTS = (("08:00", "17:00"), ("08:00", "20:00"), ("00:00", "17:10"), ("16:00", "00:00"))


class RandomRoster:
    """What an import would hold now; `change` makes it another. Throws the dice it is given."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.numbers = 0
        self.units: dict[str, Unit] = {}
        self.people: dict[str, Person] = {}
        self.holdings: dict[tuple[str, str, str, str], Holding] = {}
        self.terminals: dict[str, Terminal] = {}
        self.groups: dict[str, ChatGroup] = {}
        self._unit(CITY, Level.CITY, "")
        for town in range(dice.choice([1, 2, 2, 3])):
            self._below(f"{CITY}{town + 1:03}", Level.SUBDISTRICT, CITY)
        for rank, odds in ((1, 0.9), (2, 0.3)):
            if dice.random() < odds:
                self._post(CITY, "city_duty", rank)
        for n, code in enumerate(list(self.units)[:4]):
            if dice.random() < 0.4:
                url = f"https://chat.invalid/{n}"
                self.groups[f"G{n}"] = ChatGroup(f"G{n}", code, "webhook", url, "secret")
            if dice.random() < 0.4:
                self.terminals[f"T{n}"] = Terminal(f"T{n}", code, "gate", 121.1, 30.0)
        for _ in range(dice.choice([0, 0, 1, 2])):
            self.shifts()

    def roster(self) -> Roster:
        """Units from the top down; of the people those who hold something."""
        held = {each.person_id for each in self.holdings.values()}
        order = sorted(self.units.values(), key=lambda each: (each.level.depth, each.code))
        return Roster(
            units={each.code: each for each in order},
            people={key: each for key, each in self.people.items() if key in held},
            holdings=dict(self.holdings),
            terminals=dict(self.terminals),
            groups=dict(self.groups),
        )

    def change(self) -> str:
        """Make one change; returns its name."""
        made = self.dice.choice(CHANGES)
        made(self)
        return made.__name__

    # What it is built of.

    def _unit(self, code: str, level: Level, parent: str) -> None:
        self.units[code] = unit(code, level, parent)

    def _below(self, code: str, level: Level, parent: str) -> None:
        """A unit with its lead, and all below it."""
        dice = self.dice
        self._unit(code, level, parent)
        low = level in (Level.GRID, Level.BUILDING)
        if dice.random() < (0.9 if low else 0.8):
            self._post(code, LEADS[level])
        if level is Level.GRID and dice.random() < 0.5:
            self._post(code, LEADER, 2)
        inside = {
            Level.SUBDISTRICT: (Level.COMMUNITY, "{:03}", [1, 1, 2]),
            Level.COMMUNITY: (Level.GRID, "G{}", [1, 2]),
            Level.GRID: (Level.BUILDING, "B{}", [0, 1]),
        }
        if level in inside:
            next_level, form, how_many = inside[level]
            for n in range(dice.choice(how_many)):
                self._below(code + form.format(n + 1), next_level, code)

    def _number(self) -> str:
        self.numbers += 1
        return f"+86139{self.numbers:08d}"

    def _somebody_new(self) -> str:
        """With a number or two; some with none, some with somebody else's."""
        dice = self.dice
        phones = [self._number() for _ in range(dice.choice([1, 1, 1, 2]))]
        chance = dice.random()
        if chance < 0.06:
            phones = []
        elif chance < 0.14 and self.people:
            phones = list(dice.choice(list(self.people.values())).phones[:1])
        elif chance < 0.2:
            phones = [f"+86574{phones[0][-8:]}"]  # a fixed line, which takes no text
        key = f"P{len(self.people) + 1}"
        self.people[key] = replace(person(key, *phones), name=f"王{chr(_FIRST + len(self.people))}")
        return key

    def _post(
        self, code: str, post: str, rank: int = 1, who: str = "", shift: tuple[str, str] = ("", "")
    ) -> None:
        """Have somebody hold a post, unless they hold it already; mostly somebody new."""
        if not who:
            known = self.people and self.dice.random() < 0.12
            who = self.dice.choice(list(self.people)) if known else self._somebody_new()
        same = [each for each in self.holdings.values() if each.person_id == who]
        if not any((each.unit_code, each.post) == (code, post) for each in same):
            held = Holding(who, code, post, rank, (post,), *shift)
            self.holdings[held.key] = held

    # What it is picked from.

    def _held_by(self) -> list[str]:
        return sorted({each.person_id for each in self.holdings.values()})

    def _holder(self) -> str:
        return self.dice.choice(self._held_by())

    def _taken(self) -> Holding:
        return self.holdings.pop(self.dice.choice(sorted(self.holdings)))

    def _codes(self, *levels: Level) -> list[str]:
        return sorted(each.code for each in self.units.values() if each.level in levels)

    def _grids_led(self) -> list[str]:
        return sorted({each.unit_code for each in self.holdings.values() if each.post == LEADER})

    # The changes.

    def shifts(self) -> None:
        """A day and a night leader somewhere."""
        if not (led := self._grids_led()):
            return
        code = self.dice.choice(led)
        self._drop(lambda each: (each.unit_code, each.post) == (code, LEADER))
        begins, ends = self.dice.choice(SHIFTS)
        self._post(code, LEADER, 1, self._somebody_new(), (begins, ends))
        self._post(code, LEADER, 1, self._somebody_new(), (ends, begins))

    def goes(self) -> None:
        who = self._holder()
        self._drop(lambda each: each.person_id == who)

    def new_leader(self) -> None:
        who, old = self._holder(), self._taken()
        new = self._somebody_new() if self.dice.random() < 0.7 else who
        shift = (old.on_duty_from, old.on_duty_to)
        self._post(old.unit_code, old.post, old.rank, new, shift)

    def new_number(self) -> None:
        who = self.people[self._holder()]
        self._phones(who, (self._number(), *who.phones[1:]))

    def no_number(self) -> None:
        self._phones(self.people[self._holder()], ())

    def numbers_swapped(self) -> None:
        one, other = self.people[self._holder()], self.people[self._holder()]
        if one is not other:
            self._phones(one, other.phones)
            self._phones(other, one.phones)

    def number_shared(self) -> None:
        one, other = self.people[self._holder()], self.people[self._holder()]
        if other.phones:
            self._phones(one, other.phones[:1])

    def sharer_goes(self) -> None:
        """One of those who share a telephone leaves the roster, or leaves it to the other."""
        shared = [key for key in self._held_by() if self.sharing(key)]
        if shared:
            who = self.dice.choice(shared)
            if self.dice.random() < 0.5:
                self._drop(lambda each: each.person_id == who)
            else:
                self._phones(self.people[who], (self._number(),))

    def at(self, phone: str) -> list[Person]:
        """Whose number it is, of those who hold something."""
        return [one for key in self._held_by() if phone in (one := self.people[key]).phones]

    def sharing(self, key: str) -> list[Person]:
        """Who else has somebody's first number, of those who hold something."""
        first = self.people[key].phones[:1]
        others = (self.people[other] for other in self._held_by() if other != key)
        return [each for each in others if first and first[0] in each.phones]

    def unit_moved(self) -> None:
        if movable := self._codes(Level.GRID, Level.COMMUNITY):
            moved = self.units[self.dice.choice(movable)]
            above = Level.COMMUNITY if moved.level is Level.GRID else Level.SUBDISTRICT
            parent = self.dice.choice(self._codes(above))
            self.units[moved.code] = replace(moved, parent_code=parent)

    def unit_ended(self) -> None:
        """With all that is below it; the last two stay."""
        some = self._codes(Level.GRID, Level.BUILDING, Level.COMMUNITY)
        if len(some) <= 2:
            return
        gone, more = set[str](), {self.dice.choice(some)}
        while more:
            gone |= more
            more = {each.code for each in self.units.values() if each.parent_code in gone} - gone
        if self._are_all(gone):
            return
        self.units = {code: each for code, each in self.units.items() if code not in gone}
        self._drop(lambda each: each.unit_code in gone)
        self.groups = {key: g for key, g in self.groups.items() if g.unit_code not in gone}
        self.terminals = {key: x for key, x in self.terminals.items() if x.unit_code not in gone}

    def other_rank(self) -> None:
        old = self._taken()
        new = replace(old, rank=2 if old.rank == 1 else 1)
        self.holdings[new.key] = new

    def new_alternate(self) -> None:
        if led := self._grids_led():
            self._post(self.dice.choice(led), LEADER, 2)

    def person_moved(self) -> None:
        old = self._taken()
        where = self.dice.choice(self._codes(self.units[old.unit_code].level))
        self._post(where, old.post, old.rank, old.person_id)

    def own_superior(self) -> None:
        """Who leads a unit leads one above it as well, or somebody of several grids does."""
        held = self.holdings[self.dice.choice(sorted(self.holdings))]
        above = [held.unit_code[:9], held.unit_code[:12], *self._codes(Level.GRID)]
        code = self.dice.choice([code for code in above if code in self.units])
        if (level := self.units[code].level) in LEADS:
            self._drop(lambda each: (each.unit_code, each.post) == (code, LEADS[level]))
            self._post(code, LEADS[level], 1, held.person_id)

    def grids_merged(self) -> None:
        """One takes the other's stairwells over; who led the other helps out, or goes."""
        if len(grids := self._codes(Level.GRID)) < 3:
            return
        old, new = self.dice.sample(grids, 2)
        if self._are_all({old}):
            return
        del self.units[old]
        for code, each in self.units.items():
            if each.parent_code == old:
                self.units[code] = replace(each, parent_code=new)
        led = [each for each in self.holdings.values() if each.unit_code == old]
        self._drop(lambda each: each.unit_code == old)
        self.groups = {key: g for key, g in self.groups.items() if g.unit_code != old}
        self.terminals = {key: x for key, x in self.terminals.items() if x.unit_code != old}
        for each in led if self.dice.random() < 0.5 else []:
            self._post(new, each.post, 2, each.person_id)

    def unit_renamed(self) -> None:
        """A grid has another code; for the roster that is another grid."""
        if not (grids := self._codes(Level.GRID)):
            return
        old = self.dice.choice(grids)
        new = f"{old[:12]}G{self.dice.randint(5, 9)}"
        if new in self.units:
            return
        self.units[new] = replace(self.units.pop(old), code=new)
        for code, each in self.units.items():
            if each.parent_code == old:
                self.units[code] = replace(each, parent_code=new)
        for held in [each for each in self.holdings.values() if each.unit_code == old]:
            del self.holdings[held.key]
            moved = replace(held, unit_code=new)
            self.holdings[moved.key] = moved
        for key, group in self.groups.items():
            if group.unit_code == old:
                self.groups[key] = replace(group, unit_code=new)
        for key, terminal in self.terminals.items():
            if terminal.unit_code == old:
                self.terminals[key] = replace(terminal, unit_code=new)

    def _phones(self, who: Person, phones: tuple[str, ...]) -> None:
        self.people[who.person_id] = replace(who, phones=phones)

    def _are_all(self, units: Collection[str]) -> bool:
        """Whether nobody holds anything elsewhere."""
        return all(each.unit_code in units for each in self.holdings.values())

    def _drop(self, which: Callable[[Holding], bool]) -> None:
        """Let go of some holdings, but never of the last."""
        kept = {key: each for key, each in self.holdings.items() if not which(each)}
        self.holdings = kept or self.holdings


CHANGES = (
    RandomRoster.shifts,
    RandomRoster.goes,
    RandomRoster.new_leader,
    RandomRoster.new_number,
    RandomRoster.no_number,
    RandomRoster.numbers_swapped,
    RandomRoster.number_shared,
    RandomRoster.number_shared,
    RandomRoster.sharer_goes,
    RandomRoster.unit_moved,
    RandomRoster.unit_ended,
    RandomRoster.other_rank,
    RandomRoster.new_alternate,
    RandomRoster.person_moved,
    RandomRoster.unit_renamed,
    RandomRoster.own_superior,
    RandomRoster.grids_merged,
)
