"""Signing in and out, and a password of one's own."""

from alertd.engine.turn import Turn
from alertd.model import Millis
from alertd.store import access, credentials
from alertd.store.access import Principal
from alertd.store.credentials import Session


def open_session(
    turn: Turn, *, principal_no: int, secret: str, csrf: str, lasts_ms: Millis
) -> Session:
    """Sign somebody in whose password was right."""
    return credentials.open_session(
        turn.tx,
        secret,
        principal_no=principal_no,
        csrf=csrf,
        expires_at=turn.now + lasts_ms,
    )


def refuse(turn: Turn, *, principal: Principal | None, reason: str) -> None:
    """Put a refused sign-in on record."""
    credentials.refuse_sign_in(turn.tx, principal, reason=reason)


def close_session(turn: Turn, *, secret: str) -> None:
    """Sign out."""
    credentials.close_session(turn.tx, secret)


def change_password(turn: Turn, *, principal: Principal, password_hash: str) -> None:
    """Give oneself a password; every session of the old one ends."""
    access.set_password(turn.tx, principal.no, password_hash, by=principal.source)
