"""What one step of the engine works with."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from sqlalchemy import Connection, bindparam, literal_column, or_, select

from alertd.decide.breaker import CLOSED, Breaker
from alertd.decide.budget import NOTHING_SPENT, Account, Said
from alertd.decide.expand import Pieces
from alertd.decide.halt import NONE, Halt, holds_back, ran
from alertd.decide.plan import Bucket, Leave, Route, Terms
from alertd.engine.library import Library
from alertd.errors import NoRoomError, NotFoundError
from alertd.lanes import status_of
from alertd.model import AlertState, Fact, Millis, Policy, Status
from alertd.store import tables as t
from alertd.store.database import Transaction
from alertd.store.frozen import Part, thaw
from alertd.store.identity import Ids
from alertd.store.prepared import Prepared, among, numbers
from rosters.shifts import minute_of_day

LIVE: Final = frozenset({AlertState.ISSUED, AlertState.APPROVED, AlertState.DRAFT})
"""States in which something may still be sent about an alert."""
ENDING: Final = frozenset({"cancel", "all-clear"})
"""Purposes of alerts that ask for no answer."""
# Facts that change nothing of what a LiveAlert holds.
_NOTHING_NEW = frozenset({"alert.expanded", "alert.selected"})


class Wording(Protocol):
    """Renders a frozen template; the shape of alertd.messages, injected with its data."""

    @property
    def link(self) -> str:
        """Where a person's own page is, with a placeholder for whose; "" for no links."""

    def text(
        self,
        template: Mapping[str, Any],
        *,
        language: str,
        channel: str,
        params: Mapping[str, Any],
        status: str,
        duplicate: bool,
    ) -> str:
        """The text as it will be shown or spoken."""

    def preflight(
        self,
        name: str,
        frozen: Mapping[str, Mapping[str, Any]],
        params: Mapping[str, Any],
        *,
        status: str,
    ) -> None:
        """Try every text that an alert may need; raises InvalidInputError where one fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAlert:
    """An alert as the engine works with it; read once and dropped when the alert changes."""

    no: int
    id: bytes
    short_code: str
    headline: str
    status: Status
    severity: int
    state: AlertState
    expires_at: Millis
    issued_at: Millis
    roster_version: int  # that it was issued with, by which its units count; 0 before
    policy: Policy
    templates: Mapping[str, Any]
    selection: Mapping[str, Any]
    paths: tuple[str, ...]
    reach: tuple[str, ...]  # those, and of every alert that it follows: all who hear of it
    leave: Leave
    follows: bytes | None  # the id of the alert that it updates or ends
    halt: Halt  # a person paused or stopped its sending
    asks: bool  # wants answers: an all-clear and a cancellation don't
    drill: Terms | None = None  # of a drill that was made from a plan
    ran_before: Millis = 0  # how long the drill ran as the alerts that this one follows
    unread: frozenset[Part] = frozenset()  # what of it this version can't read
    # What `rendering` made of it; forgotten with the rest.
    texts: dict[tuple[Any, ...], str] = field(default_factory=dict, compare=False, repr=False)
    messages: dict[int, Any] = field(default_factory=dict, compare=False, repr=False)

    def leave_at(self, now: Millis) -> Leave:
        """How it may travel now: a drill's script takes routes away for a time."""
        if self.drill is None or not self.issued_at:
            return self.leave
        lost = self.drill.lost_at(self.ran(now))
        return replace(self.leave, lost=lost) if lost else self.leave

    def ran(self, now: Millis) -> Millis:
        """How long a drill has run, its pauses left out: what its script counts by."""
        return self.ran_before + ran(self.halt, self.issued_at, now)

    def leave_in(self, lane: int, now: Millis, *, help_: bool) -> Leave:
        """How a message in a lane may travel; a real call for help by whatever carries Actual."""
        if status_of(lane) != self.status and help_:
            return Leave(status=Status(status_of(lane)), routes=None, simulated=False)
        return self.leave_at(now)

    def held_back(self, *, urgent: bool) -> bool:
        """Whether none of its messages may leave now.

        `urgent`: none of its calls for help, and of the words to the duty desk that it is paused.

        What can't be said isn't. A pause that the alert's end came into holds back nothing more:
        nobody could resume it, and whoever answers late waits to hear that they were heard.
        """
        paused = self.state in LIVE and holds_back(self.halt, urgent=urgent)
        return paused or (self.unsayable and not urgent)

    @property
    def unsayable(self) -> bool:
        """Nobody can read in which words, to whom or by which routes it may go."""
        return bool(self.unread - {Part.POLICY})

    @property
    def over(self) -> bool:
        """Nothing more is to be sent about it, but for what its successor says."""
        return self.state not in LIVE or self.halt.stopped_at is not None


@dataclass(slots=True)
class Turn:
    """One transaction of the engine, with everything a handler may use."""

    tx: Transaction
    now: Millis
    ids: Ids
    routes: Mapping[str, Route]
    wording: Wording
    library: Library
    alerts: dict[int, LiveAlert]
    flows: Mapping[str, "Flow"]
    lease: str
    break_glass_delay_ms: int
    pieces: Pieces
    found: frozenset[int] = frozenset()  # alerts that were under way when this process began
    refuses_new: bool = False
    nameless: Collection[str] = ()  # settings that say who sends, and are gone
    source: str = "engine"
    counter: int = 0  # in which rows of the rollup this process counts what it sends
    # (part of a step, alert or 0) → until when it is left out, because it failed; see `apart`.
    resting: dict[tuple[str, int], Millis] = field(default_factory=dict)

    @property
    def connection(self) -> Connection:
        """The writer's connection."""
        return self.tx.connection

    @property
    def minute(self) -> int:
        """Of the city's day: whose shift it is."""
        return minute_of_day(self.now, self.library.zone)

    def require_room(self) -> None:
        """Raise NoRoomError where space is too short for new work."""
        if self.refuses_new:
            raise NoRoomError(
                "The disk is full, or can't be written to: new alerts and rosters are refused.",
                hint="Make room on the data folder's disk, or see what is wrong with it (`alertd"
                " doctor`). What was accepted goes on; cancels, corrections, all-clears and answers"
                " are taken.",
            )

    def record(
        self,
        kind: str,
        body: Mapping[str, Any],
        *,
        alert_no: int = 0,
        occurred_at: Millis | None = None,
        source: str | None = None,
    ) -> Any:
        """Apply and journal a fact of this step; returns what its fold came to."""
        result = self.tx.record(
            Fact(
                kind=kind,
                occurred_at=self.now if occurred_at is None else occurred_at,
                body=body,
                alert_no=alert_no,
                source=source or self._source_of(body),
            )
        )
        if kind.startswith("alert.") and kind not in _NOTHING_NEW:
            self.alerts.pop(alert_no, None)
        return result

    def record_alike(
        self, kind: str, facts: Sequence[tuple[Mapping[str, Any], int, Millis]]
    ) -> None:
        """Apply and journal facts of one kind at once: (body, alert, when) each."""
        self.tx.record_alike(
            kind,
            [
                Fact(
                    kind=kind,
                    occurred_at=at,
                    body=body,
                    alert_no=alert_no,
                    source=self._source_of(body),
                )
                for body, alert_no, at in facts
            ],
        )

    def _source_of(self, body: Mapping[str, Any]) -> str:
        """Whoever a fact says that did it: what a person did is never on record as the engine's."""
        by = body.get("by")
        return f"principal:{by}" if by else self.source

    def record_mixed(self, facts: Sequence[tuple[str, Mapping[str, Any], int, Millis]]) -> None:
        """Apply and journal facts of several kinds that touch no common rows, as `record_alike`.

        They are on record in their order: (kind, body, alert, when) each.
        """
        self.tx.record_mixed(
            [
                Fact(kind=kind, occurred_at=at, body=body, alert_no=alert_no, source=self.source)
                for kind, body, alert_no, at in facts
            ]
        )

    def alert(self, alert_no: int) -> LiveAlert:
        """The alert of that number."""
        found = self.alerts.get(alert_no)
        if found is None:
            found = load_alert(self.connection, alert_no)
            if Part.TEMPLATES in found.unread:  # its calls for help go on, in today's words
                found = replace(found, templates=self.library.help())
            self.alerts[alert_no] = found
        return found

    def alert_by_id(self, alert_id: bytes) -> LiveAlert:
        """The alert of that id; raises NotFoundError."""
        number = self.connection.execute(
            select(t.alert.c.no).where(t.alert.c.id == alert_id)
        ).scalar_one_or_none()
        if number is None:
            raise NotFoundError("There is no such alert.")
        return self.alert(number)

    def counters(self, alert_no: int) -> tuple[int, int]:
        """The next delivery's and message's count under an alert."""
        ((delivery, message),) = _COUNTERS.rows(self.connection, alert_no=alert_no)
        return delivery, message


_COUNTERS = Prepared(
    lambda _: select(t.alert.c.next_delivery, t.alert.c.next_message).where(
        t.alert.c.no == bindparam("alert_no")
    )
)


def load_alert(connection: Connection, alert_no: int) -> LiveAlert:
    """Read an alert; raises NotFoundError."""
    row = connection.execute(select(t.alert).where(t.alert.c.no == alert_no)).first()
    if row is None:
        raise NotFoundError("There is no such alert.")
    status = Status(row.status)
    frozen = thaw(row.policy, row.templates, row.selection, status)
    return LiveAlert(
        no=row.no,
        id=row.id,
        short_code=row.short_code,
        headline=row.headline,
        status=status,
        severity=row.severity,
        state=AlertState(row.state),
        expires_at=row.expires_at,
        issued_at=row.issued_at or 0,
        roster_version=row.roster_version or 0,
        policy=frozen.policy,
        templates=frozen.templates,
        selection=frozen.selection,
        paths=frozen.paths,
        reach=frozen.reach,
        leave=frozen.leave,
        drill=frozen.terms,
        ran_before=_ran_before(connection, row.no, frozen.terms, row.issued_at),
        halt=halt_of(connection, alert_no),
        follows=_id_of(connection, row.references_no),
        asks=row.purpose not in ENDING,
        unread=frozen.unread,
    )


def _ran_before(
    connection: Connection, alert_no: int, terms: Terms | None, issued_at: Millis | None
) -> Millis:
    """How long a drill ran as the alerts before this one, which somebody followed up by hand."""
    if terms is None or issued_at is None:
        return 0
    a, d, h = t.alert.c, t.drill_alert.c, t.halt.c
    query = (
        select(a.issued_at, a.ended_at, h.paused_at, h.paused_ms)
        .join_from(t.drill_alert, t.alert, a.no == d.alert_no)
        .outerjoin(t.halt, h.alert_no == a.no)
        .where(d.drill_no == terms.drill, a.no < alert_no, a.issued_at.is_not(None))
    )
    return sum(
        ran(
            Halt(paused_at=row.paused_at, paused_ms=row.paused_ms or 0),
            row.issued_at,
            row.ended_at or issued_at,
        )
        for row in connection.execute(query)
    )


def refresh(turn: Turn) -> None:
    """Know all alerts under way, and forget those that another process has changed."""
    known = turn.alerts
    rows = _STANDING.rows(turn.connection, known=numbers(turn.connection, known))
    for number, state, paused_at, stopped_at in rows:
        if number in known and _moved(known[number], state, paused_at, stopped_at):
            del known[number]
        if state in UNDER_WAY:
            turn.alert(number)


def _moved(
    alert: LiveAlert, state: str, paused_at: Millis | None, stopped_at: Millis | None
) -> bool:
    halted = alert.halt.paused_at, alert.halt.stopped_at
    return alert.state.value != state or halted != (paused_at, stopped_at)


UNDER_WAY = (AlertState.ISSUED.value, AlertState.APPROVED.value)


def _standing(dialect: str) -> Any:
    c, h = t.alert.c, t.halt.c
    under_way = c.state.in_([literal_column(f"'{state}'") for state in UNDER_WAY])
    return (
        select(c.no, c.state, h.paused_at, h.stopped_at)
        .outerjoin(t.halt, h.alert_no == c.no)
        .where(or_(under_way, among(dialect, c.no, "known")))
    )


_STANDING = Prepared(_standing)


def halt_of(connection: Connection, alert_no: int) -> Halt:
    """How an alert's sending stands."""
    c = t.halt.c
    query = select(c.paused_at, c.paused_ms, c.stopped_at).where(c.alert_no == alert_no)
    row = connection.execute(query).first()
    return Halt(**row._asdict()) if row else NONE


def _id_of(connection: Connection, alert_no: int | None) -> bytes | None:
    query = select(t.alert.c.id).where(t.alert.c.no == alert_no)
    return connection.execute(query).scalar_one_or_none() if alert_no else None


@dataclass(slots=True)
class Flow:
    """How a route flows now; memory of this process only, rebuilt empty after a restart."""

    bucket: Bucket
    in_flight: int = 0
    paused_until: Millis = 0
    breaker: Breaker = CLOSED
    account: Account = NOTHING_SPENT
    said: dict[Said, int] = field(default_factory=dict)  # what has left and isn't written down
    saying: dict[int, Said] = field(default_factory=dict)  # by delivery, what is in flight
    said_on: int | None = None  # the day for which texts of days before were taken away

    @property
    def waits_until(self) -> Millis:
        """When the next try may begin, by what the gateway said or how it failed."""
        return max(self.paused_until, self.breaker.until)

    def copy(self) -> "Flow":
        """As it is now, to go back to."""
        # Field by field: `replace` looks each of them up, for every route at every step.
        return Flow(
            self.bucket,
            self.in_flight,
            self.paused_until,
            self.breaker,
            self.account,
            self.said.copy(),
            self.saying.copy(),
            self.said_on,
        )
