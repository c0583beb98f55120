"""Long messages whose parts a gateway reports one by one: the whole is there when all of them are.

Held in this process's memory, bounded: parts reported before a restart, or to another process, are
missing for good, and such a message stays accepted.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from channels.base import ReceiptStatus

_MOST: Final = 10_000  # messages, the latest
_MOST_PARTS: Final = 255  # an octet counts them on the air


@dataclass(slots=True)
class _Whole:
    arrived: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)


class Parts:
    """What was said of the parts of the messages sent last."""

    def __init__(self) -> None:
        self._wholes: OrderedDict[tuple[int, int], _Whole] = OrderedDict()

    def after(
        self,
        ours: tuple[int, int],
        number: str | None,
        total: str | None,
        status: ReceiptStatus,
    ) -> ReceiptStatus | None:
        """What a word on one part says of the whole; None where that is nothing.

        Args:
            ours: Delivery and attempt.
            number: The part's, from 1, as the gateway wrote it.
            total: How many there are, likewise. Where both are missing it isn't in parts.
            status: What is said of this part.
        """
        if number is None and total is None:
            return status
        part, parts = _number(number), _number(total)
        if parts == 1 and part in {None, 1}:
            return status
        if part is None or parts is None or part > parts:
            # Of some part, and nobody knows which: that isn't the whole's arrival.
            return ReceiptStatus.ACCEPTED if status is ReceiptStatus.DELIVERED else status
        whole = self._whole(ours)
        if status is ReceiptStatus.FAILED:
            whole.lost.add(part)
            return status
        if status is ReceiptStatus.DELIVERED:
            whole.arrived.add(part)
            whole.lost.discard(part)
            if len(whole.arrived) == parts:
                return status
        return None if whole.lost else ReceiptStatus.ACCEPTED

    def _whole(self, ours: tuple[int, int]) -> _Whole:
        whole = self._wholes.setdefault(ours, _Whole())
        if len(self._wholes) > _MOST:
            self._wholes.popitem(last=False)
        return whole


def _number(said: str | None) -> int | None:
    sound = said is not None and said.isascii() and said.isdigit() and len(said) <= 3  # noqa: PLR2004 - digits of 255
    number = int(said or "") if sound else 0
    return number if 1 <= number <= _MOST_PARTS else None
