"""Status reports find the part that they are about.

A report names a modem's reference, which is one octet and wraps after 256 parts, the number that
it went to, and when the service centre took the part. Nothing in it is ours: the route itself
remembers what it sent, in memory, bounded; after a restart of alertd, reports on what was sent
before match nothing, and those deliveries stay accepted.
"""

from collections import deque
from dataclasses import dataclass, field

from channels.base import Fault, Receipt, ReceiptStatus
from channels.sms.modem_codes import report_meaning

_MOST = 20_000  # parts remembered: a day of twelve modems, about
# The network's clock and ours may differ, and a part may have waited for the modem.
_CLOCKS_DIFFER_MS = 15 * 60_000
# Where the reference doesn't tell, the time must: the modem takes no longer to hand a part over.
_HANDED_OVER_MS = 60_000
# What the centre took before we began is none of ours, though its reference be given anew: modems
# that lost their power begin again at 0. So much later a start may still be by our clock.
_BEGAN_MS = 30_000
_ALIKE = 8  # digits from the end: a network may say 138… where we said +86138…


@dataclass(slots=True, eq=False)
class Try:
    """One try of a delivery, and which of its parts arrived."""

    delivery: int
    attempt: int
    parts: int
    arrived: set[int] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Part:
    """One part under way; `reference` is None until the modem has named it, if it ever does."""

    modem: str
    number: str = field(repr=False)
    at: int  # ms
    of: Try
    place: int  # 0, 1…
    reference: int | None = None


class Reports:
    """Remembers parts, and tells what a report says of a try.

    Args:
        began: Since when it does, ms.
    """

    def __init__(self, began: int) -> None:
        self._began = began
        self._parts: dict[tuple[str, str], deque[Part]] = {}
        self._order: deque[Part] = deque()
        self.unmatched = 0  # reports that fitted nothing, since the last that did

    def begin(self, part: Part) -> None:
        """Remember a part before it is sent: its report may come before the modem's answer."""
        self._parts.setdefault(_key(part.modem, part.number), deque()).append(part)
        self._order.append(part)
        if len(self._order) > _MOST:
            self._drop(self._order.popleft())

    def forget(self, part: Part) -> None:
        """The modem didn't take it: no report is to be taken for its."""
        self._drop(part)
        if part in self._order:
            self._order.remove(part)

    def heard(
        self,
        modem: str,
        number: str,
        reference: int,
        sent_at: int | None,
        status: int,
        done_at: int | None = None,
    ) -> Receipt | None:
        """What a report says.

        Args:
            modem: Which modem it came by.
            number: The recipient, as the network names them.
            reference: 0 to 255.
            sent_at: When the service centre took the part, ms, by its clock; None where unknown.
            status: TP-Status.
            done_at: When that came about, ms, by the same clock.

        Returns:
            The receipt that it makes of the whole message; None where it says nothing yet, or fits
            no part that was sent.
        """
        part = self._find(modem, number, reference, sent_at)
        if part is None:
            self.unmatched += 1
            return None
        self.unmatched = 0
        meaning = report_meaning(status)
        if meaning is None:
            return None
        said, fault = meaning
        if said is ReceiptStatus.DELIVERED:
            part.of.arrived.add(part.place)
            if len(part.of.arrived) < part.of.parts:
                return None
        return _receipt(part, said, fault, status, done_at)

    def _find(self, modem: str, number: str, reference: int, sent_at: int | None) -> Part | None:
        near = [
            part
            for part in self._parts.get(_key(modem, number), ())
            if sent_at is None or self._may_be(part, sent_at)
        ]
        # The one that the modem gave this reference; else one whose reference nobody knows: its
        # answer is still to come, or never came. Of several, the nearest in time.
        named = [part for part in near if part.reference == reference]
        nameless = [
            part
            for part in near
            if part.reference is None
            and sent_at is not None
            and abs(part.at - sent_at) <= _HANDED_OVER_MS
        ]
        return min(named or nameless, key=lambda part: _apart(part, sent_at), default=None)

    def _may_be(self, part: Part, sent_at: int) -> bool:
        # A clock that was set back since has parts of before the beginning.
        since = min(self._began, part.at) - _BEGAN_MS
        return sent_at >= since and abs(part.at - sent_at) <= _CLOCKS_DIFFER_MS

    def _drop(self, part: Part) -> None:
        key = _key(part.modem, part.number)
        parts = self._parts.get(key)
        if parts is not None and part in parts:
            parts.remove(part)
            if not parts:
                del self._parts[key]


def _key(modem: str, number: str) -> tuple[str, str]:
    return modem, "".join(filter(str.isdigit, number))[-_ALIKE:]


def _apart(part: Part, sent_at: int | None) -> int:
    return -part.at if sent_at is None else abs(part.at - sent_at)


def _receipt(
    part: Part, status: ReceiptStatus, fault: Fault | None, code: int, done_at: int | None
) -> Receipt:
    return Receipt(
        delivery=part.of.delivery,
        attempt=part.of.attempt,
        status=status,
        fault=fault,
        code=f"tp-status-{code:02x}",
        reference="" if part.reference is None else f"{part.modem}-{part.reference}",
        occurred_at=done_at,
    )
