"""Calls for help to superiors who take no text: rung once, and a key answers for nothing."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from alertd.engine import helping, receive
from alertd.model import SHORT_RANK, AckKind, Channel
from alertd.store import addresses, cries, people
from alertd.store import tables as t
from alertd.store.reads import helping as shown
from alertd.store.reads.told import told
from alertd.store.reads.unanswered import person_views
from channels.base import Accepted, Fault, Outgoing, ReceiptStatus, Reply, SendError
from tests.city import OFFICER, RED, City, accepts, sms_route
from tests.unit.roster_moves import asked, unit_of

TOWN = "330281001"
CALLS = sms_route("calls", channel=Channel.VOICE)
MakeCity = Callable[..., City]


@pytest.fixture
def make_city(tmp_path: Path) -> Iterator[MakeCity]:
    made: list[City] = []

    def make(*routes: Any, **options: Any) -> City:
        made.append(City(tmp_path, routes=(sms_route(), *routes), **options))
        return made[-1]

    yield make
    for city in made:
        city.store.close()


def fixed_line(city: City, *persons: int, rank: int = 1) -> None:
    """These people's numbers are fixed lines from now on, which take no text."""
    c, h = t.contact.c, t.holding.c
    with city.store.transaction(city.now) as tx:
        first = (c.person_no.in_(persons), c.channel == int(Channel.SMS), c.rank == 1)
        further = t.contact.delete().where(c.person_no.in_(persons), c.channel != 1)
        tx.connection.execute(further)
        tx.connection.execute(further.where(c.rank > 1))
        tx.connection.execute(
            update(t.contact).where(*first).values(channel=int(Channel.VOICE), rank=rank)
        )
        tx.connection.execute(
            t.contact.delete().where(c.person_no.in_(persons), c.channel == int(Channel.SMS))
        )
        silent = update(t.holding).where(h.person_no.in_(persons)).values(address_no=None)
        tx.connection.execute(silent)


def everybody_above(city: City, duty_no: int) -> dict[int, str]:
    """Whoever holds a duty above that one's unit, or the desk's: person → number."""
    with city.store.read() as connection:
        unit = unit_of(city, duty_no).no
        duties = people.leads_above(connection, [unit], RED.ladder_roles)[unit]
        held = people.holders(connection, [*duties, people.duty_desk(connection) or 0])
    persons = {each.person_no for those in held.values() for each in those}
    return {person: city.phone_of(person) for person in sorted(persons)}


def principal_above(city: City, duty_no: int) -> int:
    with city.store.read() as connection:
        unit = unit_of(city, duty_no).no
        first, *_ = people.leads_above(connection, [unit], RED.ladder_roles)[unit]
        held = people.holders(connection, [first])[first]
    for other in held[1:]:  # nobody else has that duty
        with city.store.transaction(city.now) as tx:
            h = t.holding.c
            gone = update(t.holding).where(h.duty_no == first, h.person_no == other.person_no)
            tx.connection.execute(gone.values(to_version=h.from_version))
    return held[0].person_no


def cry(city: City, **options: Any) -> tuple[int, int, int]:
    """An alert, and a cry of a grid leader whose superior has a fixed line alone.

    Returns the alert, who cries, and the superior.
    """
    first = next(pair for pair in city.leaders() if TOWN in unit_of(city, pair[0]).path)
    superior = principal_above(city, first[0])
    phone = city.phone_of(superior)
    fixed_line(city, superior)
    alert = city.issue(areas=[TOWN], **options)
    duty, person = next(pair for pair in asked(city, alert) if pair == first)
    assert (duty, person) == first
    city.sent.clear()
    city.reply(city.phone_of(person), "3")
    assert phone
    return alert, person, superior


def calls(city: City) -> list[Outgoing]:
    return [m for m in city.sent if m.kind == "help" and m.text and is_call(city, m)]


def is_call(city: City, message: Outgoing) -> bool:
    d = t.delivery.c
    return str(city.one(select(d.route).where(d.id == message.delivery)).route) == "calls"


def case_of(city: City) -> Any:
    return city.one(select(t.help_case))


def view(city: City) -> shown.HelpView:
    with city.store.read() as connection:
        (found,) = shown.help_cases(connection)
    return found


def number_of(city: City, person: int) -> str:
    """By whatever channel."""
    with city.store.read() as connection:
        ways = people.contacts(connection, [person], int(Channel.VOICE))
        no = ways[person][0][1]
        return addresses.reveal(connection, city.store.vault, [no])[no]


@pytest.mark.parametrize("status", ["Actual", "Exercise"])
def test_a_superior_with_a_fixed_line_alone_is_rung_at_once(
    make_city: MakeCity, status: str
) -> None:
    real = sms_route("calls", channel=Channel.VOICE, simulated=False)
    city = make_city(real)
    city.routes = (sms_route(simulated=False), real)
    city.restart()
    _, person, superior = cry(city, status=status)
    assert [each.address for each in calls(city)] == [number_of(city, superior)]
    (call,) = calls(city)
    assert call.status == "Actual"
    assert "真实求助" in call.text
    assert "演练" not in call.text
    phone = city.phone_of(person).removeprefix("+86")
    assert " ".join(phone) in call.text, "a voice reads it digit by digit"
    said = [m.text for m in city.to(city.phone_of(person)) if m.kind == "heard"]
    assert "正通知上级" in said[0]
    assert case_of(city).climbed == 1
    assert view(city).reach == "sent"


def test_without_a_route_for_calls_the_next_superior_is_told(make_city: MakeCity) -> None:
    city = make_city()
    _, _, superior = cry(city)
    assert not [m for m in city.sent if m.kind == "help" and m.address == number_of(city, superior)]
    assert len({m.address for m in city.sent if m.kind == "help"}) >= 2, "the next, and the desk"


def test_an_offices_short_number_is_rung_by_no_machine(make_city: MakeCity) -> None:
    city = make_city(CALLS)
    first = next(pair for pair in city.leaders() if TOWN in unit_of(city, pair[0]).path)
    fixed_line(city, principal_above(city, first[0]), rank=SHORT_RANK)
    city.issue(areas=[TOWN])
    city.sent.clear()
    city.reply(city.phone_of(first[1]), "3")
    assert not calls(city)
    assert [m for m in city.sent if m.kind == "help"]


def test_an_alternate_with_a_mobile_is_told_as_well(make_city: MakeCity) -> None:
    """Nobody who was told before calls were made is told less: a telephone may ring in vain."""
    city = make_city(CALLS)
    first = next(pair for pair in city.leaders() if TOWN in unit_of(city, pair[0]).path)
    with city.store.read() as connection:
        unit = unit_of(city, first[0]).no
        above, *_ = people.leads_above(connection, [unit], RED.ladder_roles)[unit]
    superior = principal_above(city, first[0])
    alternate = next(person for _, person in city.leaders() if person != first[1])
    with city.store.transaction(city.now) as tx:
        h = t.holding.c
        row = tx.connection.execute(
            select(t.holding).where(h.duty_no == above, h.person_no == superior)
        ).one()
        at = city.one(select(h.address_no).where(h.person_no == alternate).limit(1)).address_no
        tx.connection.execute(
            t.holding.insert(),
            row._asdict() | {"person_no": alternate, "rank": 2, "address_no": at},
        )
    fixed_line(city, superior)
    city.issue(areas=[TOWN])
    city.sent.clear()
    city.reply(city.phone_of(first[1]), "3")
    assert [call.address for call in calls(city)] == [number_of(city, superior)]
    assert city.phone_of(alternate) in {m.address for m in city.sent if m.kind == "help"}


def test_who_took_the_call_isnt_rung_again_for_the_same_cry(make_city: MakeCity) -> None:
    city = make_city(CALLS)
    above = list(everybody_above(city, city.leaders()[0][0]))
    fixed_line(city, *above)
    city.issue()
    city.sent.clear()
    _, crying = city.leaders()[0]
    city.reply(city.phone_of(crying), "3")
    for call in calls(city):
        city.receipt(call, ReceiptStatus.PLAYED, detail="20/20")
    city.forward(minutes=20)
    rung = [call.address for call in calls(city)]
    assert len(rung) == len(set(rung)) > 1, "each once"
    assert case_of(city).climbed > 1, "it climbs on: nobody has taken it"
    assert case_of(city).taken_at is None


@pytest.mark.parametrize(
    ("status", "more"),
    [
        (ReceiptStatus.FAILED, {"fault": Fault.DEAD, "code": "no-such-number"}),
        (ReceiptStatus.INTERRUPTED, {"detail": "3/20"}),
    ],
)
def test_a_call_that_nobody_heard_lets_the_cry_climb_at_once(
    make_city: MakeCity, status: ReceiptStatus, more: dict[str, Any]
) -> None:
    city = make_city(CALLS)
    # All texts fail: the call is all that there is.
    dead = SendError(Fault.DEAD, "no-such-number")
    city.gateways = lambda route, m: dead if m.kind == "help" and route != "calls" else accepts(m)
    _, person, superior = cry(city)
    (call,) = calls(city)
    assert view(city).reach == "sent"
    before = case_of(city).climbed
    city.receipt(call, status, **more)
    assert case_of(city).climbed > before
    assert view(city).reach in {"nobody", "unknown"}
    with city.store.read() as connection:
        assert cries.unheard(connection, city.now) == 1
    assert "unheard" in [m.template for m in city.to(city.phone_of(person))]
    assert number_of(city, superior) == call.address


def test_a_line_that_was_engaged_is_rung_again(make_city: MakeCity) -> None:
    city = make_city(CALLS)
    cry(city)
    (call,) = calls(city)
    city.receipt(call, ReceiptStatus.FAILED, fault=Fault.RETRY, code="busy")
    city.forward(seconds=30)
    assert [again.delivery for again in calls(city)] == [call.delivery] * 2


@pytest.mark.parametrize("key", ["1", "0", "2"])
def test_a_key_pressed_in_a_call_for_help_is_no_answer_to_the_alert(
    make_city: MakeCity, key: str
) -> None:
    city = make_city(CALLS)
    first = next(pair for pair in city.leaders() if TOWN in unit_of(city, pair[0]).path)
    superior = principal_above(city, first[0])
    city.issue(areas=[TOWN], roles=("grid_leader", "community_lead", "subdistrict_lead"))
    fixed_line(city, superior)
    city.sent.clear()
    city.reply(city.phone_of(first[1]), "3")
    (call,) = calls(city)
    came = Reply(gateway_id="k1", sender=call.address, text=key, answers=call.delivery)
    city.take(partial(receive.events, route="calls", came=[came]))
    read = city.one(select(t.inbound).where(t.inbound.c.gateway_key == "k1"))
    assert (read.verdict, read.reason) == ("unclear", "answers-a-cry")
    acks = city.rows(select(t.ack.c.kind).where(t.ack.c.person_no == superior))
    assert not acks
    assert case_of(city).taken_at is None


def test_three_in_a_call_for_help_is_a_cry_like_any(make_city: MakeCity) -> None:
    city = make_city(CALLS)
    _, _, superior = cry(city)
    (call,) = calls(city)
    came = Reply(gateway_id="k1", sender=call.address, text="3", answers=call.delivery)
    city.take(partial(receive.events, route="calls", came=[came]))
    ack = city.one(select(t.ack).where(t.ack.c.person_no == superior))
    assert ack.kind == AckKind.HELP.value
    assert city.one(select(func.count()).select_from(t.help_case))[0] == 2


def test_a_call_for_help_is_no_try_of_the_superiors_own_duty(make_city: MakeCity) -> None:
    city = make_city(CALLS)
    alert, _, superior = cry(city)
    (call,) = calls(city)
    city.receipt(call, ReceiptStatus.PLAYED, detail="20/20")
    with city.store.read() as connection:
        assert person_views(connection, alert, [superior])[superior]["call"] == ""
        assert told(connection, alert, [superior]) == set()


def test_a_call_by_hand_is_said_to_be_one(make_city: MakeCity) -> None:
    city = make_city(CALLS)
    city.gateways = lambda route, m: (
        Accepted(None, by_hand=True)
        if route == "calls"
        else SendError(Fault.DEAD, "no-such-number")
        if m.kind == "help"
        else accepts(m)
    )
    _, _, superior = cry(city)
    name = city.one(select(t.person.c.name).where(t.person.c.no == superior)).name
    assert view(city).reach == "by-hand", "nobody has heard of it by any machine"
    assert view(city).to_call == (name,)
    with city.store.read() as connection:
        assert cries.unheard(connection, city.now) == 1
    city.forward(minutes=9)
    assert len(calls(city)) == 1, "once on the list is enough"
    city.take(partial(helping.take_help, ack_no=case_of(city).ack_no, by=OFFICER.id))
    assert view(city).to_call == ()


def test_whoever_cries_by_a_fixed_line_can_be_called_back(make_city: MakeCity) -> None:
    city = make_city(CALLS)
    (_, person), *_ = city.leaders()
    city.issue(roles=("grid_leader",))
    fixed_line(city, person)
    city.sent.clear()
    city.reply(number_of(city, person), "3")
    texts = [m.text for m in city.sent if m.kind == "help"]
    assert texts
    assert all(number_of(city, person).removeprefix("+86") in text for text in texts)


def test_two_cries_at_once_are_two_calls(make_city: MakeCity) -> None:
    city = make_city(CALLS)
    first = next(pair for pair in city.leaders() if TOWN in unit_of(city, pair[0]).path)
    community = unit_of(city, first[0]).parent_no
    near = [pair for pair in city.leaders() if unit_of(city, pair[0]).parent_no == community]
    fixed_line(city, principal_above(city, first[0]))
    city.issue(areas=[TOWN])
    city.sent.clear()
    for _, person in near[:2]:
        city.reply(city.phone_of(person), "3")
    assert len(calls(city)) == len(near[:2])


def test_whoever_cries_by_a_fixed_line_hears_who_is_told(make_city: MakeCity) -> None:
    """And that nobody could be: they wait for somebody who has heard of nothing."""
    dead = SendError(Fault.DEAD, "no-such-number")
    city = make_city(CALLS, behave=lambda m: dead if m.kind == "help" else accepts(m))
    (_, person), *_ = city.leaders()
    city.issue(roles=("grid_leader",))
    fixed_line(city, person)
    city.sent.clear()
    number = number_of(city, person)
    city.reply(number, "3")
    city.forward(seconds=20)
    # As they were made; texts that fail are settled here before the first call is handed over.
    said = sorted((m for m in city.to(number) if m.kind == "heard"), key=lambda m: m.delivery)
    assert [m.template for m in said] == ["confirmation-help", "unheard"]
    assert all(is_call(city, m) for m in said)
    assert "已收到您的求助,正通知上级和值班室派人" in said[0].text
    assert "没能通知到上级和值班室" in said[1].text
    assert not any(m.text.startswith("【") for m in said)
