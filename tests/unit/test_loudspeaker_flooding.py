"""Who says so much that nobody else is heard."""

from channels.loudspeaker.flooding import Flood

T0 = 1_790_000_000_000


def seconds(flood: Flood, words_each: int, lasting: int, size: int = 20) -> bool:
    """Whether it is found to flood by so many words in each second."""
    found = False
    for second in range(lasting):
        for word in range(words_each):
            now = T0 + second * 1000 + word * 1000 // words_each
            found = flood.heard("evil", size, now) or found
    return found


def test_one_that_goes_on_is_found() -> None:
    assert seconds(Flood(), 1_500, 12)
    assert seconds(Flood(), 60, 12, size=60_000), "by what it says, too"


def test_a_burst_is_none_nor_is_what_a_thousand_say() -> None:
    assert not seconds(Flood(), 9_000, 8)
    assert not seconds(Flood(), 900, 30)
    flood = Flood()
    assert not any(
        flood.heard(f"t{number}", 100, T0 + second * 1000)
        for second in range(30)
        for number in range(1_500)
    )
