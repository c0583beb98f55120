"""How an alert stands at a moment, for one page: no names, no numbers of telephones."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from alertd.model import (
    AlertState,
    DeliveryState,
    Millis,
    Played,
    RecipientKind,
    RequirementState,
    Stage,
    Status,
    numbers_of,
)
from alertd.store import tables as t
from alertd.store.fold.scope import below, in_force
from alertd.store.reads import answers, board, helping, unanswered
from alertd.store.reads.alerts import AlertView

MOST_SILENT = 16
MOST_HELPS = 6
_SOON_MS = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TownView:
    """A subdistrict: its duties, and how many of its grids are in each state."""

    name: str
    needed: int
    covered: int
    grids: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speakers:
    """Loudspeakers: those that were commanded by what became of it."""

    total: int
    delivered: int
    played: int
    partial: int
    failed: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """See the module.

    Args:
        silent: Duties without an answer, those that nobody answers for first, the longest first;
            cut off at MOST_SILENT. Of the first stage: who answered isn't silent for having
            nothing to report yet.
        next_at: When the next ladder climbs; `soon` do so within ten minutes.
        areas: The names of the areas that the alert is for.
    """

    view: AlertView
    figures: board.Board
    people: Mapping[str, int]
    towns: tuple[TownView, ...]
    silent: tuple[unanswered.Unanswered, ...]
    help: tuple[helping.HelpView, ...]
    speakers: Speakers | None
    next_at: Millis | None
    soon: int


def situation(connection: Connection, view: AlertView, path: str, now: Millis) -> Situation:
    """How the alert stands in the subtree now."""
    figures = board.board(connection, view.no, path=path, whole=view.whole)
    next_at, soon = _next(connection, view.no, path, now)
    return Situation(
        view=view,
        figures=figures,
        people=answers.people_by_answer(connection, view.no, path=path),
        towns=_towns(connection, view.no, path),
        silent=_silent(connection, view.no, path, figures),
        help=helping.help_cases(connection, alert_no=view.no, path=path, limit=MOST_HELPS),
        speakers=_speakers(connection, view.no) if view.whole else None,
        next_at=next_at,
        soon=soon,
    )


def _towns(connection: Connection, alert_no: int, path: str) -> tuple[TownView, ...]:
    grids = board.cells(connection, alert_no, level="grid", path=path)
    found = []
    for town in board.cells(connection, alert_no, level="subdistrict", path=path):
        inside = [grid for grid in grids if grid.path.startswith(town.path)]
        states = {state.value: 0 for state in board.CellState}
        for grid in inside:
            states[grid.state.value] += 1
        found.append(
            TownView(name=town.name, needed=town.needed, covered=town.covered, grids=states)
        )
    return tuple(found)


def _silent(
    connection: Connection, alert_no: int, path: str, figures: board.Board
) -> tuple[unanswered.Unanswered, ...]:
    if not figures.stages:
        return ()
    first = figures.stages[0]
    exhausted, stage = first.exhausted, Stage[first.stage.upper()]
    found: list[unanswered.Unanswered] = []
    for state, there in (("exhausted", exhausted), ("open", 1)):
        left = MOST_SILENT - len(found)
        if there > 0 and left > 0:  # looking through a whole alert for nobody is dear
            found += unanswered.unanswered(
                connection, alert_no, path=path, state=state, stage=stage, limit=left
            ).items
    return tuple(found)


def _speakers(connection: Connection, alert_no: int) -> Speakers:
    d = t.delivery.c
    rows = connection.execute(
        select(d.state, d.played, func.count())
        .where(
            d.id.between(*numbers_of(alert_no)),
            d.recipient_kind == int(RecipientKind.TERMINAL),
        )
        .group_by(d.state, d.played)
    ).all()

    def count(states: set[DeliveryState] | None, played: Played | None = None) -> int:
        return sum(
            int(n)
            for state, sound, n in rows
            if (states is None or state in states) and (played is None or sound == played)
        )

    return Speakers(
        total=count(None),
        delivered=count({DeliveryState.DELIVERED}),
        played=count(None, Played.PLAYED),
        partial=count(None, Played.PARTIAL),
        failed=count({DeliveryState.FAILED}),
        unknown=count({DeliveryState.UNKNOWN}),
    )


def _next(
    connection: Connection, alert_no: int, path: str, now: Millis
) -> tuple[Millis | None, int]:
    r, u = t.requirement.c, t.unit.c
    query = select(func.min(r.due_at), func.count().filter(r.due_at <= now + _SOON_MS)).where(
        r.no.between(*numbers_of(alert_no)),
        r.state == int(RequirementState.OPEN),
        r.due_at.is_not(None),
    )
    if path:
        version = board.issued_version(connection, alert_no)
        then = below(u.path, [board.path_then(connection, version, path)])
        query = query.where(r.unit_no.in_(select(u.no).where(then, in_force(t.unit, version))))
    at, soon = connection.execute(query).one()
    return at, int(soon)


def under_way(connection: Connection) -> list[tuple[str, Millis]]:
    """Short code and time of issue of every alert that is out and has a situation.

    What ends one asks nothing of anybody, and a Test reaches its author alone.
    """
    c = t.alert.c
    query = select(c.short_code, c.issued_at).where(
        c.state == AlertState.ISSUED.value,
        c.issued_at.is_not(None),
        c.purpose.not_in(("cancel", "all-clear")),
        c.status != int(Status.TEST),
    )
    return [(row.short_code, row.issued_at) for row in connection.execute(query)]
