"""The live board: how far an alert has come, from rollups alone.

What a unit and all below it were asked stands in one row of `coverage`, what became of the
deliveries of a channel in eight rows of `delivery_count`: the cost is the number of units shown,
whatever the number of recipients. Only of whom nobody answers for it is looked up who was told,
and of no more than some thousands.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from alertd.model import Channel, DeliveryState, Stage
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.cries import Reach, reach_of, reaches
from alertd.store.fold.answers import first_stage_of
from alertd.store.fold.scope import below, in_force
from alertd.store.reads.inbox import unclear_count
from alertd.store.reads.told import untold
from alertd.store.reads.vacant import Vacancy, vacancies


class CellState(StrEnum):
    """How a unit stands, the worst first; colour and shape on the page follow from it."""

    HELP = "help"  # somebody there needs help
    SILENT = "silent"  # every rung was taken and nobody answered: somebody must go there
    VACANT = "vacant"  # there is nobody to ask: somebody must go there
    WAITING = "waiting"  # some haven't answered yet
    COVERED = "covered"  # all that was asked is answered
    UNASKED = "unasked"  # nothing was asked here


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFigures:
    """What was asked at one stage in the subtree, and what came of it; counts of duties."""

    stage: str
    needed: int
    covered: int
    exhausted: int
    helping: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFigures:
    """Deliveries of one channel by state."""

    channel: str
    total: int
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """From what was due to what was answered.

    Args:
        due: Deliveries that came into being and weren't withdrawn before they left.
        accepted: Those that a gateway took responsibility for, delivered ones included.
        delivered: Those confirmed by the gateway or the terminal itself. No calls: a mailbox picks
            up, too.
        failed: Those that won't arrive.
        unknown: Those that nobody can tell of; neither sent nor failed.
        waiting: Those not handed over yet.
        asked: Duties that were asked to answer at the first stage.
        answered: Duties that are covered at the first stage.
    """

    due: int | None
    accepted: int | None
    delivered: int | None
    failed: int | None
    unknown: int | None
    waiting: int | None
    asked: int
    answered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One unit on the heat map; counts of duties at one stage, its own and all below."""

    code: str
    name: str
    level: str
    path: str
    parent: str
    needed: int
    covered: int
    exhausted: int
    helping: int
    state: CellState


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The figures of one alert in one subtree.

    Args:
        stages: In the order in which they are asked.
        channels: None where the alert reaches beyond the subtree: deliveries aren't kept by unit.
        help_open: Calls for help that nobody has closed.
        help_untaken: Those that nobody has taken yet.
        help_unheard: Of these, those about which no message is known to have left.
        untold: Of the first stage's duties that nobody answers for, those for whose holders nothing
            has left; None where they are too many to look.
        vacant: Grids and stairwells in which nobody is answerable; they are in no other count.
        unclear: Replies that an operator should read; None outside the whole city.
    """

    funnel: Funnel
    stages: tuple[StageFigures, ...]
    channels: tuple[ChannelFigures, ...] | None
    help_open: int
    help_untaken: int
    help_unheard: int = 0
    vacant: int = 0
    untold: int | None = 0
    unclear: int | None = field(default=None)


def board(connection: Connection, alert_no: int, *, path: str = "", whole: bool = True) -> Board:
    """The board's figures.

    Args:
        connection: For reading.
        alert_no: The alert.
        path: The asker's subtree.
        whole: Whether the alert lies inside it altogether.
    """
    found = stages(connection, alert_no, path)
    channels = _channels(connection, alert_no) if whole else None
    help_open, untaken, unheard = _help(connection, alert_no, path)
    version = issued_version(connection, alert_no)
    then = path_then(connection, version, path)
    return Board(
        funnel=_funnel(found, channels),
        stages=found,
        channels=channels,
        help_open=help_open,
        help_untaken=untaken,
        help_unheard=unheard,
        vacant=len(empty(connection, alert_no, path)),
        untold=untold(connection, alert_no, found[0], version, then) if found else 0,
        unclear=None if path else unclear_count(connection),
    )


def stages(connection: Connection, alert_no: int, path: str) -> tuple[StageFigures, ...]:
    """What was asked in the subtree at each stage, and what came of it."""
    c, u = t.coverage.c, t.unit.c
    version = issued_version(connection, alert_no)
    path = path_then(connection, version, path)
    top = u.path == path if path else u.parent_no.is_(None)
    rows = connection.execute(
        select(
            c.stage,
            func.sum(c.needed).label("needed"),
            func.sum(c.covered).label("covered"),
            func.sum(c.exhausted).label("exhausted"),
            func.sum(c.helping).label("helping"),
        )
        .join(t.unit, and_(u.no == c.unit_no, in_force(t.unit, version)))
        .where(c.alert_no == alert_no, top)
        .group_by(c.stage)
        .order_by(c.stage)
    )
    return tuple(
        StageFigures(
            stage=Stage(row.stage).word,
            needed=int(row.needed),
            covered=int(row.covered),
            exhausted=int(row.exhausted),
            helping=int(row.helping),
        )
        for row in rows
    )


def issued_version(connection: Connection, alert_no: int) -> int:
    """The roster version that the alert went out with; 0 before it did."""
    c = t.alert.c
    query = select(c.roster_version).where(c.no == alert_no)
    return connection.execute(query).scalar_one_or_none() or 0


def path_then(connection: Connection, version: int, path: str) -> str:
    """Where the unit at `path` was at a roster version, as an alert counts by its own.

    It is there now, or was last: whoever answers for one that has gone since has its alert open.
    """
    if not path:
        return ""
    u, then = t.unit.c, t.unit.alias()
    query = (
        select(then.c.path)
        .join(t.unit, u.no == then.c.no)
        .where(u.path == path, _last(), in_force(then, version))
        .order_by(u.to_version.desc())
        .limit(1)
    )
    return connection.execute(query).scalar() or path


def units_below(path: str) -> Any:
    """A subquery: the numbers of the units in the subtree, by where each is now or was last.

    A unit's row is temporal: by any of its rows one that left for another town long ago would be
    here still, with whoever needs help there.
    """
    return select(t.unit.c.no).where(below(t.unit.c.path, [path]), _last())


def _last() -> ColumnElement[bool]:
    """Of a unit's rows the one that holds now, or held last."""
    u, other = t.unit.c, t.unit.alias()
    last = select(func.max(other.c.to_version)).where(other.c.no == u.no).correlate(t.unit)
    return u.to_version == last.scalar_subquery()


def empty(connection: Connection, alert_no: int, path: str) -> list[Vacancy]:
    """Where nobody is answerable, in what is the subtree at `path` now."""
    path = path_then(connection, issued_version(connection, alert_no), path)
    return vacancies(connection, alert_no, path=path)


def _channels(connection: Connection, alert_no: int) -> tuple[ChannelFigures, ...]:
    c = t.delivery_count.c
    rows = connection.execute(
        select(c.channel, c.state, func.sum(c.n))
        .where(c.alert_no == alert_no)
        .group_by(c.channel, c.state)
    ).all()
    figures = []
    for channel in Channel:
        counts = {state: n for of, state, n in rows if of == channel}
        if counts:
            states = {state.word: int(counts.get(int(state), 0)) for state in DeliveryState}
            figures.append(
                ChannelFigures(channel=channel.word, total=sum(states.values()), states=states)
            )
    return tuple(figures)


def _funnel(found: Sequence[StageFigures], channels: Sequence[ChannelFigures] | None) -> Funnel:
    first = found[0] if found else None
    asked = first.needed if first else 0
    answered = first.covered if first else 0
    if channels is None:
        nothing = dict.fromkeys(("due", "accepted", "delivered", "failed", "unknown", "waiting"))
        return Funnel(**nothing, asked=asked, answered=answered)

    def total(*names: str) -> int:
        return sum(channel.states[name] for channel in channels for name in names)

    calls = next((each.states for each in channels if each.channel == Channel.VOICE.word), None)
    return Funnel(
        due=sum(channel.total for channel in channels) - total("expired", "cancelled"),
        accepted=total("accepted", "delivered"),
        delivered=total("delivered") - (calls["delivered"] if calls else 0),
        failed=total("failed"),
        unknown=total("unknown"),
        waiting=total("pending", "sending"),
        asked=asked,
        answered=answered,
    )


def _help(connection: Connection, alert_no: int, path: str) -> tuple[int, int, int]:
    """Calls for help: that nobody has closed, has taken, and is known to have been told of."""
    c = t.help_case.c
    query = select(c.ack_no, c.climbed, c.taken_at).where(
        c.alert_no == alert_no, c.closed_at.is_(None)
    )
    if path:
        query = query.where(c.unit_no.in_(units_below(path)))
    found = connection.execute(query).all()
    untaken = [row for row in found if row.taken_at is None]
    far = reaches(connection, [row.ack_no for row in untaken]) if untaken else {}
    known = {Reach.SENT, None}
    unheard = [row for row in untaken if reach_of(row.climbed, far.get(row.ack_no)) not in known]
    return len(found), len(untaken), len(unheard)


def cells(
    connection: Connection,
    alert_no: int,
    *,
    level: str = "grid",
    stage: Stage | None = None,
    path: str = "",
) -> list[Cell]:
    """Every unit of a level in the subtree that was asked something, in the hierarchy's order.

    At a stage; without, at the first that the alert asks at. And every one in which nobody is
    answerable, or in which there is nothing but such ones.
    """
    c, u, above = t.coverage.c, t.unit.c, t.unit.alias("above")
    version = issued_version(connection, alert_no)
    path = path_then(connection, version, path)
    at: Any = first_stage_of(alert_no) if stage is None else int(stage)
    query = (
        select(
            u.code,
            u.name,
            u.level,
            u.path,
            above.c.name.label("parent"),
            c.needed,
            c.covered,
            c.exhausted,
            c.helping,
        )
        .join(t.unit, and_(u.no == c.unit_no, in_force(t.unit, version)))
        .outerjoin(above, and_(above.c.no == u.parent_no, in_force(above, version)))
        .where(c.alert_no == alert_no, c.stage == at, u.level == level)
        .order_by(u.path)
    )
    if path:
        query = query.where(below(u.path, [path]))
    nobody = vacancies(connection, alert_no, path=path)
    own = {each.path for each in nobody}
    found = [
        Cell(
            **{**row._asdict(), "parent": row.parent or ""},
            state=_cell_state(row, vacant=row.path in own),
        )
        for row in connection.execute(query)
    ]
    if not nobody:
        return found
    found += _unasked(connection, version, level, nobody, {cell.code for cell in found})
    return sorted(found, key=lambda cell: cell.path)


def _unasked(
    connection: Connection,
    version: int,
    level: str,
    nobody: Sequence[Vacancy],
    shown: Collection[str],
) -> list[Cell]:
    """The units of a level that are in no count, since nobody is answerable in all of them."""
    u, above = t.unit.c, t.unit.alias("above")
    paths = {"/".join(each.path.split("/")[:n]) + "/" for each in nobody for n in range(1, 7)}
    found = []
    for batch in batches(sorted(paths)):
        rows = connection.execute(
            select(u.code, u.name, u.path, above.c.name.label("parent"))
            .select_from(t.unit)
            .outerjoin(above, and_(above.c.no == u.parent_no, in_force(above, version)))
            .where(u.path.in_(batch), u.level == level, in_force(t.unit, version))
        )
        found += [
            Cell(
                code=row.code,
                name=row.name,
                level=level,
                path=row.path,
                parent=row.parent or "",
                needed=0,
                covered=0,
                exhausted=0,
                helping=0,
                state=CellState.VACANT,
            )
            for row in rows
            if row.code not in shown
        ]
    return found


def _cell_state(row: Any, *, vacant: bool) -> CellState:
    if row.helping > 0:
        return CellState.HELP
    if row.exhausted > 0:
        return CellState.SILENT
    if vacant:  # though stairwells in it may have answered for themselves
        return CellState.VACANT
    if row.needed <= 0:
        return CellState.UNASKED
    return CellState.COVERED if row.covered >= row.needed else CellState.WAITING
