"""Calls for help: for which unit, to whom, and by which number."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from alertd.cli.checkup_store import desk_findings
from alertd.cli.findings import Health
from alertd.model import FOREVER
from alertd.store import addresses, cries, people
from alertd.store import tables as t
from alertd.store.reads import helping
from channels.base import Accepted, Fault, Outgoing, SendError
from tests.city import RED, City, accepts
from tests.unit.roster_moves import (
    asked,
    new_number,
    numberless,
    put_in_charge,
    second_number,
    unit_of,
)

MakeCity = Callable[..., City]
TOWN = "330281001"


@pytest.fixture
def make_city(tmp_path: Path) -> MakeCity:
    return partial(City, tmp_path)


def case_of(city: City) -> Any:
    return city.one(select(t.help_case))


def test_help_goes_to_the_unit_that_the_answer_names(make_city: MakeCity) -> None:
    city = make_city()
    (_, person), (other, _), *_ = city.leaders()
    put_in_charge(city, person, other)
    city.issue()
    city.reply(city.phone_of(person), f"3 {unit_of(city, other).name}")
    assert case_of(city).unit_no == unit_of(city, other).no


def test_help_is_for_a_unit_that_the_alert_is_about(make_city: MakeCity) -> None:
    city = make_city()
    (duty, person), *others = city.leaders()
    home = unit_of(city, duty).path.split("/")[1]
    away = next(d for d, _ in others if unit_of(city, d).path.split("/")[1] != home)
    put_in_charge(city, person, away)
    city.issue(areas=[unit_of(city, away).path.split("/")[1]])
    city.reply(city.phone_of(person), "3")
    unit = unit_of(city, away)
    assert case_of(city).unit_no == unit.no
    c = t.coverage.c
    shown = select(c.helping).where(c.unit_no == unit.no, c.stage == 1)
    assert city.one(shown).helping == 1  # the alert's own board says so


@pytest.mark.parametrize(("status", "over"), [("Exercise", False), ("Actual", True)])
def test_help_by_a_second_number_is_as_real_and_outlives_its_alert(
    make_city: MakeCity, status: str, *, over: bool
) -> None:
    dead: set[str] = set()

    def by_number(message: Outgoing) -> Accepted | SendError:
        dying = message.address in dead
        return SendError(Fault.DEAD, "no-such-number") if dying else accepts(message)

    city = make_city(behave=by_number)
    alert = city.issue(status=status, areas=[TOWN])
    (_, person), *_ = asked(city)
    city.reply(city.phone_of(person), "3")
    dead |= {message.address for message in city.sent if message.kind == "help"}
    assert dead
    second = {f"+86139000000{place:02}" for place in range(len(dead))}
    for address, number in zip(sorted(dead), sorted(second), strict=True):
        second_number(city, at(city, address), number)
    if over:
        city.issue("cancel", areas=[TOWN], status=status, references=[city.reference(alert)])
    city.sent.clear()
    city.forward(minutes=2, seconds=5)  # nobody took it: it climbs
    again = [message for message in city.sent if message.address in second]
    assert again
    assert {(message.kind, message.status) for message in again} == {("help", "Actual")}
    assert not any("演练" in message.text for message in again)


def at(city: City, phone: str) -> int:
    with city.store.read() as connection:
        number = addresses.find(connection, city.store.vault, phone)
        (person,) = people.persons_at(connection, number or 0)
    return person


def says_of_help(city: City, phone: str) -> str:
    """What the text to whoever cried says of who is told."""
    (text,) = [m.text for m in city.to(phone) if m.kind == "heard"]
    return text


def test_where_nobody_can_be_told_of_help_it_says_so(make_city: MakeCity) -> None:
    city = make_city()
    numberless(city)
    city.issue(areas=[TOWN])
    (_, person), *_ = asked(city)
    city.reply(city.phone_of(person), "3")
    city.forward(minutes=5)
    assert not [message for message in city.sent if message.kind == "help"]
    assert "正通知" not in (said := says_of_help(city, city.phone_of(person)))
    assert "没能通知到上级和值班室" in said
    assert case_of(city).climbed == 0
    with city.store.read() as connection:
        (shown,) = helping.help_cases(connection)
        (found,) = desk_findings(connection)
    assert (shown.climbed, found.health) == (0, Health.LOOK)
    # Once there is a desk that can be told, it is.
    desk = in_charge_of(city, "city_duty")
    new_number(city, desk, "+8613900000009")
    city.forward(minutes=2, seconds=5)
    assert {m.address for m in city.sent if m.kind == "help"} == {"+8613900000009"}
    assert case_of(city).climbed > 0


@pytest.mark.parametrize(
    ("silent", "said"),
    [
        (["city_duty"], "正通知上级派人"),
        (["community_lead", "subdistrict_lead", "building_lead"], "正通知值班室派人"),
        ([], "正通知上级和值班室派人"),
    ],
)
def test_who_cries_for_help_is_told_who_is_told(
    make_city: MakeCity, silent: list[str], said: str
) -> None:
    city = make_city()
    h = t.holding.c
    with city.store.transaction(city.now) as tx:
        gone = update(t.holding).where(h.role.in_(silent)).values(to_version=h.from_version)
        tx.connection.execute(gone)
    city.issue(areas=[TOWN])
    (_, person), *_ = asked(city)
    city.reply(city.phone_of(person), "3")
    assert said in says_of_help(city, city.phone_of(person))


def test_nobody_is_called_for_help_to_themselves(make_city: MakeCity) -> None:
    """A village's head is often a grid's leader, too."""
    city = make_city()
    city.issue(areas=[TOWN])
    (duty, person), *_ = asked(city)
    with city.store.read() as connection:
        no = unit_of(city, duty).no
        parent, above, *_ = people.leads_above(connection, [no], RED.ladder_roles)[no]
        (head,) = people.in_charge(people.holders(connection, [above or 0])[above or 0], 0)
    put_in_charge(city, person, parent or 0)
    city.sent.clear()
    city.reply(city.phone_of(person), f"3 {unit_of(city, duty).name}")
    called = {message.address for message in city.sent if message.kind == "help"}
    assert city.phone_of(person) not in called
    assert city.phone_of(head) in called


def in_charge_of(city: City, role: str) -> int:
    h = t.holding.c
    found = select(h.person_no).where(h.role == role, h.rank == 1, h.to_version == FOREVER)
    return int(city.rows(found)[0].person_no)


def test_help_reaches_a_desk_that_has_alternates_only(make_city: MakeCity) -> None:
    city = make_city()
    city.issue(areas=[TOWN])
    (_, person), *_ = asked(city)
    above = ["city_duty", "community_lead", "subdistrict_lead"]
    with city.store.transaction(city.now) as tx:
        vacant = update(t.holding).where(t.holding.c.role.in_(above)).values(rank=2)
        tx.connection.execute(vacant)
    city.sent.clear()
    city.reply(city.phone_of(person), "3")
    assert [message for message in city.sent if message.kind == "help"]


def test_a_reminder_goes_to_the_number_that_is_left(make_city: MakeCity) -> None:
    dead: set[str] = set()

    def by_number(message: Outgoing) -> Accepted | SendError:
        dying = message.address in dead
        return SendError(Fault.DEAD, "no-such-number") if dying else accepts(message)

    city = make_city(behave=by_number)
    _, person = next(pair for pair in city.leaders() if TOWN in unit_of(city, pair[0]).path)
    dead.add(city.phone_of(person))
    second_number(city, person, "+8613900000001")
    city.issue(areas=[TOWN])
    city.forward(minutes=2, seconds=5)
    assert [m.template for m in city.to("+8613900000001")] == ["typhoon-red", "reminder"]


def test_what_comes_by_a_second_number_is_what_it_was(make_city: MakeCity) -> None:
    """Only the alert, and what says the same, tells somebody of the alert."""
    dead: set[str] = set()

    def by_number(message: Outgoing) -> Accepted | SendError:
        dying = message.address in dead and message.kind in {"digest", "confirmation"}
        return SendError(Fault.DEAD, "no-such-number") if dying else accepts(message)

    city = make_city(behave=by_number)
    city.issue(areas=[TOWN])
    (_, person), *_ = asked(city)
    city.forward(minutes=1)
    phones = {m.address for m in city.sent if m.address.startswith("+")}
    people_of = {at(city, phone): phone for phone in sorted(phones)}
    dead |= phones
    for place, one in enumerate(people_of):
        second_number(city, one, f"+8613900{place:06}")
    city.sent.clear()
    city.reply(people_of[person], "1")
    city.forward(minutes=30, tick_s=60)
    again = [m for m in city.sent if m.address.startswith("+8613900")]
    said = {(m.template.partition("-")[0], m.kind) for m in again}
    assert said >= {("digest", "digest"), ("confirmation", "confirmation")}
    assert not said & {("digest", "alert"), ("confirmation", "alert")}


def dead_where(wrong: Callable[[Outgoing], bool]) -> Callable[[Outgoing], Accepted | SendError]:
    """A gateway that knows some numbers not to exist."""
    gone = SendError(Fault.DEAD, "no-such-number")
    return lambda message: gone if wrong(message) else accepts(message)


def reach_of(city: City) -> str | None:
    with city.store.read() as connection:
        (shown,) = helping.help_cases(connection)
    return shown.reach


def test_help_of_which_every_message_fails_is_seen_and_said(make_city: MakeCity) -> None:
    """Each level is tried at once; whoever cries hears that nobody has been told."""
    city = make_city(behave=dead_where(lambda m: m.kind == "help"))
    city.issue(areas=[TOWN])
    (_, person), *_ = asked(city)
    crying = city.phone_of(person)
    city.reply(crying, "3")
    city.forward(seconds=20)
    called = [m.address for m in city.sent if m.kind == "help"]
    above = case_of(city).climbed
    assert above > 1, "one level after the other, without waiting for its time"
    assert len(set(called)) > above - 1
    said = [(m.template, m.text) for m in city.to(crying) if m.kind == "heard"]
    assert [template for template, _ in said] == ["confirmation-help", "unheard"]
    assert "正通知上级和值班室派人" in said[0][1]
    assert "没能通知到上级和值班室,请直接打电话找人" in said[1][1]
    with city.store.read() as connection:
        assert cries.unheard(connection, city.now) == 1
    assert reach_of(city) == "nobody"
    # It is tried again in its time, and whoever cries isn't told so again and again.
    city.sent.clear()
    city.forward(minutes=5)
    assert 1 < case_of(city).climbed - above <= 3
    assert not [m for m in city.to(crying) if m.kind == "heard"]


def test_help_climbs_at_once_past_a_superior_who_has_no_such_number(make_city: MakeCity) -> None:
    dead: dict[str, None] = {}

    def superior_and_desk(message: Outgoing) -> bool:
        if message.kind == "help" and len(dead) < 3:  # one has two numbers
            dead.setdefault(message.address)
        return message.address in dead and message.kind == "help"

    city = make_city(behave=dead_where(superior_and_desk))
    city.issue(areas=[TOWN])
    (_, person), *_ = asked(city)
    city.reply(city.phone_of(person), "3")
    city.forward(seconds=20)
    assert case_of(city).climbed == 2
    assert reach_of(city) == "sent"
    assert [m.kind for m in city.to(city.phone_of(person))].count("heard") == 1


def test_help_that_waits_for_a_gateway_is_not_shown_as_told(make_city: MakeCity) -> None:
    away = SendError(Fault.AWAY, "gateway-away")
    broken: list[bool] = []
    city = make_city(behave=lambda m: away if broken and m.kind == "help" else accepts(m))
    city.issue(areas=[TOWN])
    (_, person), *_ = asked(city)
    broken.append(True)
    city.reply(city.phone_of(person), "3")
    city.forward(seconds=20)
    assert reach_of(city) == "waiting"
    with city.store.read() as connection:
        assert cries.unheard(connection, city.now) == 0
        assert cries.unheard(connection, city.now + cries.LATE_MS) == 1
    broken.clear()
    city.forward(minutes=1)
    assert reach_of(city) == "sent"


def test_help_by_a_second_number_counts_for_its_call(make_city: MakeCity) -> None:
    dead: set[str] = set()
    city = make_city(behave=dead_where(lambda m: m.kind == "help" and m.address in dead))
    city.issue(areas=[TOWN])
    (_, person), *_ = asked(city)
    above = {m.address for m in city.sent if m.address.startswith("+")} - {city.phone_of(person)}
    dead |= above
    for place, number in enumerate(sorted(above)):
        second_number(city, at(city, number), f"+8613900{place:06}")
    city.reply(city.phone_of(person), "3")
    city.forward(seconds=20)
    assert reach_of(city) == "sent"
    assert case_of(city).climbed == 1, "it arrived by the second number"


def test_an_alert_of_before_promises_nobody_that_somebody_is_told(make_city: MakeCity) -> None:
    """Its own text of a call for help, frozen with it, says that superior and desk are told."""
    city = make_city(behave=dead_where(lambda m: m.kind == "help"))
    alert = city.issue(areas=[TOWN])
    kept = city.one(select(t.alert.c.templates)).templates
    before = {name: each for name, each in json.loads(kept).items() if name != "unheard"}
    with city.store.transaction(city.now) as tx:
        old = update(t.alert).where(t.alert.c.no == alert).values(templates=json.dumps(before))
        tx.connection.execute(old)
    city.restart()
    (_, person), *_ = asked(city)
    city.reply(city.phone_of(person), "3")
    city.forward(seconds=20)
    said = [m.template for m in city.to(city.phone_of(person)) if m.kind == "heard"]
    assert said == ["confirmation-help"]


def test_whoever_cries_hears_once_that_nobody_could_be_told_however_late(
    make_city: MakeCity,
) -> None:
    """The gateway was away while it climbed past the last level, and then knows no number."""
    away, gone = SendError(Fault.AWAY, "gateway-away"), SendError(Fault.DEAD, "no-such-number")
    result = [away]
    city = make_city(behave=lambda m: result[0] if m.kind == "help" else accepts(m))
    city.issue(areas=[TOWN])
    (_, person), *_ = asked(city)
    city.reply(city.phone_of(person), "3")
    city.forward(minutes=15, tick_s=5)
    told = [m.template for m in city.to(city.phone_of(person)) if m.kind == "heard"]
    assert told == ["confirmation-help"]
    result[0] = gone
    city.forward(minutes=15, tick_s=5)
    told = [m.template for m in city.to(city.phone_of(person)) if m.kind == "heard"]
    assert told == ["confirmation-help", "unheard"]
