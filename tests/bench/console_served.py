"""Processes that serve boards: an alertd, and the least that can; and an event for each."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import limits
from console_boards import Spell
from ground import CACHE
from peer import HERE, started

_SECRET = b"bench"


@dataclass
class Served:
    """One of them.

    Args:
        code: The alert's short code.
        alert: Its id.
        phones: Of those who were told, one each; each answers once.
        sessions: Signed-in browsers' cookies.
        told: How many events there were.
    """

    port: int
    pid: int
    code: str
    alert: str
    phones: Sequence[str]
    sessions: Sequence[str]
    told: int = 0

    async def event(self) -> None:
        """One more person answers; returns once that is on disk."""
        phone = self.phones[self.told]
        self.told += 1
        requests = limits.reply_requests("/hooks/sms/replies", _SECRET, [phone], f"r{self.told}")
        assert await limits.post_all(self.port, requests, 1) == 1

    def cpu_s(self) -> float:
        """Processor time of all its threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """What it holds now."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@contextmanager
def node(boards: int) -> Iterator[Served]:
    """An alertd whose city was told, with a session for each board."""
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        facts = Path(folder) / "facts.json"
        command = [sys.executable, str(HERE / "console_node.py"), str(facts), str(boards)]
        with started(command) as (port, pid):
            yield Served(port, pid, **json.loads(facts.read_text()))


@contextmanager
def bare(busy: Spell, boards: int) -> Iterator[Served]:
    """The least that can: as many bytes as a node sent in `busy`, and nothing else."""
    streamed = busy.streamed // max(1, busy.replies * boards)
    fetched = busy.fetched // max(1, busy.fetches)
    command = [sys.executable, str(HERE / "limits_sse.py"), str(streamed), str(fetched)]
    with started(command) as (port, pid):
        yield Served(port, pid, "A1", "0", ["1"] * 100_000, ["none"] * boards)
