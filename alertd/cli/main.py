"""All commands together, and what a command that fails says."""

import gc
import importlib
import importlib.metadata
import os
import re
import sys
import time
import traceback
from contextlib import suppress
from types import ModuleType
from typing import Annotated, Final

import typer
from typer.exceptions import TyperException

from alertd.cli import framework, show
from alertd.cli.logs import configure
from alertd.cli.trouble import of_database, of_file, of_memory
from alertd.cli.words import _
from alertd.errors import AlertdError
from alertd.i18n import N_
from alertd.owners import hand_over

_OURS: Final = re.compile(r"/(alertd|channels|rosters|drills)/(?!.*site-packages)")

_COMMANDS: Final = {
    "serve": N_("Serve the console and the API until Ctrl-C."),
    "worker": N_("Send, and do what is due, beside a server on the same PostgreSQL database."),
    "demo": N_("The whole job once, in a simulated city, in under a minute."),
    "report": N_("Write an alert's report, or verify one."),
    "record": N_("Who did what and when, from the journal."),
    "backup": N_("Copy the database, while alertd runs or not."),
    "restore": N_("Put a backup into an empty data folder."),
    "verify": N_("Say whether a backup, or the data folder, is whole."),
    "migrate-store": N_("Carry the city from SQLite to PostgreSQL, or back."),
    "cert": N_("Make certificates for the console on the office's own network."),
    "doctor": N_("Say what is configured, reachable and missing."),
}
_GROUPS: Final = {
    "roster": N_("The roster: who is responsible for what."),
    "alert": N_("Alerts."),
    "drill": N_("Drills: plans, the calendar, and what is under way."),
    "paper": N_("Paper: sheets and posters to print, and sheets that come back."),
    "channel": N_("The routes: how each is, and a message to try one with."),
    "access": N_("Who may act, and as what."),
    "terminal": N_("Loudspeakers: be one, and enrol or shut out others."),
    "clock": N_("The node's time, and whether the machine's clock is believed."),
}
COMMANDS: Final = (*_COMMANDS, *_GROUPS)


def assemble(wanted: str) -> typer.Typer:
    """The command line: the one command that is wanted is loaded, all others are named only.

    Loading all of them takes seconds on a small box, which is too long for their list, or for the
    answer that there is no such command.
    """
    app = typer.Typer(
        name="alertd",
        help=_("Alerts for a city: who was told, who answered, and who hasn't."),
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    for name in (wanted,) if wanted in COMMANDS else COMMANDS:
        python_name = name.replace("-", "_")
        module = _load(python_name) if name == wanted else None
        if name in _GROUPS:
            group = module.app if module else typer.Typer(callback=_unloaded)
            app.add_typer(group, name=name, help=_(_GROUPS[name]))
        else:
            command = getattr(module, python_name) if module else _unloaded
            app.command(name, help=_(_COMMANDS[name]))(command)
    return app


def _unloaded() -> None:
    """What stands for a command that is only named."""
    raise AssertionError


def _load(name: str) -> ModuleType:
    """A command's module.

    What is loaded stays: looking for garbage in it takes a quarter of a server's start, and would
    be done again whenever its whole memory is looked through.
    """
    gc.disable()
    try:
        return importlib.import_module(f"alertd.cli.{name}")
    finally:
        gc.freeze()
        gc.enable()


def _version(wanted: bool) -> None:
    if wanted:
        show.line(importlib.metadata.version("alertd"))
        raise typer.Exit


def _options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help=_("Show the version.")),
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command that was typed; leaves with its exit code, and never with a traceback."""
    began = time.time() - 1  # a file's times are a little behind
    configure("warning")
    code = _run()
    if not os.geteuid() and "alertd.settings" in sys.modules:
        with suppress(AlertdError, OSError):
            hand_over(sys.modules["alertd.settings"].load().data_dir, began)
    sys.exit(code)


def _run() -> int:
    arguments = sys.argv[1:] or ["--help"]
    try:
        command = typer.main.get_command(assemble(arguments[0]))
        framework.speak(command)
        code = command.main(args=arguments, prog_name="alertd", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        show.note(_("Stopped."))
        return framework.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone; there is nobody to complain to
        return 1
    except Exception as error:  # noqa: BLE001 - a defect of ours is told like any other error
        told = _told(error)
        show.refusal(told, as_json="--json" in sys.argv[1:])
        return told.exit_code
    return code if isinstance(code, int) else 0


def _place_of(error: Exception) -> str:
    """Where in our own files it was."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _OURS.search(frame.filename)]
    last = (ours or frames)[-1]
    return f"{last.filename.rpartition('/')[2]}:{last.lineno}"


def _told(error: Exception) -> AlertdError:
    """An error as a user is told it; of a defect where it was, and not what it held."""
    if isinstance(error, AlertdError):
        return error
    if isinstance(error, TyperException):
        return framework.refused(error)
    if (trouble := of_memory(error)) is not None:
        return trouble
    if isinstance(error, OSError) and error.filename and error.strerror:
        return of_file(error)  # the machine's trouble: a full disk, a folder that isn't ours
    if (trouble := of_database(error)) is not None:
        return trouble
    place = _place_of(error)
    return AlertdError(
        f"Something went wrong in alertd itself: {type(error).__name__} at {place}.",
        hint="Please report it.",
    )
