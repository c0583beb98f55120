"""Opening a city's database, as every start and command does."""

from pathlib import Path

from alembic import command
from structlog.testing import capture_logs

from alertd.provision import open_store
from alertd.settings import Settings
from alertd.store import dialect, migrate

BEFORE = "v0021"


def opened(settings: Settings) -> list[tuple[str, str]]:
    """Open it; returns (from, to) of what the log says of its steps."""
    with capture_logs() as said:
        open_store(settings).close()
    return [(line["was"], line["now"]) for line in said if "up to date" in line["event"]]


def test_a_database_that_is_brought_up_to_date_is_told_of_once(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    engine = dialect.writer(settings.store_url)
    with engine.begin() as connection:
        command.upgrade(migrate.config(connection), BEFORE)
    engine.dispose()
    assert opened(settings) == [(BEFORE, migrate.head())]
    assert opened(settings) == []


def test_nothing_is_told_of_a_new_one(tmp_path: Path) -> None:
    assert opened(Settings(data_dir=tmp_path)) == []
