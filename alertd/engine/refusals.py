"""Why something isn't done now: reasons of decisions and of the store as sentences, with hints."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from alertd.errors import (
    HeldError,
    MovedError,
    NotConfiguredError,
    OutdatedError,
    ReplacedError,
    UnavailableError,
    UnsureError,
)
from alertd.i18n import N_
from alertd.store.database import TimeSetError
from alertd.store.dialect import cause_of

Said = tuple[str, str | None]

_MOVES: Final[Mapping[str, Said]] = {
    "own-alert": (
        N_("A second person must approve this alert."),
        N_("Ask a colleague with the right to approve, or break the glass (it waits, on record)."),
    ),
    "already-approved": (N_("It is approved already."), None),
    "already-expired": (N_("Its time is over."), N_("Draft it anew with a later end.")),
    "already-cancelled": (N_("It was withdrawn already."), None),
    "already-all-clear": (N_("Its all-clear was given already."), None),
    "superseded": (N_("Another alert took its place: act on that one."), None),
    "no-approval-needed": (N_("Nobody else needs to approve it."), None),
    "nobody-wrote-it": (
        N_("It came from a feed."),
        N_("Edit it first; then somebody else approves."),
    ),
    "never-issued": (N_("It was never issued."), None),
    "already-paused": (N_("It is paused already."), None),
    "not-paused": (N_("It isn't paused."), None),
    "already-stopped": (
        N_("Its sending was stopped for good."),
        N_("Tell those who have it: correct or cancel it."),
    ),
    "not-while-draft": (N_("It is a draft, which was told to nobody."), None),
    "not-while-approved": (N_("It is approved and waits; it was told to nobody yet."), None),
    "not-while-issued": (N_("It is issued already."), None),
}
_OTHER: Final = N_("That can't be done now: {reason}.")

_REFERENCES: Final[Mapping[str, str]] = {
    "msg-type-not-supported": N_("a message of that kind refers to nothing here"),
    "references-missing": N_("it doesn't say which alert it follows"),
    "reference-to-itself": N_("it refers to itself"),
    "reference-unknown": N_("that alert isn't stored here"),
    "reference-status-differs": N_("live alerts, drills and tests don't follow one another"),
    "reference-not-issued": N_("it isn't issued yet"),
    "reference-superseded": N_("another alert took its place: act on that one"),
    "reference-already-cancelled": N_("it was withdrawn already"),
    "reference-already-all-clear": N_("its all-clear was given already"),
    "reference-already-expired": N_("its time is over"),
}


def of_move(reason: str) -> Said:
    """(Sentence, hint) for a reason of `decide.lifecycle`."""
    return _MOVES.get(reason) or (_OTHER.format(reason=reason), None)


def of_reference(reason: str) -> str:
    """A clause for a reason of `decide.supersede`."""
    return _REFERENCES.get(reason, reason)


# What stays so until somebody does something about it, by name.
_LASTING: Final[Mapping[str, Callable[[], UnavailableError]]] = {
    each.__name__: each for each in (OutdatedError, ReplacedError)
}


def _known(cause: str) -> UnavailableError | None:
    """What a step failed of, where that is known."""
    if cause.startswith("SQLITE_BUSY"):  # another program has the database's write lock
        return HeldError()
    kind = _LASTING.get(cause)
    return kind() if kind else None


def of_cause(cause: str) -> str:
    """A sentence for why steps can't be committed."""
    known = _known(cause)
    return known.message if known else N_("The engine can't write to the store.")


def of_failure(error: Exception) -> UnavailableError:
    """What callers are told of a step that couldn't be committed."""
    if isinstance(error, MovedError | TimeSetError | UnsureError):
        return error
    return _known(cause_of(error)) or UnavailableError(
        "The store can't be written to now.",
        hint="Look at the database, and at its disk's free space.",
    )


def lost_identity(lost: Iterable[str]) -> NotConfiguredError:
    """What is said where settings that name the city are as shipped again."""
    names = ", ".join(lost)
    return NotConfiguredError(
        f"Settings that say who sends are gone: {names}. New alerts are refused.",
        hint="What is shipped stands for them, which is another office's. Is alertd.toml whole, and"
        " are all variables given? Bring them back and start alertd anew; what shall be as shipped,"
        " write down there. Cancels, corrections and all-clears are taken.",
    )
