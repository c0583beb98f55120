"""Processes of two versions on one PostgreSQL: who was away while it was brought up to date."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from alertd.errors import OutdatedError
from alertd.store import dialect
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
