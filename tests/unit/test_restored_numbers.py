"""No number of what a restored database lacks is given again: its receipts still come."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from alertd.decide.plan import Route
from alertd.engine import receive
from alertd.lanes import channel_of
from alertd.model import DeliveryState, numbers_of
from alertd.report.verify import verify
from alertd.store import tables as t
from alertd.store.backup import checking
from alertd.store.backup.placing import Place, restore
from alertd.store.backup.taking import Source, Taken, take
from channels.base import Outgoing, Receipt, ReceiptStatus
from tests.city import KEY, ROUTES, City
from tests.unit.roster_moves import id_of, import_anew

TOWN = "330281001"
DAY_MS = 86_400_000


def nothing(_more: int) -> None:
    """Nobody watches."""


@dataclass
class Office:
    """A city that is backed up, goes on, loses its disk, and is restored."""

    folder: Path
    routes: Sequence[Route] = ROUTES

    def __post_init__(self) -> None:
        # A backup is of SQLite's file; PostgreSQL has tools of its own.
        self.city = City(self.folder, postgresql=False, routes=self.routes)

    def back_up(self) -> Taken:
        keys = self.folder / "keys"
        keys.mkdir(exist_ok=True)
        (keys / "addresses.key").write_bytes(KEY)
        source = Source(self.folder / "city.sqlite3", keys, None, None, "test", "0.1.0")
        return take(source, self.folder / "backups", now=self.city.now, tell=nothing)

    def restore(self, taken: Taken, *, behind_ms: int = 0, chance_ms: int = 0) -> City:
        lost = self.city
        lost.store.close()
        data = self.folder / f"data-{lost.now}"
        place = Place(data, data / "city.sqlite3", "test")
        keys = self.folder / "keys"
        clock = lost.now - behind_ms
        said: dict[str, Any] = {"will_send": True, "keys": keys, "chance_ms": chance_ms}
        restore(taken.folder, place, now=clock, tell=nothing, **said)
        common: dict[str, Any] = {"fresh": False, "postgresql": False, "routes": self.routes}
        self.city = City(data, now=lost.now, name="anew", **common)
        return self.city


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.city.store.close()


def came(city: City, messages: list[Outgoing]) -> None:
    """The gateway says late that these arrived."""
    late = [
        Receipt(delivery=each.delivery, attempt=each.attempt, status=ReceiptStatus.DELIVERED)
        for each in messages
    ]
    city.take(partial(receive.events, route="sms-1", came=late))


def delivered(city: City) -> int:
    query = select(func.count()).where(t.delivery.c.state == DeliveryState.DELIVERED)
    return int(city.one(query)[0])


def is_its_record(city: City, folder: Path, *alerts: int) -> None:
    """The tables are what the journal alone makes, and so are the figures."""
    with city.store.read() as connection:
        assert list(checking.tables(connection, folder)) == []
        assert [verify(connection, no).differences for no in alerts] == [()] * len(alerts)


def test_a_late_receipt_of_a_lost_message_is_no_others(office: Office, tmp_path: Path) -> None:
    city = office.city
    city.issue("typhoon", "red", areas=[TOWN])
    taken, before = office.back_up(), {message.delivery for message in city.sent}
    city.forward(minutes=6)  # reminders, alternates and superiors are told
    lost = [message for message in city.sent if message.delivery not in before]
    assert lost
    city = office.restore(taken)
    _, person = city.leaders()[0]
    city.reply(city.phone_of(person), "1")  # who is thanked now had a reminder's number
    city.forward(minutes=6)
    assert len(city.sent) >= len(lost)
    came(city, lost)
    assert delivered(city) == 0
    is_its_record(city, tmp_path, 1)


def test_a_draft_of_before_is_issued_by_other_numbers_than_it_was(
    office: Office, tmp_path: Path
) -> None:
    city = office.city
    draft = city.draft("typhoon", "red", areas=[TOWN])
    taken = office.back_up()
    city.approve(draft)
    lost = city.sent
    assert lost
    city = office.restore(taken)
    city.approve(draft)
    assert len(city.sent) == len(lost)
    came(city, lost)
    assert delivered(city) == 0
    is_its_record(city, tmp_path, 1)


def test_what_a_first_restoring_gave_isnt_given_by_a_second(office: Office, tmp_path: Path) -> None:
    """The disk goes again, and there is no other backup."""
    office.city.issue("typhoon", "red", areas=[TOWN])
    taken = office.back_up()
    city = office.restore(taken)
    city.forward(minutes=12)
    city.draft("flood", "red")
    given = {message.delivery for message in city.sent}
    first = city.draft("flood", "red", areas=[TOWN])
    assert given
    city.forward(minutes=5)
    city = office.restore(taken)
    city.forward(minutes=12)
    assert city.sent
    assert not given & {message.delivery for message in city.sent}
    assert city.draft("flood", "red")["no"] > first["no"]
    is_its_record(city, tmp_path, 1)


def test_a_second_restoring_by_a_clock_that_is_behind_gives_other_numbers(office: Office) -> None:
    """As of a machine without a battery: by it no time has gone by since the backup."""
    office.city.issue("typhoon", "red", areas=[TOWN])
    taken = office.back_up()
    given: set[int] = set()
    for chance_ms in (2 * DAY_MS, DAY_MS):
        city = office.restore(taken, behind_ms=400 * DAY_MS, chance_ms=chance_ms)
        city.forward(minutes=12)
        assert city.sent
        assert not given & {message.delivery for message in city.sent}
        given |= {message.delivery for message in city.sent}


def test_an_answer_to_a_lost_alert_counts_for_no_other(office: Office) -> None:
    """A call or a mail of it is answered after the restoring: the gateway says which it was."""
    city = office.city
    city.issue("typhoon", "red", areas=[TOWN])
    taken = office.back_up()
    city.issue("flood", "red", areas=[TOWN])
    lost, first = city.sent[-1], city.sent[0]
    city = office.restore(taken)
    city.reply(lost.address, "1", answers=lost.delivery)
    assert city.one(select(t.inbound)).reason == "answers-another"
    assert not city.rows(select(t.ack))
    city.reply(first.address, "1", answers=first.delivery)
    assert city.one(select(t.ack)).alert_no == 1


def test_who_was_told_before_and_after_is_told_what_follows(office: Office, tmp_path: Path) -> None:
    """The numbers left out between them are millions, and no piece is made for them."""
    city = office.city
    city.issue("typhoon", "orange", areas=[TOWN])
    first = {message.address for message in city.sent}
    city = office.restore(office.back_up())
    city.forward(minutes=6)
    later = {message.address for message in city.sent} - first
    assert later
    city.sent.clear()
    second = city.issue("typhoon", "red", areas=[TOWN], references=[city.reference(1)])
    assert {message.address for message in city.sent} >= first | later
    c = t.journal.c
    pieces = select(func.count()).where(c.kind == "alert.expanded", c.alert_no == second)
    assert city.one(pieces)[0] < 10
    is_its_record(city, tmp_path, 1, second)


def test_a_link_of_who_came_since_is_no_other_persons(office: Office, tmp_path: Path) -> None:
    """It is made of the alert's id and the person's number, and lies on their telephone still."""
    city = office.city
    city.issue("typhoon", "red", areas=[TOWN])
    taken = office.back_up()
    shutil.copytree(tmp_path / "roster", tmp_path / "before")
    (_, first), (_, second) = city.leaders()[:2]
    lost = succeeded(city, first, "P9000001")
    city = office.restore(taken)
    shutil.copytree(tmp_path / "before", city.directory / "roster")
    city.issue("rainstorm", "blue", areas=[TOWN])
    after = succeeded(city, second, "P9000002")
    assert after != lost
    assert succeeded(city, first, "P9000003") == after + 1
    city.forward(minutes=1)
    city = office.restore(taken)  # once more, and nothing is known of these
    shutil.copytree(tmp_path / "before", city.directory / "roster")
    assert succeeded(city, second, "P9000004") > after + 1


def succeeded(city: City, person_no: int, by: str) -> int:
    """Somebody else has the duties, and the line, of a person; returns their number."""
    leaves = id_of(city, person_no)
    import_anew(city, lambda row: {**row, "person_id": by} if row["person_id"] == leaves else row)
    return int(city.one(select(t.person.c.no).where(t.person.c.person_id == by)).no)


def test_what_waited_by_several_ways_and_never_left_is_counted_by_each(tmp_path: Path) -> None:
    """Nobody knows whether it left before the restoring, and then its alert ends."""
    office = Office(tmp_path, [replace(each, burst=1, rate_per_s=1e-9) for each in ROUTES])
    first = office.city.issue("typhoon", "red", areas=["330281"])  # one leaves by each way
    names = {"areas": ["330281"], "references": [office.city.reference(first)]}
    number = office.city.issue("cancel", "red", valid_min=360, **names)
    office.routes = [replace(each, in_flight=0) for each in ROUTES]  # nor does anything after it
    city = office.restore(office.back_up())
    city.forward(minutes=361, tick_s=600)  # it has run out
    d = t.delivery.c
    unknown = d.state == int(DeliveryState.UNKNOWN), d.attempt == 0
    never = city.rows(select(d.lane).where(*unknown, d.id.between(*numbers_of(number))))
    assert len({channel_of(row.lane) for row in never}) == 3
    is_its_record(city, tmp_path, number)
    city.store.close()
