"""Loudspeakers' logins at the broker, as they are on record: who was let in, and who shut out.

Every change is a fact, without a password: those stand sealed in a table of their own. The broker's
file is made from here (`engine/logins.py`), and what only the file knows is taken from there.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, and_, func, select

from alertd.model import Fact, Millis
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.database import Transaction
from alertd.store.vault import Vault
from channels.loudspeaker.accounts import Account, newest
from rosters.problems import holds_phone

FOUND: Final = "found"  # in a broker's file, and not on record
_CONTEXT: Final = "terminal-login"


def enrol(
    tx: Transaction,
    passwords: Mapping[str, str],
    areas: Sequence[str],
    *,
    by: str,
    at: Millis | None = None,
    reason: str = "",
) -> None:
    """Let loudspeakers in; a password from before is worthless.

    Args:
        tx: The transaction.
        passwords: By loudspeaker.
        areas: Codes of those whose commands they hear.
        by: The journal's word for who did it.
        at: When; None: now, and after whatever came before, by which copies are compared.
        reason: `FOUND`, or "" where somebody asked for it.
    """
    if at is None:
        known = accounts(tx.connection, tx.vault)
        before = (known[terminal].enrolled_at for terminal in passwords if terminal in known)
        at = max([tx.now, *(moment + 1 for moment in before)])
    body = {"terminals": list(passwords), "areas": list(areas), "reason": reason}
    tx.record(Fact(kind="terminals.enrolled", occurred_at=at, body=body, source=by))
    statement = dialect.insert(tx.connection, t.terminal_secret)
    tx.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["terminal_id"],
            set_={n: statement.excluded[n] for n in ("enrolled_at", "password_cipher")},
        ),
        [
            {
                "terminal_id": terminal,
                "enrolled_at": at,
                "password_cipher": tx.vault.seal(password, context=_CONTEXT),
            }
            for terminal, password in passwords.items()
        ],
    )


def revoke(
    tx: Transaction,
    terminals: Sequence[str],
    *,
    by: str,
    at: Millis | None = None,
    reason: str = "",
) -> None:
    """Shut loudspeakers out; `reason`: `FOUND`, `floods`, or "" where somebody asked for it."""
    body = {"terminals": list(terminals), "reason": reason}
    when = tx.now if at is None else at
    tx.record(Fact(kind="terminals.revoked", occurred_at=when, body=body, source=by))


def accounts(connection: Connection, vault: Vault) -> dict[str, Account]:
    """Every login that ever was, by loudspeaker, with its password.

    One whose password isn't there can't be let in, and is left out; shut out it stays.
    """
    a, s = t.terminal_account.c, t.terminal_secret.c
    query = (
        select(t.terminal_account, s.password_cipher)
        .outerjoin(
            t.terminal_secret,
            and_(s.terminal_id == a.terminal_id, s.enrolled_at == a.enrolled_at),
        )
        .order_by(a.terminal_id)
    )
    return {
        row.terminal_id: Account(
            terminal=row.terminal_id,
            password=vault.open(row.password_cipher, context=_CONTEXT)
            if row.password_cipher
            else "",
            areas=tuple(json.loads(row.areas)),
            enrolled_at=row.enrolled_at,
            revoked_at=row.revoked_at,
        )
        for row in connection.execute(query)
        if row.password_cipher or row.revoked_at is not None
    }


def mark(connection: Connection) -> tuple[int, ...]:
    """What changes with every change of a login."""
    a = t.terminal_account.c
    sums = func.sum(a.enrolled_at), func.sum(a.revoked_at)
    row = connection.execute(select(func.count(), func.count(a.revoked_at), *sums)).one()
    return tuple(int(value or 0) for value in row)


def news(record: Mapping[str, Account], file: Mapping[str, Account]) -> list[Account]:
    """Logins that a broker's file knows better than the record: newer, or shut out there.

    Not those whose id holds a phone number: no fact does.
    """
    return [
        account
        for terminal, account in newest(record, file).items()
        if not holds_phone(terminal)
        and (
            (known := record.get(terminal)) is None
            or (known.enrolled_at, known.good) != (account.enrolled_at, account.good)
        )
    ]


def adopt(tx: Transaction, file: Mapping[str, Account]) -> None:
    """Put on record what only a broker's file knows: from before there was a record, or newer."""
    record = accounts(tx.connection, tx.vault)
    enrolled: dict[Any, dict[str, str]] = defaultdict(dict)
    revoked: dict[Any, list[str]] = defaultdict(list)
    for account in news(record, file):
        known = record.get(account.terminal)
        if known is None or known.enrolled_at != account.enrolled_at:
            same = (account.enrolled_at, account.areas)
            enrolled[same][account.terminal] = account.password
        if account.revoked_at is not None:
            revoked[account.revoked_at, account.why or FOUND].append(account.terminal)
    for (at, areas), passwords in enrolled.items():
        enrol(tx, passwords, areas, by="engine", at=at, reason=FOUND)
    for (at, reason), terminals in revoked.items():
        revoke(tx, terminals, by="engine", at=at, reason=reason)
