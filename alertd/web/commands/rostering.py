"""Changes to the roster, by hand and back to an old version: planned, then put in force."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection

from alertd.engine.authority import Actor, require
from alertd.engine.turn import Turn
from alertd.errors import ConflictError, InvalidInputError, ProblemsError
from alertd.i18n import N_
from alertd.store import roster
from alertd.store.identity import Ids
from alertd.store.reads import units
from alertd.store.roster import Plan, RosterVersion
from alertd.store.vault import Vault
from alertd.web.fields import PersonId, Text
from rosters.diff import sweeping
from rosters.edits import ALLOWED, Act, Around, Do, revise, touched
from rosters.problems import Severity

_MEANT = N_(
    "If that is meant, say so by their number; else look for what the files lack, "
    "or for ids that were given out anew."
)

_NOTHING = "That changes nothing: the roster is so already."

Cell = Annotated[Text, Field(max_length=1_000)]


class EditAct(BaseModel):
    """One act of an edit.

    Attributes:
        do: person, assign, release, remove.
        person_id: Whose.
        cells: Columns of the people file; what isn't given stays as it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: Do
    person_id: PersonId
    cells: Annotated[dict[str, Cell], Field(max_length=20)] = {}

    @model_validator(mode="after")
    def _known_cells(self) -> "EditAct":
        unknown = sorted(set(self.cells) - ALLOWED[self.do])
        if unknown:
            raise InvalidInputError(f"{self.do} takes no cell {unknown[0]}.", field="cells")
        return self

    def act(self) -> Act:
        """As the roster's own value."""
        return Act(self.do, self.person_id, self.cells)


class NewEdit(BaseModel):
    """An edit.

    Attributes:
        acts: One after the other; all or none.
        why: On record.
        base: The version that it was made against; without one, the one in force.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    acts: Annotated[tuple[EditAct, ...], Field(min_length=1, max_length=100)]
    why: Annotated[Text, Field(max_length=200)] = ""
    base: Annotated[int, Field(ge=0)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A change that may be put in force.

    Args:
        plan: Holds a scratch database until it is closed.
        paths: Of the units that it touches; "" is the whole city.
        warnings: What should be looked at.
        restores: The version that comes back, or None.
    """

    plan: Plan
    paths: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    restores: int | None = None


def plan_edit(
    connection: Connection,
    vault: Vault,
    actor: Actor,
    acts: Sequence[Act],
    *,
    ids: Ids,
    today: dt.date,
    language: str,
    to_apply: bool,
) -> Planned:
    """Read, check and plan an edit; only reads.

    Args:
        connection: Reading is enough.
        vault: Of this store.
        actor: Whose doing it is.
        acts: One after the other.
        ids: Gives what is new its identity.
        today: From which "verified long ago" is counted.
        language: Of what is wrong.
        to_apply: Whether it may be put in force, or is to be looked at only.

    Raises:
        ForbiddenError: It touches units outside the actor's area.
        ProblemsError: Something is wrong with it; all of it is told.
        ConflictError: It changes nothing.
    """
    around = roster.around(connection, vault, acts)
    paths = []
    for code in sorted(touched(around, acts)):
        path = units.path_of(connection, code)
        paths.append("" if path is None else path)
    require(actor, "roster", [path for path in paths if path])
    _require_known(connection, actor, around, acts)
    edit = revise(around, acts, today=today)
    roster.warn_of_shared_phones(connection, vault, edit)
    if edit.problems.counts[Severity.ERROR]:
        raise ProblemsError(
            "The change was refused; nothing was changed.",
            edit.problems.lines(Severity.ERROR, language),
        )
    stored = roster.Stored(connection, vault, masked=False)
    scope = roster.scope_of(connection, around, acts)
    source = roster.Edited(stored, scope, edit)
    plan = roster.plan(connection, vault, source, ids, scope=scope, to_apply=to_apply)
    return _kept(plan, tuple(paths), tuple(edit.problems.lines(Severity.WARNING, language)))


def _require_known(
    connection: Connection, actor: Actor, around: Around, acts: Sequence[Act]
) -> None:
    """Raise ForbiddenError where a duty would be given to somebody who serves only elsewhere.

    Whoever has a duty in an area is seen there, told by its alerts and called by whole number: a
    guessed id must not bring anybody of another area there.
    """
    if not actor.path:
        return
    for person_id in {act.person_id for act in acts if act.do is Do.ASSIGN} & set(around.people):
        codes = {held.unit_code for held in around.holdings if held.person_id == person_id}
        paths = [units.path_of(connection, code) or "" for code in sorted(codes)]
        if not any(path.startswith(actor.path) for path in paths):
            require(actor, "roster", paths or [""])


def plan_restore(
    connection: Connection, vault: Vault, actor: Actor, version: int, *, ids: Ids
) -> Planned:
    """Plan to bring a version back; only reads.

    Raises:
        ForbiddenError: The actor doesn't act for the whole city.
        NotFoundError: There was no such version.
        ConflictError: It changes nothing.
    """
    require(actor, "roster", [""])
    roster.version_of(connection, version)
    source, scope = roster.restored(connection, vault, version)
    plan = roster.plan(connection, vault, source, ids, scope=scope)
    return _kept(plan, ("",), restores=version)


def _kept(
    plan: Plan, paths: tuple[str, ...], warnings: tuple[str, ...] = (), restores: int | None = None
) -> Planned:
    if plan.diff.empty:
        plan.close()
        raise ConflictError(_NOTHING)
    return Planned(plan=plan, paths=paths, warnings=warnings, restores=restores)


def require_base(base: int, wanted: int | None) -> None:
    """Raise ConflictError where the roster isn't the one that a change was made against."""
    if wanted is not None and base != wanted:
        raise ConflictError(
            "The roster has changed since this was looked at.",
            hint="Look at the differences again, then confirm.",
        )


def require_meant(plan: Plan, leaving: int | None, hint: str = _MEANT) -> None:
    """Raise ConflictError where much of the roster leaves and nobody has said how much."""
    many = sweeping(plan.diff, plan.counts)
    if many and leaving != many:
        raise ConflictError(
            f"{many} people, loudspeakers or groups would leave the roster or change.",
            hint=hint,
        )


def put_in_force(turn: Turn, *, actor: Actor, planned: Planned, why: str) -> RosterVersion:
    """Make a planned change the roster in force.

    Raises:
        ForbiddenError: The actor may not.
        InvalidInputError: Nobody said why.
        ConflictError: Another change came between, or it changes nothing.
        NoRoomError: The disk is nearly full.
    """
    require(actor, "roster", [path for path in planned.paths if path] or list(planned.paths[:1]))
    require_why(why)
    if planned.plan.diff.empty:  # the page offers no such thing
        raise ConflictError(_NOTHING)
    turn.require_room()
    more: dict[str, Any] = {}
    if planned.restores is not None:
        more["restores"] = planned.restores
    return roster.apply(
        turn.tx, planned.plan, by=actor.source, why=why.strip(), now=turn.now, **more
    )


def require_why(why: str) -> None:
    """Raise InvalidInputError where nobody said why."""
    if not why.strip():
        raise InvalidInputError("Say why the roster changes; it goes on record.", field="why")
