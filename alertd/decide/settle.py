"""What becomes of a delivery when a try ends, a deadline passes, or a later word comes.

Every answer is a state with a reason. `unknown` is what it says: a message that may or may not
have gone is sent once more, marked, and if that is unknown too the person counts as not reached.
"""

import re
from dataclasses import dataclass

from alertd.model import Channel, DeliveryState, Millis, Played, Policy
from channels.base import Accepted, Fault, Receipt, ReceiptStatus, SendError

BY_HAND = "by-hand"  # why something is accepted that no gateway has: it is on somebody's list
_S = DeliveryState
# Not the message's: it was told to wait, and no message's tries are used up by that.
_TOLD_TO_WAIT = frozenset({Fault.THROTTLED, Fault.BUSY, Fault.AWAY})
_OF_THE_ADDRESS = frozenset({Fault.DEAD, Fault.OPTED_OUT})
_EARLIER_TRY = re.compile(r"try-(\d+)-accepted")  # why, where it isn't the last try's doing
_MOST_BY_ONE_ROUTE = 2  # tries in a row, where there is another
_MOST_TRIES = 30_000  # of one that is told to wait for days; the column holds no more than 32,767
# The order in which a delivery may only move forward by receipts.
_RANK = {_S.PENDING: 0, _S.SENDING: 1, _S.UNKNOWN: 2, _S.ACCEPTED: 3, _S.FAILED: 4, _S.DELIVERED: 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a decision needs to know of a delivery."""

    id: int
    channel: Channel
    state: DeliveryState
    attempt: int
    due_at: Millis | None
    route: str | None
    duplicate: bool  # a copy may be out there already
    expires_at: Millis  # of the alert
    alert_over: bool
    policy: Policy
    other_route: bool  # whether another route serves its lane
    played: Played = Played.SILENT
    reason: str = ""  # of its state


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The new state, and what follows."""

    state: DeliveryState
    reason: str
    due_at: Millis | None = None
    avoid_route: str | None = None
    duplicate: bool = False
    unreached: bool = False  # the recipient can't be reached by this contact: the ladder hurries
    played: Played = Played.SILENT
    dead: bool = False  # by the address itself: it doesn't exist, or wants nothing of us


def outcome(delivery: Delivery, result: Accepted | SendError, now: Millis) -> Settlement:
    """How a try ended, by the channel's word."""
    if isinstance(result, Accepted):
        return _accepted(delivery, now, result)
    if result.fault is Fault.UNKNOWN:
        return _unknown(delivery, now, result.code)
    if _is_final(delivery, result.fault):
        return _failed(delivery, result.code, result.fault)
    return _again(delivery, result, now)


def deadline(delivery: Delivery, now: Millis) -> Settlement:
    """`due_at` passed: a worker died, a grace ended, or a loudspeaker stayed silent."""
    if delivery.state is _S.SENDING:
        # It was we who died, and perhaps before the first byte left. That says nothing of the
        # gateway, so the one marked resend isn't used up by it; only the tries are bounded.
        again = not delivery.duplicate or delivery.attempt < delivery.policy.max_attempts
        return _unknown(delivery, now, "no-word-by-deadline", again=again)
    if delivery.state is _S.ACCEPTED:
        return _unknown(delivery, now, "terminal-silent")
    return _resend(delivery, now)


def receipt(delivery: Delivery, word: Receipt, now: Millis) -> Settlement | None:
    """A later word; None where it changes nothing: repeated, late, or behind what is known."""
    if delivery.attempt == 0 or not 0 < word.attempt <= delivery.attempt:
        return None  # a word on a try that never was
    if word.status in {ReceiptStatus.PLAYED, ReceiptStatus.INTERRUPTED}:
        return _sound(delivery, word)
    if word.status is ReceiptStatus.FAILED:
        return _failed_later(delivery, word, now)
    state = _S.DELIVERED if word.status is ReceiptStatus.DELIVERED else _S.ACCEPTED
    if state is _S.ACCEPTED and not _may_have_it(delivery, word):
        return _contradicted(delivery, word)
    if _RANK.get(delivery.state, 9) >= _RANK[state] and not _corrects(delivery, state):
        return None
    return Settlement(
        state=state,
        reason=_reason(delivery, word),
        duplicate=delivery.duplicate,
        played=delivery.played,
        due_at=_terminal_due(delivery, state, now),
    )


def _reason(delivery: Delivery, word: Receipt) -> str:
    """Why a word moved it on; where the gateway has an earlier try, which one that is."""
    earlier = word.status is ReceiptStatus.ACCEPTED and word.attempt < delivery.attempt
    return f"try-{word.attempt}-accepted" if earlier else f"receipt-{word.status}"


def _taken(delivery: Delivery) -> int:
    """The try that its state speaks of: the last, or an earlier one that the gateway has.

    What that comes to is what becomes of it; what the gateway did with the last one is unheard.
    """
    earlier = _EARLIER_TRY.fullmatch(delivery.reason)
    return int(earlier[1]) if earlier and delivery.state is _S.ACCEPTED else delivery.attempt


def _may_have_it(delivery: Delivery, word: Receipt) -> bool:
    """Whether a gateway may have what that try was: of the last one nobody has said that it failed.

    Words come in any order: "sent" after "undelivered" must not keep a message from going by
    another route. Where a copy may be out there, nobody can say of which try that is.
    """
    last = word.attempt == delivery.attempt and delivery.state is not _S.PENDING
    return last or delivery.duplicate


def _contradicted(delivery: Delivery, word: Receipt) -> Settlement | None:
    """It goes out once more all the same; marked, as the gateway says both."""
    if delivery.state is not _S.PENDING or word.attempt != delivery.attempt:
        return None
    return _once_more(delivery, f"receipt-{word.status}", delivery.due_at)


def _corrects(delivery: Delivery, state: DeliveryState) -> bool:
    """Arrival is a fact: it stands over a failure that was reported or a queue that was closed."""
    over = {_S.FAILED, _S.EXPIRED, _S.CANCELLED}
    return state is _S.DELIVERED and delivery.state in over


def _accepted(delivery: Delivery, now: Millis, result: Accepted) -> Settlement:
    state = _S.DELIVERED if result.delivered else _S.ACCEPTED
    taken = BY_HAND if result.by_hand else "gateway-has-it"
    return Settlement(
        state=state,
        reason="arrived" if result.delivered else taken,
        duplicate=delivery.duplicate,
        due_at=_terminal_due(delivery, state, now),
        played=delivery.played,
    )


def _terminal_due(delivery: Delivery, state: DeliveryState, now: Millis) -> Millis | None:
    """A broker's word isn't the loudspeaker's: it stays open until the terminal answers."""
    if state is _S.ACCEPTED and delivery.channel is Channel.LOUDSPEAKER:
        return now + round(delivery.policy.terminal_grace_s * 1000)
    return None


def _unknown(
    delivery: Delivery, now: Millis, code: str, *, again: bool | None = None
) -> Settlement:
    grace = round(delivery.policy.unknown_grace_s * 1000)
    resend = not delivery.duplicate if again is None else again
    return Settlement(
        state=_S.UNKNOWN,
        reason=code,
        due_at=now + grace if resend else None,
        avoid_route=delivery.route if delivery.other_route else None,
        duplicate=delivery.duplicate,
        unreached=delivery.duplicate,
        played=delivery.played,
    )


def _resend(delivery: Delivery, now: Millis) -> Settlement:
    """The grace of an unknown is over: once more, marked; or never, if the alert is."""
    if delivery.alert_over or now >= delivery.expires_at:
        return Settlement(state=_S.UNKNOWN, reason="unknown-at-end", duplicate=delivery.duplicate)
    return _once_more(delivery, "resend-after-unknown", now)


def back(delivery: Delivery, now: Millis) -> Settlement | None:
    """Its loudspeaker is there again: what that never answered it is told once more.

    A broker that was killed may have forgotten all of it, or an alert's end alone, and then the
    alert that still waited there would sound. It plays each delivery once, however often told.
    """
    given_up = delivery.state is _S.UNKNOWN and delivery.due_at is None
    if not given_up or delivery.alert_over or now >= delivery.expires_at:
        return None
    if delivery.attempt >= _MOST_TRIES:
        return None
    return _once_more(delivery, "loudspeaker-back", now)


def _once_more(delivery: Delivery, reason: str, due_at: Millis | None) -> Settlement:
    return Settlement(
        state=_S.PENDING,
        reason=reason,
        due_at=due_at,
        avoid_route=delivery.route if delivery.other_route else None,
        duplicate=True,
        played=delivery.played,
    )


def _is_final(delivery: Delivery, fault: Fault | None) -> bool:
    """Whether no other try would bring it.

    Who asked one gateway to be left alone, most often for another sender's sake, isn't silenced by
    that: another gateway may.
    """
    left_alone = fault is Fault.OPTED_OUT and not delivery.other_route
    return fault is Fault.DEAD or left_alone


def _failed(delivery: Delivery, code: str, fault: Fault | None = None) -> Settlement:
    """It won't arrive by this try. Where an earlier one may have, nobody can tell: unknown.

    Only an address that doesn't exist speaks for the earlier copy as well.
    """
    copy_out = delivery.duplicate and fault is not Fault.DEAD
    return Settlement(
        state=_S.UNKNOWN if copy_out else _S.FAILED,
        reason=code,
        duplicate=delivery.duplicate,
        unreached=True,
        dead=fault in _OF_THE_ADDRESS,
    )


def _again(delivery: Delivery, error: SendError, now: Millis) -> Settlement:
    """Not handed over: another try, by another route where this one refuses."""
    refused = error.fault in {Fault.REFUSED, Fault.OPTED_OUT}
    if delivery.alert_over:
        return _too_late(delivery, _S.CANCELLED, "alert-ended")
    if refused and not delivery.other_route:
        return _failed(delivery, error.code)
    throttled = error.fault in _TOLD_TO_WAIT
    # Gateways refuse a text that is repeated to one number: another route rather than a third try.
    tired = delivery.other_route and not throttled and delivery.attempt >= _MOST_BY_ONE_ROUTE
    most = _MOST_TRIES if throttled else delivery.policy.max_attempts
    if delivery.attempt >= most:
        told = f"gave-up-after-{delivery.attempt}-{error.code}"
        return _failed(delivery, told, error.fault)
    # What one route can't take now doesn't wait for it where there is another.
    elsewhere = error.fault is Fault.THROTTLED and delivery.other_route
    tries = 1 if error.fault is Fault.AWAY or elsewhere else delivery.attempt
    wait = 0.0 if refused else backoff_s(delivery.policy, tries)
    if error.retry_after_s is not None:
        asked = max(wait if not throttled else 0.0, error.retry_after_s)
        wait = min(wait, asked) if elsewhere else asked
    due = now + round(wait * 1000)
    if due >= delivery.expires_at:
        return _too_late(delivery, _S.EXPIRED, error.code)
    return Settlement(
        state=_S.PENDING,
        reason=error.code,
        due_at=due,
        avoid_route=delivery.route if refused or tired or elsewhere else None,
        duplicate=delivery.duplicate,
        played=delivery.played,
    )


def _too_late(delivery: Delivery, state: DeliveryState, code: str) -> Settlement:
    """No further try comes; where an earlier one may have arrived, nobody can tell: unknown."""
    end = _S.UNKNOWN if delivery.duplicate else state
    return Settlement(state=end, reason=code, duplicate=delivery.duplicate)


def backoff_s(policy: Policy, attempt: int) -> float:
    """Seconds to wait after the `attempt`-th try; the last figure repeats."""
    steps = policy.retry_backoff_s
    return steps[min(attempt, len(steps)) - 1] if steps else 0.0


def _failed_later(delivery: Delivery, word: Receipt, now: Millis) -> Settlement | None:
    """The gateway took it and then couldn't: by another route, or not at all."""
    code = word.code or "failed"
    if _did_not_play(delivery, word):
        return Settlement(
            state=_S.DELIVERED, reason=code, duplicate=delivery.duplicate, played=Played.FAILED
        )
    if _ends_the_waiting(delivery, word):
        return _failed(delivery, code, word.fault)
    current = delivery.state in {_S.SENDING, _S.ACCEPTED, _S.UNKNOWN}
    if not current or word.attempt != _taken(delivery):
        return None
    if word.fault is None or _is_final(delivery, word.fault):
        return _failed(delivery, code, word.fault)
    return _again(delivery, SendError(word.fault or Fault.REFUSED, code), now)


def _did_not_play(delivery: Delivery, word: Receipt) -> bool:
    """Whether a loudspeaker that has the command says how often it was heard: never."""
    has_it = delivery.channel is Channel.LOUDSPEAKER and delivery.state is _S.DELIVERED
    return has_it and word.detail != "" and delivery.played is Played.SILENT


def _ends_the_waiting(delivery: Delivery, word: Receipt) -> bool:
    """Whether a next try, which waits, would be to a number that is known not to exist.

    Any try's word says so. Where the next one has begun, its own word will come.
    """
    if delivery.state is _S.PENDING and word.attempt == delivery.attempt:
        return _is_final(delivery, word.fault)
    return delivery.state in {_S.PENDING, _S.UNKNOWN} and word.fault is Fault.DEAD


def _sound(delivery: Delivery, word: Receipt) -> Settlement | None:
    """What a loudspeaker played; that it played proves that the command arrived."""
    whole = word.status is ReceiptStatus.PLAYED and not _partial(word.detail)
    played = Played.PLAYED if whole else Played.PARTIAL
    if delivery.played is Played.PLAYED or (delivery.played is Played.PARTIAL and not whole):
        return None
    return Settlement(
        state=_S.DELIVERED,
        reason=f"receipt-{word.status}",
        duplicate=delivery.duplicate,
        played=played,
    )


def _partial(detail: str) -> bool:
    played, _, asked = detail.partition("/")
    return bool(asked) and played.isdecimal() and asked.isdecimal() and int(played) < int(asked)
