"""A second factor: six digits that change every half minute (TOTP, RFC 6238), by an app on a phone.

The secret is sealed by the vault. A code is good once: the step that it was of is kept, and an
older one is refused. What is on record is that somebody has one, or has none any more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import pyotp
from sqlalchemy import Connection, select, update

from alertd.errors import ConflictError, InvalidInputError
from alertd.model import Fact, Millis
from alertd.store import access
from alertd.store import tables as t
from alertd.store.database import Transaction
from alertd.store.vault import Vault

STEP_S: Final = 30
_SKEW: Final = 1  # steps that a phone's clock may be off, each way
_CONTEXT: Final = "second-factor"


@dataclass(frozen=True, slots=True)
class Factor:
    """Somebody's second factor; `confirmed` once a code of it was typed."""

    principal_no: int
    cipher: bytes
    confirmed: bool
    used_step: int


def factor_of(connection: Connection, principal_no: int) -> Factor | None:
    """Somebody's second factor, confirmed or just begun, or None."""
    c = t.second_factor.c
    row = connection.execute(select(t.second_factor).where(c.principal_no == principal_no)).first()
    if row is None:
        return None
    return Factor(principal_no, row.secret_cipher, row.confirmed_at is not None, row.used_step)


def required_of(connection: Connection, principal_no: int) -> bool:
    """Whether somebody's sign-in asks for a code."""
    found = factor_of(connection, principal_no)
    return found is not None and found.confirmed


def begin(tx: Transaction, principal_no: int, secret: str) -> None:
    """Give somebody a secret that counts for nothing until a code of it is typed.

    Raises:
        ConflictError: There is a confirmed one.
    """
    found = factor_of(tx.connection, principal_no)
    if found is not None and found.confirmed:
        raise ConflictError("There is a second factor already; take it away first.")
    _drop(tx, principal_no)
    tx.connection.execute(
        t.second_factor.insert().values(
            principal_no=principal_no,
            secret_cipher=tx.vault.seal(secret, context=_CONTEXT),
            confirmed_at=None,
            used_step=0,
        )
    )


def secret_of(vault: Vault, factor: Factor) -> str:
    """The secret, to be shown while it is being set up."""
    return vault.open(factor.cipher, context=_CONTEXT)


def enter(tx: Transaction, principal_no: int, code: str, *, ahead_ms: Millis = 0) -> None:
    """Take a code; the first one confirms the factor.

    Args:
        tx: Where it is written down that the code was used.
        principal_no: Who types it.
        code: As it was typed.
        ahead_ms: How far the machine's clock is ahead of ours. In mid-alert ours may be the wrong
            one, and then no phone agrees with it: a code is good by either.

    Raises:
        InvalidInputError: It is wrong, used, or there is no factor.
    """
    factor = factor_of(tx.connection, principal_no)
    clocks = (tx.now, tx.now + ahead_ms)
    step = _step_of(secret_of(tx.vault, factor), code, clocks) if factor else None
    if factor is None or step is None or step <= factor.used_step:
        raise InvalidInputError(
            "The code is wrong or was used already.",
            field="code",
            hint="Type the six digits that the app shows now; the phone's clock must be right.",
        )
    c = t.second_factor.c
    tx.connection.execute(
        update(t.second_factor).where(c.principal_no == principal_no).values(used_step=step)
    )
    if not factor.confirmed:
        tx.connection.execute(
            update(t.second_factor)
            .where(c.principal_no == principal_no)
            .values(confirmed_at=tx.now)
        )
        owner = access.principal_of(tx.connection, principal_no)
        _record(tx, owner, on=True, by=owner.source)


def remove(tx: Transaction, principal_no: int, *, by: str) -> None:
    """Take somebody's factor away: the phone was lost, or changed."""
    found = factor_of(tx.connection, principal_no)
    _drop(tx, principal_no)
    if found is not None and found.confirmed:
        _record(tx, access.principal_of(tx.connection, principal_no), on=False, by=by)


def _drop(tx: Transaction, principal_no: int) -> None:
    c = t.second_factor.c
    tx.connection.execute(t.second_factor.delete().where(c.principal_no == principal_no))


def _record(tx: Transaction, owner: access.Principal, *, on: bool, by: str) -> None:
    body = {"principal": owner.id.hex(), "on": on}
    tx.record(Fact(kind="second-factor.changed", occurred_at=tx.now, body=body, source=by))


def _step_of(secret: str, code: str, clocks: Iterable[Millis]) -> int | None:
    """Which step a code is of, within the skew of one of the clocks; None for none."""
    app = pyotp.TOTP(secret, interval=STEP_S)
    digits = "".join(code.split())
    for here in {now // (STEP_S * 1000) for now in clocks}:
        for step in range(here - _SKEW, here + _SKEW + 1):
            if pyotp.utils.strings_equal(digits, app.generate_otp(step)):
                return step
    return None
