"""`alertd report --verify`: a report's file against the journal, or a bundle by itself."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from alertd.cli import show
from alertd.cli.reading import reading
from alertd.cli.words import _, told, word
from alertd.errors import AlertdError, InvalidInputError
from alertd.report.figures.values import Head
from alertd.report.unbundle import verify_bundle
from alertd.report.verify import Verdict, alert_no_of, verify
from alertd.settings import load

_MOST_SHOWN = 20


class NotVerifiedError(AlertdError):
    """The report, the tables and the journal don't agree."""

    code = "not-verified"


def run(file: Path, *, as_json: bool) -> None:
    """Check, and say what was found.

    Raises:
        InvalidInputError: The file is neither a report nor a bundle.
        NotVerifiedError: Something doesn't agree.
    """
    if zipfile.is_zipfile(file):
        with show.working(_("Recomputing from the bundle")):
            verdict, ends = verify_bundle(file)
        _tell(verdict, ends, as_json=as_json)
        return
    document = _read(file)
    with show.working(_("Recomputing from the journal")), reading(load()) as connection:
        verdict = verify(connection, alert_no_of(document), document)
    _tell(verdict, (), as_json=as_json)


def _tell(verdict: Verdict, ends: Sequence[Head], *, as_json: bool) -> None:
    if verdict.good or as_json:
        show.answer(_plain(verdict, ends), as_json=as_json, human=lambda: _agrees(verdict, ends))
    if verdict.good:
        return
    if as_json:
        raise typer.Exit(NotVerifiedError.exit_code)
    for each in verdict.differences[:_MOST_SHOWN]:
        values = f"{word('found', each.expected)} ≠ {word('found', each.found)}"
        show.note("  " + told(f"{word('where', each.kind)} {each.where}", values))
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


def _plain(verdict: Verdict, ends: Sequence[Head]) -> dict[str, Any]:
    found = {
        "good": verdict.good,
        "alert_no": verdict.alert_no,
        "facts": verdict.facts,
        "differences": [asdict(each) for each in verdict.differences],
    }
    return found | ({"journal": [asdict(head) for head in ends]} if ends else {})


def _agrees(verdict: Verdict, ends: Sequence[Head]) -> None:
    if not ends:
        text = _("Report, tables and journal agree; the chain of {facts} facts holds.")
        show.line(text.format(facts=f"{verdict.facts:,}"))
        return
    text = _("Report, roster and journal of the bundle agree; the chain of {facts} facts holds.")
    show.line(text.format(facts=f"{verdict.facts:,}"))
    show.line(_("Compare with the report that was signed on paper:"))
    for head in ends:
        show.line(f"  {head.node} / {head.writer}  {head.seq}  {head.hash}")
