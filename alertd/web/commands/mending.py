"""A drill's score with names, and what is to be mended, closed by whoever mended it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from sqlalchemy import Connection

from alertd.engine.authority import Actor, require
from alertd.engine.turn import Turn
from alertd.errors import ConflictError
from alertd.settings import Settings
from alertd.store.reads import drilled
from alertd.store.reads import todo as todos
from alertd.store.reads.alerts import AlertView
from drills import plan as plans
from drills.score.mending import owner
from drills.score.values import Defect, Row, Score
from drills.scoring import Scored, Terms, look, record, terms_of

MOST_SHOWN: Final = 2_000  # defects that are listed one by one; all are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a drill is to be scored; None: as its plan says, against the last of the same plan.

    Args:
        against: The number of the drill to compare it with.
        plan: The TOML of a plan.
    """

    against: int | None = None
    plan: str | None = None


def score_of(connection: Connection, alert_no: int, wish: Wish) -> Scored:
    """A drill's score as of now.

    Raises:
        PlanError: The plan's TOML is wrong.
        ConflictError: It isn't a drill, or hasn't begun.
    """
    terms = terms_of(connection, alert_no)
    if wish.plan is not None:
        read = plans.parse(wish.plan)
        terms = Terms(plan=read.name, marks=read.marks)
    return look(connection, alert_no, terms, wish.against)


def put_on_record(
    turn: Turn, actor: Actor, view: AlertView, found: Scored, settings: Settings
) -> None:
    """Write a score down, with what is to be mended.

    Raises:
        ForbiddenError: The actor may not draft where the drill was.
        ConflictError: It isn't over.
    """
    paths = drilled.drilled(turn.connection, view.no).paths
    require(actor, "draft", paths)
    record(turn, found, begins=settings.season_begins, zone=settings.zone, source=actor.source)


def shown(connection: Connection, found: Scored) -> dict[str, Any]:
    """A score as the API gives it: units by code and name, people by id and name."""
    made, places = found.score, found.seen.places
    listed = made.defects[:MOST_SHOWN]
    owners = [owner(defect, places) for defect in listed]
    named = todos.subjects(connection, [_subject(defect) for defect in listed])
    numbers = [row.unit_no for row in made.units] + [d.unit_no for d in listed] + owners
    units = drilled.names_of_units(connection, numbers)
    return {
        **_plain(made),
        "on_record": drilled.scored(connection, made.alert_no) is not None,
        "counts": made.counts(),
        "levels": [_row(row, units) for row in made.levels],
        "units": [_row(row, units) for row in made.units],
        "defects": [
            _defect(defect, named[_subject(defect)], units, above)
            for defect, above in zip(listed, owners, strict=True)
        ],
        "mended": len(made.mended),
        "gone": len(made.gone),
    }


_NAMED: Final = frozenset({"levels", "units", "defects", "mended", "gone", "alert_no"})


def _plain(made: Score) -> dict[str, Any]:
    whole = made.to_dict()
    return {each.name: whole[each.name] for each in fields(made) if each.name not in _NAMED}


def _subject(defect: Defect) -> todos.Subject:
    return defect.kind.value, defect.subject, defect.what


def _row(row: Row, units: Mapping[int, tuple[str, str]]) -> dict[str, Any]:
    code, name = units.get(row.unit_no, ("", ""))
    plain = asdict(row)
    del plain["unit_no"]
    return {**plain, "unit_code": code, "unit_name": name}


def _defect(
    defect: Defect, named: tuple[str, str], units: Mapping[int, tuple[str, str]], owner_no: int
) -> dict[str, Any]:
    (unit_code, unit_name), (owner_code, owner_name) = (
        units.get(no, ("", "")) for no in (defect.unit_no, owner_no)
    )
    return {
        "kind": defect.kind.value,
        "subject": named[0],
        "subject_name": named[1],
        "unit_code": unit_code,
        "unit_name": unit_name,
        "owner_code": owner_code,
        "owner_name": owner_name,
        "cause": str(defect.cause),
        "n": defect.n,
        "below_silent": defect.below[0],
        "below_asked": defect.below[1],
    }


def close(turn: Turn, actor: Actor, no: int, note: str) -> todos.TodoView:
    """Say that something is mended.

    Raises:
        NotFoundError: There is none of that number.
        ForbiddenError: It is outside the actor's area, or they may not enter answers.
        ConflictError: It is closed already.
    """
    path, closed = todos.place_of(turn.connection, no)
    require(actor, "answer", [path])
    if closed:
        raise ConflictError("That is mended already.")
    body = {"by": actor.id.hex(), "reason": "done", "note": note, "items": [no]}
    turn.record("todo.closed", body, source=actor.source)
    return todos.todo(turn.connection, no)
