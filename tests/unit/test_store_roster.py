"""Rosters in the store: versions, identities, differences, export; compared with `rosters`."""

import dataclasses
import datetime as dt
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from alertd.errors import ConflictError, InvalidInputError, UnavailableError
from alertd.model import FOREVER, Channel
from alertd.store import addresses, journal, people, roster
from alertd.store import tables as t
from alertd.store.database import Store, Transaction
from alertd.store.identity import SequentialIds
from alertd.store.roster import InMemory, Stored
from alertd.store.vault import Vault
from rosters.diff import Kind, What, compare_rosters
from rosters.export import rows_of
from rosters.model import (
    Person,
    Roster,
    Terminal,
    UnitFacts,
)
from rosters.parse import read
from rosters.sample import write_sample
from rosters.words import Level
from tests import databases
from tests.small_city import held, person, small, unit

DAY = dt.date(2026, 5, 1)
PHONE = "+8615400000001"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    url = databases.url_of(tmp_path)
    opened = Store(url, Vault(b"k" * 32), node="city")
    yield opened
    opened.close()


@pytest.fixture
def ids() -> SequentialIds:
    return SequentialIds("city")


def take(store: Store, ids: SequentialIds, what: Roster) -> roster.RosterVersion:
    with store.transaction(1_000) as tx:
        return roster.import_roster(tx, InMemory(what), ids=ids, by="cli", why="season", now=1_000)


def kept(store: Store) -> Roster:
    """What is in force, read back whole."""
    with store.read() as connection:
        source = Stored(connection, store.vault, masked=False)
        rows = [row for row in source.rows() if row.person and row.holding]
        return Roster(
            units={each.code: each for each, _ in source.units()},
            facts={each.code: facts for each, facts in source.units() if facts != UnitFacts()},
            people={row.person.person_id: row.person for row in rows if row.person},
            holdings={row.holding.key: row.holding for row in rows if row.holding},
            terminals={each.terminal_id: each for each in source.terminals()},
            groups={each.group_id: each for each in source.groups()},
        )


def rows_at(store: Store, table: object, version: int) -> int:
    """How many rows of a table came or went with a version."""
    with store.read() as connection:
        c = table.c  # type: ignore[attr-defined]
        query = select(func.count()).where((c.from_version == version) | (c.to_version == version))
        return connection.execute(query.select_from(table)).scalar_one()  # type: ignore[arg-type]


def test_what_is_imported_comes_out_again(store: Store, ids: SequentialIds) -> None:
    made = take(store, ids, small())
    assert kept(store) == small()
    assert made.version == 1
    assert made.counts == {
        "units": 6, "people": 6, "duties": 8, "holdings": 7, "contacts": 6,
        "terminals": 1, "groups": 1,
    }  # fmt: skip


def test_a_sample_city_comes_out_as_it_was_read(
    store: Store, ids: SequentialIds, tmp_path: Path
) -> None:
    files = write_sample(tmp_path / "city", seed=7, today=DAY, scale=0.05).files
    whole = read(files, today=DAY)
    take(store, ids, whole)
    assert kept(store) == whole
    with store.read() as connection:
        stored = list(Stored(connection, store.vault, masked=False).rows())
    assert len(stored) == len(list(rows_of(whole)))


def test_the_same_again_touches_no_row(store: Store, ids: SequentialIds) -> None:
    first = take(store, ids, small())
    second = take(store, ids, small())
    assert (second.version, second.digest) == (2, first.digest)
    for table in (t.unit, t.person, t.duty, t.holding, t.contact, t.terminal, t.chat_group):
        assert rows_at(store, table, 2) == 0, table.name


def test_a_plan_that_is_given_up_isn_t_thrown_away_under_whoever_works_in_it(
    store: Store, ids: SequentialIds
) -> None:
    """The writer's thread puts it in force while a server that stops gives the request up."""
    with store.read() as connection:
        planned = roster.plan(connection, store.vault, InMemory(small()), ids)
    with planned.stage.at_work():
        planned.close()
        assert planned.stage.one("SELECT count(*) FROM person") == 6
    with pytest.raises(sqlite3.ProgrammingError):
        planned.stage.one("SELECT count(*) FROM person")
    with pytest.raises(UnavailableError), store.transaction(1_000) as tx:
        roster.apply(tx, planned, by="cli", why="season", now=1_000)


def test_however_many_rows_change_they_are_closed_by_few_statements(
    tmp_path: Path, ids: SequentialIds
) -> None:
    """Each of them goes through all that a savepoint of SQLite's has put aside: quadratic."""
    files = write_sample(tmp_path / "city", seed=7, today=DAY, scale=0.05).files
    whole = read(files, today=DAY)
    moved = {
        key: dataclasses.replace(each, name=each.name + "甲") for key, each in whole.people.items()
    }
    store = Store(databases.url_of(tmp_path, postgresql=False), Vault(b"k" * 32), node="city")
    take(store, ids, whole)
    told: list[str] = []
    with store.transaction(2_000) as tx, tx.item():
        driver: Any = tx.connection.connection.driver_connection
        driver.set_trace_callback(told.append)
        source = InMemory(dataclasses.replace(whole, people=moved))
        roster.import_roster(tx, source, ids=ids, by="cli", why="", now=2_000)
        driver.set_trace_callback(None)
    assert rows_at(store, t.person, 2) == 2 * len(moved)
    assert sum("UPDATE" in statement for statement in told) < 20
    store.close()


def test_a_new_number_changes_that_contact_and_the_duties_that_it_is_for(
    store: Store, ids: SequentialIds
) -> None:
    take(store, ids, small())
    moved = {**small().people, "P3": person("P3", "+8615499999999")}
    take(store, ids, small(people=moved))
    assert rows_at(store, t.contact, 2) == 2  # one closed, one opened
    assert rows_at(store, t.holding, 2) == 2  # it has the address beside it
    assert rows_at(store, t.unit, 2) == 0
    assert kept(store).people["P3"].phones == ("+8615499999999",)


def test_who_leaves_and_comes_back_is_the_same(store: Store, ids: SequentialIds) -> None:
    take(store, ids, small())
    with store.read() as connection:
        query = select(t.person.c.no, t.person.c.id).where(t.person.c.person_id == "P5")
        before = connection.execute(query).all()
    left = small(holdings={k: h for k, h in small().holdings.items() if h.person_id != "P5"})
    take(store, ids, left)
    assert "P5" not in kept(store).people
    take(store, ids, small())
    with store.read() as connection:
        rows = connection.execute(
            select(t.person).where(t.person.c.person_id == "P5").order_by(t.person.c.from_version)
        ).all()
    assert [(row.no, row.id) for row in rows] == [tuple(before[0])] * 2
    assert [(row.from_version, row.to_version) for row in rows] == [(1, 2), (3, FOREVER)]
    assert kept(store) == small()


def test_an_old_version_stays_as_it_was(store: Store, ids: SequentialIds) -> None:
    first = take(store, ids, small())
    second = take(store, ids, small(terminals={}, groups={}))
    with store.read() as connection:
        assert roster.digest(roster.snapshot(connection, 1)) == first.digest
        assert roster.digest(roster.snapshot(connection, 2)) == second.digest
        assert roster.current_version(connection) == 2
        assert [v.version for v in roster.versions(connection)] == [2, 1]
        assert roster.version_of(connection, 1) == first
    assert first.digest != second.digest


def test_a_snapshot_holds_no_name_and_no_number(store: Store, ids: SequentialIds) -> None:
    take(store, ids, small())
    with store.read() as connection:
        lines = list(roster.snapshot(connection, 1))
    text = "\n".join(lines)
    assert "Li " not in text
    assert "1540000" not in text
    assert "chat.invalid" not in text
    kinds = [json.loads(line)[0] for line in lines]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "unit": 6, "duty": 8, "person": 6, "holding": 9, "terminal": 1, "group": 1,
    }  # fmt: skip


def test_neither_database_nor_journal_holds_a_number_in_clear(
    store: Store, ids: SequentialIds, tmp_path: Path
) -> None:
    take(store, ids, small())
    store.close()
    content = databases.content(tmp_path)
    assert b"1540000000" not in content
    assert b"chat.invalid" not in content
    assert b"Li P1" in content  # so that the search would have found them


def test_numbers_follow_the_hierarchy(store: Store, ids: SequentialIds) -> None:
    take(store, ids, small())
    with store.read() as connection:
        duties = connection.execute(
            select(t.duty.c.no, t.unit.c.path, t.duty.c.role)
            .join(t.unit, t.unit.c.no == t.duty.c.unit_no)
            .order_by(t.duty.c.no)
        ).all()
        units = connection.execute(select(t.unit.c.no, t.unit.c.path).order_by(t.unit.c.no)).all()
    assert [row.no for row in duties] == list(range(1, 9))
    assert [row.path for row in duties] == sorted(row.path for row in duties)
    assert [row.role for row in duties][2:5] == ["grid_leader", "party_member", "building_lead"]
    assert [row.no for row in units] == list(range(1, 7))
    assert [row.path for row in units] == sorted(row.path for row in units)


def test_a_personal_role_has_no_alternates(store: Store, ids: SequentialIds) -> None:
    take(store, ids, small())
    with store.read() as connection:
        rows = connection.execute(
            select(t.holding.c.role, t.holding.c.rank).where(
                t.holding.c.person_no
                == select(t.person.c.no).where(t.person.c.person_id == "P4").scalar_subquery(),
                t.holding.c.role.in_(["party_member", "grid_leader"]),
            )
        ).all()
    assert sorted(map(tuple, rows)) == [
        ("grid_leader", 1), ("grid_leader", 2), ("party_member", 1),
    ]  # fmt: skip


def test_several_shifts_of_one_person_become_always(store: Store, ids: SequentialIds) -> None:
    early = dataclasses.replace(
        held("P3", "330281001001G1", "grid_leader"), on_duty_from="00:00", on_duty_to="08:00"
    )
    late = dataclasses.replace(early, on_duty_from="16:00", on_duty_to="00:00")
    whole = small()
    twice = {**whole.holdings, early.key: early, late.key: late}
    del twice["330281001001G1", "grid_leader", "P3", ""]
    take(store, ids, small(holdings=twice))
    assert kept(store).holdings == whole.holdings


def test_a_phone_that_takes_no_sms_is_for_calling_only(store: Store, ids: SequentialIds) -> None:
    fixed = Person(
        person_id="P3", name="Li P3", phones=("+8657462700000",), short_phone="66123",
        chat_id="li3", channels=("voice", "chat"),
    )  # fmt: skip
    take(store, ids, small(people={**small().people, "P3": fixed}))
    assert kept(store).people["P3"] == fixed
    with store.read() as connection:
        number = addresses.find(connection, store.vault, "+8657462700000")
        assert number is not None
        (person_no,) = people.persons_at(connection, number)
        assert people.contacts(connection, [person_no], int(Channel.SMS)) == {}


def test_an_sms_goes_to_the_mobile_and_never_to_the_office_line(
    store: Store, ids: SequentialIds
) -> None:
    phones = ("+8657462700000", "+8613800000099")  # the office's number first
    both = Person(person_id="P3", name="Li P3", phones=phones, channels=("sms",))
    take(store, ids, small(people={**small().people, "P3": both}))
    with store.read() as connection:
        fixed, mobile = (addresses.find(connection, store.vault, phone) for phone in phones)
        assert fixed is not None
        assert mobile is not None
        (person_no,) = people.persons_at(connection, mobile)
        assert people.persons_at(connection, fixed) == [person_no]
        told = people.contacts(connection, [person_no], int(Channel.SMS))
        assert told == {person_no: [(1, mobile)]}
        query = select(t.holding.c.address_no).where(t.holding.c.person_no == person_no)
        assert {no for (no,) in connection.execute(query)} == {mobile}


def test_masked_nothing_is_decrypted(store: Store, ids: SequentialIds) -> None:
    take(store, ids, small())
    with store.read() as connection:
        source = Stored(connection, Vault(b"x" * 32))  # another's key
        phones = {row.person.phones for row in source.rows() if row.person}
        assert phones == {(f"***0{n}",) for n in range(1, 7)}
        assert [group.url for group in source.groups()] == ["***"]
        assert [group.secret for group in source.groups()] == ["***"]


def test_the_diff_is_that_of_the_values(store: Store, ids: SequentialIds) -> None:
    old, whole = small(), small()
    take(store, ids, old)
    facts = {"330281001001G2": UnitFacts(vulnerable=3)}
    units = {code: each for code, each in whole.units.items() if not code.endswith("B1")}
    units["330281001002"] = unit("330281001002", Level.COMMUNITY, "330281001")
    units["330281001001G2"] = dataclasses.replace(units["330281001001G2"], name="renamed")
    holdings = {k: h for k, h in whole.holdings.items() if not h.unit_code.endswith("B1")}
    changed = held("P4", "330281001001G1", "grid_leader", 3, "party_member")
    added = held("P6", "330281001002", "community_lead")
    holdings |= {changed.key: changed, added.key: added}
    who = {k: p for k, p in whole.people.items() if k != "P5"}
    who["P1"] = person("P1", PHONE, "+8615400000077")
    new = small(
        units=units, facts=facts, holdings=holdings, people=who, terminals={},
        groups={"G1": dataclasses.replace(whole.groups["G1"], secret="other")},
    )  # fmt: skip
    with (
        store.read() as connection,
        roster.plan(connection, store.vault, InMemory(new), ids) as planned,
    ):
        expected = compare_rosters(old, new)
        assert planned.diff.counts == expected.counts
        assert set(planned.diff.listed) == set(expected.listed)
        assert any(change.fields for change in planned.diff.listed)
    assert kept(store) == old  # a plan changes nothing
    take(store, ids, new)
    assert kept(store) == new


def test_a_plan_lists_a_bounded_part(store: Store, ids: SequentialIds) -> None:
    with (
        store.read() as connection,
        roster.plan(connection, store.vault, InMemory(small()), ids, limit=2) as planned,
    ):
        assert planned.diff.counts[Kind.UNIT, What.ADDED] == 6
        assert [c.key for c in planned.diff.listed if c.kind is Kind.UNIT] == [
            ("330281",), ("330281001",),
        ]  # fmt: skip


def test_a_plan_made_before_another_import_is_refused(store: Store, ids: SequentialIds) -> None:
    with store.read() as connection:
        planned = roster.plan(connection, store.vault, InMemory(small()), ids)
    take(store, ids, small())
    with pytest.raises(ConflictError, match="has changed"), store.transaction(2) as tx:
        roster.apply(tx, planned, by="cli", why="", now=2)
    planned.close()
    with store.read() as connection:
        assert roster.current_version(connection) == 1


def test_a_plan_can_be_applied_again_after_a_failure(store: Store, ids: SequentialIds) -> None:
    with store.read() as connection:
        planned = roster.plan(connection, store.vault, InMemory(small()), ids)
    with pytest.raises(ZeroDivisionError), store.transaction(1) as tx:
        _apply_and_fail(tx, planned)
    with store.transaction(2) as tx:
        roster.apply(tx, planned, by="cli", why="", now=2)
    planned.close()
    assert kept(store) == small()


def _apply_and_fail(tx: Transaction, planned: roster.Plan) -> None:
    roster.apply(tx, planned, by="cli", why="", now=1)
    raise ZeroDivisionError


def test_an_address_met_since_the_plan_keeps_its_number(store: Store, ids: SequentialIds) -> None:
    with store.read() as connection:
        planned = roster.plan(connection, store.vault, InMemory(small()), ids)
    with store.transaction(1) as tx:  # a reply from a number that was unknown until now
        met = addresses.intern(tx.connection, store.vault, "phone", [PHONE])[PHONE]
    with store.transaction(2) as tx:
        roster.apply(tx, planned, by="cli", why="", now=2)
    planned.close()
    with store.read() as connection:
        assert people.persons_at(connection, met)
        assert connection.execute(select(func.count()).select_from(t.address)).scalar() == 7
    assert kept(store) == small()


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (
            {"units": {**small().units, "X": unit("X", Level.GRID, "nowhere")}},
            "Units without a way up to the root: X.",
        ),
        (
            {"terminals": {"T": Terminal("T", "nowhere", "Gate")}},
            "Units that are named but not there: nowhere.",
        ),
    ],
)
def test_what_hangs_in_the_air_is_refused(
    store: Store, ids: SequentialIds, broken: dict[str, object], named: str
) -> None:
    with pytest.raises(InvalidInputError, match=named):
        take(store, ids, small(**broken))
    with store.read() as connection:
        assert roster.current_version(connection) == 0
        assert list(journal.stream(connection)) == []


def test_an_import_is_on_record_without_names(store: Store, ids: SequentialIds) -> None:
    made = take(store, ids, small())
    with store.read() as connection:
        (recorded,) = journal.stream(connection)
    body = recorded.fact.body
    assert recorded.fact.kind == "roster.imported"
    assert (body["version"], body["digest"], body["by"]) == (1, made.digest, "cli")
    assert body["changes"]["person"] == {"added": 6, "changed": 0, "left": 0}
    assert body["counts"] == made.counts
