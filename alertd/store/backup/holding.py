"""Alerts of a restored database that a person holds back: they may have been stopped since.

A pause, and no end: whether an alert goes on is for somebody to say at the console, where what was
told is known. Until they do, it is pointed out as any pause is.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy import select

from alertd.errors import NotFoundError
from alertd.model import AlertState, Fact
from alertd.store import tables as t
from alertd.store.database import Transaction

NONE: Final[Mapping[str, str]] = MappingProxyType({})


def pause(tx: Transaction, held_back: Mapping[str, str]) -> None:
    """Pause alerts: short code → why, in the words of whoever does it.

    Raises:
        NotFoundError: None of this code is out and goes on.
    """
    a, h = t.alert.c, t.halt.c
    for code, reason in held_back.items():
        query = (
            select(a.no, h.paused_at)
            .outerjoin(t.halt, h.alert_no == a.no)
            .where(a.short_code == code.strip().upper(), a.state == AlertState.ISSUED.value)
        )
        row = tx.connection.execute(query).first()
        if row is None:
            raise NotFoundError(f"There is no alert {code} in it that is out.")
        if row.paused_at is None:
            body = {"by": "", "reason": reason}
            kind, no = "alert.paused", row.no
            tx.record(Fact(kind=kind, occurred_at=tx.now, body=body, alert_no=no, source="cli"))
