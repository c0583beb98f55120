"""Answers that people enter: acknowledgements by phone, radio or runner, help, unclear replies."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Row, select

from alertd.engine import answering, counting, helping, withdrawing
from alertd.engine.authority import Actor, require
from alertd.engine.counting import Answered
from alertd.engine.replies import via_of
from alertd.engine.turn import LiveAlert, Turn
from alertd.errors import ConflictError, InvalidInputError, NotFoundError
from alertd.model import AckKind, AlertState, Grade, Millis, Via
from alertd.store import people
from alertd.store import tables as t
from alertd.store.reads import answers as reads
from alertd.store.reads import inbox
from alertd.store.reads.alerts import find
from alertd.store.reads.helping import unit_of_help
from alertd.store.reads.units import duty_at, paths_of_person, person_of, unit_paths
from alertd.web.fields import Code, Count, Moment, Note, PersonId, Text

_SKEW_MS = 120_000  # an operator's clock may be ahead of ours by so much
_MOST_ASIDE = 5_000  # at once: the writer is free between


class DutyName(BaseModel):
    """A duty by its unit and role."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit_code: Code
    role: Annotated[Text, Field(min_length=1, max_length=40)]


class NewAck(BaseModel):
    """An acknowledgement that an operator enters for somebody.

    Attributes:
        person_id: Who answered; or
        duty: for which duty, where its principal did.
        kind: received, on_post, done, help, unavailable.
        count: With `done`: so many.
        of: Of so many.
        via: How it came.
        occurred_at: When, ms since the epoch; null for now.
        note: Anything else; without names and numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    person_id: PersonId | None = None
    duty: DutyName | None = None
    kind: AckKind
    count: Count | None = None
    of: Count | None = None
    via: Literal["phone", "radio", "runner", "paper"] = "phone"
    occurred_at: Moment | None = None
    note: Note = ""

    @model_validator(mode="after")
    def _somebody(self) -> "NewAck":
        if (self.person_id is None) == (self.duty is None):
            raise ValueError("give either person_id or duty")
        return self


class Classification(BaseModel):
    """What an operator says that a reply means.

    Attributes:
        kind: An answer's kind, or `nothing`: it was read and is no answer.
        alert: Id or short code, where the reply doesn't say which.
        person_id: Who wrote it, where nobody can tell.
        person_ids: The same, where it is several people's answer, by the phone that they share.
        count: With `done`: so many.
        of: Of so many.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["received", "on_post", "done", "help", "unavailable", "nothing"]
    alert: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,32}$")] | None = None
    person_id: PersonId | None = None
    person_ids: Annotated[tuple[PersonId, ...], Field(max_length=20)] = ()
    count: Count | None = None
    of: Count | None = None

    @property
    def writers(self) -> tuple[str, ...]:
        """Whose answer it is said to be."""
        return tuple(dict.fromkeys((*filter(None, [self.person_id]), *self.person_ids)))


def enter_ack(turn: Turn, actor: Actor, alert_id: bytes, new: NewAck) -> dict[str, Any]:
    """Enter an answer by hand; says whether the alert asks anything of them, and whether it's late.

    Raises:
        NotFoundError: No such alert, person or duty.
        ForbiddenError: None of the person's duties is in the actor's area.
        ConflictError: The alert was never issued.
    """
    alert = told(turn, alert_id)
    occurred_at = when(turn, new.occurred_at)
    person, duties = _whose(turn, actor, new)
    number = enter(
        turn,
        actor,
        alert,
        person,
        duties,
        kind=new.kind,
        via=Via(new.via),
        occurred_at=occurred_at,
        count=new.count,
        of=new.of,
        note=new.note,
    )
    asked = _asks(turn, alert, person, duties)
    return {"no": number, "alert_id": alert.id.hex(), "asked": asked, "late": alert.over}


def _asks(turn: Turn, alert: LiveAlert, person_no: int, duties: tuple[int, ...] | None) -> bool:
    """Whether the alert asks a duty of theirs, or may still: it is being written down."""
    if turn.connection.execute(select(t.alert.c.phase).where(t.alert.c.no == alert.no)).scalar():
        return True
    received = counting.Counting(alert.no, person_no, AckKind.RECEIVED, duties)
    (found,) = counting.counted_for(turn, [received])
    return bool(found)


def enter(
    turn: Turn,
    actor: Actor,
    alert: LiveAlert,
    person_no: int,
    duties: tuple[int, ...] | None,
    *,
    kind: AckKind,
    via: Via,
    occurred_at: Millis,
    count: int | None = None,
    of: int | None = None,
    note: str = "",
) -> int:
    """Count an answer that somebody entered for another; returns its number.

    The caller has asked whether the actor may. `duties`: only these, None: all that they hold.
    """
    return answering.acknowledge(
        turn,
        Answered(
            alert_no=alert.no,
            person_no=person_no,
            kind=kind,
            via=via,
            grade=Grade.PROXY,
            occurred_at=occurred_at,
            count=count,
            of=of,
            late=alert.over,
            by=actor.id,
            note=note,
            duties=duties,
        ),
        confirm=False,
    )


def told(turn: Turn, alert_id: bytes) -> LiveAlert:
    """An alert that was issued; raises ConflictError for one that nobody was told of."""
    alert = turn.alert_by_id(alert_id)
    if alert.state in {AlertState.DRAFT, AlertState.APPROVED} or not alert.issued_at:
        raise ConflictError("Nobody has been told of this alert.")
    return alert


def when(turn: Turn, given: Millis | None) -> Millis:
    """When something that is entered happened: now, unless it is said."""
    if given is None:
        return turn.now
    if given > turn.now + _SKEW_MS:
        raise InvalidInputError("That lies in the future.", field="occurred_at")
    return min(given, turn.now)


def _whose(turn: Turn, actor: Actor, new: NewAck) -> tuple[int, tuple[int, ...] | None]:
    """The person, and the duties that the answer counts for (None: all of them)."""
    if new.duty is not None:
        duty = duty_at(turn.connection, new.duty.unit_code, new.duty.role)
        held = people.holders(turn.connection, [duty]).get(duty, [])
        if not held:
            raise NotFoundError("Nobody holds that duty.", field="duty")
        person, *_ = people.in_charge(held, turn.minute)
        _require(turn, actor, person, [duty])
        return person, (duty,)
    person = person_of(turn.connection, new.person_id or "")
    return person, _require(turn, actor, person, None)


def _require(
    turn: Turn, actor: Actor, person_no: int, duties: Sequence[int] | None
) -> tuple[int, ...] | None:
    """Those of somebody's duties that lie in the actor's area; None for all of them."""
    held = people.duties_of(turn.connection, [person_no]).get(person_no, [])
    units = people.units(turn.connection, [duty.unit_no for duty in held])
    wanted = [duty for duty in held if duties is None or duty.duty_no in duties]
    inside = [duty for duty in wanted if units[duty.unit_no].path.startswith(actor.path)]
    require(actor, "answer", [units[duty.unit_no].path for duty in inside or wanted] or [""])
    return tuple(duty.duty_no for duty in inside) if actor.path else None


def withdraw_ack(
    turn: Turn, actor: Actor, alert_id: bytes, ack_no: int, reason: str
) -> dict[str, Any]:
    """An ack was a mistake; what it covered is open again."""
    alert = turn.alert_by_id(alert_id)
    person = reads.person_of_ack(turn.connection, alert.no, ack_no)
    # Who has left the roster is nowhere: only the whole city may deal with that.
    require(actor, "answer", paths_of_person(turn.connection, person) or [""])
    withdrawing.withdraw(turn, alert.no, ack_no, actor.id, reason)
    return {"no": ack_no, "alert_id": alert.id.hex()}


def take_help(turn: Turn, actor: Actor, no: int) -> dict[str, Any]:
    """Somebody deals with a call for help; it climbs no further."""
    _require_help(turn, actor, no)
    helping.take_help(turn, no, actor.id)
    return {"no": no}


def close_help(turn: Turn, actor: Actor, no: int, outcome: str) -> dict[str, Any]:
    """A human says how a call for help ended."""
    _require_help(turn, actor, no)
    helping.close_help(turn, no, actor.id, outcome)
    return {"no": no}


def _require_help(turn: Turn, actor: Actor, no: int) -> None:
    unit = unit_of_help(turn.connection, no)
    require(actor, "help", unit_paths(turn.connection, [unit]) or [""])


def classify(turn: Turn, actor: Actor, no: int, said: Classification) -> dict[str, Any]:
    """An operator has read a reply and says what it means.

    Raises:
        NotFoundError: No such reply, alert or person.
        ConflictError: It counts already.
        InvalidInputError: It can't be told which alert, or who wrote it.
    """
    row = inbox.inbound_row(turn.connection, no)
    if row.verdict == "counted" or row.classified_by is not None:
        raise ConflictError("That reply has been read already.")
    # Whose it is already, and not only whose it is said to be: nobody takes another's reply away.
    sharing = people.persons_at(turn.connection, row.address_no)
    wrote = [row.person_no] if row.person_no else sharing
    require(actor, "answer", _paths_of_any(turn, actor, wrote))
    if said.kind == "nothing":
        _interpreted(turn, actor, no, row.verdict, row.reason, row.alert_no, row.person_no)
        return {"no": no, "verdict": row.verdict, "ack": None, "acks": []}
    alert = _alert_of_reply(turn, actor, row.alert_no, said.alert)
    via = via_of(turn, row.route)
    writers = _writers_of(turn, row, said.writers, sharing)
    for person in writers:
        require(actor, "answer", _paths_of_any(turn, actor, [person]))
    only = writers[0] if len(writers) == 1 else None
    _interpreted(turn, actor, no, "counted", "classified", alert.no, only)
    theirs = Grade.SHARED if len(sharing) > 1 or via is Via.MAIL else Grade.OWN
    proxy = Grade.PROXY if said.writers else theirs  # of another telephone than his
    numbers = answering.acknowledge_all(
        turn,
        [
            Answered(
                alert_no=alert.no,
                person_no=person,
                kind=AckKind(said.kind),
                via=via,
                grade=theirs if person in sharing else proxy,
                occurred_at=row.received_at,
                count=said.count,
                of=said.of,
                late=alert.over,
                inbound_no=no,
                by=actor.id,
            )
            for person in writers
        ],
        confirm=True,
    )
    return {"no": no, "verdict": "counted", "ack": numbers[0], "acks": numbers}


def set_aside(turn: Turn, actor: Actor) -> dict[str, int]:
    """Say that replies of long ago are no answers; says how many, and how many are left of those.

    They stay as they were read, with who put them aside. What may be about something that is under
    way, or may be answered still, isn't touched.
    """
    require(actor, "answer")
    before = inbox.over_before(turn.connection, turn.now)
    rows = inbox.old_ones(turn.connection, before, _MOST_ASIDE, path=actor.path)
    about: dict[int, list[list[Any]]] = {}
    for row in rows:
        item = [row.no, row.verdict, row.reason, row.person_no]
        about.setdefault(row.alert_no or 0, []).append(item)
    for alert_no, items in about.items():
        body = {"by": actor.id.hex(), "items": items}
        turn.record("interpreted", body, alert_no=alert_no, source=actor.source)
    left = inbox.old_count(turn.connection, before, path=actor.path)
    return {"set_aside": len(rows), "left": left}


def _paths_of_any(turn: Turn, actor: Actor, persons: Sequence[int]) -> list[str]:
    """Where one of those is who may have written a reply, in the actor's area if one is there.

    A stranger is nowhere, so that only the whole city may deal with what one wrote.
    """
    if not actor.path:
        return []
    found = [path for person in persons for path in paths_of_person(turn.connection, person)]
    return [path for path in found if path.startswith(actor.path)] or found or [""]


def _alert_of_reply(turn: Turn, actor: Actor, alert_no: int | None, named: str | None) -> LiveAlert:
    if named is not None:
        return told(turn, find(turn.connection, named, path=actor.path))
    if alert_no is None:
        raise InvalidInputError("Say which alert it answers.", field="alert")
    return turn.alert(alert_no)


def _writers_of(
    turn: Turn, reply: Row[Any], named: Sequence[str], sharing: Sequence[int]
) -> list[int]:
    """Whose answer it is; of a telephone that has moved from one to another nobody knows."""
    if named:
        return [person_of(turn.connection, each) for each in named]
    if reply.person_no is not None:
        return [reply.person_no]
    ever = people.ever_at(turn.connection, [reply.address_no])
    if len(sharing) == 1 and ever.get(reply.address_no) == list(sharing):
        return list(sharing)
    hint = "Under Replies to read: tick them, or give their roster id."
    raise InvalidInputError("Say who wrote it.", field="person_id", hint=hint)


def _interpreted(
    turn: Turn,
    actor: Actor,
    no: int,
    verdict: str,
    reason: str,
    alert_no: int | None,
    person_no: int | None,
) -> None:
    body = {"by": actor.id.hex(), "items": [[no, verdict, reason, person_no]]}
    turn.record("interpreted", body, alert_no=alert_no or 0, source=actor.source)
