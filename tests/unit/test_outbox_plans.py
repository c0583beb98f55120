"""What the engine asks at every step costs by what is due, whatever the size of the table."""

from pathlib import Path

import pytest
from sqlalchemy import text

from alertd.store import due, migrate, outbox
from alertd.store.database import Store
from alertd.store.vault import Vault

STATEMENTS = {
    "lanes": outbox._LANES,
    "due": outbox._DUE[False],
    "due-elsewhere": outbox._DUE[True],
    "overdue": outbox._OVERDUE,
    "load": outbox._LOAD,
    "ladders": due._LADDERS,
    "digests": due._DIGESTS,
    "help": due._HELP,
}
LARGE = ("delivery", "requirement", "digest_entry", "help_case")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    url = f"sqlite:///{tmp_path / 'plans.sqlite3'}"
    migrate.upgrade(url)
    return Store(url, Vault(bytes(32)), node="test")


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_of_every_step_reads_a_whole_table(store: Store, name: str) -> None:
    with store.read() as connection:
        statement, order, _ = STATEMENTS[name]._text(connection)
        cursor = connection.connection.cursor()
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * len(order or ()))
        plan = [row[-1] for row in cursor.fetchall()]
        whole = connection.execute(text("EXPLAIN QUERY PLAN SELECT * FROM delivery")).all()
    store.close()
    assert whole[0][-1] == "SCAN delivery"
    assert not {f"SCAN {table}" for table in LARGE} & set(plan)
