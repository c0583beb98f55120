"""A city's years: what is asked in a storm costs by what is, not by all that has been.

Work is counted in SQLite's own steps, before and after the past has come to be.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from alertd.engine import dispatch
from alertd.engine.turn import Turn
from alertd.store import cries, due, journal, roster
from alertd.store.reads import pulse, timeline, told
from alertd.store.reads.board import StageFigures
from tests import databases
from tests.city import City

pytestmark = pytest.mark.skipif(databases.on_postgresql(), reason="SQLite's steps are counted")

TOWN = "330281001"
_MORE = 60  # steps, where a tree has grown by a level

# Numbers of before this alert's, as those of earlier ones are.
_DELIVERIES = """
    WITH RECURSIVE past (no) AS (SELECT :first UNION ALL SELECT no + 1 FROM past WHERE no < :last)
    INSERT INTO delivery (id, message_no, recipient_kind, recipient_no, lane, priority, state,
        attempt, duplicate, played)
    SELECT d.id - past.no * 1000, message_no, recipient_kind, recipient_no, lane, priority, 7,
        1, 0, 0
    FROM past, (SELECT * FROM delivery ORDER BY id LIMIT 10) d
"""
_CRIES = """
    WITH RECURSIVE past (no) AS (SELECT :first UNION ALL SELECT no + 1 FROM past WHERE no < :last)
    INSERT INTO help_told SELECT no * 1000, no * 1000 + 1, -no FROM past
"""
_HELD_ELSEWHERE = """
    WITH RECURSIVE past (no) AS (SELECT :first UNION ALL SELECT no + 1 FROM past WHERE no < :last)
    INSERT INTO holding SELECT person_no, duty_no, -past.no, 1 - past.no, rank, unit_no, role,
        shift_from, shift_to, verified_at, note, fingerprint, address_no
    FROM past, (
        SELECT * FROM holding WHERE unit_no IN (
            SELECT no FROM unit WHERE path > '330281/330281002' AND path < '330281/3302819'
        ) LIMIT 10
    )
"""
_SILENCE = """
    WITH RECURSIVE past (no) AS (SELECT :first UNION ALL SELECT no + 1 FROM past WHERE no < :last)
    INSERT INTO digest_entry SELECT 7, (1000 + no << 32) + 5, 1000 + no, 0, 1 FROM past
"""
_COUNTED = """
    WITH RECURSIVE past (no) AS (SELECT :first UNION ALL SELECT no + 1 FROM past WHERE no < :last)
    INSERT INTO delivery_count SELECT 1000 + past.no, 1, 0, 0, 0 FROM past
"""
_FACTS = """
    WITH RECURSIVE past (no) AS (SELECT :first UNION ALL SELECT no + 1 FROM past WHERE no < :last)
    INSERT INTO journal SELECT node, writer, seq + past.no - :first + 1, kind, alert_no, source,
        occurred_at, recorded_at, body, prev_hash, hash, turn + past.no
    FROM past, (SELECT * FROM journal ORDER BY seq DESC LIMIT 1)
"""


@pytest.fixture
def city(tmp_path: Path) -> City:
    """A city with a running alert, somebody in need, and all deliveries handed over."""
    city = City(tmp_path)
    city.issue("typhoon", "red", areas=[TOWN])
    _, leader = city.leaders()[0]
    city.reply(city.phone_of(leader), "求助")
    return city


def _told(connection: Connection) -> tuple[range, list[int]]:
    """The newest deliveries, and people."""
    last = connection.execute(text("SELECT max(id) FROM delivery")).scalar_one()
    people = connection.execute(text("SELECT no FROM person LIMIT 20")).scalars()
    return range(last - 20, last + 1), list(people)


def look_late(city: City, connection: Connection) -> None:
    pulse.pulse(connection, city.now)


def look_for_cries(_: City, connection: Connection) -> None:
    deliveries, _people = _told(connection)
    telling = cries.telling(connection, deliveries)
    assert telling
    assert cries.closed(connection, deliveries) == set()
    assert cries.crying(connection, min(telling))


def look_who_was_told(_: City, connection: Connection) -> None:
    _deliveries, people = _told(connection)
    told.signs(connection, 1, people)
    told.told(connection, 1, people)
    silence = StageFigures(stage="received", needed=9, covered=0, exhausted=9, helping=0)
    told.untold(connection, 1, silence, 1, "")


def look_for_chains(_: City, connection: Connection) -> None:
    assert len(journal.chains(connection)) == 1


def look_where_the_journal_ends(_: City, connection: Connection) -> None:
    assert len(timeline.heads(connection)) == 1


def look_for_a_digest(_: City, connection: Connection) -> None:
    assert due.digest_entries(connection, 1, [7]) == {}


def look_whom_a_draft_would_reach(_: City, connection: Connection) -> None:
    paths = roster.paths_for(connection, 1, [TOWN])
    roles = ("grid_leader", "building_lead")
    found = roster.headcount(connection, 1, paths=paths, roles=roles, ladder_roles=roles)
    assert found.people


@pytest.mark.parametrize(
    ("look", "past"),
    [
        (look_late, _DELIVERIES),
        (look_for_cries, _CRIES),
        (look_who_was_told, _CRIES),
        (look_for_chains, _FACTS),
        (look_where_the_journal_ends, _FACTS),
        (look_for_a_digest, _SILENCE),
        (look_whom_a_draft_would_reach, _HELD_ELSEWHERE),
    ],
)
def test_what_is_asked_in_a_storm_costs_nothing_by_years(
    city: City, look: Callable[[City, Connection], None], past: str
) -> None:
    def work() -> int:
        with city.store.read() as connection:
            return databases.steps(connection, partial(look, city, connection))

    def live(first: int, last: int) -> None:
        with city.store.transaction(city.now) as tx:
            tx.connection.execute(text(past), {"first": first, "last": last})

    live(1, 10)
    young = work()
    live(11, 1_000)
    assert work() <= young + _MORE


def test_a_tick_with_nothing_waiting_reads_no_rollup_of_alerts_that_are_over(city: City) -> None:
    def work(turn: Turn) -> int:
        fail = partial(dispatch.fail_unroutable, turn, 100)
        return databases.steps(turn.connection, fail)

    young = city.take(work)
    with city.store.transaction(city.now) as tx:
        tx.connection.execute(text(_COUNTED), {"first": 1, "last": 1_000})
    assert city.take(work) == young
