"""`alertd report`: an alert's report written, a season's, or one held against the journal."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from alertd.cli import report_check, show
from alertd.cli.client import connect
from alertd.cli.options import As, Json
from alertd.cli.report_files import Wanted, forms_of, languages_of, write_alert, write_season
from alertd.cli.words import LANGUAGE, _
from alertd.errors import InvalidInputError
from alertd.settings import load


def report(  # noqa: D103 - its help says it
    alert: Annotated[
        str | None, typer.Argument(metavar="ALERT", help=_("The alert's short code or id."))
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help=_("The folder to write to; else report-ALERT."))
    ] = None,
    forms: Annotated[
        str,
        typer.Option("--format", help=_("Which files: html,pdf,xlsx,csv,json, or some of them.")),
    ] = "json,csv,html,pdf,xlsx",
    lang: Annotated[
        str, typer.Option("--lang", help=_("zh-CN or en; both without, in this one first."))
    ] = "",
    unmasked: Annotated[
        bool, typer.Option("--unmasked", help=_("With whole names and phone numbers; on record."))
    ] = False,
    against: Annotated[
        str,
        typer.Option("--against", metavar="ALERT", help=_("Compare with an earlier alert.")),
    ] = "",
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="ZIP", help=_("Write what a third party can check.")),
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="DATE", help=_("Every alert issued from this day on."))
    ] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="DATE", help=_("… up to the end of this day."))
    ] = "",
    check: Annotated[
        Path | None,
        typer.Option(
            "--verify",
            metavar="FILE",
            help=_("Recompute a report.json, or a bundle without any database."),
        ),
    ] = None,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    if [alert is not None, check is not None, bool(since or until)].count(True) != 1:
        raise InvalidInputError(
            "Name an alert, or a report's file with --verify.",
            hint="alertd report A7, or alertd report --verify report-A7/report.json",
        )
    if check is not None:
        report_check.run(check, as_json=as_json)
        return
    wanted = Wanted(forms_of(forms), languages_of(lang, LANGUAGE), against, bundle)
    _fit_together(wanted, one=alert is not None, unmasked=unmasked)
    if unmasked and alert is not None:
        folder = _private(out or Path(f"report-{alert}"))
        files = asyncio.run(_download(alert, folder, wanted, acting_as))
    elif alert is not None:
        files = write_alert(load(), alert, out, wanted)
    else:
        files = write_season(load(), (since, until), out or Path("reports"), wanted)

    def human() -> None:
        for file in files:
            show.line(str(file))

    show.answer({"files": [str(file) for file in files]}, as_json=as_json, human=human)


def _fit_together(wanted: Wanted, *, one: bool, unmasked: bool) -> None:
    """Refuse options that would be passed over in silence, or write one file over another."""
    if unmasked and not one:
        raise InvalidInputError("Whole names and numbers are given out for one alert at a time.")
    if unmasked and wanted.bundle is not None:
        raise InvalidInputError(
            "A bundle never names anybody.", hint="Leave out --unmasked, or --bundle."
        )
    if not one and (wanted.bundle is not None or wanted.against):
        raise InvalidInputError(
            "--bundle and --against are for one alert.", hint="alertd report A7 --bundle A7.zip"
        )


def _private(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InvalidInputError(f"{folder} can't be written to: {error.strerror}.") from None
    return folder


async def _download(alert: str, folder: Path, wanted: Wanted, acting_as: str | None) -> list[Path]:
    """By the API, which asks for the right and keeps the record."""
    made = []
    async with connect(load(), acting_as=acting_as, reads_only=True) as client:
        for form in wanted.forms:
            path = folder / f"report-unmasked.{form}"
            with show.working(_("Writing {folder}").format(folder=path)):
                await client.download(
                    f"/api/v1/alerts/{alert}/report",
                    path,
                    format=form,
                    unmasked=True,
                    against=wanted.against,
                    lang=wanted.languages[0],
                )
            made.append(path)
    return made
