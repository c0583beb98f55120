"""`alertd report`: an alert's report written, or one held against the journal."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from alertd.cli import show, situation
from alertd.cli.options import Json
from alertd.cli.reading import reading
from alertd.cli.words import LANGUAGE, _
from alertd.errors import AlertdError, InvalidInputError
from alertd.i18n import LANGUAGES
from alertd.report.make import make_report
from alertd.report.verify import Verdict, alert_no_of, verify
from alertd.settings import load
from alertd.store.reads.alerts import alert as read_alert
from alertd.store.reads.alerts import find

_MOST_SHOWN = 20


class NotVerifiedError(AlertdError):
    """The report, the tables and the journal don't agree."""

    code = "not-verified"


def report(  # noqa: D103 - its help says it
    alert: Annotated[
        str | None, typer.Argument(metavar="ALERT", help=_("The alert's short code or id."))
    ] = None,
    of: Annotated[
        str | None,
        typer.Argument(
            metavar="",
            help=_("situation ALERT: how it stands now, on one page."),
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help=_("The folder to write to; else report-ALERT."))
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--verify", metavar="FILE", help=_("Recompute a report.json from the journal alone.")
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    if alert == "situation" and of is not None:
        situation.write(of, out, as_json=as_json)
        return
    if (alert is None) == (check is None) or of is not None:
        raise InvalidInputError(
            "Name an alert, or a report's file with --verify.",
            hint="alertd report A7, or alertd report --verify report-A7/report.json",
        )
    if alert is not None:
        _write(alert, out, as_json=as_json)
    elif check is not None:
        _verify(check, as_json=as_json)


def _write(word: str, out: Path | None, *, as_json: bool) -> None:
    settings = load()
    languages = (LANGUAGE, *(other for other in LANGUAGES if other != LANGUAGE))
    with show.working(_("Counting from the journal")), reading(settings) as connection:
        view = read_alert(connection, find(connection, word)).view
        folder = out or Path(f"report-{view.short_code}")
        try:
            files = make_report(
                connection, view.no, folder, languages=languages, zone=settings.zone
            )
        except OSError as error:
            raise InvalidInputError(f"{folder} can't be written to: {error.strerror}.") from None

    def human() -> None:
        for file in files:
            show.line(str(file))

    show.answer({"files": [str(file) for file in files]}, as_json=as_json, human=human)


def _verify(file: Path, *, as_json: bool) -> None:
    document = _read(file)
    with show.working(_("Recomputing from the journal")), reading(load()) as connection:
        verdict = verify(connection, alert_no_of(document), document)
    if verdict.good or as_json:
        show.answer(_plain(verdict), as_json=as_json, human=lambda: _agrees(verdict))
    if verdict.good:
        return
    if as_json:
        raise typer.Exit(NotVerifiedError.exit_code)
    for each in verdict.differences[:_MOST_SHOWN]:
        show.note(f"  {each.kind} {each.where}: {each.expected} ≠ {each.found}")
    raise NotVerifiedError(f"The report doesn't agree: {len(verdict.differences)} differences.")


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"{file} can't be read: {error.strerror}.") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidInputError("The file isn't a report of alertd.")
    return found


def _plain(verdict: Verdict) -> dict[str, Any]:
    return {
        "good": verdict.good,
        "alert_no": verdict.alert_no,
        "facts": verdict.facts,
        "differences": [asdict(each) for each in verdict.differences],
    }


def _agrees(verdict: Verdict) -> None:
    show.line(
        _("Report, tables and journal agree; the chain of {facts} facts holds.").format(
            facts=f"{verdict.facts:,}"
        )
    )
