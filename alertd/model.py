"""The values that rooms above share: states, kinds, policies, facts.

Times are `Millis`: integer milliseconds since the Unix epoch, UTC. Numbers (`*_no`) are local to
this node; ids are UUIDv7 in 16 bytes and mean the same on every node.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

Millis = int

FOREVER = 2**31 - 1  # a roster row's `to_version` while it is in force
ALERT_SHIFT = 32  # a delivery's, message's and requirement's number starts with its alert's
SHORT_RANK = 3  # among contacts a short number's, which rings inside its exchange alone
STAGE_SHIFT = 28  # a requirement's number: alert, stage, duty
MINUTE_MS = 60_000


class AlertState(StrEnum):
    """The life of an alert."""

    DRAFT = "draft"  # written down, told to nobody
    APPROVED = "approved"  # a second person agreed, or glass was broken; goes out at issue_at
    ISSUED = "issued"  # being told; ladders climb
    UPDATED = "updated"  # a later alert took its place
    CANCELLED = "cancelled"  # withdrawn
    ALL_CLEAR = "all-clear"  # the danger is over
    EXPIRED = "expired"  # its time ran out


class Status(IntEnum):
    """CAP status, as far as alertd sends it."""

    ACTUAL = 1
    EXERCISE = 2
    TEST = 3

    @property
    def word(self) -> str:
        """As CAP spells it."""
        return self.name.capitalize()


class Channel(IntEnum):
    """The kinds of way out, as they stand in the tables (channels.base.ChannelKind is the word)."""

    SMS = 1
    LOUDSPEAKER = 2
    CHAT = 3
    VOICE = 4
    MAIL = 5
    PAPER = 6

    @property
    def word(self) -> str:
        """The channel's name in settings, API and reports."""
        return self.name.lower()


class DeliveryState(IntEnum):
    """What is known of one message for one contact."""

    PENDING = 0  # will be tried at due_at
    SENDING = 1  # a try with a lease and a deadline (due_at) is on record
    ACCEPTED = 2  # a gateway took responsibility and gave an id
    DELIVERED = 3  # the gateway or the terminal itself confirmed arrival
    FAILED = 4  # won't arrive by this contact; the ladder knows
    UNKNOWN = 5  # may or may not have gone; sent once more at due_at, marked; null: for good
    EXPIRED = 6  # the alert ran out first
    CANCELLED = 7  # the alert was ended first

    @property
    def word(self) -> str:
        """The state's name in API and reports."""
        return self.name.lower()


class Played(IntEnum):
    """What a loudspeaker said of the sound itself; a receipt of its own."""

    SILENT = 0
    PLAYED = 1
    PARTIAL = 2
    FAILED = 3


class RecipientKind(IntEnum):
    """What an alert goes to."""

    PERSON = 1
    TERMINAL = 2
    GROUP = 3


class MessageKind(StrEnum):
    """Why a message is sent."""

    ALERT = "alert"
    REMINDER = "reminder"
    TAKEOVER = "takeover"  # to an alternate: the principal didn't answer
    SHIFT = "shift"  # the alert, to a principal who comes on duty, or to the post, while it is out
    DIGEST = "digest"  # to a superior: who below is silent
    HELP = "help"  # to parent and duty desk: somebody needs help
    HEARD = "heard"  # to whoever calls for help: who is told of it, or that nobody could be
    CONFIRMATION = "confirmation"
    GROUP_REMINDER = "group_reminder"  # to a chat group: who of it is silent
    CALL = "voice_call"  # spoken, to a phone: nobody answered in writing
    PAUSED = "paused"  # to the duty desk: it was paused, and nobody let it go on
    INJECT = "inject"  # in a drill: what its control tells people has happened


REAL = frozenset({MessageKind.HELP, MessageKind.HEARD})
"""Real even in a drill: it goes before everything, past a pause, and outlives its alert."""


class Stage(IntEnum):
    """What is asked of a duty, each a requirement of its own; a later one implies the earlier."""

    RECEIVED = 1
    ON_POST = 2
    DONE = 3

    @property
    def word(self) -> str:
        """The stage's name in policies, API and reports."""
        return self.name.lower()


class RequirementState(IntEnum):
    """Where one unit's climb stands."""

    OPEN = 0  # due_at says when the next step is
    COVERED = 1  # answered as the policy asks
    EXHAUSTED = 2  # every step taken, nobody answered; on the door-knock list until covered
    CLOSED = 3  # the alert ended first


class Told(IntEnum):
    """Bits of what a ladder has done so far, so that no step is taken twice."""

    ALTERNATES = 1
    PARENT = 2
    GRANDPARENT = 4
    CALL_LIST = 8  # an operator should telephone
    DOOR_KNOCK = 16  # somebody should go
    DUTY_DESK = 32


HURRIED = 64
"""Beside the bits of `Told`: nobody can be reached there, and the next climb says so to others."""


class DrillState(StrEnum):
    """The life of a drill that is made from a plan."""

    SCHEDULED = "scheduled"  # the calendar begins it
    DRAFTED = "drafted"  # its alert waits for a second person
    RUNNING = "running"  # its alert is out
    ENDED = "ended"  # its alert is over
    INTERRUPTED = "interrupted"  # a live alert came
    POSTPONED = "postponed"  # it couldn't begin; its owner sets another date
    CALLED_OFF = "called-off"  # somebody withdrew it


class AckKind(StrEnum):
    """A person's answer."""

    RECEIVED = "received"
    ON_POST = "on_post"
    DONE = "done"
    HELP = "help"
    UNAVAILABLE = "unavailable"


class Via(StrEnum):
    """How an answer came."""

    SMS = "sms"
    PAGE = "page"
    CHAT = "chat"
    CALL = "call"  # a key pressed in a machine's call
    MAIL = "mail"
    PHONE = "phone"
    RADIO = "radio"
    RUNNER = "runner"
    PAPER = "paper"


BY_HAND = (Via.PHONE, Via.RADIO, Via.RUNNER, Via.PAPER)
"""Ways that somebody else enters, perhaps long after the answer."""


class Grade(StrEnum):
    """How surely an answer is the person's own."""

    OWN = "own"
    SHARED = "shared"  # from a phone that several people use
    PROXY = "proxy"  # an operator entered it


STAGES_OF_ACK: Mapping[AckKind, tuple[Stage, ...]] = {
    AckKind.RECEIVED: (Stage.RECEIVED,),
    AckKind.ON_POST: (Stage.RECEIVED, Stage.ON_POST),
    AckKind.DONE: (Stage.RECEIVED, Stage.ON_POST, Stage.DONE),
    AckKind.HELP: (),  # a cry for help covers nothing; a human deals with it
    AckKind.UNAVAILABLE: (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRule:
    """One stage of a policy: its ladder starts `start_min` and is on time until `due_min`."""

    stage: Stage
    due_min: float
    start_min: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung: `after_min` minutes after the stage's start, do these things."""

    after_min: float
    do: tuple[str, ...]  # remind, call, alternate, parent, grandparent, door_knock, duty_desk
    channels: tuple[str, ...] = ("sms",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """An escalation policy; data from config/policies, frozen on the alert."""

    name: str
    tell: str = "principals"  # principals | everyone
    unknown_grace_s: float = 60.0
    terminal_grace_s: float = 30.0  # how long a loudspeaker may be silent after the broker has it
    max_attempts: int = 5
    retry_backoff_s: tuple[float, ...] = (5.0, 15.0, 45.0, 120.0)
    digest_window_s: float = 60.0
    help_climb_s: float = 120.0
    confirm_replies: bool = True
    update_wants_fresh_answer: bool = True
    ladder_roles: tuple[str, ...] = (
        "subdistrict_lead",
        "community_lead",
        "grid_leader",
        "building_lead",
    )
    stages: tuple[StageRule, ...] = (StageRule(stage=Stage.RECEIVED, due_min=15.0),)
    steps: tuple[Step, ...] = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Policy":
        """Read the TOML or JSON shape; raises ValueError or TypeError where it isn't one."""
        values = dict(data)
        stages = tuple(
            StageRule(
                stage=Stage[str(rule["name"]).upper()],
                due_min=float(rule["due_min"]),
                start_min=float(rule.get("start_min", 0.0)),
            )
            for rule in values.pop("stages", ())
            if rule.get("due_min") is not None
        )
        steps = tuple(
            Step(
                after_min=float(step["after_min"]),
                do=tuple(step["do"]),
                channels=tuple(step.get("channels", ("sms",))),
            )
            for step in values.pop("steps", ())
        )
        for key in ("retry_backoff_s", "ladder_roles"):
            if key in values:
                values[key] = tuple(values[key])
        return cls(stages=stages, steps=steps, **values)

    @classmethod
    def thaw(cls, data: Mapping[str, Any]) -> "Policy":
        """Read a policy that an alert froze, perhaps under another version of this program."""
        return cls.from_dict({name: data[name] for name in cls.__slots__ if name in data})

    def to_dict(self) -> dict[str, Any]:
        """The shape that `from_dict` reads."""
        plain = ("retry_backoff_s", "ladder_roles")
        data: dict[str, Any] = {
            name: list(getattr(self, name)) if name in plain else getattr(self, name)
            for name in self.__slots__
            if name not in {"stages", "steps"}
        }
        data["stages"] = [
            {"name": rule.stage.word, "due_min": rule.due_min, "start_min": rule.start_min}
            for rule in self.stages
        ]
        data["steps"] = [
            {"after_min": step.after_min, "do": list(step.do), "channels": list(step.channels)}
            for step in self.steps
        ]
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that happened. The body is JSON, without names, numbers or message texts to one.

    `alert_no` is 0 where the fact is about no alert.
    """

    kind: str
    occurred_at: Millis
    body: Mapping[str, Any]
    alert_no: int = 0
    source: str = "engine"  # engine, route:NAME, principal:HEX…


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A fact in the journal, keyed by (node, writer, seq).

    `turn` numbers a node's transactions in the order in which they took hold of what they changed:
    by it the chains of several writers are put in order, whatever their clocks say.
    """

    fact: Fact
    node: str
    writer: int
    seq: int
    turn: int
    recorded_at: Millis
    prev_hash: bytes = field(repr=False)
    hash: bytes = field(repr=False)


def requirement_no(alert_no: int, stage: Stage, duty_no: int) -> int:
    """The number of what `alert_no` asks of `duty_no` at `stage`."""
    return alert_no << ALERT_SHIFT | int(stage) << STAGE_SHIFT | duty_no


def alert_of(number: int) -> int:
    """The alert's number in a delivery's, message's or requirement's."""
    return number >> ALERT_SHIFT


def duty_of(requirement: int) -> int:
    """The duty's number in a requirement's."""
    return requirement & ((1 << STAGE_SHIFT) - 1)


def stage_of(requirement: int) -> Stage:
    """The stage in a requirement's number."""
    return Stage(requirement >> STAGE_SHIFT & 0xF)


def numbers_of(alert_no: int) -> tuple[int, int]:
    """First and last possible number under an alert, both included."""
    return alert_no << ALERT_SHIFT, (alert_no + 1 << ALERT_SHIFT) - 1


class Precedence(IntEnum):
    """Who of an alert's recipients goes first, where a route can't take all of them at once."""

    FIRST = 0  # loudspeakers, groups, principals who answer for a unit; who comes to a post later
    OTHERS = 2  # principals in other roles
    ALTERNATES = 3  # where the policy tells them from the start


FURTHER = 1
"""The place of what asks again, hands over or tells of silence: of alerts that are alike, whoever
answers for a unit is first told of each, and is asked again before other roles are told."""


HELP_PRIORITY = 0  # goes before everything, past a pause, and outlives its alert
PAUSED_PRIORITY = 1  # word of a pause goes past it, too, and means nothing once its alert is over
CONFIRMATION_PRIORITY = 60  # "we have heard you" waits for every warning
SEVERITIES = range(1, 5)  # 1 Extreme … 4 Minor


def priority_of(severity: int, precedence: int = Precedence.FIRST) -> int:
    """A delivery's place in its queue: the gravest alert first, and within it by precedence.

    `precedence`: a Precedence, or FURTHER.
    """
    return severity * 10 + precedence


PRIORITIES = (
    HELP_PRIORITY,
    PAUSED_PRIORITY,
    *(
        priority_of(severity, precedence)
        for severity in SEVERITIES
        for precedence in sorted((FURTHER, *Precedence))
    ),
    CONFIRMATION_PRIORITY,
)
"""Every priority that a delivery can have, the most urgent first."""
