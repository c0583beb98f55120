"""A box's memory on its disk: written before anything is answered."""

import fcntl
import json
import os
from pathlib import Path

from alertd.errors import ConflictError
from alertd.whole import write_whole
from channels.loudspeaker.terminal_memory import Memory


class Disk:
    """One file.

    Args:
        folder: Made where it is missing, 0700.
        terminal: Whose memory it is; another's folder is refused.

    Raises:
        ConflictError: Another process has the folder: both would sound.
    """

    def __init__(self, folder: Path, terminal: str) -> None:
        self._path = folder / "memory.json"
        self._terminal = terminal
        self._written = b""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise ConflictError(
                "Another process is this loudspeaker already.", hint="End it first."
            ) from None

    def close(self) -> None:
        """Leave the folder to others."""
        os.close(self._lock)

    def load(self) -> tuple[Memory, int]:
        """What was kept, and when (ms; 0 where there is nothing yet).

        Raises:
            ConflictError: It is another terminal's, or can't be read: a box that forgot what it
                obeyed could be made to play it again, so that nobody starts over in silence.
        """
        try:
            document = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return Memory(), 0
        except ValueError:
            document = {}
        try:
            if document["terminal"] != self._terminal:
                raise ConflictError(
                    "The folder holds the memory of another loudspeaker.",
                    hint="Give each loudspeaker a folder of its own.",
                )
            return Memory.from_document(document["memory"]), int(document["at"])
        except (KeyError, TypeError, ValueError):
            raise ConflictError(
                "The loudspeaker's memory can't be read.",
                hint="Take memory.json out of its folder; commands from before may play once more.",
            ) from None

    def save(self, memory: Memory, now: int) -> None:
        """Keep it, on the disk when this returns; nothing is written where nothing changed."""
        content = json.dumps(memory.to_document(), ensure_ascii=False).encode()
        if content != self._written:
            head = json.dumps({"terminal": self._terminal, "at": now})[:-1].encode()
            write_whole(self._path, head + b', "memory": ' + content + b"}", mode=0o600)
            self._written = content
