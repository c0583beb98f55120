"""A roster's changes in words: who and what is meant, which field, from what to what."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from alertd.store.reads.roster_names import Names
from rosters.changes_in_words import in_words
from rosters.diff import Change, Diff, FieldChange, Kind, What
from rosters.words import role_name

KINDS: Final = (Kind.PERSON, Kind.HOLDING, Kind.UNIT, Kind.FACTS, Kind.TERMINAL, Kind.GROUP)
WAYS: Final = (What.LEFT, What.CHANGED, What.ADDED)
"""What has left comes first, for that is what hurts."""
ORDER: Final = tuple((kind, what) for kind in KINDS for what in WAYS)

NO_MORE: Final[Mapping[Change, tuple[FieldChange, ...]]] = {}


@dataclass(frozen=True, slots=True)
class Worded:
    """One line.

    Args:
        what: added, changed, left.
        title: Whom or what it is about.
        beside: Its code or id, and where it is.
        href: The page about it; "" where there is none any more, or none.
        fields: (name, before, after), in words.
    """

    what: str
    title: str
    beside: str
    href: str
    fields: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Lines about one kind of thing; `more` aren't listed here."""

    kind: str
    lines: tuple[Worded, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Tally:
    """One kind of thing in the table above: by (what, how many, the place of the first)."""

    kind: str
    ways: tuple[tuple[str, int, int], ...]


def tallies(diff: Diff) -> tuple[Tally, ...]:
    """How many of each kind change, and each way's place among all changes in ORDER."""
    found, place = [], 0
    for kind in KINDS:
        ways = []
        for what in WAYS:
            count = diff.counts[kind, what]
            ways.append((str(what), count, place))
            place += count
        if any(count for _, count, _ in ways):
            found.append(Tally(str(kind), tuple(ways)))
    return tuple(found)


Added = Mapping[Change, tuple[FieldChange, ...]]


def sections(
    diff: Diff, names: Names, language: str, added: Added = NO_MORE
) -> tuple[Section, ...]:
    """The changes that a difference lists, kind by kind.

    Args:
        diff: What changes.
        names: As `roster_names.names` gives them.
        language: The reader's.
        added: What `roster.described` says of what is added.
    """
    found = []
    for kind in KINDS:
        mine = [each for each in diff.listed if each.kind is kind]
        mine.sort(key=lambda change: WAYS.index(change.what))
        if mine:
            lines = tuple(
                worded(replace(each, fields=added.get(each, each.fields)), names, language)
                for each in mine
            )
            more = sum(diff.counts[kind, what] for what in WAYS) - len(lines)
            found.append(Section(str(kind), lines, more))
    return tuple(found)


def worded(change: Change, names: Names, language: str) -> Worded:
    """One change."""
    title, beside, href = _place(change, names, language)
    fields = tuple(in_words(each, language) for each in change.fields)
    return Worded(str(change.what), title, beside, href, fields)


def _place(change: Change, names: Names, language: str) -> tuple[str, str, str]:
    key = change.key
    if change.kind is Kind.HOLDING:
        code, post, person_id, begins = key
        person = names.get((Kind.PERSON, person_id), person_id)
        unit = names.get((Kind.UNIT, code), code)
        times = f" {begins}–" if begins else ""
        title = f"{person} · {role_name(post, language)}"
        return title, f"{unit} {code}{times}", f"/roster/units/{code}"
    if change.kind is Kind.PERSON:
        there = change.what is What.CHANGED
        href = f"/roster/person?id={quote(key[0], safe='')}" if there else ""
        return names.get((Kind.PERSON, key[0]), key[0]), key[0], href
    if change.kind in {Kind.UNIT, Kind.FACTS}:
        href = f"/roster/units/{key[0]}" if change.what is What.CHANGED else ""
        return names.get((Kind.UNIT, key[0]), key[0]), key[0], href
    if change.kind is Kind.TERMINAL:
        return names.get((Kind.TERMINAL, key[0]), key[0]), key[0], ""
    return key[0], "", ""
