"""alertd's commands as processes that begin as forks of one that has everything loaded.

Of what it costs to start a server, and to run most commands, imports are four fifths. Here they
are made once for each of the tests' processes. What is forked is a process as any other: with an
environment, a folder and files of its own, killed and waited for by its number; it begins where
the installed script does, at `alertd.cli.main`. Whatever can't begin so is started as a user does:
in another language, which is settled at the first import, or with a library put before all others.
"""

import atexit
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import IO, Any

from alertd.cli.words import language_of

ALERTD = Path(sys.executable).with_name("alertd")
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.preloaded"])

_running: set["Forked"] = set()


class Forked:
    """A process under way, with what of `subprocess.Popen` the tests use.

    Args:
        arguments: Of the command, without its name.
        env: All of its variables.
        cwd: Its folder.
        stdout: An open file, or `subprocess.PIPE`: what it writes is read from `stdout` as text.
        stderr: The same.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdout: int | IO[Any],
        stderr: int | IO[Any],
    ) -> None:
        self.args = [str(ALERTD), *arguments]
        self.returncode: int | None = None
        self.stdout, out = _file(stdout)
        self.stderr, err = _file(stderr)
        self._process = PROCESSES.Process(
            target=_become, args=(self.args, dict(env), str(cwd), out, err)
        )
        self._process.start()
        out.close()
        err.close()
        self.pid = int(self._process.pid or 0)
        _running.add(self)

    def poll(self) -> int | None:
        """Its exit code, or None while it runs; -9 for one that was killed."""
        self.returncode = self._process.exitcode
        if self.returncode is not None:
            _running.discard(self)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended."""
        wait([self._process.sentinel], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for it; what it wrote that nobody has read, which must be less than a pipe holds."""
        self.wait(timeout)
        return _rest(self.stdout), _rest(self.stderr)

    def send_signal(self, number: int) -> None:
        """As `kill` does, while it runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ends just now
                os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def _file(given: int | IO[Any]) -> tuple[IO[str] | None, Connection]:
    """What we read from, if anything, and what the process gets."""
    if isinstance(given, int):
        assert given == subprocess.PIPE
        read, write = os.pipe()
        return os.fdopen(read, encoding="utf-8"), Connection(write, readable=False)
    return None, Connection(os.dup(given.fileno()), readable=False)


def _rest(file: IO[str] | None) -> str:
    if file is None:
        return ""
    with file:
        return file.read()


Process = Forked | subprocess.Popen[Any]


def start(arguments: Sequence[str | Path], *, text: bool = True, **how: Any) -> Process:
    """Start a command; `how` as `Forked` has it."""
    words = [str(each) for each in arguments]
    env: Mapping[str, str] = how["env"]
    if language_of(env) == "en" and "LD_PRELOAD" not in env:
        return Forked(words, **how)
    return subprocess.Popen([ALERTD, *words], stdin=subprocess.DEVNULL, text=text, **how)


def run(
    arguments: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, timeout: float
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = start(arguments, env=env, cwd=cwd, stdout=out, stderr=err)
        try:
            code = process.wait(timeout)
        except BaseException:
            process.kill()
            process.wait()
            raise
        return subprocess.CompletedProcess(process.args, code, _text(out), _text(err))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _become(
    words: list[str], environment: dict[str, str], folder: str, out: Connection, err: Connection
) -> None:
    """In the fork: be that command."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, theirs in ((nothing, 0), (out.fileno(), 1), (err.fileno(), 2)):
        os.dup2(ours, theirs)
    os.close(nothing)
    out.close()
    err.close()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - they end with the process
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, "utf-8", "backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = words
    from alertd.cli import main  # noqa: PLC0415 - nobody but this process runs it

    main()


@atexit.register
def _end_what_is_left() -> None:
    """A test that fails may leave something; the tests' process would wait for it for ever."""
    for process in list(_running):
        process.kill()
