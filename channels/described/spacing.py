"""Requests for one number keep their distance, where its gateway asks for that.

Alibaba takes one call a minute to a number, and of two within a second it makes neither: those of
two who share a telephone, or of two alerts, would come together again at each further try.
"""

from collections import OrderedDict


class Spacing:
    """When each number was last asked for, in this process.

    Args:
        apart_s: So long apart; 0 holds nothing back.
    """

    def __init__(self, apart_s: float) -> None:
        self._apart_ms = round(apart_s * 1000)
        self._last: OrderedDict[str, int] = OrderedDict()  # the longest ago first

    def wait_s(self, number: str, now_ms: int) -> float:
        """0 where `number` may be asked for now, which is noted; else how long it must wait."""
        while self._last and not self._near(next(iter(self._last.values())), now_ms):
            self._last.popitem(last=False)
        last = self._last.get(number)
        if last is not None and self._near(last, now_ms):
            return (last + self._apart_ms - now_ms) / 1000
        if self._apart_ms:
            self._last[number] = now_ms
            self._last.move_to_end(number)
        return 0.0

    def forget(self, number: str) -> None:
        """It wasn't taken after all."""
        self._last.pop(number, None)

    def _near(self, last: int, now_ms: int) -> bool:
        return 0 <= now_ms - last < self._apart_ms  # a clock that was set back holds nothing up
