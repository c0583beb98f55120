"""Becomes the player: ties its life to the box's, then execs it.

Run as a file, by a bare interpreter. A box that was killed must not go on sounding, least of all
beside the one that is started in its place.

    python -I -S player_launch.py PARENT_PID PROGRAM ARGUMENTS…
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_NO_PROGRAM = 127


def main() -> int:
    """Returns only where the program can't be started, or the parent has gone."""
    _, parent, *command = sys.argv
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):
        return 1
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is the box's own
    except OSError:
        return _NO_PROGRAM


if __name__ == "__main__":
    sys.exit(main())
