"""The report as a document to sign: what the typst template shows, as plain JSON values.

Lists are cut where the document says so; the workbook and the CSV files have every row.
"""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, Final

from alertd.i18n import N_, translator
from alertd.model import Channel
from alertd.report.change import Change, lines
from alertd.report.drawing import curve, funnel
from alertd.report.figures import Figures
from alertd.report.figures.values import Head, Share
from alertd.report.heat import KINDS, heat
from alertd.report.names import Names
from alertd.report.page import band_of, tiles_of
from alertd.report.rollup import level_rows, unit_rows
from alertd.report.sign_page import sign_page
from alertd.report.silent import Silent, never, unwoken
from alertd.report.story import shortened, story
from alertd.report.summary import in_columns, interim, summary
from alertd.report.typeset import TEMPLATES, typeset_apart
from alertd.report.values import duration, moment, percent
from alertd.report.words import Say, level_word, role_word, word

TEMPLATE: Final = TEMPLATES / "report.typ"
MOST_SILENT = 150
MOST_MOMENTS = 60
MOST_CELLS = 400
MOST_UNITS = 80
MOST_CALLS = 40
_COLOURS: Final = {"red": "#c62828", "orange": "#e07b00", "yellow": "#f2c200", "blue": "#1565c0"}
_DARK_TEXT: Final = frozenset({"yellow", "orange"})


def document(
    figures: Figures,
    names: Names,
    ends: Sequence[Head],
    *,
    language: str,
    zone: tzinfo,
    signers: tuple[str, str] = ("", ""),
    compared: tuple[Change, ...] = (),
    comparison_of: str = "",
) -> bytes:
    """The PDF; drawn by a child process, so not for an event loop.

    It isn't tagged: tags make long tables several times as large, and the page (`page.py`) says the
    same to a screen reader.

    Args:
        figures: What it shows.
        names: For the units' numbers, and who holds the duties that stayed silent.
        ends: Where the journal's chains stood.
        language: One of i18n.LANGUAGES.
        zone: The city's time.
        signers: Who drafted the alert and who approved it, by name.
        compared: Changes against another report.
        comparison_of: That report's short code and headline.

    Raises:
        TypesettingError: It can't be drawn.
    """
    shown = data(
        figures,
        names,
        ends,
        language=language,
        zone=zone,
        signers=signers,
        compared=compared,
        comparison_of=comparison_of,
    )
    return typeset_apart(TEMPLATE, shown, at=figures.course.issued_at or 0, tagged=False)


def data(
    figures: Figures,
    names: Names,
    ends: Sequence[Head],
    *,
    language: str,
    zone: tzinfo,
    signers: tuple[str, str],
    compared: tuple[Change, ...],
    comparison_of: str,
) -> dict[str, Any]:
    """What the template is filled with."""
    say = translator(language)
    course = figures.course
    tables = [
        _changes(compared, comparison_of, say),
        _stages(figures, say),
        _channels(figures, say),
        _ways(figures, say),
        _levels(figures, names, say, language),
        _units(figures, names, say, language),
        _silent(figures, names, say, language),
        _never(figures, names, say, language),
        _nobody(figures, names, say, language),
        _calls(figures, names, say, zone),
        _story(figures, names, say, zone),
    ]
    return {
        "language": language,
        "title": f"{band_of(figures, say)} {course.headline}".strip(),
        "author": [],
        "running": f"{course.short_code} · {course.headline}",
        "page": say(N_("page {n} of {of}")),
        "band": band_of(figures, say),
        "kind": say(N_("Report on an alert and the answers to it")),
        "headline": course.headline,
        "colour": _COLOURS.get(course.colour, "#5b6670"),
        "on-colour": "#1d2329" if course.colour in _DARK_TEXT else "#ffffff",
        "colour-word": word(say, course.colour),
        "subtitle": f"{word(say, course.status)} · {course.short_code} · {word(say, course.state)}",
        "interim": interim(figures, say, zone),
        "meta": [
            [say(N_("Drafted")), moment(course.drafted_at, zone)],
            [say(N_("Approved")), moment(course.approved_at, zone)],
            [say(N_("Issued")), moment(course.issued_at, zone)],
            [say(N_("Ended")), moment(course.ended_at, zone)],
        ],
        "tiles": [list(tile) for tile in tiles_of(figures, say)],
        "curve": _curve(figures, say),
        "funnel-title": say(N_("Funnel")),
        "funnels": [
            [[b.label, b.width, f"{b.n} · {percent(Share(b.n, b.of))}"] for b in bars]
            for bars in funnel(figures, say)
        ],
        "heat": _heat(figures, names, say, language),
        "nothing": say(N_("None.")),
        "tables": [table for table in tables if table is not None],
        "groups-title": say(N_("All figures")),
        "groups": in_columns(summary(figures, say, zone)),
        "sign": sign_page(figures, ends, say, signers),
    }


def _curve(figures: Figures, say: Say) -> dict[str, Any] | None:
    """Coverage as fractions of the frame: the steps of the picture on the page."""
    drawn = curve(figures, say)
    if drawn is None:
        return None
    width, asked = drawn.right - drawn.left, figures.stages[0].asked
    points = [[0.0, 0.0]]
    for ms, n in figures.pace.curve:
        x = ms / drawn.end_ms
        points += [[x, points[-1][1]], [x, n / asked]]
    points.append([1.0, points[-1][1]])
    return {
        "title": say(N_("Coverage over time")),
        "caption": say(N_("Share of person-duties answered, by minutes after the issue")),
        "marks": [[(mark.at - drawn.left) / width, mark.text] for mark in drawn.across],
        "points": points,
        "due": (drawn.due.at - drawn.left) / width if drawn.due else None,
        "due-word": drawn.due.text if drawn.due else "",
    }


def _heat(figures: Figures, names: Names, say: Say, language: str) -> dict[str, Any] | None:
    found = heat(unit_rows(figures.units, names), MOST_CELLS)
    if found is None:
        return None
    return {
        "title": say(N_("Answers by unit")),
        "legend": [[kind, say(text)] for kind, text in KINDS.items()],
        "blocks": [[b.name, [[c.kind, c.label] for c in b.cells]] for b in found.blocks],
        "note": say(N_("One sign a unit ({level}), with the end of its code.")).format(
            level=level_word(language, found.level)
        ),
    }


def _table(
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    right: Sequence[int] = (),
    widths: Sequence[int] = (),
    strong: Sequence[int] = (),
    note: str = "",
) -> dict[str, Any]:
    return {
        "title": title,
        "heads": list(heads),
        "rows": [[str(cell) for cell in row] for row in rows],
        "right": list(right),
        "widths": list(widths) or [1] + [0] * (len(heads) - 1),
        "strong": list(strong),
        "note": note,
    }


def _cut(n: int, most: int, say: Say) -> str:
    text = say(N_("{shown} of {n} are shown; the spreadsheet has all."))
    return "" if n <= most else text.format(shown=most, n=n)


def _changes(compared: tuple[Change, ...], of: str, say: Say) -> dict[str, Any] | None:
    if not compared:
        return None
    heads = [say(N_("Figure")), say(N_("Before")), say(N_("Now")), ""]
    note = say(N_("▲ better, ▼ worse."))
    title = say(N_("Change from {what}")).format(what=of)
    return _table(title, heads, list(lines(compared)), right=(1, 2), note=note)


def _stages(figures: Figures, say: Say) -> dict[str, Any]:
    heads = (N_("Stage"), N_("Due after"), N_("Asked"), N_("Answered"), N_("On time"))
    rows = [
        (
            word(say, row.stage),
            duration(say, row.due_ms),
            row.asked,
            _of(row.covered, row.asked),
            _of(row.on_time, row.asked),
            row.exhausted,
            row.open + row.closed,
        )
        for row in figures.stages
    ]
    more = (N_("Not woken"), N_("Unanswered otherwise"))
    return _table(
        say(N_("By stage")), [say(head) for head in (*heads, *more)], rows, right=range(1, 7)
    )


def _channels(figures: Figures, say: Say) -> dict[str, Any]:
    heads = (
        *(N_("Channel"), N_("Messages made"), N_("Submitted"), N_("Delivered")),
        *(N_("Accepted only"), N_("Failed"), N_("Unknown"), N_("Tries")),
    )
    rows = [
        (
            *(word(say, channel), n.made, n.submitted, n.delivered),
            *(n.accepted, n.failed, n.unknown, n.attempts),
        )
        for channel, n in figures.channels.items()
    ]
    calls = N_("A call is delivered once it is picked up, by a mailbox perhaps.")
    return _table(
        say(N_("By channel")),
        [say(head) for head in heads],
        rows,
        right=range(1, 8),
        note=say(calls) if Channel.VOICE.word in figures.channels else "",
    )


def _ways(figures: Figures, say: Say) -> dict[str, Any] | None:
    if not figures.answers.ways:
        return None
    heads = (N_("Way of the first answer"), N_("People"), N_("On time"), N_("Median"))
    rows = [
        (word(say, way.via), way.people, way.on_time, duration(say, way.median_ms))
        for way in figures.answers.ways
    ]
    return _table(say(N_("By way")), [say(head) for head in heads], rows, right=(1, 2, 3))


def _levels(figures: Figures, names: Names, say: Say, language: str) -> dict[str, Any]:
    heads = (N_("Level"), N_("Stage"), N_("Units"), N_("Asked"), N_("Answered"), N_("On time"))
    rows = [
        (
            *(level_word(language, row.level), word(say, row.stage), row.units, row.asked),
            *(_of(row.covered, row.asked), _of(row.on_time, row.asked), row.exhausted),
        )
        for row in level_rows(figures.units, names)
    ]
    return _table(
        say(N_("By level")),
        [say(head) for head in (*heads, N_("Not woken"))],
        rows,
        right=range(2, 7),
    )


def _units(figures: Figures, names: Names, say: Say, language: str) -> dict[str, Any]:
    found = unit_rows(figures.units, names)
    high = [row for row in found if row.level in {"city", "subdistrict", "community"}]
    shown = high[:MOST_UNITS]
    heads = (N_("Unit"), N_("Level"), N_("Stage"), N_("Asked"), N_("Answered"), N_("On time"))
    rows = [
        (
            *(row.name, level_word(language, row.level), word(say, row.stage), row.asked),
            *(_of(row.covered, row.asked), _of(row.on_time, row.asked), row.exhausted),
        )
        for row in shown
    ]
    return _table(
        say(N_("By unit")),
        [say(head) for head in (*heads, N_("Not woken"))],
        rows,
        right=range(3, 7),
        strong=[at for at, row in enumerate(shown) if row.level != "community"],
        note=_cut(len(high), MOST_UNITS, say),
    )


def _silent(figures: Figures, names: Names, say: Say, language: str) -> dict[str, Any]:
    rows = unwoken(figures, names, say, language, most=MOST_SILENT)
    title = say(N_("Not woken: doors to knock at"))
    return _duties(title, rows, say(N_("Told")), len(figures.unwoken), say)


def _never(figures: Figures, names: Names, say: Say, language: str) -> dict[str, Any] | None:
    rows = never(figures, names, say, language, most=MOST_SILENT)
    if figures.telling is None or not rows:
        return None
    title = say(N_("Never told: nothing of the alert has left for them"))
    return _duties(title, rows, say(N_("Why")), len(figures.telling.never), say)


def _duties(title: str, found: Sequence[Silent], last: str, of: int, say: Say) -> dict[str, Any]:
    heads = (N_("Unit code"), N_("Unit"), N_("Role"), N_("Holder"), N_("Phone"), N_("Stage"))
    rows = [
        (each.code, each.place, each.role, each.name, each.phone, each.stage, each.told)
        for each in found
    ]
    named = [*(say(head) for head in heads), last]
    widths, note = (0, 1, 0, 0, 0, 0, 0), _cut(of, MOST_SILENT, say)
    return _table(title, named, rows, widths=widths, note=note)


def _nobody(figures: Figures, names: Names, say: Say, language: str) -> dict[str, Any] | None:
    found = figures.escalations.unanswerable
    if not found:
        return None
    heads = (N_("Unit code"), N_("Unit"), N_("Role"))
    rows = [
        (names.unit(unit_no).code, names.place(unit_no), role_word(language, role))
        for unit_no, role in found[:MOST_SILENT]
    ]
    title = say(N_("Nobody is answerable: doors to knock at"))
    note = _cut(len(found), MOST_SILENT, say)
    return _table(title, [say(head) for head in heads], rows, widths=(0, 1, 0), note=note)


def _calls(figures: Figures, names: Names, say: Say, zone: tzinfo) -> dict[str, Any] | None:
    calls = figures.answers.help_calls
    if not calls:
        return None
    heads = (N_("Unit"), N_("Opened"), N_("Levels told"), N_("Taken after"), N_("Closed after"))
    rows = [
        (
            *(names.place(call.unit_no), moment(call.opened_at, zone), call.climbed),
            *(duration(say, call.taken_ms), duration(say, call.closed_ms)),
        )
        for call in calls[:MOST_CALLS]
    ]
    note = _cut(len(calls), MOST_CALLS, say)
    title = say(N_("Calls for help"))
    return _table(title, [say(head) for head in heads], rows, right=(2, 3, 4), note=note)


def _story(figures: Figures, names: Names, say: Say, zone: tzinfo) -> dict[str, Any]:
    told = story(figures.timeline, names, say, zone, issued_at=figures.course.issued_at)
    heads = (N_("Time"), N_("After the issue"), N_("What happened"))
    rows = [(line.time, line.after, line.text) for line in shortened(told, MOST_MOMENTS)]
    return _table(
        say(N_("Course of events")),
        [say(head) for head in heads],
        rows,
        right=(1,),
        widths=(0, 0, 1),
        note=_cut(len(told), MOST_MOMENTS, say),
    )


def _of(n: int, of: int) -> str:
    return f"{n} · {percent(Share(n, of))}"
