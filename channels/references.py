"""Which message a gateway's reference was given for: what tells an answer from a neighbour's."""

from collections import OrderedDict

_MOST = 10_000  # the latest; an answer that comes twice comes within a few others


class References:
    """A gateway's own ids of the messages that it took lately, and whose they are.

    HTTP/1.1 doesn't say which request an answer is for: where a connection is used again, an answer
    that comes twice is read as the next request's. Its reference gives it away.
    """

    def __init__(self) -> None:
        # Ordered: of a plain dict, finding the oldest costs more the more were taken out before.
        self._given: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def fresh(self, reference: str, delivery: int, attempt: int = 0) -> bool:
        """Note that `reference` came for `delivery`; False where it is another delivery's.

        A gateway may give a repeated try of one delivery the reference that it has already.
        """
        if self._given.setdefault(reference, (delivery, attempt))[0] != delivery:
            return False
        self._given[reference] = (delivery, attempt)
        if len(self._given) > _MOST:
            self._given.popitem(last=False)
        return True

    def of(self, reference: str) -> tuple[int, int] | None:
        """The delivery and the latest attempt that `reference` was given for, if it was lately."""
        return self._given.get(reference)
