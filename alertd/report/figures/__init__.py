"""The figures of a report, from the journal's facts alone.

Pure: no table, no name, no I/O. Facts stream through once; what is kept of a delivery is some
bytes, what is kept of a requirement one small object.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from alertd.model import (
    Channel,
    DeliveryState,
    Played,
    Recorded,
)
from alertd.report.figures.replay import Replay, key_of, replay
from alertd.report.figures.spread import curve, reached, spread
from alertd.report.figures.values import (
    Escalations,
    Figures,
    Key,
    Loudspeakers,
    Moment,
    Pace,
    Rates,
    RosterFaults,
    Share,
    StageFigures,
    Targets,
)

__all__ = ["SOURCES", "Figures", "NotInJournalError", "figures", "kinds", "of_replay", "trace"]

_ALERT = ("alert.drafted", "alert.approved", "alert.issued", "alert.ended")
_SENDING = (
    *("alert.selected", "told", "claimed", "settled", "receipts"),
    *("alert.ended", "alert.stopped"),
)
_ASKING = (
    *("alert.drafted", "alert.selected", "alert.issued", "alert.ended", "alert.stopped"),
    *("climbed", "hurried"),
)
_ANSWERS = ("acked", "ack.counted", "ack.withdrawn")
_TIMELINE = (
    *("alert.drafted", "alert.approved", "alert.issued", "alert.ended"),
    *("alert.paused", "alert.resumed", "alert.stopped", "climbed", "told", "digest.sent"),
    *("help.opened", "help.taken", "help.closed"),
)
_HELP = ("help.opened", "help.climbed", "help.taken", "help.closed")
SOURCES: Mapping[str, tuple[str, ...]] = {
    "course": _ALERT,
    "targets": tuple(dict.fromkeys((*_SENDING, *_ASKING, *_ANSWERS))),
    "telling": tuple(
        dict.fromkeys((*_SENDING, *_ASKING, *_ANSWERS, "restored", "store.taken-back"))
    ),
    "rates": tuple(dict.fromkeys((*_SENDING, *_ASKING, *_ANSWERS))),
    "pace": (*_ASKING, *_ANSWERS),
    "stages": (*_ASKING, *_ANSWERS),
    "units": (*_ASKING, *_ANSWERS),
    "deliveries": _SENDING,
    "channels": _SENDING,
    "loudspeakers": (*_SENDING, "alert.issued", "presence"),
    "escalations": (*_ASKING, *_ANSWERS, "digest.sent"),
    "answers": ("acked", "ack.withdrawn", "interpreted", *_HELP),
    "transfer": _ANSWERS,
    "burden": ("alert.selected", "told"),
    "forecast": ("alert.forecast", "alert.issued", "alert.selected", "settled"),
    "roster_faults": (*_SENDING, "climbed", "hurried"),
    "timeline": tuple(dict.fromkeys((*_TIMELINE, *_ASKING, *_ANSWERS))),
}
"""Which kinds of facts each section rests on."""


class NotInJournalError(Exception):
    """The facts hold no draft of that alert: there is nothing to report on."""


def kinds() -> frozenset[str]:
    """The kinds of facts that `figures` reads; a reader may leave out the rest."""
    return Replay(0).kinds


def figures(facts: Iterable[Recorded], *, alert_no: int) -> Figures:
    """All figures of one alert.

    Args:
        facts: The journal in recorded order, or the part of it that concerns the alert: its own
            facts, those about no alert, and other alerts' drafts and issues.
        alert_no: Which alert; facts of others are passed over.

    Raises:
        NotInJournalError: There is no such alert in `facts`.
    """
    return of_replay(replay(facts, alert_no))


def trace(facts: Iterable[Recorded], *, alert_no: int, figure: str) -> Iterator[Key]:
    """The places of the facts that a section (a key of SOURCES) rests on.

    Raises:
        KeyError: There is no such section.
    """
    kinds_of_it = SOURCES[figure]
    state = Replay(alert_no)
    for recorded in facts:
        if state.take(recorded) and recorded.fact.kind in kinds_of_it:
            yield key_of(recorded)


def of_replay(state: Replay) -> Figures:
    """The figures of what was replayed; raises NotInJournalError."""
    if not state.course.draft:
        raise NotInJournalError(state.alert_no)
    issued_at = state.course.issued_at or 0
    stages = state.duties.stages(issued_at)
    pace = _pace(state)
    return Figures(
        course=state.course.figures(state.as_of),
        targets=_targets(state),
        telling=state.telling.figures(state.course.state, state.duties, state.replies),
        rates=_rates(state, stages),
        pace=pace,
        stages=stages,
        units=state.duties.units(issued_at),
        deliveries=state.handover.deliveries(),
        channels={
            Channel(number).word: state.handover.deliveries(number)
            for number in sorted(state.handover.made)
        },
        loudspeakers=_loudspeakers(state),
        escalations=_escalations(state),
        answers=state.replies.answers(issued_at, stages[0].due_ms if stages else None),
        transfer=state.replies.transfer(),
        burden=state.handover.burden(),
        forecast=state.forecast.figures(),
        roster_faults=_roster_faults(state),
        timeline=_timeline(state, pace),
        heads=tuple(head for _, head in sorted(state.heads.items())),
        sources={
            section: {kind: state.facts[kind] for kind in read if state.facts[kind]}
            for section, read in SOURCES.items()
        },
    )


def _targets(state: Replay) -> Targets:
    first = state.handover.first_made
    excluded = {"no-contact": len(state.duties.unreachable), **state.handover.withheld()}
    return Targets(
        duties=state.duties.count(state.duties.first_stage()),
        people=first[Channel.SMS],
        terminals=first[Channel.LOUDSPEAKER],
        groups=first[Channel.CHAT] + first[Channel.MAIL] + first[Channel.PAPER],
        excluded={reason: n for reason, n in sorted(excluded.items()) if n},
    )


def _rates(state: Replay, stages: tuple[StageFigures, ...]) -> Rates:
    people = state.handover.people()
    first = stages[0] if stages else None
    asked = first.asked if first else 0
    delivered, accepted = DeliveryState.DELIVERED, DeliveryState.ACCEPTED
    return Rates(
        reach=Share(state.handover.reached(delivered), people),
        handed_over=Share(state.handover.reached(delivered, accepted), people),
        answer=Share(first.covered if first else 0, asked),
        on_time=Share(first.on_time if first else 0, asked),
        answered_people=len(state.replies.first_answers()),
        reach_by_level=state.handover.reach_by_level(),
    )


def _pace(state: Replay) -> Pace:
    since = state.course.since_issue
    stage = state.duties.first_stage()
    asked = state.duties.count(stage)
    covered = sorted(
        0 if each.carried else since(each.covered_at)
        for each in state.duties.at(stage).values()
        if each.covered_at is not None
    )
    return Pace(
        first_answer=spread([since(at) for at in state.replies.first_answers().values()]),
        covered_50=reached(covered, asked, 0.5),
        covered_90=reached(covered, asked, 0.9),
        covered_100=reached(covered, asked, 1.0),
        curve=curve(covered),
    )


def _timeline(state: Replay, pace: Pace) -> tuple[Moment, ...]:
    covered = {50: pace.covered_50, 90: pace.covered_90, 100: pace.covered_100}
    return state.timeline.figures(state.course.issued_at or 0, covered)


def _loudspeakers(state: Replay) -> Loudspeakers:
    channel = Channel.LOUDSPEAKER
    states = state.handover.by_state().get(channel, Counter[int]())
    sounds = state.handover.sounds()
    return Loudspeakers(
        known=len(state.presence.online),
        online_at_issue=state.presence.at_issue,
        online_at_last=sum(state.presence.online.values()),
        faulty_at_last=len(state.presence.faulty),
        targeted=state.handover.made[channel],
        delivered=states[DeliveryState.DELIVERED],
        played=sounds[Played.PLAYED],
        partial=sounds[Played.PARTIAL],
        silent=sounds[Played.SILENT] + sounds[Played.FAILED],
        failed=states[DeliveryState.FAILED],
        unknown=states[DeliveryState.UNKNOWN],
    )


def _escalations(state: Replay) -> Escalations:
    return Escalations(
        climbs=dict(sorted(state.duties.climbs.items())),
        acts=dict(sorted(state.duties.acts.items())),
        resolved=state.duties.resolved(),
        digests_sent=state.digests.sent,
        digests_spared=state.digests.spared,
        asks_spared=state.handover.spared_messages(),
        unwoken=state.duties.unwoken(),
        unanswerable=tuple(state.duties.vacant),
    )


def _roster_faults(state: Replay) -> RosterFaults:
    refused = state.handover.refused_numbers()
    codes: dict[str, int] = {}
    for code in sorted(refused.values()):
        codes[code] = codes.get(code, 0) + 1
    return RosterFaults(
        numbers=codes,
        deliveries=tuple(refused),
        unreachable_duties=tuple(sorted(state.duties.unreachable.values())),
    )
