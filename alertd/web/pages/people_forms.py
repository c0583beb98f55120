"""A person and their duties as their page shows them, and what its forms offer."""

from typing import Any, Final

from alertd.i18n import translator
from alertd.words.tables import CHANNELS, TONGUES
from rosters.model import Holding, Person
from rosters.problems import hide_phones
from rosters.words import LANGUAGES, ROLES, role_name

_WAYS: Final = (("sms",), ("sms", "voice"), ("sms", "chat"), ("chat", "sms"), ("voice",))


def choices(language: str) -> dict[str, Any]:
    """What a form may offer: known posts, orders of ways to reach somebody, languages."""
    _ = translator(language)
    ways = [(";".join(way), " → ".join(_(CHANNELS[channel]) for channel in way)) for way in _WAYS]
    return {"roles": list(ROLES), "ways": ways, "tongues": list(LANGUAGES)}


def said_of(person: Person, language: str) -> tuple[tuple[str, str], ...]:
    """(label, value) of what the roster says of somebody whose numbers are masked."""
    _ = translator(language)
    ways = " → ".join(_(CHANNELS.get(channel, channel)) for channel in person.channels)
    said = (
        (_("Phone"), ", ".join(person.phones) or "–"),
        (_("Short number"), person.short_phone),
        (_("Chat account"), person.chat_id),
        (_("Reached by"), ways),
        (_("Language"), _(TONGUES.get(person.language, person.language))),
        (_("Party member"), _("yes") if person.party_member else ""),
    )
    return tuple((label, value) for label, value in said if value)


def duty(name: str, held: Holding, language: str) -> tuple[str, Holding, str, str]:
    """(Unit's name, the holding, roles beside the post's own, the note without numbers)."""
    further = [role for role in held.roles if role != held.post]
    words = "、" if language.startswith("zh") else ", "
    return name, held, words.join(role_name(r, language) for r in further), hide_phones(held.note)
