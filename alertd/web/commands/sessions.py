"""Signing in and out, and a password of one's own."""

from alertd.engine.turn import Turn
from alertd.model import Millis
from alertd.store import access, credentials, second_factor
from alertd.store.access import Principal
from alertd.store.credentials import Session


def open_session(
    turn: Turn, *, principal_no: int, secret: str, csrf: str, lasts_ms: Millis, agent: str = ""
) -> Session:
    """Sign somebody in whose password was right; who has a second factor is asked for it next."""
    return credentials.open_session(
        turn.tx,
        secret,
        principal_no=principal_no,
        csrf=csrf,
        expires_at=turn.now + lasts_ms,
        waits=second_factor.required_of(turn.connection, principal_no),
        agent=agent,
    )


def enter_by_provider(
    turn: Turn, *, principal_no: int, secret: str, csrf: str, lasts_ms: Millis, agent: str = ""
) -> Session:
    """Sign somebody in whom the identity provider knows.

    A one-time password that was never used opens nothing any more: nobody needs to change it first.
    """
    principal = access.principal_of(turn.connection, principal_no)
    if principal.must_change:
        access.set_password(turn.tx, principal_no, "", by=principal.source)
    return open_session(
        turn,
        principal_no=principal_no,
        secret=secret,
        csrf=csrf,
        lasts_ms=lasts_ms,
        agent=agent,
    )


def enter_code(
    turn: Turn, *, principal_no: int, secret: str, code: str, ahead_ms: Millis = 0
) -> None:
    """Take the second factor's code of a session that waits for it; raises InvalidInputError."""
    second_factor.enter(turn.tx, principal_no, code, ahead_ms=ahead_ms)
    credentials.complete_session(turn.tx, secret)


def begin_factor(turn: Turn, *, principal_no: int, factor: str) -> None:
    """Give oneself a second factor; it counts once a code of it was typed."""
    second_factor.begin(turn.tx, principal_no, factor)


def confirm_factor(turn: Turn, *, principal_no: int, code: str, ahead_ms: Millis = 0) -> None:
    """Type the first code of one's new factor; raises InvalidInputError."""
    second_factor.enter(turn.tx, principal_no, code, ahead_ms=ahead_ms)


def remove_factor(turn: Turn, *, principal: Principal) -> None:
    """Take one's own second factor away."""
    second_factor.remove(turn.tx, principal.no, by=principal.source)


def end_session(turn: Turn, *, principal: Principal, key: str) -> None:
    """End one of one's own sessions; raises NotFoundError."""
    credentials.revoke_session(turn.tx, principal.no, key, by=principal.source)


def refuse(turn: Turn, *, principal: Principal | None, reason: str) -> None:
    """Put a refused sign-in on record."""
    credentials.refuse_sign_in(turn.tx, principal, reason=reason)


def close_session(turn: Turn, *, secret: str) -> None:
    """Sign out."""
    credentials.close_session(turn.tx, secret)


def change_password(turn: Turn, *, principal: Principal, password_hash: str) -> None:
    """Give oneself a password; every session of the old one ends."""
    access.set_password(turn.tx, principal.no, password_hash, by=principal.source)
