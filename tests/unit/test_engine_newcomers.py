"""The roster changes while an alert is out: whoever comes to a post, or a number, is told of it."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from alertd.model import DeliveryState, RecipientKind, Told, numbers_of
from alertd.report.figures import figures
from alertd.report.figures.values import Share
from alertd.store import journal
from alertd.store import tables as t
from channels.base import Accepted, Fault, Outgoing, SendError
from tests.city import ROUTES, City, accepts, sms_route
from tests.unit.roster_moves import asked, id_of, import_anew

NEW, OTHER = "+8613900000001", "+8613900000002"
LEADERS, TOWN = ("grid_leader",), "330281001"


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
    city.forward(seconds=1)
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


def slow_city(directory: Path, **options: Any) -> City:
    """By a modem the last of its people have the first message minutes later."""
    slow = sms_route(in_flight=1, burst=1, rate_per_s=0.1)
    return City(directory, routes=(slow, *ROUTES[1:]), **options)


def waiting(city: City, alert: int = 1) -> tuple[int, str]:
    """Who waits for their text the longest, and their number."""
    d = t.delivery.c
    waits = (d.id.between(*numbers_of(alert)), d.state == int(DeliveryState.PENDING))
    sms = (d.recipient_kind == int(RecipientKind.PERSON), d.address_no.is_not(None))
    last = city.one(select(func.max(d.id)).where(*waits, *sms))[0]
    person = city.one(select(d.recipient_no).where(d.id == last)).recipient_no
    return person, city.phone_of(person)


def test_who_still_waited_is_told_once_and_by_the_number_of_now(tmp_path: Path) -> None:
    """The old one may be a stranger's, to whom an alert would be a false one."""
    city = slow_city(tmp_path)
    alert = city.issue(roles=LEADERS)
    person, old = waiting(city)
    text = city.to(city.phone_of(asked(city)[0][1]))[0].text
    changed(city, id_of(city, person), phone=NEW, phone2="")
    city.forward(minutes=2, tick_s=10)
    city.restart()
    city.forward(minutes=8, tick_s=10)
    told = [m for m in city.to(NEW) if m.kind != "reminder"]
    assert [(m.kind, m.text) for m in told] == [("alert", text)]
    assert not city.to(old)
    gone = city.rows(select(t.delivery).where(t.delivery.c.reason == "number-changed"))
    assert [(row.recipient_no, row.state, row.attempt) for row in gone] == [
        (person, int(DeliveryState.FAILED), 0)
    ]
    with city.store.read() as connection:
        found = figures(journal.stream(connection), alert_no=alert)
    assert found.rates.handed_over == Share(len(asked(city)), len(asked(city)))
    assert found.deliveries.failed_by_cause == {"number-changed": 1}


def test_who_isnt_a_principal_is_told_by_the_number_of_now_too(tmp_path: Path) -> None:
    """Nobody else would tell them: what comes with a person knows neither post nor shift."""
    city = slow_city(tmp_path)
    city.issue(roles=("party_member",), areas=[TOWN])
    person, old = waiting(city)
    changed(city, id_of(city, person), phone=NEW, phone2="")
    city.forward(minutes=60, tick_s=10)
    assert kinds(city, NEW) == ["alert"]
    assert not city.to(old)


def test_an_all_clear_that_waits_goes_to_the_number_of_now(tmp_path: Path) -> None:
    city = slow_city(tmp_path)
    alert = city.issue(roles=LEADERS)
    city.forward(minutes=10, tick_s=10)
    before = len(city.sent)
    clear = city.issue("all-clear", references=[city.reference(alert)])
    person, old = waiting(city, clear)
    changed(city, id_of(city, person), phone=NEW, phone2="")
    city.forward(minutes=10, tick_s=10)
    assert [m.template for m in city.to(NEW)] == ["all-clear"]
    assert old not in {m.address for m in city.sent[before:]}


def test_who_has_no_number_any_more_is_unreached_at_once(tmp_path: Path) -> None:
    """The ladder of their duty doesn't wait for a first message that can't come."""
    city = slow_city(tmp_path)
    city.issue(roles=LEADERS)
    person, old = waiting(city)
    (duty,) = [duty for duty, holder in asked(city) if holder == person]
    assert city.requirement(duty).told == 0
    changed(city, id_of(city, person), phone="", phone2="")
    city.forward(seconds=60, tick_s=10)
    assert city.requirement(duty).told == Told.ALTERNATES
    city.forward(minutes=10, tick_s=10)
    assert not city.to(old)


def test_who_has_left_the_roster_is_written_to_where_they_were(tmp_path: Path) -> None:
    """Nothing says that the number isn't theirs; and a roster that is mistaken loses nobody."""
    city = slow_city(tmp_path)
    city.issue(roles=LEADERS)
    person, old = waiting(city)
    theirs = id_of(city, person)
    import_anew(city, lambda row: None if row["person_id"] == theirs else row)
    city.forward(minutes=10, tick_s=10)
    assert kinds(city, old)[0] == "alert"


def test_of_a_possible_duplicate_nobody_says_that_it_failed(tmp_path: Path) -> None:
    """It may have come to the old number; to the new one it goes all the same."""
    city = City(tmp_path, behave=lambda _: SendError(Fault.UNKNOWN, "no-word"))
    city.issue(roles=LEADERS)
    (_, person), *_ = asked(city)
    d = t.delivery.c
    theirs = (
        d.recipient_no == person,
        d.id.between(*numbers_of(1)),
        d.recipient_kind == int(RecipientKind.PERSON),
    )
    old = city.phone_of(person)
    changed(city, id_of(city, person), phone=NEW, phone2="")
    with city.store.transaction(city.now) as tx:  # its second copy waits, as behind a modem
        waits = {"state": int(DeliveryState.PENDING), "duplicate": 1, "due_at": city.now + 10**6}
        tx.connection.execute(update(t.delivery).where(*theirs).values(waits))
    city.behave = accepts
    city.forward(minutes=2)
    (before, *after) = city.rows(select(t.delivery).where(*theirs).order_by(d.id))
    assert (before.state, before.reason) == (int(DeliveryState.UNKNOWN), "number-changed")
    assert kinds(city, NEW)[:1] == ["alert"]
    assert after
    assert len(city.to(old)) == 1
