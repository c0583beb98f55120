"""A text is under way to a number when a newer roster replaces that: the new one gets it, once."""

from pathlib import Path

import pytest
from sqlalchemy import select

from alertd.model import Channel
from alertd.store import tables as t
from channels.base import Accepted, Fault, Outcome, Outgoing, ReceiptStatus, SendError
from tests.city import ROUTES, City, accepts, sms_route
from tests.unit.roster_moves import id_of
from tests.unit.test_engine_help_calls import principal_above
from tests.unit.test_engine_newcomers import LEADERS, NEW, changed, kinds

ENDS = {
    "sent": Accepted("ref"),
    "dead": SendError(Fault.DEAD, "no-such-number"),
    "again": SendError(Fault.RETRY, "busy"),
    "unknown": SendError(Fault.UNKNOWN, "no-word"),
    "nothing": None,
}
# Whoever the roster's newcomers are told with anyway, and of whom nobody else would say it.
ROLES = [LEADERS, ("party_member",)]


def in_flight(directory: Path, role: tuple[str, ...]) -> tuple[City, int, Outgoing]:
    """An alert is out, and of one person's text there is no word yet."""
    city = City(directory, routes=(sms_route(timeout_s=100), *ROUTES[1:]))
    leaders = {person for _, person in city.leaders()}
    (_, person), *_ = [
        each for each in city.leaders(*role) if role == LEADERS or each[1] not in leaders
    ]
    phone = city.phone_of(person)
    city.behave = lambda m: None if m.address == phone else accepts(m)
    city.issue(roles=role)
    (first,) = city.hanging
    return city, person, first


def told_once(city: City, first: Outgoing) -> None:
    city.forward(minutes=1)  # the newer roster is looked at by then
    before = len(city.to(first.address))
    city.forward(minutes=9)
    assert [kind for kind in kinds(city, NEW) if kind in {"alert", "shift"}] in (
        ["alert"],
        ["shift"],
    )
    assert city.to(NEW)[0].text == first.text
    assert len(city.to(first.address)) == before, "it may be a stranger's"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("seen", [True, False], ids=["seen-under-way", "over-when-it-is-seen"])
def test_what_is_under_way_to_the_old_number_goes_to_the_new_one_once(
    tmp_path: Path, end: str, role: tuple[str, ...], *, seen: bool
) -> None:
    city, person, first = in_flight(tmp_path, role)
    city.forward(seconds=30)
    changed(city, id_of(city, person), phone=NEW, phone2="")
    if seen:
        city.forward(minutes=1)
    if (result := ENDS[end]) is not None:
        city.end("sms-1", [Outcome(first.delivery, first.attempt, result)])
    told_once(city, first)


@pytest.mark.parametrize("end", [ReceiptStatus.ACCEPTED, ReceiptStatus.DELIVERED, None])
def test_a_restart_meanwhile_loses_nothing_of_it(tmp_path: Path, end: ReceiptStatus | None) -> None:
    city, person, first = in_flight(tmp_path, ROLES[1])
    theirs = id_of(city, person)
    changed(city, theirs, phone=NEW, phone2="")
    city.forward(minutes=1, seconds=1)
    city.restart()
    if end is not None:
        city.receipt(first, end)
    city.restart()
    told_once(city, first)
    city.restart()
    changed(city, theirs, note="x")
    told_once(city, first)


def test_what_had_left_before_the_number_was_replaced_isnt_sent_again(tmp_path: Path) -> None:
    """Of whom nobody asks an answer: the number was theirs when it came."""
    city, person, first = in_flight(tmp_path, ROLES[1])
    city.end("sms-1", [Outcome(first.delivery, first.attempt, Accepted("ref"))])
    city.forward(minutes=1)
    changed(city, id_of(city, person), phone=NEW, phone2="")
    city.forward(minutes=9)
    assert not city.to(NEW)


@pytest.mark.parametrize("end", ENDS)
def test_a_call_that_is_under_way_when_the_number_is_replaced(tmp_path: Path, end: str) -> None:
    """An engaged line is rung again by the new number; the text is what tells."""
    calls = sms_route("calls", channel=Channel.VOICE, timeout_s=100)
    city = City(tmp_path, routes=(*ROUTES, calls))
    (_, person), *_ = city.leaders()
    phone = city.phone_of(person)
    city.gateways = lambda route, m: (
        None if route == "calls" and m.address == phone else Accepted("ref")
    )
    city.issue(roles=LEADERS)
    city.forward(minutes=3, seconds=1)
    (call,) = city.hanging
    changed(city, id_of(city, person), phone=NEW, phone2="")
    city.forward(minutes=1)
    if (result := ENDS[end]) is not None:
        city.end("calls", [Outcome(call.delivery, call.attempt, result)])
    city.forward(minutes=9)
    assert not city.rows(select(t.journal).where(t.journal.c.kind == "defect"))
    assert "shift" in kinds(city, NEW)
    again = "voice_call" in kinds(city, NEW)
    assert again == (end in {"again", "unknown", "nothing"})
    assert [m.kind for m in city.to(phone)].count("voice_call") == 1


def test_what_is_to_be_sent_once_more_goes_to_the_new_number(tmp_path: Path) -> None:
    """It was unknown when the roster came; nobody knows whether it is there."""
    city, person, first = in_flight(tmp_path, ROLES[1])
    city.end("sms-1", [Outcome(first.delivery, first.attempt, ENDS["unknown"])])
    changed(city, id_of(city, person), phone=NEW, phone2="")
    told_once(city, first)


@pytest.mark.parametrize("end", ENDS)
def test_a_cry_under_way_to_a_number_that_is_replaced_goes_to_the_new_one(
    tmp_path: Path, end: str
) -> None:
    city = City(tmp_path, routes=(sms_route(timeout_s=100), *ROUTES[1:]))
    (duty, crying), *_ = city.leaders()
    superior = principal_above(city, duty)
    phone = city.phone_of(superior)
    city.behave = lambda m: None if m.address == phone else accepts(m)
    city.issue(roles=LEADERS)
    city.reply(city.phone_of(crying), "3")
    (cry,) = city.hanging
    changed(city, id_of(city, superior), phone=NEW, phone2="")
    city.forward(minutes=1)
    if (result := ENDS[end]) is not None:
        city.end("sms-1", [Outcome(cry.delivery, cry.attempt, result)])
    city.forward(minutes=1)
    assert kinds(city, NEW).count("help") == 1
    assert len(city.to(phone)) == 1
