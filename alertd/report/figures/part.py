"""How the parts of the figures take facts: each names the kinds that it reads."""

from collections.abc import Callable, Mapping
from typing import Protocol

from alertd.model import Recorded

Take = Callable[[Recorded], None]


class Part(Protocol):
    """One part of the figures; facts come in the order in which they were recorded."""

    @property
    def takes(self) -> Mapping[str, Take]:
        """What it does with a fact, by kind."""
