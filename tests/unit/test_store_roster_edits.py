"""An edit is planned on a part of the roster: it comes to what the whole roster would have said."""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import or_, select

from alertd.model import FOREVER
from alertd.store import roster
from alertd.store import tables as t
from alertd.store.database import Store, Transaction
from alertd.store.identity import SequentialIds
from alertd.store.roster import InMemory, Plan, Stored
from alertd.store.vault import Vault
from rosters.edits import Act, Do, Edit, overlaid, revise
from rosters.model import ChatGroup, RosterRow, Terminal, Unit, UnitFacts
from rosters.problems import Severity
from tests import databases
from tests.small_city import small

DAY = dt.date(2026, 5, 1)
UNITS = (*small().units, "330281009")
POSTS = ("grid_leader", "building_lead", "city_duty", "书记", "party_member", "volunteer")
TABLES = (t.unit, t.person, t.duty, t.holding, t.contact, t.terminal, t.chat_group)


class BackError(Exception):
    """Nothing of this example stays."""


class Whole:
    """The whole roster with an edit over it."""

    def __init__(self, stored: Stored, edit: Edit) -> None:
        self._stored = stored
        self._edit = edit

    def units(self) -> Iterable[tuple[Unit, UnitFacts]]:
        return self._stored.units()

    def rows(self) -> Iterable[RosterRow]:
        return overlaid(self._stored.rows(), self._edit)

    def terminals(self) -> Iterable[Terminal]:
        return self._stored.terminals()

    def groups(self) -> Iterable[ChatGroup]:
        return self._stored.groups()


def cells(**each: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({}, optional=each)


def one_of(*texts: str) -> st.SearchStrategy[str]:
    return st.sampled_from(texts)


PEOPLE = one_of("P1", "P2", "P3", "P4", "P5", "P6", "N1", "N2")
SAID = cells(
    name=one_of("王", "李"),
    phone=one_of("15400000001", "15400000009", "057462000000", ""),
    phone2=one_of("15400000002", ""),
    short_phone=one_of("66001", ""),
    chat_id=one_of("c-1", ""),
    party_member=one_of("是", "否"),
    channels=one_of("voice", "sms;voice", ""),
    language=one_of("en", "zh-CN"),
)
HELD = cells(
    rank=one_of("1", "2"),
    roles=one_of("grid_member", "党员;volunteer", ""),
    on_duty_from=one_of("08:00", "20:00"),
    on_duty_to=one_of("08:00", "20:00"),
    verified_at=one_of("2026-04-30", ""),
    note=one_of("夜班", ""),
)
PLACE = st.fixed_dictionaries({"unit_code": one_of(*UNITS), "post": one_of(*POSTS)})
ASSIGNED = st.builds(lambda place, said: place | said, PLACE, HELD)
NAMED = SAID.map(lambda said: {"name": "新", **said})
ACTS = st.one_of(
    st.builds(Act, st.just(Do.PERSON), PEOPLE, SAID),
    st.builds(Act, st.just(Do.ASSIGN), PEOPLE, ASSIGNED),
    st.builds(Act, st.just(Do.RELEASE), PEOPLE, PLACE),
    st.builds(Act, st.just(Do.REMOVE), PEOPLE, st.just({})),
)
JOINS = st.builds(
    lambda who, said, duty: [Act(Do.PERSON, who, said), Act(Do.ASSIGN, who, duty)],
    PEOPLE,
    NAMED,
    ASSIGNED,
)
EDITS = st.lists(st.one_of(JOINS, st.lists(ACTS, min_size=1, max_size=3)), min_size=1, max_size=5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(databases.url_of(tmp_path), Vault(b"k" * 32), node="city", synchronous="NORMAL")
    with opened.transaction(1_000) as tx:
        roster.import_roster(
            tx, InMemory(small()), ids=SequentialIds("city"), by="cli", why="season", now=1_000
        )
    yield opened
    opened.close()


def plans(tx: Transaction, acts: list[Act], ids: str) -> tuple[Plan, Plan] | None:
    """(Of the part, of the whole), or None where the edit is refused."""
    around = roster.around(tx.connection, tx.vault, acts)
    edit = revise(around, acts, today=DAY)
    if edit.problems.counts[Severity.ERROR]:
        return None
    stored = Stored(tx.connection, tx.vault, masked=False)
    scope = roster.scope_of(tx.connection, around, acts)
    part = roster.plan(
        tx.connection,
        tx.vault,
        roster.Edited(stored, scope, edit),
        SequentialIds(ids),
        scope=scope,
    )
    return part, roster.plan(tx.connection, tx.vault, Whole(stored, edit), SequentialIds(ids))


def applied(tx: Transaction, plan: Plan) -> list[Any]:
    """Every row that came or went with the version that a plan makes."""
    made = roster.apply(tx, plan, by="cli", why="edit", now=2_000)
    found: list[Any] = [made]
    for table in TABLES:
        c = table.c
        query = select(table).where(
            or_(c.from_version == made.version, c.to_version == made.version)
        )
        found.append(sorted(map(repr, tx.connection.execute(query))))
    assert roster.digest(roster.snapshot(tx.connection, made.version)) == made.digest
    return found


def would_be(tx: Transaction, plan: Plan) -> list[Any]:
    """The same, and then it is undone."""
    found: list[Any] = []
    with suppress(BackError), tx.item():
        found += applied(tx, plan)
        raise BackError
    return found


def act(person_id: str, unit_code: str) -> Act:
    """Give a duty, which somebody else may hold, too."""
    return Act(Do.ASSIGN, person_id, {"unit_code": unit_code, "post": "grid_leader", "rank": "2"})


# None of whose roles has a rank.
ALTERNATE_OF_NOTHING = Act(
    Do.ASSIGN,
    "P1",
    {"unit_code": UNITS[0], "post": "书记", "roles": "党员;volunteer", "rank": "2"},
)


def test_a_part_says_what_the_whole_would(store: Store) -> None:
    tried: list[bool] = []

    @settings(max_examples=30)
    @given(EDITS)
    @example(
        [
            [Act(Do.REMOVE, "P5")],
            [Act(Do.PERSON, "P5", {"name": "新", "phone": "15400000009"}), act("P5", UNITS[0])],
            [act("P4", UNITS[5])],
            [Act(Do.RELEASE, "P4", {"unit_code": UNITS[4], "post": "grid_leader"})],
            [act("P4", UNITS[4])],
        ]
    )
    @example([[ALTERNATE_OF_NOTHING], [act("P2", UNITS[5])]])
    def compare(edits: list[list[Act]]) -> None:
        with suppress(BackError), store.transaction(2_000) as tx:
            for turn, acts in enumerate(edits):
                both = plans(tx, acts, f"edit-{turn}")
                tried.append(both is not None)
                if both is None:
                    continue
                part, whole = both
                with part, whole:
                    assert part.diff.table() == whole.diff.table()
                    assert part.diff.listed == whole.diff.listed
                    assert (part.base, part.counts) == (whole.base, whole.counts)
                    assert part.digest == whole.digest
                    rows = would_be(tx, whole)
                    assert applied(tx, part) == rows
            raise BackError

    compare()
    assert tried.count(True) > len(tried) // 5, "hardly an edit was possible"


def test_a_version_comes_back_as_the_whole_would(store: Store) -> None:
    @settings(max_examples=12)
    @given(EDITS)
    @example([[Act(Do.REMOVE, "P5")], [act("P4", UNITS[5])]])
    def compare(edits: list[list[Act]]) -> None:
        with suppress(BackError), store.transaction(2_000) as tx:
            for turn, acts in enumerate(edits):
                both = plans(tx, acts, f"edit-{turn}")
                if both is None:
                    continue
                with both[0] as part, both[1]:
                    if not part.diff.empty:
                        applied(tx, part)
            now = roster.current_version(tx.connection)
            for version in range(1, now):
                parts = roster.restored(tx.connection, tx.vault, version)
                stored = Stored(tx.connection, tx.vault, masked=False, version=version)
                found = []
                for source, scope in (parts, (stored, None)):
                    ids = SequentialIds("back")
                    with roster.plan(tx.connection, tx.vault, source, ids, scope=scope) as plan:
                        found.append((plan.diff.table(), plan.diff.listed, plan.counts))
                        found.append((plan.digest, would_be(tx, plan)))
                assert found[:2] == found[2:]
                assert parts[1] is not None
                assert found[1][0] == roster.version_of(tx.connection, version).digest
            raise BackError

    compare()


def test_where_an_import_came_between_the_whole_roster_is_read(store: Store) -> None:
    with store.transaction(2_000) as tx:
        less = small()
        terminal, _ = less.terminals.popitem()
        roster.import_roster(
            tx, InMemory(less), ids=SequentialIds("less"), by="cli", why="less", now=2_000
        )
        source, scope = roster.restored(tx.connection, tx.vault, 1)
        assert scope is None
        with roster.plan(tx.connection, tx.vault, source, SequentialIds("back")) as plan:
            rows = applied(tx, plan)
        assert rows[0].digest == roster.version_of(tx.connection, 1).digest
        assert terminal in {
            each.terminal_id for each in Stored(tx.connection, tx.vault).terminals()
        }


def test_an_edit_reads_only_its_part(store: Store) -> None:
    acts = [Act(Do.PERSON, "P3", {"name": "王"})]
    with store.transaction(2_000) as tx:
        both = plans(tx, acts, "edit")
        assert both is not None
        with both[0] as part, both[1] as whole:
            staged = [plan.stage.one("SELECT count(*) FROM holding") for plan in (part, whole)]
            assert staged == [2, 7]  # P3's grid has two; the city has seven
            units = {code for (code,) in part.stage.rows("SELECT code FROM unit")}
            assert units == {"330281", "330281001", "330281001001", "330281001001G1"}


def test_a_plan_to_be_looked_at_is_never_applied(store: Store) -> None:
    with store.transaction(2_000) as tx:
        stored = Stored(tx.connection, tx.vault, masked=False)
        ids = SequentialIds("x")
        with roster.plan(tx.connection, tx.vault, stored, ids, to_apply=False) as seen:
            assert seen.digest == ""
            with pytest.raises(AssertionError):
                roster.apply(tx, seen, by="cli", why="", now=2_000)
        query = select(t.unit.c.no).where(t.unit.c.to_version == FOREVER)
        assert len(tx.connection.execute(query).all()) == len(small().units)
