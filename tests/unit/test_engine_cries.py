"""A cry for help beside many warnings: whoever cries hears of it, and the rest are warned."""

from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from alertd.engine import helping
from alertd.messages import sms_size
from alertd.model import DeliveryState
from alertd.store import journal
from alertd.store import tables as t
from channels.base import Fault, Outgoing, SendError
from tests.city import ROUTES, City, accepts, sms_route

TOWN = "330281001"
SLOW = sms_route(in_flight=1, burst=1, rate_per_s=0.1)  # one in ten seconds: a modem


@pytest.fixture
def slow(tmp_path: Path) -> City:
    return City(tmp_path, routes=(SLOW, *ROUTES[1:]))


def warned(city: City) -> list[str]:
    """Whose telephones have had the alert."""
    return [m.address for m in city.sent if m.kind == "alert" and m.address.startswith("+")]


def waiting_calls(city: City) -> Counter[tuple[int, int]]:
    """How often each case's word waits for each person."""
    d, h = t.delivery.c, t.help_told.c
    query = (
        select(h.ack_no, d.recipient_no, func.count())
        .join_from(t.help_told, t.delivery, d.id.between(h.first, h.last))
        .where(d.state == int(DeliveryState.PENDING))
        .group_by(h.ack_no, d.recipient_no)
    )
    return Counter({(case, person): n for case, person, n in city.rows(query)})


def test_whoever_cries_hears_of_it_before_others_are_warned(slow: City) -> None:
    slow.issue()
    (first,) = warned(slow)
    slow.forward(seconds=30)
    slow.reply(first, "3 水进屋了")
    slow.forward(minutes=1)
    (heard,) = [m.text for m in slow.to(first) if m.kind == "heard"]
    assert "已收到您的求助" in heard


@pytest.mark.parametrize("ends", ["cancel", "all-clear"])
def test_whoever_cried_hears_of_it_though_the_alert_has_ended_since(slow: City, ends: str) -> None:
    alert = slow.issue(areas=[TOWN])
    (first,) = warned(slow)
    slow.reply(first, "3")
    slow.issue(ends, areas=[TOWN], references=[slow.reference(alert)])
    slow.forward(minutes=1)
    assert [m.kind for m in slow.to(first)].count("heard") == 1


def test_in_a_drill_whoever_really_cries_hears_no_word_of_a_drill(tmp_path: Path) -> None:
    """They would think that their cry had been taken for a part of it."""
    city = City(tmp_path)
    city.issue(status="Exercise", roles=("grid_leader",))
    (_, person), (_, other), *_ = city.leaders()
    city.reply(city.phone_of(person), "3")
    (heard,) = heard_by(city, person)
    assert "演练" not in heard.text
    assert heard.status == "Actual"
    city.reply(city.phone_of(other), "演练求助")
    assert not heard_by(city, other)
    assert all(m.text.startswith("【演练】") for m in city.to(city.phone_of(other)))


def heard_by(city: City, person: int) -> list[Outgoing]:
    return [m for m in city.to(city.phone_of(person)) if m.kind == "heard"]


def test_cries_that_nobody_takes_keep_nobody_from_being_warned(slow: City) -> None:
    """Each was told again every two minutes, and the modem had turns for nothing else."""
    slow.issue(roles=("grid_leader",))
    slow.forward(minutes=2)
    crying = warned(slow)
    assert len(crying) > 10
    for phone in crying:
        slow.reply(phone, "3")
    for _ in range(3):
        slow.forward(minutes=10, tick_s=5)
        assert set(waiting_calls(slow).values()) <= {1}, "one is enough"
    assert set(warned(slow)) >= {slow.phone_of(person) for _, person in slow.leaders()}
    # It is told again all the same, until somebody takes it.
    before = [m.kind for m in slow.sent].count("help")
    slow.forward(minutes=32, tick_s=5)
    assert [m.kind for m in slow.sent].count("help") >= before + len(crying)


def test_who_is_told_of_a_cry_reads_whom_to_call_and_no_fact_does(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.issue(roles=("grid_leader",))
    crying = city.leaders()[:2]
    for _, person in crying:
        city.reply(city.phone_of(person), "3")
    texts = [m.text for m in city.sent if m.kind == "help"]
    for _, person in crying:
        name = city.one(select(t.person.c.name).where(t.person.c.no == person)).name
        number = city.phone_of(person).removeprefix("+86")
        said = [text for text in texts if number in text]
        assert len(said) == len(texts) / 2
        assert all(f"{name}在台风" in text for text in said)
        with city.store.read() as connection:
            bodies = [str(recorded.fact.body) for recorded in journal.stream(connection)]
        assert not [body for body in bodies if number in body or name in body]
    assert all(sms_size(text).parts == 1 for text in texts)


def test_nobody_hears_of_a_cry_that_was_closed_while_word_of_it_waited(tmp_path: Path) -> None:
    """The gateway was away; when it is back the boat has long come."""
    gateway = [SendError(Fault.AWAY, "gateway-away")]
    city = City(
        tmp_path, behave=lambda m: gateway[0] if gateway and m.kind == "help" else accepts(m)
    )
    city.issue(roles=("grid_leader",))
    (_, person), (_, other), *_ = city.leaders()
    city.reply(city.phone_of(person), "3")
    city.reply(city.phone_of(other), "3")
    city.forward(minutes=1)
    closed, _ = city.rows(select(t.help_case.c.ack_no).order_by(t.help_case.c.ack_no))
    close = partial(helping.close_help, ack_no=closed.ack_no, by=b"o" * 16, outcome="boat came")
    city.take(close)
    gateway.clear()
    city.sent.clear()
    city.forward(minutes=3)
    told = [m.text for m in city.sent if m.kind == "help"]
    assert told
    assert all(city.phone_of(other).removeprefix("+86") in text for text in told)
