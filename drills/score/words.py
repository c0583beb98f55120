"""A score's words: what each mark, figure, defect and cause is called, and what to do about it."""

from collections.abc import Callable, Mapping
from typing import Final

from alertd.i18n import N_

Say = Callable[[str], str]

VERDICTS: Final[Mapping[str, str]] = {
    "kept": N_("passed"),
    "missed": N_("not passed"),
    "undecided": N_("not decided, ended too soon"),
    "not-measured": N_("not measured"),
}
MARKS: Final[Mapping[str, str]] = {
    "reach_rate": N_("People reached"),
    "answer_rate": N_("Duties answered"),
    "answered_within_min": N_("Nine in ten answers within, min"),
    "covered_grids": N_("Grids covered"),
    "on_post_within_min": N_("Nine in ten on post within, min"),
    "loudspeakers": N_("Loudspeakers that played to the end"),
}
FIGURES: Final[Mapping[str, str]] = {
    "reached": N_("People reached"),
    "answered": N_("Duties answered"),
    "on_time": N_("Answered on time"),
    "grids": N_("Grids covered"),
    "on_post": N_("On post"),
    "speakers": N_("Loudspeakers that played to the end"),
    "answer_median_min": N_("First answer, median, min"),
    "answer_p90_min": N_("First answer, nine in ten within, min"),
    "post_p90_min": N_("On post, nine in ten within, min"),
    "per_person": N_("Messages per person"),
    "defects": N_("Things to mend"),
}
KINDS: Final[Mapping[str, str]] = {
    "silent": N_("break in the call tree"),
    "vacant": N_("duty that nobody holds"),
    "no-contact": N_("duty without a way to tell it"),
    "number": N_("wrong or dead number"),
    "loudspeaker": N_("loudspeaker that failed"),
    "messages": N_("too many messages"),
    "mark": N_("mark that was missed"),
}
TO_DO: Final[Mapping[str, str]] = {
    "silent": N_("Go and ask why nobody answered; name an alternate who will."),
    "vacant": N_("Name somebody for it, and an alternate."),
    "no-contact": N_("Enter a number that works."),
    "number": N_("Ask for the right number and enter it."),
    "loudspeaker": N_("Look at its power, network and sound; try it."),
    "messages": N_("Spare them: fewer duties in one hand, or fewer reminders in the policy."),
    "mark": N_("Find out why, and drill again."),
}
_CAUSES: Final[Mapping[str, str]] = {
    "superior-answered": N_("the superior answered: it broke between the two"),
    "superior-silent": N_("the superior was silent, too: it broke further up"),
    "no-superior": N_("nobody above was asked"),
    "partial": N_("played in part only"),
    "sound-failed": N_("could not play"),
    "silent": N_("has the command, never said that it played"),
    "no-such-number": N_("the number does not exist"),
    "opted-out": N_("asked the carrier for no more messages"),
    "unknown": N_("nobody knows whether it has the command"),
    "pending": N_("was never told"),
    "expired": N_("was never told in time"),
    "cancelled": N_("was not told before the end"),
}


def verdict_word(say: Say, key: str) -> str:
    """What a verdict is called."""
    return say(VERDICTS.get(key, key))


def mark_word(say: Say, key: str) -> str:
    """What a pass mark is called."""
    return say(MARKS.get(key, key))


def figure_word(say: Say, key: str) -> str:
    """What a figure of a comparison is called."""
    return say(FIGURES.get(key, key))


def kind_word_of(say: Say, key: str) -> str:
    """What a kind of defect is called."""
    return say(KINDS.get(key, key))


def to_do(say: Say, kind: str) -> str:
    """What is to be done about it."""
    return say(TO_DO.get(kind, ""))


def cause_word(say: Say, kind: str, cause: str) -> str:
    """Why it is wrong; a gateway's own code is shown as it is."""
    if kind == "messages":
        return say(N_("{n} messages")).format(n=cause)
    return say(_CAUSES[cause]) if cause in _CAUSES else cause
