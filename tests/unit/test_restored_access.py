"""Who was shut out after a backup isn't let in again by it, where that is known."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd.settings import sqlite_url
from alertd.store import access, credentials, migrate
from alertd.store import tables as t
from alertd.store.backup.placing import Place, Restored, restore
from alertd.store.backup.taking import Source, take
from alertd.store.database import Store
from alertd.store.identity import SequentialIds
from alertd.store.vault import Vault
from tests.city import KEY, START

LATER = START + 3_600_000
NAMES = ("guest", "officer", "program")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with three who may enter, each with a token and a sign-in."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "addresses.key").write_bytes(KEY)
    migrate.upgrade(sqlite_url(tmp_path / "alertd.sqlite3"))
    ids = SequentialIds("test", at=START)
    with closing(opened(tmp_path)) as store, store.transaction(START) as tx:
        for name in NAMES:
            made = access.create_principal(tx, ids, name=name, role="viewer", by="cli")
            credentials.create_token(
                tx, f"token of {name}", principal_no=made.no, label="x", scopes=["read"], by="cli"
            )
            credentials.open_session(
                tx, f"cookie of {name}", principal_no=made.no, csrf="x", expires_at=START * 2
            )
    return tmp_path


def opened(folder: Path) -> Store:
    return Store(sqlite_url(folder / "alertd.sqlite3"), Vault(KEY), node="test")


def backed_up(folder: Path) -> Callable[[Path], Restored]:
    source = Source(folder / "alertd.sqlite3", folder / "keys", None, None, "test", "0.1.0")
    taken = take(source, folder / "backups", now=START, tell=lambda _: None)

    def put(into: Path) -> Restored:
        place = Place(into, into / "alertd.sqlite3", "test")
        return restore(
            taken.folder,
            place,
            now=LATER,
            tell=lambda _: None,
            replace=True,
            keys=folder / "keys",
        )

    return put


def entering(folder: Path) -> dict[str, str]:
    """By what each may enter: a token, a cookie."""
    with closing(opened(folder)) as store, store.read() as connection:
        found = {}
        for name in NAMES:
            token = credentials.holder_of(connection, f"token of {name}", LATER)
            cookie = credentials.session_of(connection, f"cookie of {name}", LATER)
            found[name] = f"{'token' if token else '-'} {'cookie' if cookie else '-'}"
        return found


def test_who_was_shut_out_since_stays_so(folder: Path) -> None:
    put = backed_up(folder)
    with closing(opened(folder)) as store:
        with store.transaction(LATER) as tx:
            _, officer, program = access.principals(tx.connection)
            access.disable_principal(tx, officer.no, by="cli")
            (token,) = credentials.tokens(tx.connection, program.no)
            credentials.revoke_token(tx, token.key, by="cli")
            credentials.close_session(tx, "cookie of guest")
        killed = folder / "killed"
        killed.mkdir()
        for name in ("alertd.sqlite3", "alertd.sqlite3-wal"):
            shutil.copy(folder / name, killed / name)
    shut = {"officer": "- -", "program": "- cookie", "guest": "token -"}
    assert entering(folder) == shut
    assert put(killed).may_enter is None
    assert entering(killed) == shut
    done = put(folder)
    assert entering(folder) == shut
    assert done.may_enter is None
    with closing(opened(folder)) as store, store.read() as connection:
        kinds = select(t.journal.c.kind).order_by(t.journal.c.seq.desc()).limit(3)
        on_record = {"principal.changed", "token.revoked", "session.revoked"}
        assert set(connection.execute(kinds).scalars()) == on_record
    assert done.aside is not None
    assert {path.name for path in done.aside.iterdir()} >= {"alertd.sqlite3"}


def test_where_nobody_knows_it_is_said_how_many_come_in(folder: Path, tmp_path: Path) -> None:
    put = backed_up(folder)
    as_then = dict.fromkeys(NAMES, "token cookie")
    other = tmp_path / "other"
    assert put(other).may_enter == len(NAMES)
    assert entering(other) == as_then
    (other / "alertd.sqlite3").write_bytes(b"damaged")
    assert put(other).may_enter == len(NAMES)
    assert entering(other) == as_then
