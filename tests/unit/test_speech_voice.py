"""A voice says texts, and recorded phrases go before it."""

import math
import sys
from array import array
from pathlib import Path

import pytest

from channels.loudspeaker.speech.sound import (
    RATE,
    NotSoundError,
    at_volume,
    lasts_ms,
    samples_of,
    wav_of,
)
from channels.loudspeaker.speech.voice import FILE, LANGUAGE, NoSpeechError, Voice, parts


def tone(ms: int, hertz: int = 440) -> bytes:
    """Samples of a tone."""
    count = RATE * ms // 1000
    return array(
        "h", [round(20_000 * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(count)]
    ).tobytes()


def loudest(wav: bytes) -> int:
    return max(abs(value) for value in array("h", samples_of(wav)))


async def test_it_says_chinese_and_english() -> None:
    voice = Voice()
    long = await voice.say("今日18时起12级以上大风,请立即转移到避灾点。", "zh-CN")
    short = await voice.say("请转移。", "zh-CN")
    english = await voice.say("Stay inside.", "en")
    assert 4_000 < lasts_ms(long) < 15_000
    assert 500 < lasts_ms(short) < lasts_ms(long)
    assert 500 < lasts_ms(english) < 5_000
    assert loudest(long) > 5_000


async def test_digits_are_said_as_words() -> None:
    """The voice's own reading of a phone number is thirteen thousand millions: much shorter."""
    voice = Voice()
    assert await voice.say("13800000001", "zh-CN") == await voice.say(
        "幺三八，零零零零，零零零幺", "zh-CN"
    )


async def test_a_recorded_phrase_is_heard_in_place_of_the_voice(tmp_path: Path) -> None:
    (tmp_path / "请立即转移.wav").write_bytes(wav_of([tone(700)]))
    plain, recorded = Voice(), Voice(tmp_path)
    assert await recorded.say("请立即转移", "zh-CN") == wav_of([tone(700)])
    mixed = await recorded.say("台风红色预警,请立即转移!", "zh-CN")
    spoken = await plain.say("台风红色预警,", "zh-CN")
    assert mixed == wav_of([samples_of(spoken), tone(700)], pause_ms=250)
    # Not in the middle of other words.
    assert await recorded.say("不请立即转移", "zh-CN") == await plain.say("不请立即转移", "zh-CN")
    assert plain.manner != recorded.manner


def test_a_text_is_cut_at_its_recorded_phrases() -> None:
    recorded = {"二": Path("2.wav"), "四": Path("4.wav")}
    assert parts("一,二。三(四)", recorded) == [
        *((None, "一,"), (Path("2.wav"), "二"), (None, "。三("), (Path("4.wav"), "四")),
        (None, ")"),
    ]
    assert parts("一", {}) == [(None, "一")]


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "nothing-to-say"), ("【】", "nothing-to-say"), ("字" * 9_000, "text-too-long")],
)
async def test_what_cannot_be_said(text: str, code: str) -> None:
    with pytest.raises(NoSpeechError) as error:
        await Voice().say(text, "zh-CN")
    assert error.value.code == code


@pytest.mark.parametrize("content", [b"", b"RIFF", b"ID3\x04" + bytes(100)])
async def test_a_clip_that_is_none_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "一.wav").write_bytes(content)
    with pytest.raises(NoSpeechError) as error:
        await Voice(tmp_path).say("一", "zh-CN")
    assert error.value.code == "bad-clip"


def test_volume_is_of_the_amplitude() -> None:
    wav = wav_of([tone(100)])
    assert at_volume(wav, 100) == wav
    assert loudest(at_volume(wav, 0)) == 0
    assert abs(loudest(at_volume(wav, 40)) - 0.4 * loudest(wav)) < 2
    assert lasts_ms(at_volume(wav, 40)) == lasts_ms(wav)
    with pytest.raises(NotSoundError):
        at_volume(b"no sound", 40)
    assert sys.byteorder == "little"  # what array("h") above relies on


_PROGRAM = """\
import pathlib, sys, wave
text = sys.stdin.buffer.read().decode()
with wave.open(sys.argv[1], "wb") as file:
    file.setnchannels(1); file.setsampwidth(2); file.setframerate(int(sys.argv[3]))
    file.writeframes(b"\\x00\\x10" * 1000 * len(text))
pathlib.Path(sys.argv[4]).write_text(f"{sys.argv[2]} {text}", encoding="utf-8")
"""


def program(folder: Path, *, file: str = FILE, rate: int = RATE) -> list[str]:
    """A small voice: a thousand samples a character, and it writes down what it was asked."""
    script = folder / "voice.py"
    script.write_text(_PROGRAM, encoding="utf-8")
    return [sys.executable, str(script), file, LANGUAGE, str(rate), str(folder / "asked")]


async def test_a_program_speaks_in_its_place_and_recorded_phrases_still_go_before(
    tmp_path: Path,
) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    (clips / "请立即转移.wav").write_bytes(wav_of([tone(700)]))
    voice = Voice(clips, program=program(tmp_path))
    said = await voice.say("今日18时,请立即转移", "zh-CN")
    assert (tmp_path / "asked").read_text("utf-8") == "zh-CN 今日十八时", "in words, as to espeak"
    assert said == wav_of([b"\x00\x10" * 1000 * 5, tone(700)], pause_ms=250)


async def test_a_program_may_say_it_on_its_standard_output(tmp_path: Path) -> None:
    by_file = program(tmp_path)
    by_pipe = program(tmp_path, file="/dev/stdout")
    assert await Voice(program=by_pipe).say("转移", "en") == await Voice(program=by_file).say(
        "转移", "en"
    )
    assert (tmp_path / "asked").read_text("utf-8").startswith("en ")


async def test_what_is_wrong_with_a_program_is_told_by_a_word(tmp_path: Path) -> None:
    for words, code in (
        ([str(tmp_path / "none")], "no-voice"),
        ([sys.executable, "-c", "raise SystemExit(1)"], "no-voice"),
        ([sys.executable, "-c", "print('no sound')"], "not-wav"),
        ([sys.executable, "-c", "pass", FILE], "no-voice"),
        (program(tmp_path, rate=24_000), "wav-form"),
    ):
        with pytest.raises(NoSpeechError) as told:
            await Voice(program=words).say("转移", "zh-CN")
        assert told.value.code == code


def test_another_voice_is_another_sound(tmp_path: Path) -> None:
    assert len({Voice(program=w).manner for w in ((), ("a",), ("b",))}) == 3
