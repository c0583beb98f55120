"""What drills have shown: their scores, and what is to be mended before the season."""

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from alertd.store.tables.columns import big, blob, small, text


class DrillScore(SQLModel, table=True):
    """A drill that was scored, as it was scored last."""

    __tablename__ = "drill_score"
    alert_no: int = big(primary_key=True)
    plan: str = text()
    against_no: int | None = big(nullable=True)  # the drill that it was compared with
    result: str = text()  # kept, missed, not-measured
    marks: str = text()  # JSON: [name, wanted, measured, verdict] each
    found: str = text()  # JSON: how many defects of each kind
    cut_short: bool = small()  # it ended before it had come to all that it was to show
    scored_at: int = big()


class Todo(SQLModel, table=True):
    """Something that a drill has shown to be wrong; open until somebody or a drill mends it."""

    __tablename__ = "todo"
    __table_args__ = (
        Index("todo_alert", "alert_no"),
        Index(
            "todo_open",
            "kind",
            "subject_no",
            sqlite_where=sql("closed_at IS NULL"),
            postgresql_where=sql("closed_at IS NULL"),
        ),
    )
    no: int = big(primary_key=True)
    kind: str = text()  # drills.score.values.Kind
    subject_no: int = big()  # the duty, person, loudspeaker or unit, by kind
    what: str = text()  # the role of a vacant duty, a mark's name
    plan: str = text()
    unit_no: int = big()  # where it is; 0: in no one unit
    owner_no: int = big()  # the unit that has to mend it; 0: the plan's owner
    cause: str = text()
    alert_no: int = big()  # the drill that showed it first, and the one that showed it last
    last_no: int = big()
    times: int = small()  # in how many drills it was seen
    found_at: int = big()
    due_at: int = big()
    closed_at: int | None = big(nullable=True)
    closed_by: bytes | None = blob(nullable=True)  # null: a drill showed it mended
    reason: str = text()  # done, mended, gone; "" while it is open
    closed_no: int = big()  # the drill that showed it mended; 0: none
    note: str = text()
