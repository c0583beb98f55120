"""Who gets in, who doesn't any more, and what of it is on record."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alertd.canonical import canonical
from alertd.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from alertd.store import access, credentials, journal
from alertd.store import tables as t
from alertd.store.database import Store
from alertd.store.identity import SequentialIds
from alertd.store.vault import Vault
from tests import databases

SECRET = "a-secret-of-256-bits"
COOKIE = "another-secret"
HASH = "$argon2id$not-really"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    url = databases.url_of(tmp_path)
    opened = Store(url, Vault(b"k" * 32), node="city")
    yield opened
    opened.close()


def let_in(store: Store, name: str = "Officer", now: int = 100, **more: object) -> access.Principal:
    values = {"role": "duty_officer", "by": "cli", "password_hash": HASH, **more}
    with store.transaction(now) as tx:
        return access.create_principal(tx, SequentialIds(name), name=name, **values)  # type: ignore[arg-type]


def kinds(store: Store) -> list[str]:
    with store.read() as connection:
        return [row.fact.kind for row in journal.stream(connection)]


def bodies(store: Store) -> str:
    with store.read() as connection:
        return "\n".join(canonical(row.fact.body) for row in journal.stream(connection))


def test_a_principal_is_found_however_the_name_is_typed(store: Store) -> None:
    made = let_in(store)
    let_in(store, "second", now=101)
    with store.read() as connection:
        for typed in ("officer", " OFFICER ", "officer"):
            assert access.find_principal(connection, typed) == made
        assert access.find_principal(connection, "nobody") is None
        assert access.find_principal(connection, "half \ud83d") is None
        assert access.principal_of(connection, made.no) == made
        assert [each.name for each in access.principals(connection)] == ["officer", "second"]
    assert kinds(store) == ["principal.created"] * 2


def test_a_name_is_taken_once_and_must_be_one(store: Store) -> None:
    let_in(store)
    with pytest.raises(ConflictError):
        let_in(store, "OFFICER")
    for name in ("", "  ", "x" * 65, "a\nb"):
        with pytest.raises(InvalidInputError):
            let_in(store, name)
    assert kinds(store) == ["principal.created"]


def test_a_number_that_nobody_has_is_not_found(store: Store) -> None:
    with store.read() as connection, pytest.raises(NotFoundError):
        access.principal_of(connection, 9)
    with store.transaction(1) as tx, pytest.raises(NotFoundError):
        access.disable_principal(tx, 9, by="cli")
    assert kinds(store) == []


def test_nobody_acts_outside_a_unit_that_has_left(store: Store) -> None:
    unit = {
        "no": 1, "from_version": 1, "to_version": 2**31 - 1, "id": b"u", "code": "330281001",
        "official_code": "", "name": "", "level": "subdistrict", "path": "330281/330281001/",
        "shelter": "", "fingerprint": b"",
    }  # fmt: skip
    for code in ("330281001", "\ud83d"):
        with pytest.raises(InvalidInputError, match="no unit"):
            let_in(store, "area", unit_code=code)
    with store.transaction(1) as tx:
        tx.connection.execute(t.unit.insert().values(**unit))
    everywhere, area = let_in(store), let_in(store, "area", unit_code="330281001")
    with store.read() as connection:
        assert access.path_of(connection, everywhere) == ""
        assert access.path_of(connection, area) == "330281/330281001/"
    with store.transaction(2) as tx:
        tx.connection.execute(t.unit.update().values(to_version=2))
    with store.read() as connection, pytest.raises(ForbiddenError, match="no longer"):
        access.path_of(connection, area)


def test_a_change_takes_effect_and_is_on_record(store: Store) -> None:
    made = let_in(store)
    with store.transaction(200) as tx:
        changed = access.change_principal(tx, made.no, by=made.source, role="viewer", person_no=4)
        assert access.change_principal(tx, made.no, by="cli") == changed
    assert (changed.role, changed.person_no, changed.unit_code) == ("viewer", 4, "")
    with store.read() as connection:
        last = list(journal.stream(connection))[-1].fact
    assert last.kind == "principal.changed"
    assert last.source == made.source
    assert last.body == {
        "principal": made.id.hex(),
        "changed": ["role", "person_no"],
        "role": "viewer",
    }


def test_a_token_opens_until_it_expires_or_is_revoked(store: Store) -> None:
    made = let_in(store)
    with store.transaction(200) as tx:
        token = credentials.create_token(
            tx, SECRET, principal_no=made.no, label="feed", scopes=["read", "draft"],
            by=made.source, expires_at=1_000,
        )  # fmt: skip
    with store.read() as connection:
        found = credentials.holder_of(connection, SECRET, 999)
        assert found == (made, frozenset({"read", "draft"}))
        assert credentials.holder_of(connection, SECRET, 1_000) is None
        assert credentials.holder_of(connection, SECRET + "x", 999) is None
        assert credentials.holder_of(connection, token.key, 999) is None
    for _ in range(2):
        with store.transaction(300) as tx:
            credentials.revoke_token(tx, token.key, by="cli")
    with store.read() as connection:
        assert credentials.holder_of(connection, SECRET, 999) is None
        assert [each.revoked_at for each in credentials.tokens(connection, made.no)] == [300]
    assert kinds(store) == ["principal.created", "token.created", "token.revoked"]


@pytest.mark.parametrize("key", ["", "ab", "00" * 32, "zz" * 32])
def test_a_token_that_is_not_there_cannot_be_revoked(store: Store, key: str) -> None:
    with store.transaction(1) as tx, pytest.raises(NotFoundError):
        credentials.revoke_token(tx, key, by="cli")


def test_who_is_shut_out_is_out_at_once(store: Store) -> None:
    made = let_in(store)
    with store.transaction(200) as tx:
        credentials.create_token(
            tx, SECRET, principal_no=made.no, label="", scopes=["read"], by="cli"
        )
        credentials.open_session(tx, COOKIE, principal_no=made.no, csrf="c", expires_at=10_000)
    with store.read() as connection:
        session = credentials.session_of(connection, COOKIE, 300)
        assert session is not None
        assert (session.principal, session.csrf) == (made, "c")
    with store.transaction(300) as tx:
        access.disable_principal(tx, made.no, by="cli")
    with store.read() as connection:
        assert credentials.holder_of(connection, SECRET, 400) is None
        assert credentials.session_of(connection, COOKIE, 400) is None
    with store.transaction(500) as tx:
        access.enable_principal(tx, made.no, by="cli")
    with store.read() as connection:
        assert credentials.holder_of(connection, SECRET, 600) is not None
        assert credentials.session_of(connection, COOKIE, 600) is None  # signs in again


def test_a_session_ends_by_time_by_signing_out_and_by_a_new_password(store: Store) -> None:
    made = let_in(store)
    for number in (1, 2):
        with store.transaction(200) as tx:
            credentials.open_session(
                tx, f"{COOKIE}{number}", principal_no=made.no, csrf="c", expires_at=1_000
            )
    with store.read() as connection:
        assert credentials.session_of(connection, f"{COOKIE}1", 1_000) is None
        assert credentials.session_of(connection, f"{COOKIE}1", 999) is not None
    with store.transaction(300) as tx:
        credentials.close_session(tx, f"{COOKIE}1")
        credentials.close_session(tx, "unknown")
    with store.read() as connection:
        assert credentials.session_of(connection, f"{COOKIE}1", 400) is None
        assert credentials.session_of(connection, f"{COOKIE}2", 400) is not None
    with store.transaction(500) as tx:
        access.set_password(tx, made.no, HASH + "2", by=made.source)
    with store.read() as connection:
        assert credentials.session_of(connection, f"{COOKIE}2", 600) is None


def test_no_secret_is_in_the_record_or_the_database(store: Store, tmp_path: Path) -> None:
    made = let_in(store, "wang-li")
    with store.transaction(200) as tx:
        credentials.create_token(
            tx, SECRET, principal_no=made.no, label="label", scopes=[], by="cli"
        )
        credentials.open_session(tx, COOKIE, principal_no=made.no, csrf="c", expires_at=9)
        access.set_password(tx, made.no, HASH, by="cli", must_change=True)
        credentials.refuse_sign_in(tx, made, reason="password")
        credentials.refuse_sign_in(tx, None, reason="unknown")
    text = bodies(store)
    for secret in (SECRET, COOKIE, HASH, "wang-li", "label"):
        assert secret not in text
    assert HASH not in repr(made)
    store.close()
    content = databases.content(tmp_path)
    assert SECRET.encode() not in content
    assert COOKIE.encode() not in content
    assert HASH.encode() in content  # so that the search would have found them


def test_a_repeated_write_is_answered_from_memory(store: Store) -> None:
    made = let_in(store)
    with store.read() as connection:
        assert credentials.recall(connection, made.no, "k1", b"hash") is None
    with store.transaction(200) as tx:
        credentials.remember(tx, made.no, "k1", b"hash", '{"id": 1}')
    with store.read() as connection:
        assert credentials.recall(connection, made.no, "k1", b"hash") == '{"id": 1}'
        assert credentials.recall(connection, made.no + 1, "k1", b"hash") is None
        with pytest.raises(ConflictError, match="another request"):
            credentials.recall(connection, made.no, "k1", b"other")
    with store.transaction(300) as tx:
        credentials.forget(tx, before=201)
    with store.read() as connection:
        assert credentials.recall(connection, made.no, "k1", b"hash") is None
