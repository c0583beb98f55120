"""What alertd promised, held against what the peers themselves wrote down. Pure.

Nothing here is taken from alertd's own word alone: that a message arrived is true when the
simulated phone, group or loudspeaker has it in its log.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alertd.cli.words import _
from alertd.model import DeliveryState, Millis, RecipientKind


@dataclass(frozen=True, slots=True)
class Seen:
    """One message as a peer saw it.

    Args:
        delivery: Our number, as the message carried it.
        attempt: Which try.
        marked: Whether it said that it may be a second copy.
    """

    delivery: int
    attempt: int
    marked: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """One delivery as alertd has it."""

    delivery: int
    to: RecipientKind
    state: DeliveryState
    due_at: Millis | None

    @property
    def is_with_peer(self) -> bool:
        """Whether alertd says that the peer has it; a broker's word isn't its loudspeaker's."""
        if self.to is RecipientKind.TERMINAL:
            return self.state is DeliveryState.DELIVERED
        return self.state in {DeliveryState.ACCEPTED, DeliveryState.DELIVERED}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise: what was checked, over how many, and how many broke it."""

    name: str
    checked: int
    broken: int

    @property
    def held(self) -> bool:
        """Whether it was kept."""
        return not self.broken


def arrived(kept: Iterable[Kept], seen: Iterable[Seen]) -> Verdict:
    """What is called accepted or delivered was seen by a peer."""
    known = {message.delivery for message in seen}
    claimed = [each.delivery for each in kept if each.is_with_peer]
    missing = sum(delivery not in known for delivery in claimed)
    return Verdict(_("what is called sent was seen by its peer"), len(claimed), missing)


def unstuck(kept: Sequence[Kept], now: Millis) -> Verdict:
    """Nothing rests in `sending` past its deadline."""
    stuck = sum(
        each.state is DeliveryState.SENDING and each.due_at is not None and each.due_at < now
        for each in kept
    )
    return Verdict(_("nothing is stuck past its deadline"), len(kept), stuck)


def marked(seen: Iterable[Seen]) -> Verdict:
    """A second copy of a message says that it may be one."""
    messages = sorted(seen, key=lambda message: (message.delivery, message.attempt))
    counted = Counter(message.delivery for message in messages)
    first: set[int] = set()
    unmarked = 0
    for message in messages:
        unmarked += message.delivery in first and not message.marked
        first.add(message.delivery)
    again = sum(count - 1 for count in counted.values())
    return Verdict(_("every second copy is marked as one"), again, unmarked)


def inside(reached: Collection[str], allowed: Collection[str]) -> Verdict:
    """Everybody reached is in the selection, or a superior of somebody who is."""
    outside = len(set(reached) - set(allowed))
    return Verdict(_("nobody outside the selection was reached"), len(set(reached)), outside)


def chained(held: int, broken: int) -> Verdict:
    """The journal's chain holds."""
    return Verdict(_("the journal's chain holds"), held + broken, broken)


def seen_by_phones(lines: Iterable[Mapping[str, Any]]) -> list[Seen]:
    """From the log of the simulated phones, or of the chat groups."""
    return [
        Seen(int(line["delivery"]), int(line["attempt"]), bool(line["possible_duplicate"]))
        for line in lines
        if line["what"] == "message" and line["taken"]
    ]


def seen_by_speakers(lines: Sequence[Mapping[str, Any]]) -> list[Seen]:
    """From the log of the simulated loudspeakers.

    A copy that a loudspeaker knew as one and didn't play again counts as marked: nobody heard it.
    """
    played = {str(line["cmd_id"]) for line in lines if line["what"] == "playing"}
    heard = [line for line in lines if line["what"] == "heard" and line.get("cmd_id")]
    return [
        Seen(
            *_try_of(line["cmd_id"]), line["verdict"] == "repeated" or line["cmd_id"] not in played
        )
        for line in heard
    ]


def _try_of(command: str) -> tuple[int, int]:
    """Delivery and attempt in a command's id: KEY-ALERT-DELIVERY-ATTEMPT-MAC."""
    _key, _alert, delivery, attempt, _mac = command.rsplit("-", 4)
    return int(delivery), int(attempt)
