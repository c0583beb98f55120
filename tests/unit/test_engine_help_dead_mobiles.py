"""Calls for help to those who have a fixed line beside mobiles that take no text any more."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alertd.model import FOREVER, Channel
from alertd.store import addresses
from alertd.store import tables as t
from channels.base import Accepted, Fault, Outcome, Outgoing, ReceiptStatus, SendError
from tests.city import City, accepts, sms_route
from tests.unit.roster_moves import put_in_charge, second_number, unit_of
from tests.unit.test_engine_help_answers import lead_above
from tests.unit.test_engine_help_calls import CALLS, TOWN, calls, case_of, principal_above, view

SECOND, DEAD = "+8613900000002", SendError(Fault.DEAD, "no-such-number")


def phone_in(city: City, person: int) -> str:
    """A person's number as a text has it."""
    return city.phone_of(person).removeprefix("+86")


def city_of(directory: Path, **options: Any) -> City:
    return City(directory, routes=(sms_route(), CALLS), **options)


def fixed_line_too(city: City, person: int, number: str = "+8657462810000") -> str:
    """Beside their mobiles somebody has a fixed line on the roster, too; returns its number."""
    row = {"person_no": person, "channel": int(Channel.VOICE), "rank": 1}
    c = t.contact.c
    with city.store.transaction(city.now) as tx:
        known = c.person_no == person, c.channel == int(Channel.VOICE)
        tx.connection.execute(t.contact.delete().where(*known))
        no = addresses.intern(tx.connection, tx.vault, "phone", [number])[number]
        more = {"from_version": 1, "to_version": FOREVER, "address_no": no}
        tx.connection.execute(t.contact.insert(), row | more)
    return number


def cry_to_dead_mobiles(city: City, *, second: bool = False) -> tuple[int, int, str]:
    """A cry of a grid leader whose superior has a fixed line beside their mobiles.

    Returns who cries, the superior, and that line.
    """
    first = next(pair for pair in city.leaders() if TOWN in unit_of(city, pair[0]).path)
    superior = principal_above(city, first[0])
    if second:
        second_number(city, superior, SECOND)
    line = fixed_line_too(city, superior)
    city.issue(areas=[TOWN])
    city.sent.clear()
    city.reply(city.phone_of(first[1]), "3")
    return first[1], superior, line


def dead_mobiles(route: str, message: Outgoing) -> Accepted | SendError:
    """No text of a cry comes to anybody."""
    dead = message.kind == "help" and route != "calls"
    return DEAD if dead else accepts(message)


@pytest.mark.parametrize("second", [False, True])
def test_a_superior_whose_mobiles_are_all_dead_is_rung_at_the_fixed_line(
    tmp_path: Path, *, second: bool
) -> None:
    city = city_of(tmp_path, gateways=dead_mobiles)
    _, superior, line = cry_to_dead_mobiles(city, second=second)
    tried = [m for m in city.to(city.phone_of(superior)) if m.kind == "help"]
    assert tried, "by a text first"
    assert [call.address for call in calls(city)] == [line]
    city.receipt(calls(city)[0], ReceiptStatus.PLAYED, detail="20/20")
    assert view(city).reach == "sent"
    city.forward(minutes=9)
    assert [call.address for call in calls(city)].count(line) == 1, "who heard it isn't rung again"


def test_a_fixed_line_isnt_rung_where_a_mobile_takes_the_text(tmp_path: Path) -> None:
    city = city_of(tmp_path)
    cry_to_dead_mobiles(city)
    city.forward(minutes=1)
    assert not calls(city)


def test_dead_mobiles_and_calls_by_hand_keep_the_cry_from_nobody(tmp_path: Path) -> None:
    """It climbs at once, as where there is no line: an operator may be at no telephone."""
    city = city_of(
        tmp_path,
        gateways=lambda route, m: (
            Accepted(None, by_hand=True) if route == "calls" else dead_mobiles(route, m)
        ),
    )
    _, superior, line = cry_to_dead_mobiles(city)
    name = city.one(select(t.person.c.name).where(t.person.c.no == superior)).name
    assert [call.address for call in calls(city)] == [line]
    assert name in view(city).to_call
    assert case_of(city).climbed > 1


def test_whoever_cries_and_takes_no_text_any_more_is_rung_too(tmp_path: Path) -> None:
    city = city_of(tmp_path)
    (_, person), *_ = city.leaders()
    line = fixed_line_too(city, person)
    phone = city.phone_of(person)
    city.issue(roles=("grid_leader",))
    city.behave = lambda m: DEAD if m.address == phone else accepts(m)
    city.reply(phone, "3")
    assert [m.template for m in city.to(line)] == ["confirmation-help"]


@pytest.mark.parametrize("at_once", [True, False])
def test_an_alert_and_a_cry_that_fail_at_once_both_go_to_the_second_number(
    tmp_path: Path, *, at_once: bool
) -> None:
    city = City(tmp_path)
    (duty, person), *_, (_, superior) = city.leaders()
    put_in_charge(city, superior, lead_above(city, duty))
    second_number(city, superior, SECOND)
    phone = city.phone_of(superior)
    city.behave = lambda m: None if m.address == phone else accepts(m)
    city.issue(roles=("grid_leader",))
    city.reply(city.phone_of(person), "3")
    assert [m.kind for m in city.hanging] == ["alert", "help"]
    ended = [Outcome(m.delivery, m.attempt, DEAD) for m in city.hanging]
    for some in [ended] if at_once else [[each] for each in ended]:
        city.end("sms-1", some)
    city.settle()
    assert sorted(m.kind for m in city.to(SECOND)) == ["alert", "help"]


def test_two_cries_of_one_unit_that_fail_both_go_to_the_second_number(tmp_path: Path) -> None:
    """They say the same but for who cries."""
    city = City(tmp_path)
    (duty, person), *_, (_, superior) = city.leaders()
    (other,) = [holder for held, holder in city.leaders(rank=2) if held == duty]
    put_in_charge(city, superior, lead_above(city, duty))
    second_number(city, superior, SECOND)
    phone = city.phone_of(superior)
    city.issue(roles=("grid_leader",))
    city.forward(minutes=5, seconds=5)  # whoever stands in is asked, too
    city.behave = lambda m: None if m.address == phone and m.kind == "help" else accepts(m)
    for crying in (person, other):
        city.reply(city.phone_of(crying), "3")
    for message in list(city.hanging):
        city.end("sms-1", [Outcome(message.delivery, message.attempt, DEAD)])
    city.settle()
    texts = [m.text for m in city.to(SECOND) if m.kind == "help"]
    found = [sum(phone_in(city, crying) in text for text in texts) for crying in (person, other)]
    assert found == [1, 1]


@pytest.mark.parametrize("fault", [Fault.UNKNOWN, Fault.DEAD, Fault.REFUSED])
@pytest.mark.parametrize("fixed", [True, False])
def test_a_second_number_at_which_a_text_went_amiss_gets_the_cry_all_the_same(
    tmp_path: Path, fault: Fault, *, fixed: bool
) -> None:
    """Nobody knows that nothing comes there; and the fixed line isn't kept waiting for it."""
    city = city_of(tmp_path)
    (duty, person), *_ = city.leaders()
    superior = principal_above(city, duty)
    second_number(city, superior, SECOND)
    line = fixed_line_too(city, superior) if fixed else ""
    phone = city.phone_of(superior)
    amiss = {phone: DEAD, SECOND: SendError(fault, "amiss")}
    city.behave = lambda m: amiss.get(m.address) or accepts(m)
    city.issue(roles=("grid_leader", "community_lead", "subdistrict_lead"))
    city.forward(minutes=4)
    assert city.to(SECOND)
    del amiss[SECOND]
    city.sent.clear()
    city.reply(city.phone_of(person), "3")
    assert [m.kind for m in city.to(phone) + city.to(SECOND)] == ["help", "help"]
    assert [m.kind for m in city.to(line)] == ["help"] * fixed


def test_where_both_numbers_are_dead_a_cry_is_tried_once_at_each(tmp_path: Path) -> None:
    city = city_of(tmp_path)
    (duty, person), *_ = city.leaders()
    superior = principal_above(city, duty)
    second_number(city, superior, SECOND)
    phone = city.phone_of(superior)
    city.behave = lambda m: DEAD if m.address in {phone, SECOND} else accepts(m)
    city.issue(roles=("grid_leader", "community_lead", "subdistrict_lead"))
    city.forward(minutes=1)
    city.sent.clear()
    city.reply(city.phone_of(person), "3")
    assert len(city.to(phone)) == len(city.to(SECOND)) == 1
