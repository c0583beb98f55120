"""The long tables of a report as rows of cells, under heads: for XLSX and CSV alike."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from sqlalchemy import Connection

from alertd.i18n import N_
from alertd.model import DeliveryState, MessageKind, Played, RequirementState, Told
from alertd.report.figures import Figures
from alertd.report.figures.values import Share
from alertd.report.names import Names
from alertd.report.rollup import unit_rows
from alertd.report.story import story
from alertd.report.values import moment
from alertd.report.words import Say, level_word, role_word, word
from alertd.store.reads import report_rows
from alertd.store.reads.report_rows import Guise

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Manner:
    """How values are put into words."""

    say: Say
    language: str
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Long:
    """A long table: `key` names its sheet and file; rows come in bounded memory."""

    key: str
    title: str
    heads: tuple[str, ...]
    rows: Iterable[Sequence[Cell]]


_STATES = {
    RequirementState.OPEN: N_("still open"),
    RequirementState.COVERED: N_("answered"),
    RequirementState.EXHAUSTED: N_("not woken"),
    RequirementState.CLOSED: N_("closed unanswered"),
}
_TOLD = {
    Told.CALL_LIST: N_("put on the list to be telephoned"),
    Told.ALTERNATES: N_("passed on to alternates"),
    Told.PARENT: N_("passed on to superiors"),
    Told.GRANDPARENT: N_("passed on to their superiors"),
    Told.DOOR_KNOCK: N_("put on the list of doors to knock at"),
    Told.DUTY_DESK: N_("passed on to the duty desk"),
}
_PLAYED = {
    Played.SILENT: "",
    Played.PLAYED: N_("played"),
    Played.PARTIAL: N_("played in part"),
    Played.FAILED: N_("did not play"),
}


def long_tables(
    connection: Connection, figures: Figures, names: Names, manner: Manner, guise: Guise
) -> tuple[Long, ...]:
    """By unit, by person-duty, deliveries, timeline, messages per person."""
    say, number = manner.say, figures.course.no
    version = figures.course.roster_version or 0
    first = figures.first.stage if figures.first else ""
    asked = _duties(report_rows.duties(connection, number, version, guise), first, manner)
    sent = report_rows.deliveries(connection, number, version, guise)
    burdens = report_rows.burdens(connection, number, version, guise)
    return (
        Long("units", say(N_("By unit")), _heads(say, _UNITS), _units(figures, names, manner)),
        Long("duties", say(N_("By person-duty")), _heads(say, _DUTIES), asked),
        Long("deliveries", say(N_("Deliveries")), _heads(say, _SENT), _deliveries(sent, manner)),
        Long(
            "timeline",
            say(N_("Course of events")),
            _heads(say, _LINES),
            _lines(figures, names, manner),
        ),
        Long(
            "people",
            say(N_("Messages per person")),
            _heads(say, _BURDENS),
            ((row.name, row.messages, row.delivered) for row in burdens),
        ),
    )


def _heads(say: Say, heads: Sequence[str]) -> tuple[str, ...]:
    return tuple(say(head) for head in heads)


_UNITS = (
    *(N_("Unit code"), N_("Unit"), N_("Level"), N_("Stage"), N_("Asked"), N_("Answered")),
    *(N_("Rate"), N_("On time"), N_("Not woken")),
)
_DUTIES = (
    *(N_("Unit code"), N_("Unit"), N_("Level"), N_("Role"), N_("Stage"), N_("Holder")),
    *(N_("Phone"), N_("Alternate"), N_("State"), N_("Answered at"), N_("Way"), N_("Steps taken")),
)
_SENT = (
    *(N_("No."), N_("Channel"), N_("Kind"), N_("To"), N_("Phone"), N_("State"), N_("Tries")),
    *(N_("Route"), N_("Reason"), N_("Sound"), N_("Settled at")),
)
_LINES = (N_("Time"), N_("After the issue"), N_("What happened"))
_BURDENS = (N_("Name"), N_("Messages"), N_("Delivered"))


def _units(figures: Figures, names: Names, manner: Manner) -> Iterator[Sequence[Cell]]:
    for row in unit_rows(figures.units, names):
        yield (
            row.code,
            row.name,
            level_word(manner.language, row.level),
            word(manner.say, row.stage),
            row.asked,
            row.covered,
            Share(row.covered, row.asked).rate,
            row.on_time,
            row.exhausted,
        )


def _duties(
    rows: Iterable[report_rows.DutyRow], first_stage: str, manner: Manner
) -> Iterator[Sequence[Cell]]:
    say, language, zone = manner.say, manner.language, manner.zone
    for row in rows:
        first, *others = (*row.holders, report_rows.Who("", ""))
        yield (
            row.place.code,
            row.place.name,
            level_word(language, row.place.level),
            role_word(language, row.role),
            word(say, row.stage),
            first.name,
            first.phone,
            "、".join(other.name for other in others if other.name),
            say(_state(row, first_stage)),
            moment(row.covered_at, zone) if row.covered_at else "",
            word(say, row.via),
            "; ".join(say(text) for bit, text in _TOLD.items() if row.told & bit),
        )


def _state(row: report_rows.DutyRow, first_stage: str) -> str:
    """Who answered and didn't report to the end was woken all the same."""
    if row.state == RequirementState.EXHAUSTED and row.stage != first_stage:
        return N_("never reported")
    return _STATES[RequirementState(row.state)]


def _deliveries(
    rows: Iterable[report_rows.DeliveryRow], manner: Manner
) -> Iterator[Sequence[Cell]]:
    say = manner.say
    for row in rows:
        sound = _PLAYED[Played(row.played)]
        yield (
            row.no,
            word(say, row.channel),
            word(say, "message.alert" if row.kind == MessageKind.ALERT else row.kind),
            row.to,
            row.phone,
            word(say, f"delivery.{DeliveryState(row.state).word}"),
            row.attempts,
            row.route,
            word(say, row.reason),
            say(sound) if sound else "",
            moment(row.settled_at, manner.zone) if row.settled_at else "",
        )


def _lines(figures: Figures, names: Names, manner: Manner) -> Iterator[Sequence[Cell]]:
    issued_at = figures.course.issued_at
    told = story(figures.timeline, names, manner.say, manner.zone, issued_at=issued_at)
    return ((line.time, line.after, line.text) for line in told)
