"""Says a text into a WAV file: text on stdin, WAV on stdout, by libespeak-ng.

Run as a file, in a process of its own: the library keeps its state in globals, a text can make it
hang, and it is under the GPL, which alertd isn't.

    python -I espeak_child.py VOICE WORDS_PER_MINUTE
"""

import ctypes
import io
import sys
import wave

import espeakng_loader  # type: ignore[import-untyped]

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS of speak_lib.h: samples go to our callback
_NO_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT
_UTF8 = 1
_CHARACTERS = 1  # POS_CHARACTER
_RATE = 1  # espeakRATE
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def main() -> int:
    """Exit code 2: no library or no such voice; 3: it said nothing."""
    voice, words_per_minute = sys.argv[1], int(sys.argv[2])
    text = sys.stdin.buffer.read()
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = str(espeakng_loader.get_data_path()).encode()
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, _NO_EXIT)
    if rate <= 0 or library.espeak_SetVoiceByName(voice.encode()) != 0:
        return 2
    samples = bytearray()

    def more(wav: "ctypes._Pointer[ctypes.c_short]", count: int, _: int) -> int:
        if wav and count > 0:
            samples.extend(ctypes.string_at(wav, count * 2))
        return 0

    callback = _CALLBACK(more)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetParameter(_RATE, words_per_minute, 0)
    size = ctypes.c_size_t(len(text) + 1)
    library.espeak_Synth(text, size, 0, _CHARACTERS, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    if not samples:
        return 3
    sys.stdout.buffer.write(_wav(bytes(samples), rate))
    return 0


def _wav(samples: bytes, rate: int) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return made.getvalue()


if __name__ == "__main__":
    sys.exit(main())
