"""The timeline in words: a line for each moment that the figures hold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from alertd.i18n import N_
from alertd.model import Millis
from alertd.report.figures.values import Moment
from alertd.report.names import Names
from alertd.report.values import duration, moment
from alertd.report.words import Say, word

MOMENTS: Final[Mapping[str, str]] = {
    "alert.drafted": N_("Drafted"),
    "alert.approved": N_("Approved by a second person"),
    "alert.approved:break_glass": N_("Approved by one person alone (break-glass)"),
    "alert.issued": N_("Issued"),
    "alert.paused": N_("Sending paused by a person"),
    "alert.resumed": N_("Sending resumed"),
    "alert.stopped": N_("Sending stopped by a person"),
    "help.opened": N_("Call for help"),
    "help.taken": N_("Call for help taken by a person"),
    "help.closed": N_("Call for help closed by a person"),
    "ack.withdrawn": N_("Answers withdrawn as mistaken: {n}"),
    "digest.sent": N_("Digests sent to superiors: {n}"),
    "covered:50": N_("Half of the person-duties answered"),
    "covered:90": N_("90% of the person-duties answered"),
    "covered:100": N_("All person-duties answered"),
}
_KINDS: Final[Mapping[str, str]] = {
    "alert.ended": N_("Ended: {what}"),
    "follows": N_("Followed by: {what}"),
    "climbed": N_("Ladders climbed, {what}: {n}"),
    "told": N_("Further messages, {what}: {n}"),
}
_ACTS = frozenset({"climbed"})


@dataclass(frozen=True, slots=True)
class Told:
    """One line: when, how long after the issue, and what."""

    at: Millis
    time: str
    after: str
    text: str


def story(
    moments: Iterable[Moment], names: Names, say: Say, zone: tzinfo, *, issued_at: Millis | None
) -> list[Told]:
    """Every moment as a line."""
    return [
        Told(
            at=each.at,
            time=moment(each.at, zone),
            after=duration(say, each.at - issued_at) if issued_at and each.at >= issued_at else "",
            text=_text(each, names, say),
        )
        for each in moments
    ]


def shortened(lines: Sequence[Told], most: int) -> list[Told]:
    """At most `most` lines: the first ones and the last one, which is how it ended."""
    return list(lines) if len(lines) <= most else [*lines[: most - 1], lines[-1]]


def _text(each: Moment, names: Names, say: Say) -> str:
    kind, _, detail = each.what.partition(":")
    if each.what in MOMENTS:
        text = say(MOMENTS[each.what]).format(n=each.n)
    else:
        what = word(say, f"act.{detail}" if kind in _ACTS else detail)
        text = say(_KINDS[kind]).format(what=what, n=each.n)
    return text if not each.unit_no else f"{text} · {names.place(each.unit_no)}"
