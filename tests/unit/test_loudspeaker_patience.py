"""A loudspeaker that says the same without end is on record, and then it isn't listened to."""

from channels.loudspeaker.patience import Patience


def test_some_words_on_a_command_are_heard_and_no_more() -> None:
    patience, heard = Patience(), 0
    while patience.has("c1"):
        patience.heard(["c1"])
        heard += 1
    assert heard == 20
    assert patience.has("c2")


def test_what_could_not_be_stored_is_not_counted() -> None:
    patience = Patience()
    assert all(patience.has("c1") for _ in range(100))


def test_it_remembers_so_many_commands_and_begins_anew() -> None:
    patience = Patience()
    patience.heard(["c1"] * 20)
    patience.heard(f"d{number}" for number in range(50_000))
    assert not patience.has("c1")
    patience.heard(["d1"])
    assert patience.has("c1")
