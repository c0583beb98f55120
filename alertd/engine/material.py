"""What a claim's messages are made of: all that `rendering` needs, read in the claim's own step."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Select, exists, func, select

from alertd import cap
from alertd.decide.budget import Said as SaidTo
from alertd.engine import following
from alertd.engine.telling import dialled, message_status, silence
from alertd.engine.turn import LiveAlert, Turn
from alertd.lanes import channel_of
from alertd.model import FOREVER, REAL, Channel, MessageKind, Millis, RecipientKind, alert_of
from alertd.store import addresses, cries, due, people
from alertd.store import tables as t
from alertd.store.outbox import Row
from alertd.store.prepared import Prepared, among, numbers
from alertd.store.reads.units import people_named

_HELP_HOLDS_MS = 24 * 3_600_000
_MAIL = int(Channel.MAIL)
_STOPPING = frozenset({"cancel", "all-clear"})
MOST_KEPT = 1_000  # texts, and messages, kept with an alert while it is worked with

# As integers: comparing with an enum's member costs more than the rest of a row.
PERSON, TERMINAL, GROUP = (
    int(kind) for kind in (RecipientKind.PERSON, RecipientKind.TERMINAL, RecipientKind.GROUP)
)


class Message(NamedTuple):
    """What is said; columns of its table."""

    no: int
    kind: str
    template: str
    params: str
    created_at: int


class Said(NamedTuple):
    """A message, its alert, and the fields that all of its deliveries share."""

    message: Message
    alert: LiveAlert
    alike: Mapping[str, Any]


class Reader(NamedTuple):
    """What sets a recipient apart from most."""

    language: str
    duties: tuple[str, ...] = ()  # of somebody with duties in several units: those it is about
    people: tuple[str, ...] = ()  # whom it is for, by name, where others use the telephone too


MOST_READ: Final = Reader("zh-CN")


class Crier(NamedTuple):
    """Who calls for help."""

    name: str
    way: bytes | None  # their number, sealed; None: there is none, or nobody is to call it


class Material(NamedTuple):
    """Claimed deliveries of one route, and what their messages are made of."""

    route: str
    rows: Sequence[Row]
    deadline: Millis
    said: Mapping[int, Said]  # by message
    readers: Mapping[tuple[int, int], Reader]  # by alert and person; the rest are like most
    sharers: Mapping[tuple[int, int], str]  # by address and person: names of those who share one
    ways: Mapping[int, bytes]  # address → sealed
    terminals: Mapping[int, str]
    secrets: Mapping[int, bytes]  # chat group → sealed
    mentions: Mapping[int, Sequence[bytes]]  # message → phones of those it names, sealed
    documents: Mapping[int, bytes]  # alert → CAP XML, for mailboxes
    criers: Mapping[int, Crier]  # by message that tells of a call for help
    before: Mapping[SaidTo, int]  # what has left by the route today, where it counts texts


def gather(
    turn: Turn,
    route: str,
    rows: Sequence[Row],
    deadline: Millis,
    before: Mapping[SaidTo, int],
) -> Material:
    """Read what the messages of claimed deliveries are made of."""
    said = _of_now(turn, said_of(turn, {row.message_no for row in rows}))
    kinds = {row.recipient_kind for row in rows}
    return Material(
        route=route,
        rows=rows,
        deadline=deadline,
        said=said,
        readers=_readers(
            turn,
            {(alert_of(row.id), row.recipient_no) for row in rows if row.recipient_kind == PERSON},
        ),
        sharers=_sharers(
            turn,
            [row.address_no for row in rows if row.recipient_kind == PERSON and row.address_no],
        ),
        ways=_ways(turn, [row.address_no for row in rows if row.address_no]),
        terminals=_terminals(turn, rows) if TERMINAL in kinds else {},
        secrets=_secrets(turn, rows) if GROUP in kinds else {},
        mentions=_mentions(turn, [each.message for each in said.values()]),
        documents=_documents(turn, rows),
        criers=_criers(turn, rows, said),
        before=before,
    )


def said_of(turn: Turn, message_nos: Iterable[int]) -> dict[int, Said]:
    """Messages by number; they never change, and so those of a live alert are kept with it."""
    found = {no: turn.alert(alert_of(no)).messages.get(no) for no in message_nos}
    missing = [no for no, known in found.items() if known is None]
    if missing:
        wanted = numbers(turn.connection, missing)
        for message in map(Message._make, _MESSAGES.rows(turn.connection, wanted=wanted)):
            alert = turn.alert(alert_of(message.no))
            said = found[message.no] = Said(message, alert, _alike(turn, alert, message))
            if len(alert.messages) < MOST_KEPT:
                alert.messages[message.no] = said
    return {no: known for no, known in found.items() if known is not None}


def _of_now(turn: Turn, said: dict[int, Said]) -> dict[int, Said]:
    """With digests of those silent now: most may have answered while it waited for a gateway."""
    digests = [no for no, each in said.items() if each.message.kind == MessageKind.DIGEST]
    entries = due.digested(turn.connection, digests) if digests else {}
    for no, those in entries.items():
        before = said[no]
        params = json.dumps(silence(before.alert, those) or json.loads(before.message.params))
        message = before.message._replace(params=params)
        said[no] = Said(message, before.alert, _alike(turn, before.alert, message))
    return said


_MESSAGES = Prepared(
    lambda dialect: select(*(t.message.c[name] for name in Message._fields)).where(
        among(dialect, t.message.c.no, "wanted")
    )
)


def _alike(turn: Turn, alert: LiveAlert, message: Message) -> dict[str, Any]:
    """What all of a message's deliveries share."""
    stop = message.template in _STOPPING
    ends = alert.follows if stop and alert.follows else alert.id
    ends_some = stop or (message.kind == MessageKind.ALERT and alert.follows is not None)
    ended = following.sounding(turn.connection, alert.no, turn.now) if ends_some else {}
    return {
        "alert": ends.hex(),
        "stops": tuple(other.hex() for other in ended if other != ends),
        "stops_until": max(ended.values(), default=0),
        "short_code": alert.short_code,
        "kind": message.kind,
        "status": message_status(alert, MessageKind(message.kind)).word,
        "severity": alert.severity,
        "created_at": message.created_at,
        # A call for help outlives the alert that it answers.
        "expires_at": alert.expires_at
        if message.kind not in REAL
        else max(alert.expires_at, message.created_at + _HELP_HOLDS_MS),
        "stop": stop,
        "template": message.template,
        "variables": _variables(alert, json.loads(message.params)),
    }


def _variables(alert: LiveAlert, params: Mapping[str, Any]) -> dict[str, str]:
    """What a pre-registered template of a gateway can be filled with."""
    plain = {name: str(value) for name, value in params.items() if isinstance(value, str | int)}
    return plain | {"code": alert.short_code}


def _ways(turn: Turn, address_nos: Sequence[int]) -> dict[int, bytes]:
    return addresses.sealed(turn.connection, address_nos) if address_nos else {}


def _documents(turn: Turn, rows: Sequence[Row]) -> dict[int, bytes]:
    """The alerts of what goes by mail; the rows of a claim are in a few lanes."""
    by_mail = {lane for lane in {row.lane for row in rows} if channel_of(lane) == _MAIL}
    if not by_mail:
        return {}
    alert_nos = {alert_of(row.id) for row in rows if row.lane in by_mail}
    c = t.alert.c
    found = turn.connection.execute(select(c.no, c.cap).where(c.no.in_(alert_nos)))
    return {row.no: cap.to_xml(cap.from_json(json.loads(row.cap))) for row in found}


def _mentions(turn: Turn, messages: Sequence[Message]) -> dict[int, list[bytes]]:
    named = {
        message.no: json.loads(message.params)["mention"]
        for message in messages
        if message.kind == MessageKind.GROUP_REMINDER
    }
    if not named:
        return {}
    persons = [no for mentioned in named.values() for no in mentioned]
    ways = people.contacts(turn.connection, persons, int(Channel.SMS))
    first = {no: found[0][1] for no, found in ways.items() if found}
    sealed = addresses.sealed(turn.connection, list(first.values()))
    return {
        message: [sealed[first[no]] for no in mentioned if no in first]
        for message, mentioned in named.items()
    }


def _criers(turn: Turn, rows: Sequence[Row], said: Mapping[int, Said]) -> dict[int, Crier]:
    """Whoever is told that somebody needs help must know whom to call, and where; no fact says it.

    In a drill of simulated telephones nobody is to be called.
    """
    calls = {
        r.message_no: r.id for r in rows if said[r.message_no].message.kind == MessageKind.HELP
    }
    crying = {no: cries.crying(turn.connection, delivery) for no, delivery in calls.items()}
    persons = {no: person for no, person in crying.items() if person}
    if not persons:
        return {}
    names = people_named(turn.connection, list(persons.values()))
    first = dialled(turn, list(persons.values()), Channel.SMS, Channel.VOICE)
    sealed = addresses.sealed(turn.connection, list(first.values()))
    return {
        no: Crier(
            names[person][1],
            None if said[no].alert.leave.simulated else sealed.get(first.get(person, 0)),
        )
        for no, person in persons.items()
        if person in names
    }


def _readers(turn: Turn, told: Collection[tuple[int, int]]) -> dict[tuple[int, int], Reader]:
    """Of people who read another language than most, or have duties in several units.

    Args:
        turn: The step.
        told: Alert and person, for each message of the claim.
    """
    if not told:
        return {}
    wanted = numbers(turn.connection, list({person for _, person in told}))
    found = _UNLIKE.rows(turn.connection, persons=wanted)
    unlike = {no: (language, many) for no, language, many in found}
    several = [no for no, (_, many) in unlike.items() if many]
    held = _held(turn, several) if several else {}
    return {
        (alert, no): Reader(unlike[no][0], _asked(turn.alert(alert), held.get(no, ())))
        for alert, no in told
        if no in unlike
    }


def _sharers(turn: Turn, address_nos: Sequence[int]) -> dict[tuple[int, int], str]:
    """Who shares one of these addresses with somebody else, by address and person: their names.

    The same text twice at one telephone would be read as one, and answered for one.
    """
    wanted = numbers(turn.connection, address_nos)
    return {(at, no): name for at, no, name in _SHARERS.rows(turn.connection, addresses=wanted)}


def _sharing(dialect: str) -> Select[Any]:
    c, p, other = t.contact.c, t.person.c, t.contact.alias("other")
    shared = exists().where(
        other.c.address_no == c.address_no,
        other.c.person_no != c.person_no,
        other.c.to_version == FOREVER,
    )
    return (
        select(c.address_no, c.person_no, p.name)
        .join_from(t.contact, t.person, (p.no == c.person_no) & (p.to_version == FOREVER))
        .where(among(dialect, c.address_no, "addresses"), c.to_version == FOREVER, shared)
    )


_SHARERS = Prepared(_sharing)


class _Held(NamedTuple):
    """A duty that somebody has."""

    role: str
    path: str
    unit: str


def _held(turn: Turn, persons: Sequence[int]) -> dict[int, list[_Held]]:
    held: dict[int, list[_Held]] = {}
    for person, *duty in _DUTIES.rows(turn.connection, persons=numbers(turn.connection, persons)):
        held.setdefault(person, []).append(_Held(*duty))
    return held


def _asked(alert: LiveAlert, held: Sequence[_Held]) -> tuple[str, ...]:
    """The units of those duties that an alert is about: nobody is to clear out a grid beside it.

    Who hears of it as one of those whom the alert before it reached is named the units of that.
    None where one name would stand for two of their units, and says nothing.
    """
    roles = alert.selection["roles"]
    for paths in (alert.paths, alert.reach):
        about = [d for d in held if d.path.startswith(paths) and (not roles or d.role in roles)]
        if about:
            names = tuple(dict.fromkeys(duty.unit for duty in about))
            called_so = {duty.path for duty in held if duty.unit == names[0]}
            return () if len(names) == 1 and len(called_so) > 1 else names
    return ()


def _unlike(dialect: str) -> Select[Any]:
    p, h = t.person.c, t.holding.c
    several = (
        select(func.min(h.unit_no) < func.max(h.unit_no))
        .where(h.person_no == p.no, h.to_version == FOREVER)
        .scalar_subquery()
    )
    here = (
        select(p.no, p.language, several.label("several"))
        .where(among(dialect, p.no, "persons"), p.to_version == FOREVER)
        .subquery()
    )
    return select(here).where((here.c.language != MOST_READ.language) | here.c.several)


def _duties(dialect: str) -> Select[Any]:
    h, u = t.holding.c, t.unit.c
    return (
        select(h.person_no, h.role, u.path, u.name)
        .join(t.unit, u.no == h.unit_no)
        .where(
            among(dialect, h.person_no, "persons"),
            h.to_version == FOREVER,
            u.to_version == FOREVER,
        )
        .order_by(h.person_no, h.rank, h.duty_no)
    )


_UNLIKE = Prepared(_unlike)
_DUTIES = Prepared(_duties)


def _last(column: Column[Any]) -> Prepared:
    """A column of recipients by their numbers, as it is now or was last: the last row counts."""
    c = column.table.c
    return Prepared(
        lambda dialect: (
            select(c.no, column).where(among(dialect, c.no, "wanted")).order_by(c.from_version)
        )
    )


_TERMINALS = _last(t.terminal.c.terminal_id)
_SECRETS = _last(t.chat_group.c.secret_cipher)


def _terminals(turn: Turn, rows: Sequence[Row]) -> dict[int, str]:
    return _of_recipients(turn, _TERMINALS, rows, TERMINAL)


def _secrets(turn: Turn, rows: Sequence[Row]) -> dict[int, bytes]:
    found = _of_recipients(turn, _SECRETS, rows, GROUP)
    return {no: sealed for no, sealed in found.items() if sealed}


def _of_recipients(turn: Turn, query: Prepared, rows: Sequence[Row], kind: int) -> dict[int, Any]:
    wanted = [row.recipient_no for row in rows if row.recipient_kind == kind]
    found = query.rows(turn.connection, wanted=numbers(turn.connection, wanted))
    return dict(found)
