"""The migrations lead an empty database to exactly the tables that the code knows."""

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from alertd.cli.checkup_store import store_findings
from alertd.cli.findings import Health
from alertd.errors import ConflictError
from alertd.provision import open_store
from alertd.settings import Settings
from alertd.store import dialect, migrate
from alertd.store import tables as t
from alertd.store.backup import checking


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def schema(url: str) -> dict[str, list[str]]:
    """Every CREATE statement of a database, its lines in order, white space folded."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        found = {
            name: sorted(
                " ".join(line.replace('"', "").split()).rstrip(",") for line in sql.splitlines()
            )
            for name, sql in rows
            if name != "alembic_version"
        }
    engine.dispose()
    return found


def test_an_upgraded_database_has_the_tables_of_the_code(tmp_path: Path) -> None:
    url = url_of(tmp_path / "new" / "alertd.db")
    migrate.upgrade(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, t.metadata) == []
    engine.dispose()


def test_down_to_keys_and_partial_indexes(tmp_path: Path) -> None:
    # Autogenerate compares neither; the statements themselves do.
    migrated, made = url_of(tmp_path / "migrated.db"), url_of(tmp_path / "made.db")
    migrate.upgrade(migrated)
    engine = create_engine(made)
    t.metadata.create_all(engine)
    engine.dispose()
    assert schema(migrated) == schema(made)


def test_queues_are_partial_and_single_numbers_are_the_rows_own(tmp_path: Path) -> None:
    url = url_of(tmp_path / "a.db")
    migrate.upgrade(url)
    found = schema(url)
    assert any("WHERE state = 0" in line for line in found["delivery_queue"])
    assert "id INTEGER NOT NULL" in found["delivery"]
    assert "PRIMARY KEY (id)" in found["delivery"]


def test_a_second_upgrade_changes_nothing(tmp_path: Path) -> None:
    url = url_of(tmp_path / "a.db")
    migrate.upgrade(url)
    before = schema(url)
    migrate.upgrade(url)
    assert schema(url) == before
    assert migrate.current(url) == migrate.head()


def test_asking_for_the_version_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    assert migrate.current(url_of(path)) is None
    assert not path.exists()


def test_a_database_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    url = url_of(tmp_path / "a.db")
    migrate.upgrade(url)
    engine = dialect.writer(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'v9999'"))
    engine.dispose()
    with pytest.raises(ConflictError, match="newer version"):
        migrate.upgrade(url)
    assert migrate.current(url) == "v9999"


def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    url = url_of(tmp_path / "a.db")
    engine = dialect.writer(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE delivery_count (in_the_way INTEGER)"))
    with pytest.raises(Exception, match="delivery_count"):
        migrate.upgrade(url)
    assert inspect(engine).get_table_names() == ["delivery_count"]
    engine.dispose()


def test_the_tables_can_be_written_for_postgresql() -> None:
    spelled = postgresql.dialect()
    for table in t.metadata.sorted_tables:
        statement = str(CreateTable(table).compile(dialect=spelled))
        assert "SERIAL" not in statement, table.name
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=spelled))
    waiting = next(i for i in t.delivery.indexes if i.name == "delivery_queue")
    assert "WHERE state = 0" in str(CreateIndex(waiting).compile(dialect=spelled))


LEFT_OUT = {
    "ALTER TABLE delivery RENAME COLUMN left_at TO claimed_at": ["delivery.left_at"],  # a v0018
    "DROP TABLE known_setting": ["known_setting"],
    "DROP INDEX delivery_queue": ["delivery_queue"],
    "ALTER TABLE unit ADD COLUMN note TEXT NOT NULL": ["unit.note"],  # no row could be written
}


@pytest.mark.parametrize("changed", LEFT_OUT)
def test_a_database_of_other_tables_is_refused_whatever_its_version(
    tmp_path: Path, changed: str
) -> None:
    """A step that was rewritten once it had been applied leaves such a one."""
    settings = Settings(data_dir=tmp_path)
    open_store(settings).close()
    change(settings.store_url, changed)
    with pytest.raises(ConflictError) as refused:
        open_store(settings)
    (finding,) = [f for f in store_findings(settings) if f.what == "database"]
    assert finding.health is Health.BROKEN
    for name in LEFT_OUT[changed]:
        assert name in refused.value.message
        assert name in finding.detail
    engine = dialect.reader(settings.store_url)
    with engine.connect() as connection:
        assert [problem.where for problem in checking.database(connection)] == LEFT_OUT[changed]
    engine.dispose()


def test_an_older_database_of_other_tables_is_left_as_it_was(tmp_path: Path) -> None:
    url = url_of(tmp_path / "a.db")
    engine = dialect.writer(url)
    with engine.begin() as connection:
        command.upgrade(migrate.config(connection), "v0024")
    engine.dispose()
    change(url, "ALTER TABLE delivery RENAME COLUMN left_at TO claimed_at")
    with pytest.raises(ConflictError, match=r"delivery\.left_at"):
        migrate.upgrade(url)
    assert migrate.current(url) == "v0024"


def test_what_an_administrator_has_added_is_let_be(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    open_store(settings).close()
    change(
        settings.store_url,
        "CREATE TABLE notes_of_ours (no INTEGER PRIMARY KEY, text TEXT NOT NULL)",
        "CREATE INDEX ours ON journal (kind)",
        "ALTER TABLE unit ADD COLUMN note TEXT",
        "ALTER TABLE unit ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'",
    )
    open_store(settings).close()


def change(url: str, *statements: str) -> None:
    engine = dialect.writer(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
