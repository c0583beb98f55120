"""A gateway that isn't there, and what a gateway may speak of, by the whole engine."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from alertd.decide.breaker import CLOSED, after
from alertd.engine import receive
from alertd.model import Channel, DeliveryState
from alertd.store import tables as t
from channels.base import Accepted, Fault, Outgoing, Receipt, ReceiptStatus, SendError
from tests.city import City, accepts, sms_route

AWAY = SendError(Fault.AWAY, "no-connection")
TWO = (sms_route("sms-1"), sms_route("sms-2"))


def gone(_: Outgoing) -> SendError:
    return AWAY


def test_a_gateway_that_is_away_for_ten_minutes_costs_no_message(tmp_path: Path) -> None:
    city = City(tmp_path, behave=gone)
    alert = city.issue()
    before = sum(city.states(alert).values())
    city.forward(minutes=10)
    states = city.states(alert)
    assert set(states) == {"pending"}
    assert states["pending"] >= before
    city.behave = accepts
    city.forward(seconds=30)
    assert set(city.states(alert)) == {"accepted"}
    city.store.close()


def test_one_try_at_a_time_finds_out_whether_it_is_back(tmp_path: Path) -> None:
    city = City(tmp_path, behave=gone, routes=(sms_route(),))
    city.issue()
    city.forward(seconds=60)
    tried = len(city.sent)
    city.forward(minutes=10)
    assert 55 <= len(city.sent) - tried <= 65  # every ten seconds
    city.store.close()


def test_nothing_waits_for_another_route_that_is_not_there(tmp_path: Path) -> None:
    """An unknown of the second route would go by the first, which is away."""
    city = City(tmp_path, routes=TWO)
    routes = {"sms-1": AWAY, "sms-2": SendError(Fault.UNKNOWN, "timeout")}
    first_tries: set[int] = set()

    def by_route(message: Outgoing) -> Accepted | SendError:
        (row,) = city.rows(select(t.delivery.c.route).where(t.delivery.c.id == message.delivery))
        if row.route == "sms-1":
            return routes["sms-1"]
        if message.delivery in first_tries:
            return Accepted("ref")
        first_tries.add(message.delivery)
        return routes["sms-2"]

    city.behave = by_route
    city.issue()
    c = t.delivery.c
    asked = [row.id for row in city.rows(select(c.id).where(c.lane // 10 == 1))]
    city.forward(seconds=90)  # a grace and some probes
    taken = select(func.count()).where(c.id.in_(asked), c.state == int(DeliveryState.ACCEPTED))
    assert city.one(taken)[0] >= len(asked) - 1  # but the one that finds out now
    city.store.close()


def test_what_one_gateway_refuses_finds_out_whether_the_other_is_back(tmp_path: Path) -> None:
    """While the first takes all that comes, nothing else would try the second again."""
    city = City(tmp_path, routes=TWO)
    city.issue()
    flow = city.engine.flows["sms-2"]
    flow.breaker = after(CLOSED, Channel.SMS, Fault.AWAY, city.now)
    city.forward(seconds=20)
    assert flow.breaker.is_open
    c = t.delivery.c
    by_first = {row.id for row in city.rows(select(c.id).where(c.route == "sms-1"))}
    refused = [message for message in city.sent if message.delivery in by_first][:3]
    for message in refused:
        word = Receipt(
            delivery=message.delivery,
            attempt=message.attempt,
            status=ReceiptStatus.FAILED,
            fault=Fault.REFUSED,
            code="content-refused",
        )
        hear(city, "sms-1", word)
        assert one(city, message.delivery)[1] == "sms-2"
    assert not city.engine.flows["sms-2"].breaker.is_open
    city.store.close()


def hear(city: City, route: str, word: Receipt) -> None:
    city.take(partial(receive.events, route=route, came=[word]))


def one(city: City, number: int) -> tuple[int, str]:
    c = t.delivery.c
    row = city.one(select(c.attempt, c.route).where(c.id == number))
    return row.attempt, row.route


def test_a_gateway_speaks_only_of_what_it_was_given(tmp_path: Path) -> None:
    city = City(tmp_path, routes=TWO)
    alert = city.issue()
    message = city.sent[0]
    _, route = one(city, message.delivery)
    other = {"sms-1": "sms-2", "sms-2": "sms-1"}[route]
    word = Receipt(delivery=message.delivery, attempt=1, status=ReceiptStatus.DELIVERED)
    hear(city, other, word)
    assert "delivered" not in city.states(alert)
    ignored = select(func.count()).where(t.journal.c.kind == "receipts.ignored")
    assert city.one(ignored)[0] == 1
    hear(city, route, word)
    assert city.states(alert)["delivered"] == 1
    city.store.close()


def test_what_a_gateway_refuses_later_goes_by_another_route(tmp_path: Path) -> None:
    city = City(tmp_path, routes=TWO)
    city.issue()
    message = city.sent[0]
    _, route = one(city, message.delivery)
    hear(
        city,
        route,
        Receipt(
            delivery=message.delivery,
            attempt=1,
            status=ReceiptStatus.FAILED,
            fault=Fault.REFUSED,
            code="unreachable",
        ),
    )
    assert one(city, message.delivery) == (2, {"sms-1": "sms-2", "sms-2": "sms-1"}[route])
    city.store.close()


def split(city: City, by: Callable[[str, Outgoing], Accepted | SendError]) -> None:
    """Each of the routes behaves by itself."""
    c = t.delivery.c

    def behave(message: Outgoing) -> Accepted | SendError:
        return by(city.one(select(c.route).where(c.id == message.delivery)).route, message)

    city.behave = behave


def test_what_one_gateway_cannot_take_now_goes_by_another(tmp_path: Path) -> None:
    city = City(tmp_path, routes=TWO)
    busy = SendError(Fault.THROTTLED, "busy", retry_after_s=600)
    split(city, lambda route, _: busy if route == "sms-1" else Accepted("ref"))
    alert = city.issue()
    city.forward(seconds=10)
    assert "pending" not in city.states(alert)
    assert city.states(alert)["accepted"] > 100
    city.store.close()


def test_nothing_keeps_off_a_route_for_longer_than_another_takes(tmp_path: Path) -> None:
    city = City(tmp_path, routes=TWO)
    lost: set[int] = set()

    def by(route: str, message: Outgoing) -> Accepted | SendError:
        if route == "sms-2":  # it is there, and takes nothing for an hour
            return SendError(Fault.THROTTLED, "busy", retry_after_s=3_000)
        if message.kind == "alert" or message.delivery in lost:
            return Accepted("ref")
        lost.add(message.delivery)
        return SendError(Fault.UNKNOWN, "timeout")

    split(city, by)
    alert = city.issue(areas=["330281001"])
    city.forward(minutes=2, seconds=1)  # the reminders are lost
    assert lost
    city.forward(seconds=60 + 45)
    again = [message for message in city.sent if message.delivery in lost and message.attempt > 1]
    assert {message.delivery for message in again} == lost
    assert "pending" not in city.states(alert)
    city.store.close()


@pytest.mark.parametrize("second", [None, SendError(Fault.RETRY, "503")])
def test_sent_after_undelivered_keeps_nothing_from_going_by_another_route(
    tmp_path: Path, second: SendError | None
) -> None:
    city = City(tmp_path, routes=TWO)
    city.issue()
    message = city.sent[0]
    _, route = one(city, message.delivery)
    city.behave = lambda _: second
    words: list[tuple[ReceiptStatus, Fault | None]] = [
        (ReceiptStatus.FAILED, Fault.REFUSED),
        (ReceiptStatus.ACCEPTED, None),
    ]
    for status, fault in words:
        word = Receipt(delivery=message.delivery, attempt=1, status=status, fault=fault)
        hear(city, route, word)
    assert one(city, message.delivery) == (2, {"sms-1": "sms-2", "sms-2": "sms-1"}[route])
    c = t.delivery.c
    state = select(c.state).where(c.id == message.delivery)
    assert city.one(state).state != DeliveryState.ACCEPTED
    city.behave = accepts
    city.restart()
    city.forward(seconds=90)
    assert city.one(state).state == DeliveryState.ACCEPTED
    city.store.close()


def test_a_first_copy_that_is_accepted_late_and_then_lost_goes_out_again(
    tmp_path: Path,
) -> None:
    """It rested as accepted for good, though neither copy arrived: nobody was told, none chased."""
    city = City(tmp_path, routes=TWO, behave=lambda _: SendError(Fault.UNKNOWN, "timeout"))
    city.issue()
    message = city.sent[0]
    _, first = one(city, message.delivery)
    c = t.delivery.c
    now = select(c.state, c.attempt).where(c.id == message.delivery)
    while city.one(now).attempt < 2:
        city.forward(seconds=5)
    city.behave = accepts
    said: list[tuple[ReceiptStatus, Fault | None]] = [
        (ReceiptStatus.ACCEPTED, None),
        (ReceiptStatus.FAILED, Fault.REFUSED),
    ]
    for status, fault in said:
        word = Receipt(delivery=message.delivery, attempt=1, status=status, fault=fault)
        hear(city, first, word)
    city.forward(seconds=60)
    assert tuple(city.one(now)) == (DeliveryState.ACCEPTED, 3)
    city.store.close()
