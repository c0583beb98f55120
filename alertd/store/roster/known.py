"""What the store knows already, copied into the scratch database to compare with."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, func, or_, select

from alertd.model import FOREVER
from alertd.store import tables as t
from alertd.store.batches import stream
from alertd.store.given import last_person
from alertd.store.roster.stage import Stage

_BY_NUMBER = ("old_unit", "old_person", "old_duty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A part of the roster that holds all that a change can touch: the rest isn't even read.

    Args:
        codes: Of the part's units and of every unit above them.
        unit_nos: Of the part's units: each duty and each holding in them is in it.
        person_ids: Of people that the change names; who holds a duty in the units is in it, too.
    """

    codes: Collection[str]
    unit_nos: Collection[int]
    person_ids: Collection[str]


def current_version(connection: Connection) -> int:
    """The roster version in force; 0 where none was ever imported."""
    return connection.execute(select(func.max(t.roster_version.c.version))).scalar() or 0


def copy_known(stage: Stage, connection: Connection, scope: Scope | None = None) -> int:
    """Copy keys, numbers and fingerprints; returns the version they are of.

    An identity stays one: who left and comes back has the number of old. So of each number the
    last row is taken, and `live` says whether it is in force. The last numbers that were ever
    given are noted, be they in the scope or not.
    """
    version = current_version(connection)
    stage.last = {
        table.name: connection.execute(select(func.max(table.c.no))).scalar() or 0
        for table in _NUMBERED
    }
    stage.last[t.person.name] = last_person(connection)
    if version:
        for table, query in (_part(scope) if scope else _queries()).items():
            width = len(query.selected_columns)
            marks = ", ".join("?" * width)
            stage.db.executemany(
                f"INSERT OR REPLACE INTO {table} VALUES ({marks})",  # noqa: S608 - our own names
                stream(connection, query),
            )
    for table in _BY_NUMBER:
        stage.db.execute(f"CREATE UNIQUE INDEX {table}_no ON {table} (no)")
    return version


def _queries() -> dict[str, Select[Any]]:
    u, p, d, te, g = (x.c for x in (t.unit, t.person, t.duty, t.terminal, t.chat_group))
    h, c = t.holding.c, t.contact.c
    live = {x: case((x.c.to_version == FOREVER, 1), else_=0) for x in _NUMBERED}
    return {
        "old_unit": select(u.code, u.no, u.id, u.path, u.fingerprint, live[t.unit]).order_by(
            u.to_version
        ),
        "old_person": select(p.person_id, p.no, p.id, p.fingerprint, live[t.person]).order_by(
            p.to_version
        ),
        "old_duty": select(d.unit_no, d.role, d.post, d.no, d.id, live[t.duty]).order_by(
            d.to_version
        ),
        "old_part": select(h.duty_no, h.person_no, h.shift_from, h.fingerprint, h.address_no).where(
            h.to_version == FOREVER
        ),
        "old_contact": select(c.person_no, c.channel, c.rank, c.address_no).where(
            c.to_version == FOREVER
        ),
        "old_terminal": select(
            te.terminal_id, te.no, te.id, te.fingerprint, live[t.terminal]
        ).order_by(te.to_version),
        "old_chat_group": select(
            g.group_key, g.no, g.id, g.fingerprint, live[t.chat_group]
        ).order_by(g.to_version),
    }


def _part(scope: Scope) -> dict[str, Select[Any]]:
    """The same of a part, which has no loudspeakers and no groups."""
    u, p, d, h, c = (x.c for x in (t.unit, t.person, t.duty, t.holding, t.contact))
    duties = select(d.no).where(d.unit_no.in_(scope.unit_nos))
    parts: ColumnElement[bool] = h.duty_no.in_(duties)
    holders = select(h.person_no).where(parts, h.to_version == FOREVER)
    named = select(p.no).where(p.person_id.in_(scope.person_ids))
    within: dict[str, ColumnElement[bool]] = {
        "old_unit": u.code.in_(scope.codes),
        "old_person": or_(p.person_id.in_(scope.person_ids), p.no.in_(holders)),
        "old_duty": d.unit_no.in_(scope.unit_nos),
        "old_part": parts,
        "old_contact": or_(c.person_no.in_(named), c.person_no.in_(holders)),
    }
    whole = _queries()
    return {table: whole[table].where(inside) for table, inside in within.items()}


_NUMBERED = (t.unit, t.person, t.duty, t.terminal, t.chat_group)
