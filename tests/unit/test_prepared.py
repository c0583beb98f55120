"""Rows that are written in one piece come out as they would one by one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import bindparam, select, text, update

from alertd.store import tables as t
from alertd.store.database import Store
from alertd.store.fold import answers
from alertd.store.prepared import Prepared
from alertd.store.vault import Vault
from tests import databases

_NAMES = ("alert_no", "stage", "unit_no", "needed", "covered", "exhausted", "helping")
_C = t.coverage.c


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(databases.url_of(tmp_path), Vault(bytes(32)), node="test")
    yield made
    made.close()


def _change(*, at_once: bool) -> Prepared:
    mine = (_C.alert_no == 1) & (_C.stage == 1) & (_C.unit_no == bindparam("unit"))
    return Prepared(
        lambda _: (
            update(t.coverage)
            .where(mine)
            .values(covered=_C.covered + bindparam("more"), helping=bindparam("to"), exhausted=7)
        ),
        at_once=at_once,
    )


@pytest.mark.parametrize("many", [1, 2, 3, 63, 64, 127, 200])
def test_many_rows_are_changed_as_one_by_one(store: Store, many: int) -> None:
    # Every other one isn't there, and is passed over.
    changes = [(number, number % 5, unit) for number, unit in enumerate(range(1, many + 1))]
    seen = []
    for at_once in (False, True):
        with store.transaction(1) as tx:
            tx.connection.execute(t.coverage.delete())
            rows = [(1, 1, unit, 9, unit, 0, 0) for unit in range(1, many + 3, 2)]
            insert = Prepared(
                lambda _: t.coverage.insert().values({name: bindparam(name) for name in _NAMES})
            )
            insert.many(tx.connection, _NAMES, rows)
            _change(at_once=at_once).many(tx.connection, ("more", "to", "unit"), changes)
            found = tx.connection.execute(
                select(*(_C[name] for name in _NAMES)).order_by(_C.unit_no)
            )
            seen.append([tuple(row) for row in found])
    assert seen[0] == seen[1]
    assert [row[4] for row in seen[1][: many // 2]] == [2 * unit - 1 for unit in range(1, many, 2)]


@pytest.mark.parametrize(
    ("change", "table"),
    [
        (answers._INTERPRET, "inbound"),
        (answers._HAVE, "requirement"),
        (answers._COVERED, "requirement"),
        (answers._COVER, "coverage"),
    ],
)
def test_what_changes_many_rows_looks_each_up(store: Store, change: Prepared, table: str) -> None:
    with store.read() as connection:
        if connection.dialect.name != "sqlite":
            pytest.skip("SQLite's statement")
        one, order, _ = change._text(connection)
        assert order is not None
        whole = change._several(one, len(order), 64)
        driver = connection.connection.driver_connection
        assert driver is not None
        plan = [
            row[-1]
            for row in driver.execute(f"EXPLAIN QUERY PLAN {whole}", [None] * 64 * len(order))
        ]
        every = f"EXPLAIN QUERY PLAN SELECT * FROM {table}"  # noqa: S608 - a name of ours
        scanned = connection.execute(text(every)).all()
    assert scanned[0][-1].startswith(f"SCAN {table}")
    assert [line for line in plan if line.startswith(f"SEARCH {table} ")]
    assert not [line for line in plan if line.startswith(f"SCAN {table}")]


def test_a_statement_of_another_shape_is_refused(store: Store) -> None:
    nested = select(_C.unit_no).where(_C.stage == bindparam("stage"))
    odd = Prepared(
        lambda _: update(t.coverage).where(_C.unit_no.in_(nested)).values(helping=bindparam("n")),
        at_once=True,
    )
    with store.transaction(1) as tx:
        if tx.connection.dialect.name != "sqlite":
            pytest.skip("SQLite's statement")
        with pytest.raises(ValueError, match="several rows at once"):
            odd.many(tx.connection, ("n", "stage"), [(1, 2), (3, 4)])
