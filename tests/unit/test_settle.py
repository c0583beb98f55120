"""What becomes of a delivery: DESIGN §5's table of states, case by case."""

from dataclasses import replace
from typing import Any

import pytest

from alertd.decide import settle
from alertd.model import Channel, DeliveryState, Played, Policy
from channels.base import Accepted, Fault, Receipt, ReceiptStatus, SendError

NOW = 1_000_000
POLICY = Policy(name="red", unknown_grace_s=60, max_attempts=3, retry_backoff_s=(5, 15))


def delivery(**changes: Any) -> settle.Delivery:
    values: dict[str, Any] = {
        "id": 1 << 32 | 7,
        "channel": Channel.SMS,
        "state": DeliveryState.SENDING,
        "attempt": 1,
        "due_at": NOW,
        "route": "modem-1",
        "duplicate": False,
        "expires_at": NOW + 3_600_000,
        "alert_over": False,
        "policy": POLICY,
        "other_route": False,
    }
    return settle.Delivery(**(values | changes))


def receipt(status: ReceiptStatus, **changes: Any) -> Receipt:
    return Receipt(**({"delivery": 1, "attempt": 1, "status": status} | changes))


def test_a_gateways_word_is_accepted_and_no_more() -> None:
    decided = settle.outcome(delivery(), Accepted("ref"), NOW)
    assert decided.state is DeliveryState.ACCEPTED
    assert decided.due_at is None


def test_a_brokers_word_leaves_a_loudspeaker_open() -> None:
    decided = settle.outcome(delivery(channel=Channel.LOUDSPEAKER), Accepted(None), NOW)
    assert decided.state is DeliveryState.ACCEPTED
    assert decided.due_at == NOW + 30_000


def test_a_silent_loudspeaker_becomes_unknown() -> None:
    waiting = delivery(channel=Channel.LOUDSPEAKER, state=DeliveryState.ACCEPTED)
    assert settle.deadline(waiting, NOW).state is DeliveryState.UNKNOWN


def test_a_dead_workers_try_is_unknown_and_waits_its_grace() -> None:
    decided = settle.deadline(delivery(), NOW)
    assert (decided.state, decided.reason) == (DeliveryState.UNKNOWN, "no-word-by-deadline")
    assert decided.due_at == NOW + 60_000
    assert not decided.unreached


def test_unknown_is_sent_once_more_marked_and_by_another_route() -> None:
    unknown = delivery(state=DeliveryState.UNKNOWN, other_route=True)
    decided = settle.deadline(unknown, NOW)
    assert decided.state is DeliveryState.PENDING
    assert decided.duplicate
    assert decided.avoid_route == "modem-1"


def test_unknown_twice_rests_unknown_and_the_ladder_hurries() -> None:
    error = SendError(Fault.UNKNOWN, "timeout")
    decided = settle.outcome(delivery(duplicate=True, attempt=2), error, NOW)
    assert (decided.state, decided.due_at) == (DeliveryState.UNKNOWN, None)
    assert decided.unreached


def test_a_second_death_of_ours_is_sent_again_within_the_bounds_of_the_tries() -> None:
    """Found by the kill loop: killed twice before the first byte, 18 of 857 never left."""
    twice = settle.deadline(delivery(duplicate=True, attempt=2), NOW)
    assert (twice.state, twice.due_at) == (DeliveryState.UNKNOWN, NOW + 60_000)
    assert twice.unreached  # the ladder doesn't wait for it
    last = settle.deadline(delivery(duplicate=True, attempt=POLICY.max_attempts), NOW)
    assert (last.state, last.due_at) == (DeliveryState.UNKNOWN, None)


def test_unknown_of_an_alert_that_is_over_is_not_sent_again_and_stays_unknown() -> None:
    decided = settle.deadline(delivery(state=DeliveryState.UNKNOWN, alert_over=True), NOW)
    assert (decided.state, decided.due_at) == (DeliveryState.UNKNOWN, None)


@pytest.mark.parametrize("fault", [Fault.DEAD, Fault.OPTED_OUT])
def test_a_dead_number_fails_and_the_ladder_hurries(fault: Fault) -> None:
    decided = settle.outcome(delivery(), SendError(fault, "no-such"), NOW)
    assert decided.state is DeliveryState.FAILED
    assert decided.unreached


@pytest.mark.parametrize(("attempt", "wait_s"), [(1, 5), (2, 15)])
def test_a_temporary_error_waits_by_the_policy(attempt: int, wait_s: int) -> None:
    decided = settle.outcome(delivery(attempt=attempt), SendError(Fault.RETRY, "http-503"), NOW)
    assert (decided.state, decided.due_at) == (DeliveryState.PENDING, NOW + wait_s * 1000)


def test_tries_are_bounded_and_giving_up_hurries_the_ladder() -> None:
    decided = settle.outcome(delivery(attempt=3), SendError(Fault.RETRY, "http-503"), NOW)
    assert decided.state is DeliveryState.FAILED
    assert decided.unreached
    assert "http-503" in decided.reason


def test_throttling_never_uses_up_the_tries() -> None:
    error = SendError(Fault.THROTTLED, "429", retry_after_s=2)
    decided = settle.outcome(delivery(attempt=50), error, NOW)
    assert (decided.state, decided.due_at) == (DeliveryState.PENDING, NOW + 2_000)


def test_a_gateway_that_asks_for_half_a_second_gets_it_and_no_more() -> None:
    error = SendError(Fault.THROTTLED, "429", retry_after_s=0.5)
    assert settle.outcome(delivery(), error, NOW).due_at == NOW + 500


def test_a_gateway_that_is_away_never_uses_up_the_tries() -> None:
    decided = settle.outcome(delivery(attempt=50), SendError(Fault.AWAY, "no-connection"), NOW)
    assert (decided.state, decided.due_at) == (DeliveryState.PENDING, NOW + 5_000)


REFUSALS = [
    (Fault.REFUSED, 2, DeliveryState.UNKNOWN),
    (Fault.RETRY, POLICY.max_attempts, DeliveryState.UNKNOWN),
    (Fault.OPTED_OUT, 2, DeliveryState.UNKNOWN),
    (Fault.DEAD, 2, DeliveryState.FAILED),  # by any route, and so neither did the first copy
]


@pytest.mark.parametrize(
    ("over", "expires_at", "alone", "again"),
    [
        (True, NOW + 3_600_000, DeliveryState.CANCELLED, DeliveryState.UNKNOWN),
        (False, NOW + 1, DeliveryState.EXPIRED, DeliveryState.UNKNOWN),
    ],
)
def test_a_copy_that_is_too_late_says_nothing_of_the_one_before(
    over: bool, expires_at: int, alone: DeliveryState, again: DeliveryState
) -> None:
    error = SendError(Fault.RETRY, "http-503")
    for duplicate, state in ((False, alone), (True, again)):
        late = delivery(duplicate=duplicate, alert_over=over, expires_at=expires_at)
        decided = settle.outcome(late, error, NOW)
        assert (decided.state, decided.due_at) == (state, None)


@pytest.mark.parametrize(("fault", "attempt", "state"), REFUSALS)
def test_a_second_copy_that_is_refused_says_nothing_of_the_first(
    fault: Fault, attempt: int, state: DeliveryState
) -> None:
    """Found by the crooked gateway: it had the first copy, and was shown as failed."""
    second = delivery(duplicate=True, attempt=attempt)
    decided = settle.outcome(second, SendError(fault, "no"), NOW)
    assert (decided.state, decided.due_at, decided.unreached) == (state, None, True)
    sent = delivery(duplicate=True, attempt=attempt, state=DeliveryState.ACCEPTED)
    if fault is not Fault.RETRY:
        word = receipt(ReceiptStatus.FAILED, attempt=attempt, fault=fault)
        later = settle.receipt(sent, word, NOW)
        assert later
        assert later.state is state


def test_a_refusal_goes_by_another_route_at_once_or_fails() -> None:
    error = SendError(Fault.REFUSED, "content")
    elsewhere = settle.outcome(delivery(other_route=True), error, NOW)
    assert (elsewhere.state, elsewhere.avoid_route) == (DeliveryState.PENDING, "modem-1")
    assert settle.outcome(delivery(), error, NOW).state is DeliveryState.FAILED


def test_who_asked_one_gateway_to_be_left_alone_is_told_by_another() -> None:
    """DOMAIN: an opt-out never silences an official by itself. No other route was asked."""
    left = SendError(Fault.OPTED_OUT, "twilio-21610")
    by_another = settle.outcome(delivery(other_route=True), left, NOW)
    assert (by_another.state, by_another.due_at) == (DeliveryState.PENDING, NOW)
    assert (by_another.avoid_route, by_another.dead) == ("modem-1", False)
    word = receipt(ReceiptStatus.FAILED, fault=Fault.OPTED_OUT, code="left")
    had = delivery(state=DeliveryState.ACCEPTED, other_route=True)
    later = settle.receipt(had, word, NOW)
    assert later
    assert later.state is DeliveryState.PENDING
    last = settle.outcome(delivery(attempt=3, other_route=True), left, NOW)
    assert (last.state, last.unreached, last.dead) == (DeliveryState.FAILED, True, True)


def test_nothing_is_tried_after_the_alert_expires() -> None:
    decided = settle.outcome(delivery(expires_at=NOW + 1), SendError(Fault.RETRY, "x"), NOW)
    assert decided.state is DeliveryState.EXPIRED


FORWARD = [
    (DeliveryState.SENDING, ReceiptStatus.ACCEPTED, DeliveryState.ACCEPTED),
    (DeliveryState.SENDING, ReceiptStatus.DELIVERED, DeliveryState.DELIVERED),
    (DeliveryState.UNKNOWN, ReceiptStatus.ACCEPTED, DeliveryState.ACCEPTED),
    (DeliveryState.UNKNOWN, ReceiptStatus.DELIVERED, DeliveryState.DELIVERED),
    (DeliveryState.PENDING, ReceiptStatus.DELIVERED, DeliveryState.DELIVERED),
    (DeliveryState.ACCEPTED, ReceiptStatus.DELIVERED, DeliveryState.DELIVERED),
    (DeliveryState.FAILED, ReceiptStatus.DELIVERED, DeliveryState.DELIVERED),
    (DeliveryState.ACCEPTED, ReceiptStatus.FAILED, DeliveryState.FAILED),
    (DeliveryState.DELIVERED, ReceiptStatus.ACCEPTED, None),
    (DeliveryState.DELIVERED, ReceiptStatus.DELIVERED, None),
    (DeliveryState.DELIVERED, ReceiptStatus.FAILED, None),
    (DeliveryState.ACCEPTED, ReceiptStatus.ACCEPTED, None),
    (DeliveryState.FAILED, ReceiptStatus.FAILED, None),
]


@pytest.mark.parametrize(("before", "status", "after"), FORWARD)
def test_receipts_never_move_a_delivery_backwards(
    before: DeliveryState, status: ReceiptStatus, after: DeliveryState | None
) -> None:
    decided = settle.receipt(delivery(state=before), receipt(status), NOW)
    assert (decided.state if decided else None) == after


def test_a_gateway_that_says_failed_and_accepted_gets_a_marked_copy_sent() -> None:
    waiting = delivery(state=DeliveryState.PENDING, other_route=True)
    decided = settle.receipt(waiting, receipt(ReceiptStatus.ACCEPTED), NOW)
    assert decided == settle.Settlement(
        state=DeliveryState.PENDING,
        reason="receipt-accepted",
        due_at=NOW,
        avoid_route="modem-1",
        duplicate=True,
    )


@pytest.mark.parametrize("state", [DeliveryState.PENDING, DeliveryState.SENDING])
def test_of_an_earlier_try_that_failed_accepted_says_nothing(state: DeliveryState) -> None:
    word = receipt(ReceiptStatus.ACCEPTED, attempt=1)
    assert settle.receipt(delivery(state=state, attempt=2), word, NOW) is None
    saved = settle.receipt(delivery(state=state, attempt=2, duplicate=True), word, NOW)
    assert saved  # a copy may be out there: that is the one it has
    assert saved.state is DeliveryState.ACCEPTED


@pytest.mark.parametrize(
    ("fault", "other_route", "after"),
    [
        (Fault.REFUSED, True, DeliveryState.PENDING),
        (Fault.REFUSED, False, DeliveryState.UNKNOWN),
        (Fault.DEAD, True, DeliveryState.FAILED),
    ],
)
def test_an_earlier_try_that_is_accepted_and_then_fails_is_heard(
    fault: Fault, other_route: bool, after: DeliveryState
) -> None:
    """The copy's own end went unheard, as the first was accepted; and then so did the first's."""
    sending = delivery(attempt=2, duplicate=True, other_route=other_route)
    saved = settle.receipt(sending, receipt(ReceiptStatus.ACCEPTED, attempt=1), NOW)
    assert saved
    had = replace(sending, state=saved.state, reason=saved.reason)
    lost = receipt(ReceiptStatus.FAILED, attempt=1, fault=fault, code="undeliverable")
    decided = settle.receipt(had, lost, NOW)
    assert decided
    assert (decided.state, decided.duplicate) == (after, True)
    assert decided.unreached is (after is not DeliveryState.PENDING)
    assert settle.receipt(had, replace(lost, attempt=2), NOW) is None  # the first has arrived, yet
    own = replace(had, reason="gateway-has-it")
    assert settle.receipt(own, lost, NOW) is None


@pytest.mark.parametrize(("asked_s", "wait_s"), [(600, 5), (2, 2), (None, 5)])
def test_what_a_full_route_cannot_take_waits_for_no_route(
    asked_s: float | None, wait_s: int
) -> None:
    error = SendError(Fault.THROTTLED, "busy", retry_after_s=asked_s)
    decided = settle.outcome(delivery(attempt=2, other_route=True), error, NOW)
    assert (decided.due_at, decided.avoid_route) == (NOW + wait_s * 1000, "modem-1")


def test_even_what_is_told_to_wait_is_given_up_before_its_tries_have_no_number() -> None:
    away = SendError(Fault.AWAY, "no-connection")
    assert settle.outcome(delivery(attempt=29_999), away, NOW).state is DeliveryState.PENDING
    assert settle.outcome(delivery(attempt=30_000), away, NOW).unreached


def test_a_failure_of_an_earlier_try_says_nothing_of_the_present_one() -> None:
    word = receipt(ReceiptStatus.FAILED, attempt=1)
    assert settle.receipt(delivery(attempt=2), word, NOW) is None


@pytest.mark.parametrize(
    ("state", "tried", "named", "fault", "after"),
    [
        # Found by a simulated night: the resend waited, and the ladder waited for the resend.
        (DeliveryState.PENDING, 1, 1, Fault.DEAD, DeliveryState.FAILED),
        (DeliveryState.PENDING, 2, 1, Fault.DEAD, DeliveryState.FAILED),
        (DeliveryState.UNKNOWN, 2, 1, Fault.DEAD, DeliveryState.FAILED),
        (DeliveryState.PENDING, 1, 1, Fault.OPTED_OUT, DeliveryState.UNKNOWN),
        (DeliveryState.PENDING, 2, 1, Fault.OPTED_OUT, None),  # by another route, perhaps
        (DeliveryState.PENDING, 1, 1, Fault.REFUSED, None),  # it is sent once more anyway
        (DeliveryState.PENDING, 1, 1, None, None),
        (DeliveryState.SENDING, 2, 1, Fault.DEAD, None),  # its own word will come
        (DeliveryState.ACCEPTED, 2, 1, Fault.DEAD, None),
        (DeliveryState.DELIVERED, 2, 1, Fault.DEAD, None),
    ],
)
def test_a_number_that_turns_out_dead_is_not_written_to_again(
    state: DeliveryState, tried: int, named: int, fault: Fault | None, after: DeliveryState | None
) -> None:
    waits = delivery(state=state, attempt=tried, duplicate=True)
    word = receipt(ReceiptStatus.FAILED, attempt=named, fault=fault, code="1")
    decided = settle.receipt(waits, word, NOW)
    assert (decided.state if decided else None) == after
    if decided:
        assert (decided.reason, decided.due_at, decided.unreached) == ("1", None, True)


def test_what_a_loudspeaker_played_is_a_state_of_its_own() -> None:
    heard = delivery(channel=Channel.LOUDSPEAKER, state=DeliveryState.ACCEPTED)
    whole = settle.receipt(heard, receipt(ReceiptStatus.PLAYED, detail="3/3"), NOW)
    part = settle.receipt(heard, receipt(ReceiptStatus.PLAYED, detail="1/3"), NOW)
    assert whole
    assert part
    assert (whole.state, whole.played) == (DeliveryState.DELIVERED, Played.PLAYED)
    assert part.played is Played.PARTIAL


@pytest.mark.parametrize(("tried", "named"), [(0, 0), (0, 1), (1, 2), (1, 0)])
def test_a_receipt_for_a_try_that_never_was_says_nothing(tried: int, named: int) -> None:
    word = receipt(ReceiptStatus.DELIVERED, attempt=named)
    untried = delivery(state=DeliveryState.PENDING, attempt=tried)
    assert settle.receipt(untried, word, NOW) is None


def given_up(**changes: Any) -> settle.Delivery:
    """A loudspeaker's, which never answered."""
    speaker = {"channel": Channel.LOUDSPEAKER, "state": DeliveryState.UNKNOWN, "due_at": None}
    return delivery(**(speaker | changes))


def test_a_loudspeaker_that_is_back_is_told_once_more_what_it_never_answered() -> None:
    again = settle.back(given_up(other_route=True, played=Played.SILENT), NOW)
    assert again is not None
    assert (again.state, again.reason) == (DeliveryState.PENDING, "loudspeaker-back")
    assert (again.due_at, again.duplicate, again.played) == (NOW, True, Played.SILENT)
    assert again.avoid_route == "modem-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"state": DeliveryState.DELIVERED},
        {"state": DeliveryState.ACCEPTED},
        {"due_at": NOW},  # it is told again by itself
        {"alert_over": True},
        {"expires_at": NOW},
        {"attempt": 30_000},  # as many as the column holds
    ],
)
def test_a_loudspeaker_that_is_back_is_told_nothing_else(changes: dict[str, Any]) -> None:
    assert settle.back(given_up(**changes), NOW) is None


def test_a_loudspeaker_that_is_back_is_told_up_to_the_last_moment() -> None:
    assert settle.back(given_up(expires_at=NOW + 1), NOW) is not None
