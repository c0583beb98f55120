"""Loudspeakers that were away: what they are told when they are there again."""

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd.engine import halting, receive
from alertd.model import FOREVER
from alertd.store import tables as t
from channels.base import Accepted, Outgoing, Presence, ReceiptStatus
from tests.city import OFFICER, City


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path)


def speaker(city: City) -> str:
    """A loudspeaker that was told."""
    c = t.terminal.c
    rows = city.rows(select(c.terminal_id).where(c.to_version == FOREVER))
    known = {row.terminal_id for row in rows}
    return next(message.address for message in city.sent if message.address in known)


def told(city: City, name: str) -> list[Outgoing]:
    return city.to(name)


def comes(city: City, name: str, *, online: bool = True) -> None:
    here = Presence(terminal=name, online=online)
    city.take(partial(receive.events, route="speakers", came=[here]))


def test_a_stop_that_nobody_answered_is_said_again_when_its_loudspeaker_is_back(city: City) -> None:
    """The broker was killed, and forgot the stop and not the alert that it withdraws."""
    alert = city.issue()
    name = speaker(city)
    city.sent.clear()
    city.issue("cancel", references=[city.reference(alert)])
    city.forward(minutes=10)
    stops = told(city, name)
    assert [stop.stop for stop in stops] == [True, True]
    comes(city, name, online=False)
    city.forward(minutes=30)
    assert len(told(city, name)) == 2
    comes(city, name)
    last = told(city, name)[-1]
    assert len(told(city, name)) == 3
    assert last.stop
    assert last.possible_duplicate
    assert last.delivery == stops[0].delivery
    city.receipt(last, ReceiptStatus.DELIVERED)
    comes(city, name)
    assert len(told(city, name)) == 3


def test_a_stop_is_said_again_for_as_long_as_what_it_withdraws_may_sound(city: City) -> None:
    """A yellow alert holds a day, a cancel half of one."""
    half = 12 * 60
    alert = city.issue(colour="yellow")
    name = speaker(city)
    city.issue("cancel", references=[city.reference(alert)])
    comes(city, name, online=False)
    city.forward(minutes=half + 30, tick_s=60)
    before = len(told(city, name))
    comes(city, name)
    assert [each.stop for each in told(city, name)[before:]] == [True]
    city.forward(minutes=half, tick_s=60)
    before = len(told(city, name))
    comes(city, name)
    assert told(city, name)[before:] == []


def test_an_alert_that_it_never_answered_is_told_again_and_one_that_is_over_is_not(
    city: City,
) -> None:
    alert = city.issue()
    name = speaker(city)
    city.forward(minutes=10)
    tries = len(told(city, name))
    comes(city, name)
    assert len(told(city, name)) == tries + 1
    city.forward(minutes=10)
    id_ = city.one(select(t.alert.c.id).where(t.alert.c.no == alert)).id
    city.take(lambda turn: halting.stop(turn, OFFICER, id_, "a mistake"))
    comes(city, name)
    assert len(told(city, name)) == tries + 1


def test_one_that_is_still_waited_for_is_not_told_twice(city: City) -> None:
    city.behave = lambda _: Accepted("ref")
    city.issue()
    name = speaker(city)
    comes(city, name)
    assert len(told(city, name)) == 1
