"""`alertd doctor`: what is configured, reachable and missing; exit code 0 well, 2 broken."""

import asyncio
from dataclasses import asdict
from typing import Final

import typer
from rich.markup import escape
from rich.table import Table

from alertd.cli import show
from alertd.cli.checkup import checkup
from alertd.cli.findings import Finding, Health
from alertd.cli.options import Json
from alertd.cli.words import _

_EXIT: Final = {Health.WELL: 0, Health.LOOK: 1, Health.BROKEN: 2}
_COLOURS: Final = {Health.WELL: "green", Health.LOOK: "yellow", Health.BROKEN: "red"}


def doctor(as_json: Json = False) -> None:  # noqa: D103 - its help says it
    with show.working(_("Looking at this node")):
        findings = asyncio.run(checkup())
    code = max(_EXIT[finding.health] for finding in findings)
    document = {"exit_code": code, "findings": [asdict(finding) for finding in findings]}
    show.answer(document, as_json=as_json, human=lambda: _shown(findings))
    if code:
        raise typer.Exit(code)


def _shown(findings: list[Finding]) -> None:
    words = {Health.WELL: _("well"), Health.LOOK: _("look"), Health.BROKEN: _("broken")}
    table = Table(box=None, pad_edge=False, show_header=False)
    for _column in range(3):
        table.add_column(overflow="fold")  # else a Chinese sentence is cut at the screen's edge
    for finding in findings:
        colour = _COLOURS[finding.health]
        table.add_row(f"[{colour}]{words[finding.health]}[/]", finding.what, escape(finding.detail))
    show.draw(table)
