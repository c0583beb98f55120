"""A change to a roster made by hand: read as the people file is, and checked as an import is.

Pure. An edit is a few acts; each names a person and gives cells of the people file, by column key
(`columns.COLUMNS`). Nothing is taken unless all of it is right.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import combinations

from rosters.cells import Cells
from rosters.columns import COLUMNS, FileKind
from rosters.export import cells_of
from rosters.model import NO_FACTS, Holding, Person, RosterRow, Unit, UnitFacts
from rosters.people import minutes
from rosters.phones import takes_sms
from rosters.problems import FileReport, Problems, Severity, quote
from rosters.rows import PeopleReader
from rosters.words import role_of

Key = tuple[str, str, str, str]
Post = tuple[str, str, str]  # unit, post, person: a person has a duty once

_PERSON = frozenset(
    {
        *("name", "phone", "phone2", "short_phone", "chat_id"),
        *("channels", "language", "party_member"),
    }
)
_HOLDING = frozenset(
    {
        *("unit_code", "post", "rank", "roles"),
        *("on_duty_from", "on_duty_to", "verified_at", "note"),
    }
)


class Do(StrEnum):
    """What an act does."""

    PERSON = "person"  # say something else of a person, or of a new one
    ASSIGN = "assign"  # give a duty, or say something else of one that they have
    RELEASE = "release"  # take a duty away
    REMOVE = "remove"  # take all of them away: the person leaves the roster


ALLOWED: Mapping[Do, frozenset[str]] = {
    Do.PERSON: _PERSON,
    Do.ASSIGN: _HOLDING,
    Do.RELEASE: frozenset({"unit_code", "post"}),
    Do.REMOVE: frozenset(),
}
"""The cells that each act takes."""


@dataclass(frozen=True, slots=True)
class Act:
    """One act.

    Args:
        do: What.
        person_id: Whose.
        cells: By column key; what isn't given stays as it is.
    """

    do: Do
    person_id: str
    cells: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def post(self) -> Post:
        """The duty that it is about."""
        word = self.cells.get("post", "").strip()
        return (self.cells.get("unit_code", "").strip(), role_of(word) or word, self.person_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What acts are done to: as much of the roster as they can touch.

    Args:
        people: Of those that the acts name, the ones that are there.
        units: By code, of the units that the acts name and of those that these people serve in.
        holdings: All of these people, and all in the units that the acts name.
    """

    people: Mapping[str, Person]
    units: Mapping[str, tuple[Unit, UnitFacts]]
    holdings: Sequence[Holding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What becomes of the roster.

    Args:
        people: As they are from now on, by id.
        gone: Keys of holdings that end, or are said anew in `added`.
        added: Holdings that begin.
        problems: What is wrong with it, or worth a look.
    """

    people: Mapping[str, Person] = field(repr=False)
    gone: frozenset[Key]
    added: tuple[RosterRow, ...]
    problems: Problems


def touched(around: Around, acts: Iterable[Act]) -> set[str]:
    """The codes of the units that acts have to do with: whoever does them needs a right there."""
    codes: set[str] = set()
    for act in acts:
        if act.do in {Do.PERSON, Do.REMOVE}:
            codes |= {h.unit_code for h in around.holdings if h.person_id == act.person_id}
        elif act.cells.get("unit_code"):
            codes.add(act.post[0])
    return codes


def revise(around: Around, acts: Sequence[Act], *, today: dt.date) -> Edit:
    """Do acts one after the other.

    Args:
        around: Of the roster in force.
        acts: In their order.
        today: From which "verified long ago" is counted.
    """
    problems = Problems()
    before = _texts(around)
    after = _done(around, before, acts, problems)
    known = {id(texts) for texts in before.values()}
    renamed = {act.person_id for act in acts if act.do is Do.PERSON}
    anew = [post for post, texts in after.items() if id(texts) not in known or post[2] in renamed]
    rows = _read(around, {post: after[post] for post in anew}, problems, today)
    by_post = {_post(h): h for h in around.holdings}
    added = tuple(row for row in rows if row.holding != by_post.get(_post(row.holding)))
    changed = {_post(row.holding) for row in added if row.holding}
    gone = frozenset(h.key for post, h in by_post.items() if post not in after or post in changed)
    people = {row.person.person_id: row.person for row in rows if row.person}
    edit = Edit(people=people, gone=gone, added=added, problems=problems)
    _check_idle(acts, {post[2] for post in after}, problems)
    _check_duties(around, edit)
    return edit


def overlaid(rows: Iterable[RosterRow], edit: Edit) -> Iterator[RosterRow]:
    """A roster's rows as an edit leaves them; streamed."""
    for row in rows:
        if row.person is None or row.holding is None:
            yield row
        elif row.holding.key not in edit.gone:
            yield replace(row, person=edit.people.get(row.person.person_id, row.person))
    yield from edit.added


def _post(holding: Holding | None) -> Post:
    assert holding is not None  # noqa: S101 - only rows with one come here
    return (holding.unit_code, holding.post, holding.person_id)


def _report(person_id: str, problems: Problems) -> FileReport:
    return FileReport(quote(person_id, code=True), problems)


def _texts(around: Around) -> dict[Post, dict[str, str]]:
    """The cells of what there is, as a people file would have them."""
    found = {}
    for holding in around.holdings:
        person = around.people.get(holding.person_id)
        if person is None:  # somebody else's part in a duty nearby
            person = Person(holding.person_id, "")
        unit, facts = around.units[holding.unit_code]
        plain = holding
        if person.party_member:  # the role comes with the person, and would stay behind
            roles = tuple(role for role in holding.roles if role != "party_member")
            plain = replace(holding, roles=roles)
        texts = cells_of(RosterRow(unit, facts, person, plain))
        if person.channels == _usual_channels(person):
            texts["channels"] = ""  # follows the addresses, should these change
        found[_post(holding)] = texts
    return found


def _usual_channels(person: Person) -> tuple[str, ...]:
    sms, chat = any(map(takes_sms, person.phones)), bool(person.chat_id)
    return tuple(key for key, has in (("sms", sms), ("chat", chat)) if has) or ("voice",)


def _done(
    around: Around,
    before: Mapping[Post, dict[str, str]],
    acts: Sequence[Act],
    problems: Problems,
) -> dict[Post, dict[str, str]]:
    """The cells as acts leave them; what an act doesn't touch is the very same value."""
    after = dict(before)
    said: dict[str, dict[str, str]] = {}  # of each person; for duties that are still to be given
    for (_, _, person_id), texts in before.items():
        said[person_id] = {key: texts[key] for key in _PERSON}
    for act in acts:
        mine = [post for post in after if post[2] == act.person_id]
        report = _report(act.person_id, problems)
        if act.do is Do.PERSON:
            given = {key: text.strip() for key, text in act.cells.items()}
            said[act.person_id] = said.get(act.person_id, {}) | given
            for post in mine:
                after[post] = after[post] | given
        elif act.person_id not in said:
            report.error(0, "person_id", "person-unknown")
        elif act.do is Do.REMOVE:
            for post in mine:
                del after[post]
        else:
            _duty(around, after, act, said[act.person_id], report)
    return after


def _duty(
    around: Around,
    after: dict[Post, dict[str, str]],
    act: Act,
    said: Mapping[str, str],
    report: FileReport,
) -> None:
    """Take a duty away or give one."""
    unit = quote(act.post[0], code=True)
    if act.do is Do.RELEASE:
        if after.pop(act.post, None) is None:
            report.error(0, "post", "duty-unknown", unit=unit)
    elif act.post[0] not in around.units:
        report.error(0, "unit_code", "unit-unknown", unit=unit)
    else:
        texts = after.get(act.post) or {"person_id": act.person_id, **said}
        after[act.post] = texts | {key: text.strip() for key, text in act.cells.items()}


def _read(
    around: Around, texts: Mapping[Post, dict[str, str]], problems: Problems, today: dt.date
) -> list[RosterRow]:
    """Cells to values, by the reader of the people file; what is wrong is told once."""
    reader = PeopleReader(today)
    told: dict[tuple[object, ...], None] = {}
    rows = []
    for (code, _, person_id), cells_by_key in texts.items():
        found = Problems()
        columns = COLUMNS[FileKind.PEOPLE]
        row = [cells_by_key.get(column.key, "") for column in columns]
        read = reader.read(Cells(_report(person_id, found), 0, columns, row))
        for severity in Severity:
            for problem in found.of(severity):
                if (problem.file, problem.field, problem.code, problem.params) not in told:
                    told[problem.file, problem.field, problem.code, problem.params] = None
                    problems.add(problem)
        if read.person and read.holding and not read.reported:
            unit, facts = around.units.get(code, (None, NO_FACTS))
            if unit is not None:
                rows.append(RosterRow(unit, facts, read.person, read.holding))
    return rows


def _check_idle(acts: Sequence[Act], busy: set[str], problems: Problems) -> None:
    """Nothing selects a person without a duty: who is to leave is removed, in so many words."""
    last = {act.person_id: act.do for act in acts}
    for person_id, do in last.items():
        if person_id not in busy and do in {Do.PERSON, Do.ASSIGN}:
            _report(person_id, problems).error(0, "post", "person-idle")


def _check_duties(around: Around, edit: Edit) -> None:
    """Of each duty that changes: one principal at a time, and an alternate would be well."""
    left = [h for h in around.holdings if h.key not in edit.gone]
    held = [*left, *(row.holding for row in edit.added if row.holding)]
    posts = {key[:2] for key in edit.gone} | {h.key[:2] for h in held if h not in left}
    for unit_code, post in sorted(posts):
        holders = [h for h in held if h.key[:2] == (unit_code, post)]
        report = FileReport(unit_code, edit.problems)
        words = {"unit": unit_code, "post": quote(post)}
        ranks = {h.rank for h in holders}
        if not holders:
            report.warn(0, "", "duty-vacant", **words)
        elif 1 not in ranks:
            report.warn(0, "rank", "principal-missing", **words)
        elif ranks == {1}:
            report.warn(0, "rank", "alternate-missing", **words)
        principals = [h for h in holders if h.rank == 1]
        for one, other in combinations(principals, 2):
            shifts = [minutes(h.on_duty_from, h.on_duty_to) for h in (one, other)]
            if shifts[0] & shifts[1]:
                both = {
                    "one": quote(one.person_id, code=True),
                    "other": quote(other.person_id, code=True),
                }
                report.error(0, "rank", "principals-both", **words, **both)
