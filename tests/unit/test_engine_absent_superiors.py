"""A superior who said that they can't come: who stands in for them hears what they would."""

from pathlib import Path

import pytest

from alertd.store import people
from tests.city import City
from tests.unit.test_engine_help_answers import ALL, lead_above


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path)


def absent(city: City) -> tuple[int, str, str]:
    """A superior answers 不在岗.

    Returns a grid leader below, the superior's number, and that of whoever stands in.
    """
    for duty, person in city.leaders():
        lead = lead_above(city, duty)
        with city.store.read() as connection:
            held = people.holders(connection, [lead])[lead]
        if [each.rank for each in held] == [1, 2] and person not in {h.person_no for h in held}:
            break
    superior, alternate = (city.phone_of(each.person_no) for each in held)
    city.issue(roles=ALL)
    city.reply(superior, "不在岗")
    city.forward(seconds=5)
    assert kinds(city, alternate) == ["takeover"]
    city.sent.clear()
    return person, superior, alternate


def kinds(city: City, phone: str) -> list[str]:
    return [message.kind for message in city.to(phone)]


def test_a_cry_reaches_whoever_stands_in_for_an_absent_superior(city: City) -> None:
    """And the superior, who may be able to do something from where they are."""
    person, superior, alternate = absent(city)
    city.reply(city.phone_of(person), "3")
    assert kinds(city, alternate) == ["help"]
    assert kinds(city, superior) == ["help"]


def test_a_digest_goes_to_whoever_stands_in_alone(city: City) -> None:
    _, superior, alternate = absent(city)
    city.forward(minutes=9)
    assert "digest" in kinds(city, alternate)
    assert not kinds(city, superior)


def test_who_is_there_again_hears_it_themselves(city: City) -> None:
    _, superior, alternate = absent(city)
    city.reply(superior, "1")
    city.forward(minutes=9)
    assert "digest" in kinds(city, superior)
    assert "digest" not in kinds(city, alternate)


def test_where_nobody_stands_in_the_absent_one_is_told(city: City) -> None:
    person, superior, alternate = absent(city)
    city.reply(alternate, "请假")
    city.forward(minutes=9)
    assert "digest" in kinds(city, superior)
    city.reply(city.phone_of(person), "3")
    assert kinds(city, superior).count("help") == 1
