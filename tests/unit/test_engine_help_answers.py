"""Who only heard that somebody calls for help answers nothing of what the alert asks."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alertd.store import people
from alertd.store import tables as t
from channels.base import Fault, SendError
from tests.city import RED, ROUTES, City, accepts, sms_route
from tests.unit.roster_moves import put_in_charge, share_number, unit_of
from tests.unit.test_engine_help_calls import principal_above

LEADERS, ALL = ("grid_leader",), ("grid_leader", "community_lead", "subdistrict_lead")


def cried(city: City, **options: Any) -> int:
    """A grid leader cries for help; returns the superior who hears of it first."""
    (duty, person), *_ = city.leaders()
    superior = principal_above(city, duty)
    city.issue(**options)
    city.reply(city.phone_of(person), "3")
    return superior


def lead_above(city: City, duty_no: int) -> int:
    with city.store.read() as connection:
        unit = unit_of(city, duty_no).no
        return people.leads_above(connection, [unit], RED.ladder_roles)[unit][0]


def last_reply(city: City) -> tuple[str, str]:
    i = t.inbound.c
    row = city.one(select(i.verdict, i.reason).order_by(i.no.desc()).limit(1))
    return row.verdict, row.reason


def acks(city: City, person: int) -> list[str]:
    return [row.kind for row in city.rows(select(t.ack.c.kind).where(t.ack.c.person_no == person))]


@pytest.mark.parametrize("said", ["1", "4", "2 35", "A1 1"])
def test_who_only_heard_of_a_cry_answers_nothing_of_the_alert(tmp_path: Path, said: str) -> None:
    city = City(tmp_path)
    superior = cried(city, roles=LEADERS)
    phone = city.phone_of(superior)
    assert {m.kind for m in city.to(phone)} == {"help"}
    city.reply(phone, said.replace("A1", city.to(phone)[0].short_code))
    assert last_reply(city) == ("unclear", "alert-not-told")
    assert not acks(city, superior)


def test_who_only_heard_of_a_cry_can_say_that_they_cant_come(tmp_path: Path) -> None:
    """It covers nothing, and whoever stands in for them hears the next one."""
    city = City(tmp_path)
    superior = cried(city, roles=LEADERS)
    city.reply(city.phone_of(superior), "0")
    assert acks(city, superior) == ["unavailable"]
    city.reply(city.phone_of(superior), "1")
    assert last_reply(city) == ("unclear", "alert-not-told")


def test_who_only_heard_of_a_cry_can_cry_too(tmp_path: Path) -> None:
    city = City(tmp_path)
    superior = cried(city, roles=LEADERS)
    city.reply(city.phone_of(superior), "求助")
    assert acks(city, superior) == ["help"]
    city.reply(city.phone_of(superior), "1")
    assert last_reply(city) == ("unclear", "alert-not-told"), "who hears of their own cry, too"


def test_who_was_told_of_the_alert_answers_it_though_they_heard_of_a_cry(tmp_path: Path) -> None:
    city = City(tmp_path)
    superior = cried(city, roles=ALL)
    assert "help" in {m.kind for m in city.to(city.phone_of(superior))}
    city.reply(city.phone_of(superior), "1")
    assert acks(city, superior) == ["received"]


def test_an_answer_before_the_alerts_own_text_has_left_covers_nothing(tmp_path: Path) -> None:
    """By a modem a cry goes first; the duty of whoever reads it isn't answered by that."""
    slow = sms_route(in_flight=1, burst=1, rate_per_s=0.1)
    city = City(tmp_path, routes=(slow, *ROUTES[1:]))
    (duty, person), *_, (_, late) = city.leaders()
    put_in_charge(city, late, lead_above(city, duty))
    phone = city.phone_of(late)
    city.issue(roles=LEADERS)
    city.forward(seconds=30)
    assert city.to(city.phone_of(person))
    assert not city.to(phone)
    city.reply(city.phone_of(person), "3")
    city.forward(seconds=30)
    assert [m.kind for m in city.to(phone)] == ["help"]
    written = city.now
    city.reply(phone, "1")
    assert last_reply(city) == ("unclear", "alert-not-told")
    city.forward(minutes=60, tick_s=10)
    assert "alert" in [m.kind for m in city.to(phone)]
    city.reply(phone, "1", occurred_at=written)
    assert last_reply(city)[0] == "ambiguous", "a gateway brings it late: it was written before"
    assert not acks(city, late)
    city.reply(phone, "1")
    assert acks(city, late) == ["received"]


def test_an_alert_whose_own_text_failed_isnt_answered_by_a_cry_that_came(tmp_path: Path) -> None:
    dead = SendError(Fault.DEAD, "no-such-number")
    city = City(tmp_path)
    (_, crying), *_ = city.leaders()
    heard = city.phone_of(crying)
    city.behave = lambda m: accepts(m) if m.kind == "help" or m.address == heard else dead
    superior = cried(city, roles=ALL)
    assert "alert" in {m.kind for m in city.to(city.phone_of(superior))}
    city.reply(city.phone_of(superior), "1")
    assert last_reply(city) == ("unclear", "alert-not-told")


def test_of_two_with_one_telephone_who_was_told_of_the_alert_answers(tmp_path: Path) -> None:
    city = City(tmp_path)
    (duty, person), *_, (_, other) = city.leaders()
    superior = principal_above(city, duty)
    assert superior != other
    phone = share_number(city, superior, other)
    city.issue(roles=LEADERS)
    city.reply(city.phone_of(person), "3")
    city.reply(phone, "1")
    assert (acks(city, other), acks(city, superior)) == (["received"], [])


def test_who_cried_and_hears_of_that_answers_though_the_alerts_text_failed(tmp_path: Path) -> None:
    """Who cries knows of it, whatever a gateway says; their own cry's word is no other's."""
    dead = SendError(Fault.DEAD, "no-such-number")
    city = City(tmp_path, behave=lambda m: dead if m.kind == "alert" else accepts(m))
    (_, crying), *_ = city.leaders()
    city.issue(roles=LEADERS)
    city.reply(city.phone_of(crying), "3")
    assert "heard" in {m.kind for m in city.to(city.phone_of(crying))}
    city.reply(city.phone_of(crying), "1")
    assert acks(city, crying) == ["help", "received"]
