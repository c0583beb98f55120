"""Several alerts in one table: live alerts, drills and tests each for themselves."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from alertd.i18n import N_, translator
from alertd.report.make import Report
from alertd.report.sheet import safe
from alertd.report.values import duration, moment, percent
from alertd.report.words import word

_HEADS = (
    *(N_("Short code"), N_("Headline"), N_("Issued"), N_("State"), N_("Person-duties asked")),
    *(N_("Reach rate"), N_("Answer rate"), N_("On-time rate"), N_("First answer, median")),
    *(N_("90% covered after"), N_("Not woken"), N_("Calls for help")),
    *(N_("Loudspeakers"), N_("Loudspeakers that played"), N_("Messages per person targeted")),
)
_STATUSES = ("Actual", "Exercise", "Test")


def rows_of(reports: Sequence[Report], language: str, zone: tzinfo) -> Iterator[Sequence[object]]:
    """A table a status, an empty row between them; statuses without an alert are left out."""
    say = translator(language)
    first = True
    for status in _STATUSES:
        mine = [each for each in reports if each.figures.course.status == status]
        if not mine:
            continue
        if not first:
            yield ()
        first = False
        yield (word(say, status),)
        yield [say(head) for head in _HEADS]
        for each in mine:
            figures = each.figures
            course, rates = figures.course, figures.rates
            yield (
                course.short_code,
                safe(course.headline),
                moment(course.issued_at, zone),
                word(say, course.state),
                figures.targets.duties,
                *(percent(rates.reach), percent(rates.answer), percent(rates.on_time)),
                duration(say, figures.pace.first_answer.median),
                duration(say, figures.pace.covered_90),
                len(figures.unwoken),
                len(figures.answers.help_calls),
                # In cells of their own: a spreadsheet takes 3 / 12 for a day in March.
                *(figures.loudspeakers.targeted, figures.loudspeakers.played),
                "" if figures.burden.per_person is None else figures.burden.per_person,
            )
