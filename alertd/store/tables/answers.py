"""What came back."""

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from alertd.store.tables.columns import big, blob, small, text


class Inbound(SQLModel, table=True):
    """A reply as it came, kept encrypted; the journal holds its keyed hash only."""

    __tablename__ = "inbound"
    __table_args__ = (
        Index("inbound_gateway_key", "route", "gateway_key", unique=True),
        Index("inbound_verdict", "verdict", "no"),
        Index("inbound_address", "address_no", "no"),
    )
    no: int = big(primary_key=True)
    id: bytes = blob()
    route: str = text()
    gateway_key: str = text()
    address_no: int = big()  # of the sender, known or not
    received_at: int = big()
    body_cipher: bytes = blob()
    verdict: str = text()  # counted, ambiguous, unclear, unknown-sender…; see decide.interpret
    reason: str = text()
    alert_no: int | None = big(nullable=True)
    person_no: int | None = big(nullable=True)
    classified_by: bytes | None = blob(nullable=True)  # the operator who read it


class Ack(SQLModel, table=True):
    """A person's answer to an alert; a fact about a person, never a state of a delivery."""

    __tablename__ = "ack"
    __table_args__ = (Index("ack_alert", "alert_no", "person_no"),)
    no: int = big(primary_key=True)
    id: bytes = blob(unique=True)
    alert_no: int = big()
    person_no: int = big()
    kind: str = text()  # model.AckKind
    count: int | None = big(nullable=True)
    of: int | None = big(nullable=True)
    via: str = text()
    grade: str = text()
    late: bool = small()
    occurred_at: int = big()
    inbound_no: int | None = big(nullable=True)
    by: bytes | None = blob(nullable=True)  # the operator who entered it
    note: str = text()
    withdrawn_at: int | None = big(nullable=True)
    duties: str | None = text(nullable=True)  # JSON: those it named; null: all that they hold


class Answer(SQLModel, table=True):
    """An ack counts once for a requirement and a person."""

    __tablename__ = "answer"
    requirement_no: int = big(primary_key=True)
    person_no: int = big(primary_key=True)
    ack_no: int = big()


class HelpCase(SQLModel, table=True):
    """A cry for help; only a human takes it and closes it."""

    __tablename__ = "help_case"
    __table_args__ = (
        Index(
            "help_due",
            "due_at",
            sqlite_where=sql("taken_at IS NULL AND closed_at IS NULL"),
            postgresql_where=sql("taken_at IS NULL AND closed_at IS NULL"),
        ),
    )
    ack_no: int = big(primary_key=True)
    alert_no: int = big()
    unit_no: int = big()
    person_no: int = big()
    opened_at: int = big()
    climbed: int = small()  # how many levels know; 0: nobody could be told
    due_at: int = big()  # climbs again then, until somebody takes it
    taken_by: bytes | None = blob(nullable=True)
    taken_at: int | None = big(nullable=True)
    closed_by: bytes | None = blob(nullable=True)
    closed_at: int | None = big(nullable=True)
    outcome: str = text()


class HelpTold(SQLModel, table=True):
    """Deliveries by which others are told of a cry: those of one message, numbered in a row."""

    __tablename__ = "help_told"
    __table_args__ = (Index("help_told_case", "ack_no"),)
    first: int = big(primary_key=True)
    last: int = big()
    ack_no: int = big()


class DigestEntry(SQLModel, table=True):
    """A silent requirement that a superior is to hear of, in one message a window."""

    __tablename__ = "digest_entry"
    __table_args__ = (
        Index(
            "digest_due",
            "due_at",
            sqlite_where=sql("message_no IS NULL"),
            postgresql_where=sql("message_no IS NULL"),
        ),
        Index(
            "digest_said",
            "message_no",
            sqlite_where=sql("message_no IS NOT NULL"),
            postgresql_where=sql("message_no IS NOT NULL"),
        ),
    )
    duty_no: int = big(primary_key=True)  # the superior's duty
    requirement_no: int = big(primary_key=True)
    alert_no: int = big()
    due_at: int = big()
    message_no: int | None = big(nullable=True)
