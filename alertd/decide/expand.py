"""In which order an alert reaches whom, and in which pieces."""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["terminals", "groups", "people", "told", "author"]

# Loudspeakers and groups first: few messages, many ears. Who goes first among people is said by
# each delivery's priority (model.Precedence), not by the order in which they are written down.
SELECTION: tuple[Phase, ...] = ("terminals", "groups", "people")


@dataclass(frozen=True, slots=True)
class Pieces:
    """How large the pieces are, in numbers."""

    first_people: int = 256  # small, so that the first message leaves at once
    most: int = 5_000  # ≤ 12% dearer than one statement for all, and the writer is free between


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece: numbers after `after` up to `upto` in `phase`; then go on at `next_*`."""

    phase: Phase
    after: int
    upto: int
    next_phase: int
    next_cursor: int


def phases(audience: str, *, test: bool, followed: int = 1) -> tuple[Phase, ...]:
    """The order for an alert; its index + 1 is the alert's `phase` while it is under way.

    Args:
        audience: Of those of `alert.audience`.
        test: It is a Test.
        followed: How many alerts it follows; those who were told of each have a phase.
    """
    if test:
        return ("author",)
    last: Phase = "told"
    told = (last,) * followed
    return {"told": told, "both": (*SELECTION, *told)}.get(audience, SELECTION)


def next_chunk(
    order: tuple[Phase, ...], phase: int, cursor: int, last: int, pieces: Pieces
) -> Chunk:
    """The next piece, where the phase's numbers end at `last`.

    Args:
        order: What `phases` gave.
        phase: 1-based place in it.
        cursor: The last number done in this phase.
        last: The highest number there is.
        pieces: How much at once.
    """
    name = order[phase - 1]
    size = pieces.first_people if name == "people" and cursor == 0 else pieces.most
    upto = min(last, cursor + size)
    if upto < last:
        return Chunk(name, cursor, upto, phase, upto)
    following = phase + 1 if phase < len(order) else 0
    return Chunk(name, cursor, upto, following, 0)
