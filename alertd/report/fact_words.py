"""A figure of a fact in the reader's words: for pages and the command line."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from alertd.model import Millis
from alertd.report.values import duration
from alertd.words import word

_LISTED: Final = 8  # of a list that long the rest is counted
_MOMENTS: Final = frozenset({"issue_at", "expires_at", "taken_at", "wall", "was", "now"})
# In which tables a figure's codes are found, the first that has it; what is in none is as it is.
_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "role": ("role",),
    "scopes": ("right",),
    "kind": ("value", "paper"),
    "result": ("result", "value"),
    "state": ("drill", "value"),
    "reason": ("hindrance", "value"),
    **dict.fromkeys(("act", "via", "phase", "grade", "what", "process", "changed"), ("value",)),
}


def figure(say: Callable[[str], str], name: str, value: Any, at: Callable[[Millis], str]) -> str:
    """One figure's value.

    Args:
        say: The reader's `alertd.i18n.translator`.
        name: The figure's, a key of the table "figure".
        value: A number, a code, somebody's words, a moment in ms, yes or no, or a list of codes.
        at: How a moment is told.
    """
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if name in _MOMENTS:
        return at(value)
    if name == "lasted_ms":
        return duration(say, value)
    if isinstance(value, list | tuple):
        told = ", ".join(figure(say, name, each, at) for each in value[:_LISTED])
        return f"{told} … (+{len(value) - _LISTED})" if len(value) > _LISTED else told
    return _word(say, name, value) if isinstance(value, str) else f"{value:,}"


def _word(say: Callable[[str], str], name: str, code: str) -> str:
    told = (word(say, table, code) for table in _TABLES.get(name, ()))
    return next((said for said in told if said != code), code)
