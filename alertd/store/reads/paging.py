"""Lists that are read a page at a time, by the key of the last row seen."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list.

    Args:
        items: In the list's own order.
        next: What to pass as `after` for the next page; None on the last.
    """

    items: tuple[T, ...]
    next: int | None = None
