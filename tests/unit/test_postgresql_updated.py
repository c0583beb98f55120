"""Processes of two versions on one PostgreSQL: who was away while it was brought up to date."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from alertd.errors import ConflictError, OutdatedError
from alertd.store import dialect, migrate
from tests import databases
from tests.city import City, sms_route

SLOW = (sms_route(in_flight=5, burst=5, rate_per_s=1.0),)


@pytest.fixture
def city(tmp_path: Path) -> City:
    made = City(tmp_path, routes=SLOW, postgresql=True)
    made.issue(roles=("grid_leader",))
    made.forward(seconds=3)
    return made


def updated(city: City, step: str) -> None:
    """Its connections were cut, and meanwhile another version has been at work there."""
    engine = dialect.writer(city.url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
        connection.execute(text("UPDATE alembic_version SET version_num = :step"), {"step": step})
    engine.dispose()


def test_who_was_away_while_it_was_brought_up_to_date_does_nothing_more(city: City) -> None:
    before = len(city.sent)
    updated(city, "v9999")
    with pytest.raises(DBAPIError):
        city.engine.step(city.now)
    for _ in range(2):
        with pytest.raises(OutdatedError):
            city.engine.step(city.now)
    assert len(city.sent) == before


@pytest.fixture
def old(tmp_path: Path) -> Iterator[sa.Connection]:
    """A database of some versions ago, by its administrator's connection."""
    engine = dialect.writer(databases.url_of(tmp_path, postgresql=True))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        command.upgrade(migrate.config(connection), "v0015")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def url_of(connection: sa.Connection) -> str:
    return connection.engine.url.render_as_string(hide_password=False)


def test_who_reads_in_an_open_transaction_is_named_and_not_waited_for(old: sa.Connection) -> None:
    old.execute(text("SELECT count(*) FROM delivery"))
    with pytest.raises(ConflictError, match="has alertd's tables open"):
        migrate.upgrade(url_of(old), patience_ms=50)
    old.rollback()
    migrate.upgrade(url_of(old))
    assert migrate.current(url_of(old)) == migrate.head()


def test_a_user_who_may_not_change_the_tables_is_told_so(old: sa.Connection) -> None:
    name = f"office{os.getpid()}"
    for statement in (
        f"CREATE ROLE {name} LOGIN",
        f"GRANT ALL ON SCHEMA public TO {name}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}",
    ):
        old.execute(text(statement))
    old.commit()
    theirs = old.engine.url.set(username=name).render_as_string()
    with pytest.raises(ConflictError, match="may not change alertd's tables"):
        migrate.upgrade(theirs)
    assert migrate.current(theirs) == "v0015"
    old.execute(text(f"DROP OWNED BY {name}"))
    old.execute(text(f"DROP ROLE {name}"))
    old.commit()
