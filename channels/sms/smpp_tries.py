"""Which try a receipt is about: what SMPP gives us to tell, kept in bounded memory.

A receipt names the message_id that the answer to the submit gave, and may bring back the
user_message_reference that we put into it; neither has room for a delivery's number. So this
memory joins them. It is of this process: a receipt that comes after a restart names nobody, unless
the carrier brings back a TLV with our numbers in it (`reference_tlv`).
"""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from channels.base import ReceiptStatus
from channels.sms.smpp_pdus import LONGEST_MESSAGE_ID

MOST_PARTS = 60_000  # fewer than there are references of 16 bits, so that none is given twice
_REFERENCES = 0x10000
_TELLING_DIGITS = 8  # by so many last ones two numbers are taken for the same


@dataclass(slots=True)
class Try:
    """One message on its way, in one part or several."""

    delivery: int
    attempt: int
    address: str = field(repr=False)
    parts: int
    accepted: int = 0  # a bit for each part
    delivered: int = 0
    failed: int = 0

    def after(self, part: int, status: ReceiptStatus) -> ReceiptStatus | None:
        """What a word on one part says of the whole; None where it isn't the whole yet."""
        if status is ReceiptStatus.FAILED:
            self.failed |= 1 << part
            return status
        if status is ReceiptStatus.DELIVERED:
            self.delivered |= 1 << part
            self.failed &= ~(1 << part)
        self.accepted |= 1 << part
        if self.delivered.bit_count() == self.parts:
            return ReceiptStatus.DELIVERED
        return ReceiptStatus.ACCEPTED if self.whole else None

    @property
    def whole(self) -> bool:
        """Whether the gateway has every part, and hasn't said of one that it won't arrive."""
        return self.accepted.bit_count() == self.parts and not self.failed


@dataclass(slots=True)
class Part:
    """One part of a try: what a submit carries."""

    of: Try
    number: int  # from 1
    reference: int  # user_message_reference
    message_id: str = ""

    @property
    def word(self) -> bytes:
        """The part in a TLV of our own: delivery, attempt, number and how many there are."""
        return b"%d.%d.%d.%d" % (self.of.delivery, self.of.attempt, self.number, self.of.parts)


class Tries:
    """The parts sent last.

    Args:
        first: Where references begin; by chance, so that those of before a restart are others.
    """

    def __init__(self, first: int) -> None:
        self._next = first % _REFERENCES
        self._by_reference: dict[int, Part] = {}
        self._by_id: dict[str, Part] = {}  # by `_key` of it
        self._several: dict[tuple[int, int], Try] = {}  # tries in several parts
        self._unanswered: Counter[str] = Counter()

    def part(self, of: Try, number: int) -> Part:
        """A part about to be sent, with a reference of its own."""
        self._next = (self._next + 1) % _REFERENCES
        oldest = self._by_reference.pop((self._next - MOST_PARTS) % _REFERENCES, None)
        if oldest is not None:
            self._forget(oldest)
        part = Part(of, number, self._next)
        self._by_reference[part.reference] = part
        if of.parts > 1:
            self._several[of.delivery, of.attempt] = of
        return part

    def _forget(self, part: Part) -> None:
        key = _key(part.message_id)
        if self._by_id.get(key) is part:
            del self._by_id[key]
        self._several.pop((part.of.delivery, part.of.attempt), None)

    def waits(self, part: Part) -> None:
        """It is being sent, and has no answer yet."""
        self._unanswered[_telling(part.of.address)] += 1

    def waits_no_more(self, part: Part) -> None:
        """It has its answer, or will never have one."""
        digits = _telling(part.of.address)
        self._unanswered[digits] -= 1
        if not self._unanswered[digits]:
            del self._unanswered[digits]

    def taken(self, part: Part, message_id: str) -> None:
        """The gateway has taken `part` and calls it so."""
        part.of.accepted |= 1 << part.number
        part.message_id = message_id
        if message_id:
            self._by_id[_key(message_id)] = part

    def may_be_early(self, addresses: tuple[str, ...]) -> bool:
        """Whether a submit to one of these has no answer yet, so that its id may still come."""
        return any(_telling(address) in self._unanswered for address in addresses)

    def find(
        self,
        message_id: str,
        reference: int | None,
        word: bytes,
        addresses: tuple[str, ...],
        *,
        names_a_phone: bool = False,
    ) -> tuple[Try, int] | None:
        """The try, and the part's number, that a receipt is about.

        Args:
            message_id: As the receipt has it.
            reference: The user_message_reference in it, or None.
            word: `Part.word` in it, or nothing.
            addresses: From whom and to whom it is: gateways don't agree which is which.
            names_a_phone: Whether one of them is somebody's: then it is about that one alone. A
                gateway that was restarted may give its ids anew.
        """
        if named := self._named_by(word):
            return named
        exact = self._by_id.get(_key(message_id)) if message_id else None
        digits = {_telling(address) for address in addresses}
        part = exact
        if exact is None or not _fits(exact, digits):
            # Decimal digits are hexadecimal ones, too: `4096` may be the very id of another.
            likely = self._likely(message_id, reference)
            other = None if names_a_phone else exact
            part = next((part for part in likely if _fits(part, digits)), other)
        return None if part is None else (part.of, part.number)

    def _likely(self, message_id: str, reference: int | None) -> Iterator[Part]:
        """Parts that the receipt would be about if it went to the same phone."""
        for other in _other_spellings(message_id):
            if other in self._by_id:
                yield self._by_id[other]
        part = None if reference is None else self._by_reference.get(reference)
        # An answer has named it already, and otherwise: the reference is an older message's.
        if part is not None and not (part.message_id and message_id):
            yield part

    def _named_by(self, word: bytes) -> tuple[Try, int] | None:
        numbers = word.split(b".")
        if len(numbers) != 4 or not all(n.isdigit() and len(n) < 20 for n in numbers):  # noqa: PLR2004 - as `Part.word`
            return None
        delivery, attempt, number, parts = map(int, numbers)
        sound = 0 < delivery < 2**63 and 0 < attempt < 2**31 and 0 < number <= parts < 256  # noqa: PLR2004 - parts: an octet
        if not sound:
            return None
        found = self._several.get((delivery, attempt))
        if found is None:
            # Sent before a restart; kept only as long as its reference would be.
            found = Try(delivery, attempt, "", parts)
            if parts > 1:
                self.part(found, number)
        return found, number


def _telling(address: str) -> str:
    return address[-_TELLING_DIGITS:]


def _fits(part: Part, digits: set[str]) -> bool:
    return _telling(part.of.address) in digits


def _key(message_id: str) -> str:
    """An id without what gateways are careless about: leading zeros and capitals."""
    return message_id.lower().lstrip("0")


def _other_spellings(message_id: str) -> Iterator[str]:
    """Keys of the same number: many give an id in hexadecimal and name it in decimal, or so."""
    key = _key(message_id)
    if len(key) > LONGEST_MESSAGE_ID or not key.isascii() or not key.isalnum():
        return
    if key.isdigit():
        yield f"{int(key):x}"
    with contextlib.suppress(ValueError):
        yield str(int(key, 16))
