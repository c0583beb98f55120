"""The demonstration's promises can be broken, each by what would break it in life."""

from alertd.cli import promises
from alertd.cli.promises import Kept, Seen
from alertd.model import DeliveryState, RecipientKind

PERSON, TERMINAL = RecipientKind.PERSON, RecipientKind.TERMINAL


def test_a_message_called_sent_that_no_peer_has_breaks_it() -> None:
    seen = [Seen(1, 1, marked=False)]
    kept = [
        Kept(1, PERSON, DeliveryState.DELIVERED, None),
        Kept(2, PERSON, DeliveryState.UNKNOWN, None),
        Kept(3, PERSON, DeliveryState.FAILED, None),
        Kept(4, TERMINAL, DeliveryState.ACCEPTED, None),
    ]
    assert promises.arrived(kept, seen).held, "nothing is claimed of the others"
    lost = promises.arrived([*kept, Kept(5, PERSON, DeliveryState.ACCEPTED, None)], seen)
    assert (lost.checked, lost.broken) == (2, 1)


def test_a_try_past_its_deadline_breaks_it() -> None:
    kept = [
        Kept(1, PERSON, DeliveryState.SENDING, 2_000),
        Kept(2, PERSON, DeliveryState.PENDING, 0),
    ]
    assert promises.unstuck(kept, 1_500).held
    assert promises.unstuck(kept, 2_001).broken == 1


def test_a_second_copy_that_does_not_say_so_breaks_it() -> None:
    first = Seen(7, 1, marked=False)
    assert promises.marked([first, Seen(7, 2, marked=True), Seen(8, 2, marked=False)]).held
    assert promises.marked([first, Seen(7, 2, marked=False)]).broken == 1
    assert promises.marked([first, first]).broken == 1, "one try that arrives twice counts too"


def test_somebody_outside_breaks_it() -> None:
    assert promises.inside(["a"], ["a", "b"]).held
    assert promises.inside(["a", "c"], ["a", "b"]).broken == 1


def test_a_broken_chain_breaks_it() -> None:
    assert promises.chained(10, 0).held
    assert not promises.chained(9, 1).held


def test_what_the_gateway_turned_away_was_not_seen() -> None:
    line = {"what": "message", "delivery": 1, "attempt": 1, "possible_duplicate": False}
    lines = [{**line, "taken": True}, {**line, "taken": False}, {"what": "reply", "id": "r1"}]
    assert promises.seen_by_phones(lines) == [Seen(1, 1, marked=False)]


def test_a_loudspeaker_that_plays_twice_breaks_it_and_one_that_knows_better_does_not() -> None:
    def heard(command: str, verdict: str) -> dict[str, object]:
        return {"what": "heard", "cmd_id": command, "verdict": verdict}

    one, two = "k-a-9-1-m", "k-a-9-2-m"
    playing = [{"what": "playing", "cmd_id": one}]
    again = [heard(one, "accepted"), heard(one, "repeated"), heard(two, "accepted")]
    assert promises.marked(promises.seen_by_speakers([*again, *playing])).held
    playing.append({"what": "playing", "cmd_id": two})
    assert promises.marked(promises.seen_by_speakers([*again, *playing])).broken == 1
