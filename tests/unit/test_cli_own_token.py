"""The machine's own token: kept while it is good for everything, else made anew."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alertd.cli.keys import PRINCIPAL, token_of_cli
from alertd.engine.authority import ACTIONS
from alertd.store import access, credentials, migrate
from alertd.store.database import Store
from alertd.store.vault import Vault


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'alertd.db'}"
    migrate.upgrade(url)
    store = Store(url, Vault(bytes(32)), node="here")
    yield store
    store.close()


def scopes(store: Store, token: str) -> frozenset[str] | None:
    with store.read() as connection:
        found = credentials.holder_of(connection, token, 2)
    return found[1] if found else None


def test_a_token_from_before_a_right_existed_gives_way(store: Store, tmp_path: Path) -> None:
    first = token_of_cli(store, tmp_path, 1)
    assert token_of_cli(store, tmp_path, 1) == first
    with store.transaction(1) as tx:
        owner = access.find_principal(tx.connection, PRINCIPAL)
        assert owner is not None
        old = "before-there-was-a-pause-xxxxxx"
        before = set(ACTIONS) - {"pause", "call"}
        credentials.create_token(
            tx, old, principal_no=owner.no, label=PRINCIPAL, scopes=before, by=PRINCIPAL
        )
    (tmp_path / "cli.token").write_text(old, encoding="ascii")
    made = token_of_cli(store, tmp_path, 1)
    assert made not in {first, old}
    assert scopes(store, made) == set(ACTIONS)
    assert scopes(store, old) is None
    assert (tmp_path / "cli.token").read_text("ascii") == made
