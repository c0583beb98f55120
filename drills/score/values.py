"""What a drill's score is made from, and what it says.

Durations are in ms since the issue. Units, duties, people and loudspeakers are this node's numbers;
no name and no phone number is known here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from alertd.model import DeliveryState, Millis, Played, Stage
from alertd.report.figures.values import Figures, Share, Spread


class Kind(StrEnum):
    """What can be wrong, each with a rule for when it is mended."""

    SILENT = "silent"  # a duty whose holders all stayed silent: the call tree breaks there
    VACANT = "vacant"  # a unit whose duty nobody holds
    NO_CONTACT = "no-contact"  # a duty whose holders can't be told by anything
    NUMBER = "number"  # a wrong or dead number
    SPEAKER = "loudspeaker"  # one that was commanded and didn't play to the end
    MESSAGES = "messages"  # somebody who got too many
    MARK = "mark"  # a pass mark that was missed


class Superior(StrEnum):
    """What the nearest duty above a silent one did: where the chain is broken."""

    ANSWERED = "superior-answered"
    SILENT = "superior-silent"
    NONE = "no-superior"


class Verdict(StrEnum):
    """What became of a pass mark; as a whole, of all of them."""

    KEPT = "kept"
    MISSED = "missed"
    UNDECIDED = "undecided"  # the drill ended before it could be told
    UNMEASURED = "not-measured"


Key = tuple[Kind, int, str]
"""What a defect is about, the same in every drill: kind, subject, and what of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A unit of the hierarchy, and the one above it."""

    no: int
    level: str
    parent_no: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A duty that was asked at one stage, `asked_ms` after the drill's start.

    `covered_ms` is since then; None where nobody answered for it. `holders` as the roster had them
    then, the principals first.
    """

    duty_no: int
    unit_no: int
    role: str
    stage: Stage
    covered_ms: Millis | None = None
    holders: tuple[int, ...] = ()
    asked_ms: Millis = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A person to whom messages were to go by a route that the plan doesn't mute.

    Args:
        messages: How many had at least one try.
        arrived: Whether a gateway confirmed one of them.
        answered_ms: Their first answer, or None; `via` says how it came.
        refused: The reason of a number that was refused for good, or "".
        told_ms: When the alert was issued that told them first, after the drill's start;
            `answered_ms` is since then.
    """

    person_no: int
    messages: int = 0
    arrived: bool = False
    answered_ms: Millis | None = None
    via: str = ""
    refused: str = ""
    told_ms: Millis = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An answer to an alert that asked nobody anew, so long after the drill's start.

    For the `duties` that it named; None: for all that the person holds.
    """

    person_no: int
    at_ms: Millis
    stages: tuple[Stage, ...]
    duties: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sounded:
    """A loudspeaker that was commanded, by a route that the plan doesn't mute."""

    terminal_no: int
    unit_no: int
    state: DeliveryState
    played: Played
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that a score is made from.

    Args:
        figures: The report's.
        plan: The drill plan's name, or "".
        over: Whether it ended, or was stopped.
        expired: Whether it ended by its own time.
        interrupted: Whether a live alert ended it.
        ran_ms: How long it ran, its pauses left out; None while it does.
        script_left: How much of its script hadn't come when it ended.
        followed_by: Short codes of the alerts that it went on as, after somebody followed it up.
        places: The units that anything here names, with all above them.
        asked: Duties by stage.
        told: People.
        said: Answers to those of its alerts that asked nobody anew.
        sounded: Loudspeakers.
        vacant: (unit, role) of what nobody holds in the drill's areas, by its roles.
        muted: Messages by channel that the plan kept back.
        open: What earlier drills have found and nobody has mended.
        gone: Of these, what the roster no longer has.
    """

    figures: Figures
    plan: str = ""
    over: bool = False
    expired: bool = False
    interrupted: bool = False
    ran_ms: Millis | None = None
    script_left: int = 0
    followed_by: tuple[str, ...] = ()
    places: Mapping[int, Place] = field(default_factory=dict)
    asked: Sequence[Asked] = ()
    told: Sequence[Told] = ()
    said: Sequence[Said] = ()
    sounded: Sequence[Sounded] = ()
    vacant: Sequence[tuple[int, str]] = ()
    muted: Mapping[str, int] = field(default_factory=dict)
    open: frozenset[Key] = frozenset()
    gone: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A pass mark, what was measured, and the verdict. A share of 1, or minutes."""

    name: str
    wanted: float
    measured: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The duties of a level, or of a unit with all below it.

    `reached`: a holder's message arrived, or one of them answered. Times of those who did.
    `people`: the holders to whom something was to go, each once, and how many of them were reached.
    """

    level: str
    unit_no: int  # 0: the whole level
    asked: int
    people: Share
    reached: Share
    answered: Share
    on_time: Share
    answer: Spread
    on_post: Share
    post: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """Messages of a channel: made, kept back by the plan, and what became of the rest."""

    channel: str
    made: int
    muted: int
    arrived: Share
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WayRow:
    """How people's first answers came, and how soon."""

    via: str
    answers: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """Something to mend.

    Args:
        subject: The duty, person, loudspeaker or unit, by kind; 0 for a mark.
        what: The role of a vacant duty, a mark's name, else "".
        unit_no: Where it is; 0: in no one unit.
        cause: The gateway's reason, a Superior, or what the loudspeaker said.
        n: Messages that somebody got.
        below: (silent, asked) duties below a silent one.
    """

    kind: Kind
    subject: int
    what: str = ""
    unit_no: int = 0
    cause: str = ""
    n: int = 0
    below: tuple[int, int] = (0, 0)

    @property
    def key(self) -> Key:
        """What it is about, the same in every drill."""
        return self.kind, self.subject, self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The drill in a line of figures."""

    people: int
    reached: Share
    answered: Share  # duties, of the first stage
    on_time: Share
    answer: Spread  # people's first answers
    on_post: Share
    post: Spread
    grids: Share  # every duty of the grid itself answered
    speakers: Share  # played to the end
    messages: int
    most_messages: int
    per_person: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A figure beside the last drill's; `better` is None where it can't be said."""

    name: str
    before: float | None
    now: float | None
    better: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What moved since an earlier drill; defects by what they are about."""

    alert_no: int
    short_code: str
    issued_at: Millis | None
    changes: tuple[Change, ...]
    new: int
    still: int
    gone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A drill's score."""

    alert_no: int
    short_code: str
    plan: str
    issued_at: Millis | None
    over: bool
    cut_short: bool
    ran_ms: Millis | None
    followed_by: tuple[str, ...]
    result: Verdict
    marks: tuple[Mark, ...]
    totals: Totals
    levels: tuple[Row, ...]
    units: tuple[Row, ...]
    channels: tuple[ChannelRow, ...]
    ways: tuple[WayRow, ...]
    defects: tuple[Defect, ...]
    mended: tuple[Key, ...]  # of what was open
    gone: tuple[Key, ...]
    against: Comparison | None = None

    def counts(self) -> dict[str, int]:
        """How many defects of each kind."""
        found = dict.fromkeys((kind.value for kind in Kind), 0)
        for defect in self.defects:
            found[defect.kind.value] += 1
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts and numbers."""
        return {**_plain(asdict(self)), "counts": self.counts()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value
