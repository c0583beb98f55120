"""What changed in a roster, as a reader's words: a field's name, and its value before and after."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from alertd.i18n import N_, translator
from alertd.words import word
from rosters.diff import FieldChange
from rosters.model import CHINA
from rosters.words import level_of, role_name

_YES_NO: Final = {"True": N_("yes"), "False": N_("no")}
_LEVEL: Final = {"level"}
_ROLES: Final = {"post", "roles"}


def in_words(change: FieldChange, language: str) -> tuple[str, str, str]:
    """(Field, before, after)."""
    name = word(translator(language), "field", change.field)
    return (
        name,
        _value(change.field, change.before, language),
        _value(change.field, change.after, language),
    )


def _value(field: str, text: str, language: str) -> str:
    say = translator(language)
    if not text:
        return "–"
    if field == "verified_at":
        return datetime.fromtimestamp(int(text) / 1000, CHINA).date().isoformat()
    if field in _LEVEL:
        known = level_of(text)
        return known.name_in(language) if known else text
    if field in _ROLES:
        return _each(text, lambda role: role_name(role, language), language)
    if field == "channels":
        return _each(text, lambda key: word(say, "channel", key), language)
    return say(_YES_NO[text]) if field == "party_member" and text in _YES_NO else text


def _each(text: str, call: Callable[[str], str], language: str) -> str:
    called: Sequence[str] = [call(part) for part in text.split(", ")]
    return ("、" if language.startswith("zh") else ", ").join(called)
