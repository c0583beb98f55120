"""Checks of a roster's hierarchy as a whole: levels, parents, cycles, codes by prefix."""

import re
from collections.abc import Mapping

from rosters.problems import FileReport, quote
from rosters.units import Draft
from rosters.words import Level

# What a level's codes look like: 2-2-2-3-3 digits, then a suffix of the city's own.
_SHAPES = {
    Level.CITY: re.compile(r"\d{2}|\d{4}|\d{6}"),
    Level.SUBDISTRICT: re.compile(r"\d{9}"),
    Level.COMMUNITY: re.compile(r"\d{12}"),
    Level.GRID: re.compile(r"\d{6}[0-9A-Za-z-]+"),
    Level.BUILDING: re.compile(r"\d{6}[0-9A-Za-z-]+"),
}
# A spreadsheet keeps 15 digits of a number and writes zeros for the rest.
_ROUNDED = re.compile(r"\d{13,}000")
_EXACT_DIGITS = 15
_NAMED_IN_CYCLE = 5


def check_hierarchy(drafts: Mapping[str, Draft], report: FileReport) -> None:
    """Report all that is wrong, or worth a look, with the units as a whole."""
    root = _root(drafts)
    for code, draft in drafts.items():
        _check_unit(code, draft, report)
        _check_parent(code, draft, drafts, root, report)
    _check_cycles(drafts, report)
    _check_prefixes(drafts, report)


def _root(drafts: Mapping[str, Draft]) -> int:
    """The number of the one unit that may have no parent: the highest, the first of them."""
    tops = [
        (draft.level.depth, draft.ordinal)
        for draft in drafts.values()
        if not draft.parent_code and draft.level
    ]
    return min(tops)[1] if tops else -1


def _check_unit(code: str, draft: Draft, report: FileReport) -> None:
    if not draft.name and not draft.doubtful:
        report.error(draft.line, "unit_name", "unit-incomplete", unit=code, what="unit_name")
    if draft.level is None and not draft.doubtful:
        report.error(draft.line, "unit_level", "unit-incomplete", unit=code, what="unit_level")
    if draft.level and not _SHAPES[draft.level].fullmatch(code):
        report.warn(draft.line, "unit_code", "code-shape", value=quote(code, code=True))
    if _ROUNDED.fullmatch(code) and len(code) > _EXACT_DIGITS:
        report.warn(draft.line, "unit_code", "code-rounded", unit=code)
    if not draft.held and not draft.doubtful:
        report.warn(draft.line, "unit_code", "unit-unanswerable", unit=code)


def _check_parent(
    code: str, draft: Draft, drafts: Mapping[str, Draft], root: int, report: FileReport
) -> None:
    if not draft.parent_code:
        if draft.ordinal != root:
            report.error(draft.line, "parent_code", "unit-orphan", unit=code)
        return
    parent = drafts.get(draft.parent_code)
    if parent is None:
        report.error(
            draft.line, "parent_code", "parent-unknown", unit=code, parent=draft.parent_code
        )
    elif parent.level and draft.level and parent.level.depth >= draft.level.depth:
        report.error(draft.line, "unit_level", "level-order", unit=code, parent=draft.parent_code)


def _check_cycles(drafts: Mapping[str, Draft], report: FileReport) -> None:
    settled: set[str] = set()
    for start in drafts:
        path: dict[str, None] = {}
        code = start
        while code in drafts and code not in settled and code not in path:
            path[code] = None
            code = drafts[code].parent_code
        if code in path:
            members = list(path)
            _report_cycle(members[members.index(code) :], drafts, report)
        settled.update(path)


def _report_cycle(cycle: list[str], drafts: Mapping[str, Draft], report: FileReport) -> None:
    named = cycle[:_NAMED_IN_CYCLE]
    end = cycle[0] if len(cycle) == len(named) else "…"
    line = min(drafts[code].line for code in cycle)
    report.error(line, "parent_code", "unit-cycle", units=" → ".join([*named, end]))


def _check_prefixes(drafts: Mapping[str, Draft], report: FileReport) -> None:
    """A code that begins with another's must lie below it, as areas are matched by prefix."""
    prefixes: list[str] = []
    for code in sorted(drafts):
        while prefixes and not code.startswith(prefixes[-1]):
            prefixes.pop()
        if prefixes and not _is_above(prefixes[-1], code, drafts):
            line = drafts[code].line
            report.error(line, "unit_code", "prefix-clash", unit=code, other=prefixes[-1])
        prefixes.append(code)


def _is_above(ancestor: str, code: str, drafts: Mapping[str, Draft]) -> bool:
    """Whether a unit lies below another by its parents, or nobody can tell.

    Five levels are looked at: more is a cycle, which is told by itself, as an unknown parent is.
    """
    for _ in Level:
        code = drafts[code].parent_code
        if code == ancestor:
            return True
        if code not in drafts:
            return bool(code)
    return False
