"""Chance that depends on nothing but the seed and what is asked.

Every draw has a name of its own, so that a change at one place moves no draw at another: two
nights of one seed under two policies have the same people, asleep or awake.
"""

import math
from collections.abc import Mapping
from hashlib import blake2b
from statistics import NormalDist
from typing import Any, Final

_NORMAL: Final = NormalDist()
_WHOLE: Final = float(1 << 53)
_EDGE: Final = 1e-9


class Dice:
    """Draws of one seed.

    Args:
        seed: Any integer.
    """

    def __init__(self, seed: int) -> None:
        key = seed.to_bytes(8, "big", signed=True) if -(2**63) <= seed < 2**63 else b""
        self._keyed = blake2b(digest_size=8, key=key or str(seed).encode()[-64:])
        self._shares: dict[tuple[object, ...], float] = {}

    def share(self, *name: object) -> float:
        """A number from 0 to below 1, evenly spread; the same for the same name."""
        drawn = self._keyed.copy()
        drawn.update("/".join([str(part) for part in name]).encode())
        return (int.from_bytes(drawn.digest()) >> 11) / _WHOLE

    def kept_share(self, *name: object) -> float:
        """As `share`, for what is asked again and again, of people and phones: it is kept."""
        known = self._shares.get(name)
        if known is None:
            known = self._shares[name] = self.share(*name)
        return known

    def happens(self, share: float, *name: object) -> bool:
        """Whether something happens that does so in this share of all cases."""
        return share > 0 and (share >= 1 or self.share(*name) < share)

    def after_s(self, median_s: float, spread: float, *name: object) -> float:
        """Seconds until something happens, lognormal: half of them are below the median.

        Args:
            median_s: The median; 0 is at once.
            spread: Sigma of the logarithm; 0 is always the median.
            name: Of the draw.
        """
        if median_s <= 0 or spread <= 0:
            return max(median_s, 0.0)
        even = min(max(self.share(*name), _EDGE), 1 - _EDGE)
        return median_s * math.exp(spread * _NORMAL.inv_cdf(even))

    def pick(self, shares: Mapping[Any, float], *name: object) -> str:
        """One of the words, by their shares; "" for what is left of 1."""
        if not shares:
            return ""
        drawn = self.share(*name)
        for word, part in shares.items():
            if drawn < part:
                return str(word)
            drawn -= part
        return ""
