"""Which worker has which share of a route, and who has stood still for too long."""

import pytest

from alertd.decide.shares import (
    LOOK_MS,
    STALE_MS,
    Part,
    Sighting,
    Worker,
    share_out,
    sight,
    stale,
)

NOW = 1_000_000


def worker(lease: str, beat: int = 1, part: Part | None = None) -> Worker:
    return Worker(lease=lease, writer=1, beat=beat, part=part or Part())


@pytest.mark.parametrize(
    ("part", "works", "sends"),
    [
        (Part(), True, True),
        (Part(decides=False), True, True),
        (Part(decides=False, routes=frozenset()), False, False),
        (Part(decides=True, routes=frozenset()), True, False),
        (Part(decides=False, routes=frozenset({"sms-1"})), True, True),
        (Part(decides=False, routes=frozenset({"chat"})), True, False),
    ],
)
def test_what_part_somebody_has(part: Part, *, works: bool, sends: bool) -> None:
    assert part.works is works
    assert part.sends_by("sms-1") is sends


def test_a_worker_is_seen_to_stand_still_by_its_count_alone() -> None:
    first = sight({}, [worker("a"), worker("b")], NOW)
    assert first == {"a": Sighting(1, NOW), "b": Sighting(1, NOW)}
    later = sight(first, [worker("a", 2), worker("b"), worker("c")], NOW + 5)
    assert later == {"a": Sighting(2, NOW + 5), "b": Sighting(1, NOW), "c": Sighting(1, NOW + 5)}
    assert sight(later, [worker("c")], NOW + 9) == {"c": Sighting(1, NOW + 5)}


def test_who_has_stood_still_for_too_long() -> None:
    assert LOOK_MS * 3 < STALE_MS
    seen = {"b": Sighting(1, NOW), "a": Sighting(7, NOW), "c": Sighting(1, NOW + 1)}
    assert stale(seen, NOW + STALE_MS - 1) == []
    assert stale(seen, NOW + STALE_MS) == ["a", "b"]


def test_shares_go_evenly_to_those_who_send_by_the_route() -> None:
    only_chat = worker("d", part=Part(routes=frozenset({"chat"})))
    workers = [worker("b"), only_chat, worker("c"), worker("a")]
    dealt = share_out("sms-1", 7, workers)
    assert list(dealt) == list(range(7))
    counts = sorted(list(dealt.values()).count(lease) for lease in "abc")
    assert counts == [2, 2, 3]
    assert dealt == share_out("sms-1", 7, workers[::-1])
    assert set(share_out("chat", 4, workers).values()) == {"a", "b", "c", "d"}
    assert share_out("sms-1", 3, [only_chat]) == {}


def test_routes_of_one_share_go_to_different_workers() -> None:
    workers = [worker(lease) for lease in "abc"]
    first = {share_out(f"route-{n}", 1, workers)[0] for n in range(30)}
    assert first == {"a", "b", "c"}
