"""What an import would change: old roster against new, as added, changed and left.

Pure, and streamed: both sides come in the order of their keys (as text: SQLite's BINARY and
PostgreSQL's "C" collation sort the same way), so two million rows need no memory. Phone numbers,
webhooks and secrets are shown masked; nobody is deleted, who left is deactivated.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import itemgetter

from rosters.model import ChatGroup, Holding, Person, Roster, Terminal, Unit, UnitFacts
from rosters.phones import mask
from rosters.problems import hide_phones

Value = Unit | UnitFacts | Person | Holding | Terminal | ChatGroup

_MASKED = frozenset({"short_phone", "chat_id", "url", "secret"})
_HIDDEN = "***"
_MANY = 20
_A_PART = 5
_SEPARATOR = "\x1f"  # no cell may hold it, so that joined keys are as unique as their parts


class Kind(StrEnum):
    """What a change is about."""

    UNIT = "unit"
    FACTS = "facts"
    PERSON = "person"
    HOLDING = "holding"
    TERMINAL = "terminal"
    GROUP = "group"


class What(StrEnum):
    """What happened to it."""

    ADDED = "added"
    CHANGED = "changed"
    LEFT = "left"


_COUNTED = {Kind.PERSON: "people", Kind.TERMINAL: "terminals", Kind.GROUP: "groups"}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field's change; what mustn't be seen is `***`."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was added, changed or has left.

    Args:
        kind: What it is.
        what: What happened.
        key: Its code or id; of a holding unit, post, person and start of the shift.
        fields: What changed, for CHANGED.
    """

    kind: Kind
    what: What
    key: tuple[str, ...]
    fields: tuple[FieldChange, ...] = ()


@dataclass(slots=True)
class Diff:
    """A summary: every change counted, the first of each kind listed.

    Args:
        limit: How many changes are listed of each kind and each way.
    """

    limit: int = 200
    counts: Counter[tuple[Kind, What]] = field(default_factory=Counter)
    listed: list[Change] = field(default_factory=list)

    def add(self, change: Change) -> None:
        """Count a change, and list it while there is room."""
        pair = (change.kind, change.what)
        self.counts[pair] += 1
        if self.counts[pair] <= self.limit:
            self.listed.append(change)

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return not any(self.counts.values())  # zeros may be written out

    def table(self) -> dict[str, dict[str, int]]:
        """Counts as `{kind: {added, changed, left}}`, zeros included."""
        return {kind: {what: self.counts[kind, what] for what in What} for kind in Kind}


def sweeping(diff: Diff, counts: Mapping[str, int]) -> int:
    """How many people, loudspeakers and groups leave, where of one kind a fifth and 20 do; else 0.

    A file of one town in place of the city's looks like this. One that was forgotten leaves none
    of its kind, which counts however few they were. People who change count as well: where ids are
    a spreadsheet's line numbers, one row put in at the top makes everybody somebody else, and what
    they answered is another's.

    Args:
        diff: What changes.
        counts: How many there are afterwards: `people`, `terminals`, `groups`.
    """
    found = 0
    for kind, name in _COUNTED.items():
        left = diff.counts[kind, What.LEFT]
        before = counts[name] + left - diff.counts[kind, What.ADDED]
        gone = left + (diff.counts[kind, What.CHANGED] if kind is Kind.PERSON else 0)
        much = gone >= _MANY and gone * _A_PART >= before
        found += gone if much or (left and not counts[name]) else 0
    return found


def compare(
    kind: Kind, old: Iterable[tuple[str, Value]], new: Iterable[tuple[str, Value]]
) -> Iterator[Change]:
    """Merge two sides, each of (key, value) with keys ascending and unique.

    The keys are as `sort_key` makes them. A value is compared field by field.
    """
    olds, news = iter(old), iter(new)
    before, after = next(olds, None), next(news, None)
    while before or after:
        if after is None or (before and before[0] < after[0]):
            assert before  # noqa: S101 - one of the two is there
            yield Change(kind, What.LEFT, _key(before[0]))
            before = next(olds, None)
        elif before is None or after[0] < before[0]:
            yield Change(kind, What.ADDED, _key(after[0]))
            after = next(news, None)
        else:
            changed = changes(before[1], after[1])
            if changed:
                yield Change(kind, What.CHANGED, _key(after[0]), changed)
            before, after = next(olds, None), next(news, None)


def sort_key(*parts: str) -> str:
    """One text for a key of several parts, as `compare` wants it."""
    return _SEPARATOR.join(parts)


def _key(joined: str) -> tuple[str, ...]:
    return tuple(joined.split(_SEPARATOR))


def changes(before: Value, after: Value) -> tuple[FieldChange, ...]:
    """The fields in which two values of one kind differ, masked."""
    if before == after:
        return ()
    found = []
    for each in fields(before):
        old, new = getattr(before, each.name), getattr(after, each.name)
        if old != new:
            found.append(FieldChange(each.name, _show(each.name, old), _show(each.name, new)))
    return tuple(found)


def _show(name: str, value: object) -> str:
    if not value and value != 0:
        return ""
    if name == "phones" and isinstance(value, tuple):
        return ", ".join(mask(phone) for phone in value)
    if name in _MASKED:
        return _HIDDEN
    return hide_phones(", ".join(value) if isinstance(value, tuple) else str(value))


def compare_rosters(old: Roster, new: Roster, *, limit: int = 200) -> Diff:
    """Compare two rosters in memory."""
    diff = Diff(limit)
    pairs: tuple[tuple[Kind, Mapping[str, Value], Mapping[str, Value]], ...] = (
        (Kind.UNIT, old.units, new.units),
        (Kind.FACTS, old.facts, new.facts),
        (Kind.PERSON, old.people, new.people),
        (Kind.HOLDING, _joined(old.holdings), _joined(new.holdings)),
        (Kind.TERMINAL, old.terminals, new.terminals),
        (Kind.GROUP, old.groups, new.groups),
    )
    for kind, before, after in pairs:
        for change in compare(kind, _sorted(before), _sorted(after)):
            diff.add(change)
    return diff


def _sorted(values: Mapping[str, Value]) -> list[tuple[str, Value]]:
    return sorted(values.items(), key=itemgetter(0))


def _joined(holdings: Mapping[tuple[str, str, str, str], Holding]) -> dict[str, Holding]:
    return {sort_key(*key): holding for key, holding in holdings.items()}


def fingerprint(value: Value, *, key: bytes) -> bytes:
    """16 bytes that are the same for the same value, here and in any later version.

    Args:
        value: What to stand for.
        key: Of the node, up to 64 bytes, kept secret: without one, eleven digits of a phone
            number would be guessed from their hash.
    """
    texts = [type(value).__name__]
    for each in fields(value):
        content = getattr(value, each.name)
        parts = content if isinstance(content, tuple) else (content,)
        texts.append("\x1e".join("" if part is None else str(part) for part in parts))
    joined = _SEPARATOR.join(texts).encode("utf-8")
    return hashlib.blake2b(joined, digest_size=16, key=key).digest()
