"""Claimed deliveries become messages: texts are made here and kept nowhere."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, func, select

from alertd.engine.telling import message_status
from alertd.engine.turn import LiveAlert, Turn
from alertd.model import FOREVER, Channel, MessageKind, RecipientKind, alert_of
from alertd.store import addresses
from alertd.store import tables as t
from alertd.store.outbox import Row
from alertd.store.prepared import Prepared, among, numbers
from channels.base import Outgoing

_HELP_HOLDS_MS = 24 * 3_600_000


# As integers: comparing with an enum's member costs more than the rest of a row.
_PERSON, _TERMINAL, _GROUP = (
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
    duties: tuple[str, ...] = ()  # units of those who have duties in several: their text names them


_MOST_READ: Final = Reader("zh-CN")


def outgoing(turn: Turn, rows: Sequence[Row]) -> list[Outgoing]:
    """Render claimed deliveries."""
    said = _said(turn, {row.message_no for row in rows})
    readers = _readers(turn, [row.recipient_no for row in rows if row.recipient_kind == _PERSON])
    ways = addresses.reveal(
        turn.connection, turn.tx.vault, [r.address_no for r in rows if r.address_no]
    )
    terminals, secrets = _terminals(turn, rows), _secrets(turn, rows)
    texts: dict[tuple[Any, ...], str] = {}
    result = []
    for row in rows:
        to, kind, message_no = row.recipient_no, row.recipient_kind, row.message_no
        reader = readers.get(to, _MOST_READ) if kind == _PERSON else _MOST_READ
        duplicate = bool(row.duplicate)
        key = (message_no, reader, row.lane, duplicate)
        text = texts.get(key)
        if text is None:
            text = texts[key] = _text(turn, said[message_no], *key[1:])
        result.append(
            Outgoing(
                delivery=row.id,
                attempt=row.attempt + 1,
                address=terminals[to] if kind == _TERMINAL else ways[row.address_no or 0],
                secret=secrets.get(to) if kind == _GROUP else None,
                text=text,
                language=reader.language,
                possible_duplicate=duplicate,
                **said[message_no].alike,
            )
        )
    return result


_MOST_KEPT = 1_000  # texts, and messages, kept with an alert while it is worked with
_STOPPING = frozenset({"cancel", "all-clear"})


def _said(turn: Turn, message_nos: Iterable[int]) -> dict[int, Said]:
    """Messages by number; they never change, and so those of a live alert are kept with it."""
    found = {no: turn.alert(alert_of(no)).messages.get(no) for no in message_nos}
    missing = [no for no, known in found.items() if known is None]
    if missing:
        wanted = numbers(turn.connection, missing)
        for message in map(Message._make, _MESSAGES.rows(turn.connection, wanted=wanted)):
            alert = turn.alert(alert_of(message.no))
            said = found[message.no] = Said(message, alert, _alike(alert, message))
            if len(alert.messages) < _MOST_KEPT:
                alert.messages[message.no] = said
    return {no: known for no, known in found.items() if known is not None}


_MESSAGES = Prepared(
    lambda dialect: select(*(t.message.c[name] for name in Message._fields)).where(
        among(dialect, t.message.c.no, "wanted")
    )
)


def _alike(alert: LiveAlert, message: Message) -> dict[str, Any]:
    """What all of a message's deliveries share."""
    stop = message.template in _STOPPING
    return {
        "alert": (alert.follows if stop and alert.follows else alert.id).hex(),
        "short_code": alert.short_code,
        "kind": message.kind,
        "status": message_status(alert, MessageKind(message.kind)).name.capitalize(),
        "severity": alert.severity,
        "created_at": message.created_at,
        # A call for help outlives the alert that it answers.
        "expires_at": alert.expires_at
        if message.kind != MessageKind.HELP
        else max(alert.expires_at, message.created_at + _HELP_HOLDS_MS),
        "stop": stop,
        "template": message.template,
        "variables": {},
    }


def _text(turn: Turn, said: Said, reader: Reader, lane: int, duplicate: bool) -> str:
    """Render, or take what was rendered before: most of an alert's recipients read the same."""
    message, alert = said.message, said.alert
    key = (message.no, reader, lane, duplicate)
    known = alert.texts.get(key)
    if known is not None:
        return known
    text = turn.wording.text(
        alert.templates[message.template],
        language=reader.language,
        channel=Channel(lane // 10).word,
        params={**json.loads(message.params), "duties": list(reader.duties)},
        status=message_status(alert, MessageKind(message.kind)).name.capitalize(),
        duplicate=duplicate,
    )
    if len(alert.texts) < _MOST_KEPT:
        alert.texts[key] = text
    return text


def _readers(turn: Turn, persons: Sequence[int]) -> dict[int, Reader]:
    """Of people who read another language than most, or have duties in several units."""
    if not persons:
        return {}
    wanted = numbers(turn.connection, persons)
    unlike = _UNLIKE.rows(turn.connection, persons=wanted)
    several = [no for no, _, many in unlike if many]
    duties = _names_of_units(turn, several) if several else {}
    return {no: Reader(language, duties.get(no, ())) for no, language, _ in unlike}


def _names_of_units(turn: Turn, persons: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The units of people's duties; a name that two of their units share says nothing."""
    names: dict[int, dict[str, None]] = {}
    for person, unit in _UNITS.rows(turn.connection, persons=numbers(turn.connection, persons)):
        names.setdefault(person, {})[unit] = None
    return {no: tuple(found) for no, found in names.items() if len(found) > 1}


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
    return select(here).where((here.c.language != _MOST_READ.language) | here.c.several)


def _units(dialect: str) -> Select[Any]:
    h, u = t.holding.c, t.unit.c
    return (
        select(h.person_no, u.name)
        .join(t.unit, u.no == h.unit_no)
        .where(
            among(dialect, h.person_no, "persons"),
            h.to_version == FOREVER,
            u.to_version == FOREVER,
        )
        .order_by(h.person_no, h.rank, h.duty_no)
    )


_UNLIKE = Prepared(_unlike)
_UNITS = Prepared(_units)


def _terminals(turn: Turn, rows: Sequence[Row]) -> dict[int, str]:
    wanted = [r.recipient_no for r in rows if r.recipient_kind == _TERMINAL]
    if not wanted:
        return {}
    c = t.terminal.c
    found = turn.connection.execute(
        select(c.no, c.terminal_id).where(c.no.in_(wanted)).order_by(c.from_version)
    )
    return {row.no: row.terminal_id for row in found}


def _secrets(turn: Turn, rows: Sequence[Row]) -> dict[int, str]:
    wanted = [r.recipient_no for r in rows if r.recipient_kind == _GROUP]
    if not wanted:
        return {}
    c = t.chat_group.c
    found = turn.connection.execute(
        select(c.no, c.secret_cipher).where(c.no.in_(wanted)).order_by(c.from_version)
    )
    return {
        row.no: turn.tx.vault.open(row.secret_cipher, context="chat-secret")
        for row in found
        if row.secret_cipher
    }
