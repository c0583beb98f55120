"""The journal: facts and rows commit together, chains show every change; addresses; ids."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from alertd.errors import ConflictError
from alertd.model import AlertState, Fact, Recorded
from alertd.store import addresses, dialect, journal, rebuild
from alertd.store import tables as t
from alertd.store.database import Store, Transaction, lock_file
from alertd.store.identity import SequentialIds
from alertd.store.vault import Vault
from tests import databases

KEY = bytes(range(32))
ALERT = 1
FIRST = ALERT << 32  # where the alert's own numbers begin


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(databases.url_of(tmp_path), Vault(KEY), node="city")
    yield opened
    opened.close()


def fact(kind: str, at: int = 1_000, alert_no: int = ALERT, **body: object) -> Fact:
    return Fact(kind=kind, occurred_at=at, body=body, alert_no=alert_no)


def opened_event() -> Fact:
    return fact("event.opened", alert_no=0, no=1, id="11" * 16, name="Typhoon")


def drafted() -> Fact:
    same = {
        "event_no": 1, "identifier": "a-1", "sender": "city", "sent": "2026-05-01T08:00:00+08:00",
        "status": 1, "msg_type": "Alert", "purpose": "alert", "short_code": "A7",
        "colour": "red", "severity": 1, "headline": "h", "audience": "selection",
        "references_no": None, "cap": {}, "selection": {}, "policy": {}, "templates": {},
    }  # fmt: skip
    return fact("alert.drafted", id="22" * 16, by="33" * 16, expires_at=9_000, **same)


def approved() -> Fact:
    return fact("alert.approved", by="44" * 16, issue_at=1_500, break_glass=False)


def issued() -> Fact:
    message = {"no": FIRST + 1, "kind": "alert", "template": "t", "params": {}, "text_hash": ""}
    return fact("alert.issued", roster_version=1, roster_digest="d", message=message)


def told() -> Fact:
    deliveries = [[FIRST + n, FIRST + 1, 1, n, n, 11, 1] for n in (1, 2, 3)]
    return fact("told", message=None, deliveries=deliveries)


def claimed() -> Fact:
    return fact(
        "claimed", route="sms-1", lease="boot-1", deadline=3_000,
        items=[[FIRST + 1, 1], [FIRST + 2, 1]],
        counts=[[ALERT, 1, 0, -2], [ALERT, 1, 1, 2]],
        counter=0,
    )  # fmt: skip


def settled() -> Fact:
    return fact(
        "settled",
        items=[
            [FIRST + 1, 1, 2, None, None, None, 0, "gw-1"],
            [FIRST + 2, 1, 4, None, "no-such-number", "sms-1", 0, ""],
        ],
        counts=[[ALERT, 1, 1, -2], [ALERT, 1, 2, 1], [ALERT, 1, 4, 1]],
    )  # older journals have no `counter`


def ended() -> Fact:
    return fact("alert.ended", at=5_000, state="cancelled", reason="over")


STORY = (opened_event, drafted, approved, issued, told, claimed, settled, ended)


def live_through(store: Store) -> None:
    """A small alert's whole life, a transaction a fact."""
    for now, make in enumerate(STORY, start=1_000):
        with store.transaction(now) as tx:
            tx.record(make())


def facts(store: Store) -> list[Recorded]:
    with store.read() as connection:
        return list(journal.stream(connection))


def count(connection: Connection, table: object) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]


def record_events(tx: Transaction, *numbers: int) -> None:
    for number in numbers:
        event = opened_event()
        body = {**event.body, "no": number, "id": f"{number:032x}"}
        tx.record(dataclasses.replace(event, body=body))


def fail_after(tx: Transaction, number: int) -> None:
    record_events(tx, number)
    raise ZeroDivisionError


def without_the_third(rows: list[Recorded]) -> list[Recorded]:
    return [row for row in rows if row.seq != 3]


def out_of_order(rows: list[Recorded]) -> list[Recorded]:
    return [rows[0], rows[2], rows[1], *rows[3:]]


def at_another_time(rows: list[Recorded]) -> list[Recorded]:
    return [dataclasses.replace(row, recorded_at=7) if row.seq == 3 else row for row in rows]


def of_another_chain(rows: list[Recorded]) -> list[Recorded]:
    return [dataclasses.replace(row, prev_hash=bytes(32)) if row.seq == 3 else row for row in rows]


def test_facts_make_rows_and_follow_one_another(store: Store) -> None:
    live_through(store)
    kept = facts(store)
    assert [row.fact.kind for row in kept] == [make().kind for make in STORY]
    assert [row.seq for row in kept] == list(range(1, len(STORY) + 1))
    assert journal.verify(kept) == (len(STORY), [])
    with store.read() as connection:
        alert = connection.execute(select(t.alert)).one()
        counts = connection.execute(select(t.delivery_count.c.state, t.delivery_count.c.n)).all()
    assert alert.state == AlertState.CANCELLED
    assert {state: n for state, n in counts if n} == {2: 1, 4: 1, 7: 1}


def test_the_same_rows_come_from_hand_made_facts_again(store: Store, tmp_path: Path) -> None:
    live_through(store)
    engine = dialect.writer(databases.url_of(tmp_path / "again"))
    with store.read() as live, engine.begin() as again:
        assert rebuild.rebuild(live, again) == len(STORY)
        assert rebuild.compare(live, again) == []
    engine.dispose()


def test_facts_of_several_writers_are_folded_as_they_came(tmp_path: Path) -> None:
    url = databases.url_of(tmp_path)
    # Two processes took turns; each has a chain of its own.
    for now, make in enumerate(STORY, start=1_000):
        one = Store(url, Vault(KEY), node="city", writer=1 + now % 2)
        with one.transaction(now) as tx:
            tx.record(make())
        one.close()
    engine = dialect.reader(url)
    with engine.connect() as connection:
        assert [row.fact.kind for row in journal.stream(connection)] == [
            make().kind for make in STORY
        ]
        held, broken = journal.verify(journal.stream(connection))
    assert (held, broken) == (len(STORY), [])
    engine.dispose()


def test_what_fails_leaves_neither_row_nor_fact(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction(1) as tx:
        fail_after(tx, 1)
    assert facts(store) == []
    with store.transaction(2) as tx:
        record_events(tx, 1)
    with store.read() as connection:
        assert count(connection, t.event) == 1
    assert [row.seq for row in facts(store)] == [1]


def test_a_bad_item_does_not_undo_its_neighbours(store: Store) -> None:
    with store.transaction(1) as tx:
        with tx.item():
            record_events(tx, 1)
        with pytest.raises(ZeroDivisionError), tx.item():
            fail_after(tx, 2)
        with tx.item():
            record_events(tx, 3)
    assert [row.fact.body["no"] for row in facts(store)] == [1, 3]
    with store.read() as connection:
        assert list(connection.execute(select(t.event.c.no)).scalars()) == [1, 3]


def test_a_kind_that_nobody_knows_is_refused(store: Store) -> None:
    with pytest.raises(KeyError), store.transaction(1) as tx:
        tx.record(fact("no.such.kind"))
    assert facts(store) == []


def test_a_chain_goes_on_after_a_restart(store: Store, tmp_path: Path) -> None:
    with store.transaction(1) as tx:
        record_events(tx, 1)
    store.close()
    again = Store(store.url, Vault(KEY), node="city")
    with again.transaction(2) as tx:
        record_events(tx, 2)
    kept = facts(again)
    again.close()
    assert journal.verify(kept) == (2, [])
    assert kept[1].prev_hash == kept[0].hash


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (without_the_third, "gap"),
        (out_of_order, "gap"),
        (at_another_time, "hash"),
        (of_another_chain, "link"),
    ],
)
def test_every_change_shows(
    store: Store, damage: Callable[[list[Recorded]], list[Recorded]], reason: str
) -> None:
    live_through(store)
    held, broken = journal.verify(damage(facts(store)))
    assert broken
    assert broken[0].reason == reason
    assert held < len(STORY)


def test_a_body_changed_on_disk_shows(store: Store) -> None:
    live_through(store)
    with store.transaction(1) as tx:
        tx.connection.execute(
            t.journal.update()
            .where(t.journal.c.seq == 3)
            .values(body=func.replace(t.journal.c.body, "1500", "1501"))
        )
    (broken,) = journal.verify(facts(store))[1]
    assert (broken.seq, broken.reason) == (3, "hash")


def test_a_reader_goes_on_from_its_cursor(store: Store) -> None:
    live_through(store)
    with store.read() as connection:
        first = journal.read(connection, {}, limit=3)
        rest = journal.read(connection, {("city", 1): 3})
        other = journal.read(connection, {("elsewhere", 1): 99}, limit=2)
        of_alert = list(journal.stream(connection, alert_no=ALERT))
    assert [row.seq for row in first] == [1, 2, 3]
    assert [row.seq for row in rest] == list(range(4, len(STORY) + 1))
    assert [row.seq for row in other] == [1, 2]
    assert [row.seq for row in of_alert] == list(range(2, len(STORY) + 1))


def test_a_reader_cannot_write(store: Store) -> None:
    with store.read() as connection, pytest.raises(DBAPIError):
        connection.execute(t.event.delete())


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    held = lock_file(tmp_path / "data" / "lock")
    with pytest.raises(ConflictError, match="Another alertd"):
        lock_file(tmp_path / "data" / "lock")
    held.close()
    lock_file(tmp_path / "data" / "lock").close()


def test_an_address_has_one_number_and_comes_back(store: Store) -> None:
    phones = [f"+8615400000{n:03d}" for n in range(5)]
    with store.transaction(1) as tx:
        first = addresses.intern(tx.connection, store.vault, "phone", phones[:3])
        more = addresses.intern(tx.connection, store.vault, "phone", [*phones[1:], phones[4]])
    assert list(first.values()) == [1, 2, 3]
    assert more == {phones[1]: 2, phones[2]: 3, phones[3]: 4, phones[4]: 5}
    with store.read() as connection:
        assert addresses.reveal(connection, store.vault, [1, 5, 99, 1]) == {
            1: phones[0],
            5: phones[4],
        }
        assert addresses.tails(connection, [2]) == {2: "01"}
        assert addresses.find(connection, store.vault, phones[2]) == 3
        assert addresses.find(connection, store.vault, "+8615499999999") is None
        assert addresses.find(connection, Vault(bytes(32)), phones[2]) is None


def test_what_is_no_number_shows_nothing_of_itself(store: Store) -> None:
    with store.transaction(1) as tx:
        addresses.intern(tx.connection, store.vault, "webhook", ["https://chat.invalid/key/42"])
        addresses.intern(tx.connection, store.vault, "chat-id", ["1234567"])
        assert addresses.intern(tx.connection, store.vault, "phone", []) == {}
    with store.read() as connection:
        assert addresses.tails(connection, [1, 2]) == {1: "", 2: ""}


def test_ids_count_and_never_meet(store: Store) -> None:
    one, same, other = SequentialIds("a", 5), SequentialIds("a", 5), SequentialIds("b", 5)
    mine = [one.uuid() for _ in range(300)]
    assert mine == [same.uuid() for _ in range(300)]
    assert mine == sorted(set(mine))
    assert not set(mine) & {other.uuid() for _ in range(300)}
    assert all(len(each) == 16 and each[6] >> 4 == 7 and each[8] >> 6 == 2 for each in mine)
    assert int.from_bytes(mine[0][:6]) == 5
