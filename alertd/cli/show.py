"""What a command shows: an answer on stdout, progress and errors on stderr.

With `--json` the answer is one JSON document and nothing else stands on stdout. Progress is drawn
on a terminal; elsewhere it is plain lines.
"""

import datetime as dt
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from alertd.cli.words import LANGUAGE, _, told
from alertd.errors import AlertdError, ProblemsError
from alertd.i18n import sentence

_WIDTH: Final = 100_000  # off a terminal, where nothing ends a line: what is shown may be a path
_PLAIN_EVERY_S: Final = 5.0
_NO_NUMBER: Final = "–"
# What a terminal obeys, or what turns a line's direction round; others wrote most of what we show.
_OBEYED: Final = dict.fromkeys(
    (
        *(code for code in range(0x20) if chr(code) not in "\t\n"),
        *range(0x7F, 0xA0),
        *(0x061C, 0x200E, 0x200F),
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
    ),
    "\N{REPLACEMENT CHARACTER}",
)

out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDTH)


def answer(document: Any, *, as_json: bool, human: Callable[[], None]) -> None:
    """Show a command's answer: the document with `--json`, else what `human` prints."""
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    else:
        human()


def plain(text: str) -> str:
    """A text that a terminal only shows."""
    return text.translate(_OBEYED)


def one_line(text: str) -> str:
    """The same, where a second line would pass for one of ours."""
    return plain(" ".join(text.splitlines()))


def line(text: str) -> None:
    """One line of an answer, whole: it may be copied."""
    out.print(escape(plain(text)), soft_wrap=True)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """A table of an answer; numbers stand to the right."""
    drawn = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    drawn.show_header = any(heads)
    if not rows and any(heads):
        line(told(title, _("none")) if title else _("There is nothing to list."))
        return
    for index, head in enumerate(heads):
        cells = [row[index] for row in rows]
        numeric = all(isinstance(cell, int | float) or cell == _NO_NUMBER for cell in cells)
        drawn.add_column(head, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(escape(number(cell)) for cell in row))
    draw(drawn)


def draw(table: Table) -> None:
    """Show a table; off a terminal its lines are whole, and nothing stands behind their end."""
    if out.is_terminal:
        out.print(table)
        return
    with out.capture() as drawn:
        out.print(table)
    for each in drawn.get().splitlines():
        out.print(each.rstrip(), soft_wrap=True, markup=False)


def number(value: object) -> str:
    """A cell's text; long numbers in groups."""
    if isinstance(value, bool) or value is None:
        return {True: _("yes"), False: _("no"), None: ""}[value]
    return f"{value:,}" if isinstance(value, int) else one_line(str(value))


def moment(at: int | None) -> str:
    """A time as people read it, on the city's clock: a server's machine often goes by UTC."""
    if at is None:
        return ""
    return dt.datetime.fromtimestamp(at / 1000, _zone()).strftime("%Y-%m-%d %H:%M:%S")


@cache
def _zone() -> dt.tzinfo | None:
    """The city's; the machine's own where the settings can't be read."""
    from alertd.settings import load  # noqa: PLC0415 - the list of commands needs no settings

    try:
        return load().zone
    except AlertdError:
        return dt.datetime.now().astimezone().tzinfo


def note(text: str) -> None:
    """A line about what goes on."""
    err.print(escape(plain(text)), soft_wrap=True)


@contextmanager
def working(label: str) -> Iterator[None]:
    """Something takes a while and can't say how far it is."""
    started = time.monotonic()
    if err.is_terminal:
        with err.status(escape(label)):
            yield
    else:
        yield
    _took(label, time.monotonic() - started)


@contextmanager
def counting(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Something takes a while and says how much more is done; yields what it tells that to."""
    started = time.monotonic()
    if err.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=err, transient=True) as progress:
            task = progress.add_task(escape(label), total=total)
            yield lambda more: progress.advance(task, more)
    else:
        yield _plain(label, total)
    _took(label, time.monotonic() - started)


def _took(label: str, seconds: float) -> None:
    note(f"{label} ({seconds:.1f} {_('s')})")


def _plain(label: str, total: int) -> Callable[[int], None]:
    done, told_at = 0, time.monotonic()

    def more(count: int) -> None:
        nonlocal done, told_at
        done += count
        if time.monotonic() - told_at >= _PLAIN_EVERY_S:
            told_at = time.monotonic()
            note(f"{label}: {done:,} / {total:,}")

    return more


def refusal(error: AlertdError, *, as_json: bool) -> None:
    """Show an error: one clear sentence, and what to do about it."""
    problems = error.problems if isinstance(error, ProblemsError) else []
    if as_json:
        sys.stdout.write(json.dumps({"error": _document(error, problems)}, ensure_ascii=False))
        sys.stdout.write("\n")
        return
    message = sentence(LANGUAGE, error.message)
    lines = [sentence(LANGUAGE, problem) for problem in problems]
    if len(lines) > 1 or not any(text in message for text in lines):
        for text in lines:
            note(f"  {text}")
    head = _("error:")
    err.print(f"[bold red]{head}[/] {escape(plain(message))}", soft_wrap=True)
    if error.hint:
        note(sentence(LANGUAGE, error.hint))


def lacking(troubles: Sequence[AlertdError]) -> None:
    """Show what a server goes on without."""
    for trouble in troubles:
        head = _("It goes on without:")
        err.print(
            f"[bold red]{head}[/] {escape(sentence(LANGUAGE, trouble.message))}", soft_wrap=True
        )
        if trouble.hint:
            note(sentence(LANGUAGE, trouble.hint))


def _document(error: AlertdError, problems: Sequence[str]) -> Mapping[str, Any]:
    found: dict[str, Any] = {"code": error.code, "message": sentence(LANGUAGE, error.message)}
    if error.field:
        found["field"] = error.field
    if error.hint:
        found["hint"] = sentence(LANGUAGE, error.hint)
    if problems:
        found["problems"] = [sentence(LANGUAGE, problem) for problem in problems]
    return found
