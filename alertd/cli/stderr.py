"""stderr, which fails nobody and holds up nobody.

The thread that writes for a whole city logs, and so does the event loop. Neither may end for want
of a log, nor wait for whoever reads it: a pipe whose reader stands still is full after some hundred
lines, as is a terminal after Ctrl-S, and a disk may hang.
"""

import json
import os
import threading
from collections import deque
from contextlib import suppress
from typing import Any, Final, TextIO

_PATIENCE_S: Final = 0.2  # so long a line is waited for, until one took longer
_MOST: Final = 2_000  # lines that wait; those that come then are lost, and counted
_LOST: Final = "lines of the log are lost: nobody took them, or there was no room"


class Stderr:
    """A file whose lines a thread of its own hands over.

    As long as they are taken, whoever flushes has waited for that: nothing is out of order, and a
    process that is killed has said all it had to say.

    Args:
        file: stderr as it was; one without a descriptor is written to at once.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lines: deque[bytes] = deque()
        self._lost = 0
        self._cut = False  # half a line was written last
        self._taken = True  # the last one was, in time
        self._changed = threading.Condition()
        try:
            self._fd = os.dup(file.fileno())  # ours: whoever closes the file gives its number away
        except (OSError, ValueError):
            self._fd = -1
        else:
            threading.Thread(target=self._hand_over, name="alertd-log", daemon=True).start()

    def write(self, text: str) -> int:
        """Write it, where and when that can be done."""
        if self._fd < 0:
            with suppress(OSError, ValueError):  # the second: it was closed
                self._file.write(text)
        elif text:
            with self._changed:
                if len(self._lines) < _MOST:
                    self._lines.append(text.encode("utf-8", "backslashreplace"))
                else:
                    self._lost += 1
                self._changed.notify_all()
        return len(text)

    def flush(self) -> None:
        """Wait until all is written, but never for long, and not again while it stands still."""
        if self._fd < 0:
            with suppress(OSError, ValueError):
                self._file.flush()
            return
        with self._changed:
            if self._taken:
                self._taken = self._changed.wait_for(lambda: not self._lines, _PATIENCE_S)

    def _hand_over(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines)
                line = self._lines[0]  # it stays there until it is written
            whole = self._put(line)
            with self._changed:
                self._lines.popleft()
                self._taken = True
                if not whole:
                    self._lost += 1
                elif self._lost and not self._lines:
                    told = {"lines": self._lost, "event": _LOST, "level": "warning"}
                    self._lines.append(f"{json.dumps(told)}\n".encode())
                    self._lost = 0
                self._changed.notify_all()

    def _put(self, line: bytes) -> bool:
        """Whether all of it was taken; what comes after half a line has one of its own."""
        rest = b"\n" + line if self._cut else line
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
                self._cut = rest not in {line, b""}
        except OSError:  # full, or gone
            return False
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
