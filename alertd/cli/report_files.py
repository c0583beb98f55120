"""Reports as files: of one alert, and of all of a season."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from alertd.cli import show
from alertd.cli.reading import reading
from alertd.cli.words import _
from alertd.clock import machine_ms
from alertd.errors import InvalidInputError
from alertd.i18n import LANGUAGES
from alertd.report import change
from alertd.report.bundle import write_bundle
from alertd.report.make import FORMATS, Format, Order, Report, drill_before, gather, make_report
from alertd.report.season import rows_of
from alertd.report.values import days
from alertd.settings import Settings
from alertd.store import tables as t
from alertd.store.reads import drills
from alertd.store.reads.alerts import AlertView, find
from alertd.store.reads.alerts import alert as read_alert
from alertd.store.reads.past import issued_between
from alertd.whole import in_place_of

_FOREVER = 2**62


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files, in which languages, compared with what, and the bundle's file."""

    forms: tuple[Format, ...]
    languages: tuple[str, ...]
    against: str
    bundle: Path | None


def forms_of(text: str) -> tuple[Format, ...]:
    """The formats that a list names, in the order of FORMATS; raises InvalidInputError."""
    asked = {word.strip() for word in text.split(",") if word.strip()}
    unknown = sorted(asked - set(FORMATS))
    if unknown or not asked:
        raise InvalidInputError(
            f"There is no format {unknown[0] if unknown else text}.",
            hint="One of json, csv, html, pdf, xlsx.",
        )
    return tuple(form for form in FORMATS if form in asked)


def languages_of(text: str, own: str) -> tuple[str, ...]:
    """The language asked for; without, all, the command line's own first."""
    if not text:
        return (own, *(other for other in LANGUAGES if other != own))
    if text not in LANGUAGES:
        raise InvalidInputError(f"There is no language {text}.", hint="There are zh-CN and en.")
    return (text,)


def write_alert(settings: Settings, word: str, out: Path | None, wanted: Wanted) -> list[Path]:
    """The files of one alert; raises NotFoundError, InvalidInputError."""
    with show.working(_("Counting from the journal")), reading(settings) as connection:
        view = read_alert(connection, find(connection, word)).view
        folder = out or Path(f"report-{view.short_code}")
        file = wanted.bundle or folder
        try:
            return _write(connection, settings, view, folder, wanted)[1]
        except OSError as error:
            raise InvalidInputError(f"{file} can't be written to: {error.strerror}.") from None


def _write(
    connection: Connection, settings: Settings, view: AlertView, folder: Path, wanted: Wanted
) -> tuple[Report, list[Path]]:
    now = gather(connection, view.no)
    before = _before(connection, now, wanted.against)
    if wanted.bundle is not None:
        wanted.bundle.parent.mkdir(parents=True, exist_ok=True)
        write_bundle(connection, now, wanted.bundle)
        if drills.secret(connection, machine_ms()):
            show.note(
                _("It tells of a drill without notice that is to come: hand it on afterwards.")
            )
        return now, [wanted.bundle]
    signers = (view.created_by, view.approved_by or "")
    order = Order(zone=settings.zone, before=before, signers=signers)
    made = make_report(
        connection,
        view.no,
        folder,
        report=now,
        languages=wanted.languages,
        forms=wanted.forms,
        order=order,
    )
    if before is not None and "json" in wanted.forms:
        path = folder / "comparison.json"
        found = change.to_json(before.figures, now.figures, wanted.languages[0])
        with in_place_of(path) as draft:
            text = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
            draft.write_text(text, encoding="utf-8")
        made.append(path)
    return now, made


def _before(connection: Connection, now: Report, against: str) -> Report | None:
    if not against:
        return drill_before(connection, now)
    view = read_alert(connection, find(connection, against)).view
    found = gather(connection, view.no)
    change.require_same_kind(found.figures, now.figures)
    return found


def write_season(
    settings: Settings, season: tuple[str, str], out: Path, wanted: Wanted
) -> list[Path]:
    """A folder an alert, and a table of all: live alerts, drills and tests apart."""
    within = days(*season, settings.zone)
    try:
        return _write_season(settings, within, out, wanted)
    except OSError as error:
        raise InvalidInputError(f"{out} can't be written to: {error.strerror}.") from None


def _write_season(
    settings: Settings, within: tuple[int | None, int | None], out: Path, wanted: Wanted
) -> list[Path]:
    since, until = within
    made: list[Path] = []
    with reading(settings) as connection:
        numbers = issued_between(connection, since or 0, _FOREVER if until is None else until)
        found: list[Report] = []
        with show.counting(_("Counting from the journal"), len(numbers)) as more:
            for number in numbers:
                view = read_alert(connection, _id_of(connection, number)).view
                report, files = _write(connection, settings, view, out / view.short_code, wanted)
                made += files
                found.append(report)
                more(1)
    out.mkdir(parents=True, exist_ok=True)
    table = out / "season.csv"
    with (
        in_place_of(table) as draft,
        draft.open("w", encoding="utf-8-sig", newline="") as file,
    ):
        csv.writer(file).writerows(rows_of(found, wanted.languages[0], settings.zone))
    if not found:
        show.note(_("No alert was issued in these days."))
    return [*made, table]


def _id_of(connection: Connection, number: int) -> bytes:
    found: bytes = connection.execute(
        t.alert.select().with_only_columns(t.alert.c.id).where(t.alert.c.no == number)
    ).scalar_one()
    return found
