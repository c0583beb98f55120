"""The real command line in real processes, on data folders and ports of their own."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import forked

PATIENCE_S = 60


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def environment(data: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, with nothing of alertd but what the test says; English."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ALERTD_")}
    own = {"ALERTD_DATA_DIR": str(data), "ALERTD_PORT": "0", "ALERTD_BALLAST_MB": "1"}
    own |= {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    return plain | own | dict(more or {})


def alertd(
    data: Path,
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Said:
    """Run one command to its end."""
    done = forked.run(
        arguments, env=environment(data, env), cwd=cwd or data.parent, timeout=PATIENCE_S
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


@dataclass
class Server:
    """A server under way, and what it said when it was up."""

    process: forked.Process
    data: Path
    said: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.said["url"])

    @property
    def said_aside(self) -> str:
        """All that it has said beside its answers: notes, and its log."""
        return (self.data.parent / f"{self.data.name}.serve.log").read_text("utf-8")

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Tell it to stop; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@contextmanager
def serving(data: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """`alertd serve --json …`, until the end of the block."""
    errors = data.parent / f"{data.name}.serve.log"
    with errors.open("w") as log:
        process = forked.start(
            ["serve", "--json", *arguments],
            env=environment(data, env),
            cwd=data.parent,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    try:
        yield Server(process, data, _first_document(process, errors))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _first_document(process: forked.Process, errors: Path) -> dict[str, Any]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("}"):
            found: dict[str, Any] = json.loads("".join(lines))
            return found
    raise AssertionError(f"it ended: {errors.read_text()}")


def children_of(pid: int) -> set[int]:
    """Every process below `pid`, as the kernel has it."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found |= {int(child), *children_of(int(child))}
    return found


def alive(pids: set[int]) -> set[int]:
    """Those that still run; a process that ended and waits for its parent doesn't."""
    return {pid for pid in pids if _state(pid) not in {"", "Z", "X"}}


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
