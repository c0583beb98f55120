"""The world's own book of tries: what left, how it ended, and whether a copy may be out there."""

from collections import defaultdict
from dataclasses import dataclass, field

from alertd.decide.plan import Route
from alertd.model import Channel, Millis
from alertd.store.scratch import address_of
from channels.base import Accepted, Fault, Outcome, Outgoing, Receipt, ReceiptStatus
from drills.simulate.census import Census


@dataclass(slots=True)
class _Try:
    """What is known of a delivery's tries."""

    attempt: int
    deadline: Millis
    address: int
    channel: Channel
    marked: bool
    last: str = ""  # accepted, unknown, dead, not-taken; "" while it is under way
    arrived: bool = False  # a receipt said so
    out: bool = False  # a copy may be with the recipient


@dataclass(slots=True)
class Ledger:
    """By delivery, what the world knows of it; and who was sent which kinds of message."""

    moment: Millis = 0  # the last one at which the engine looked at deadlines
    told: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    tries: dict[int, _Try] = field(default_factory=dict)

    def handed(self, message: Outgoing, route: Route, deadline: Millis) -> None:
        """A try begins."""
        known = self.tries.get(message.delivery)
        if known is None:
            address = address_of(message.address)
            self.tries[message.delivery] = _Try(
                message.attempt, deadline, address, route.channel, message.possible_duplicate
            )
        else:
            known.out |= not known.last  # no word came of the one before
            known.attempt, known.deadline, known.last = message.attempt, deadline, ""
            known.marked = message.possible_duplicate

    def ended(self, outcome: Outcome, now: Millis) -> bool:
        """A try ends; whether that came in time to count."""
        known = self.tries.get(outcome.delivery)
        if known is None or known.attempt != outcome.attempt or known.last or known.arrived:
            return False
        result = outcome.result
        if now > known.deadline and self.moment >= known.deadline:
            known.last, known.out = "unknown", True
            return False
        if isinstance(result, Accepted):
            known.last = "accepted"
            # A broker's word: the loudspeaker itself may have it and be silent.
            known.out |= known.channel is Channel.LOUDSPEAKER
        elif result.fault is Fault.UNKNOWN:
            known.last, known.out = "unknown", True
        else:
            known.last = "dead" if result.fault is Fault.DEAD else "not-taken"
        return True

    def crashed(self) -> None:
        """Tries under way end without a word."""
        for known in self.tries.values():
            if not known.last:
                known.last, known.out = "unknown", True

    def may_be_out(self, delivery: int) -> bool:
        """Whether a copy may be with the recipient."""
        known = self.tries.get(delivery)
        return known is not None and (known.out or not known.last)

    def last_attempt(self, delivery: int) -> int:
        """The number of the last try; 0 for none."""
        known = self.tries.get(delivery)
        return known.attempt if known else 0

    def was_marked(self, delivery: int) -> bool:
        """Whether the last try was marked as a possible duplicate."""
        known = self.tries.get(delivery)
        return known is not None and known.marked

    def is_text(self, delivery: int) -> bool:
        """Whether it is a text to a person's phone."""
        known = self.tries.get(delivery)
        return known is not None and known.channel is Channel.SMS and known.address > 0

    def came(self, word: Receipt) -> None:
        """A receipt comes: what has arrived needs no outcome any more."""
        known = self.tries.get(word.delivery)
        if known is not None and word.status is ReceiptStatus.DELIVERED:
            known.arrived = True

    def is_dead(self, word: Receipt) -> bool:
        """Whether a receipt says that the number of a text doesn't exist."""
        known = self.tries.get(word.delivery)
        says = word.status is ReceiptStatus.FAILED and word.fault is Fault.DEAD
        return (
            says
            and known is not None
            and known.attempt == word.attempt
            and known.last in {"accepted", "unknown"}
            and self.is_text(word.delivery)
        )

    def person_of(self, delivery: int, census: Census) -> int:
        """Whose phone it went to; 0 where several share it."""
        behind = census.behind.get(self.tries[delivery].address, ())
        return behind[0] if len(behind) == 1 else 0
