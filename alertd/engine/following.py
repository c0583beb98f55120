"""What an alert follows: those that it names, and whatever those follow."""

import json
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
    found: set[int] = set()
    waiting = [text]
    while waiting:
        for reference in cap.from_json(json.loads(waiting.pop())).references:
            sender, identifier, sent = reference
            named = _NAMED.rows(connection, sender=sender, identifier=identifier, sent=sent)
            waiting += [each for no, each in named if no not in found]
            found |= {no for no, _ in named}
    return tuple(sorted(found, reverse=True))


def sounding(connection: Connection, alert_no: int, now: Millis) -> dict[bytes, Millis]:
    """The alerts that one follows, newest first, but for those that sound no more: id → its end."""
    ((text,),) = _CAP.rows(connection, alert_no=alert_no)
    wanted = numbers(connection, followed(connection, text))
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
