"""A workbook's rows, read by `rosters.workbook_child`: no file takes whoever reads it along."""

import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Final

from rosters.columns import FileKind
from rosters.problems import FileReport, Severity

MAGICS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
MAX_FILE_MB: Final = 256


def read_rows(kind: FileKind, path: Path, report: FileReport) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of the sheet with the header that aren't blank, with their line numbers."""
    command = [sys.executable, "-m", "rosters.workbook_child", kind, str(path), str(os.getpid())]
    with subprocess.Popen(  # noqa: S603 - ourselves
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # the library's own words when it dies
    ) as child:
        assert child.stdout is not None  # noqa: S101 - a pipe
        try:
            whole = yield from _rows(child.stdout, report)
        finally:
            child.kill()  # whoever has seen enough of it doesn't wait
    if not whole:
        report.error(0, "", "file-unread")


def _rows(
    lines: Iterable[bytes], report: FileReport
) -> Generator[tuple[int, list[str]], None, bool]:
    """Yield the rows of what the child writes; returns whether it came to its end."""
    for text in lines:
        if not text.endswith(b"\n"):
            return False
        each = json.loads(text)
        if each is None:
            return True
        if isinstance(each, list):
            yield each[0], each[1]
            continue
        tell = report.error if each["severity"] == Severity.ERROR else report.warn
        tell(each.get("line", 0), "", each["code"], **each["params"])
    return False
