"""Every field of what is decided, not only the one that a case is about."""

from typing import Any

import pytest

from alertd.decide import escalate, settle
from alertd.decide.escalate import Act, Climb, Ladder, climb, first_due, help_due
from alertd.decide.grammar import parse
from alertd.decide.interpret import Candidate, Person, correlate
from alertd.decide.lifecycle import TRANSITIONS, Action, Audience, Subject, Transition, transition
from alertd.decide.plan import Bucket, Leave, Route, others, portion, ready_at, refusal, room
from alertd.decide.settle import Settlement
from alertd.decide.short_code import short_code
from alertd.lanes import lane_of
from alertd.model import (
    AlertState,
    Channel,
    DeliveryState,
    Grade,
    Played,
    Policy,
    RequirementState,
    Status,
    Step,
    Told,
)
from channels.base import Accepted, Fault, Receipt, ReceiptStatus, SendError
from tests.unit.test_settle import delivery as plain_delivery

NOW = 1_000_000
S = DeliveryState
POLICY = Policy(
    name="red",
    unknown_grace_s=60,
    max_attempts=3,
    retry_backoff_s=(5, 15),
    terminal_grace_s=30,
    help_climb_s=90,
)


def delivery(**changes: Any) -> settle.Delivery:
    return plain_delivery(**({"policy": POLICY, "played": Played.PARTIAL} | changes))


SPEAKER = {"channel": Channel.LOUDSPEAKER}
OTHER = {"other_route": True}
AGAIN = {"duplicate": True}


@pytest.mark.parametrize(
    ("changes", "result", "expected"),
    [
        ({}, Accepted("r"), (S.ACCEPTED, "gateway-has-it", None, None, False, False)),
        (AGAIN, Accepted("r"), (S.ACCEPTED, "gateway-has-it", None, None, True, False)),
        ({}, Accepted("r", delivered=True), (S.DELIVERED, "arrived", None, None, False, False)),
        (
            {**SPEAKER, **AGAIN},
            Accepted(None),
            (S.ACCEPTED, "gateway-has-it", NOW + 30_000, None, True, False),
        ),
        (
            SPEAKER,
            Accepted(None, delivered=True),
            (S.DELIVERED, "arrived", None, None, False, False),
        ),
        (
            {},
            SendError(Fault.UNKNOWN, "timeout"),
            (S.UNKNOWN, "timeout", NOW + 60_000, None, False, False),
        ),
        (
            OTHER,
            SendError(Fault.UNKNOWN, "timeout"),
            (S.UNKNOWN, "timeout", NOW + 60_000, "modem-1", False, False),
        ),
        (
            {**OTHER, **AGAIN},
            SendError(Fault.UNKNOWN, "timeout"),
            (S.UNKNOWN, "timeout", None, "modem-1", True, True),
        ),
        (
            {},
            SendError(Fault.RETRY, "no-connection"),
            (S.PENDING, "no-connection", NOW + 5_000, None, False, False),
        ),
        (
            {"attempt": 2, **OTHER, **AGAIN},  # a gateway refuses what is repeated
            SendError(Fault.RETRY, "http-503", retry_after_s=20),
            (S.PENDING, "http-503", NOW + 20_000, "modem-1", True, False),
        ),
        (
            {"attempt": 2},
            SendError(Fault.RETRY, "http-503", retry_after_s=2),
            (S.PENDING, "http-503", NOW + 15_000, None, False, False),
        ),
        (
            {},
            SendError(Fault.THROTTLED, "http-429"),
            (S.PENDING, "http-429", NOW + 5_000, None, False, False),
        ),
        (
            {},
            SendError(Fault.THROTTLED, "http-429", retry_after_s=1),
            (S.PENDING, "http-429", NOW + 1_000, None, False, False),
        ),
        (
            {"attempt": 40, **OTHER},
            SendError(Fault.BUSY, "robot-pace", retry_after_s=7),
            (S.PENDING, "robot-pace", NOW + 7_000, None, False, False),
        ),
        (
            {**OTHER, **AGAIN},
            SendError(Fault.REFUSED, "content"),
            (S.PENDING, "content", NOW, "modem-1", True, False),
        ),
        (
            OTHER,
            SendError(Fault.REFUSED, "content", retry_after_s=3),
            (S.PENDING, "content", NOW + 3_000, "modem-1", False, False),
        ),
    ],
)
def test_how_a_try_that_may_go_on_ended(
    changes: dict[str, Any], result: Accepted | SendError, expected: tuple[Any, ...]
) -> None:
    """What a loudspeaker has played already stands through all of it."""
    state, reason, due_at, avoid, duplicate, unreached = expected
    assert settle.outcome(delivery(**changes), result, NOW) == Settlement(
        state=state,
        reason=reason,
        due_at=due_at,
        avoid_route=avoid,
        duplicate=duplicate,
        unreached=unreached,
        played=Played.PARTIAL,
    )


@pytest.mark.parametrize("duplicate", [True, False])
@pytest.mark.parametrize(
    ("changes", "error", "state", "reason", "unreached"),
    [
        ({}, SendError(Fault.OPTED_OUT, "left"), S.FAILED, "left", True),
        ({}, SendError(Fault.REFUSED, "content"), S.FAILED, "content", True),
        ({"attempt": 3}, SendError(Fault.RETRY, "x"), S.FAILED, "gave-up-after-3-x", True),
        (
            {"attempt": 3, **OTHER},
            SendError(Fault.REFUSED, "x"),
            S.FAILED,
            "gave-up-after-3-x",
            True,
        ),
        ({"alert_over": True}, SendError(Fault.RETRY, "x"), S.CANCELLED, "alert-ended", False),
        ({"expires_at": NOW + 5_000}, SendError(Fault.RETRY, "x"), S.EXPIRED, "x", False),
    ],
)
def test_how_a_try_ended_that_was_the_last(
    changes: dict[str, Any],
    error: SendError,
    state: DeliveryState,
    reason: str,
    *,
    unreached: bool,
    duplicate: bool,
) -> None:
    """Where an earlier copy may have arrived, whatever becomes of the later one: it is unknown."""
    resting = S.UNKNOWN if duplicate else state
    assert settle.outcome(delivery(duplicate=duplicate, **changes), error, NOW) == Settlement(
        state=resting,
        reason=reason,
        duplicate=duplicate,
        unreached=unreached,
        dead=error.fault is Fault.OPTED_OUT,
    )


@pytest.mark.parametrize("duplicate", [True, False])
def test_a_number_that_does_not_exist_speaks_for_every_copy(*, duplicate: bool) -> None:
    gone = SendError(Fault.DEAD, "no-such")
    assert settle.outcome(delivery(duplicate=duplicate), gone, NOW) == Settlement(
        state=S.FAILED, reason="no-such", duplicate=duplicate, unreached=True, dead=True
    )
    later = word(ReceiptStatus.FAILED, fault=Fault.DEAD, code="no-such")
    found = settle.receipt(delivery(duplicate=duplicate), later, NOW)
    assert found is not None
    assert found.state is S.FAILED


@pytest.mark.parametrize("fault", [None, Fault.OPTED_OUT, Fault.REFUSED])
def test_a_later_failure_of_a_copy_leaves_it_unknown(fault: Fault | None) -> None:
    found = settle.receipt(delivery(**AGAIN), word(ReceiptStatus.FAILED, fault=fault), NOW)
    assert found == Settlement(
        state=S.UNKNOWN,
        reason="failed",
        duplicate=True,
        unreached=True,
        dead=fault is Fault.OPTED_OUT,
    )


@pytest.mark.parametrize(("retry_after_s", "wait_ms"), [(None, 5_000), (1, 1_000), (40, 40_000)])
def test_a_gateway_that_is_away_uses_up_no_try(retry_after_s: float | None, wait_ms: int) -> None:
    away = SendError(Fault.AWAY, "no-connection", retry_after_s=retry_after_s)
    found = settle.outcome(delivery(attempt=50, **OTHER), away, NOW)
    assert (found.state, found.due_at, found.avoid_route) == (S.PENDING, NOW + wait_ms, None)


def test_a_try_that_ends_just_before_the_alert_may_go_on() -> None:
    error = SendError(Fault.RETRY, "x")
    found = settle.outcome(delivery(expires_at=NOW + 5_001), error, NOW)
    assert (found.state, found.due_at) == (S.PENDING, NOW + 5_000)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (S.UNKNOWN, "no-word-by-deadline", NOW + 60_000, None, False, False)),
        (
            {**AGAIN, **OTHER, "attempt": 2},
            (S.UNKNOWN, "no-word-by-deadline", NOW + 60_000, "modem-1", True, True),
        ),
        (
            {**AGAIN, "attempt": 3},
            (S.UNKNOWN, "no-word-by-deadline", None, None, True, True),
        ),
        (
            {"attempt": 9},
            (S.UNKNOWN, "no-word-by-deadline", NOW + 60_000, None, False, False),
        ),
        (
            {"state": S.ACCEPTED, **SPEAKER},
            (S.UNKNOWN, "terminal-silent", NOW + 60_000, None, False, False),
        ),
        (
            {"state": S.ACCEPTED, **SPEAKER, **AGAIN},
            (S.UNKNOWN, "terminal-silent", None, None, True, True),
        ),
        ({"state": S.UNKNOWN}, (S.PENDING, "resend-after-unknown", NOW, None, True, False)),
        (
            {"state": S.UNKNOWN, **OTHER},
            (S.PENDING, "resend-after-unknown", NOW, "modem-1", True, False),
        ),
    ],
)
def test_what_a_deadline_comes_to(changes: dict[str, Any], expected: tuple[Any, ...]) -> None:
    state, reason, due_at, avoid, duplicate, unreached = expected
    assert settle.deadline(delivery(**changes), NOW) == Settlement(
        state=state,
        reason=reason,
        due_at=due_at,
        avoid_route=avoid,
        duplicate=duplicate,
        unreached=unreached,
        played=Played.PARTIAL,
    )


@pytest.mark.parametrize("changes", [{"alert_over": True}, {"expires_at": NOW}])
@pytest.mark.parametrize("duplicate", [True, False])
def test_an_unknown_at_the_end_rests(changes: dict[str, Any], *, duplicate: bool) -> None:
    found = settle.deadline(delivery(state=S.UNKNOWN, duplicate=duplicate, **changes), NOW)
    assert found == Settlement(state=S.UNKNOWN, reason="unknown-at-end", duplicate=duplicate)


def test_an_unknown_is_sent_again_up_to_the_last_moment() -> None:
    found = settle.deadline(delivery(state=S.UNKNOWN, expires_at=NOW + 1), NOW)
    assert found.state is S.PENDING


def word(status: ReceiptStatus, **changes: Any) -> Receipt:
    return Receipt(**({"delivery": 1, "attempt": 1, "status": status} | changes))


@pytest.mark.parametrize("duplicate", [True, False])
@pytest.mark.parametrize(
    ("changes", "said", "expected"),
    [
        ({}, word(ReceiptStatus.DELIVERED), (S.DELIVERED, "receipt-delivered", None, ...)),
        ({}, word(ReceiptStatus.ACCEPTED), (S.ACCEPTED, "receipt-accepted", None, ...)),
        (
            SPEAKER,
            word(ReceiptStatus.ACCEPTED),
            (S.ACCEPTED, "receipt-accepted", NOW + 30_000, ...),
        ),
        (SPEAKER, word(ReceiptStatus.DELIVERED), (S.DELIVERED, "receipt-delivered", None, ...)),
        (
            {"state": S.EXPIRED},
            word(ReceiptStatus.DELIVERED),
            (S.DELIVERED, "receipt-delivered", None, ...),
        ),
        (
            {"state": S.CANCELLED},
            word(ReceiptStatus.DELIVERED),
            (S.DELIVERED, "receipt-delivered", None, ...),
        ),
        (
            SPEAKER,
            word(ReceiptStatus.PLAYED, detail="3/3"),
            (S.DELIVERED, "receipt-played", None, Played.PLAYED),
        ),
        (
            SPEAKER,
            word(ReceiptStatus.PLAYED),
            (S.DELIVERED, "receipt-played", None, Played.PLAYED),
        ),
        (
            SPEAKER,
            word(ReceiptStatus.PLAYED, detail="10/9"),
            (S.DELIVERED, "receipt-played", None, Played.PLAYED),
        ),
        (
            SPEAKER,
            word(ReceiptStatus.PLAYED, detail="x/9"),
            (S.DELIVERED, "receipt-played", None, Played.PLAYED),
        ),
        (
            SPEAKER,
            word(ReceiptStatus.PLAYED, detail="1/x"),
            (S.DELIVERED, "receipt-played", None, Played.PLAYED),
        ),
    ],
)
def test_what_a_receipt_comes_to(
    changes: dict[str, Any], said: Receipt, expected: tuple[Any, ...], *, duplicate: bool
) -> None:
    state, reason, due_at, played = expected
    assert settle.receipt(delivery(duplicate=duplicate, **changes), said, NOW) == Settlement(
        state=state,
        reason=reason,
        due_at=due_at,
        duplicate=duplicate,
        played=Played.PARTIAL if played is ... else played,
    )


@pytest.mark.parametrize(
    ("before", "said", "after"),
    [
        (Played.SILENT, word(ReceiptStatus.INTERRUPTED, detail="3/3"), Played.PARTIAL),
        (Played.SILENT, word(ReceiptStatus.PLAYED, detail="2/3"), Played.PARTIAL),
        (Played.PARTIAL, word(ReceiptStatus.PLAYED, detail="3/3"), Played.PLAYED),
        (Played.PARTIAL, word(ReceiptStatus.PLAYED, detail="2/3"), None),
        (Played.PARTIAL, word(ReceiptStatus.INTERRUPTED), None),
        (Played.PLAYED, word(ReceiptStatus.PLAYED), None),
        (Played.PLAYED, word(ReceiptStatus.INTERRUPTED), None),
        (Played.FAILED, word(ReceiptStatus.PLAYED, detail="3/3"), Played.PLAYED),
        (Played.FAILED, word(ReceiptStatus.INTERRUPTED, detail="1/3"), Played.PARTIAL),
    ],
)
def test_what_was_played_only_grows(before: Played, said: Receipt, after: Played | None) -> None:
    found = settle.receipt(delivery(**SPEAKER, played=before), said, NOW)
    assert (found.played if found else None) == after


@pytest.mark.parametrize(
    ("before", "detail", "after"),
    [
        (Played.SILENT, "0/3", Played.FAILED),
        (Played.PARTIAL, "0/3", None),
        (Played.PLAYED, "0/3", None),
        (Played.FAILED, "0/3", None),
        (Played.SILENT, "", None),  # that it refuses a further try says nothing of what it played
    ],
)
def test_one_that_has_it_and_could_not_play_it(
    before: Played, detail: str, after: Played | None
) -> None:
    said = word(ReceiptStatus.FAILED, code="no-sound", fault=Fault.REFUSED, detail=detail)
    has_it = delivery(**SPEAKER, state=S.DELIVERED, played=before)
    found = settle.receipt(has_it, said, NOW)
    assert (found and (found.state, found.reason, found.played)) == (
        after and (S.DELIVERED, "no-sound", after)
    )


@pytest.mark.parametrize(
    ("changes", "said", "expected"),
    [
        ({}, word(ReceiptStatus.FAILED), (S.FAILED, "failed", None, None, True)),
        (
            {},
            word(ReceiptStatus.FAILED, fault=Fault.DEAD, code="gone"),
            (S.FAILED, "gone", None, None, True),
        ),
        (
            {},
            word(ReceiptStatus.FAILED, fault=Fault.OPTED_OUT, code="left"),
            (S.FAILED, "left", None, None, True),
        ),
        (
            OTHER,
            word(ReceiptStatus.FAILED, fault=Fault.OPTED_OUT, code="left"),
            (S.PENDING, "left", NOW, "modem-1", False),
        ),
        (
            OTHER,
            word(ReceiptStatus.FAILED, fault=Fault.REFUSED, code="full"),
            (S.PENDING, "full", NOW, "modem-1", False),
        ),
        (
            {"state": S.ACCEPTED},
            word(ReceiptStatus.FAILED, fault=Fault.RETRY),
            (S.PENDING, "failed", NOW + 5_000, None, False),
        ),
        (
            {"state": S.UNKNOWN},
            word(ReceiptStatus.FAILED, fault=Fault.RETRY),
            (S.PENDING, "failed", NOW + 5_000, None, False),
        ),
    ],
)
def test_what_a_later_failure_comes_to(
    changes: dict[str, Any], said: Receipt, expected: tuple[Any, ...]
) -> None:
    found = settle.receipt(delivery(**changes), said, NOW)
    assert found is not None
    state, reason, due_at, avoid, unreached = expected
    assert (found.state, found.reason, found.due_at) == (state, reason, due_at)
    assert (found.avoid_route, found.unreached, found.duplicate) == (avoid, unreached, False)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        *(
            (state, ReceiptStatus.ACCEPTED)
            for state in sorted(set(S) - {S.PENDING, S.SENDING, S.UNKNOWN})
        ),
        *(
            (state, ReceiptStatus.FAILED)
            for state in sorted(set(S) - {S.SENDING, S.ACCEPTED, S.UNKNOWN})
        ),
        (S.DELIVERED, ReceiptStatus.DELIVERED),
    ],
)
def test_what_a_receipt_cannot_change(state: DeliveryState, status: ReceiptStatus) -> None:
    assert settle.receipt(delivery(state=state), word(status), NOW) is None


@pytest.mark.parametrize(("attempt", "wait"), [(1, 5), (2, 15), (3, 15), (99, 15)])
def test_the_last_wait_repeats(attempt: int, wait: float) -> None:
    assert settle.backoff_s(POLICY, attempt) == wait
    assert settle.backoff_s(Policy(name="none", retry_backoff_s=()), attempt) == 0.0


# The ladder.

RED = Policy(
    name="red",
    steps=(
        Step(after_min=2, do=("remind",), channels=("sms", "chat")),
        Step(after_min=2.5, do=("remind", "alternate"), channels=("sms",)),
        Step(after_min=10, do=("door_knock", "duty_desk"), channels=("chat", "page")),
    ),
    help_climb_s=90,
)
EVERY = Told.ALTERNATES | Told.PARENT | Told.GRANDPARENT | Told.CALL_LIST
START = 5_000_000
OPEN, OVER = RequirementState.OPEN, RequirementState.EXHAUSTED


@pytest.mark.parametrize(
    ("step", "told", "seconds", "expected"),
    [
        (0, 0, 120, ((Act.REMIND,), ("sms", "chat"), 1, 150, 0, OPEN, "no-answer")),
        (
            1,
            0,
            150,
            ((Act.REMIND, Act.ALTERNATES), ("sms",), 2, 600, Told.ALTERNATES, OPEN, "no-answer"),
        ),
        (
            1,
            Told.ALTERNATES,
            150,
            ((Act.REMIND,), ("sms",), 2, 600, Told.ALTERNATES, OPEN, "no-answer"),
        ),
        (
            0,
            Told.PARENT,
            599,
            ((Act.REMIND,), ("sms", "chat"), 1, 614, Told.PARENT, OPEN, "no-answer"),
        ),
        (
            2,
            0,
            600,
            (
                (Act.DOOR_KNOCK, Act.DUTY_DESK),
                ("chat", "page"),
                3,
                None,
                Told.DOOR_KNOCK | Told.DUTY_DESK,
                OVER,
                "steps-exhausted",
            ),
        ),
        (
            2,
            Told.DOOR_KNOCK,
            600,
            (
                (Act.DUTY_DESK,),
                ("chat", "page"),
                3,
                None,
                Told.DOOR_KNOCK | Told.DUTY_DESK,
                OVER,
                "steps-exhausted",
            ),
        ),
        (3, 0, 600, ((Act.DOOR_KNOCK,), (), 3, None, Told.DOOR_KNOCK, OVER, "steps-exhausted")),
        (0, 0, 119, ((Act.ALTERNATES,), ("sms",), 0, 120, Told.ALTERNATES, OPEN, "unreachable")),
        (
            1,
            Told.ALTERNATES,
            149,
            (
                (Act.PARENT,),
                ("sms",),
                1,
                150,
                Told.ALTERNATES | Told.PARENT,
                OPEN,
                "unreachable",
            ),
        ),
        (2, EVERY, 599, ((), ("sms",), 2, 600, EVERY, OPEN, "unreachable")),
    ],
)
def test_every_field_of_a_climb(
    step: int, told: int, seconds: float, expected: tuple[Any, ...]
) -> None:
    acts, channels, next_step, due_s, bits, state, reason = expected
    ladder = Ladder(step=step, start_at=START, told=told, has_alternates=True)
    assert climb(ladder, RED, START + round(seconds * 1000)) == Climb(
        acts=acts,
        channels=channels,
        step=next_step,
        due_at=None if due_s is None else START + due_s * 1000,
        told=bits,
        state=state,
        reason=reason,
    )


def test_each_act_has_a_bit_of_its_own() -> None:
    told = 0
    for act in (Act.ALTERNATES, Act.PARENT, Act.GRANDPARENT, Act.CALL, Act.DUTY_DESK):
        policy = Policy(name="one", steps=(Step(after_min=0, do=(act.value,)),))
        ladder = Ladder(step=0, start_at=START, told=int(Told.DOOR_KNOCK), has_alternates=True)
        bit = climb(ladder, policy, START).told & ~Told.DOOR_KNOCK
        assert bit
        assert not bit & told
        told |= bit


def test_when_ladders_and_calls_for_help_are_due() -> None:
    assert first_due(START, RED) == START + 120_000
    assert first_due(START, Policy(name="half", steps=(Step(after_min=0.5, do=()),))) == (
        START + 30_000
    )
    assert help_due(RED, START) == START + 90_000
    # A call that all know of climbs each time as far again as it is old, up to a bound.
    assert help_due(RED, START, repeated_since=START) == START + 90_000
    assert help_due(RED, START, repeated_since=START - 89_000) == START + 90_000
    assert help_due(RED, START, repeated_since=START - 600_000) == START + 600_000
    bound = escalate.LONGEST_UNREPEATED_MS
    assert help_due(RED, START, repeated_since=START - bound - 1) == START + bound
    assert escalate.first_due(START, Policy(name="none")) is None


# Routes.


def route(name: str = "sms-1", **changes: Any) -> Route:
    values: dict[str, Any] = {
        "name": name,
        "channel": Channel.SMS,
        "carries": frozenset(Status),
        "simulated": False,
        "in_flight": 10,
        "rate_per_s": 50.0,
        "burst": 5,
        "timeout_s": 10.0,
    }
    return Route(**(values | changes))


def test_a_routes_limits_are_cut_into_portions() -> None:
    whole = route(shares=4, in_flight=10, rate_per_s=50.0, burst=5)
    part = portion(whole, 1)
    assert part == route(shares=4, in_flight=2, rate_per_s=12.5, burst=1)
    assert portion(whole, 3) == route(shares=4, in_flight=7, rate_per_s=37.5, burst=3)
    assert portion(whole, 4) is portion(whole, 5) is whole
    thin = portion(route(shares=9, in_flight=1, burst=1), 1)
    assert (thin.in_flight, thin.burst) == (1, 1)


def test_a_bucket_is_a_value() -> None:
    bucket = Bucket(3.0, 1_000)
    assert bucket.take(2) == Bucket(1.0, 1_000)
    assert bucket.fill(route(), 1_020) == Bucket(4.0, 1_020)
    assert bucket.fill(route(), 900) == Bucket(3.0, 900)
    assert bucket.fill(route(), 9_000) == Bucket(5.0, 9_000)


@pytest.mark.parametrize(
    ("tokens", "rate", "ready"),
    [
        (0.0, 50.0, 1_020),
        (0.5, 50.0, 1_010),
        (1.0, 50.0, 1_000),
        (9.0, 50.0, 1_000),
        (0.0, 3.0, 1_334),
    ],
)
def test_when_a_bucket_holds_a_token_again(tokens: float, rate: float, ready: int) -> None:
    slow, bucket = route(rate_per_s=rate), Bucket(tokens, 1_000)
    at = ready_at(slow, bucket)
    assert at == ready
    assert bucket.fill(slow, at).tokens >= 1.0


def test_room_is_never_below_none() -> None:
    assert room(route(), Bucket(-1.0, 0), 0) == 0
    assert room(route(), Bucket(9.9, 0), 10) == 0
    assert room(route(), Bucket(9.9, 0), 9) == 1


@pytest.mark.parametrize(
    ("changes", "leave", "why"),
    [
        (
            {"carries": frozenset({Status.ACTUAL})},
            Leave(status=Status.TEST, routes=None, simulated=False),
            "route-does-not-carry-status",
        ),
        (
            {},
            Leave(status=Status.EXERCISE, routes=frozenset({"x"}), simulated=True),
            "route-outside-plan",
        ),
        (
            {},
            Leave(status=Status.EXERCISE, routes=frozenset({"sms-1"}), simulated=True),
            "real-route-in-simulated-drill",
        ),
        (
            {"simulated": True},
            Leave(status=Status.EXERCISE, routes=frozenset({"sms-1"}), simulated=True),
            None,
        ),
        ({"simulated": True}, Leave(status=Status.ACTUAL, routes=None, simulated=False), None),
    ],
)
def test_why_a_route_may_not_carry_an_alert(
    changes: dict[str, Any], leave: Leave, why: str | None
) -> None:
    assert refusal(route(**changes), leave) == why


def test_lanes_are_those_of_the_channel_and_what_it_carries() -> None:
    assert route().lanes() == (11, 12, 13)
    speaker = route(channel=Channel.LOUDSPEAKER, carries=frozenset({Status.EXERCISE}))
    assert speaker.lanes() == (22,)
    lane = lane_of(Channel.SMS, Status.ACTUAL)
    assert others([route()], lane, None)
    assert not others([], lane, "sms-1")
    assert not others([route("sms-2", channel=Channel.CHAT)], lane, "sms-1")


def test_short_codes_are_short_and_never_meet() -> None:
    codes = [short_code(number) for number in range(1, 99 * 23 * 24 + 100)]
    assert codes[:3] == ["A1", "A2", "A3"]
    assert len(set(codes)) == len(codes)
    assert not set("".join(codes)) & set("IOT")  # read as figures, or over the radio
    letters = [codes[99 * n] for n in (0, 1, 22, 23, 24, 23 + 22, 23 + 23, 23 * 24 - 1, 23 * 24)]
    assert letters == ["A1", "B1", "Z1", "AA1", "AB1", "AZ1", "BA1", "ZZ1", "AAA1"]
    assert codes[98] == "A99"


# Replies that are no answers, and moves: what stands beside them.


def told(*, people: int = 1, ended_at: int | None = None) -> Candidate:
    return Candidate(
        alert_id=b"A7",
        short_code="A7",
        status=Status.ACTUAL,
        open=ended_at is None,
        told_at=NOW,
        persons=tuple(Person(person_no=n) for n in range(1, people + 1)),
        ended_at=ended_at,
    )


@pytest.mark.parametrize(
    ("people", "ended_at", "grade", "late"),
    [
        (1, None, Grade.OWN, False),
        (2, None, Grade.SHARED, False),
        (2, NOW + 1, Grade.SHARED, True),
        (1, NOW + 1, Grade.OWN, True),
    ],
)
@pytest.mark.parametrize("text", ["开会中稍后联系", "A7 3", "A73", "A74"])
def test_what_stands_beside_an_unclear_reply_and_a_call_for_help(
    text: str, people: int, ended_at: int | None, grade: Grade, *, late: bool
) -> None:
    found = correlate(
        parse(text), "", [told(people=people, ended_at=ended_at)], received_at=NOW + 5
    )
    assert (found.alert_id, found.grade, found.late) == (b"A7", grade, late)
    assert found.persons == tuple(range(1, people + 1))


@pytest.mark.parametrize(("ahead_ms", "counted"), [(120_000, True), (120_001, False)])
def test_a_gateways_clock_may_be_two_minutes_behind(ahead_ms: int, *, counted: bool) -> None:
    found = correlate(parse("1"), "", [told()], received_at=NOW - ahead_ms)
    assert (found.reason == "only-open") is counted
    assert counted or found.reason == "before-told"


@pytest.mark.parametrize(
    ("state", "action", "reason", "issue_at"),
    [
        (AlertState.DRAFT, Action.APPROVE, "approve", NOW),
        (AlertState.DRAFT, Action.BREAK_GLASS, "break-glass", NOW + 120_000),
        (AlertState.DRAFT, Action.EDIT, "edit", None),
        (AlertState.ISSUED, Action.CANCEL, "cancel", None),
        (AlertState.EXPIRED, Action.ALL_CLEAR, "all-clear-after-expiry", None),
    ],
)
def test_every_field_of_a_move(
    state: AlertState, action: Action, reason: str, issue_at: int | None
) -> None:
    subject = Subject(state=state, status=Status.ACTUAL, author="wang", expires_at=NOW + 10**9)
    quiet = action in {Action.APPROVE, Action.BREAK_GLASS, Action.EDIT}
    assert transition(subject, action, actor="li", now=NOW) == Transition(
        action=action,
        before=state,
        after=TRANSITIONS[state, action],
        audience=Audience.NOBODY if quiet else Audience.TOLD,
        reason=reason,
        issue_at=issue_at,
        record="break-glass" if action is Action.BREAK_GLASS else "",
    )
