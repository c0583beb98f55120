"""A small city with accounts and the calendar of drills, and plans for it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select

from alertd.engine.authority import Actor
from alertd.model import DrillState
from alertd.store import access, journal
from alertd.store import tables as t
from alertd.store.reads import drills as reads
from drills import holding, plan
from drills.alerting import Office
from drills.calendar import Calendar
from drills.plan import Plan
from tests.city import City

TOWN = "330281002"  # with a loudspeaker and a chat group even in the smallest sample
OFFICE = Office("drill@alertd.example", "余姚市防指")
AT = "2025-10-09T10:00:00Z"  # an hour and some minutes after the city's START
OPENS, CLOSES = "2025-10-09T10:00:00Z", "2025-10-09T14:00:00Z"


def plan_of(**changes: Any) -> Plan:
    """A drill of one town, begun by hand, with nobody woken."""
    content: dict[str, Any] = {
        "name": "汛前演练",
        "owner": "admin",
        "alert": {
            "template": "typhoon-red",
            "areas": [TOWN],
            "roles": ["grid_leader", "building_lead"],
        },
        "channels": {"sms-1": "simulated"},
    }
    return plan.from_dict(content | changes)


class DrillCity:
    """A city whose calendar is looked at in every step; use `city` for the rest."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.city = City(folder, **more)
        self.people: dict[str, Actor] = {}
        with self.city.store.transaction(self.city.now) as tx:
            for name, role in (("admin", "administrator"), ("second", "approver")):
                person = self.city.leaders()[0][1] if name == "admin" else None
                made = access.create_principal(
                    tx, self.city.ids, name=name, role=role, by="cli", person_no=person
                )
                self.people[name] = Actor(
                    no=made.no, id=made.id, name=name, role=role, path="", person_no=person
                )
        self.watch()

    def watch(self, **more: Any) -> None:
        """Have the engine look at the calendar; after a restart, anew."""
        self.city.engine.agenda = Calendar(OFFICE, **more)

    @property
    def admin(self) -> Actor:
        return self.people["admin"]

    @property
    def second(self) -> Actor:
        return self.people["second"]

    def schedule(self, wanted: Plan, who: Actor | None = None) -> int:
        who = who or self.admin
        number: int = self.city.take(lambda turn: holding.schedule(turn, who, OFFICE, wanted))
        return number

    def run(self, wanted: Plan, who: Actor | None = None) -> int:
        who = who or self.admin
        number: int = self.city.take(lambda turn: holding.run(turn, who, OFFICE, wanted))
        return number

    def stop(self, no: int) -> None:
        self.city.take(lambda turn: holding.stop(turn, self.admin, OFFICE, no, "enough"))

    def agree(self, no: int, who: Actor | None = None) -> None:
        self.city.take(lambda turn: holding.agree(turn, who or self.second, no))

    def row(self, no: int) -> Any:
        return self.city.one(select(t.drill).where(t.drill.c.no == no))

    def state(self, no: int) -> DrillState:
        return DrillState(self.row(no).state)

    def view(self, no: int) -> reads.DrillView:
        with self.city.store.read() as connection:
            return reads.drill(connection, no)

    def facts(self, kind: str) -> list[Mapping[str, Any]]:
        with self.city.store.read() as connection:
            return [r.fact.body for r in journal.stream(connection) if r.fact.kind == kind]

    def everything(self) -> str:
        """All that the journal and the tables of drills say, as text."""
        with self.city.store.read() as connection:
            said = [str(row.fact) for row in journal.stream(connection)]
            said += [str(row) for row in connection.execute(select(t.drill))]
        return "\n".join(said)

    def texts(self, since: int = 0, *, status: str = "", holding: str = "") -> list[str]:
        """What has left since a number of messages."""
        return [
            message.text
            for message in self.city.sent[since:]
            if message.status == (status or message.status) and holding in message.text
        ]

    def told(self, alert_no: int) -> set[int]:
        """The people to whom something of an alert has left."""
        c = t.delivery.c
        mine = c.id.between(alert_no << 32, (alert_no + 1 << 32) - 1)
        query = select(c.recipient_no).where(mine, c.recipient_kind == 1, c.attempt > 0)
        return {row.recipient_no for row in self.city.rows(query)}
