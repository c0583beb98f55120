"""Who was shut out after a backup was made: the database that a restore replaces knows it.

As `logins` has it of loudspeakers. Nobody is let in by it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from alertd.settings import sqlite_url
from alertd.store import access, credentials
from alertd.store import tables as t
from alertd.store.database import Transaction

_BY: Final = "cli"


@dataclass(frozen=True, slots=True)
class ShutOut:
    """By what is the same in each copy of a city: a principal's id, the hash of a secret."""

    principals: frozenset[bytes]
    tokens: frozenset[bytes]
    sessions: frozenset[bytes]

    @classmethod
    def known_to(cls, database: Path) -> Self | None:
        """Whom a database has shut out that nobody serves; None where it can't be asked.

        In plain words, since it may be of another version; and it is left as it is.
        """
        if not database.is_file():
            return None
        file = f"file:{quote(str(database.absolute()))}"  # SQLite's own URI, within SQLAlchemy's
        engine = create_engine(f"{sqlite_url(file)}?mode=ro&uri=true", poolclass=NullPool)
        try:
            with engine.connect() as connection:
                return cls(
                    _those(connection, "SELECT id FROM principal WHERE disabled_at IS NOT NULL"),
                    _those(connection, "SELECT hash FROM token WHERE revoked_at IS NOT NULL"),
                    _those(connection, "SELECT hash FROM session WHERE revoked_at IS NOT NULL"),
                )
        except DatabaseError:
            return None
        finally:
            engine.dispose()


def _those(connection: Connection, query: str) -> frozenset[bytes]:
    return frozenset(map(bytes, connection.execute(text(query)).scalars()))


def shut_out(tx: Transaction, known: ShutOut) -> None:
    """Shut them out of a restored database, too, on record."""
    token, session = t.token.c, t.session.c
    for principal in access.principals(tx.connection):
        if principal.disabled_at is None and principal.id in known.principals:
            access.disable_principal(tx, principal.no, by=_BY)
    valid = select(token.hash).where(token.revoked_at.is_(None))
    for found in tx.connection.execute(valid.order_by(token.hash)).scalars().all():
        if bytes(found) in known.tokens:
            credentials.revoke_token(tx, bytes(found).hex(), by=_BY)
    signed_in = select(session.hash, session.principal_no).where(session.revoked_at.is_(None))
    for row in tx.connection.execute(signed_in.order_by(session.hash)).all():
        if bytes(row.hash) in known.sessions:
            credentials.revoke_session(tx, row.principal_no, bytes(row.hash).hex(), by=_BY)


def let_in(connection: Connection) -> int:
    """How many people and programs aren't shut out."""
    return sum(each.disabled_at is None for each in access.principals(connection))
