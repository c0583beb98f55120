"""Claimed deliveries become messages: texts are made here and kept nowhere.

It happens after the commit, and reads nothing: what can't be made holds up no other message and
undoes no claim.
"""

import json
from collections.abc import Mapping
from typing import Any

import structlog

from alertd.engine.material import (
    GROUP,
    MOST_KEPT,
    MOST_READ,
    PERSON,
    TERMINAL,
    Crier,
    Material,
    Reader,
    Said,
)
from alertd.engine.telling import message_status
from alertd.engine.turn import LiveAlert, Wording
from alertd.lanes import channel_of
from alertd.model import Channel, MessageKind, alert_of
from alertd.store import addresses
from alertd.store.links import PLACEHOLDER
from alertd.store.outbox import Row
from alertd.store.vault import Vault
from channels.base import Fault, Outcome, Outgoing, SendError

log = structlog.get_logger("alertd.engine")

_SMS = Channel.SMS.word

_Texts = dict[tuple[Any, ...], str]


def outgoing(
    material: Material, wording: Wording, vault: Vault
) -> tuple[list[Outgoing], list[Outcome]]:
    """Make the messages; those that can't be made end as refused, with their outcome here."""
    texts: _Texts = {}
    try:
        return [_one(row, material, texts, wording, vault) for row in material.rows], []
    except Exception as error:  # noqa: BLE001 - one of them is bad: each by itself
        log.error("a message can't be made", route=material.route, error=type(error).__name__)  # noqa: TRY400 - a traceback could show a phone number
    made, unmade = [], []
    for row in material.rows:
        try:
            made.append(_one(row, material, texts, wording, vault))
        except Exception:  # noqa: BLE001 - the same; said above, and in the delivery's reason
            refused = SendError(Fault.REFUSED, "cannot-be-made")
            unmade.append(Outcome(row.id, row.attempt + 1, refused))
    return made, unmade


def _one(row: Row, material: Material, texts: _Texts, wording: Wording, vault: Vault) -> Outgoing:
    to, kind, said = row.recipient_no, row.recipient_kind, material.said[row.message_no]
    of_alert = material.readers.get((alert_of(row.id), to), MOST_READ)
    reader = of_alert if kind == PERSON else MOST_READ
    name = material.sharers.get((row.address_no or 0, to)) if kind == PERSON else None
    if name:
        reader = reader._replace(people=(name,))
    duplicate = bool(row.duplicate)
    key = (row.message_no, reader, row.lane, duplicate)
    text = texts.get(key)
    if text is None:
        crier = material.criers.get(row.message_no)
        names = _named(crier, vault, row.lane) if crier else {}
        text = texts[key] = _text(said, reader, row.lane, duplicate, wording, names)
    secret = material.secrets.get(to) if kind == GROUP else None
    own: dict[str, str] = {"people": name} if name else {}
    if PLACEHOLDER in text:
        own["link"] = _link(wording, vault, said.alert, to)
        text = text.replace(wording.link, own["link"])
    alike = said.alike
    if own:  # a registered template of a gateway can be filled with it, too
        alike = {**alike, "variables": {**alike["variables"], **own}}
    return Outgoing(
        delivery=row.id,
        attempt=row.attempt + 1,
        address=material.terminals[to]
        if kind == TERMINAL
        else vault.open(material.ways[row.address_no or 0], context=addresses.CONTEXT),
        secret=vault.open(secret, context="chat-secret") if secret else None,
        text=text,
        mentions=[
            vault.open(way, context=addresses.CONTEXT)
            for way in material.mentions.get(row.message_no, ())
        ],
        attachment=_attachment(row, material, said),
        language=reader.language,
        possible_duplicate=duplicate,
        **alike,
    )


def _link(wording: Wording, vault: Vault, alert: LiveAlert, person_no: int) -> str:
    """The person's own; "" for the one whose number no token holds: the text goes without."""
    token = vault.links.token(alert.no, alert.id, person_no)
    return wording.link.replace(PLACEHOLDER, token) if token else ""


def _attachment(row: Row, material: Material, said: Said) -> tuple[str, bytes] | None:
    """The alert itself, with its first message to a mailbox."""
    document = material.documents.get(alert_of(row.id))
    if document is None or said.message.kind != MessageKind.ALERT:
        return None
    return f"{said.alert.short_code}.cap.xml", document


def _named(crier: Crier, vault: Vault, lane: int) -> dict[str, str]:
    number = vault.open(crier.way, context=addresses.CONTEXT) if crier.way else ""
    at_home = number.startswith("+861")
    phone = number.removeprefix("+86") if at_home else number
    if channel_of(lane) == Channel.VOICE:
        # Digit by digit: a voice would read eleven of them as one number of billions.
        phone = " ".join(phone)
    return {"person": crier.name, "phone": phone}


def _text(
    said: Said,
    reader: Reader,
    lane: int,
    duplicate: bool,
    wording: Wording,
    names: Mapping[str, str],
) -> str:
    """Render, or take what was rendered before: most of an alert's recipients read the same.

    Of a text that has `names` in it nothing is kept.
    """
    message, alert = said.message, said.alert
    # By what it is made of, not by its number: thousands are confirmed in the same words.
    key = (message.kind, message.template, message.params, reader, lane, duplicate)
    known = alert.texts.get(key)
    if known is not None and not names:
        return known
    channel = Channel(channel_of(lane)).word
    # Only an SMS has one person to itself; whose the link is, is put in for each of them.
    link = wording.link if channel == _SMS else ""
    text = wording.text(
        alert.templates[message.template],
        language=reader.language,
        channel=channel,
        params={
            **json.loads(message.params),
            **names,
            "duties": list(reader.duties),
            "people": list(reader.people),
            "link": link,
        },
        status=message_status(alert, MessageKind(message.kind)).word,
        duplicate=duplicate,
    )
    if len(alert.texts) < MOST_KEPT and not names:
        alert.texts[key] = text
    return text
