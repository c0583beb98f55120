"""Becomes the broker: ties its life to its parent's and takes the store's lock, then execs it.

Run as a file by `broker.py`, by a bare interpreter, so that neither needs code between fork and
exec in a process full of threads.

    python -I -S broker_launch.py PARENT_PID LOCK_FILE PATIENCE_S BINARY ARGUMENTS…

The lock belongs to an open file that the broker inherits, and so lasts as long as it lives: a
second broker on the same store can't start while a first one holds it, however its parent ended.
"""

import ctypes
import fcntl
import os
import signal
import sys
import time

EXIT_LOCKED = 75  # EX_TEMPFAIL: another broker holds the store
EXIT_ORPHAN = 76  # the parent died before we could tie our life to its own
_PR_SET_PDEATHSIG = 1


def _die_with_parent(parent: int) -> None:
    # SIGKILL and not SIGTERM: every message that was confirmed is on disk already, and a
    # shutdown that hangs would hold the store.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(EXIT_ORPHAN)


def _lock(path: str, patience_s: float) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)  # noqa: FBT003 - its only argument
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                sys.exit(EXIT_LOCKED)
            time.sleep(0.05)
        else:
            return


def main() -> None:
    """Never returns."""
    _, parent, lock_file, patience_s, *command = sys.argv
    _die_with_parent(int(parent))
    _lock(lock_file, float(patience_s))
    os.execv(command[0], command)  # noqa: S606 - the command is our parent's own


if __name__ == "__main__":
    main()
