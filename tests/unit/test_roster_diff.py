"""What an import would change, shown before it is confirmed."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosters.diff import (
    Change,
    Diff,
    FieldChange,
    Kind,
    Value,
    What,
    changes,
    compare,
    compare_rosters,
    fingerprint,
    sort_key,
    sweeping,
)
from rosters.model import ChatGroup, Holding, Person, Roster, Terminal, Unit, UnitFacts
from rosters.words import Level

CITY = Unit("330281", "", "余姚市", Level.CITY, "")
TOWN = Unit("330281001", "", "梨洲街道", Level.SUBDISTRICT, "330281")
WANG = Person("P1", "王伟", phones=("+8613800000001",), channels=("sms",))
LI = Person("P2", "李芳", phones=("+8613800000002",), channels=("sms",))
LEAD = Holding("P1", "330281001", "subdistrict_lead", roles=("subdistrict_lead",))
KEY = b"node key"


def roster(*values: object) -> Roster:
    return Roster(
        units={unit.code: unit for unit in values if isinstance(unit, Unit)},
        people={person.person_id: person for person in values if isinstance(person, Person)},
        holdings={holding.key: holding for holding in values if isinstance(holding, Holding)},
        terminals={t.terminal_id: t for t in values if isinstance(t, Terminal)},
        groups={group.group_id: group for group in values if isinstance(group, ChatGroup)},
    )


def test_equal_rosters_differ_in_nothing() -> None:
    diff = compare_rosters(roster(CITY, TOWN, WANG, LEAD), roster(TOWN, CITY, WANG, LEAD))
    assert diff.empty
    assert diff.table()["person"] == {"added": 0, "changed": 0, "left": 0}


def test_added_changed_and_left_are_told_apart() -> None:
    old = roster(CITY, TOWN, WANG, LEAD, Terminal("LS1", "330281", "东门"))
    new = roster(CITY, replace(TOWN, name="梨洲"), LI, replace(LEAD, person_id="P2"))
    diff = compare_rosters(old, new)
    assert diff.listed == [
        Change(Kind.UNIT, What.CHANGED, ("330281001",), (FieldChange("name", "梨洲街道", "梨洲"),)),
        Change(Kind.PERSON, What.LEFT, ("P1",)),
        Change(Kind.PERSON, What.ADDED, ("P2",)),
        Change(Kind.HOLDING, What.LEFT, ("330281001", "subdistrict_lead", "P1", "")),
        Change(Kind.HOLDING, What.ADDED, ("330281001", "subdistrict_lead", "P2", "")),
        Change(Kind.TERMINAL, What.LEFT, ("LS1",)),
    ]
    assert diff.table()["person"] == {"added": 1, "changed": 0, "left": 1}


def test_a_changed_number_is_shown_masked() -> None:
    (change,) = changes(WANG, replace(WANG, phones=("+8613900000099", "+8657462712345")))
    assert change == FieldChange("phones", "***01", "***99, ***45")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (WANG, replace(WANG, short_phone="612345")),
        (WANG, replace(WANG, chat_id="wangwei-138")),
        (LEAD, replace(LEAD, note="改打13912345678")),
        (
            ChatGroup("g", "330281", "webhook", "https://a.test/k1"),
            ChatGroup("g", "330281", "webhook", "https://a.test/k2", "whsec_x"),
        ),
    ],
)
def test_what_must_not_be_seen_is_hidden(before: Person, after: Person) -> None:
    shown = repr(changes(before, after))
    for secret in ("612345", "wangwei-138", "13912345678", "k1", "k2", "whsec_x"):
        assert secret not in shown


def test_counts_go_on_when_the_list_is_full() -> None:
    crowd = [replace(WANG, person_id=f"P{n:03d}") for n in range(50)]
    diff = compare_rosters(roster(), roster(*crowd), limit=5)
    assert diff.counts[Kind.PERSON, What.ADDED] == 50
    assert len(diff.listed) == 5


units = st.dictionaries(
    st.from_regex(r"33028[0-9]{1,3}", fullmatch=True), st.sampled_from(["东", "西", "北"])
)


@given(units, units)
def test_the_merge_finds_what_sets_find(old: dict[str, str], new: dict[str, str]) -> None:
    def side(names: dict[str, str]) -> list[tuple[str, Unit]]:
        return [(code, replace(TOWN, code=code, name=names[code])) for code in sorted(names)]

    found = {(change.what, change.key[0]) for change in compare(Kind.UNIT, side(old), side(new))}
    assert found == {
        *((What.ADDED, code) for code in new.keys() - old.keys()),
        *((What.LEFT, code) for code in old.keys() - new.keys()),
        *((What.CHANGED, code) for code in old.keys() & new.keys() if old[code] != new[code]),
    }


def test_the_merge_takes_no_more_than_it_needs() -> None:
    taken: list[int] = []

    def endless(step: int) -> Iterator[tuple[str, Unit]]:
        number = 0
        while True:
            number += step
            taken.append(number)
            yield sort_key(f"{number:09d}"), TOWN

    merged = compare(Kind.UNIT, endless(2), endless(1))
    assert [next(merged).key for _ in range(3)] == [("000000001",), ("000000003",), ("000000005",)]
    assert len(taken) < 15


def test_a_fingerprint_changes_with_any_field_and_with_the_key() -> None:
    values: list[Value] = [
        WANG,
        replace(WANG, name="王"),
        replace(WANG, phones=()),
        replace(WANG, phones=("+8613800000001", "+8613800000002")),
        replace(WANG, phones=("+86138000000", "01")),
        replace(WANG, party_member=True),
        LEAD,
        replace(LEAD, verified_at=0),
        UnitFacts(1),
        UnitFacts(None, 1),
        CITY,
    ]
    prints = [fingerprint(value, key=KEY) for value in values]
    assert len(set(prints)) == len(prints)
    assert {len(each) for each in prints} == {16}
    assert fingerprint(WANG, key=b"other") != prints[0]


def test_a_fingerprint_is_the_same_in_every_version() -> None:
    assert fingerprint(CITY, key=KEY).hex() == PINNED


PINNED = "2566ecc94ddf2c502ac277f0f20990cf"


@pytest.mark.parametrize(
    ("left", "added", "after", "said"),
    [
        (0, 0, 100, 0),
        (19, 0, 10, 0),  # fewer than 20
        (20, 0, 80, 20),  # 20 of 100
        (20, 0, 81, 0),  # 20 of 101
        (100, 100, 100, 100),  # everybody, and as many others came
        (100, 500, 500, 100),  # all 100 that there were
        (3, 0, 0, 3),  # none is left: a file was forgotten
        (1, 1, 1, 0),
    ],
)
def test_many_who_leave_are_counted(left: int, added: int, after: int, said: int) -> None:
    for kind, name in ((Kind.PERSON, "people"), (Kind.TERMINAL, "terminals")):
        counts = {"people": 50, "terminals": 50, "groups": 50, name: after}
        diff = Diff()
        diff.counts.update({(kind, What.LEFT): left, (kind, What.ADDED): added})
        assert sweeping(diff, counts) == said
    diff.counts.update({(Kind.PERSON, What.LEFT): 30, (Kind.HOLDING, What.LEFT): 500})
    assert sweeping(diff, counts) == said + 30


@pytest.mark.parametrize(("people", "said"), [(100, 99), (19, 0), (1_000, 0)])
def test_ids_that_were_given_out_anew_are_asked_about(people: int, said: int) -> None:
    """A row put in at the top, where the ids are line numbers: everybody is somebody else."""
    known = [
        Person(f"P{no}", f"name {no}", phones=(f"+86138{no:08}",), channels=("sms",))
        for no in range(people)
    ]
    shifted = [replace(person, person_id=f"P{no + 1}") for no, person in enumerate(known[:99])]
    diff = compare_rosters(roster(*known), roster(*known[:1], *shifted, *known[100:]))
    assert sweeping(diff, {"people": people, "terminals": 0, "groups": 0}) == said
