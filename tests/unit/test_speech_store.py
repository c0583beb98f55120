"""Sounds by their content: said once, offered, kept for the season, and the old forgotten."""

import asyncio
import os
from pathlib import Path

import pytest

from channels.loudspeaker.announcing import Announcer
from channels.loudspeaker.speech.sound import lasts_ms, wav_of
from channels.loudspeaker.speech.store import SoundStore, season_of
from channels.loudspeaker.speech.voice import NoSpeechError, Voice


class Counting(Voice):
    """The real voice, and how often it was asked."""

    asked = 0

    async def say(self, text: str, language: str) -> bytes:
        self.asked += 1
        return await super().say(text, language)


def sound(number: int) -> bytes:
    return wav_of([bytes([number, 0]) * 100])


async def test_a_text_is_said_once_however_many_ask(tmp_path: Path) -> None:
    voice, store = Counting(), SoundStore(tmp_path)
    names = await asyncio.gather(*(store.said(voice, "请转移", "zh-CN") for _ in range(20)))
    assert len(set(names)) == voice.asked == 1
    assert await SoundStore(tmp_path).said(voice, "请转移", "zh-CN") == names[0]
    assert voice.asked == 1
    path = store.path(names[0])
    assert path is not None
    assert lasts_ms(path.read_bytes()) > 300
    path.unlink()
    assert await store.said(voice, "请转移", "zh-CN") == names[0]
    assert voice.asked == 2


async def test_a_new_recording_is_another_sound(tmp_path: Path) -> None:
    store, clips = SoundStore(tmp_path / "s"), tmp_path / "clips"
    clips.mkdir()
    before = await store.said(Voice(clips), "请转移", "zh-CN")
    (clips / "请转移.wav").write_bytes(sound(1))
    assert await store.said(Voice(clips), "请转移", "zh-CN") != before


async def test_what_cannot_be_said_is_told_to_all_who_asked(tmp_path: Path) -> None:
    store = SoundStore(tmp_path)
    found = await asyncio.gather(
        *(store.said(Voice(), "【】", "zh-CN") for _ in range(3)), return_exceptions=True
    )
    assert all(isinstance(error, NoSpeechError) for error in found)


def test_names_that_are_none_are_nowhere(tmp_path: Path) -> None:
    store = SoundStore(tmp_path)
    name = store.put(sound(1))
    assert store.path(name) is not None
    for other in ("", "../x", name[:-1], name.upper() if name != name.upper() else "x", "0" * 64):
        assert store.path(other) is None


def test_the_oldest_are_forgotten_and_the_seasons_stay(tmp_path: Path) -> None:
    store = SoundStore(tmp_path, most=3)
    season = store.put(sound(1))
    store.keep_for_season([season])
    names = [season]
    for number in range(2, 8):
        names.append(store.put(sound(number)))
        for age, known in enumerate(reversed(names)):
            if (path := store.path(known)) is not None:
                os.utime(path, (1_000_000 - age, 1_000_000 - age))
    there = [name for name in names if store.path(name) is not None]
    assert there == [season, *names[-3:]]
    assert SoundStore(tmp_path).season() == [season]


@pytest.mark.parametrize("document", [None, [], {}, {"sounds": 5}, {"sounds": [5, "x", "../y"]}])
def test_a_season_that_is_none_is_empty(document: object) -> None:
    assert season_of(document) == []


async def test_a_sound_is_offered_by_url_and_hash(tmp_path: Path) -> None:
    announcer = Announcer(tmp_path, Voice(), "http://127.0.0.1:8730/audio/")
    url, sha256 = await announcer.sound("请转移", "zh-CN")
    assert url == f"http://127.0.0.1:8730/audio/{sha256}.wav"
    assert (tmp_path / f"{sha256}.wav").is_file()


@pytest.mark.parametrize("text", ["【】", "字" * 9_000, "\ud800"])
async def test_where_there_is_none_the_command_goes_without(tmp_path: Path, text: str) -> None:
    assert await Announcer(tmp_path, Voice(), "http://h/audio").sound(text, "zh-CN") == ("", "")


async def test_a_full_disk_keeps_no_command_back(tmp_path: Path) -> None:
    (tmp_path / "audio").write_text("a file where the folder should be")
    announcer = Announcer(tmp_path / "audio", Voice(), "http://h/audio")
    assert await announcer.sound("请转移", "zh-CN") == ("", "")
