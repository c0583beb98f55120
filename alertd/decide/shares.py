"""Which of several workers has which share of a route.

A route's limits are those of one gateway, however many processes send by it: they are cut into
shares, each of which one worker holds at a time. Workers show that they live by counting (`beat`);
each judges the others by its own clock, so that no two clocks have to agree.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from alertd.model import Millis

LOOK_MS = 1_000  # a worker counts, and looks at the others, this often
STALE_MS = 10_000  # one that hasn't counted for so long has died, or is cut off


@dataclass(frozen=True, slots=True)
class Part:
    """What one process does of a node's work.

    Args:
        decides: Expands alerts, climbs ladders, looks for what is due.
        routes: It sends by these; None: by all there are.
    """

    decides: bool = True
    routes: frozenset[str] | None = None

    @property
    def works(self) -> bool:
        """Whether it is a worker; one that isn't takes inputs and nothing else."""
        return self.decides or self.routes != frozenset()

    @property
    def title(self) -> str:
        """What it is called on record: server, console, worker sms,voice."""
        if self == Part():
            return "server"
        if not self.works:
            return "console"
        return f"worker {','.join(sorted(self.routes or ()))}".rstrip()

    def sends_by(self, route: str) -> bool:
        """Whether it sends by this route, as far as its share goes."""
        return self.routes is None or route in self.routes


CONSOLE = Part(decides=False, routes=frozenset())
"""What a server beside workers does, and a command where no server runs."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that has said that it works."""

    lease: str  # its name, fresh at every start
    writer: int  # its number among the writers of the database
    beat: int
    part: Part


@dataclass(frozen=True, slots=True)
class Sighting:
    """Since when a worker's count has stood still, by the watcher's own clock."""

    beat: int
    since: Millis


def sight(
    before: Mapping[str, Sighting], workers: Iterable[Worker], now: Millis
) -> dict[str, Sighting]:
    """What is known of each worker after another look."""
    found = {}
    for worker in workers:
        known = before.get(worker.lease)
        same = known is not None and known.beat == worker.beat
        found[worker.lease] = known if known and same else Sighting(worker.beat, now)
    return found


def stale(seen: Mapping[str, Sighting], now: Millis) -> list[str]:
    """Workers that have stood still for too long."""
    return sorted(lease for lease, it in seen.items() if now - it.since >= STALE_MS)


def share_out(route: str, shares: int, workers: Sequence[Worker]) -> dict[int, str]:
    """Share → the worker it belongs to; evenly, and the same for everybody who asks."""
    able = sorted(worker.lease for worker in workers if worker.part.sends_by(route))
    if not able:
        return {}
    start = crc32(route.encode())  # routes of one share don't all go to the same worker
    return {number: able[(start + number) % len(able)] for number in range(shares)}
