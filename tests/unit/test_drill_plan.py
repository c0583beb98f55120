"""A drill's plan is read whole or not at all, and every mistake is named by key and line."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.decide.plan import Way
from drills import keeping, plan
from drills.mistakes import PlanError
from drills.plan import Climb, Plan
from drills.script import Event, items, routes_lost
from drills.toml import lines_of, written

WHOLE = """
name = "汛前演练"
name_en = "Before the season"
owner = "admin"
note = "两行\\n说明 \\u007f"

[alert]
template = "typhoon-red"
areas = ["330281", "330281001"]
roles = ["grid_leader"]
policy = "red"
climb_to = "town"
valid_min = 90

[alert.params]
deadline = { zh-CN = "18时", en = "18:00" }

[when]
window = ["2027-05-10T08:00:00+08:00", 2027-05-14T20:00:00+08:00]
remind_h = [72, 24, 1.5]

[channels]
modem = "real"
handsets = "simulated"
loudspeakers = "muted"

[[losses]]
kind = "gateway"
route = "modem"
from_min = 10
to_min = 70

[[losses]]
kind = "road"
area = "330281001"

[[injects]]
at_min = 20
text = "通镇道路中断"
to = ["330281001"]

[[injects]]
at_min = 10
text = "水位上涨"

[marks]
reach_rate = 0.95
answered_within_min = 15
"""
WRONG = """name = "x\\u0007"
nme = 3
[alert]
template = "typhoon-red"
headline = 3
areas = []
climb_to = "moon"
[when]
at = 2027-05-12T09:30:00
remind_h = ["x"]
[channels]
modem = "on"
[[losses]]
kind = "gateway"
[[losses]]
kind = "fire"
from_min = -3
[[injects]]
text = ""
[marks]
reach_rate = 1.5
answer_rate = true
"""


def refused(text: str) -> tuple[tuple[str, int], ...]:
    with pytest.raises(PlanError) as wrong:
        plan.parse(text)
    return tuple((key, line) for key, line, _ in wrong.value.mistakes)


def test_a_whole_plan_is_read() -> None:
    found = plan.parse(WHOLE)
    assert (found.alert.climb_to, found.alert.policy) == (Climb.TOWN, "red")
    assert found.when.blind
    assert (found.when.opens_at, found.when.closes_at) == (1_809_907_200_000, 1_810_296_000_000)
    assert [found.way(name) for name in ("modem", "handsets", "loudspeakers", "other")] == [
        Way.REAL,
        Way.SIMULATED,
        Way.MUTED,
        Way.MUTED,
    ]
    assert found.marks.reach_rate == 0.95
    assert found.marks.answer_rate is None


def test_what_is_written_reads_the_same() -> None:
    found = plan.parse(WHOLE)
    assert plan.parse(plan.dumps(found)) == found
    assert plan.from_dict(plan.to_dict(found)) == found


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=50)
@given(
    name=st.text(st.characters(categories=["L", "P", "N"]), min_size=1, max_size=20),
    note=TEXTS,
    params=st.dictionaries(
        st.text("abc_", min_size=1, max_size=5), TEXTS | st.integers(0, 9), max_size=5
    ),
)
def test_any_text_survives_being_written(name: str, note: str, params: dict[str, Any]) -> None:
    content = {
        "name": name,
        "note": note,
        "alert": {"template": "typhoon-red", "areas": ["330281"], "params": params},
    }
    found = plan.from_dict(content)
    assert plan.parse(plan.dumps(found)) == found


def test_every_mistake_is_named_by_key_and_line() -> None:
    assert refused(WRONG) == (
        ("name", 1),
        ("nme", 2),
        ("alert.headline", 5),
        ("alert.areas", 6),
        ("alert.climb_to", 7),
        ("when.at", 9),
        ("when.remind_h[0]", 10),
        ("channels.modem", 12),
        ("losses[1].kind", 16),
        ("losses[1].from_min", 17),
        ("injects[0].at_min", 18),
        ("injects[0].text", 19),
        ("marks.reach_rate", 21),
        ("marks.answer_rate", 22),
    )


def test_a_mistake_never_quotes_a_value() -> None:
    with pytest.raises(PlanError) as wrong:
        plan.parse(WHOLE.replace('"modem"', '"+8613800001234"').replace('"real"', '"13800001234"'))
    assert "1380000" not in " ".join(wrong.value.problems)


HEAD = 'name = "a"\n[alert]\nareas = ["330281"]\n'


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", ("name", "alert")),
        ("name =", ("",)),
        (HEAD, ("alert.template",)),
        (f'{HEAD}template = "a"\nheadline = "b"', ("alert.template",)),
        (f'{HEAD}headline = "b"\nparams = {{a = "b"}}', ("alert.params",)),
        (
            (
                f'{HEAD}headline = "b"\n[when]\nat = 2027-01-01T00:00:00Z\n'
                'window = ["2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"]'
            ),
            ("when.window",),
        ),
        (
            (
                f'{HEAD}headline = "b"\n[when]\n'
                'window = ["2027-01-02T00:00:00Z", "2027-01-01T00:00:00Z"]'
            ),
            ("when.window",),
        ),
        (
            (
                f'{HEAD}headline = "b"\n[when]\n'
                'window = ["2027-01-02T00:00:00Z", "2027-05-01T00:00:00Z"]'
            ),
            ("when.window",),
        ),
        (f'{HEAD}headline = "b"\n[[losses]]\nkind = "gateway"', ("losses[0].route",)),
        (
            (
                f'{HEAD}headline = "b"\n[[losses]]\nkind = "node"\narea = "330281"\nroute = "a"\n'
                "from_min = 3\nto_min = 2"
            ),
            ("losses[0].area", "losses[0].route", "losses[0].to_min"),
        ),
    ],
)
def test_what_doesnt_hold_together_is_refused(text: str, keys: tuple[str, ...]) -> None:
    assert {key for key, _ in refused(text)} == set(keys)


def test_lines_are_found_as_plans_are_written() -> None:
    found = lines_of('a = 1\n[b."c d"]\ne.f = 2\n[[g]]\n[[g]]\nh = "[x]"\n')
    assert found == {"a": 1, "b.c d": 2, "b.c d.e.f": 3, "g[0]": 4, "g[1]": 5, "g[1].h": 6}
    assert written({"a": [1, True], "b": {"c d": 'e"\n'}, "g": [{"h": 1}]}) == (
        'a = [1, true]\n\n[b]\n"c d" = "e\\"\\n"\n\n[[g]]\nh = 1\n'
    )


def test_the_script_is_in_order_and_knows_the_routes_that_fail() -> None:
    found = plan.parse(WHOLE)
    assert [(item.after // 60_000, item.event) for item in items(found)] == [
        (0, Event.LOST),
        (10, Event.LOST),
        (10, Event.INJECT),
        (20, Event.INJECT),
        (70, Event.MENDED),
    ]
    assert routes_lost(found) == (("modem", 600_000, 4_200_000),)


def test_the_shipped_examples_are_plans() -> None:
    found = keeping.shipped()
    assert found
    assert all(
        isinstance(each, Plan) and each.name_en and each.when.opens_at for each in found.values()
    )
