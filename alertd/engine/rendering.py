"""Claimed deliveries become messages: texts are made here and kept nowhere."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

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


def outgoing(turn: Turn, rows: Sequence[Row]) -> list[Outgoing]:
    """Render claimed deliveries."""
    messages = _messages(turn, rows)
    persons = [row.recipient_no for row in rows if row.recipient_kind == _PERSON]
    languages, duties = _languages(turn, persons), _several_duties(turn, persons)
    ways = addresses.reveal(
        turn.connection, turn.tx.vault, [r.address_no for r in rows if r.address_no]
    )
    terminals, secrets = _terminals(turn, rows), _secrets(turn, rows)
    texts: dict[tuple[Any, ...], str] = {}
    alike = {no: _alike(turn.alert(alert_of(no)), message) for no, message in messages.items()}
    result = []
    for row in rows:
        to, kind, message_no = row.recipient_no, row.recipient_kind, row.message_no
        person = kind == _PERSON
        language = languages.get(to, "zh-CN") if person else "zh-CN"
        own = duties.get(to, ()) if person else ()
        duplicate = bool(row.duplicate)
        key = (message_no, language, row.lane, duplicate, own)
        text = texts.get(key)
        if text is None:
            text = texts[key] = _text(turn, messages[message_no], *key[1:])
        result.append(
            Outgoing(
                delivery=row.id,
                attempt=row.attempt + 1,
                address=terminals[to] if kind == _TERMINAL else ways[row.address_no or 0],
                secret=secrets.get(to) if kind == _GROUP else None,
                text=text,
                language=language,
                possible_duplicate=duplicate,
                **alike[message_no],
            )
        )
    return result


_MOST_TEXTS = 64  # kept with an alert while it is worked with
_STOPPING = frozenset({"cancel", "all-clear"})


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


def _text(
    turn: Turn,
    message: Message,
    language: str,
    lane: int,
    duplicate: bool,
    duties: tuple[str, ...],
) -> str:
    """Render, or take what was rendered before: most of an alert's recipients read the same."""
    alert = turn.alert(alert_of(message.no))
    key = (message.no, language, lane, duplicate)
    known = None if duties else alert.texts.get(key)
    if known is not None:
        return known
    text = turn.wording.text(
        alert.templates[message.template],
        language=language,
        channel=Channel(lane // 10).word,
        params={**json.loads(message.params), "duties": list(duties)},
        status=message_status(alert, MessageKind(message.kind)).name.capitalize(),
        duplicate=duplicate,
    )
    if not duties and len(alert.texts) < _MOST_TEXTS:
        alert.texts[key] = text
    return text


_MESSAGES = Prepared(
    lambda dialect: select(*(t.message.c[name] for name in Message._fields)).where(
        among(dialect, t.message.c.no, "wanted")
    )
)


def _messages(turn: Turn, rows: Sequence[Row]) -> dict[int, Message]:
    wanted = numbers(turn.connection, {row.message_no for row in rows})
    found = map(Message._make, _MESSAGES.rows(turn.connection, wanted=wanted))
    return {message.no: message for message in found}


def _languages(turn: Turn, persons: Sequence[int]) -> dict[int, str]:
    """Of those who read another language than most."""
    wanted = numbers(turn.connection, persons)
    return dict(_OTHER_LANGUAGES.rows(turn.connection, persons=wanted)) if persons else {}


def _several_duties(turn: Turn, persons: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The duties of those who hold several: their message names them."""
    if not persons:
        return {}
    duties: dict[int, dict[str, None]] = {}
    wanted = numbers(turn.connection, persons)
    for person, unit in _SEVERAL_DUTIES.rows(turn.connection, persons=wanted):
        duties.setdefault(person, {})[unit] = None
    return {no: tuple(names) for no, names in duties.items() if len(names) > 1}


def _other_languages(dialect: str) -> Select[Any]:
    p = t.person.c
    return select(p.no, p.language).where(
        among(dialect, p.no, "persons"), p.to_version == FOREVER, p.language != "zh-CN"
    )


def _duties_of_several(dialect: str) -> Select[Any]:
    h, u = t.holding.c, t.unit.c
    several = (
        select(h.person_no)
        .where(among(dialect, h.person_no, "persons"), h.to_version == FOREVER)
        .group_by(h.person_no)
        .having(func.count() > 1)
    )
    return (
        select(h.person_no, u.name)
        .join(t.unit, u.no == h.unit_no)
        .where(h.person_no.in_(several), h.to_version == FOREVER, u.to_version == FOREVER)
        .order_by(h.person_no, h.rank, h.duty_no)
    )


_OTHER_LANGUAGES = Prepared(_other_languages)
_SEVERAL_DUTIES = Prepared(_duties_of_several)


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
