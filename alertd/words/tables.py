"""The words of states and kinds, in English, the source of the catalogs."""

from collections.abc import Mapping
from typing import Final

from alertd.i18n import N_
from alertd.words.facts import TOLD_OF
from alertd.words.faults import FAULTS, SPEAKER_FAULTS
from alertd.words.paper import PAPER_WORDS
from alertd.words.proof import FOUND, WHERE

STATUSES: Final[Mapping[str, str]] = {
    "Actual": N_("LIVE"),
    "Exercise": N_("DRILL"),
    "Test": N_("TEST"),
}
STATES: Final[Mapping[str, str]] = {
    "draft": N_("draft"),
    "approved": N_("approved, waits"),
    "issued": N_("under way"),
    "updated": N_("superseded"),
    "cancelled": N_("withdrawn"),
    "all-clear": N_("all-clear given"),
    "expired": N_("expired"),
}
DRILLS: Final[Mapping[str, str]] = {
    "scheduled": N_("in the calendar"),
    "drafted": N_("waits for a second person"),
    "running": N_("under way"),
    "ended": N_("over"),
    "interrupted": N_("interrupted by a live alert"),
    "postponed": N_("not held; set another date"),
    "called-off": N_("called off"),
}
HINDRANCES: Final[Mapping[str, str]] = {
    "live-alert": N_("a live alert was out"),
    "another-drill": N_("another drill was under way"),
    "nobody-agreed": N_("no second person had agreed"),
    "account-closed": N_("an account of those who wanted it was closed"),
    "missed": N_("alertd wasn't running then"),
    "expired": N_("its time was over"),
    "cancelled": N_("its alert was withdrawn"),
    "stopped": N_("its sending was stopped"),
    "all-clear": N_("all-clear given"),
    "updated": N_("superseded"),
}
LOSSES: Final[Mapping[str, str]] = {
    "base_station": N_("base station"),
    "power": N_("power"),
    "network": N_("network"),
    "road": N_("road"),
    "gateway": N_("gateway"),
    "node": N_("node"),
}
PURPOSES: Final[Mapping[str, str]] = {
    "alert": N_("alert"),
    "update": N_("update"),
    "cancel": N_("cancellation"),
    "all-clear": N_("all-clear"),
    "correction": N_("correction"),
}
COLOURS: Final[Mapping[str, str]] = {
    "red": N_("red"),
    "orange": N_("orange"),
    "yellow": N_("yellow"),
    "blue": N_("blue"),
}
DELIVERIES: Final[Mapping[str, str]] = {
    "pending": N_("waiting"),
    "sending": N_("being handed over"),
    "accepted": N_("taken by the gateway"),
    "delivered": N_("arrived"),
    "failed": N_("failed"),
    "unknown": N_("unknown"),
    "expired": N_("expired"),
    "cancelled": N_("withdrawn"),
    "": N_("not told yet"),
}
UNTOLD: Final[Mapping[str, str]] = {
    "waits": N_("waits for its turn"),
    "superseded": N_("a later alert took its place"),
    "ended-first": N_("the alert ended first"),
    "all-failed": N_("all tries failed"),
    "no-route": N_("no route may carry it"),
    "left-out": N_("left out by the drill's plan"),
    "no-message": N_("no number, not on duty, or not their turn"),
}
CALLS: Final[Mapping[str, str]] = {
    **DELIVERIES,
    "delivered": N_("picked up, not answered"),
    "heard": N_("played to the end, not answered"),
    "cut": N_("hung up before its end, not answered"),
    "by-hand": N_("an operator is to call"),
}
CHANNELS: Final[Mapping[str, str]] = {
    "sms": N_("SMS"),
    "loudspeaker": N_("loudspeakers"),
    "chat": N_("chat groups"),
    "voice": N_("calls"),
    "mail": N_("mailboxes"),
    "paper": N_("notice boards"),
}
GROUPS: Final[Mapping[str, str]] = {
    "first": N_("those who answer for a unit"),
    "others": N_("other principals"),
    "alternates": N_("alternates"),
    "all": N_("all"),
}
CELLS: Final[Mapping[str, str]] = {
    "help": N_("needs help"),
    "silent": N_("nobody answers: go there"),
    "waiting": N_("waiting for answers"),
    "covered": N_("all answered"),
    "vacant": N_("nobody is answerable"),
    "unasked": N_("nothing asked"),
}
STAGES: Final[Mapping[str, str]] = {
    "received": N_("received"),
    "on_post": N_("on post"),
    "done": N_("done"),
}
TOLD: Final[Mapping[str, str]] = {
    "alternates": N_("passed on to the alternate"),
    "parent": N_("passed on to the superior"),
    "grandparent": N_("passed on to the next superior"),
    "call_list": N_("to be telephoned"),
    "door_knock": N_("somebody should go"),
    "duty_desk": N_("passed on to the duty desk"),
}
ACTS: Final[Mapping[str, str]] = {
    "remind": N_("remind, by another way where there is one"),
    "call": N_("telephone: by machine, or by an operator"),
    "alternate": N_("ask the alternate"),
    "parent": N_("tell the superior, in one digest"),
    "grandparent": N_("tell the superior's superior"),
    "door_knock": N_("onto the list for somebody to go and knock"),
    "duty_desk": N_("tell the city's duty desk"),
}
TRIALS: Final[Mapping[str, str]] = {
    **DELIVERIES,
    "retry": N_("not now: try again"),
    "permanent": N_("refused"),
    "played": N_("played"),
    "playing": N_("is playing"),
}
VERDICTS: Final[Mapping[str, str]] = {
    "unclear": N_("unclear"),
    "ambiguous": N_("which alert?"),
    "quarantined": N_("kept apart"),
    "unknown-sender": N_("unknown number"),
    "no-alert": N_("no open alert"),
    "opt-out": N_("wants no more messages"),
}
ROLES: Final[Mapping[str, str]] = {
    "administrator": N_("administrator"),
    "duty_officer": N_("duty officer"),
    "approver": N_("approver"),
    "area_administrator": N_("area administrator"),
    "viewer": N_("viewer"),
    "auditor": N_("auditor"),
}
RIGHTS: Final[Mapping[str, str]] = {
    "read": N_("see what is there"),
    "draft": N_("write alerts"),
    "approve": N_("approve alerts"),
    "pause": N_("pause and stop alerts"),
    "call": N_("see a number to call it"),
    "answer": N_("enter answers"),
    "help": N_("take calls for help"),
    "roster": N_("change the roster"),
    "principals": N_("let people in"),
    "terminals": N_("let loudspeakers in, and shut them out"),
    "routes": N_("try routes"),
    "unmask": N_("see whole phone numbers"),
    "clock": N_("set the clock right"),
    "audit": N_("read the record"),
}
VIAS: Final[Mapping[str, str]] = {
    "sms": N_("by SMS"),
    "page": N_("by their own page"),
    "chat": N_("in the group"),
    "call": N_("by a key in a call"),
    "mail": N_("by mail"),
    "phone": N_("by phone"),
    "radio": N_("by radio"),
    "runner": N_("by runner"),
    "paper": N_("on paper"),
}
ACKS: Final[Mapping[str, str]] = {
    "received": N_("received"),
    "on_post": N_("on post"),
    "done": N_("done"),
    "help": N_("help"),
    "unavailable": N_("unavailable"),
}

NEXT: Final[Mapping[str, str]] = {
    "remind": N_("reminder"),
    "call": N_("telephone"),
    "alternate": N_("ask the alternate"),
    "parent": N_("tell the superior"),
    "grandparent": N_("tell the next superior"),
    "door_knock": N_("somebody goes there"),
    "duty_desk": N_("tell the duty desk"),
}
DUTY_STATES: Final[Mapping[str, str]] = {
    "open": N_("not answered yet"),
    "covered": N_("answered"),
    "exhausted": N_("nobody answers: go there"),
    "closed": N_("over without an answer"),
}
CHANGED: Final[Mapping[str, str]] = {
    "added": N_("added"),
    "changed": N_("changed"),
    "left": N_("leaves"),
}
PARTS: Final[Mapping[str, str]] = {
    "unit": N_("unit"),
    "facts": N_("facts of a unit"),
    "person": N_("person"),
    "holding": N_("part in a duty"),
    "terminal": N_("loudspeaker"),
    "group": N_("chat group"),
}
FIELDS: Final[Mapping[str, str]] = {
    "official_code": N_("official code"),
    "name": N_("name"),
    "level": N_("level"),
    "parent_code": N_("unit above"),
    "households": N_("households"),
    "vulnerable": N_("need help to move"),
    "should_transfer": N_("have to be moved"),
    "shelter": N_("shelter"),
    "language": N_("language"),
    "party_member": N_("party member"),
    "phones": N_("phones"),
    "short_phone": N_("short number"),
    "chat_id": N_("chat account"),
    "channels": N_("reached by"),
    "rank": N_("rank in the duty"),
    "roles": N_("roles"),
    "on_duty_to": N_("shift ends"),
    "verified_at": N_("verified"),
    "note": N_("note"),
    "unit_code": N_("area code"),
    "lon": N_("longitude"),
    "lat": N_("latitude"),
    "volume": N_("volume"),
    "kind": N_("platform"),
    "url": N_("address"),
    "secret": N_("signing secret"),
}
COUNTED: Final[Mapping[str, str]] = {
    "units": N_("units"),
    "people": N_("people"),
    "duties": N_("duties"),
    "holdings": N_("parts in duties"),
    "terminals": N_("loudspeakers"),
    "groups": N_("chat groups"),
}
LISTS: Final[Mapping[str, str]] = {
    "no-alternate": N_("Duties without an alternate"),
    "vacant": N_("Vacant duties"),
    "failed": N_("Numbers that failed in the last alerts"),
    "unverified": N_("Not verified for 90 days"),
    "opted-out": N_("Asked to be left out"),
}
TONGUES: Final[Mapping[str, str]] = {"zh-CN": N_("Chinese"), "en": N_("English")}

TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "status": STATUSES,
    "state": STATES,
    "purpose": PURPOSES,
    "drill": DRILLS,
    "hindrance": HINDRANCES,
    "loss": LOSSES,
    "colour": COLOURS,
    "delivery": DELIVERIES,
    "untold": UNTOLD,
    "channel": CHANNELS,
    "call": CALLS,
    "cell": CELLS,
    "group": GROUPS,
    "stage": STAGES,
    "told": TOLD,
    "role": ROLES,
    "via": VIAS,
    "right": RIGHTS,
    "act": ACTS,
    "trial": TRIALS,
    "verdict": VERDICTS,
    "ack": ACKS,
    "next": NEXT,
    "duty": DUTY_STATES,
    **TOLD_OF,
    **PAPER_WORDS,
    "changed": CHANGED,
    "part": PARTS,
    "field": FIELDS,
    "counted": COUNTED,
    "list": LISTS,
    "where": WHERE,
    "found": FOUND,
    "fault": FAULTS,
    "speaker": SPEAKER_FAULTS,
    "tongue": TONGUES,
}
