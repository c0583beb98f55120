"""Whoever reads the journal misses nothing of it over a restore, however much has come since."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alertd.engine.turn import Turn
from alertd.store import journal
from alertd.store.eras import Era, Place, eras, go_on, unknown
from alertd.store.reads.timeline import heads
from tests import databases
from tests.city import City
from tests.unit.test_restored_numbers import Office

TOWN = "330281001"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.city.store.close()


def everything_read(city: City) -> Place:
    with city.store.read() as connection:
        place = Place(heads(connection))
        go_on(connection, place)
    return place


def kinds_behind(city: City, place: Place) -> list[str]:
    with city.store.read() as connection:
        go_on(connection, place)
        return [row.fact.kind for row in journal.read(connection, place.cursor)]


def alone_behind(city: City, place: Place) -> list[str]:
    """By the numbers alone, as a cursor without eras is gone on with."""
    return kinds_behind(city, Place(dict(place.cursor)))


@pytest.mark.parametrize("times", [1, 2])
def test_what_a_restored_journal_was_gone_on_with_is_read_by_who_was_ahead(
    office: Office, times: int
) -> None:
    office.city.issue("typhoon", "red", areas=[TOWN])
    taken = office.back_up()
    for _ in range(times - 1):  # the reader's era is one that is lost, too
        office.restore(taken).forward(minutes=1)
    office.city.draft("flood", "red")
    reader = everything_read(office.city)
    city = office.restore(taken)
    city.issue("flood", "red", areas=[TOWN])
    city.forward(minutes=12)
    assert "restored" not in alone_behind(city, reader)  # so it was
    kinds = kinds_behind(city, reader)
    assert kinds[:2] == ["restored", "alert.numbers-left-out"]
    assert {"alert.drafted", "alert.issued"} <= set(kinds)


def test_who_knows_of_the_restore_goes_on_where_they_were(office: Office) -> None:
    office.city.issue("typhoon", "red", areas=[TOWN])
    city = office.restore(office.back_up())
    reader = everything_read(city)
    city.draft("flood", "red")
    kinds = ["event.opened", "alert.drafted"]
    assert kinds_behind(city, reader) == alone_behind(city, reader) == kinds


A, B, C = Era("a", 10), Era("b", 20), Era("c", 30)


@pytest.mark.parametrize(
    ("known", "there", "first"),
    [
        ((), [], None),
        ((), [A, B], A),
        (("a",), [A], None),
        (("a",), [A, B, C], B),
        (("a", "b", "x", "y"), [A, B, C], C),  # x was gone on with from another end than c
        (("x",), [A, B], A),
        (("x",), [], None),
        (("b", "c"), [A, B, C], None),  # a cursor names the last ones only
    ],
)
def test_where_the_first_unknown_era_began(
    known: tuple[str, ...], there: list[Era], first: Era | None
) -> None:
    assert unknown(known, there) == first


def steps_of(city: City) -> int:
    """How many hundreds of steps SQLite takes to look up the eras."""
    with city.store.read() as connection:
        return databases.steps(connection, lambda: eras(connection)) // 100


@pytest.mark.skipif(databases.on_postgresql(), reason="SQLite's own steps are counted")
def test_a_look_for_eras_costs_nothing_by_what_a_running_alert_has_on_record(
    office: Office,
) -> None:
    city = office.city
    number = city.issue("typhoon", "red", areas=[TOWN])
    before = steps_of(city)

    def record(turn: Turn) -> None:
        for _ in range(2_000):
            turn.record("defect", {"error": "x"}, alert_no=number)

    city.take(record)
    assert steps_of(city) <= before + 2
