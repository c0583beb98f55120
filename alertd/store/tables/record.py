"""The record: this node, its journal and the chains' heads."""

from sqlalchemy import Index
from sqlmodel import SQLModel

from alertd.store.tables.columns import big, blob, small, text


class Node(SQLModel, table=True):
    """This node; one row."""

    __tablename__ = "node"
    name: str = text(primary_key=True)
    created_at: int = big()


class Departure(SQLModel, table=True):
    """That the city on record here lives in another database; one row where it does, else none."""

    __tablename__ = "departure"
    node: str = text(primary_key=True)
    to: str = text()  # what kind of database: sqlite or postgresql; the URL may hold a password
    at: int = big()


class NodeClock(SQLModel, table=True):
    """A node's time, one for all of its processes; no part of the record.

    How far it has lived is written every few seconds while work waits.
    """

    __tablename__ = "node_clock"
    node: str = text(primary_key=True)
    lived_at: int = big()
    era: int = big()  # counts how often the time was set, so that each process learns of it
    leapt_at: int | None = big(nullable=True)  # when it was, by the wall clock's word alone
    leapt_ms: int = big()  # and by how much in all since somebody vouched for it


class Home(SQLModel, table=True):
    """The server that this database was last at work on, of PostgreSQL; no part of the record."""

    __tablename__ = "home"
    system: str = text(primary_key=True)  # a server and its standbys have one
    line: int = big()  # counts how often a standby took over
    lacks_since: int | None = big(nullable=True)  # when one did that may lack the last moments
    tables: str | None = text(nullable=True)  # of the database and its journal; a copy has others


class KnownSetting(SQLModel, table=True):
    """A setting that wasn't its default when a process was started last, and since which start."""

    __tablename__ = "known_setting"
    process: str = text(primary_key=True)  # what it does: server, console, worker sms,voice
    name: str = text(primary_key=True)
    print: str = text()  # a keyed digest of its value, in letters
    since: int = big()


class Journal(SQLModel, table=True):
    """The append-only record of every fact; each row carries the hash of the one before."""

    __tablename__ = "journal"
    __table_args__ = (Index("journal_alert", "alert_no", "writer", "seq"),)
    node: str = text(primary_key=True)
    writer: int = big(primary_key=True)
    seq: int = big(primary_key=True)
    kind: str = text()
    alert_no: int = big()  # 0: about no alert
    source: str = text()
    occurred_at: int = big()
    recorded_at: int = big()
    body: str = text()  # canonical JSON
    prev_hash: bytes = blob()
    hash: bytes = blob()
    turn: int = big()  # the transaction; orders the chains of a node


class Worker(SQLModel, table=True):
    """A process that sends or decides, where several share the database; no part of the record."""

    __tablename__ = "worker"
    lease: str = text(primary_key=True)
    writer: int = big()  # its number among the writers
    beat: int = big()  # counts while it lives
    decides: bool = small()
    routes: str | None = text(nullable=True)  # JSON; null: all


class RouteShare(SQLModel, table=True):
    """A part of a route's limits, and the worker that has it."""

    __tablename__ = "route_share"
    route: str = text(primary_key=True)
    no: int = small(primary_key=True)
    lease: str | None = text(nullable=True)


class RouteDay(SQLModel, table=True):
    """How many parts of messages a route with a budget has carried on a day."""

    __tablename__ = "route_day"
    route: str = text(primary_key=True)
    day: int = big(primary_key=True)  # the city's, as date.toordinal counts it
    parts: int = big()


class RouteText(SQLModel, table=True):
    """How often a route that counts it has carried one text to one number on a day."""

    __tablename__ = "route_text"
    route: str = text(primary_key=True)
    day: int = big(primary_key=True)  # as in route_day; earlier days are taken away
    address_no: int = big(primary_key=True)
    said: bytes = blob(primary_key=True)  # a keyed hash of the text
    n: int = big()


class Chain(SQLModel, table=True):
    """The head of one writing process's chain."""

    __tablename__ = "chain"
    node: str = text(primary_key=True)
    writer: int = small(primary_key=True)
    seq: int = big()
    hash: bytes = blob()
    turn: int = big()
