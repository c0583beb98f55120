"""The report's words for the keys that facts carry; what isn't here is shown as it is.

English is the source text; the catalogs have the Chinese.
"""

from collections.abc import Callable, Mapping

from alertd.i18n import N_
from alertd.words.faults import WITHHELD
from alertd.words.tables import UNTOLD
from rosters.words import LEVEL_NAMES, ROLES

Say = Callable[[str], str]

WORDS: Mapping[str, str] = {
    # CAP status
    "Actual": N_("Actual alert"),
    "Exercise": N_("Exercise"),
    "Test": N_("Test"),
    # colours
    "red": N_("Red"),
    "orange": N_("Orange"),
    "yellow": N_("Yellow"),
    "blue": N_("Blue"),
    # states of an alert
    "draft": N_("draft"),
    "approved": N_("approved"),
    "issued": N_("under way"),
    "updated": N_("updated by a later alert"),
    "cancelled": N_("cancelled"),
    "all-clear": N_("all-clear given"),
    "expired": N_("expired"),
    # purposes of what followed
    "update": N_("update"),
    "correction": N_("correction"),
    "cancel": N_("cancellation"),
    # channels
    "sms": N_("SMS"),
    "loudspeaker": N_("Loudspeakers"),
    "chat": N_("Chat groups"),
    "voice": N_("Calls"),
    "mail": N_("Mailboxes"),
    # levels of the hierarchy
    "level.city": N_("city"),
    "level.subdistrict": N_("subdistrict"),
    "level.community": N_("community"),
    "level.grid": N_("grid"),
    "level.building": N_("building"),
    # stages and kinds of answers
    "received": N_("Received"),
    "on_post": N_("On post"),
    "done": N_("Done"),
    "help": N_("Help"),
    "unavailable": N_("Unavailable"),
    # what a rung does
    "act.remind": N_("reminders"),
    "act.call": N_("put on the list to be telephoned"),
    "act.alternate": N_("passed on to alternates"),
    "act.parent": N_("passed on to superiors"),
    "act.grandparent": N_("passed on to their superiors"),
    "act.door_knock": N_("put on the list of doors to knock at"),
    "act.duty_desk": N_("passed on to the duty desk"),
    # the highest rung before an answer, in the order of the ladder
    "carried": N_("by the answer to the alert before"),
    "first": N_("after the first message"),
    "remind": N_("after a reminder"),
    "call": N_("while on the list to be telephoned"),
    "alternate": N_("after the alternate was told"),
    "parent": N_("after the superior was told"),
    "grandparent": N_("after the superior's superior was told"),
    "door_knock": N_("while on the list of doors to knock at"),
    "duty_desk": N_("after the duty desk was told"),
    # what replies were read as
    "counted": N_("answers that count"),
    "ambiguous": N_("may mean several alerts"),
    "unclear": N_("unclear, for a person to read"),
    "quarantined": N_("quarantined"),
    "unknown-sender": N_("from an unknown number"),
    "no-alert": N_("about no alert"),
    "opt-out": N_("asks for no more messages"),
    # ways of an answer
    "page": N_("answer page"),
    "phone": N_("by telephone"),
    "radio": N_("by radio"),
    "runner": N_("by runner"),
    "paper": N_("on paper"),
    # states of a delivery
    "delivery.pending": N_("waits"),
    "delivery.sending": N_("under way"),
    "delivery.accepted": N_("accepted, arrival not confirmed"),
    "delivery.delivered": N_("delivered"),
    "delivery.failed": N_("failed"),
    "delivery.unknown": N_("unknown, neither sent nor failed"),
    "delivery.expired": N_("expired with the alert"),
    "delivery.cancelled": N_("withdrawn with the alert"),
    # kinds of messages
    "message.alert": N_("the alert"),
    # kinds of further messages
    "alert": N_("to a further number"),
    "reminder": N_("reminder"),
    "takeover": N_("to the alternate"),
    "shift": N_("to whoever came on duty"),
    "group_reminder": N_("reminder in a chat group"),
    "voice_call": N_("call by telephone"),
    "digest": N_("digest to a superior"),
    "paused": N_("to the duty desk: still paused"),
    "confirmation": N_("confirmation"),
    "heard": N_("answer to a call for help"),
    "inject": N_("word from the drill's control"),
    # why nothing has left for somebody
    **{f"never.{why}": text for why, text in UNTOLD.items()},
    # why somebody was left out or a message didn't go
    "no-contact": N_("duty without anybody who can be told"),
    **WITHHELD,
    "same-text-used-up": N_("the gateway takes the same text no more today"),
    "no-such-number": N_("the number does not exist"),
    "opted-out": N_("asked the carrier for no more messages"),
}


def word(say: Say, key: str) -> str:
    """A key in the reader's language."""
    return say(WORDS[key]) if key in WORDS else key


def level_word(language: str, level: str) -> str:
    """What a level of the hierarchy is called."""
    return next((names[_place(language)] for key, names in LEVEL_NAMES.items() if key == level), "")


def role_word(language: str, role: str) -> str:
    """What a role is called; a city's own role bears its key."""
    return ROLES[role][_place(language)] if role in ROLES else role


def _place(language: str) -> int:
    return 0 if language.startswith("zh") else 1
