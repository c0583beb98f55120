"""What the benches hold alertd against has alertd's own table, whichever database it is in."""

import importlib.util
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests import databases

LIMITS = Path(__file__).parents[1] / "bench" / "limits.py"


def _bare_table() -> str:
    spec = importlib.util.spec_from_file_location("bench_limits", LIMITS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.DELIVERY)


def _shape(engine: sa.Engine) -> tuple[dict[str, Any], dict[str, Any]]:
    """Columns and whether they may be empty; indexes and what they are over."""
    found = sa.inspect(engine)
    columns = {each["name"]: each["nullable"] for each in found.get_columns("delivery")}
    indexes = {each["name"]: each["column_names"] for each in found.get_indexes("delivery")}
    engine.dispose()
    return columns, indexes


def test_the_limits_table_has_the_columns_and_indexes_of_ours(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "bare.sqlite3") as connection:
        connection.executescript(_bare_table())
    connection.close()
    bare = _shape(sa.create_engine(f"sqlite:///{tmp_path / 'bare.sqlite3'}"))
    ours = _shape(sa.create_engine(databases.url_of(tmp_path)))
    assert ours == bare
