"""What a demonstration came to, on one screen or as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from alertd.cli import show
from alertd.cli.demo_check import Checked
from alertd.cli.words import LANGUAGE, _
from alertd.i18n import translator
from alertd.report.figures import Figures
from alertd.report.figures.duties import RUNGS
from alertd.report.figures.values import Share
from alertd.report.values import duration, percent
from alertd.report.words import word


def summary(checked: Checked, files: Sequence[Path], wall_s: float) -> None:
    """One screen: the figures, which promises were kept, and where the report is."""
    show.line("")
    show.line(f"{checked.figures.course.short_code}  {checked.figures.course.headline}")
    show.table(("", ""), list(_rows(checked.figures)))
    show.line("")
    for verdict in checked.verdicts:
        text = _("kept") if verdict.held else _("BROKEN")
        show.line(
            f"{text}: {verdict.name} ({verdict.checked - verdict.broken:,}/{verdict.checked:,})"
        )
    show.line(
        _("Report, after {seconds:.0f} s: {files}").format(
            seconds=wall_s, files=" ".join(str(path) for path in files)
        )
    )


def document(checked: Checked, files: Sequence[Path], wall_s: float) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "wall_s": round(wall_s, 1),
        "files": [str(path) for path in files],
        "figures": checked.figures.to_dict(),
        "promises": [
            {"name": v.name, "checked": v.checked, "broken": v.broken, "held": v.held}
            for v in checked.verdicts
        ],
    }


def _rows(figures: Figures) -> Iterator[tuple[str, str]]:
    targets, rates, sent = figures.targets, figures.rates, figures.deliveries
    first, speakers = figures.pace.first_answer, figures.loudspeakers
    yield (
        _("Told"),
        _("{people} people with {duties} duties, {terminals} loudspeakers, {groups} groups").format(
            people=targets.people,
            duties=targets.duties,
            terminals=targets.terminals,
            groups=targets.groups,
        ),
    )
    yield _("Reached"), _share(rates.reach)
    yield _("Answered"), _share(rates.answer)
    yield _("On time"), _share(rates.on_time)
    yield (
        _("First answer"),
        _("median {median}, nine in ten within {p90}, slowest {most}").format(
            median=_time(first.median), p90=_time(first.p90), most=_time(first.most)
        ),
    )
    yield (
        _("Messages"),
        _(
            "{made}: delivered {delivered}, failed {failed}, unknown {unknown}, sent again {again}"
        ).format(
            made=sent.made,
            delivered=sent.delivered,
            failed=sent.failed,
            unknown=sent.unknown,
            again=sent.marked_duplicates,
        ),
    )
    yield (
        _("Loudspeakers"),
        _(
            "confirmed {confirmed}, played {played}, in part {partial}, failed {failed}, "
            "unknown {unknown}"
        ).format(
            confirmed=speakers.delivered,
            played=speakers.played,
            partial=speakers.partial,
            failed=speakers.failed,
            unknown=speakers.unknown,
        ),
    )
    acts = figures.escalations.acts
    yield _("Escalation"), _counts({f"act.{act}": acts.get(act, 0) for act in RUNGS})
    yield _("Answered at last"), _counts(figures.escalations.resolved)
    yield _("Nobody answered"), str(len(figures.unwoken))
    yield _("Messages per person"), f"{figures.burden.per_person or 0:.2f}"


def _share(share: Share) -> str:
    return f"{share.n:,}/{share.of:,} ({percent(share)})"


def _time(ms: int | None) -> str:
    return duration(translator(LANGUAGE), ms)


def _counts(counts: Mapping[str, int]) -> str:
    say = translator(LANGUAGE)
    return ", ".join(f"{word(say, key)} {n:,}" for key, n in counts.items() if n)
