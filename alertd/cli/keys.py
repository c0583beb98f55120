"""Who has the machine has the system: the first administrator, and the command line's own token."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from alertd.beside import kept_token
from alertd.cli.words import _
from alertd.clock import UuidV7
from alertd.engine.authority import ACTIONS
from alertd.model import Millis
from alertd.settings import TOKEN_FILE
from alertd.store import access, credentials
from alertd.store.database import Store, Transaction
from alertd.web.passwords import hash_password, one_time_password
from alertd.whole import write_whole

log = structlog.get_logger("alertd")

ADMINISTRATOR: Final = "admin"
PRINCIPAL: Final = "cli"


@dataclass(frozen=True, slots=True)
class FirstSignIn:
    """The administrator that the first start makes; the password is shown once and not kept."""

    name: str
    password: str = field(repr=False)

    def text(self) -> str:
        """What the person at the terminal is told."""
        told = _("Sign in as {name} with the one-time password {password}")
        return told.format(name=self.name, password=self.password)


def first_administrator(store: Store, now: Millis) -> FirstSignIn | None:
    """Make an administrator where there is none yet; the caller is the store's only writer."""
    with store.transaction(now) as tx:
        if access.find_principal(tx.connection, ADMINISTRATOR) is not None:
            return None
        password = one_time_password(secrets.token_bytes)
        access.create_principal(
            tx,
            UuidV7(),
            name=ADMINISTRATOR,
            role="administrator",
            by=PRINCIPAL,
            password_hash=hash_password(password),
            must_change=True,
        )
    return FirstSignIn(ADMINISTRATOR, password)


def never_signed_in(store: Store) -> bool:
    """Whether the administrator still has the password of the first start."""
    with store.read() as connection:
        found = access.find_principal(connection, ADMINISTRATOR)
    return found is not None and found.must_change and found.disabled_at is None


def token_of_cli(store: Store, data_dir: Path, now: Millis) -> str:
    """The command line's token, made anew where the kept one isn't good (any more).

    One from before a right existed lacks it: that one gives way, and ends.
    """
    kept = kept_token(data_dir)
    if kept:
        with store.read() as connection:
            found = credentials.holder_of(connection, kept, now)
        if found is not None and found[1] >= set(ACTIONS):
            return kept
    with store.transaction(now) as tx:
        made = token_for(tx, PRINCIPAL, "administrator")
        if kept and found is not None:
            credentials.revoke_token(tx, credentials.secret_hash(kept).hex(), by=PRINCIPAL)
    try:
        write_whole(data_dir / TOKEN_FILE, made.encode("ascii"), mode=0o600)
    except OSError as error:  # what is sent needs no command line
        log.warning("commands-have-no-token", file=TOKEN_FILE, reason=error.strerror)
    return made


def token_for(tx: Transaction, name: str, role: str) -> str:
    """A new token of the principal `name`, who is let in where they aren't yet."""
    owner = access.find_principal(tx.connection, name) or access.create_principal(
        tx, UuidV7(), name=name, role=role, by=PRINCIPAL
    )
    secret = secrets.token_urlsafe(32)
    credentials.create_token(
        tx, secret, principal_no=owner.no, label=PRINCIPAL, scopes=ACTIONS, by=PRINCIPAL
    )
    return secret
