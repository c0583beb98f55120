"""The pieces of an expansion: none too large, all of them together everything, each number once."""

import pytest

from alertd.decide.expand import SELECTION, Chunk, Phase, Pieces, next_chunk, phases


def pieces_of(order: tuple[Phase, ...], last: dict[Phase, int], pieces: Pieces) -> list[Chunk]:
    found: list[Chunk] = []
    phase, cursor = 1, 0
    while phase:
        chunk = next_chunk(order, phase, cursor, last[order[phase - 1]], pieces)
        found.append(chunk)
        phase, cursor = chunk.next_phase, chunk.next_cursor
    return found


@pytest.mark.parametrize("people", [0, 1, 255, 256, 257, 5_256, 5_257, 2_000_000])
def test_a_city_of_any_size_goes_in_bounded_pieces_and_whole(people: int) -> None:
    """DESIGN §6.10: nothing is held of an alert but one piece."""
    last: dict[Phase, int] = {"terminals": 12_000, "groups": 0, "people": people}
    chunks = pieces_of(SELECTION, last, Pieces())
    assert max(chunk.upto - chunk.after for chunk in chunks) <= 5_000
    for phase, end in last.items():
        mine = [chunk for chunk in chunks if chunk.phase == phase]
        assert [chunk.after for chunk in mine] == [0, *(chunk.upto for chunk in mine[:-1])]
        assert mine[-1].upto == end


def test_the_first_piece_of_people_alone_is_small() -> None:
    pieces = Pieces(first_people=3, most=7)
    last: dict[Phase, int] = {"terminals": 10, "groups": 5, "people": 20}
    chunks = pieces_of(SELECTION, last, pieces)
    assert [(chunk.phase, chunk.after, chunk.upto) for chunk in chunks] == [
        ("terminals", 0, 7),
        ("terminals", 7, 10),
        ("groups", 0, 5),
        ("people", 0, 3),
        ("people", 3, 10),
        ("people", 10, 17),
        ("people", 17, 20),
    ]
    assert chunks[0].next_phase == 1
    assert (chunks[-1].next_phase, chunks[-1].next_cursor) == (0, 0)


@pytest.mark.parametrize(
    ("audience", "test", "order"),
    [
        ("selection", False, ("terminals", "groups", "people")),
        ("told", False, ("told",)),
        ("both", False, ("terminals", "groups", "people", "told")),
        ("selection", True, ("author",)),
        ("both", True, ("author",)),
    ],
)
def test_who_is_reached_in_which_order(audience: str, test: bool, order: tuple[Phase, ...]) -> None:
    assert phases(audience, test=test) == order


def test_what_follows_several_alerts_has_a_phase_for_the_recipients_of_each() -> None:
    assert phases("both", test=False, followed=2) == (*SELECTION, "told", "told")
