"""A process whose wall clock is somebody else's to set: libfaketime, while it runs.

Only the wall clock is faked. The monotonic clock stays the machine's, as it does when a time
service or an operator sets the clock.
"""

import os
from pathlib import Path

import pytest

DAY_S = 86_400
FAR_S = 400 * DAY_S

_DEBIANS = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
# Python's interpreter lock waits by these, on the monotonic clock; as libfaketime 0.9.10 has them,
# on glibc 2.36, a thread that wants the lock sleeps for ever, whether the clock is moved or not.
_NOT_FAKED = (b"pthread_cond_timedwait", b"pthread_cond_init", b"pthread_cond_destroy")

needs_libfaketime = pytest.mark.skipif(
    _DEBIANS is None, reason="libfaketime is missing: apt-get install libfaketime"
)


def _without_waits(library: bytes) -> bytes:
    """The library with the names changed under which the loader finds what isn't to be faked."""
    for name in _NOT_FAKED:
        # The first is in the table of exported names; the next is what it looks up itself.
        library = library.replace(b"\0" + name + b"\0", b"\0" + name[:-1] + b"_\0", 1)
    return library


class WallClock:
    """What a child's wall clock says: ours, and `offset_s` more."""

    def __init__(self, directory: Path) -> None:
        assert _DEBIANS is not None
        self._library = directory / "libfaketime.so"
        self._library.write_bytes(_without_waits(_DEBIANS.read_bytes()))
        self._file = directory / "wall-clock"
        self.set(0)

    def set(self, offset_s: int) -> None:
        """Set it; a child that runs sees it at its next look."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{offset_s:+d}\n")
        fresh.replace(self._file)  # never half a file

    def environment(self) -> dict[str, str]:
        """The environment of a child that lives by it."""
        return {
            **os.environ,
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",  # the same, to older versions
            "NO_FAKE_STAT": "1",
        }
