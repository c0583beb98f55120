"""The roster changes while an alert is out: whoever comes to a post, or a number, is told of it."""

from pathlib import Path

import pytest

from channels.base import Accepted, Fault, Outgoing, SendError
from tests.city import ROUTES, City, accepts, sms_route
from tests.unit.roster_moves import asked, id_of, import_anew

NEW, OTHER = "+8613900000001", "+8613900000002"
LEADERS = ("grid_leader",)


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path)


def changed(city: City, theirs: str, **values: str) -> None:
    """The roster is imported anew, with other values in somebody's rows."""
    import_anew(city, lambda row: row | values if row["person_id"] == theirs else row)


def kinds(city: City, phone: str) -> list[str]:
    return [message.kind for message in city.to(phone)]


def test_whoever_takes_over_a_post_is_told_of_what_is_out(city: City) -> None:
    """Though the one before had answered: the storm is theirs."""
    city.issue(roles=LEADERS)
    (_, person), *_ = asked(city)
    text = city.to(city.phone_of(person))[0].text
    city.reply(city.phone_of(person), "1")
    changed(city, id_of(city, person), person_id="NEW-1", name="新网格长", phone=NEW, phone2="")
    city.forward(minutes=1, seconds=1)
    (told,) = city.to(NEW)
    assert (told.kind, told.text) == ("shift", text)
    city.restart()
    city.forward(minutes=3)
    assert kinds(city, NEW) == ["shift"]


def test_nobody_is_told_twice_since_the_roster_came_anew(city: City) -> None:
    city.issue(roles=LEADERS)
    import_anew(city, lambda row: row | {"note": "x", "verified_at": "2025-10-09"})
    city.forward(minutes=3)
    assert not [m for m in city.sent if m.kind == "shift"]


def test_who_has_another_number_is_told_there_unless_they_have_answered(city: City) -> None:
    city.issue(roles=LEADERS)
    (_, silent), (_, answered), *_ = asked(city)
    city.reply(city.phone_of(answered), "1")
    changed(city, id_of(city, silent), phone=NEW)
    changed(city, id_of(city, answered), phone=OTHER)
    city.forward(minutes=1, seconds=1)
    assert kinds(city, NEW) == ["shift"]
    assert not kinds(city, OTHER)


def test_a_number_that_was_mended_is_tried_once(tmp_path: Path) -> None:
    gone = SendError(Fault.DEAD, "no-such-number")
    dead = {NEW}

    def by_number(message: Outgoing) -> Accepted | SendError:
        return gone if message.address in dead else accepts(message)

    city = City(tmp_path, behave=by_number)
    (_, person), *_ = city.leaders()
    dead.add(city.phone_of(person))
    city.issue(roles=LEADERS)
    theirs = id_of(city, person)
    changed(city, theirs, phone=NEW, phone2="")
    city.forward(minutes=1, seconds=1)
    assert kinds(city, NEW) == ["shift"]
    city.forward(minutes=10)
    assert kinds(city, NEW).count("shift") == 1
    changed(city, theirs, phone=OTHER, phone2="")
    city.forward(minutes=1, seconds=1)
    assert kinds(city, OTHER) == ["shift"]


def test_who_still_waited_is_told_by_the_number_of_now(tmp_path: Path) -> None:
    """By a modem the first message was to leave an hour later, to the number of before."""
    slow = sms_route(in_flight=1, burst=1, rate_per_s=0.1)
    city = City(tmp_path, routes=(slow, *ROUTES[1:]))
    city.issue(roles=LEADERS)
    *_, (_, person) = asked(city)
    assert not kinds(city, city.phone_of(person))
    changed(city, id_of(city, person), phone=NEW, phone2="")
    city.forward(minutes=8, tick_s=10)
    assert "shift" in kinds(city, NEW)
