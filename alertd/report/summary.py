"""The report's figures as lines that a person reads; CSV and page show the same ones."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import accumulate
from typing import Any, Final

from alertd.decide.plan import MUTED
from alertd.i18n import N_
from alertd.model import AlertState
from alertd.report.figures import Figures
from alertd.report.figures.duties import RUNGS
from alertd.report.figures.foreseen import Foreseen
from alertd.report.figures.standings import Standings
from alertd.report.figures.values import Share
from alertd.report.values import NOTHING, duration, moment, percent
from alertd.report.words import Say, word


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: its name, its value as text, and the denominator where it is a share."""

    label: str
    value: str
    share: Share | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that belong together. `key` is the section of the JSON that they come from."""

    key: str
    title: str
    lines: tuple[Line, ...]


def summary(figures: Figures, say: Say, zone: tzinfo) -> tuple[Group, ...]:
    """All groups, in the order of the report."""
    return tuple(
        Group(key, say(title), tuple(make(figures, say, zone))) for key, title, make in _GROUPS
    )


def in_columns(groups: Sequence[Group]) -> list[list[dict[str, Any]]]:
    """Two columns of about the same length, in the groups' order but for the last ones.

    A single group that goes on alone would take a page of its own. Each is its title and its
    lines, of label and value.
    """
    shown = [
        {"title": group.title, "lines": [[each.label, _value(each)] for each in group.lines]}
        for group in groups
        if group.lines
    ]
    heights = list(accumulate(_height([group]) for group in shown))
    far = [abs(2 * height - heights[-1]) for height in heights]
    half = far.index(min(far)) + 1
    left, right = shown[:half], shown[half:]
    while right and _height(left) + _height(right[-1:]) < _height(right):
        left.append(right.pop())
    return [left, right]


def _value(line: Line) -> str:
    share = line.share
    return line.value if share is None else f"{line.value} / {share.of} · {percent(share)}"


def _height(groups: Sequence[dict[str, Any]]) -> int:
    return sum(len(group["lines"]) + _HEAD_LINES for group in groups)


_HEAD_LINES: Final = 3  # what a group's title is as high as


def interim(figures: Figures, say: Say, zone: tzinfo) -> str:
    """That the figures aren't final yet; "" where the alert is over, or never went out."""
    course = figures.course
    if course.state != AlertState.ISSUED:
        return ""
    text = say(N_("Not final: the alert was still under way, counted up to {time}"))
    return text.format(time=moment(course.as_of, zone))


Lines = Iterator[Line]
Make = Callable[[Figures, Say, tzinfo], Lines]


def _course(figures: Figures, say: Say, zone: tzinfo) -> Lines:
    course = figures.course
    yield Line(say(N_("Status")), word(say, course.status))
    yield Line(say(N_("State")), word(say, course.state))
    yield Line(say(N_("Short code")), course.short_code)
    yield Line(say(N_("Drafted")), moment(course.drafted_at, zone))
    yield Line(say(N_("Approved")), moment(course.approved_at, zone))
    yield Line(say(N_("Issued")), moment(course.issued_at, zone))
    yield Line(say(N_("Ended")), moment(course.ended_at, zone))
    yield Line(say(N_("Counted up to")), moment(course.as_of, zone))
    if note := interim(figures, say, zone):
        yield Line(say(N_("Figures")), note)
    yield Line(say(N_("Draft to approval")), duration(say, course.approval_ms))
    yield Line(say(N_("Approval to issue")), duration(say, course.issue_ms))
    yield Line(say(N_("Issue to correction")), duration(say, course.correction_ms))
    alone = say(N_("yes, on record")) if course.break_glass else say(N_("no"))
    yield Line(say(N_("Issued by one person (break-glass)")), alone)


def _targets(figures: Figures, say: Say, _zone: tzinfo) -> Lines:
    targets = figures.targets
    yield Line(say(N_("Person-duties asked")), str(targets.duties))
    yield Line(say(N_("Unique people told first")), str(targets.people))
    yield Line(say(N_("Loudspeakers")), str(targets.terminals))
    yield Line(say(N_("Chat groups")), str(targets.groups))
    yield from _each(say, N_("Left out: {what}"), targets.excluded)


def _telling(figures: Figures, say: Say, _zone: tzinfo) -> Lines:
    telling = figures.telling
    if telling is None:
        yield Line(say(N_("Never told")), say(N_("the record of then doesn't say whom")))
        return
    for who, all_of in (
        (say(N_("People")), telling.people),
        (say(N_("Person-duties")), telling.duties),
    ):
        yield from _standings(say, who, all_of)


def _standings(say: Say, who: str, found: Standings) -> Lines:
    """What adds up to all of them, and why nothing has left for those of whom nothing has."""
    lines = (
        (N_("{who}: answered"), found.answered),
        (N_("{who}: only called for help, or can't come"), found.otherwise),
        (N_("{who}: told, and silent"), found.silent),
        (N_("{who}: nobody can tell whether they were told"), found.perhaps),
        (N_("{who}: never told"), found.untold),
    )
    for label, n in lines:
        yield _share(say(label).format(who=who), Share(n, found.of))
    for why, n in found.never.items():
        label = say(N_("{who}: never told, {why}"))
        yield Line(label.format(who=who, why=word(say, f"never.{why}")), str(n))


def _rates(figures: Figures, say: Say, _zone: tzinfo) -> Lines:
    rates = figures.rates
    yield _share(say(N_("Reach rate (arrival confirmed, of people)")), rates.reach)
    yield _share(say(N_("Handed over to a gateway (of people)")), rates.handed_over)
    yield _share(say(N_("Answer rate (of person-duties)")), rates.answer)
    yield _share(say(N_("On-time rate (of person-duties)")), rates.on_time)
    yield Line(say(N_("People who answered")), str(rates.answered_people))


def _pace(figures: Figures, say: Say, _zone: tzinfo) -> Lines:
    pace, first = figures.pace, figures.pace.first_answer
    yield Line(say(N_("First answer, median")), duration(say, first.median))
    yield Line(say(N_("First answer, nine in ten within")), duration(say, first.p90))
    yield Line(say(N_("First answer, slowest")), duration(say, first.most))
    yield Line(say(N_("Half of the duties covered after")), duration(say, pace.covered_50))
    yield Line(say(N_("90% covered after")), duration(say, pace.covered_90))
    yield Line(say(N_("All covered after")), duration(say, pace.covered_100))


def _deliveries(figures: Figures, say: Say, _zone: tzinfo) -> Lines:
    deliveries = figures.deliveries
    yield Line(say(N_("Messages made")), str(deliveries.made))
    yield Line(say(N_("Submitted")), str(deliveries.submitted))
    yield Line(say(N_("Accepted by a gateway, arrival not confirmed")), str(deliveries.accepted))
    yield Line(say(N_("Delivered")), str(deliveries.delivered))
    yield Line(say(N_("Failed")), str(deliveries.failed))
    yield from _each(say, N_("Failed: {what}"), deliveries.failed_by_cause)
    yield Line(say(N_("Unknown, neither sent nor failed")), str(deliveries.unknown))
    waiting = deliveries.pending + deliveries.sending
    yield Line(say(N_("Still waiting or under way")), str(waiting))
    # What a drill's plan muted is said where it says who was left out.
    muted = figures.targets.excluded.get(MUTED, 0)
    # And what waited for an answer that came, with the ladder's steps.
    spared = figures.escalations.asks_spared
    dropped = deliveries.expired + deliveries.cancelled - muted - spared
    yield Line(say(N_("Withdrawn when the alert ended")), str(dropped))
    yield Line(
        say(N_("Sent again, marked as possible duplicates")), str(deliveries.marked_duplicates)
    )


def _escalations(figures: Figures, say: Say, _zone: tzinfo) -> Lines:
    escalations = figures.escalations
    acts = {f"act.{act}": escalations.acts.get(act, 0) for act in RUNGS}
    yield from _each(say, N_("Steps taken: {what}"), acts)
    yield from _each(say, N_("Resolved {what}"), escalations.resolved)
    yield Line(say(N_("Digests sent to superiors")), str(escalations.digests_sent))
    yield Line(say(N_("Digests spared, all had answered")), str(escalations.digests_spared))
    spared = N_("Further messages spared, the answer came while they waited")
    yield Line(say(spared), str(escalations.asks_spared))
    yield Line(say(N_("Not woken: nobody ever answered")), str(len(figures.unwoken)))
    if figures.telling is not None:
        label = N_("Of the not woken, never told")
        yield Line(say(label), str(figures.unwoken_untold))
    later = {stage.stage: stage.exhausted for stage in figures.stages[1:] if stage.exhausted}
    yield from _each(say, N_("Never reported: {what}"), later)
    yield Line(
        say(N_("Nobody is answerable, so nobody was asked")), str(len(escalations.unanswerable))
    )


def _help(figures: Figures, say: Say, _zone: tzinfo) -> Lines:
    calls = figures.answers.help_calls
    yield Line(say(N_("Calls for help")), str(len(calls)))
    taken = sum(call.taken_ms is not None for call in calls)
    yield Line(say(N_("Taken by a person")), str(taken))
    closed = sum(call.closed_ms is not None for call in calls)
    yield Line(say(N_("Closed by a person")), str(closed))
    longest = max((call.taken_ms for call in calls if call.taken_ms is not None), default=None)
    yield Line(say(N_("Longest wait until taken")), duration(say, longest))


def _answers(figures: Figures, say: Say, _zone: tzinfo) -> Lines:
    answers = figures.answers
    yield Line(say(N_("Answers")), str(answers.total))
    yield from _each(say, N_("Answers: {what}"), answers.by_kind)
    yield Line(say(N_("Late, after the alert ended")), str(answers.late))
    yield Line(say(N_("Withdrawn as mistaken")), str(answers.withdrawn))
    yield Line(say(N_("Entered by hand")), str(sum(answers.manual.values())))
    yield from _each(say, N_("Entered by hand: {what}"), answers.manual)
    yield from _each(say, N_("Replies read as: {what}"), answers.replies)


def _transfer(figures: Figures, say: Say, _zone: tzinfo) -> Lines:
    transfer = figures.transfer
    yield Line(say(N_("To be moved, as reported")), str(transfer.should))
    yield Line(say(N_("Moved")), str(transfer.moved))
    yield Line(say(N_("Not yet moved, as reported")), str(transfer.left))
    yield Line(say(N_("Reports with a count")), str(transfer.reports))
    yield Line(say(N_("Of them with a total")), str(transfer.with_total))


def _loudspeakers(figures: Figures, say: Say, _zone: tzinfo) -> Lines:
    speakers = figures.loudspeakers
    yield Line(say(N_("Commanded")), str(speakers.targeted))
    online = Share(speakers.online_at_issue, speakers.known)
    yield _share(say(N_("Online at the issue, of all that ever reported")), online)
    yield Line(say(N_("Confirmed the command")), str(speakers.delivered))
    yield Line(say(N_("Played in full")), str(speakers.played))
    yield Line(say(N_("Played in part")), str(speakers.partial))
    yield Line(say(N_("Confirmed but never said that it played")), str(speakers.silent))
    yield Line(say(N_("Failed")), str(speakers.failed))
    yield Line(say(N_("Unknown, neither sent nor failed")), str(speakers.unknown))


def _burden(figures: Figures, say: Say, _zone: tzinfo) -> Lines:
    burden = figures.burden
    yield Line(say(N_("First messages to people")), str(burden.first))
    yield Line(say(N_("Further messages to people")), str(burden.extra))
    yield from _each(say, N_("Further messages: {what}"), burden.extra_by_kind)
    yield Line(say(N_("People who got further messages")), str(burden.people_with_extra))
    yield Line(say(N_("Most further messages to one person")), str(burden.most_extra))
    mean = "" if burden.per_person is None else f"{burden.per_person:.2f}"
    yield Line(say(N_("Messages per person targeted")), mean)


def _forecast(figures: Figures, say: Say, _zone: tzinfo) -> Lines:
    for line in figures.forecast:
        name = word(say, line.channel)
        yield from _foreseen(say, name, line)
        if line.ahead:
            yield Line(
                say(N_("{what}: other alerts' messages before it")).format(what=name),
                str(line.ahead),
            )
        for at in line.levels if len(line.levels) > 1 else ():
            level = word(say, f"level.{at.level}")
            yield from _foreseen(say, say(N_("{what}, {level}")).format(what=name, level=level), at)


def _foreseen(say: Say, name: str, line: Foreseen) -> Lines:
    told = say(N_("{what}: forecast {forecast}, was {actual}"))
    for what, forecast, actual in (
        (N_("first handed over"), line.first_ms, line.first_was_ms),
        (N_("90% handed over"), line.most_ms, line.most_was_ms),
        (N_("last handed over"), line.last_ms, line.last_was_ms),
    ):
        both = told.format(
            what=say(what), forecast=duration(say, forecast), actual=duration(say, actual)
        )
        yield Line(name, both)
    if line.late or line.late_was:
        was = NOTHING if line.late_was is None else line.late_was
        what = say(N_("later than the first rung"))
        yield Line(name, told.format(what=what, forecast=line.late, actual=was))


def _roster_faults(figures: Figures, say: Say, _zone: tzinfo) -> Lines:
    faults = figures.roster_faults
    yield Line(say(N_("Numbers that refused the message")), str(len(faults.deliveries)))
    yield from _each(say, N_("Number refused: {what}"), faults.numbers)
    unreachable = len(faults.unreachable_duties)
    yield Line(say(N_("Duties whose holder cannot be told")), str(unreachable))


_GROUPS: tuple[tuple[str, str, Make], ...] = (
    ("course", N_("Course"), _course),
    ("targets", N_("Whom it was for"), _targets),
    ("telling", N_("Told or never told"), _telling),
    ("rates", N_("Rates"), _rates),
    ("pace", N_("Speed"), _pace),
    ("deliveries", N_("Messages"), _deliveries),
    ("loudspeakers", N_("Loudspeakers"), _loudspeakers),
    ("escalations", N_("Escalation"), _escalations),
    ("answers", N_("Answers"), _answers),
    ("help", N_("Calls for help"), _help),
    ("transfer", N_("People moved"), _transfer),
    ("forecast", N_("Forecast and outcome"), _forecast),
    ("burden", N_("Messages per person"), _burden),
    ("roster_faults", N_("Roster faults found"), _roster_faults),
)


def _share(label: str, share: Share) -> Line:
    return Line(label, str(share.n), share)


def _each(say: Say, label: str, counts: Mapping[str, int]) -> Lines:
    for key, n in counts.items():
        yield Line(say(label).format(what=word(say, key)), str(n))
