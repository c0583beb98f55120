"""What roster files hold and what they would change, as an operator reads it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from alertd.cli import show
from alertd.cli.words import LANGUAGE, _, told, word
from rosters.changes_in_words import in_words
from rosters.diff import FieldChange, Kind, What
from rosters.words import role_name

MOST_LINES: Final = 50
# What has left comes first, for that is what hurts; as the console has it.
_WAYS: Final = (What.LEFT, What.CHANGED, What.ADDED)
_KINDS: Final = (Kind.PERSON, Kind.HOLDING, Kind.UNIT, Kind.FACTS, Kind.TERMINAL, Kind.GROUP)
_COUNTED: Final = {
    Kind.UNIT: "units",
    Kind.PERSON: "people",
    Kind.HOLDING: "holdings",
    Kind.TERMINAL: "terminals",
    Kind.GROUP: "groups",
}


def counted(counts: Mapping[str, int]) -> None:
    """How many of each thing there are."""
    rows = [(word("counted", name), n) for name, n in counts.items()]
    show.table((_("what"), _("how many")), rows)


def listed(lines: Sequence[str], more: int = 0) -> None:
    """The first lines, and how many there are beside them; `more` aren't in `lines`."""
    for line in lines[:MOST_LINES]:
        show.line(f"  {line}")
    if more := more + max(0, len(lines) - MOST_LINES):
        show.line(_("  … and {more} more; --json lists them").format(more=f"{more:,}"))


def changed(found: Mapping[str, Any]) -> None:
    """The counts before and after, and the changes: who leaves first, who is new last.

    Args:
        found: The API's answer to an import, or to a dry run of one.
    """
    heads = (_("what"), _("before"), *(word("changed", what) for what in What), _("after"))
    show.table(heads, [_row(kind, found) for kind in _KINDS])
    total = sum(n for ways in found["changes"].values() for n in ways.values())
    if not total:
        show.line(_("Nothing changes: the roster is so already."))
    elif found["base"]:  # in a first import everything is new
        lines = [line_of(change) for change in _in_order(found["listed"])]
        listed(lines, total - len(lines))
    listed(found["warnings"])


def _row(kind: Kind, found: Mapping[str, Any]) -> tuple[object, ...]:
    ways = found["changes"][kind]
    name = word("part", kind)
    if kind not in _COUNTED:  # facts of units aren't counted apart
        return (name, "–", *(ways[what] for what in What), "–")
    after = found["counts"].get(_COUNTED[kind], 0)
    before = after - ways[What.ADDED] + ways[What.LEFT]
    return (name, before, *(ways[what] for what in What), after)


def _in_order(changes: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    def place(change: Mapping[str, Any]) -> tuple[int, int]:
        return _WAYS.index(What(change["what"])), _KINDS.index(Kind(change["kind"]))

    return sorted(changes, key=place)


def line_of(change: Mapping[str, Any]) -> str:
    """One change: how, what, which, and each field's value before and after; masked by the API."""
    which = " ".join(_key(Kind(change["kind"]), change["key"]))
    text = f"{word('changed', change['what'])} {word('part', change['kind'])} {which}"
    fields = []
    for each in change["fields"]:
        given = FieldChange(each["field"], each["before"], each["after"])
        name, before, after = in_words(given, LANGUAGE)
        fields.append(f"{name} {before} → {after}")
    return told(text, "; ".join(fields)) if fields else text


def _key(kind: Kind, key: Sequence[str]) -> Iterable[str]:
    """A thing's code or id; of a part in a duty unit, post, person and shift."""
    if kind is not Kind.HOLDING:
        return key
    unit, post, *rest = key
    return [unit, role_name(post, LANGUAGE), *(part for part in rest if part)]
