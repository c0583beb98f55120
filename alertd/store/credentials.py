"""Tokens, sessions and idempotency keys. Of a secret only its SHA-256 is kept.

A token or session secret has 256 random bits (whoever makes it sees to that), so a plain hash is
enough: there is nothing to guess. Passwords are hashed slowly, and elsewhere.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, and_, select, update

from alertd.errors import ConflictError, NotFoundError
from alertd.model import Fact, Millis
from alertd.store import access, dialect
from alertd.store import tables as t
from alertd.store.access import Principal
from alertd.store.database import Transaction

_SKEW_MS = 120_000
AGENT_LIMIT = 120
_ON_RECORD = 8  # bytes of a token's hash that name it in the journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An API token as it is shown to its owner; `key` names it and opens nothing."""

    key: str
    principal_no: int
    label: str
    scopes: frozenset[str]
    created_at: Millis
    expires_at: Millis | None
    revoked_at: Millis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in browser."""

    principal: Principal
    csrf: str = field(repr=False)
    expires_at: Millis
    waits: bool = False  # for the second factor; until then it opens nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A session as its owner sees it; `key` names it and opens nothing."""

    key: str
    created_at: Millis
    expires_at: Millis
    agent: str


def secret_hash(secret: str) -> bytes:
    """What is kept of a token's or session's secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def create_token(
    tx: Transaction,
    secret: str,
    *,
    principal_no: int,
    label: str,
    scopes: Iterable[str],
    by: str,
    expires_at: Millis | None = None,
) -> Token:
    """Write down a token; its secret is shown once, by whoever made it."""
    owner = access.principal_of(tx.connection, principal_no)
    kept = secret_hash(secret)
    tx.connection.execute(
        t.token.insert().values(
            hash=kept,
            principal_no=principal_no,
            label=label,
            scopes=" ".join(sorted(set(scopes))),
            created_at=tx.now,
            expires_at=expires_at,
        )
    )
    body = {
        "principal": owner.id.hex(),
        "token": kept[:_ON_RECORD].hex(),
        "scopes": sorted(set(scopes)),
        "expires_at": expires_at,
    }
    tx.record(Fact(kind="token.created", occurred_at=tx.now, body=body, source=by))
    return next(token for token in tokens(tx.connection, principal_no) if token.key == kept.hex())


def tokens(connection: Connection, principal_no: int) -> list[Token]:
    """Somebody's tokens, the oldest first, revoked ones too."""
    c = t.token.c
    query = select(t.token).where(c.principal_no == principal_no).order_by(c.created_at, c.hash)
    return [
        Token(
            key=row.hash.hex(),
            principal_no=row.principal_no,
            label=row.label,
            scopes=frozenset(row.scopes.split()),
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
        )
        for row in connection.execute(query)
    ]


def working(connection: Connection, principal_no: int, now: Millis) -> list[Token]:
    """Somebody's tokens that open something, as long as their owner isn't shut out."""
    found = tokens(connection, principal_no)
    return [each for each in found if each.revoked_at is None and not _over(each.expires_at, now)]


def revoke_token(tx: Transaction, key: str, *, by: str) -> None:
    """Make a token good for nothing, at once; a second time changes nothing.

    Raises:
        NotFoundError: There is none with this key.
    """
    c = t.token.c
    kept = _hash_of(key)
    row = tx.connection.execute(select(t.token).where(c.hash == kept)).first()
    if row is None:
        raise NotFoundError("There is no such token.")
    if row.revoked_at is not None:
        return
    tx.connection.execute(update(t.token).where(c.hash == kept).values(revoked_at=tx.now))
    owner = access.principal_of(tx.connection, row.principal_no)
    body = {"principal": owner.id.hex(), "token": kept[:_ON_RECORD].hex()}
    tx.record(Fact(kind="token.revoked", occurred_at=tx.now, body=body, source=by))


def holder_of(
    connection: Connection, secret: str, now: Millis
) -> tuple[Principal, frozenset[str]] | None:
    """Whose token this is and what it is good for, or None: unknown, expired, revoked, shut out."""
    c = t.token.c
    row = connection.execute(select(t.token).where(c.hash == secret_hash(secret))).first()
    if row is None or row.revoked_at is not None or _over(row.expires_at, now):
        return None
    owner = access.principal_of(connection, row.principal_no)
    return None if owner.disabled_at is not None else (owner, frozenset(row.scopes.split()))


def open_session(
    tx: Transaction,
    secret: str,
    *,
    principal_no: int,
    csrf: str,
    expires_at: Millis,
    waits: bool = False,
    agent: str = "",
) -> Session:
    """Sign somebody in, whose password was right; `waits` where the second factor comes next."""
    owner = access.principal_of(tx.connection, principal_no)
    tx.connection.execute(
        t.session.insert().values(
            hash=secret_hash(secret),
            principal_no=principal_no,
            csrf=csrf,
            created_at=tx.now,
            expires_at=expires_at,
            waits=int(waits),
            agent=agent[:AGENT_LIMIT],
        )
    )
    if not waits:
        _record_entry(tx, owner)
    return Session(principal=owner, csrf=csrf, expires_at=expires_at, waits=waits)


def complete_session(tx: Transaction, secret: str) -> None:
    """The second factor was right: the session opens what its owner may."""
    c = t.session.c
    kept = secret_hash(secret)
    row = tx.connection.execute(select(t.session).where(c.hash == kept)).first()
    if row is None or not row.waits:
        return
    tx.connection.execute(update(t.session).where(c.hash == kept).values(waits=0))
    _record_entry(tx, access.principal_of(tx.connection, row.principal_no))


def _record_entry(tx: Transaction, owner: Principal) -> None:
    body = {"principal": owner.id.hex()}
    tx.record(Fact(kind="signed-in", occurred_at=tx.now, body=body, source=owner.source))


def sessions(connection: Connection, principal_no: int, now: Millis) -> list[SessionView]:
    """Where somebody is signed in, the newest first."""
    c = t.session.c
    query = (
        select(t.session)
        .where(c.principal_no == principal_no, c.revoked_at.is_(None), c.expires_at > now)
        .order_by(c.created_at.desc(), c.hash)
    )
    return [
        SessionView(
            key=row.hash.hex(),
            created_at=row.created_at,
            expires_at=row.expires_at,
            agent=row.agent,
        )
        for row in connection.execute(query)
    ]


def revoke_session(tx: Transaction, principal_no: int, key: str, *, by: str) -> None:
    """End one session of somebody's.

    Raises:
        NotFoundError: They have none with this key.
    """
    c = t.session.c
    ended = tx.connection.execute(
        update(t.session)
        .where(c.hash == _hash_of(key), c.principal_no == principal_no, c.revoked_at.is_(None))
        .values(revoked_at=tx.now)
    )
    if not ended.rowcount:
        raise NotFoundError("There is no such session.")
    owner = access.principal_of(tx.connection, principal_no)
    body = {"principal": owner.id.hex()}
    tx.record(Fact(kind="session.revoked", occurred_at=tx.now, body=body, source=by))


def session_of(connection: Connection, secret: str, now: Millis) -> Session | None:
    """The session of a cookie, or None: unknown, over, signed out, shut out."""
    c = t.session.c
    row = connection.execute(select(t.session).where(c.hash == secret_hash(secret))).first()
    if row is None or row.revoked_at is not None or _over(row.expires_at, now):
        return None
    if row.created_at > now + _SKEW_MS:
        return None  # of a time that was set back since: it would last too long
    owner = access.principal_of(connection, row.principal_no)
    if owner.disabled_at is not None:
        return None
    return Session(principal=owner, csrf=row.csrf, expires_at=row.expires_at, waits=bool(row.waits))


def close_session(tx: Transaction, secret: str) -> None:
    """Sign out; a session that isn't there is signed out already."""
    c = t.session.c
    mine = and_(c.hash == secret_hash(secret), c.revoked_at.is_(None))
    no = tx.connection.execute(select(c.principal_no).where(mine)).scalar()
    if no is None:
        return
    tx.connection.execute(update(t.session).where(mine).values(revoked_at=tx.now))
    owner = access.principal_of(tx.connection, no)
    body = {"principal": owner.id.hex()}
    tx.record(Fact(kind="session.revoked", occurred_at=tx.now, body=body, source=owner.source))


def refuse_sign_in(tx: Transaction, principal: Principal | None, *, reason: str) -> None:
    """Put a refused sign-in on record: of whom, if of anybody; never what was typed."""
    body = {"principal": principal.id.hex() if principal else None, "reason": reason}
    tx.record(Fact(kind="sign-in.refused", occurred_at=tx.now, body=body, source="web"))


def recall(connection: Connection, principal_no: int, key: str, request_hash: bytes) -> str | None:
    """What this write answered the first time, as JSON; None where it is new.

    Raises:
        ConflictError: The key was used for another write.
    """
    c = t.idempotency.c
    query = select(t.idempotency).where(c.principal_no == principal_no, c.key == key)
    row = connection.execute(query).first()
    if row is None:
        return None
    if row.request_hash != request_hash:
        raise ConflictError(
            "This idempotency key was used for another request.",
            field="Idempotency-Key",
            hint="Use a new key for a new request.",
        )
    return str(row.response)


def remember(
    tx: Transaction, principal_no: int, key: str, request_hash: bytes, response: str
) -> None:
    """Keep what a write answered, in the write's own transaction."""
    tx.connection.execute(
        dialect.insert(tx.connection, t.idempotency).values(
            principal_no=principal_no,
            key=key,
            request_hash=request_hash,
            response=response,
            created_at=tx.now,
        )
    )


def amend(tx: Transaction, principal_no: int, key: str, response: str) -> None:
    """Replace what is kept of a write, once it is known what came of it."""
    c = t.idempotency.c
    tx.connection.execute(
        update(t.idempotency)
        .where(c.principal_no == principal_no, c.key == key)
        .values(response=response)
    )


def carry_over(tx: Transaction, now: Millis) -> None:
    """The node's time was set to `now`: nothing is forgotten early, or good for longer.

    Answers are kept as if they were of now. Of a time that was set back tokens last as long as they
    were given, and no session is left. Each process of a node may come to it, and does so again.
    """
    token, session = t.token.c, t.session.c
    tx.connection.execute(update(t.idempotency).values(created_at=now))
    tx.connection.execute(
        update(t.token)
        .where(token.created_at > now)
        .values(created_at=now, expires_at=token.expires_at - (token.created_at - now))
    )
    tx.connection.execute(t.session.delete().where(session.created_at > now))


def forget(tx: Transaction, before: Millis) -> None:
    """Drop idempotency keys and sessions that nobody can use any more since `before`."""
    tx.connection.execute(t.idempotency.delete().where(t.idempotency.c.created_at < before))
    tx.connection.execute(t.session.delete().where(t.session.c.expires_at < before))


def _hash_of(key: str) -> bytes:
    try:
        return bytes.fromhex(key)
    except ValueError:
        return b""  # no token has it


def _over(expires_at: Millis | None, now: Millis) -> bool:
    return expires_at is not None and now >= expires_at
