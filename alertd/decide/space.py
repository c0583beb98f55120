"""What a filling disk means: whether new work is taken, and what becomes of the ballast.

The ballast is a file that does nothing but hold space. While it is whole and as much again is free
beside it, new work is taken. When nearly nothing is free it is given up, and what was accepted
already goes on in its place.
"""

from enum import StrEnum
from typing import Final

_LAST: Final = 4  # the ballast is given up while a quarter of it is still free: no step need fail
_MORE: Final = 1.25  # so much more must be free before new work is taken again


class Ballast(StrEnum):
    """What becomes of it."""

    KEEP = "keep"
    MAKE = "make"
    RELEASE = "release"


def judge(*, short: bool, free: int, held: int, wanted: int, failed: bool) -> tuple[bool, Ballast]:
    """Whether space is short, so that new work is refused, and what becomes of the ballast.

    Args:
        short: Whether it was short when we looked last.
        free: Bytes free on the disk.
        held: Bytes that the ballast holds.
        wanted: Bytes that it is to hold; 0 for none.
        failed: Whether the last step could not be committed for want of space.
    """
    if failed or free * _LAST < wanted:
        return True, Ballast.RELEASE if held else Ballast.KEEP
    if free + held < 2 * wanted * (_MORE if short else 1):
        return True, Ballast.KEEP
    return False, Ballast.MAKE if held < wanted else Ballast.KEEP
