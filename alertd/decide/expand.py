"""In which order an alert reaches whom, and in which pieces."""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["terminals", "groups", "duties", "others", "alternates", "told", "author", "done"]

# Loudspeakers and groups first: few messages, many ears. Then those who answer for a unit, then
# the other roles, then alternates where the policy tells everybody from the start.
SELECTION: tuple[Phase, ...] = ("terminals", "groups", "duties", "others")
FIRST_CHUNK = 256  # small, so that the first message leaves at once
CHUNK = 5_000  # ≤ 12% dearer than one statement for all (STACK.md), and the writer is free between


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece: numbers after `after` up to `upto` in `phase`; then go on at `next_*`."""

    phase: Phase
    after: int
    upto: int
    next_phase: int
    next_cursor: int


def phases(audience: str, *, everyone: bool, test: bool) -> tuple[Phase, ...]:
    """The order for an alert; its index + 1 is the alert's `phase` while it is under way."""
    if test:
        return ("author",)
    selection = (*SELECTION, "alternates") if everyone else SELECTION
    return {"told": ("told",), "both": (*selection, "told")}.get(audience, selection)


def next_chunk(order: tuple[Phase, ...], phase: int, cursor: int, last: int) -> Chunk:
    """The next piece, where the phase's numbers end at `last`.

    Args:
        order: What `phases` gave.
        phase: 1-based place in it.
        cursor: The last number done in this phase.
        last: The highest number there is.
    """
    upto = min(last, cursor + (CHUNK if cursor else FIRST_CHUNK))
    if upto < last:
        return Chunk(order[phase - 1], cursor, upto, phase, upto)
    following = phase + 1 if phase < len(order) else 0
    return Chunk(order[phase - 1], cursor, upto, following, 0)
