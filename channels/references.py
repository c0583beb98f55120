"""Which message a gateway's reference was given for: what tells an answer from a neighbour's."""

from collections.abc import Hashable

_MOST = 10_000  # the latest; an answer that comes twice comes within a few others


class References:
    """A gateway's own ids of the messages that it took lately, and whose they are.

    HTTP/1.1 doesn't say which request an answer is for: where a connection is used again, an answer
    that comes twice is read as the next request's. Its reference gives it away.
    """

    def __init__(self) -> None:
        self._given: dict[str, Hashable] = {}

    def fresh(self, reference: str, owner: Hashable) -> bool:
        """Note that `reference` came for `owner`; False where it is another's.

        The owner is a delivery where a gateway may give a repeated try of it the reference that it
        has already, and a try elsewhere.
        """
        if self._given.setdefault(reference, owner) != owner:
            return False
        if len(self._given) > _MOST:
            del self._given[next(iter(self._given))]
        return True
