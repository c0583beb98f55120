"""The figures' shapes. Every duration is in ms since the issue, every share is counts with a rate.

`None` stands where there is nothing to say: a share of nothing, a time that never came.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from alertd.model import Millis, stage_of
from alertd.report.figures.foreseen import Forecast
from alertd.report.figures.standings import Telling

SCHEMA = 6  # of `Figures.to_dict`; raised when a key changes its meaning or goes

Key = tuple[str, int, int]
"""A fact's place: (node, writer, seq)."""


_NOT_ALL: Final = 0.9999


@dataclass(frozen=True, slots=True)
class Share:
    """`n` of `of`; the rate is rounded to four places, and is 1 only where all are there."""

    n: int
    of: int
    rate: float | None = field(init=False)

    def __post_init__(self) -> None:
        rate = round(self.n / self.of, 4) if self.of else None
        if rate is not None and self.n < self.of:
            rate = min(rate, _NOT_ALL)
        object.__setattr__(self, "rate", rate)


@dataclass(frozen=True, slots=True)
class Spread:
    """How values lie: nearest-rank percentiles, so that each is a value that occurred."""

    n: int
    median: Millis | None
    p90: Millis | None
    most: Millis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The alert as a whole. Latencies in ms; `correction` from this issue to the correction's.

    `as_of`: when the last fact that was counted was recorded.
    """

    no: int
    id: str
    status: str
    purpose: str
    state: str
    short_code: str
    colour: str
    severity: int
    headline: str
    policy: str
    simulated: bool
    break_glass: bool
    roster_version: int | None
    roster_digest: str
    drafted_at: Millis | None
    approved_at: Millis | None
    issued_at: Millis | None
    ended_at: Millis | None
    as_of: Millis | None
    approval_ms: int | None
    issue_ms: int | None
    correction_ms: int | None
    followed_by: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Whom the alert was for. `duties` is the denominator: person-duties asked at the first stage.

    `excluded` by reason: `no-contact` duties whose holders have no contact, and messages that the
    engine withheld: `outside-plan`, `no-route`, `muted-by-plan`, `alert-ended` (before the first
    try).
    """

    duties: int
    people: int
    terminals: int
    groups: int
    excluded: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """Messages by what is known of them; `submitted` had at least one try."""

    made: int
    submitted: int
    attempts: int
    pending: int
    sending: int
    accepted: int
    delivered: int
    failed: int
    unknown: int
    expired: int
    cancelled: int
    marked_duplicates: int
    failed_by_cause: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudspeakers:
    """From the broker's word to the sound: each of these is a different promise.

    `online_*` count all loudspeakers of this node that ever told their presence.
    """

    known: int
    online_at_issue: int
    online_at_last: int
    faulty_at_last: int
    targeted: int
    delivered: int
    played: int
    partial: int
    silent: int
    failed: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFigures:
    """What was asked at one stage. `carried`: answered by the alert before, no fresh answer asked.

    `covered` includes `carried`; `closed` was open when the alert ended.
    """

    stage: str
    due_ms: int | None
    asked: int
    covered: int
    carried: int
    on_time: int
    exhausted: int
    closed: int
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFigures:
    """What was asked of a unit itself (a grid with its buildings) at one stage."""

    unit_no: int
    stage: str
    asked: int
    covered: int
    on_time: int
    exhausted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Shares. Person-duties, but for `reach` and `handed_over`, which count unique people.

    `reach`: the gateway confirmed arrival at one of the person's contacts; `handed_over`: it took
    responsibility at least. `answered_people` is a count: alternates answer, too, who aren't among
    those told first.
    """

    reach: Share
    handed_over: Share
    answer: Share
    on_time: Share
    answered_people: int
    reach_by_level: Mapping[str, Share]  # where the expansion wrote levels down


@dataclass(frozen=True, slots=True, kw_only=True)
class WayFigures:
    """People's first answers by the way in which they came; `on_time` of the first stage."""

    via: str
    people: int
    on_time: int
    median_ms: Millis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast: people's first answers, and when a share of the duties was covered (ms)."""

    first_answer: Spread
    covered_50: Millis | None
    covered_90: Millis | None
    covered_100: Millis | None
    curve: tuple[tuple[Millis, int], ...]  # (ms, duties covered by then), in at most 122 points


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalations:
    """Ladders. `acts` by kind; `resolved`: the first stage's, by the last rung before the answer.

    `unwoken` are requirements of any stage whose every rung was taken and that nobody ever
    answered, each with its unit. `unanswerable` are grids and stairwells, each with the role that
    nobody has there: nobody was asked, so they are in no other figure.
    """

    climbs: Mapping[str, int]  # by reason: no-answer, unreachable, steps-exhausted
    acts: Mapping[str, int]
    resolved: Mapping[str, int]
    digests_sent: int
    digests_spared: int  # everybody had answered when the window closed
    asks_spared: int  # reminders, calls, take-overs and digests that waited until the answer came
    unwoken: tuple[tuple[int, int], ...]
    unanswerable: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpCall:
    """A call for help and its handling; `taken_ms` and `closed_ms` since it was opened."""

    ack_no: int
    unit_no: int
    opened_at: Millis
    climbed: int
    taken_ms: int | None
    closed_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Acknowledgements by kind, way and surety; manual ones by way; what replies were read as."""

    total: int
    withdrawn: int
    late: int
    by_kind: Mapping[str, int]
    by_via: Mapping[str, int]
    by_grade: Mapping[str, int]
    manual: Mapping[str, int]
    replies: Mapping[str, int]
    ways: tuple[WayFigures, ...]
    help_calls: tuple[HelpCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """应转 / 已转 / 未转: the sums of the last counts.

    A count is of the duties that it was given for, whoever gave it, and replaces any earlier one
    of them: principal and alternate, or those who share a phone, don't count the same people twice.
    `left` counts those reports only that told how many there are (`with_total`).
    """

    reports: int
    with_total: int
    should: int
    moved: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Burden:
    """How much people were sent (减负): messages that had at least one try, as in a drill's score.

    `per_person`: messages to people per person targeted.
    """

    first: int
    extra: int
    extra_by_kind: Mapping[str, int]
    people_with_extra: int
    most_extra: int
    per_person: float | None
    people_by_extra: tuple[tuple[int, int], ...]  # (further messages, people), from one on


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterFaults:
    """What the roster must mend: numbers refused by code, and duties that nobody can be told of.

    `deliveries` are the numbers of the deliveries that the codes were for.
    """

    numbers: Mapping[str, int]
    deliveries: tuple[int, ...]
    unreachable_duties: tuple[int, ...]  # requirement numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A line of the timeline: what happened, how often within its minute, and in which unit.

    `what` is a fact's kind, with a detail behind a colon (`climbed:parent`, `alert.ended:expired`),
    or `covered:50`, `covered:90` and `covered:100`.
    """

    at: Millis
    what: str
    n: int
    unit_no: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last fact of a chain that the figures rest on."""

    node: str
    writer: int
    seq: int
    hash: str  # hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that a report says, for one alert."""

    course: Course
    targets: Targets
    telling: Telling | None  # None: the journal is older than what says whose a message is
    rates: Rates
    pace: Pace
    stages: tuple[StageFigures, ...]
    units: tuple[UnitFigures, ...]
    deliveries: Deliveries
    channels: Mapping[str, Deliveries]
    loudspeakers: Loudspeakers
    escalations: Escalations
    answers: Answers
    transfer: Transfer
    burden: Burden
    forecast: tuple[Forecast, ...]
    roster_faults: RosterFaults
    timeline: tuple[Moment, ...]
    heads: tuple[Head, ...]
    sources: Mapping[str, Mapping[str, int]]  # section → kind of fact → how many it rests on

    @property
    def first(self) -> StageFigures | None:
        """The stage that was asked first, by which people are told, silent and on time."""
        return self.stages[0] if self.stages else None

    @property
    def unwoken(self) -> tuple[tuple[int, int], ...]:
        """Of `escalations.unwoken` the first stage's: person-duties that never answered at all.

        Who answered and didn't report to the end was woken, and no duty is silent twice.
        """
        first = self.first and self.first.stage
        return tuple(each for each in self.escalations.unwoken if stage_of(each[0]).word == first)

    @property
    def why_never(self) -> Mapping[int, str] | None:
        """Why nothing has left, by requirement; None where nobody knows for whom anything has."""
        return None if self.telling is None else dict(self.telling.never)

    @property
    def unwoken_untold(self) -> int:
        """How many of `unwoken` nothing of the alert has left for: they aren't to blame."""
        why = self.why_never or {}
        return sum(number in why for number, _ in self.unwoken)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts and numbers, as a report file carries them."""
        return {"schema": SCHEMA, **_plain(asdict(self))}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
