"""The sound of a command: from the cache, else from where it is offered, else spoken here."""

import asyncio
import hashlib
import ssl
from pathlib import Path

import httpx
import structlog

from channels.loudspeaker.commands import Command
from channels.loudspeaker.speech.store import SEASON, SoundStore, season_of
from channels.loudspeaker.speech.voice import NoSpeechError, Voice

_log = structlog.get_logger(__name__)

_MOST_BYTES = 30 * 1024 * 1024  # ten minutes
_CONNECT_S = 3.0
_FETCH_S = 15.0  # past it the box speaks itself: late is worse than another voice


class NoSoundError(Exception):
    """There is nothing to play; `code` is a short word."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Sounds:
    """What a box has to play.

    Args:
        folder: The cache.
        voice: Speaks where no sound can be had; None: it can't.
        tls: For https; None: the system's authorities.
    """

    def __init__(self, folder: Path, voice: Voice | None, tls: ssl.SSLContext | None) -> None:
        self.store = SoundStore(folder)
        self._voice = voice
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(_FETCH_S, connect=_CONNECT_S),
            follow_redirects=False,
            trust_env=False,
            verify=True if tls is None else tls,
        )

    async def close(self) -> None:
        """End."""
        await self._client.aclose()

    async def of(self, command: Command) -> Path:
        """The file to play.

        Raises:
            NoSoundError: It can be had in no way.
        """
        problem = "no-audio"
        if command.audio:
            try:
                return await self._fetched(command.audio, command.audio_sha256)
            except NoSoundError as error:
                problem = error.code
                _log.warning("sound-not-fetched", reason=problem)
        if self._voice is None:
            raise NoSoundError(problem)
        try:
            name = await self.store.said(self._voice, command.text, command.lang)
        except NoSpeechError as error:
            raise NoSoundError(error.code) from None
        except OSError:
            raise NoSoundError("disk-full") from None
        path = self.store.path(name)
        assert path is not None  # noqa: S101 - it was just put there
        return path

    async def fetch_season(self, url: str) -> tuple[int, int]:
        """Fetch what alertd offers ahead under `url`; how many there are now, and how many lack."""
        base = url.rstrip("/")
        try:
            answer = await self._get(f"{base}/{SEASON}", 1024 * 1024)
            names = season_of(httpx.Response(200, content=answer).json())
        except (NoSoundError, ValueError):
            names = self.store.season()
        lacking = 0
        for name in names:
            try:
                await self._fetched(f"{base}/{name}.wav", name)
            except NoSoundError:
                lacking += 1
        if names:
            await asyncio.to_thread(self.store.keep_for_season, names)
        return len(names) - lacking, lacking

    async def _fetched(self, url: str, sha256: str) -> Path:
        known = self.store.path(sha256)
        if known is not None:
            return known
        content = await self._get(url, _MOST_BYTES)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise NoSoundError("audio-not-as-signed")
        try:
            await asyncio.to_thread(self.store.put, content)
        except OSError:
            raise NoSoundError("disk-full") from None
        path = self.store.path(sha256)
        assert path is not None  # noqa: S101 - it was just put there
        return path

    async def _get(self, url: str, most: int) -> bytes:
        """The body of a 200, within a bound and a time."""
        content = bytearray()
        try:
            async with asyncio.timeout(_FETCH_S), self._client.stream("GET", url) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise NoSoundError(f"audio-http-{answer.status_code}")
                async for piece in answer.aiter_bytes():
                    content += piece
                    if len(content) > most:
                        raise NoSoundError("audio-too-large")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            raise NoSoundError("audio-away") from None
        return bytes(content)
