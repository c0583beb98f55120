"""People of a sample city: made-up names, numbers that ring at nobody's."""

import datetime as dt
import math

from rosters.model import Holding, Person, Unit, UnitFacts
from rosters.phones import FICTIONAL_PREFIX
from rosters.rows import midnight
from rosters.sample_plan import Plan, scatter
from rosters.sample_words import GIVEN, RARE, SURNAMES

_NUMBERS = 10**8  # eight digits after the prefix
_NUMBER_STEP = (
    61_803_399  # coprime to 10^8: consecutive people get numbers far apart, all different
)
_SECOND_PHONE, _ENGLISH, _RARE_NAME, _STALE = 10, 500, 400, 200  # one in so many
_FRESH_DAYS, _STALE_DAYS = 80, 120
_VOLUNTEERS = 3  # of so many building leads one is a volunteer as well


class Crowd:
    """Makes people one after the other.

    Args:
        plan: The city's plan.
        today: Rosters are verified within the last weeks before it.
    """

    def __init__(self, plan: Plan, today: dt.date) -> None:
        self._plan = plan
        self._midnight = midnight(today)
        self._offset = scatter(plan.seed, 10, 0) % _NUMBERS
        self._stride = next(n for n in range(7919, 2 * 7919) if math.gcd(n, plan.people) == 1)
        self.made = 0

    def person(self, *, staff: bool = False) -> Person:
        """The next person; staff have a short number as well."""
        index = self.made
        self.made += 1
        dice = scatter(self._plan.seed, 11, index)
        phones = [self._phone(2 * index)]
        if dice % _SECOND_PHONE == 0:
            phones.append(self._phone(2 * index + 1))
        return Person(
            person_id=f"P{index + 1:07d}",
            name=_name(dice >> 8),
            language="en" if dice % _ENGLISH == 1 else "zh-CN",
            party_member=index * self._stride % self._plan.people < self._plan.party_members,
            phones=tuple(phones),
            short_phone=f"6{index % 100_000:05d}" if staff else "",
            channels=("sms",),
        )

    def _phone(self, index: int) -> str:
        return f"{FICTIONAL_PREFIX}{(self._offset + index * _NUMBER_STEP) % _NUMBERS:08d}"

    def holding(
        self, person: Person, unit: Unit, post: str, rank: int, shift: tuple[str, str] = ("", "")
    ) -> Holding:
        """A person's part in a duty, with the roles that go with it."""
        dice = scatter(self._plan.seed, 12, int(person.person_id[1:]))
        roles = {post}
        if person.party_member:
            roles.add("party_member")
        if post == "building_lead" and dice % _VOLUNTEERS == 0:
            roles.add("volunteer")
        days = _STALE_DAYS if dice % _STALE == 1 else (dice >> 8) % _FRESH_DAYS
        return Holding(
            person_id=person.person_id,
            unit_code=unit.code,
            post=post,
            rank=rank,
            roles=tuple(sorted(roles)),
            on_duty_from=shift[0],
            on_duty_to=shift[1],
            verified_at=self._midnight - days * 86_400_000,
        )


def _name(dice: int) -> str:
    dice, surname = divmod(dice, len(SURNAMES))
    dice, first = divmod(dice, len(GIVEN))
    dice, second = divmod(dice, len(GIVEN))
    given = GIVEN[first] + (GIVEN[second] if dice % 4 else "")
    if dice // 4 % _RARE_NAME == 0:
        given = GIVEN[first] + RARE[second % len(RARE)]
    return SURNAMES[surname] + given


def stairwell_facts(seed: int, index: int, shelter: str) -> UnitFacts:
    """What is known of a stairwell: one in eight has people who have to be moved."""
    dice = scatter(seed, 13, index)
    households = 10 + dice % 15
    moved = 2 + (dice >> 16) % (2 * households) if (dice >> 8) % 8 == 0 else 0
    return UnitFacts(
        households=households,
        vulnerable=(dice >> 24) % 4,
        should_transfer=moved,
        shelter=shelter if moved else "",
    )
