"""Options that several commands have, and what every command starts with."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from alertd.cli.words import _
from alertd.settings import Settings, load
from rosters.parse import RosterFiles

Json = Annotated[bool, typer.Option("--json", help=_("Answer with one JSON document."))]
As = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="NAME", help=_("Act as another principal, by their token in ALERTD_TOKEN.")
    ),
]
WillSend = Annotated[
    bool,
    typer.Option(
        "--will-send", help=_("Go on where it stood: the next start sends what waits in it.")
    ),
]
People = Annotated[
    Path, typer.Argument(metavar="PEOPLE", help=_("The people file, CSV or XLSX, or a folder."))
]
Terminals = Annotated[
    Path | None, typer.Option("--terminals", help=_("The loudspeakers' file, CSV or XLSX."))
]
Groups = Annotated[
    Path | None, typer.Option("--groups", help=_("The chat groups' file, CSV or XLSX."))
]
Alert = Annotated[
    str, typer.Argument(metavar="ALERT", help=_("The alert's short code, such as A7, or its id."))
]


def today(settings: Settings | None = None) -> dt.date:
    """The day it is in the city."""
    return dt.datetime.now((settings or load()).zone).date()


def roster_files(people: Path, terminals: Path | None, groups: Path | None) -> RosterFiles:
    """The files of a roster; in a folder they have their usual names."""
    if people.is_dir():
        found = {name: _first(people, name) for name in ("people", "terminals", "groups")}
        return RosterFiles(
            people=found["people"] or people / "people.csv",
            terminals=terminals or found["terminals"],
            groups=groups or found["groups"],
        )
    return RosterFiles(people=people, terminals=terminals, groups=groups)


def _first(folder: Path, name: str) -> Path | None:
    candidates = (folder / f"{name}{suffix}" for suffix in (".csv", ".xlsx"))
    return next((path for path in candidates if path.is_file()), None)
