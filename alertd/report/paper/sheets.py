"""Call sheets and door lists: which rows stand on which sheet, and who calls whom. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from alertd.decide.sheets import MOST_ROWS, Result, written
from alertd.errors import TooLargeError
from alertd.i18n import N_
from alertd.report.paper.values import Head, common
from alertd.store.reads.calling import Tree
from alertd.store.reads.paper import Asked, Holder, UnitHead
from rosters.words import role_name

_LOW: Final = frozenset({"grid", "building"})
MOST_SHEETS: Final = 120  # of one print: a town's grids

Row = tuple[int, int]
"""The duty and the person that a row is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What stands on one sheet."""

    head: UnitHead
    rows: tuple[Asked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What call sheets need to know beside their rows.

    Args:
        tree: Who calls each duty; a duty that nobody calls is called by the office.
        numbers: Whole numbers by person, where they may stand on paper.
        masked: Why there are none, in the reader's words; "" where there are.
    """

    tree: Tree
    numbers: Mapping[int, Sequence[str]] = field(repr=False)
    masked: str = ""


def parts(
    heads: Sequence[UnitHead], rows: Sequence[Asked], *, leads: frozenset[int] = frozenset()
) -> list[Part]:
    """One sheet a grid, and one before them for what lies above the grids.

    Args:
        heads: The unit that was asked for, then the grids below it.
        rows: All that is asked there.
        leads: Duties that answer for a grid: they stand on the upper sheet, too, since somebody
            has to call them.

    Raises:
        TooLargeError: That is more than somebody prints at once.
    """
    top, grids = heads[0], [head for head in heads if head.level == "grid"]
    if top.level in _LOW:
        found = [Part(head=top, rows=tuple(rows))]
    else:
        upper = tuple(
            row
            for row in rows
            if row.level not in _LOW or (row.level == "grid" and row.duty_no in leads)
        )
        found = [Part(head=top, rows=upper)]
        found += [
            Part(head=grid, rows=tuple(row for row in rows if row.path.startswith(grid.path)))
            for grid in grids
        ]
    found = [part for part in found if part.rows]
    if len(found) > MOST_SHEETS:
        raise TooLargeError(
            "That is more paper than is printed at once.", hint="Take a smaller part of the city."
        )
    return found


def people_on(part: Part, calls: Calls) -> set[int]:
    """Everybody whose number a call sheet would hold."""
    callers = {calls.tree.caller(row) for row in part.rows}
    return {one.person_no for row in part.rows for one in row.holders} | {
        one.person_no
        for duty in callers
        if duty in calls.tree.callers
        for one in calls.tree.callers[duty].holders
    }


def call_sheets(
    made: Sequence[tuple[str, Part]], calls: Calls, head: Head
) -> tuple[dict[str, Any], list[list[Row]]]:
    """The data of a call sheet's template, and whose each row of each sheet is."""
    say = head.say
    sheets: list[dict[str, Any]] = []
    rows: list[list[Row]] = []
    for code, part in made:
        numbered: list[Row] = []
        groups = []
        for caller, called in _by_caller(part, calls):
            lines = [
                _call_line(row, holder, numbered, calls, head)
                for row in called
                for holder in row.holders
            ]
            lines += [_vacant(row, head) for row in called if not row.holders]
            groups.append({"caller": _caller(caller, calls, head), "rows": lines})
        _require_few(numbered)
        sheets.append({**_sheet(code, part), "count": len(numbered), "groups": groups})
        rows.append(numbered)
    data = {
        **common(head, say(N_("Call sheet"))),
        "masked": calls.masked,
        "labels": {
            **_labels(head),
            "number": say(N_("Telephone")),
            "calls": say(N_("calls")),
            "private": say(N_("Holds telephone numbers: hand it back, then destroy it.")),
        },
        "results": _results("ypnhu", head),
        "sheets": sheets,
    }
    return data, rows


def door_lists(
    made: Sequence[tuple[str, Part]], head: Head
) -> tuple[dict[str, Any], list[list[Row]]]:
    """The data of a door list's template, and whose each row of each list is."""
    say = head.say
    sheets: list[dict[str, Any]] = []
    rows: list[list[Row]] = []
    for code, part in made:
        numbered: list[Row] = []
        lines = [_door_line(row, numbered, head) for row in part.rows]
        _require_few(numbered)
        sheets.append({**_sheet(code, part), "count": len(numbered), "rows": lines})
        rows.append(numbered)
    data = {
        **common(head, say(N_("Doors to knock at"))),
        "labels": {
            **_labels(head),
            "homes": say(N_("Homes")),
            "frail": say(N_("Frail")),
            "move": say(N_("To move")),
            "time": say(N_("Time")),
        },
        "results": _results("ynhr", head),
        "sheets": sheets,
    }
    return data, rows


def _require_few(numbered: Sequence[Row]) -> None:
    if len(numbered) > MOST_ROWS:
        raise TooLargeError("A sheet has too many rows.", hint="Take a smaller part of the city.")


def _sheet(code: str, part: Part) -> dict[str, Any]:
    parent = part.head.parent_name
    named = bool(parent) and part.head.name.startswith(parent)  # 前浦社区第1网格 says it already
    return {
        "code": written(code),
        "place": part.head.name,
        "parent": "" if named else parent,
    }


def _by_caller(part: Part, calls: Calls) -> list[tuple[int | None, list[Asked]]]:
    """The rows by who calls them, in the order of the first of each."""
    found: dict[int | None, list[Asked]] = {}
    for row in part.rows:
        found.setdefault(calls.tree.caller(row), []).append(row)
    return list(found.items())


def _caller(duty: int | None, calls: Calls, head: Head) -> dict[str, Any]:
    caller = calls.tree.callers.get(duty) if duty is not None else None
    if caller is None:
        return {"place": head.say(N_("Duty desk")), "role": "", "name": "", "numbers": []}
    first = caller.holders[0] if caller.holders else None
    return {
        "place": caller.unit_name,
        "role": role_name(caller.role, head.language),
        "name": first.name if first else head.say(N_("vacant")),
        "numbers": _numbers(first, calls) if first else [],
    }


def _numbers(holder: Holder, calls: Calls) -> list[str]:
    whole = calls.numbers.get(holder.person_no)
    if whole:
        return [spaced(number) for number in whole]
    return [f"…{holder.phone_tail}"] if holder.phone_tail else []


def spaced(number: str) -> str:
    """A number as it is read out: +8613800000001 as 138 0000 0001."""
    local = number.removeprefix("+86") if number.startswith("+861") else number
    if len(local) == 11 and local.isdecimal():  # noqa: PLR2004 - a mobile number of China
        return f"{local[:3]} {local[3:7]} {local[7:]}"
    return local


def _call_line(
    row: Asked, holder: Holder, numbered: list[Row], calls: Calls, head: Head
) -> dict[str, Any]:
    numbered.append((row.duty_no, holder.person_no))
    return {
        "no": len(numbered),
        "place": _place(row),
        "role": role_name(row.role, head.language),
        "name": holder.name,
        "alternate": _standing(holder, head),
        "numbers": _numbers(holder, calls),
        "state": _state(row, head),
    }


def _standing(holder: Holder, head: Head) -> str:
    """Alternate or not, and their hours."""
    rank = head.say(N_("alternate")) if holder.rank > 1 else ""
    return " ".join(word for word in (rank, holder.shift) if word)


def _vacant(row: Asked, head: Head) -> dict[str, Any]:
    return {
        "no": 0,
        "place": _place(row),
        "role": role_name(row.role, head.language),
        "name": head.say(N_("vacant")),
        "alternate": "",
        "numbers": [],
        "state": _state(row, head),
    }


def _door_line(row: Asked, numbered: list[Row], head: Head) -> dict[str, Any]:
    first = row.holders[0] if row.holders else None
    if first is not None:
        numbered.append((row.duty_no, first.person_no))
    others = [one.name for one in row.holders[1:3]]
    count: Callable[[int | None], str] = lambda n: "" if n is None else str(n)  # noqa: E731 - short
    return {
        "no": len(numbered) if first else 0,
        "place": _place(row),
        "role": role_name(row.role, head.language),
        "name": first.name if first else head.say(N_("vacant")),
        "others": head.say(N_("alternate")) + " " + " ".join(others) if others else "",
        "homes": count(row.households),
        "frail": count(row.vulnerable),
        "move": count(row.should_transfer),
        "state": _state(row, head),
    }


def _state(row: Asked, head: Head) -> str:
    if row.state == "covered":
        return head.say(N_("answered {time}")).format(time=head.clock(row.covered_at))
    said = {"silent": N_("nobody answers"), "vacant": N_("nobody is answerable")}
    if row.state == "silent" and not row.told:
        return head.say(N_("not told yet"))  # by a modem that takes an hour, say
    return head.say(said[row.state]) if row.state in said else ""


_PREFIX: Final = re.compile(r".{1,12}(?:社区|村|片区|街道|镇|乡)")


def _place(row: Asked) -> str:
    """A stairwell without the community's name, which the sheet's head has."""
    start = _PREFIX.match(row.unit_name) if row.level == "building" else None
    inside = start is not None and row.parent_name.startswith(start[0])
    return row.unit_name[len(start[0]) :] or row.unit_name if start and inside else row.unit_name


def _labels(head: Head) -> dict[str, str]:
    say = head.say
    return {
        "sheet": say(N_("Sheet")),
        "rows": say(N_("{n} rows")),
        "page": say(N_("page {n}")),
        "no": say(N_("No.")),
        "place": say(N_("Where")),
        "who": say(N_("Who")),
        "note": say(N_("Note")),
        "done_by": say(N_("Done by")),
        "from": say(N_("begun at")),
        "to": say(N_("ended at")),
        "back": say(N_("Bring or photograph it back: entered by the sheet's number and the rows.")),
    }


_LETTERS: Final[Mapping[Result, tuple[str, str]]] = {
    Result.REACHED: (N_("reached"), N_("told, and understood")),
    Result.ON_POST: (N_("on post"), N_("is at the post already")),
    Result.NOBODY: (N_("nobody"), N_("nobody there, or no answer")),
    Result.HELP: (N_("help"), N_("needs help: report it at once")),
    Result.REFUSED: (N_("refuses"), N_("was told, and won't go")),
    Result.AWAY: (N_("can't"), N_("isn't on duty: the alternate takes over")),
}


def _results(letters: str, head: Head) -> list[dict[str, str]]:
    return [
        {
            "letter": letter.upper(),
            "word": head.say(_LETTERS[Result(letter)][0]),
            "meaning": head.say(_LETTERS[Result(letter)][1]),
        }
        for letter in letters
    ]
