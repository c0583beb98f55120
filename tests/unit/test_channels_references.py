"""A gateway's references: whose answer an answer is."""

from channels.references import References


def test_a_reference_belongs_to_the_delivery_it_was_given_for() -> None:
    seen = References()
    assert seen.fresh("m-1", 7)
    assert not seen.fresh("m-1", 8)
    assert seen.fresh("m-1", 7), "a gateway that knows a repeated try may say so"
    assert seen.fresh("m-2", 8)


def test_it_says_what_a_reference_was_given_for() -> None:
    seen = References()
    seen.fresh("m-1", 7, 1)
    seen.fresh("m-1", 8, 1)
    assert seen.of("m-1") == (7, 1)
    seen.fresh("m-1", 7, 2)
    assert seen.of("m-1") == (7, 2)
    assert seen.of("m-2") is None


def test_it_forgets_the_oldest() -> None:
    seen = References()
    for number in range(20_000):
        assert seen.fresh(f"m-{number}", number)
    assert seen.fresh("m-0", 99)
    assert not seen.fresh("m-19999", 99)
