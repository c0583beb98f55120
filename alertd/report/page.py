"""The report as one HTML page: nothing is loaded from anywhere, and it prints on A4."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from alertd.i18n import N_, translator
from alertd.report.change import Change, lines
from alertd.report.drawing import curve, funnel
from alertd.report.figures import Figures
from alertd.report.figures.values import Head, Share
from alertd.report.heat import KINDS, heat
from alertd.report.names import Names
from alertd.report.rollup import level_rows, unit_rows
from alertd.report.silent import never, unwoken
from alertd.report.story import shortened, story
from alertd.report.summary import interim, summary
from alertd.report.templating import template
from alertd.report.values import duration, moment, percent
from alertd.report.words import Say, level_word, role_word, word

MOST_NAMED = 500  # lines of the list of the un-woken on the page; the CSV has them all
MOST_MOMENTS = 500
_DETAILED = frozenset({"city", "subdistrict", "community", "grid"})


def page(
    figures: Figures,
    names: Names,
    ends: tuple[Head, ...],
    *,
    language: str,
    zone: tzinfo,
    compared: tuple[Change, ...] = (),
    comparison_of: str = "",
) -> str:
    """The page.

    Args:
        figures: What it shows.
        names: For the units' numbers.
        ends: Where the journal's chains stood.
        language: One of i18n.LANGUAGES.
        zone: The city's time.
        compared: Changes against another report.
        comparison_of: That report's short code and headline.
    """
    say = translator(language)
    rows = unit_rows(figures.units, names)
    told = story(figures.timeline, names, say, zone, issued_at=figures.course.issued_at)
    return template("report.html").render(
        _=say,
        language=language,
        figures=figures,
        ends=ends,
        band=band_of(figures, say),
        interim=interim(figures, say, zone),
        tiles=tiles_of(figures, say),
        curve=curve(figures, say),
        funnels=funnel(figures, say),
        groups=summary(figures, say, zone),
        heat=heat(rows),
        kinds=KINDS,
        changes=list(lines(compared)),
        comparison_of=comparison_of,
        story=shortened(told, MOST_MOMENTS),
        moments=len(told),
        levels=level_rows(figures.units, names),
        units=[row for row in rows if row.level in _DETAILED],
        unwoken=unwoken(figures, names, say, language, most=MOST_NAMED),
        never=never(figures, names, say, language, most=MOST_NAMED),
        unanswerable=[
            (names.unit(unit_no).code, names.place(unit_no), role_word(language, role))
            for unit_no, role in figures.escalations.unanswerable[:MOST_NAMED]
        ],
        most_named=MOST_NAMED,
        **_shown(names, say, language, zone),
    )


def _shown(names: Names, say: Say, language: str, zone: tzinfo) -> Mapping[str, Any]:
    """How the template shows a value."""
    return {
        "names": names,
        "word": lambda key: word(say, key),
        "level": lambda key: level_word(language, key),
        "percent": lambda n, of: percent(Share(n, of)),
        "duration": lambda ms: duration(say, ms),
        "moment": lambda at: moment(at, zone),
    }


def band_of(figures: Figures, say: Say) -> str:
    """What is printed over the page; "" for a real alert."""
    bands = {"Exercise": N_("EXERCISE – this was a drill"), "Test": N_("TEST – reached its author")}
    return say(bands[figures.course.status]) if figures.course.status in bands else ""


def tiles_of(figures: Figures, say: Say) -> list[tuple[str, str, str]]:
    """The figures that are looked for first: name, value, and what it is of."""
    rates = figures.rates
    calls = figures.answers.help_calls
    still_open = sum(call.closed_ms is None for call in calls)
    return [
        _tile(say(N_("Reach rate")), rates.reach),
        _tile(say(N_("Answer rate")), rates.answer),
        _tile(say(N_("On-time rate")), rates.on_time),
        (
            say(N_("First answer, median")),
            duration(say, figures.pace.first_answer.median),
            say(N_("nine in ten within {time}")).format(
                time=duration(say, figures.pace.first_answer.p90)
            ),
        ),
        (say(N_("Not woken")), str(len(figures.unwoken)), _untold(figures, say)),
        (
            say(N_("Calls for help")),
            str(len(calls)),
            say(N_("{n} still open")).format(n=still_open),
        ),
    ]


def _untold(figures: Figures, say: Say) -> str:
    untold = figures.unwoken_untold
    if not untold:
        return say(N_("person-duties"))
    return say(N_("person-duties, {n} of them never told")).format(n=untold)


def _tile(label: str, share: Share) -> tuple[str, str, str]:
    return label, percent(share), f"{share.n} / {share.of}"
