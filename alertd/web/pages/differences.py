"""A roster's changes in words: who and what is meant, which field, from what to what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from urllib.parse import quote

from alertd.i18n import N_
from alertd.store.reads.roster_names import Names
from alertd.web.pages.rendering import level_name
from alertd.words.tables import CHANNELS
from rosters.diff import Change, Diff, FieldChange, Kind, What
from rosters.model import CHINA
from rosters.words import role_name

KINDS: Final = (Kind.PERSON, Kind.HOLDING, Kind.UNIT, Kind.FACTS, Kind.TERMINAL, Kind.GROUP)
WAYS: Final = (What.LEFT, What.CHANGED, What.ADDED)
"""What has left comes first, for that is what hurts."""
ORDER: Final = tuple((kind, what) for kind in KINDS for what in WAYS)

NO_MORE: Final[Mapping[Change, tuple[FieldChange, ...]]] = {}
_YES_NO: Final = {"True": N_("yes"), "False": N_("no")}
_LEVEL: Final = {"level"}
_ROLES: Final = {"post", "roles"}


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
    diff: Diff, names: Names, language: str, word: Callable[[str], str], added: Added = NO_MORE
) -> tuple[Section, ...]:
    """The changes that a difference lists, kind by kind.

    Args:
        diff: What changes.
        names: As `roster_names.names` gives them.
        language: The reader's.
        word: Translates.
        added: What `roster.described` says of what is added.
    """
    found = []
    for kind in KINDS:
        mine = [each for each in diff.listed if each.kind is kind]
        mine.sort(key=lambda change: WAYS.index(change.what))
        if mine:
            lines = tuple(
                worded(replace(each, fields=added.get(each, each.fields)), names, language, word)
                for each in mine
            )
            more = sum(diff.counts[kind, what] for what in WAYS) - len(lines)
            found.append(Section(str(kind), lines, more))
    return tuple(found)


def worded(change: Change, names: Names, language: str, word: Callable[[str], str]) -> Worded:
    """One change."""
    title, beside, href = _place(change, names, language)
    fields = tuple(_field(each, language, word) for each in change.fields)
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


def _field(change: FieldChange, language: str, word: Callable[[str], str]) -> tuple[str, str, str]:
    before, after = (_value(change.field, x, language, word) for x in (change.before, change.after))
    return word(FIELDS.get(change.field, change.field)), before, after


def _value(field: str, text: str, language: str, word: Callable[[str], str]) -> str:
    if not text:
        return "–"
    if field == "verified_at":
        return datetime.fromtimestamp(int(text) / 1000, CHINA).date().isoformat()
    if field in _LEVEL:
        return level_name(text, language)
    if field in _ROLES:
        return _each(text, lambda role: role_name(role, language), language)
    if field == "channels":
        return _each(text, lambda key: word(CHANNELS.get(key, key)), language)
    return word(_YES_NO[text]) if field == "party_member" and text in _YES_NO else text


def _each(text: str, call: Callable[[str], str], language: str) -> str:
    called: Sequence[str] = [call(part) for part in text.split(", ")]
    return ("、" if language.startswith("zh") else ", ").join(called)


FIELDS: Final = {
    "official_code": N_("official code"),
    "name": N_("name"),
    "level": N_("level"),
    "parent_code": N_("unit above"),
    "households": N_("households"),
    "vulnerable": N_("need help to move"),
    "should_transfer": N_("have to be moved"),
    "shelter": N_("shelter"),
    "language": N_("language"),
    "party_member": N_("party member"),
    "phones": N_("phones"),
    "short_phone": N_("short number"),
    "chat_id": N_("chat account"),
    "channels": N_("reached by"),
    "rank": N_("rank"),
    "roles": N_("roles"),
    "on_duty_to": N_("shift ends"),
    "verified_at": N_("verified"),
    "note": N_("note"),
    "unit_code": N_("area code"),
    "lon": N_("longitude"),
    "lat": N_("latitude"),
    "volume": N_("volume"),
    "kind": N_("platform"),
    "url": N_("address"),
    "secret": N_("signing secret"),
}
