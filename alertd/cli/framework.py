"""What typer says by itself, its help and its refusals, in the language of the terminal.

Typer has English only, some of it behind gettext and some not; each sentence here is ours.
"""

from collections.abc import Iterator
from typing import Final

import typer
from rich.text import Text
from typer import rich_utils
from typer._click.core import Command
from typer._click.formatting import HelpFormatter
from typer.core import TyperCommand
from typer.exceptions import TyperException

from alertd.cli.words import _
from alertd.errors import AlertdError
from alertd.i18n import N_

INTERRUPTED: Final = 130  # 128 and the signal's number, as shells count
_WRONG_CALL: Final = 2

# Found again in what typer says, by `alertd.i18n.sentence`, and shown in the terminal's language.
SENTENCES: Final = (
    N_("Missing command."),
    N_("No such command {name}."),
    N_("No such command {name}. Did you mean {others}?"),
    N_("Missing argument {name}."),
    N_("Missing option {name}."),
    N_("No such option: {name}"),
    N_("No such option: {name} (Possible options: {others})"),
    N_("Option {name} requires an argument."),
    N_("Option {name} does not take a value."),
    N_("Got unexpected extra argument(s) ({values})"),
    N_("Invalid value for {name}: {reason}"),
    N_("Input should be a valid integer, unable to parse string as an integer"),
    N_("Input should be a valid number, unable to parse string as a number"),
    N_("Input should be greater than or equal to {least}"),
    N_("Input should be less than or equal to {most}"),
    N_("What it takes: {command} --help"),
)


class WrongCallError(AlertdError):
    """The command line can't be understood."""

    code = "usage"
    exit_code = _WRONG_CALL


class _Highlighter(rich_utils.OptionHighlighter):
    """Colours, and breaks lines between any two characters where there are no spaces.

    Rich cuts a word that is too long for its column, and takes a Chinese sentence for a word.
    """

    def __call__(self, text: str | Text) -> Text:
        shown = super().__call__(text)
        shown.overflow = "fold"
        return shown


class _Formatter(HelpFormatter):
    """The line of how a command is called."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or _("Usage: "))


def refused(error: TyperException) -> WrongCallError:
    """What is wrong with the call, in one sentence, and where one can read what is right."""
    whole = getattr(error, "format_message", None)
    context = getattr(error, "ctx", None)
    hint = f"What it takes: {context.command_path} --help" if context else None
    return WrongCallError(str(whole()) if callable(whole) else str(error), hint=hint)


def speak(command: Command) -> None:
    """Let a command's help, and that of all below it, use the terminal's language."""
    rich_utils.ARGUMENTS_PANEL_TITLE = _("Arguments")
    rich_utils.OPTIONS_PANEL_TITLE = _("Options")
    rich_utils.COMMANDS_PANEL_TITLE = _("Commands")
    rich_utils.REQUIRED_LONG_STRING = f"[{_('required')}]"
    rich_utils.DEFAULT_STRING = _("[default: {}]")
    rich_utils.highlighter = _Highlighter()
    TyperCommand.context_class.formatter_class = _Formatter
    for each in _all_below(command):
        option = each.get_help_option(typer.Context(each))
        if option is not None:
            option.help = _("Show this message and exit.")


def _all_below(command: Command) -> Iterator[Command]:
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from _all_below(below)
