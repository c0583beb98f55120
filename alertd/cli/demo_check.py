"""Gathers what the promises are held against: alertd's tables, the peers' logs, the roster."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from alertd.cli import promises
from alertd.cli.options import today
from alertd.cli.promises import Kept, Verdict
from alertd.cli.sample import SampleWorld, logged
from alertd.model import DeliveryState, Millis, RecipientKind
from alertd.report.figures import Figures
from alertd.report.make import gather
from alertd.store import journal
from alertd.store import tables as t
from alertd.store.reads.alerts import alert
from rosters.parse import check as check_roster

# Who may be told beside the selection: the superiors at the top, and the duty desk.
_ABOVE: Final = frozenset({"city_lead", "city_duty"})


@dataclass(frozen=True, slots=True)
class Checked:
    """What a run came to."""

    alert_no: int
    figures: Figures
    verdicts: tuple[Verdict, ...]


def check(
    connection: Connection,
    around: SampleWorld,
    alert_id: bytes,
    roles: Collection[str],
    now: Millis,
) -> Checked:
    """Hold every promise against the peers' own logs."""
    number = alert(connection, alert_id).view.no
    phones = logged(around.world.log_of("handsets"))
    groups = logged(around.world.log_of("groups"))
    speakers = logged(around.world.log_of("terminals"))
    seen = [
        *promises.seen_by_phones(phones),
        *promises.seen_by_phones(groups),
        *promises.seen_by_speakers(speakers),
    ]
    kept = _kept(connection)
    reached = {str(line["phone"]) for line in phones if line["what"] == "message" and line["taken"]}
    held, broken = journal.verify(journal.stream(connection), journal.heads(connection))
    return Checked(
        number,
        gather(connection, number).figures,
        (
            promises.arrived(kept, seen),
            promises.unstuck(kept, now),
            promises.marked(seen),
            promises.inside(reached, _phones_of(around, {*roles, *_ABOVE})),
            promises.chained(held, len(broken)),
        ),
    )


def _kept(connection: Connection) -> list[Kept]:
    c = t.delivery.c
    rows = connection.execute(select(c.id, c.recipient_kind, c.state, c.due_at))
    return [
        Kept(row.id, RecipientKind(row.recipient_kind), DeliveryState(row.state), row.due_at)
        for row in rows
    ]


def _phones_of(around: SampleWorld, roles: Collection[str]) -> set[str]:
    """The phones of everybody who holds one of these roles, from the roster's own files."""
    checked = check_roster(around.city.files, today=today(around.node.settings))
    return {
        phone
        for row in checked.rows()
        if row.person and row.holding and set(row.holding.roles) & set(roles)
        for phone in row.person.phones
    }
