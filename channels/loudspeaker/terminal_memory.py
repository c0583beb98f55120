"""What a loudspeaker must still know after a restart, and its form on disk; pure.

Without it a restart would forget which commands were obeyed, and whoever recorded them could have
them played again.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from channels.loudspeaker.commands import Command, CommandType

_VERSION = 1


@dataclass(slots=True)
class Play:
    """What sounds now."""

    command: Command
    started_at: int
    once_ms: int | None  # how long it takes once; None: the player says when
    times: int  # how often it will sound before it ends
    ids: list[str] = field(default_factory=list)  # of every try that this answers
    rounds: int = 0  # how often the player said that it was through
    starts: int = 1  # grows with each restart in the middle of it

    def sounded(self, now: int) -> int:
        """How often it was heard whole."""
        if self.once_ms is None:
            return self.rounds
        return min(self.times, (now - self.started_at) // self.once_ms)

    @property
    def ends_at(self) -> int | None:
        """When it will be through; None where the player says so."""
        return None if self.once_ms is None else self.started_at + self.times * self.once_ms


@dataclass(slots=True)
class Memory:
    """All of it."""

    last: dict[tuple[str, str], int] = field(default_factory=dict)  # by key and target
    acks: OrderedDict[str, Mapping[str, Any]] = field(default_factory=OrderedDict)  # by cmd_id
    results: OrderedDict[str, Mapping[str, Any]] = field(default_factory=OrderedDict)  # by stem
    cancelled: OrderedDict[str, int] = field(default_factory=OrderedDict)  # alert → when
    waiting: list[Command] = field(default_factory=list)
    play: Play | None = None

    def to_document(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "v": _VERSION,
            "last": [[key, target, number] for (key, target), number in self.last.items()],
            "acks": list(self.acks.items()),
            "results": list(self.results.items()),
            "cancelled": list(self.cancelled.items()),
            "waiting": [asdict(command) for command in self.waiting],
            "play": None if self.play is None else asdict(self.play),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """What `to_document` made.

        Raises:
            ValueError: It is of another version, or isn't whole.
        """
        if document.get("v") != _VERSION:
            raise ValueError("not a loudspeaker's memory that this version can read")
        try:
            play = document["play"]
            if play is not None:
                play = Play(**{**play, "command": _command(play["command"])})
            return cls(
                last={(key, target): int(n) for key, target, n in document["last"]},
                acks=OrderedDict(document["acks"]),
                results=OrderedDict(document["results"]),
                cancelled=OrderedDict(document.get("cancelled", [])),
                waiting=[_command(values) for values in document["waiting"]],
                play=play,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("a loudspeaker's memory that isn't whole") from error


def _command(values: Mapping[str, Any]) -> Command:
    also = tuple(values.get("also", ()))
    return Command(**{**values, "type": CommandType(values["type"]), "also": also})
