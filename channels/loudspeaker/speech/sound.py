"""WAV in memory, in the one form that everything here has: 16 bits, one channel, 22,050 Hz."""

import array
import io
import sys
import wave
from collections.abc import Sequence

RATE = 22_050
_SAMPLE_BYTES = 2


class NotSoundError(Exception):
    """The bytes aren't a WAV of our form; `code` says what is the matter."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def samples_of(wav: bytes) -> bytes:
    """The samples of a WAV of our form, little-endian.

    Raises:
        NotSoundError: It is none (`not-wav`), or of another form (`wav-form`).
    """
    try:
        with wave.open(io.BytesIO(wav), "rb") as file:
            form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            found = file.readframes(file.getnframes())
    except (wave.Error, EOFError):
        raise NotSoundError("not-wav") from None
    if form != (1, _SAMPLE_BYTES, RATE):
        raise NotSoundError("wav-form")
    return found


def wav_of(pieces: Sequence[bytes], *, pause_ms: int = 0) -> bytes:
    """One WAV of several runs of samples, with a pause between each two."""
    silence = bytes(_SAMPLE_BYTES * (RATE * pause_ms // 1000))
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(_SAMPLE_BYTES)
        file.setframerate(RATE)
        file.writeframes(silence.join(pieces))
    return made.getvalue()


def lasts_ms(wav: bytes) -> int:
    """How long a WAV of our form sounds.

    Raises:
        NotSoundError: It is none.
    """
    return len(samples_of(wav)) // _SAMPLE_BYTES * 1000 // RATE


def at_volume(wav: bytes, percent: int) -> bytes:
    """The same at `percent` (0 to 100) of its amplitude.

    Raises:
        NotSoundError: It is none of our form.
    """
    if percent >= 100:  # noqa: PLR2004 - as it is
        return wav
    values = array.array("h", samples_of(wav))
    if sys.byteorder == "big":
        values.byteswap()
    quieter = array.array("h", [value * percent // 100 for value in values])
    if sys.byteorder == "big":
        quieter.byteswap()
    return wav_of([quieter.tobytes()])
