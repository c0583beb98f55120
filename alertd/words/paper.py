"""The words of paper: what it is, what a row says, what became of it."""

from collections.abc import Mapping
from typing import Final

from alertd.i18n import N_

PAPER_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "paper": {
        "calls": N_("Call sheet"),
        "doors": N_("Doors to knock at"),
        "poster": N_("Poster for the notice board"),
    },
    "result": {
        "y": N_("told, and understood"),
        "p": N_("is at the post already"),
        "n": N_("nobody there, or no answer"),
        "h": N_("needs help"),
        "r": N_("was told, and won't go"),
        "u": N_("isn't on duty: the alternate takes over"),
        "x": N_("what was entered was a mistake"),
    },
    "entry": {
        "counts": N_("entered"),
        "known": N_("known already"),
        "taken-back": N_("taken back"),
        "nothing-before": N_("nothing was entered that could be taken back"),
        "differs": N_("entered as reached before: take that back first (X)"),
        "holder-changed": N_("that person has the duty no more: enter it by hand on the list"),
    },
}
