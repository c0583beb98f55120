"""A voice: recorded phrases where there are some, and for all the rest espeak-ng, or a program.

A program is any command that takes a text in UTF-8 on its standard input and makes a WAV of it: so
a neural voice is attached, which needs more than alertd brings.

A recorded phrase is a WAV (16 bits, one channel, 22,050 Hz) named by its words: `请立即转移.wav` is
heard wherever these words stand by themselves, between marks. Its folder wins over the voice.
"""

import asyncio
import contextlib
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from channels.loudspeaker.speech import chinese, english
from channels.loudspeaker.speech.sound import NotSoundError, samples_of, wav_of

FILE, LANGUAGE = "{file}", "{language}"
_CHILD = Path(__file__).with_name("espeak_child.py")
_PATIENCE_S = 20.0  # a page of text takes a tenth of a second
_PROGRAM_PATIENCE_S = 120.0  # a neural voice on a slow machine
_AT_ONCE = 2
_PAUSE_MS = 250
_SLOW = 150  # words a minute: outdoors, with an echo
_MOST_CHARACTERS = 8_000
_CLAUSE = re.compile(r"[^,，。;；:：!！?？、\n【】()（）]+")


class NoSpeechError(Exception):
    """Nothing can be said; `code` is a short word such as `no-voice`, without the text."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Voice:
    """Says texts.

    Args:
        clips: A folder of recorded phrases.
        words_per_minute: How fast espeak-ng speaks.
        program: Speaks in its place: a program and its arguments, of which `{language}` stands for
            zh-CN or en and `{file}` for the WAV that it writes; without that it writes the WAV to
            its standard output. The WAV has 16 bits, one channel and 22,050 Hz.
    """

    def __init__(
        self,
        clips: Path | None = None,
        *,
        words_per_minute: int = _SLOW,
        program: Sequence[str] = (),
    ) -> None:
        self._clips = clips
        self._program = tuple(program)
        self._words_per_minute = words_per_minute
        self._turns = asyncio.Semaphore(_AT_ONCE)

    @property
    def manner(self) -> str:
        """Changes whenever the same text would sound otherwise."""
        recorded = [f"{n} {p.stat().st_mtime_ns}" for n, p in sorted(self._recorded().items())]
        voice = self._program or ("espeak-ng 1", str(self._words_per_minute))
        return "\n".join([*voice, *recorded])

    async def say(self, text: str, language: str) -> bytes:
        """`text` as a WAV.

        Args:
            text: As it would be shown; it is put into words first.
            language: zh-CN or en.

        Raises:
            NoSpeechError: The voice isn't installed, failed or hung, or there is nothing to say.
        """
        if len(text) > _MOST_CHARACTERS:
            raise NoSpeechError("text-too-long")
        pieces = []
        for recorded, said in parts(text, self._recorded()):
            if recorded is not None:
                pieces.append(_clip(recorded))
            elif re.search(r"\w", words := put_into_words(said, language)):
                pieces.append(await self._speak(words, language))
        if not pieces:
            raise NoSpeechError("nothing-to-say")
        return wav_of(pieces, pause_ms=_PAUSE_MS)

    def _recorded(self) -> dict[str, Path]:
        if self._clips is None or not self._clips.is_dir():
            return {}
        return {path.stem: path for path in self._clips.glob("*.wav")}

    async def _speak(self, words: str, language: str) -> bytes:
        if self._program:
            wav = await self._by_program(words, language)
        else:
            voice = "en" if language.startswith("en") else "cmn"
            command = (sys.executable, "-I", str(_CHILD), voice, str(self._words_per_minute))
            wav = await self._run(command, words, _PATIENCE_S)
        try:
            return samples_of(wav)
        except NotSoundError as error:
            raise NoSpeechError(error.code) from None

    async def _by_program(self, words: str, language: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="alertd-") as folder:
            file = Path(folder) / "said.wav"
            stands_for = {FILE: str(file), LANGUAGE: language}
            command = [stands_for.get(word, word) for word in self._program]
            said = await self._run(command, words, _PROGRAM_PATIENCE_S)
            if FILE not in self._program:
                return said
            try:
                return await asyncio.to_thread(file.read_bytes)
            except OSError:
                raise NoSpeechError("no-voice") from None

    async def _run(self, command: Sequence[str], words: str, patience_s: float) -> bytes:
        pipe, quiet = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        async with self._turns:
            try:
                child = await asyncio.create_subprocess_exec(
                    *command, stdin=pipe, stdout=pipe, stderr=quiet
                )
            except OSError:
                raise NoSpeechError("no-voice") from None
            try:
                async with asyncio.timeout(patience_s):
                    said, _ = await child.communicate(words.encode("utf-8", "replace"))
            except TimeoutError:
                raise NoSpeechError("voice-hangs") from None
            finally:
                if child.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        child.kill()
                    await child.wait()
        if child.returncode != 0:
            raise NoSpeechError("no-voice")
        return said


def put_into_words(text: str, language: str) -> str:
    """What is said of `text`."""
    return english.spoken(text) if language.startswith("en") else chinese.spoken(text)


def parts(text: str, recorded: dict[str, Path]) -> list[tuple[Path | None, str]]:
    """A text in the order of speaking: recorded phrases, and what is between them."""
    found: list[tuple[Path | None, str]] = []
    start = 0
    for clause in _CLAUSE.finditer(text):
        path = recorded.get(clause[0].strip())
        if path is not None:
            found += [(None, text[start : clause.start()]), (path, clause[0])]
            start = clause.end()
    return [*found, (None, text[start:])]


def _clip(path: Path) -> bytes:
    try:
        return samples_of(path.read_bytes())
    except (OSError, NotSoundError):
        raise NoSpeechError("bad-clip") from None
