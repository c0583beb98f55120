"""Which loudspeakers are told by one command to their area: those of whole areas, and no others."""

from dataclasses import replace
from pathlib import Path

import pytest

from channels.base import Outgoing
from channels.loudspeaker.accounts import Account, Accounts
from channels.loudspeaker.grouping import MOST, Plan, members, plan
from channels.loudspeaker.membership import Membership
from tests.enrolled import enrol

NOW = 1_790_000_000_000


def message(number: int, **changes: object) -> Outgoing:
    made = Outgoing(
        delivery=number,
        attempt=1,
        address=f"t{number}",
        text="台风",
        alert="a" * 32,
        short_code="A7",
        kind="alert",
        status="Actual",
        severity=1,
        created_at=NOW,
        expires_at=NOW + 600_000,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def area(*numbers: int) -> frozenset[str]:
    return frozenset(f"t{number}" for number in numbers)


def seen(made: Plan) -> tuple[dict[str, list[int]], list[int]]:
    """Deliveries by area, and those that go singly."""
    return (
        {code: [m.delivery for m in told] for code, told in made.areas},
        [m.delivery for m in made.singles],
    )


ALL = [message(number) for number in range(1, 6)]


@pytest.mark.parametrize(
    ("messages", "areas", "grouped", "singles"),
    [
        pytest.param(ALL, {}, {}, [1, 2, 3, 4, 5], id="no-areas"),
        pytest.param(ALL, {"a": area(1, 2, 3)}, {"a": [1, 2, 3]}, [4, 5], id="whole-area"),
        pytest.param(ALL[1:], {"a": area(1, 2, 3)}, {}, [2, 3, 4, 5], id="one-not-selected"),
        pytest.param(ALL, {"a": area(1)}, {}, [1, 2, 3, 4, 5], id="an-area-of-one"),
        pytest.param(ALL, {"a": frozenset()}, {}, [1, 2, 3, 4, 5], id="an-area-of-nobody"),
        pytest.param(
            ALL, {"a": area(1, 2), "b": area(3, 4)}, {"a": [1, 2], "b": [3, 4]}, [5], id="two"
        ),
        pytest.param(
            ALL, {"a": area(1, 2), "town": area(1, 2, 3, 4)}, {"town": [1, 2, 3, 4]}, [5], id="town"
        ),
        pytest.param(
            ALL, {"a": area(1, 2), "b": area(2, 3)}, {"a": [1, 2]}, [3, 4, 5], id="overlap"
        ),
        pytest.param(
            [*ALL[:2], message(3, text="别的")], {"a": area(1, 2, 3)}, {}, [1, 2, 3], id="text"
        ),
        pytest.param(
            [*ALL[:2], message(3, status="Exercise")],
            {"a": area(1, 2, 3)},
            {},
            [1, 2, 3],
            id="drill",
        ),
        pytest.param(
            [*ALL[:2], message(3, alert="b" * 32)], {"a": area(1, 2, 3)}, {}, [1, 2, 3], id="alert"
        ),
        pytest.param(
            [*ALL[:2], message(3, possible_duplicate=True)],
            {"a": area(1, 2, 3)},
            {},
            [1, 2, 3],
            id="marked",
        ),
        pytest.param(
            [*ALL[:2], message(3, attempt=2)], {"a": area(1, 2, 3)}, {"a": [1, 2, 3]}, [], id="try"
        ),
        pytest.param(
            [*ALL, message(9, address="t1")],
            {"a": area(1, 2)},
            {"a": [1, 2]},
            [3, 4, 5, 9],
            id="the-same-twice",
        ),
        pytest.param(
            [message(n, stop=True) for n in (1, 2)],
            {"a": area(1, 2)},
            {"a": [1, 2]},
            [],
            id="cancel",
        ),
        pytest.param(
            [message(1), message(2, stop=True)], {"a": area(1, 2)}, {}, [1, 2], id="cancel-and-play"
        ),
        pytest.param(
            [message(1, stop=True), message(2, stop=True, stops=("b" * 32,))],
            {"a": area(1, 2)},
            {},
            [1, 2],
            id="cancels-of-others",
        ),
        pytest.param([], {"a": area(1, 2)}, {}, [], id="nothing"),
    ],
)
def test_the_plan(
    messages: list[Outgoing],
    areas: dict[str, frozenset[str]],
    grouped: dict[str, list[int]],
    singles: list[int],
) -> None:
    assert seen(plan(messages, areas)) == (grouped, singles)


def test_an_area_is_not_too_large() -> None:
    many = [message(number) for number in range(1, MOST + 2)]
    too_large = {"a": area(*range(1, MOST + 2))}
    assert seen(plan(many, too_large))[0] == {}
    assert seen(plan(many, {"a": area(*range(1, MOST + 1))}))[1] == [MOST + 1]


def test_who_was_shut_out_is_no_member() -> None:
    accounts = [
        Account("t1", "x", ("a", "b")),
        Account("t2", "x", ("a",)),
        Account("t3", "x", ("a",), revoked_at=1),
        Account("t4", "x"),
    ]
    assert members(accounts) == {"a": {"t1", "t2"}, "b": {"t1"}}


def test_who_is_in_an_area_is_looked_up_anew(tmp_path: Path) -> None:
    known = Membership(tmp_path)
    assert known.areas() == {}
    accounts = Accounts(tmp_path)
    enrol(accounts, ["t1", "t2"], ["330281"], NOW)
    assert known.areas() == {"330281": {"t1", "t2"}}
    accounts.shut_out("t2", NOW, "test")
    assert known.areas() == {"330281": {"t1"}}
    accounts.path.write_text("not JSON")
    assert known.areas() == {}, "nobody is told by guess"
    assert Membership(None).areas() == {}
