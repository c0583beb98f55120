"""Whether anything of an alert has left for somebody, and why nothing has.

Whoever was never told isn't silent. Nobody is called told by what only waits, and nobody never
told by what may have left.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntFlag, StrEnum
from typing import Final

from alertd.decide.plan import ANSWERED, CHANGED, MUTED
from alertd.decide.settle import BY_HAND
from alertd.model import DeliveryState, MessageKind

SAYS_IT: Final = frozenset(
    {
        *(MessageKind.ALERT, MessageKind.SHIFT, MessageKind.REMINDER, MessageKind.TAKEOVER),
        *(MessageKind.CALL, MessageKind.GROUP_REMINDER),
    }
)
"""What says what an alert asks: by nothing else is anybody told of it."""

Run = tuple[int, int, int]
"""`n` numbers in a row, and as many that go with them: (first, first that goes with it, n)."""


class Sign(IntFlag):
    """What one message to somebody says of it; several of one person are added up.

    Fits a byte, so that a report on two million people can keep one of each.
    """

    RECIPIENT = 1  # of the selection, or of those told before
    LEFT = 2  # a gateway has it, or has brought it
    PERHAPS = 4  # under way, or nobody can tell
    WAITS = 8
    ENDED = 16  # it waited when the alert ended
    FAILED = 32
    NO_ROUTE = 64  # no route may carry it
    LEFT_OUT = 128  # by a drill's plan


class Standing(StrEnum):
    """How somebody stands; all but the first two are reasons why they were never told."""

    TOLD = "told"
    PERHAPS = "perhaps"  # nobody can tell whether anything has reached a gateway
    WAITS = "waits"
    SUPERSEDED = "superseded"  # a later alert took its place before anything had left
    ENDED = "ended-first"
    FAILED = "all-failed"
    NO_ROUTE = "no-route"
    LEFT_OUT = "left-out"
    NO_MESSAGE = "no-message"  # none was made: no number, not on duty, or not their turn yet

    @property
    def never(self) -> bool:
        """Whether nothing of the alert has left, for all that is known."""
        return self not in {Standing.TOLD, Standing.PERHAPS}


_OF_STATE: Final = {
    DeliveryState.PENDING: Sign.WAITS,
    DeliveryState.SENDING: Sign.PERHAPS,
    DeliveryState.ACCEPTED: Sign.LEFT,
    DeliveryState.DELIVERED: Sign.LEFT,
    DeliveryState.FAILED: Sign.FAILED,
    DeliveryState.UNKNOWN: Sign.PERHAPS,
    DeliveryState.EXPIRED: Sign.ENDED,
    DeliveryState.CANCELLED: Sign.ENDED,
}
_OF_REASON: Final = {
    "no-route": Sign.NO_ROUTE,
    "route-outside-plan": Sign.NO_ROUTE,
    "outside-plan": Sign.LEFT_OUT,
    MUTED: Sign.LEFT_OUT,
    ANSWERED: Sign(0),  # it only asked for what had come
    CHANGED: Sign(0),  # another says it, where they have a number
}
_HELD_BACK: Final = frozenset({DeliveryState.FAILED, DeliveryState.CANCELLED})
# What may still come first, then what would have come, then what couldn't.
_WHY: Final = (
    (Sign.WAITS, Standing.WAITS),
    (Sign.ENDED, Standing.ENDED),
    (Sign.FAILED, Standing.FAILED),
    (Sign.NO_ROUTE, Standing.NO_ROUTE),
    (Sign.LEFT_OUT, Standing.LEFT_OUT),
)


def sign(state: int, reason: str = "", *, marked: bool = False) -> Sign:
    """What a message says, by its state.

    Args:
        state: A DeliveryState.
        reason: Why, where it failed or was held back.
        marked: An earlier try of it may have gone out.
    """
    of_state = DeliveryState(state)
    if of_state is DeliveryState.ACCEPTED and reason == BY_HAND:
        return Sign.WAITS  # a call that stands on an operator's list
    held = _OF_REASON.get(reason) if of_state in _HELD_BACK else None
    found = _OF_STATE[of_state] if held is None else held
    return found | Sign.PERHAPS if marked else found


def standing(signs: int, *, superseded: bool) -> Standing:
    """How somebody stands by all their messages.

    Args:
        signs: Of these, added up.
        superseded: A later alert has taken this one's place.
    """
    if signs & Sign.LEFT:
        return Standing.TOLD
    if signs & Sign.PERHAPS:
        return Standing.PERHAPS
    why = next((word for bit, word in _WHY if signs & bit), Standing.NO_MESSAGE)
    return Standing.SUPERSEDED if why is Standing.ENDED and superseded else why


def runs(pairs: Iterable[Sequence[int]]) -> list[list[int]]:
    """Pairs of numbers as runs: few where each goes along with the other, as messages with people.

    A second number 0 is nobody, and has no neighbour.
    """
    found: list[list[int]] = []
    run, next_one, next_other = [0, 0, 0], -1, -1
    for one, other in pairs:
        if one == next_one and other == next_other:
            run[2] += 1
        else:
            run = [one, other, 1]
            found.append(run)
        next_one, next_other = one + 1, other + 1 if other else -1
    return found


def in_words(pairs: Iterable[tuple[int, int]]) -> str:
    """Duties with who holds them as one text, as a database joins it: `duty:person` each."""
    return " ".join(f"{duty}:{person}" for duty, person in pairs)


def held_by(holders: str | Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
    """(duty, person) of a fact's `holders`; person 0 is nobody. Older journals have runs."""
    if isinstance(holders, str):
        for pair in holders.split():
            duty, _, person = pair.partition(":")
            yield int(duty), int(person)
        return
    yield from paired(holders)


def paired(those: Iterable[Sequence[int]]) -> Iterator[tuple[int, int]]:
    """The pairs that `runs` stand for."""
    for first, with_it, n in those:
        for at in range(n):
            yield first + at, with_it + at if with_it else 0
