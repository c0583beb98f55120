"""What doctor finds."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alertd.cli.words import LANGUAGE, _
from alertd.errors import AlertdError
from alertd.i18n import sentence

PATIENCE_S: Final = 10.0
"""How long doctor waits for one thing: every route, or a disk."""


class Health(StrEnum):
    """How something is."""

    WELL = "well"
    LOOK = "look"  # it works, and somebody should look at it
    BROKEN = "broken"  # alerts can't go out, or can't be kept


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. It holds no address and no secret."""

    what: str
    health: Health
    detail: str


def age(days: int) -> str:
    """How long ago, in days."""
    words = {0: _("today"), 1: _("yesterday")}
    return words.get(days) or _("{days} days ago").format(days=f"{days:,}")


def of_error(what: str, error: AlertdError) -> Finding:
    """An error as a finding: its sentence, and what to do about it."""
    texts = [sentence(LANGUAGE, text) for text in (error.message, error.hint) if text]
    return Finding(what, Health.BROKEN, " ".join(texts))
