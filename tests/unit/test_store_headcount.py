"""What a selection is said to reach is what it reaches, and what `rosters.resolve` says."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import case, func, select, update

from alertd.errors import InvalidInputError
from alertd.lanes import BY_SMS
from alertd.model import Channel, Policy, Precedence, priority_of
from alertd.store import journal, roster
from alertd.store import tables as t
from alertd.store.database import Store
from alertd.store.identity import SequentialIds
from alertd.store.roster import InMemory
from alertd.store.vault import Vault
from rosters import resolve
from rosters.model import Roster
from rosters.parse import read
from rosters.sample import write_sample
from rosters.shifts import DAY_MINUTES, minute_of_day
from rosters.words import Level
from tests import databases
from tests.city import ZONE, City

DAY = dt.date(2026, 5, 1)
LADDER = Policy(name="").ladder_roles


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Roster:
    files = write_sample(tmp_path_factory.mktemp("city"), seed=3, today=DAY, scale=0.05).files
    return read(files, today=DAY)


@pytest.fixture(scope="module")
def store(sample: Roster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    url = databases.url_of(tmp_path_factory.mktemp("store"))
    opened = Store(url, Vault(b"k" * 32), node="city")
    with opened.transaction(1) as tx:
        roster.import_roster(
            tx, InMemory(sample), ids=SequentialIds(), by="cli", why="season", now=1
        )
    yield opened
    opened.close()


def counted(
    store: Store, areas: list[str], roles: list[str], *, everyone: bool
) -> roster.Headcount:
    with store.read() as connection:
        return roster.headcount(
            connection,
            1,
            paths=roster.paths_for(connection, 1, areas),
            roles=roster.roles_for(connection, 1, roles),
            ladder_roles=LADDER,
            everyone=everyone,
        )


@pytest.mark.parametrize(
    ("areas", "roles"),
    [
        (["330281"], []),
        (["330281001"], ["grid_leader", "party_member"]),
        (["330281001", "330281002"], ["building_lead"]),
        (["3302"], ["city_duty", "volunteer", "grid_member"]),
    ],
)
def test_with_everyone_told_it_is_what_resolving_gives(
    store: Store, sample: Roster, areas: list[str], roles: list[str]
) -> None:
    mine = counted(store, areas, roles, everyone=True)
    plain = resolve.headcount(resolve.resolve(sample, areas, roles))
    assert (mine.duties, mine.person_duties, mine.people) == (
        plain.duties,
        plain.person_duties,
        plain.people,
    )
    assert mine.people > 0
    assert mine.by_level == {level.value: n for level, n in plain.by_level.items() if n}
    assert mine.by_role == {role: n for role, n in plain.by_role.items() if n}
    assert mine.by_channel["loudspeaker"] == plain.terminals
    assert mine.by_channel["chat"] == plain.groups
    assert mine.by_channel["sms"] == plain.by_channel["sms"]


@pytest.mark.parametrize(
    ("tell", "areas"), [("principals", ["330281"]), ("everyone", ["330281001", "330281003"])]
)
def test_what_is_shown_is_what_is_sent(tmp_path: Path, tell: str, areas: list[str]) -> None:
    policies = {colour: Policy(name=colour, tell=tell) for colour in ("red", "orange")}
    city = City(tmp_path, policies=policies)
    roles = ["grid_leader", "party_member"]
    with city.store.read() as connection:
        shown = roster.headcount(
            connection,
            1,
            paths=roster.paths_for(connection, 1, areas),
            roles=roles,
            ladder_roles=LADDER,
            everyone=tell == "everyone",
        )
    city.issue(areas=areas, roles=roles)
    sent = Counter(row.lane // 10 for row in city.rows(select(t.delivery.c.lane)))
    expected = {channel: n for channel, n in shown.by_channel.items() if n}
    assert {Channel(channel).word: n for channel, n in sent.items()} == expected
    assert city.one(select(func.count()).select_from(t.requirement))[0] == shown.requirements
    assert levels_told(city) == {
        word: sum((Counter(levels) for levels in waves.values()), Counter())
        for word, waves in shown.waves.items()
        if any(waves.values())
    }
    city.store.close()


def levels_told(city: City) -> dict[str, Counter[str]]:
    """By channel and level, as the expansion wrote it down for the report."""
    found: dict[str, Counter[str]] = {}
    with city.store.read() as connection:
        facts = [recorded.fact for recorded in journal.stream(connection)]
    for body in (fact.body for fact in facts if fact.kind == "alert.selected"):
        ((channel, made),) = body["made"]  # the city has groups of one kind
        assert sum(n for _, n in body["levels"]) == made
        told = found.setdefault(Channel(channel).word, Counter())
        for depth, n in body["levels"]:
            told[tuple(Level)[depth].value] += n
    return found


def test_an_area_is_a_prefix_and_what_lies_below(store: Store, sample: Roster) -> None:
    with store.read() as connection:
        whole = roster.paths_for(connection, 1, ["330281", "330281001"])
        two = roster.paths_for(connection, 1, ["330281002", "330281001", "330281002"])
        grid = next(code for code, unit in sample.units.items() if unit.level == "grid")
        (one,) = roster.paths_for(connection, 1, [grid])
    assert whole == ("330281/",)
    assert two == ("330281/330281001/", "330281/330281002/")
    assert one.endswith(f"/{grid}/")


@pytest.mark.parametrize(
    "area", ["33028", "330281999", "", "%", "Ω", "\U0010ffff", "\ud83d", "33028100"]
)
def test_an_area_that_nobody_knows_is_refused(store: Store, area: str) -> None:
    with store.read() as connection, pytest.raises(InvalidInputError) as refused:
        roster.paths_for(connection, 1, ["330281001", area])
    assert refused.value.field == "areas"
    refused.value.message.encode()  # may be shown


def test_what_is_no_area_but_a_phone_number_is_not_repeated(store: Store) -> None:
    with store.read() as connection, pytest.raises(InvalidInputError) as refused:
        roster.paths_for(connection, 1, ["13812345678"])
    assert "138123" not in refused.value.message


def test_no_area_at_all_is_refused(store: Store) -> None:
    with store.read() as connection, pytest.raises(InvalidInputError, match="No area"):
        roster.paths_for(connection, 1, [])


def test_roles_are_those_that_somebody_holds(store: Store, sample: Roster) -> None:
    held = {role for holding in sample.holdings.values() for role in holding.roles}
    with store.read() as connection:
        assert roster.known_roles(connection, 1) == tuple(sorted(held))
        assert roster.roles_for(connection, 1, []) == tuple(sorted(held))
        assert roster.roles_for(connection, 1, ["volunteer"]) == ("volunteer",)
        with pytest.raises(InvalidInputError, match="no-such-role"):
            roster.roles_for(connection, 1, ["no-such-role"])


@pytest.mark.parametrize("tell", ["principals", "everyone"])
def test_whose_shift_it_isnt_is_counted_as_they_are_told(tmp_path: Path, tell: str) -> None:
    city = City(tmp_path, policies={"red": Policy(name="red", tell=tell)})
    minute = minute_of_day(city.now, ZONE)
    later = (minute + 60) % DAY_MINUTES
    h = t.holding.c
    with city.store.transaction(city.now) as tx:  # principal and alternate share the day
        begins = case((h.rank == 1, later), else_=minute)
        ends = case((h.rank == 1, minute), else_=later)
        leaders = update(t.holding).where(h.role == "grid_leader")
        values = {"rank": 1, "shift_from": begins, "shift_to": ends}
        tx.connection.execute(leaders.values(**values))
    with city.store.read() as connection:
        shown = roster.headcount(
            connection,
            1,
            paths=roster.paths_for(connection, 1, ["330281"]),
            roles=["grid_leader"],
            ladder_roles=LADDER,
            everyone=tell == "everyone",
            minute=minute,
        )
    city.issue(roles=["grid_leader"])
    d = t.delivery.c
    sent = Counter(row.priority for row in city.rows(select(d.priority).where(d.lane.in_(BY_SMS))))
    first, others, last = (sent[priority_of(1, precedence)] for precedence in Precedence)
    assert dict(shown.by_precedence) == {"first": first, "others": others, "alternates": last}
    assert shown.off_duty > 0
    assert (last > 0) is (tell == "everyone")
    assert shown.by_channel["sms"] == sum(sent.values())
