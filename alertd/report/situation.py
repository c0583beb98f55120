"""The situation report: one A4 page on how an alert stands now, as HTML and by typst. Pure.

No names and no numbers of telephones stand on it: it is pinned up, sent upward and photographed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from alertd.i18n import N_
from alertd.model import Millis
from alertd.report.figures.values import Share
from alertd.report.paper.values import Head, common
from alertd.report.templating import template
from alertd.report.values import NOTHING, duration, percent
from alertd.report.words import Say, word
from alertd.store.reads.helping import HelpView
from alertd.store.reads.situation import MOST_SILENT, Situation, TownView
from alertd.store.reads.unanswered import Unanswered
from rosters.words import role_name

_MOST_TOWNS: Final = 24
_MOST_ROUTES: Final = 8
_BANDS: Final = {1: "#b3161b", 2: "#c85a00", 3: "#8a6a00", 4: "#1f5fa8"}
_DRILL: Final = "#0b5a8a"

_TOLD: Final[Mapping[str, str]] = {
    "alternates": N_("passed on to alternates"),
    "parent": N_("passed on to superiors"),
    "grandparent": N_("passed on to their superiors"),
    "call_list": N_("to be telephoned"),
    "door_knock": N_("somebody goes there"),
    "duty_desk": N_("passed on to the duty desk"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A route, as the page has it.

    Args:
        channel: The kind of way out, in a word.
        ok: Its gateway answers, and its breaker is closed.
        paused_until: The gateway asked us to wait until then.
        waiting_s: For how long the oldest of its channel's messages has been due; None: none is.
    """

    name: str
    channel: str
    ok: bool
    paused_until: Millis | None
    waiting_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The figures of the report before this one."""

    at: Millis
    answered: int
    silent: int


def figures_of(found: Situation) -> dict[str, int]:
    """What the next report compares itself with."""
    return {"answered": found.figures.funnel.answered, "silent": _silent(found)}


def data(
    head: Head,
    found: Situation,
    ways: Sequence[Way],
    areas: Sequence[str],
    before: Before | None = None,
) -> dict[str, Any]:
    """What both faces show, as JSON; all of it in the reader's language."""
    say, view = head.say, found.view
    funnel = found.figures.funnel
    real = head.status == "Actual"
    return {
        **common(head, say(N_("Situation report"))),
        "real": real,
        "band": _BANDS.get(head.severity, _BANDS[4]) if real else _DRILL,
        "at": head.moment(head.at),
        "facts": [
            [say(N_("Issued")), head.moment(view.issued_at)],
            [say(N_("approved by")), view.approved_by or NOTHING],
            [say(N_("holds until")), head.moment(view.expires_at)],
            [say(N_("Areas")), "、".join(areas) or NOTHING],
            [say(N_("since the issue")), duration(say, head.at - (view.issued_at or head.at))],
        ],
        "tiles": list(_tiles(found, say, before)),
        "funnel": [
            _bar(say(N_("messages due")), funnel.due, funnel.due),
            _bar(say(N_("taken by a gateway")), funnel.accepted, funnel.due),
            _bar(say(N_("arrived")), funnel.delivered, funnel.due),
            _bar(say(N_("duties asked")), funnel.asked, funnel.asked),
            *(
                _bar(word(say, stage.stage), stage.covered, stage.needed)
                for stage in found.figures.stages
            ),
        ],
        "towns": [_town(town) for town in found.towns[:_MOST_TOWNS]],
        "more_towns": max(0, len(found.towns) - _MOST_TOWNS),
        "silent": [
            {
                "place": _place(row),
                "role": role_name(row.role, head.language),
                "since": duration(say, max(0, head.at - row.since_at)),
                "told": _came_to(row, say),
                "gone": row.exhausted,
            }
            for row in found.silent[:MOST_SILENT]
        ],
        "help": [
            {
                "place": case.unit_name or NOTHING,
                "since": duration(say, head.at - case.opened_at),
                "taken": _taken(case, say),
                "open": case.taken_at is None,
            }
            for case in found.help
        ],
        "speakers": _speakers(found, say),
        "ways": [_way(way, head) for way in ways[:_MOST_ROUTES]],
        "next": list(_next(found, head)),
        "labels": _labels(say),
    }


def _taken(case: HelpView, say: Say) -> str:
    if case.taken_at:
        return say(N_("taken"))
    told = case.reach not in {"nobody", "unknown", "by-hand"}
    return say(N_("nobody has taken it") if told else N_("nobody could be told"))


def _came_to(row: Unanswered, say: Say) -> str:
    """What a ladder came to last; of whom nothing has left for, that, since they aren't silent."""
    if row.untold:
        return say(N_("never told: {why}")).format(why=word(say, f"never.{row.untold}"))
    return say(_TOLD[row.told[-1]]) if row.told and row.told[-1] in _TOLD else ""


def _place(row: Unanswered) -> str:
    """A unit with the one above it, where its own name doesn't say that (前浦社区1幢 does)."""
    says_it = not row.parent_name or row.unit_name[:2] == row.parent_name[:2]
    return row.unit_name if says_it else f"{row.parent_name} {row.unit_name}"


def _silent(found: Situation) -> int:
    """Duties that nobody answers for at all: of the stage by which the others are counted, too."""
    return next((stage.exhausted for stage in found.figures.stages), 0)


def _tiles(found: Situation, say: Say, before: Before | None) -> Iterator[list[str]]:
    funnel, figures = found.figures.funnel, found.figures
    gained = _change(funnel.answered, before.answered if before else None)
    yield [
        say(N_("Answered")),
        percent(Share(funnel.answered, funnel.asked)),
        f"{funnel.answered}/{funnel.asked} {gained}".strip(),
    ]
    still = funnel.asked - funnel.answered
    yield [say(N_("not answered yet")), str(still), say(N_("duties"))]
    worse = _change(_silent(found), before.silent if before else None)
    yield [
        say(N_("nobody answers: go there")),
        str(_silent(found)),
        " ".join(filter(None, (say(N_("duties")), worse, _untold(found, say)))),
    ]
    yield [
        say(N_("Calls for help")),
        str(figures.help_open),
        say(N_("{n} taken by nobody")).format(n=figures.help_untaken),
    ]


def _untold(found: Situation, say: Say) -> str:
    untold = found.figures.untold
    return say(N_("{n} never told")).format(n=untold) if untold else ""


def _change(now: int, then: int | None) -> str:
    """How much more, or less, than in the report before."""
    return "" if then is None or then == now else f"({now - then:+d})"


def _bar(label: str, n: int | None, of: int | None) -> dict[str, Any]:
    share = n / of if n is not None and of else 0.0
    return {"label": label, "n": NOTHING if n is None else str(n), "share": min(1.0, share)}


def _town(town: TownView) -> dict[str, Any]:
    return {
        "name": town.name,
        # Where nothing was asked nobody is answerable: that is nothing, and never all.
        "share": town.covered / town.needed if town.needed else 0.0,
        "rate": percent(Share(town.covered, town.needed)),
        "n": f"{town.covered}/{town.needed}",
        "help": town.grids.get("help", 0),
        "silent": town.grids.get("silent", 0) + town.grids.get("vacant", 0),
        "waiting": town.grids.get("waiting", 0),
        "covered": town.grids.get("covered", 0),
    }


def _speakers(found: Situation, say: Say) -> list[list[str]]:
    speakers = found.speakers
    if speakers is None or not speakers.total:
        return []
    return [
        [say(N_("Commanded")), str(speakers.total)],
        [say(N_("Confirmed the command")), str(speakers.delivered)],
        [say(N_("Played in full")), str(speakers.played)],
        [say(N_("Played in part")), str(speakers.partial)],
        [say(N_("failed")), str(speakers.failed)],
        [say(N_("unknown")), str(speakers.unknown)],
    ]


def _way(way: Way, head: Head) -> dict[str, Any]:
    say = head.say
    state = say(N_("well")) if way.ok else say(N_("not there"))
    if way.ok and way.paused_until is not None:
        state = say(N_("paused until {time}")).format(time=head.clock(way.paused_until))
    waits = ""
    if way.waiting_s is not None and way.waiting_s >= 1:
        waits = duration(say, round(way.waiting_s * 1000))
    return {
        "name": way.name,
        "channel": word(say, way.channel),
        "state": state,
        "ok": way.ok,
        "waits": waits,
    }


def _next(found: Situation, head: Head) -> Iterator[str]:
    say, view, figures = head.say, found.view, found.figures
    if view.halt.stopped_at is not None:
        yield say(
            N_("Sending is stopped for good: say by a correction or a cancel what holds now.")
        )
    elif view.halt.paused_at is not None:
        yield say(N_("Sending is paused: resume it, or stop it."))
    if figures.help_untaken:
        yield say(N_("Take the calls for help that nobody has taken: {n}.")).format(
            n=figures.help_untaken
        )
    if _silent(found):
        yield say(N_("Go to those that nobody answers for: {n} (door lists by grid).")).format(
            n=_silent(found)
        )
    later = [stage for stage in figures.stages[1:] if stage.exhausted]
    if later:
        what = "、".join(f"{word(say, stage.stage)} {stage.exhausted}" for stage in later)
        yield say(N_("Ask for what was never reported: {what}.")).format(what=what)
    if figures.vacant:
        yield say(N_("Go where nobody is answerable, in no count of duties: {n}.")).format(
            n=figures.vacant
        )
    if found.next_at is not None and view.halt.paused_at is None:
        yield say(N_("The next ladder climbs at {time}; {n} within ten minutes.")).format(
            time=head.clock(max(found.next_at, head.at)), n=found.soon
        )
    if figures.unclear:
        yield say(N_("Read the unclear replies: {n}.")).format(n=figures.unclear)
    yield say(N_("It holds until {time}.")).format(time=head.moment(view.expires_at))


def _labels(say: Say) -> dict[str, str]:
    return {
        "funnel": say(N_("From due to done")),
        "towns": say(N_("Coverage by subdistrict")),
        "town": say(N_("Subdistrict")),
        "answered": say(N_("Answered")),
        "grids": say(N_("grids")),
        "help": say(N_("help")),
        "silent_grids": say(N_("nobody")),
        "waiting": say(N_("not yet")),
        "covered": say(N_("covered")),
        "silent": say(N_("Not answered, the longest first")),
        "help_calls": say(N_("Calls for help")),
        "speakers": say(N_("Loudspeakers")),
        "ways": say(N_("Ways out")),
        "next": say(N_("Next")),
        "nobody": say(N_("Nobody.")),
        "waits": say(N_("waits")),
        "more": say(N_("and more")),
    }


def page(values: Mapping[str, Any]) -> str:
    """The page as HTML: nothing is loaded from anywhere, and it prints on one A4."""
    return template("situation.html").render(d=values)
