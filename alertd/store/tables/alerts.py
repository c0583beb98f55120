"""Alerts, what they ask for, and what was sent.

A message's, requirement's and delivery's number carries its alert's (model.ALERT_SHIFT), so that
all of an alert is one range of the primary key and the table can be partitioned by it.
"""

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from alertd.store.tables.columns import big, blob, small, text


class Event(SQLModel, table=True):
    """Successive alerts of one storm."""

    __tablename__ = "event"
    no: int = big(primary_key=True)
    id: bytes = blob(unique=True)
    name: str = text()
    opened_at: int = big()


class Alert(SQLModel, table=True):
    """A CAP message and everything frozen with it."""

    __tablename__ = "alert"
    __table_args__ = (
        Index("alert_cap", "sender", "identifier", "sent", unique=True),
        Index("alert_short_code", "short_code", unique=True),
        Index("alert_state", "state"),
        Index("alert_ended", "ended_at"),
    )
    no: int = big(primary_key=True)
    id: bytes = blob(unique=True)
    event_no: int = big()
    identifier: str = text()
    sender: str = text()
    sent: str = text()
    status: int = small()  # model.Status
    msg_type: str = text()
    purpose: str = text()  # alert, update, cancel, all-clear, correction
    state: str = text()  # model.AlertState
    short_code: str = text()
    colour: str = text()
    severity: int = small()  # 1 Extreme … 4 Minor
    headline: str = text()
    cap: str = text()  # JSON of the CAP message
    selection: str = text()  # JSON: areas, roles, routes (null: any), simulated, author_person
    audience: str = text()  # selection, told (everybody whom the referenced alert reached), both
    policy: str = text()  # JSON, frozen
    templates: str = text()  # JSON, frozen
    references_no: int | None = big(nullable=True)
    created_by: bytes = blob()  # principal
    created_at: int = big()
    approved_by: bytes | None = blob(nullable=True)
    approved_at: int | None = big(nullable=True)
    break_glass: bool = small()
    issue_at: int | None = big(nullable=True)  # an approved alert goes out then
    issued_at: int | None = big(nullable=True)
    expires_at: int = big()
    ended_at: int | None = big(nullable=True)
    roster_version: int | None = big(nullable=True)
    roster_digest: str = text()
    phase: int = small()  # expansion: which part is under way; model of engine.expand
    cursor: int = big()  # expansion: the last number done in this phase
    next_delivery: int = big()  # counter under this alert
    next_message: int = big()


class Halt(SQLModel, table=True):
    """An alert whose sending somebody paused or stopped; one that never was has no row."""

    __tablename__ = "halt"
    alert_no: int = big(primary_key=True)
    paused_at: int | None = big(nullable=True)  # null: it flows
    paused_ms: int = big()  # how long the pauses lasted that are over
    stopped_at: int | None = big(nullable=True)
    by: bytes = blob()  # the principal who did the last of it
    reason: str = text()  # in their words
    told_at: int | None = big(nullable=True)  # the duty desk, of this pause; null: not yet


class Message(SQLModel, table=True):
    """What is said; any number of deliveries carry it, in each recipient's language."""

    __tablename__ = "message"
    no: int = big(primary_key=True)
    kind: str = text()  # model.MessageKind
    template: str = text()
    params: str = text()  # JSON
    created_at: int = big()
    text_hash: str = text()  # of the zh-CN SMS rendering, before a recipient's own words


class Requirement(SQLModel, table=True):
    """What an alert asks of a duty at a stage, and the ladder that climbs for it."""

    __tablename__ = "requirement"
    __table_args__ = (
        Index(
            "requirement_due",
            "due_at",
            sqlite_where=sql("state = 0"),
            postgresql_where=sql("state = 0"),
        ),
    )
    no: int = big(primary_key=True)
    unit_no: int = big()
    role: str = text()
    needed: int = small()
    have: int = small()
    state: int = small()  # model.RequirementState
    step: int = small()  # next rung
    start_at: int = big()  # rungs count from here
    due_at: int | None = big(nullable=True)  # of the next rung
    told: int = small()  # bits of model.Told
    covered_at: int | None = big(nullable=True)


class Delivery(SQLModel, table=True):
    """One message for one contact."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index(
            "delivery_queue",
            "lane",
            "priority",
            "due_at",
            "id",
            sqlite_where=sql("state = 0"),
            postgresql_where=sql("state = 0"),
        ),
        Index(
            "delivery_deadline",
            "due_at",
            sqlite_where=sql("state IN (1, 2, 5) AND due_at IS NOT NULL"),
            postgresql_where=sql("state IN (1, 2, 5) AND due_at IS NOT NULL"),
        ),
        Index("delivery_recipient", "recipient_no", "id"),
    )
    id: int = big(primary_key=True)
    message_no: int = big()
    recipient_kind: int = small()
    recipient_no: int = big()
    address_no: int | None = big(nullable=True)
    lane: int = small()  # lanes.lane_of
    priority: int = small()  # model.priority_of; the lowest goes first
    state: int = small()  # model.DeliveryState
    attempt: int = small()
    due_at: int | None = big(nullable=True)
    left_at: int | None = big(nullable=True)  # when the first try that may have gone began
    route: str | None = text(nullable=True)  # of the last try
    avoid_route: str | None = text(nullable=True)  # not by this one, where there is another
    lease: str | None = text(nullable=True)  # the worker that has it
    duplicate: bool = small()  # a second copy may arrive; marked in the text
    reason: str | None = text(nullable=True)
    played: int = small()  # model.Played
    settled_at: int | None = big(nullable=True)


class DeliveryCount(SQLModel, table=True):
    """Rollup: how many deliveries of an alert are in a state, by channel; the sum over counters.

    Where several processes send, each counts in rows of its own, so that none waits for another.
    """

    __tablename__ = "delivery_count"
    alert_no: int = big(primary_key=True)
    channel: int = small(primary_key=True)
    state: int = small(primary_key=True)
    counter: int = small(primary_key=True)  # the writer; 0: whoever decides, one at a time
    n: int = big()


class Coverage(SQLModel, table=True):
    """Rollup: what a unit and all below it were asked, at one stage, and what came of it."""

    __tablename__ = "coverage"
    alert_no: int = big(primary_key=True)
    stage: int = small(primary_key=True)
    unit_no: int = big(primary_key=True)
    needed: int = big()
    covered: int = big()
    exhausted: int = big()
    helping: int = big()  # open calls for help
