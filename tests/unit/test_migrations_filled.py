"""Every migration leads tables that have rows in them onwards, and keeps the rows."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from alertd.store import dialect, migrate
from tests import databases


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database of this run's kind without any table."""
    if not databases.on_postgresql():
        return f"sqlite:///{tmp_path / 'old.sqlite3'}"
    made = databases.url_of(tmp_path)
    engine = dialect.writer(made)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()
    return made


def steps() -> list[str]:
    """Every revision, the first one first."""
    walked = ScriptDirectory(migrate.config().get_main_option("script_location") or "")
    return [step.revision for step in walked.walk_revisions()][::-1]


def value_for(column: sa.Column[Any]) -> Any:
    """Something that a column takes."""
    if isinstance(column.type, sa.LargeBinary):
        return b"\x01"
    return "1" if isinstance(column.type, sa.Text) else 1


def count(connection: sa.Connection, name: str) -> int:
    """How many rows a table has."""
    return connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one()


def fill(connection: sa.Connection, filled: set[str]) -> None:
    """Put one row into every new table that the step itself left empty."""
    new = set(sa.inspect(connection).get_table_names()) - filled - {"alembic_version"}
    found = sa.MetaData()
    found.reflect(connection, only=sorted(new))
    for name in new:
        if not count(connection, name):
            values = {c.name: value_for(c) for c in found.tables[name].columns}
            connection.execute(found.tables[name].insert().values(values))
    filled |= new


def test_every_step_takes_tables_with_rows_in_them(url: str) -> None:
    engine, filled = dialect.writer(url), set[str]()
    for step in steps():
        with engine.begin() as connection:
            command.upgrade(migrate.config(connection), step)
            fill(connection, filled)
    with engine.begin() as connection:
        # v0007 makes the sessions' table anew: everybody signs in again.
        empty = {name for name in filled - {"session"} if not count(connection, name)}
    engine.dispose()
    assert not empty


def row(connection: sa.Connection, name: str, **values: Any) -> None:
    """One row of a table as it is at this step."""
    table = sa.MetaData()
    table.reflect(connection, only=[name])
    others = {c.name: value_for(c) for c in table.tables[name].columns}
    connection.execute(table.tables[name].insert().values(others | values))


def test_when_each_message_may_have_left_is_read_from_the_journal(url: str) -> None:
    claims = '{"items":[[1,1],[2,1],[3,1],[4,1]]}'
    ends = """{"items":[[1,1,2,null,"",null,0,null],[2,1,0,9,"",null,0,null],
        [3,1,0,9,"",null,1,null]]}"""
    again = '{"items":[[2,2],[3,2]]}'
    facts = (("claimed", 100, claims), ("settled", 150, ends), ("claimed", 200, again))
    engine = dialect.writer(url)
    with engine.begin() as connection:
        command.upgrade(migrate.config(connection), "v0017")
        for number in range(1, 6):
            row(connection, "delivery", id=number)
        for turn, (kind, at, body) in enumerate(facts, start=1):
            row(connection, "journal", kind=kind, seq=turn, turn=turn, occurred_at=at, body=body)
        command.upgrade(migrate.config(connection), "v0018")
        rows = connection.execute(sa.text("SELECT id, left_at FROM delivery ORDER BY id"))
        # Taken; turned away, and tried again; unknown, and tried again; under way; never tried.
        assert [at for _, at in rows] == [100, 200, 100, 100, None]
    engine.dispose()
