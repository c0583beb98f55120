"""A reply that came back: kept raw and encrypted, deduplicated, read, attributed, answered."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import func, select

from alertd.decide.grammar import Reply as Read
from alertd.decide.grammar import ReplyKind, parse
from alertd.decide.interpret import Candidate, Correlation, Duty, Person, Verdict, correlate
from alertd.engine.answering import Answered, acknowledge
from alertd.engine.telling import tell
from alertd.engine.turn import Turn
from alertd.model import FOREVER, AckKind, MessageKind, Millis, RecipientKind, Via, alert_of
from alertd.store import addresses, people
from alertd.store import tables as t
from channels.base import Reply

_MOST_TEXT = 2_000


def reply(turn: Turn, route: str, came: Reply) -> str:
    """Take one reply; returns its verdict. A repetition of the gateway's changes nothing."""
    if _known(turn, route, came.gateway_id):
        return "repeated"
    sender = addresses.intern(turn.connection, turn.tx.vault, "phone", [came.sender])[came.sender]
    number = _store(turn, route, came, sender)
    persons = people.persons_at(turn.connection, sender)
    if not persons:
        _read(turn, number, "unknown-sender", "unknown-sender")
        return "unknown-sender"
    return _interpret(turn, number, came, persons)


def _known(turn: Turn, route: str, key: str) -> bool:
    c = t.inbound.c
    query = select(c.no).where(c.route == route, c.gateway_key == key)
    return turn.connection.execute(query).first() is not None


def _store(turn: Turn, route: str, came: Reply, sender: int) -> int:
    c = t.inbound.c
    number = int(turn.connection.execute(select(func.max(c.no))).scalar_one() or 0) + 1
    text = came.text[:_MOST_TEXT]
    turn.connection.execute(
        t.inbound.insert().values(
            no=number,
            id=turn.ids.uuid(),
            route=route,
            gateway_key=came.gateway_id,
            address_no=sender,
            received_at=turn.now,
            body_cipher=turn.tx.vault.seal(text, context="inbound"),
            verdict="new",
            reason="",
        )
    )
    turn.record(
        "inbound.stored",
        {"no": number, "route": route, "keyed_hash": turn.tx.vault.blind(text).hex()},
    )
    return number


def _interpret(turn: Turn, number: int, came: Reply, persons: Sequence[int]) -> str:
    candidates = told_of(turn, persons)
    named = {person.person_no: person.name for c in candidates for person in c.persons}
    read = parse(came.text[:_MOST_TEXT], names=tuple(named.values()))
    sent_at = min(came.occurred_at or turn.now, turn.now)
    found = correlate(read, came.extension, candidates, received_at=sent_at)
    alert = turn.alert_by_id(found.alert_id) if found.alert_id else None
    _read(
        turn,
        number,
        found.verdict.value,
        found.reason,
        alert_no=alert.no if alert else None,
        person_no=found.persons[0] if len(found.persons) == 1 else None,
    )
    if alert is not None and found.verdict is Verdict.COUNTED:
        _count(turn, alert.no, number, read, found, sent_at)
    elif found.kind is ReplyKind.HELP:
        _help_without_alert(turn, number, read, found, candidates, persons, sent_at)
    elif found.verdict is Verdict.AMBIGUOUS:
        _menu(turn, candidates, persons)
    return found.verdict.value


def _count(
    turn: Turn, alert_no: int, number: int, read: Read, found: Correlation, sent_at: Millis
) -> None:
    # Practising a call for help is an answer, and wakes nobody.
    kind = AckKind.RECEIVED if found.drill_help else AckKind(found.kind.value)
    for person in found.persons:
        acknowledge(
            turn,
            Answered(
                alert_no=alert_no,
                person_no=person,
                kind=kind,
                via=Via.SMS,
                grade=found.grade,
                occurred_at=sent_at,
                count=read.count,
                of=read.of,
                late=found.late,
                inbound_no=number,
                duties=found.duties or None,
            ),
            confirm=True,
        )


def _help_without_alert(
    turn: Turn,
    number: int,
    read: Read,
    found: Correlation,
    candidates: Sequence[Candidate],
    persons: Sequence[int],
    sent_at: Millis,
) -> None:
    """Help is never lost: it goes to the gravest alert the person knows of, open ones first."""
    if not candidates:
        return
    gravest = min(candidates, key=lambda c: (not c.open, c.status, c.severity, -c.told_at))
    everybody = found.persons or tuple(persons)
    about = replace(found, persons=everybody[:1], duties=())
    _count(turn, turn.alert_by_id(gravest.alert_id).no, number, read, about, sent_at)


def _menu(turn: Turn, candidates: Sequence[Candidate], persons: Sequence[int]) -> None:
    """A wrong guess would cover a grid that nobody answered for: ask which alert was meant."""
    running = [candidate for candidate in candidates if candidate.open] or list(candidates)
    if not running:
        return
    alert = turn.alert_by_id(max(running, key=lambda c: c.told_at).alert_id)
    choices = [candidate.short_code for candidate in running]
    tell(
        turn,
        alert,
        MessageKind.CONFIRMATION,
        persons[:1],
        template="confirmation-ambiguous",
        params={**alert.selection["params"], "choices": choices},
    )


def told_of(turn: Turn, persons: Sequence[int]) -> list[Candidate]:
    """The alerts that these people were told of, and what each asked of them."""
    first_told = _first_told(turn, persons)
    duties = people.duties_of(turn.connection, persons)
    names = _names(turn, persons)
    candidates = []
    for alert_no, told in first_told.items():
        alert, row = turn.alert(alert_no), _times(turn, alert_no)
        asked = [(p, duty) for p in told for duty in duties.get(p, ())]
        candidates.append(
            Candidate(
                alert_id=alert.id,
                short_code=alert.short_code,
                status=alert.status,
                open=not alert.over,
                told_at=min(told.values()),
                ended_at=row,
                severity=alert.severity,
                persons=tuple(Person(person_no=p, name=names.get(p, "")) for p in told),
                duties=tuple(
                    Duty(
                        duty_no=duty.duty_no,
                        person_no=p,
                        unit_code=duty.unit_code,
                        unit_name=duty.unit_name,
                    )
                    for p, duty in asked
                ),
            )
        )
    return candidates


def _first_told(turn: Turn, persons: Sequence[int]) -> dict[int, dict[int, Millis]]:
    """{alert: {person: when a message of it was first claimed for them}}."""
    d, m = t.delivery.c, t.message.c
    rows = turn.connection.execute(
        select(d.id, d.recipient_no, m.created_at)
        .join(t.message, m.no == d.message_no)
        .where(
            d.recipient_no.in_(list(persons)),
            d.recipient_kind == int(RecipientKind.PERSON),
            d.attempt > 0,
        )
        .order_by(d.id)
    )
    told: dict[int, dict[int, Millis]] = {}
    for row in rows:
        told.setdefault(alert_of(row.id), {}).setdefault(row.recipient_no, row.created_at)
    return told


def _names(turn: Turn, persons: Sequence[int]) -> dict[int, str]:
    """Names are needed only where several people share the phone."""
    if len(persons) < 2:  # noqa: PLR2004 - alone, a name tells nothing
        return {}
    c = t.person.c
    rows = turn.connection.execute(
        select(c.no, c.name).where(c.no.in_(list(persons)), c.to_version == FOREVER)
    )
    return {row.no: row.name for row in rows}


def _times(turn: Turn, alert_no: int) -> Millis | None:
    ended: Millis | None = turn.connection.execute(
        select(t.alert.c.ended_at).where(t.alert.c.no == alert_no)
    ).scalar_one()
    return ended


def _read(
    turn: Turn,
    number: int,
    verdict: str,
    reason: str,
    *,
    alert_no: int | None = None,
    person_no: int | None = None,
    by: bytes | None = None,
) -> None:
    turn.record(
        "interpreted",
        {
            "inbound_no": number,
            "verdict": verdict,
            "reason": reason,
            "alert_no": alert_no,
            "person_no": person_no,
            "by": by.hex() if by else None,
        },
        alert_no=alert_no or 0,
    )
