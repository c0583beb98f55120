"""Where the log goes: stderr, a line an event, and never what an exception held.

The text of an exception may hold a phone number or a name; its type and place don't.
"""

import asyncio
import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Final, TextIO, cast

import structlog

from alertd.cli.stderr import Stderr

Event = MutableMapping[str, Any]
_AGAIN_S, _MOST_WORDS = 60.0, 100
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class _Discreet(logging.Formatter):
    """A library's log line, its exception by type and place."""

    def format(self, record: logging.LogRecord) -> str:
        text = f"{record.levelname.lower()} {record.name}: {record.getMessage()}"
        error = record.exc_info[1] if record.exc_info else None
        return f"{text} ({_place_of(error)})" if error else text


class Patient(logging.Filter):
    """Lets each of asyncio's lines through once a minute.

    Where no file may be opened any more it says so for each connection that waits, every second:
    eighteen thousand lines a second were seen, and they fill a disk.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it wasn't said in this minute."""
        if record.name != "asyncio":
            return True
        words = record.getMessage().partition("\n")[0]
        if 0 <= record.created - self._said.get(words, 0.0) < _AGAIN_S:
            return False
        if len(self._said) >= _MOST_WORDS:
            self._said.clear()
        self._said[words] = record.created
        return True


def is_news(record: logging.LogRecord) -> bool:
    """Whether a library's line is worth showing: that a job was ended with its server isn't."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, asyncio.CancelledError)


def configure(level: str) -> None:
    """Log to stderr from now on, which from now on fails nobody and holds up nobody.

    Args:
        level: debug, info, warning or error.
    """
    before: object = sys.stderr
    if not isinstance(before, Stderr):
        sys.stderr = cast("TextIO", Stderr(sys.stderr))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Discreet())
    handler.addFilter(is_news)
    handler.addFilter(Patient())
    logging.basicConfig(handlers=[handler], level=max(_LEVELS[level], logging.WARNING), force=True)
    renderer = (
        structlog.dev.ConsoleRenderer(exception_formatter=_no_traceback)
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=False),
            _by_place,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _by_place(
    _logger: Any, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given
    if isinstance(error, BaseException):
        event["error"] = _place_of(error)
    return event


def _place_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def _no_traceback(_stream: Any, _info: Any) -> None:
    """Nothing: `_by_place` has said it."""
