"""Drill plans, and the drills that were made from them."""

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from alertd.store.tables.columns import big, blob, small, text


class DrillPlan(SQLModel, table=True):
    """A city's own plan, as it was saved last."""

    __tablename__ = "drill_plan"
    name: str = text(primary_key=True)
    content: str = text()  # JSON of drills.plan, without its owner
    paths: str = text()  # JSON: of the units that it is about, when it was saved
    owner: bytes = blob()  # principal
    saved_by: bytes = blob()  # principal
    saved_at: int = big()


class Drill(SQLModel, table=True):
    """A drill: what was made from a plan, with the plan frozen as it was then."""

    __tablename__ = "drill"
    __table_args__ = (
        Index(
            "drill_due",
            "due_at",
            sqlite_where=sql("due_at IS NOT NULL"),
            postgresql_where=sql("due_at IS NOT NULL"),
        ),
    )
    no: int = big(primary_key=True)
    id: bytes = blob(unique=True)
    plan: str = text()  # its name
    content: str = text()  # JSON of drills.plan, without its owner
    paths: str = text()  # JSON
    owner: bytes = blob()  # principal
    created_by: bytes = blob()  # principal
    created_at: int = big()
    agreed_by: bytes | None = blob(nullable=True)  # the second person
    state: str = text()  # model.DrillState
    reason: str = text()  # of the state
    opens_at: int = big()  # a date, or where a window begins
    closes_at: int = big()  # the same date, or where the window ends
    commitment: str = text()  # hex; a blind drill's moment is nowhere else until it begins
    due_at: int | None = big(nullable=True)  # the calendar looks at it then
    step: int = small()  # how many of the script's items are done
    reminded: int = small()  # how many of the plan's reminders went
    alert_no: int | None = big(nullable=True)  # its own; what followed it is in drill_alert
    started_at: int | None = big(nullable=True)
    ended_at: int | None = big(nullable=True)


class DrillAlert(SQLModel, table=True):
    """An alert that a drill went on as: its own, and those that followed it by hand."""

    __tablename__ = "drill_alert"
    __table_args__ = (Index("drill_alert_drill", "drill_no"),)
    alert_no: int = big(primary_key=True)
    drill_no: int = big()
