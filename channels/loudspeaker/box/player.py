"""What makes a sound heard: ALSA's aplay, a command of one's own, or a folder of files."""

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

_LAUNCHER = Path(__file__).with_name("player_launch.py")
_MORE_S = 10.0  # that a player may take beyond the sound itself
FILE = "{file}"


class PlayError(Exception):
    """It wasn't heard; `code` is a short word such as `player-failed`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Player(Protocol):
    """Plays one sound at a time."""

    def problem(self) -> str:
        """A short word where it can't work at all; "" where it can."""

    async def play(self, wav: Path, lasts_s: float) -> None:
        """Play a file to its end; falls silent when it is cancelled.

        Raises:
            PlayError: It wasn't heard to its end.
        """


class CommandPlayer:
    """Plays by a child process that ends when the sound has.

    Args:
        command: Program and arguments; `{file}` stands for the WAV.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command if FILE in command else [*command, FILE]

    def problem(self) -> str:
        """Whether the program is there."""
        return "" if shutil.which(self._command[0]) else "no-player"

    async def play(self, wav: Path, lasts_s: float) -> None:
        """Wait for exit code 0, not sooner than half of the sound: else nothing was played."""
        if self.problem():
            raise PlayError("no-player")
        words = [str(wav) if word == FILE else word for word in self._command]
        quiet = asyncio.subprocess.DEVNULL
        began = asyncio.get_running_loop().time()
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), *words),
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
        )
        try:
            async with asyncio.timeout(lasts_s + _MORE_S):
                code = await child.wait()
        except TimeoutError:
            raise PlayError("player-hangs") from None
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if code != 0:
            raise PlayError("player-failed")
        if asyncio.get_running_loop().time() - began < lasts_s / 2:
            raise PlayError("player-too-quick")


def alsa(device: str) -> CommandPlayer:
    """ALSA's own player on `device`, such as `default` or `plughw:1,0`."""
    return CommandPlayer(["aplay", "-q", "-D", device, FILE])


class FilePlayer:
    """Puts each sound into a folder, as 00001.wav, 00002.wav …; for trying out and for tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._number = len(list(folder.glob("*.wav")))

    def problem(self) -> str:
        """A folder can always be written, or says so."""
        return ""

    async def play(self, wav: Path, lasts_s: float) -> None:
        """Copy it."""
        del lasts_s  # nobody waits for a file
        self._number += 1
        try:
            await asyncio.to_thread(shutil.copyfile, wav, self._folder / f"{self._number:05}.wav")
        except OSError:
            raise PlayError("player-failed") from None
