"""A simulator's own record: append-only, one JSON object a line."""

import json
import os
import time
from pathlib import Path
from typing import Any


class Log:
    """Writes each line with one call to the kernel before anything else happens.

    A kill -9 of this process loses nothing then; a power cut may (no fsync: it is a simulator's).

    Args:
        path: The file, made where it isn't there; None writes nothing.
    """

    def __init__(self, path: Path | None) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._fd = None if path is None else os.open(path, flags, 0o600)

    def write(self, what: str, **fields: Any) -> None:
        """Append one line: `ts` in ms, `what` happened, and `fields`."""
        if self._fd is None:
            return
        line = json.dumps({"ts": now_ms(), "what": what, **fields}, ensure_ascii=False)
        os.write(self._fd, line.encode("utf-8", "replace") + b"\n")

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def now_ms() -> int:
    """Milliseconds since the epoch: a simulated phone's own clock is the wall's."""
    return time.time_ns() // 1_000_000
