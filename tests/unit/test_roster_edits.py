"""Acts on a small roster, one row each: what becomes of it, what is wrong, what is worth a look."""

import datetime as dt
from collections.abc import Sequence

import pytest

from rosters.edits import Act, Around, Do, Edit, overlaid, revise, touched
from rosters.export import rows_of
from rosters.model import NO_FACTS, Roster
from rosters.problems import Severity
from tests.small_city import held, person, small

DAY = dt.date(2026, 5, 1)
CITY, TOWN = "330281", "330281001"
G1, G2, B1 = "330281001001G1", "330281001001G2", "330281001001G1B1"


def around(roster: Roster, acts: Sequence[Act]) -> Around:
    """As the store gives it: the named, their units, and all who serve there."""
    named = {act.person_id for act in acts}
    codes = {act.post[0] for act in acts} | {
        h.unit_code for h in roster.holdings.values() if h.person_id in named
    }
    return Around(
        people={key: each for key, each in roster.people.items() if key in named},
        units={
            code: (unit, roster.facts.get(code, NO_FACTS))
            for code, unit in roster.units.items()
            if code in codes
        },
        holdings=[h for h in roster.holdings.values() if h.unit_code in codes],
    )


def done(*acts: Act, roster: Roster | None = None) -> Edit:
    return revise(around(roster or small(), acts), acts, today=DAY)


def codes(edit: Edit, severity: Severity) -> list[str]:
    return sorted(each.code for each in edit.problems.of(severity))


def say(person_id: str, **cells: str) -> Act:
    return Act(Do.PERSON, person_id, cells)


def give(person_id: str, unit_code: str, post: str, **cells: str) -> Act:
    return Act(Do.ASSIGN, person_id, {"unit_code": unit_code, "post": post, **cells})


def take(person_id: str, unit_code: str, post: str) -> Act:
    return Act(Do.RELEASE, person_id, {"unit_code": unit_code, "post": post})


def remove(person_id: str) -> Act:
    return Act(Do.REMOVE, person_id)


@pytest.mark.parametrize(
    ("acts", "errors"),
    [
        ([say("P1", name="")], ["cell-required"]),
        ([say("P1", phone="12")], ["phone-invalid"]),
        ([say("P4", phone="12")], ["phone-invalid"]),  # of two duties, told once
        ([say("P1", phone="***34")], ["phone-masked"]),
        ([say("P1", short_phone="1234567")], ["short-phone-invalid"]),
        ([say("P1", language="Latin")], ["language-unknown"]),
        ([say("P1", channels="pigeon")], ["channel-unknown"]),
        ([say("P1", party_member="perhaps")], ["flag-invalid"]),
        ([say("N1", name="新")], ["person-idle"]),
        ([give("N1", G1, "volunteer")], ["person-idle", "person-unknown"]),
        ([take("N1", G1, "volunteer")], ["person-unknown"]),
        ([remove("N1")], ["person-unknown"]),
        ([give("P1", "999", "volunteer")], ["unit-unknown"]),
        ([take("P1", G1, "volunteer")], ["duty-unknown"]),
        ([give("P3", G1, "grid_leader", rank="0")], ["rank-invalid"]),
        ([give("P3", G1, "grid_leader", on_duty_from="8")], ["time-half", "time-invalid"]),
        ([give("P3", G1, "grid_leader", on_duty_from="08:00")], ["time-half"]),
        ([give("P3", G1, "grid_leader", verified_at="soon")], ["date-invalid"]),
        ([give("P4", G1, "grid_leader", rank="1")], ["principals-both"]),
        ([give("P1", G1, "网格长", rank="1")], ["principals-both"]),  # by the post's Chinese name
        ([say("P1", phone="1"), say("P1", phone="15400000009")], []),  # the last word counts
        ([remove("P1"), give("P1", CITY, "city_duty")], []),
    ],
)
def test_what_is_wrong_is_told(acts: list[Act], errors: list[str]) -> None:
    edit = done(*acts)
    assert codes(edit, Severity.ERROR) == errors
    assert all("154" not in each.text("en") for each in edit.problems.errors)


@pytest.mark.parametrize(
    ("acts", "warnings"),
    [
        ([remove("P1")], ["duty-vacant"]),
        ([take("P3", G1, "grid_leader")], ["principal-missing"]),
        ([remove("P4")], ["alternate-missing", "duty-vacant"]),  # G1's alternate, G2's leader
        ([give("P1", B1, "volunteer")], ["alternate-missing"]),
        ([give("P1", G2, "grid_leader", rank="2")], []),
        ([give("P1", CITY, "city_duty", verified_at="2026-01-01")], ["alternate-missing",
            "verified-long-ago"]),
        ([say("P1", phone="")], ["unreachable"]),
        ([say("P1", name="王")], []),
    ],
)  # fmt: skip
def test_what_is_worth_a_look_is_told(acts: list[Act], warnings: list[str]) -> None:
    edit = done(*acts)
    assert codes(edit, Severity.ERROR) == []
    assert codes(edit, Severity.WARNING) == warnings


def test_a_person_is_changed_in_all_their_duties_at_once() -> None:
    edit = done(say("P4", name="王", phone="15400000009", short_phone="66001", chat_id="c"))
    found = edit.people["P4"]
    assert (found.name, found.phones) == ("王", ("+8615400000009",))
    assert (found.short_phone, found.chat_id) == ("66001", "c")
    assert not edit.gone
    assert not edit.added


def test_ways_follow_the_addresses_unless_somebody_chose_them() -> None:
    assert done(say("P1", chat_id="c")).people["P1"].channels == ("sms", "chat")
    chosen = person("P1", "+8615400000001", channels=("voice", "sms"))
    roster = small(people={**small().people, "P1": chosen})
    edit = done(say("P1", chat_id="c"), roster=roster)
    assert edit.people["P1"].channels == ("voice", "sms")
    edit = done(say("P1", channels=""), roster=roster)
    assert edit.people["P1"].channels == ("sms",)


def test_a_duty_is_said_anew_by_all_its_cells() -> None:
    edit = done(
        give(
            *("P3", G1, "grid_leader"),
            roles="volunteer;党员",
            on_duty_from="08:00",
            on_duty_to="20:00",
            verified_at="2026-04-30",
            note="days",
        )
    )
    (row,) = edit.added
    assert row.holding is not None
    assert row.holding.roles == ("grid_leader", "party_member", "volunteer")
    assert (row.holding.on_duty_from, row.holding.on_duty_to) == ("08:00", "20:00")
    assert row.holding.note == "days"
    assert edit.gone == {(G1, "grid_leader", "P3", "")}  # the same duty, around the clock


def test_two_principals_may_share_the_day() -> None:
    day = give("P3", G1, "grid_leader", on_duty_from="08:00", on_duty_to="20:00")
    night = give("P4", G1, "grid_leader", rank="1", on_duty_from="20:00", on_duty_to="08:00")
    assert codes(done(day, night), Severity.ERROR) == []
    late = give("P4", G1, "grid_leader", rank="1", on_duty_from="19:00", on_duty_to="08:00")
    assert codes(done(day, late), Severity.ERROR) == ["principals-both"]


def test_a_party_members_role_comes_and_goes_with_the_person() -> None:
    joined = done(say("P3", party_member="是"))
    (row,) = joined.added
    assert row.holding is not None
    assert row.holding.roles == ("grid_leader", "party_member")
    member = person("P3", "+8615400000003")
    roster = small(
        people={**small().people, "P3": type(member)(**{**as_dict(member), "party_member": True})},
        holdings={
            **small().holdings,
            (G1, "grid_leader", "P3", ""): held("P3", G1, "grid_leader", 1, "party_member"),
        },
    )
    (left,) = done(say("P3", party_member="否"), roster=roster).added
    assert left.holding is not None
    assert left.holding.roles == ("grid_leader",)


def as_dict(value: object) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("acts", "units"),
    [
        ([say("P4", name="王")], {G1, G2}),
        ([remove("P4")], {G1, G2}),
        ([give("P4", B1, "volunteer")], {B1}),
        ([take("P4", G2, "grid_leader")], {G2}),
        ([say("N1", name="新"), give("N1", TOWN, "volunteer")], {TOWN}),
    ],
)
def test_acts_touch_the_units_that_they_have_to_do_with(acts: list[Act], units: set[str]) -> None:
    assert touched(around(small(), acts), acts) == units


def test_an_edit_over_a_roster_is_that_roster_but_for_the_edit() -> None:
    edit = done(remove("P6"), say("P5", name="王"), give("P2", TOWN, "volunteer"))
    before = {row.holding.key: row for row in rows_of(small()) if row.holding}
    after = {row.holding.key: row for row in overlaid(rows_of(small()), edit) if row.holding}
    assert before.keys() - after.keys() == {(B1, "书记", "P6", "")}
    assert after.keys() - before.keys() == {(TOWN, "volunteer", "P2", "")}
    changed = {key for key in before.keys() & after.keys() if before[key] != after[key]}
    assert changed == {(B1, "building_lead", "P5", "")}
