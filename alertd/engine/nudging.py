"""Chat groups are told who of them is silent: one message a group, never one a person."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select

from alertd.decide.plan import served
from alertd.engine.telling import record, wanted
from alertd.engine.turn import LiveAlert, Turn
from alertd.lanes import Service, lane_of, way_of_group
from alertd.model import (
    FOREVER,
    Channel,
    MessageKind,
    RecipientKind,
    Stage,
    Status,
)
from alertd.store import people
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.fold.scope import below

_NAMED = 10  # units in full; the rest is a number
_MENTIONED = 50  # people; platforms take about as many


class Silence(NamedTuple):
    """A unit that hasn't answered, and who should have."""

    unit_no: int
    stage: Stage
    persons: Sequence[int]


class Group(NamedTuple):
    """A chat group; columns of its table."""

    no: int
    unit_no: int
    kind: str
    address_no: int


def nudge(turn: Turn, alert: LiveAlert, silent: Iterable[Silence]) -> None:
    """Tell the groups nearest to each silent unit; where a unit has none, the next above it."""
    silent = list(silent)
    kind = MessageKind.GROUP_REMINDER.value
    if not silent or kind not in alert.templates or alert.status is Status.TEST:
        return
    lines = people.ancestors(turn.connection, [each.unit_no for each in silent])
    groups = _groups(turn, alert, {no for line in lines.values() for no in line})
    told: dict[Group, list[Silence]] = {}
    for each in silent:
        near = next((groups[no] for no in lines[each.unit_no] if no in groups), ())
        for group in near:
            told.setdefault(group, []).append(each)
    names = people.units(turn.connection, [each.unit_no for each in silent])
    for group, those in told.items():
        units = {each.unit_no: names[each.unit_no].name for each in those}
        persons = list(dict.fromkeys(person for each in those for person in each.persons))
        _tell(turn, alert, group, units, persons, wanted(each.stage for each in those))


def _groups(turn: Turn, alert: LiveAlert, units: Iterable[int]) -> dict[int, list[Group]]:
    """By unit, those of the alert's own area that a route can reach."""
    c, u = t.chat_group.c, t.unit.c
    found: dict[int, list[Group]] = {}
    for batch in batches(units):
        rows = turn.connection.execute(
            select(*(c[name] for name in Group._fields))
            .join(t.unit, (u.no == c.unit_no) & (u.to_version == FOREVER))
            .where(c.unit_no.in_(batch), c.to_version == FOREVER, below(u.path, alert.paths))
            .order_by(c.no)
        )
        for group in map(Group._make, rows):
            if _served(turn, alert, group.kind):
                found.setdefault(group.unit_no, []).append(group)
    return found


def _served(turn: Turn, alert: LiveAlert, kind: str) -> bool:
    channel, service = way_of_group(kind)
    lane = lane_of(channel, alert.status, service)
    if channel is not Channel.CHAT or service is Service.DINGWORK:  # a person's account is no group
        return False
    return served(turn.routes.values(), lane, alert.leave)


def _tell(
    turn: Turn,
    alert: LiveAlert,
    group: Group,
    units: Mapping[int, str],
    persons: Sequence[int],
    stage: str,
) -> None:
    kind, (channel, service) = MessageKind.GROUP_REMINDER, way_of_group(group.kind)
    lane = lane_of(channel, alert.status, service)
    params = {
        **alert.selection["params"],
        "count": len(units),  # of one name there may be several
        "names": list(dict.fromkeys(units.values()))[:_NAMED],
        "stage": stage,
        "mention": list(persons[:_MENTIONED]),
    }
    to = (int(RecipientKind.GROUP), group.no, group.address_no, lane, None)
    record(turn, alert, kind, [to], template=kind.value, params=params)
