"""A text's sound, made and offered before its command goes out."""

import asyncio
from pathlib import Path

import structlog

from channels.loudspeaker.speech.store import SoundStore
from channels.loudspeaker.speech.voice import NoSpeechError, Voice

_log = structlog.get_logger(__name__)

_PATIENCE_S = 3.0  # a text takes a tenth of a second; past it the loudspeaker speaks itself


class Announcer:
    """Says each text once, however many loudspeakers play it.

    Args:
        folder: Where sounds are kept and served from.
        voice: Says them.
        base_url: How loudspeakers reach that folder.
    """

    def __init__(self, folder: Path, voice: Voice, base_url: str) -> None:
        self._store = SoundStore(folder)
        self._voice = voice
        self._base_url = base_url.rstrip("/")
        self._failing = False

    async def sound(self, text: str, language: str) -> tuple[str, str]:
        """(URL, sha256) of the sound of `text`; ("", "") where there is none in time."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                name = await self._store.said(self._voice, text, language)
        except (NoSpeechError, OSError, TimeoutError, ValueError) as error:
            if not self._failing:
                code = error.code if isinstance(error, NoSpeechError) else type(error).__name__
                _log.warning("no-sound-offered", reason=code)
            self._failing = True
            return "", ""
        self._failing = False
        return f"{self._base_url}/{name}.wav", name
