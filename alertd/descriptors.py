"""How many files and sockets this process may have open, and whether that will do."""

import resource
from pathlib import Path
from typing import Final

ENOUGH: Final = 16_384  # for every route's connections and a city's boards
_UNBOUNDED: Final = 65_536  # where the system has no limit
_LEAST_LEFT: Final = 8
_SHARE_LEFT: Final = 20  # a twentieth must be left


def allowed() -> int:
    """How many it may have open at once."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _UNBOUNDED if soft == resource.RLIM_INFINITY else soft


def take_enough() -> None:
    """Take what the system lets a process take by itself: what one begins with is 1,024, as a rule.

    Each route may have as many connections as it has messages in flight, and each open board one.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def scarce() -> tuple[int, int] | None:
    """How many are open of how many, where hardly any are left; else None."""
    most = allowed()
    try:
        used = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:  # not even one for that
        used = most
    return (used, most) if most - used < max(_LEAST_LEFT, most // _SHARE_LEFT) else None
