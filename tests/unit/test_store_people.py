"""Who holds what now, and how to reach them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from alertd.model import FOREVER, Channel, Policy
from alertd.store import addresses, people, roster
from alertd.store import tables as t
from alertd.store.database import Store
from alertd.store.identity import SequentialIds
from alertd.store.roster import InMemory
from alertd.store.vault import Vault
from rosters.model import Roster
from tests import databases
from tests.small_city import held, person, small

SMS = int(Channel.SMS)
LADDER = Policy(name="").ladder_roles
CITY, TOWN, COMMUNITY, GRID, STAIRS, OTHER_GRID = range(1, 7)


class Known:
    """A store with a roster in it, asked by the roster's own words."""

    def __init__(self, path: Path) -> None:
        url = databases.url_of(path)
        self.store = Store(url, Vault(b"k" * 32), node="city")
        self.ids = SequentialIds()

    def take(self, what: Roster) -> None:
        with self.store.transaction(1) as tx:
            roster.import_roster(tx, InMemory(what), ids=self.ids, by="cli", why="", now=1)

    def person(self, connection: Connection, person_id: str) -> int:
        query = select(t.person.c.no).where(t.person.c.person_id == person_id)
        return int(connection.execute(query.distinct()).scalar_one())

    def duty(self, connection: Connection, unit_no: int, role: str) -> int:
        c = t.duty.c
        query = select(c.no).where(c.unit_no == unit_no, c.role == role, c.to_version == FOREVER)
        return int(connection.execute(query).scalar_one())


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Known]:
    made = Known(tmp_path)
    made.take(small())
    yield made
    made.store.close()


def without(*gone: str) -> Roster:
    """The small city without everybody's part in some (unit, post)s."""
    whole = small()
    return small(holdings={k: h for k, h in whole.holdings.items() if f"{k[0]} {k[1]}" not in gone})


def test_holders_come_principals_first(known: Known) -> None:
    with known.store.read() as connection:
        duty = known.duty(connection, GRID, "grid_leader")
        found = people.holders(connection, [duty, 999, duty])
        assert [(h.person_no, h.rank) for h in found[duty]] == [
            (known.person(connection, "P3"), 1),
            (known.person(connection, "P4"), 2),
        ]
        assert list(found) == [duty]
        assert people.holders(connection, []) == {}


def test_contacts_come_in_the_order_to_try_them(known: Known) -> None:
    two = person("P3", "+8615400000003", "+8615400000033")
    known.take(small(people={**small().people, "P3": two}))
    with known.store.read() as connection:
        no = known.person(connection, "P3")
        ways = people.contacts(connection, [no, 999], SMS)
        shown = addresses.reveal(connection, known.store.vault, [a for _, a in ways[no]])
        assert [(rank, shown[address]) for rank, address in ways[no]] == [
            (1, "+8615400000003"),
            (2, "+8615400000033"),
        ]
        assert list(ways) == [no]
        assert people.contacts(connection, [no], int(Channel.CHAT)) == {}


def test_a_new_number_counts_at_once(known: Known) -> None:
    known.take(small(people={**small().people, "P3": person("P3", "+8615400000333")}))
    with known.store.read() as connection:
        no = known.person(connection, "P3")
        old = addresses.find(connection, known.store.vault, "+8615400000003")
        new = addresses.find(connection, known.store.vault, "+8615400000333")
        assert old is not None
        assert new is not None
        assert people.contacts(connection, [no], SMS) == {no: [(1, new)]}
        assert people.persons_at(connection, new) == [no]
        assert people.persons_at(connection, old) == []


def test_a_shared_phone_is_everybodys(known: Known) -> None:
    shared = person("P4", "+8615400000003")
    known.take(small(people={**small().people, "P4": shared}))
    with known.store.read() as connection:
        number = addresses.find(connection, known.store.vault, "+8615400000003")
        assert number is not None
        assert people.persons_at(connection, number) == sorted(
            known.person(connection, p) for p in ("P3", "P4")
        )


def test_what_somebody_holds_names_unit_and_rank(known: Known) -> None:
    with known.store.read() as connection:
        no = known.person(connection, "P4")
        found = people.duties_of(connection, [no, 999])
        assert [(d.unit_no, d.role, d.rank, d.unit_code, d.unit_name) for d in found[no]] == [
            (GRID, "grid_leader", 2, "330281001001G1", "name of 330281001001G1"),
            (GRID, "party_member", 1, "330281001001G1", "name of 330281001001G1"),
            (OTHER_GRID, "grid_leader", 1, "330281001001G2", "name of 330281001001G2"),
        ]
        assert list(found) == [no]


def test_units_and_those_above_them(known: Known) -> None:
    with known.store.read() as connection:
        assert people.ancestors(connection, [STAIRS, CITY, STAIRS]) == {
            STAIRS: (STAIRS, GRID, COMMUNITY, TOWN, CITY),
            CITY: (CITY,),
        }
        found = people.units(connection, [GRID, 999])
        assert list(found) == [GRID]
        assert (found[GRID].level, found[GRID].parent_no) == ("grid", COMMUNITY)
        assert found[GRID].path == "330281/330281001/330281001001/330281001001G1/"


def test_a_unit_that_left_is_still_known_by_name(known: Known) -> None:
    whole = small()
    known.take(
        small(
            units={c: u for c, u in whole.units.items() if not c.endswith("B1")},
            holdings={k: h for k, h in whole.holdings.items() if not k[0].endswith("B1")},
        )
    )
    with known.store.read() as connection:
        assert people.units(connection, [STAIRS])[STAIRS].name == "name of 330281001001G1B1"
        above = (STAIRS, GRID, COMMUNITY, TOWN, CITY)  # as it was last
        assert people.ancestors(connection, [STAIRS]) == {STAIRS: above}


def test_silence_climbs_past_a_level_that_nobody_holds(known: Known) -> None:
    with known.store.read() as connection:
        grid = known.duty(connection, GRID, "grid_leader")
        town = known.duty(connection, TOWN, "subdistrict_lead")
        # The community between them has no lead at all.
        assert people.leads_above(connection, [STAIRS, GRID, TOWN, CITY], LADDER) == {
            STAIRS: (grid, town),
            GRID: (town,),
            TOWN: (),
            CITY: (),
        }
    known.take(without("330281001001G1 grid_leader"))
    with known.store.read() as connection:
        assert people.leads_above(connection, [STAIRS], LADDER) == {STAIRS: (town,)}


def test_a_unit_is_led_by_the_first_role_that_somebody_holds(known: Known) -> None:
    whole = small()
    second = held("P6", "330281001001G1", "community_lead")
    known.take(small(holdings={**whole.holdings, second.key: second}))
    with known.store.read() as connection:
        leader = known.duty(connection, GRID, "grid_leader")
        above = known.duty(connection, GRID, "community_lead")
        assert people.lead_duty(connection, GRID, LADDER) == above
        assert people.lead_duty(connection, GRID, ["grid_leader", "community_lead"]) == leader
        assert people.lead_duty(connection, GRID, ["building_lead"]) is None
        assert people.lead_duty(connection, COMMUNITY, LADDER) is None
        assert people.lead_duty(connection, 999, LADDER) is None


def test_the_duty_desk_is_the_citys_and_only_while_it_is_held(known: Known) -> None:
    with known.store.read() as connection:
        assert people.duty_desk(connection) == known.duty(connection, CITY, "city_duty")
    known.take(without("330281 city_duty"))
    with known.store.read() as connection:
        assert people.duty_desk(connection) is None
