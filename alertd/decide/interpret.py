"""Which alert, which people and which duties a reply answers.

A wrong guess would cover a grid that nobody answered for, so that whatever can't be told apart is
kept as evidence, with a reason, and the timers go on. Help alone is never left without an alert
where the person was told of any.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from alertd.decide.grammar import Reply, ReplyKind
from alertd.decide.naming import named_units
from alertd.model import Grade, Millis, Status

LATE_WINDOW_S = 72 * 3600
"""How long after its end an alert is still what a bare reply answers: as long as receipts lag
(DOMAIN, "SMS")."""
CLOCK_SKEW_S = 120
"""How far a gateway's clock may be behind ours before a reply counts as written before the alert
was told. A gateway's retry comes after a minute at the earliest and carries the sender's time.
Only where they had nothing else to answer: a 1 on its way while an update goes out is for what the
update replaces, and one from behind a slow clock can't be told from it."""

CREDIBLE_S = LATE_WINDOW_S
"""A reply that says it is older than this, when it comes, has a gateway with a wrong clock behind
it, or comes to a node with one: as long as a network keeps an SMS for a phone that is off."""
RECENT_S = CREDIBLE_S + LATE_WINDOW_S
"""For how long after an alert's end a bare answer that comes now may be about it."""


def sent_at(told: Millis | None, now: Millis) -> Millis:
    """When a reply was written: what the gateway tells, where that can be; else when it came.

    A wrong clock, the gateway's or ours, must not make an answer one from before the alert.
    """
    return told if told is not None and now - CREDIBLE_S * 1000 <= told <= now else now


class Verdict(StrEnum):
    """What becomes of a reply."""

    COUNTED = "counted"  # an answer of these people for these duties, perhaps late
    AMBIGUOUS = "ambiguous"  # several alerts fit: evidence; a one-line menu goes back
    UNCLEAR = "unclear"  # evidence of contact; an operator classifies it
    QUARANTINED = "quarantined"  # by a stranger, or about an alert that this person wasn't told of
    NO_ALERT = "no-alert"  # nothing that it could answer
    OPT_OUT = "opt-out"  # a ticket for the office; silences nobody


class Duty(NamedTuple):
    """What an alert asked of one person in one unit."""

    duty_no: int
    person_no: int
    unit_code: str
    unit_name: str


@dataclass(slots=True, kw_only=True)  # freezing would triple the cost of making one
class Person:
    """Somebody whom a message to this address named; the name is for `Reply.names` alone."""

    person_no: int
    name: str = field(default="", repr=False)


class Candidate(NamedTuple):
    """An alert that the reply's address was told of.

    Attributes:
        severity: CAP's, 1 Extreme to 4 Minor.
        extension: The sender extension that the alert went out under, or an empty string.
        told_at: When a message of it was first handed over to them, at the earliest.
        persons: Whom its messages to this address named; several where they share the phone.
        duties: What it asked of them.
        shared: Nobody's own address: a unit's mailbox, or a number that one of `persons` gave up.
        moved: It was one's after the other, both were told there, and nobody knows whose reply it
            is, unless it says so.
        heard: A message of it may have come to them; not where every one so far failed, or waits
            to be tried again.
        aside: What has come says something beside it, such as who is silent, not what it asks.
    """

    alert_id: bytes
    short_code: str
    status: Status
    open: bool
    told_at: Millis
    persons: tuple[Person, ...]
    duties: tuple[Duty, ...] = ()
    ended_at: Millis | None = None
    extension: str = ""
    severity: int = 4
    shared: bool = False
    moved: bool = False
    heard: bool = True
    aside: bool = False


class Correlation(NamedTuple):
    """What a reply is taken for.

    Attributes:
        kind: What it counts as. `help` is help whatever the verdict says: it is raised even where
            no alert was found for it.
        reason: Why, as a stable word.
        alert_id: The alert, also where an unclear reply can be shown beside it.
        persons: Who answered, by number.
        duties: The duties that are answered, by number.
        grade: `shared` where several people use the phone.
        late: The alert had ended.
        drill_help: It is help for practice: 演练求助, and the alert is an Exercise.
    """

    verdict: Verdict
    kind: ReplyKind
    reason: str
    alert_id: bytes | None = None
    persons: tuple[int, ...] = ()
    duties: tuple[int, ...] = ()
    grade: Grade = Grade.OWN
    late: bool = False
    drill_help: bool = False


class _Choice(NamedTuple):
    """The alert that a reply is about, and why; or only why there is none."""

    reason: str
    candidate: Candidate | None = None
    verdict: Verdict = Verdict.COUNTED
    kind: ReplyKind | None = None  # where the choice changes what the reply says


def correlate(
    reply: Reply,
    extension: str,
    candidates: Sequence[Candidate],
    *,
    received_at: Millis,
    elsewhere: bool = False,
    of_cry: bool = False,
) -> Correlation:
    """Find what a reply of a known sender answers.

    The sender extension decides first, then the short code; a bare reply is taken for the only
    open alert, or, late, for the one that ended last told within `LATE_WINDOW_S`.

    Args:
        reply: As `grammar.parse` read it.
        extension: The extension that the reply came to; empty where the route has none.
        candidates: Every alert that this address was told of, open or ended.
        received_at: The sender's time of the reply, where the gateway gives one.
        elsewhere: The gateway knows which message was answered, and none of these is its alert:
            one that a backup lacks, or that this address wasn't told of.
        of_cry: What was answered, by a key in a call most often, told that somebody else calls for
            help. It says nothing of their own duty; nor that they deal with the cry: whoever picked
            up pressed something, and a cry that is taken climbs no further. So a person reads it.
    """
    choice = _choose(reply, extension, candidates, received_at, elsewhere=elsewhere)
    kind = choice.kind or reply.kind
    if kind is ReplyKind.HELP:
        return _help(reply, choice, candidates)
    if of_cry:
        found = _evidence(reply, choice)
        return found._replace(verdict=Verdict.UNCLEAR, reason="answers-a-cry")
    if kind in {ReplyKind.UNCLEAR, ReplyKind.OPT_OUT}:
        return _evidence(reply, choice)
    if choice.candidate is None or choice.verdict is not Verdict.COUNTED:
        return Correlation(verdict=choice.verdict, kind=kind, reason=choice.reason)
    return _answer(reply, choice.candidate, choice.reason)


def is_of_recent(
    reply: Reply, extension: str, recent: Sequence[Candidate], *, received_at: Millis
) -> bool:
    """Whether alerts that are long over can't change what `correlate` finds.

    A call for help may go to the gravest of all, a code names its alert however late, and what was
    written before anything recent was told was about the past.

    Args:
        reply: As `grammar.parse` read it.
        extension: The extension that the reply came to.
        recent: Those of the candidates that are under way, or ended within `RECENT_S` of now.
        received_at: The sender's time of the reply.
    """
    if reply.kind is ReplyKind.HELP or (reply.code is not None and extension):
        return False
    if reply.code is not None:
        return _by_code(reply.code, recent) is not None
    return any(c.told_at <= received_at + CLOCK_SKEW_S * 1000 for c in recent)


def _choose(
    reply: Reply,
    extension: str,
    candidates: Sequence[Candidate],
    received_at: Millis,
    *,
    elsewhere: bool,
) -> _Choice:
    by_extension = _by_extension(extension, candidates, received_at)
    by_code = _by_code(reply.code, candidates)
    if by_extension is not None and by_code is not None and by_extension is not by_code:
        return _Choice("extension-and-code-disagree", None, Verdict.AMBIGUOUS)
    if reply.code is not None and by_code is None:
        return _glued(reply, candidates)
    if by_extension is not None:
        return _Choice("extension", by_extension)
    if by_code is not None:
        return _Choice("code", by_code)
    if extension and any(candidate.extension for candidate in candidates):
        return _Choice("extension-not-told", None, Verdict.QUARANTINED)
    bare = _bare(candidates, received_at, reply.kind)
    return _none_of_them("answers-another", candidates) if elsewhere else bare


def _by_extension(
    extension: str, candidates: Sequence[Candidate], received_at: Millis
) -> Candidate | None:
    """Extensions are given out again, so that one of an alert long over means nothing."""
    if not extension:
        return None
    live = (c for c in candidates if c.open or _recent(c, received_at))
    return _latest(c for c in live if c.extension == extension)


def _by_code(code: str | None, candidates: Sequence[Candidate]) -> Candidate | None:
    """A short code isn't given out again in the season: it names its alert however late."""
    if code is None:
        return None
    return _latest(c for c in candidates if c.short_code.upper() == code.upper())


def _glued(reply: Reply, candidates: Sequence[Candidate]) -> _Choice:
    """A code that this person wasn't told of; or `A73`, which may be A7 and 3."""
    code = reply.code or ""
    told = _by_code(code[:-1], candidates)
    if told is None or reply.reason != "code-only":
        return _Choice("code-not-told", None, Verdict.QUARANTINED)
    if code.endswith("3"):
        return _Choice("help-code-glued", told, kind=ReplyKind.HELP)
    return _Choice("code-glued", told, Verdict.UNCLEAR)


def _bare(candidates: Sequence[Candidate], received_at: Millis, kind: ReplyKind) -> _Choice:
    help_ = kind is ReplyKind.HELP
    told = [c for c in candidates if c.told_at <= received_at + CLOCK_SKEW_S * 1000]
    if not help_:
        told = _heard(told, received_at) or told
    running = [candidate for candidate in told if candidate.open]
    if kind.covers and all(candidate.aside for candidate in running):
        running = running[-1:]  # none of them can be answered: nobody is asked which
    if len(running) == 1:
        had = (c for c in told if c.told_at <= received_at)
        if running[0].told_at > received_at and not help_ and _heard(had, received_at):
            return _Choice("told-meanwhile", running[0], Verdict.AMBIGUOUS)
        return _Choice("only-open", running[0])
    if running:
        return _Choice("several-open", None, Verdict.AMBIGUOUS)
    ended = _latest(candidate for candidate in told if _recent(candidate, received_at))
    if ended is not None:
        return _Choice("last-told", ended)
    if told or not candidates:
        return _Choice("no-alert", None, Verdict.NO_ALERT)
    # With a clock that is minutes wrong it is the answer.
    return _none_of_them("before-told", candidates)


def _none_of_them(reason: str, candidates: Iterable[Candidate]) -> _Choice:
    """Whoever wrote it is asked, while there is anything to answer."""
    waits = any(candidate.open for candidate in candidates)
    return _Choice(reason, None, Verdict.AMBIGUOUS if waits else Verdict.NO_ALERT)


def _heard(told: Iterable[Candidate], received_at: Millis) -> list[Candidate]:
    """Those that a bare reply can answer and that have come to its sender, as far as gateways say.

    Nobody answers what they haven't got, where there is something that they have. Where there is
    nothing, they have got it whatever the gateway says.
    """
    return [c for c in told if c.heard and (c.open or _recent(c, received_at))]


def _recent(candidate: Candidate, at: Millis) -> bool:
    return candidate.ended_at is not None and at <= candidate.ended_at + LATE_WINDOW_S * 1000


def _latest(candidates: Iterable[Candidate]) -> Candidate | None:
    """The open one, else the last told."""
    return max(candidates, key=lambda c: (c.open, c.told_at), default=None)


def _evidence(reply: Reply, choice: _Choice) -> Correlation:
    """No answer; shown beside the alert that it seems to be about."""
    told = choice.candidate
    odd = choice.verdict is Verdict.QUARANTINED or choice.reason == "code-glued"
    opted_out = reply.kind is ReplyKind.OPT_OUT
    verdict = choice.verdict if odd else Verdict.OPT_OUT if opted_out else Verdict.UNCLEAR
    return Correlation(
        verdict=verdict,
        kind=reply.kind,
        reason=choice.reason if odd else reply.reason,
        alert_id=told.alert_id if told else None,
        persons=tuple(person.person_no for person in told.persons) if told else (),
        grade=_grade(told) if told else Grade.OWN,
        late=told is not None and not told.open,
    )


def _answer(reply: Reply, told: Candidate, reason: str) -> Correlation:
    taken = _who(reply, told)
    base = Correlation(
        verdict=Verdict.COUNTED,
        kind=reply.kind,
        reason=reason,
        alert_id=told.alert_id,
        persons=taken,
        duties=tuple(duty.duty_no for duty in told.duties if duty.person_no in taken),
        grade=_grade(told),
        late=not told.open,
    )
    if not taken or (told.aside and reply.kind.covers):
        why = "alert-not-told" if taken else "person-not-named"
        return base._replace(verdict=Verdict.UNCLEAR, reason=why, duties=())
    mistaken = reply.drill and reply.kind.covers and told.status is not Status.EXERCISE
    if mistaken:  # who takes it for a drill moves nobody
        return base._replace(verdict=Verdict.UNCLEAR, reason="taken-for-a-drill", duties=())
    if reply.unit_hint is None:
        return _whose(base, told)
    meant = _meant(reply.unit_hint, told, taken)
    units = {duty.unit_code for duty in meant}
    if len(units) != 1:
        why = "unit-ambiguous" if units else "unit-not-found"
        return base._replace(verdict=Verdict.UNCLEAR, reason=why, duties=())
    answered = base._replace(
        persons=tuple(dict.fromkeys(duty.person_no for duty in meant)),
        duties=tuple(duty.duty_no for duty in meant),
    )
    return _whose(answered, told)


def _whose(found: Correlation, told: Candidate) -> Correlation:
    """An answer, unless the number has moved from one to another of those whom it is for."""
    if not told.moved or len(found.persons) == 1:
        return found
    return found._replace(verdict=Verdict.UNCLEAR, reason="number-moved", duties=())


def _help(reply: Reply, choice: _Choice, candidates: Sequence[Candidate]) -> Correlation:
    """Help goes to the alert that it names; else to the gravest that runs, a live one first."""
    told, reason = choice.candidate, choice.reason
    if told is None:
        told = _gravest(candidates, drill=reply.drill_help)
        reason = f"help-{choice.reason}"
    if told is None:
        return Correlation(verdict=Verdict.NO_ALERT, kind=ReplyKind.HELP, reason=reason)
    taken = _who(reply, told) or tuple(person.person_no for person in told.persons)
    meant = _meant(reply.unit_hint, told, taken) if reply.unit_hint else []
    duties = meant or [duty for duty in told.duties if duty.person_no in taken]
    return Correlation(
        # Nobody answers for the unit whose mailbox cries: a person has to read it.
        verdict=Verdict.COUNTED if taken else Verdict.UNCLEAR,
        kind=ReplyKind.HELP,
        reason=reason if taken else "person-not-named",
        alert_id=told.alert_id,
        persons=taken,
        duties=tuple(duty.duty_no for duty in duties),
        grade=_grade(told),
        late=not told.open,
        drill_help=reply.drill_help and told.status is Status.EXERCISE,
    )


def _gravest(candidates: Sequence[Candidate], *, drill: bool) -> Candidate | None:
    """演练求助 looks for an Exercise first, a call that isn't marked so for a live alert."""
    wanted = Status.EXERCISE if drill else Status.ACTUAL
    return max(
        candidates,
        key=lambda c: (c.open, c.status is wanted, -c.severity, c.told_at),
        default=None,
    )


def _who(reply: Reply, told: Candidate) -> tuple[int, ...]:
    named = set(reply.names)
    return tuple(p.person_no for p in told.persons if not named or p.name in named)


def _meant(hint: str, told: Candidate, taken: Sequence[int]) -> list[Duty]:
    theirs = [duty for duty in told.duties if duty.person_no in taken]
    codes = named_units(hint, {duty.unit_code: duty.unit_name for duty in theirs})
    return [duty for duty in theirs if duty.unit_code in codes]


def _grade(told: Candidate) -> Grade:
    return Grade.SHARED if told.shared or len(told.persons) > 1 else Grade.OWN
