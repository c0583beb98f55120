"""What an alert follows: those that it names, and whatever those follow."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, bindparam, select

from alertd import cap
from alertd.model import Millis
from alertd.store import tables as t
from alertd.store.prepared import Prepared, among, numbers


def followed(connection: Connection, text: str) -> tuple[int, ...]:
    """The alerts whose recipients hear of one, newest first: what it names, and what those follow.

    Who was told of the first may still have waited for the second's message when the third came.

    Args:
        connection: Reading is enough.
        text: The alert's CAP, as its row has it.
    """
    return _followed(connection, _references(text))


def _followed(connection: Connection, references: Iterable[cap.Reference]) -> tuple[int, ...]:
    found: set[int] = set()
    waiting = list(references)
    while waiting:
        sender, identifier, sent = waiting.pop()
        for no, text in _NAMED.rows(connection, sender=sender, identifier=identifier, sent=sent):
            waiting += _references(text) if no not in found else ()
            found.add(no)
    return tuple(sorted(found, reverse=True))


def _references(text: str) -> tuple[cap.Reference, ...]:
    return cap.from_json(json.loads(text)).references


def sounding(connection: Connection, alert_no: int, now: Millis) -> dict[bytes, Millis]:
    """The alerts that one follows, newest first, but for those that sound no more: id → its end."""
    ((text,),) = _CAP.rows(connection, alert_no=alert_no)
    return _sounding(connection, _references(text), now)


def sounds_until(connection: Connection, alert: cap.Alert, now: Millis) -> Millis:
    """When the last of what an alert follows would be over by itself; 0: nothing sounds now."""
    return max(_sounding(connection, alert.references, now).values(), default=0)


def _sounding(
    connection: Connection, references: Iterable[cap.Reference], now: Millis
) -> dict[bytes, Millis]:
    wanted = numbers(connection, _followed(connection, references))
    return dict(_LASTING.rows(connection, wanted=wanted, now=now))


def _named(_: str) -> Any:
    c = t.alert.c
    return select(c.no, c.cap).where(
        c.sender == bindparam("sender"),
        c.identifier == bindparam("identifier"),
        c.sent == bindparam("sent"),
    )


def _lasting(dialect: str) -> Any:
    c = t.alert.c
    lasting = (among(dialect, c.no, "wanted"), c.expires_at > bindparam("now"))
    return select(c.id, c.expires_at).where(*lasting).order_by(c.no.desc())


_NAMED = Prepared(_named)
_LASTING = Prepared(_lasting)
_CAP = Prepared(lambda _: select(t.alert.c.cap).where(t.alert.c.no == bindparam("alert_no")))
