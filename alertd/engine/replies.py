"""Replies that came back: kept raw and encrypted, deduplicated, read, attributed, answered."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import bindparam, func, select

from alertd.decide.grammar import Reply as Read
from alertd.decide.grammar import ReplyKind, parse
from alertd.decide.interpret import (
    Candidate,
    Correlation,
    Verdict,
    correlate,
    is_of_recent,
    sent_at,
)
from alertd.engine.answering import acknowledge_all
from alertd.engine.counting import Answered
from alertd.engine.mailboxes import Mailboxes, mailboxes
from alertd.engine.senders import Senders, name_of, senders
from alertd.engine.telling import tell
from alertd.engine.turn import Turn
from alertd.model import (
    FURTHER,
    AckKind,
    Channel,
    MessageKind,
    Millis,
    RecipientKind,
    Via,
    alert_of,
)
from alertd.store import addresses, cries, outbox
from alertd.store import tables as t
from alertd.store.prepared import Prepared, among, texts
from channels.base import Reply
from channels.extensions import extension_of

_MOST_TEXT = 2_000
_ANSWERING_MS = 10_000
"""Sooner nobody is handed a text, reads it and has answered it: what comes sooner was under way."""
_VIA = {
    Channel.CHAT: Via.CHAT,
    Channel.VOICE: Via.CALL,
    Channel.MAIL: Via.MAIL,
    Channel.PAPER: Via.PAPER,
}


def take(turn: Turn, route: str, came: Sequence[Reply]) -> list[str]:
    """Take replies in the order they came; returns the verdict of each.

    A repetition of the gateway's changes nothing. What they need to know is read at once, and
    their acks are written in the same order after all of them have been read.
    """
    fresh = _new(turn, route, came)
    if not fresh:
        return ["repeated"] * len(came)
    given = list(fresh.values())
    senders_no = addresses.intern(
        turn.connection, turn.tx.vault, "phone", [reply.sender for reply in given]
    )
    first = _store(turn, route, given, senders_no)
    via = via_of(turn, route)
    known = senders(turn, senders_no.values(), whole=via is Via.MAIL)
    understood = _Understood(via, known.alerts)
    answered = [reply.answers for reply in given if reply.answers]
    understood.readers = _readers(turn, answered)
    understood.of_cries = cries.telling(turn.connection, answered)
    if understood.via is Via.MAIL:
        understood.boxes = mailboxes(turn, senders_no.values(), answered)
        understood.alerts = known.alerts | understood.boxes.alerts
    later = []
    for number, reply in enumerate(given, start=first):
        if not _interpret(turn, number, reply, senders_no[reply.sender], known, understood):
            later.append((number, reply))
    if later:
        _look_back(turn, later, senders_no, understood)
    for alert_no, items in understood.read.items():
        turn.record("interpreted", {"by": None, "items": items}, alert_no=alert_no)
    for candidates, persons in understood.unclear:
        _menu(turn, candidates, persons)
    # Who answers for a mailbox's unit isn't among those who wrote.
    held = None if understood.via is Via.MAIL else known.duties
    acknowledge_all(turn, understood.said, confirm=True, held=held)
    verdicts = {
        number: verdict for items in understood.read.values() for number, verdict, *_ in items
    }
    by_id = {reply.gateway_id: verdicts[number] for number, reply in enumerate(given, start=first)}
    return [
        by_id[reply.gateway_id] if fresh.get(reply.gateway_id) is reply else "repeated"
        for reply in came
    ]


def _look_back(
    turn: Turn,
    later: Sequence[tuple[int, Reply]],
    senders_no: Mapping[str, int],
    understood: "_Understood",
) -> None:
    """Read those, too, that may be about something that isn't recent; then all are in order."""
    known = senders(turn, dict.fromkeys(senders_no[reply.sender] for _, reply in later))
    understood.alerts = {**understood.alerts, **known.alerts}
    for number, reply in later:
        _interpret(turn, number, reply, senders_no[reply.sender], known, understood)
    understood.said.sort(key=lambda answered: answered.inbound_no or 0)
    for items in understood.read.values():
        items.sort(key=itemgetter(0))


def via_of(turn: Turn, route: str) -> Via:
    """How an answer comes by a route; one that isn't there any more carried SMS."""
    carried = turn.routes.get(route)
    return _VIA.get(carried.channel, Via.SMS) if carried else Via.SMS


@dataclass(slots=True)
class _Understood:
    """What a batch of replies came to."""

    via: Via
    alerts: Mapping[bytes, int]  # that may be meant: id → alert
    boxes: Mailboxes = field(default_factory=Mailboxes)
    readers: Mapping[int, int] = field(default_factory=dict)  # delivery that is answered → person
    of_cries: Collection[int] = ()  # those that told of somebody's call for help
    # Alert, or 0 for none → [reply, verdict, reason, person].
    read: dict[int, list[list[Any]]] = field(default_factory=dict)
    said: list[Answered] = field(default_factory=list)
    # Those who have to be asked which alert they meant.
    unclear: list[tuple[Sequence[Candidate], Sequence[int]]] = field(default_factory=list)

    def note(self, alert_no: int, item: list[Any]) -> None:
        """What one reply was read as."""
        self.read.setdefault(alert_no, []).append(item)


def _new(turn: Turn, route: str, came: Sequence[Reply]) -> dict[str, Reply]:
    """Those that the gateway hasn't brought before, by its own ids of them."""
    fresh: dict[str, Reply] = {}
    for reply in came:
        fresh.setdefault(reply.gateway_id, reply)
    for key in repeated(turn, route, fresh):
        del fresh[key]
    return fresh


def repeated(turn: Turn, route: str, keys: Iterable[str]) -> list[str]:
    """Those of a gateway's ids that it has brought before."""
    connection = turn.connection
    rows = _KNOWN.rows(connection, on=route, keys=texts(connection, keys))
    return [key for (key,) in rows]


_KNOWN = Prepared(
    lambda dialect: select(t.inbound.c.gateway_key).where(
        t.inbound.c.route == bindparam("on"), among(dialect, t.inbound.c.gateway_key, "keys")
    )
)


def _store(turn: Turn, route: str, came: Sequence[Reply], senders_no: Mapping[str, int]) -> int:
    """Keep them as they came; returns the number of the first."""
    return keep(turn, route, [(r.gateway_id, senders_no[r.sender], r.text) for r in came])


def keep(turn: Turn, route: str, came: Sequence[tuple[str, int, str]]) -> int:
    """Keep what came, raw and encrypted, before it is read; returns the number of the first.

    Args:
        turn: The step.
        route: How they came.
        came: The gateway's id of each, the sender's address number, and the text.
    """
    ((last,),) = _LAST.rows(turn.connection)
    first = int(last or 0) + 1
    vault, rows, items = turn.tx.vault, [], []
    # Most say one of a few words, and equal texts are sealed alike.
    alike: dict[str, tuple[bytes, str]] = {}
    for number, (key, sender, whole) in enumerate(came, start=first):
        text = whole[:_MOST_TEXT]
        if text not in alike:
            alike[text] = vault.seal(text, context="inbound"), vault.blind(text).hex()
        cipher, blind = alike[text]
        start = (number, turn.ids.uuid(), route, key, sender)
        rows.append((*start, turn.now, cipher, "new", ""))
        items.append([number, blind])
    _STORE.many(turn.connection, _STORED, rows)
    turn.record("inbound.stored", {"route": route, "items": items})
    return first


_LAST = Prepared(lambda _: select(func.max(t.inbound.c.no)))
_STORED = (
    *("no", "id", "route", "gateway_key", "address_no"),
    *("received_at", "body_cipher", "verdict", "reason"),
)
_STORE = Prepared(lambda _: t.inbound.insert().values({name: bindparam(name) for name in _STORED}))


def _interpret(
    turn: Turn, number: int, came: Reply, sender: int, known: Senders, understood: _Understood
) -> bool:
    """Read one, and add to `understood` what it is and what follows.

    Returns False where nothing was added: all that its sender was ever told of has to be read.
    """
    persons = known.sharing.get(sender, [])
    boxes = understood.boxes.behind(sender, came.answers)
    if boxes:
        told = understood.boxes.candidates(turn, boxes)
        persons = list(dict.fromkeys(p.person_no for each in told for p in each.persons))
    else:
        told = known.candidates(turn, sender)
    if not boxes and (not persons or (sender in known.former and not told)):
        understood.note(0, [number, "unknown-sender", "unknown-sender", None])
        return True
    about = [c for c in told if understood.alerts[c.alert_id] == alert_of(came.answers)]
    candidates = _extended(about or told, came.extension)
    if understood.via is Via.CHAT:  # whoever writes in a group has read there what it asks
        candidates = [c._replace(aside=False) for c in candidates]
    named = {person.person_no: person.name for c in candidates for person in c.persons}
    text = came.text[:_MOST_TEXT]
    read = _parse(text, names=tuple(named.values()))
    if read.kind is ReplyKind.UNCLEAR and len(named) == 1:
        read = _signed(turn, text, *named) or read
    if not read.names:
        candidates = _of_reader(candidates, understood.readers.get(came.answers))
    written_at = sent_at(came.occurred_at, turn.now)
    if sender in known.recent and (
        0 < alert_of(came.answers) < known.since
        or not is_of_recent(read, came.extension, candidates, received_at=written_at)
    ):
        return False
    elsewhere = bool(came.answers) and not about
    found = correlate(
        read,
        came.extension,
        candidates,
        # Of one whose gateway tells no time it is known when it came, and not when it was written.
        received_at=written_at - (_ANSWERING_MS if written_at != came.occurred_at else 0),
        elsewhere=elsewhere,
        of_cry=came.answers in understood.of_cries,
    )
    alert_no = understood.alerts[found.alert_id] if found.alert_id else None
    wrote = found.persons or (() if boxes or sender in known.former else persons)
    person_no = wrote[0] if len(wrote) == 1 else None  # though nobody can tell about what
    understood.note(alert_no or 0, [number, found.verdict.value, found.reason, person_no])
    said = understood.said
    if alert_no is not None and found.verdict is Verdict.COUNTED:
        said += _answers(alert_no, number, read, found, written_at, understood.via)
    elif found.kind is ReplyKind.HELP:
        said += _help_without_alert(
            turn, number, read, found, candidates, persons, written_at, understood.via
        )
    elif found.verdict is Verdict.AMBIGUOUS:
        asked = [c for c in candidates if not (c.aside and found.kind.covers)]
        understood.unclear.append((asked, persons))
    return True


def _extended(candidates: Sequence[Candidate], extension: str) -> Sequence[Candidate]:
    """With the extension of each, of as many digits as the one that was answered."""
    digits = len(extension)
    if not digits:
        return candidates
    return [c._replace(extension=extension_of(c.short_code, digits)) for c in candidates]


def _readers(turn: Turn, answered: Sequence[int]) -> dict[int, int]:
    """Deliveries that are answered → whom each was for, where that is a person."""
    rows = outbox.load(turn.connection, answered) if answered else {}
    return {r.id: r.recipient_no for r in rows.values() if r.recipient_kind == RecipientKind.PERSON}


def _of_reader(candidates: Sequence[Candidate], person_no: int | None) -> Sequence[Candidate]:
    """Whom each asks: of those who share a telephone whoever was called, and pressed a key."""
    if person_no is None:
        return candidates
    return [
        c._replace(
            persons=tuple(person for person in c.persons if person.person_no == person_no),
            duties=tuple(duty for duty in c.duties if duty.person_no == person_no),
            shared=c.shared or len(c.persons) > 1,
        )
        if any(person.person_no == person_no for person in c.persons)
        else c
        for c in candidates
    ]


# Thousands answer with the same few words.
_parse = lru_cache(maxsize=512)(parse)


def _signed(turn: Turn, text: str, person_no: int) -> Read | None:
    """What somebody said who signed it with their name, or None where they didn't.

    Whose phone it is was known without it, so that it names nobody in particular.
    """
    read = parse(text, names=(name_of(turn.connection, person_no),))
    return replace(read, names=()) if read.names else None


def _answers(
    alert_no: int, number: int, read: Read, found: Correlation, written_at: Millis, via: Via
) -> list[Answered]:
    # Practising a call for help is an answer, and wakes nobody.
    kind = AckKind.RECEIVED if found.drill_help else AckKind(found.kind.value)
    # Else it is for all that they hold: what they are asked later in the expansion counts, too.
    narrow = read.unit_hint is not None or via is Via.MAIL
    return [
        Answered(
            alert_no=alert_no,
            person_no=person,
            kind=kind,
            via=via,
            grade=found.grade,
            occurred_at=written_at,
            count=read.count,
            of=read.of,
            late=found.late,
            inbound_no=number,
            duties=(found.duties or None) if narrow else None,
        )
        for person in found.persons
    ]


def _help_without_alert(
    turn: Turn,
    number: int,
    read: Read,
    found: Correlation,
    candidates: Sequence[Candidate],
    persons: Sequence[int],
    written_at: Millis,
    via: Via,
) -> list[Answered]:
    """Help is never lost: it goes to the gravest alert the person knows of, open ones first."""
    if not candidates:
        return []
    gravest = min(candidates, key=lambda c: (not c.open, c.status, c.severity, -c.told_at))
    everybody = found.persons or tuple(persons)
    about = found._replace(persons=everybody[:1], duties=())
    return _answers(turn.alert_by_id(gravest.alert_id).no, number, read, about, written_at, via)


def _menu(turn: Turn, candidates: Sequence[Candidate], persons: Sequence[int]) -> None:
    """A wrong guess would cover a grid that nobody answered for: ask which alert was meant.

    Of a single one the template asks to read it first.
    """
    running = [candidate for candidate in candidates if candidate.open] or list(candidates)
    if not running:
        return
    gravest = min(running, key=lambda c: (c.status, c.severity, -c.told_at))
    alert = turn.alert_by_id(gravest.alert_id)
    choices = [candidate.short_code for candidate in running]
    tell(
        turn,
        alert,
        MessageKind.CONFIRMATION,
        persons[:1],
        template="confirmation-ambiguous",
        params={**alert.selection["params"], "choices": choices},
        # No thanks that may wait: until the answer to it comes, the ladder climbs.
        place=FURTHER,
    )
