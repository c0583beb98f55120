"""What was said, kept as files that are named by their content, to be fetched by whoever plays it.

- `<folder>/<sha256>.wav`: sounds
- `<folder>/texts/<sha256>`: which sound a text became, so that nothing is said twice
- `<folder>/season.json`: the sounds that terminals fetch before they are needed
"""

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from alertd.whole import write_whole
from channels.loudspeaker.speech.voice import Voice

SEASON = "season.json"
_NAME = re.compile(r"[0-9a-f]{64}")
_MOST_SOUNDS = 1_000  # about 1 MB each


class SoundStore:
    """Sounds by their content; of those that aren't the season's only the newest are kept.

    Args:
        folder: Made where it is missing.
        most: How many sounds are kept.
    """

    def __init__(self, folder: Path, *, most: int = _MOST_SOUNDS) -> None:
        self.folder = folder
        self._most = most
        self._saying: dict[str, asyncio.Task[str]] = {}

    async def said(self, voice: Voice, text: str, language: str) -> str:
        """The sound's name (sha256, 64 hex digits) of `text`; said now if it wasn't before.

        Raises:
            NoSpeechError: It can't be said.
            OSError: It can't be kept.
        """
        key = hashlib.sha256(f"{voice.manner}\0{language}\0{text}".encode()).hexdigest()
        known = _read(self.folder / "texts" / key)
        if known is not None and (path := self.path(known)) is not None:
            os.utime(path)  # what is used stays
            return known
        task = self._saying.get(key)
        if task is None:
            task = self._saying[key] = asyncio.create_task(self._say(voice, text, language, key))
            task.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(task)

    def path(self, name: str) -> Path | None:
        """Where the sound `name` is; None where there is none of this name, or it is no name."""
        path = self.folder / f"{name}.wav"
        return path if _NAME.fullmatch(name) and path.is_file() else None

    def put(self, wav: bytes) -> str:
        """Keep a sound; returns its name."""
        name = hashlib.sha256(wav).hexdigest()
        if self.path(name) is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.folder / f"{name}.wav", wav)
            self._forget()
        return name

    def season(self) -> list[str]:
        """The sounds that terminals should have before they are needed."""
        try:
            found = json.loads((self.folder / SEASON).read_bytes())
        except (OSError, ValueError):
            return []
        return season_of(found)

    def keep_for_season(self, names: Sequence[str]) -> None:
        """Add to them."""
        known = self.season()
        known += [name for name in names if name not in known]
        write_whole(self.folder / SEASON, _document(known))

    def season_document(self) -> bytes:
        """The same, as `season_of` reads it."""
        return _document(self.season())

    async def _say(self, voice: Voice, text: str, language: str, key: str) -> str:
        wav = await voice.say(text, language)
        name = await asyncio.to_thread(self.put, wav)
        (self.folder / "texts").mkdir(exist_ok=True)
        write_whole(self.folder / "texts" / key, name.encode())
        return name

    def _ended(self, key: str, task: "asyncio.Task[str]") -> None:
        self._saying.pop(key, None)
        if not task.cancelled():
            task.exception()  # whoever waited was told; that nobody did is no defect

    def _forget(self) -> None:
        season = set(self.season())
        sounds = [path for path in self.folder.glob("*.wav") if path.stem not in season]
        sounds.sort(key=lambda path: path.stat().st_mtime_ns)
        for path in sounds[: max(0, len(sounds) - self._most)]:
            path.unlink(missing_ok=True)


def _document(names: Sequence[str]) -> bytes:
    return json.dumps({"v": 1, "sounds": list(names)}).encode()


def season_of(document: object) -> list[str]:
    """The names in a `season.json`; whatever isn't one is left out."""
    sounds = document.get("sounds") if isinstance(document, dict) else None
    names = sounds if isinstance(sounds, list) else []
    return [name for name in names if isinstance(name, str) and _NAME.fullmatch(name)]


def _read(path: Path) -> str | None:
    try:
        return path.read_text("ascii")
    except (OSError, ValueError):
        return None
