"""The units of a people file, gathered row by row.

All units are held in memory (730,000 at 2,000,000 people: about 200 MB); people aren't.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rosters.model import NO_FACTS, Unit, UnitFacts
from rosters.problems import FileReport
from rosters.rows import UnitSaid
from rosters.words import Level


@dataclass(slots=True)
class Draft:
    """A unit as the rows so far have it; `line` is that of the first."""

    line: int
    ordinal: int
    official_code: str
    name: str
    level: Level | None
    parent_code: str
    facts: UnitFacts
    held: bool = False  # somebody has a duty in it
    doubtful: bool = False  # a row of it was refused, so what is missing may stand there


class UnitBook:
    """Units by code, in the order of their first rows."""

    def __init__(self) -> None:
        self._drafts: dict[str, Draft] = {}
        self._codes: list[str] = []

    def __contains__(self, code: object) -> bool:
        return code in self._drafts

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def drafts(self) -> Mapping[str, Draft]:
        """The units as they are so far, by code."""
        return self._drafts

    def ordinal(self, code: str) -> int:
        """The number of a unit, counted from 0 in the order of first rows."""
        return self._drafts[code].ordinal

    def code(self, ordinal: int) -> str:
        """The code of the unit with that number."""
        return self._codes[ordinal]

    def hold(self, code: str) -> None:
        """Note that somebody has a duty in a unit."""
        self._drafts[code].held = True

    def doubt(self, code: str) -> None:
        """Note that a row of a unit was refused."""
        self._drafts[code].doubtful = True

    def add(self, said: UnitSaid, line: int, report: FileReport) -> None:
        """Take what a row says; what disagrees with an earlier row is an error."""
        draft = self._drafts.get(said.code)
        if draft is None:
            parent = self._drafts.get(said.parent_code)
            self._drafts[said.code] = Draft(
                line=line,
                ordinal=len(self._codes),
                official_code=said.official_code,
                name=said.name,
                level=said.level,
                # one string object serves all of a parent's children
                parent_code=self._codes[parent.ordinal] if parent else said.parent_code,
                facts=said.facts,
            )
            self._codes.append(said.code)
        elif not _merge(draft, said):
            differing = ", ".join(_differing(draft, said))
            params = {"unit": said.code, "other": draft.line, "fields": differing}
            report.error(line, "unit_code", "unit-disagrees", **params)

    def unit(self, code: str) -> Unit:
        """A unit as all rows together have it; call once the hierarchy's checks found no error."""
        draft = self._drafts[code]
        assert draft.level is not None  # noqa: S101 - hierarchy refuses a unit without a level
        return Unit(code, draft.official_code, draft.name, draft.level, draft.parent_code)

    def facts(self, code: str) -> UnitFacts:
        """What is known of a unit."""
        return self._drafts[code].facts

    def units(self) -> Iterator[tuple[Unit, UnitFacts]]:
        """All units, a parent always before its children."""
        for level in Level:
            for code, draft in self._drafts.items():
                if draft.level is level:
                    yield self.unit(code), draft.facts


def _merge(draft: Draft, said: UnitSaid) -> bool:
    """Fill in what earlier rows left open; False where the two disagree."""
    agreed = (
        _agree(draft.official_code, said.official_code)
        and _agree(draft.name, said.name)
        and _agree(draft.level, said.level)
        and _agree(draft.parent_code, said.parent_code)
    )
    draft.official_code = draft.official_code or said.official_code
    draft.name = draft.name or said.name
    draft.level = draft.level or said.level
    draft.parent_code = draft.parent_code or said.parent_code
    if said.facts in (draft.facts, NO_FACTS):
        return agreed
    old, new = draft.facts, said.facts
    draft.facts = UnitFacts(
        households=_first(old.households, new.households),
        vulnerable=_first(old.vulnerable, new.vulnerable),
        should_transfer=_first(old.should_transfer, new.should_transfer),
        shelter=old.shelter or new.shelter,
    )
    return agreed and _facts_agree(old, new)


def _differing(draft: Draft, said: UnitSaid) -> Iterator[str]:
    """The columns in which a row differs from what the rows before it say."""
    pairs: dict[str, tuple[object, object]] = {
        "official_code": (draft.official_code or None, said.official_code or None),
        "unit_name": (draft.name or None, said.name or None),
        "unit_level": (draft.level, said.level),
        "parent_code": (draft.parent_code or None, said.parent_code or None),
        "households": (draft.facts.households, said.facts.households),
        "vulnerable": (draft.facts.vulnerable, said.facts.vulnerable),
        "should_transfer": (draft.facts.should_transfer, said.facts.should_transfer),
        "shelter": (draft.facts.shelter or None, said.facts.shelter or None),
    }
    for key, (old, new) in pairs.items():
        if old is not None and new is not None and old != new:
            yield key


def _first(old: int | None, new: int | None) -> int | None:
    return new if old is None else old


def _agree(old: object, new: object) -> bool:
    return not old or not new or old == new


def _facts_agree(old: UnitFacts, new: UnitFacts) -> bool:
    pairs = (
        (old.households, new.households),
        (old.vulnerable, new.vulnerable),
        (old.should_transfer, new.should_transfer),
        (old.shelter or None, new.shelter or None),
    )
    return all(a is None or b is None or a == b for a, b in pairs)
