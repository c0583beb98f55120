"""Codes have words in both languages; what the system says of a file is told in the reader's."""

import errno
import os
import re
import tomllib
from collections.abc import Iterable

import pytest

from alertd.cli.figures import board_lines, head_line
from alertd.cli.roster_lines import line_of
from alertd.cli.words import LANGUAGE
from alertd.decide.lifecycle import OVER, misfit
from alertd.engine import refusals
from alertd.i18n import sentence, translator
from alertd.model import AckKind, AlertState, DeliveryState, Stage
from alertd.words import TABLES, word
from alertd.words.sound import why_away, why_silent
from channels.base import ChannelKind
from channels.loudspeaker.flooding import FLOODS
from channels.loudspeaker.steadiness import UNSTEADY
from rosters.diff import Kind, What

zh = translator("zh-CN")
COMPLETE: tuple[tuple[str, Iterable[str]], ...] = (
    ("state", AlertState),
    ("delivery", [state.name.lower() for state in DeliveryState]),
    ("channel", ChannelKind),
    ("part", Kind),
    ("changed", What),
    ("stage", [stage.word for stage in Stage]),
    ("ack", AckKind),
)


@pytest.mark.parametrize(("table", "codes"), COMPLETE, ids=[table for table, _ in COMPLETE])
def test_every_code_has_a_word(table: str, codes: Iterable[str]) -> None:
    assert set(codes) <= TABLES[table].keys()


@pytest.mark.parametrize("table", TABLES)
def test_every_word_has_its_chinese(table: str) -> None:
    assert [text for text in TABLES[table].values() if zh(text) == text] == []


def test_what_we_say_of_a_loudspeaker_has_words() -> None:
    refused = ("unsigned", "unknown-key", "bad-signature", "malformed", "too-large")
    told = {UNSTEADY, FLOODS, "clock-ahead", "clock-behind", *(f"command-{c}" for c in refused)}
    assert told <= TABLES["speaker"].keys()


def test_a_code_without_a_word_stays_as_it_is() -> None:
    assert word(zh, "state", "draft") == "草稿"
    assert word(zh, "state", "no-such-state") == "no-such-state"


@pytest.mark.parametrize("state", AlertState)
def test_why_an_alert_cant_be_moved_is_a_sentence(state: AlertState) -> None:
    told, _hint = refusals.of_move(misfit(state))
    assert misfit(state) not in told
    assert zh(told) != told
    if state in OVER:
        clause = refusals.of_reference(f"reference-{misfit(state)}")
        assert zh(clause) != clause


@pytest.mark.parametrize(
    "number",
    [errno.ENOENT, errno.EACCES, errno.EISDIR, errno.ENOSPC, errno.EROFS, errno.EADDRINUSE],
)
def test_what_the_system_says_of_a_file_is_translated(number: int) -> None:
    told = sentence("zh-CN", f"people.csv can't be read: {os.strerror(number)}.")
    assert re.fullmatch(r"people\.csv无法读取:[^A-Za-z]+。", told)


@pytest.mark.parametrize(
    "text", ["x = = 1", "x", "[x", "x = 'a", "x = 1\nx = 2", "x = [1", "x = 1 2"]
)
def test_why_a_text_isnt_toml_is_translated(text: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as refused:
        tomllib.loads(text)
    told = sentence("zh-CN", f"The file city isn't TOML: {refused.value}.")
    assert re.search(r"[a-z]{2}", told.replace("city", "").replace("TOML", "")) is None, told


def test_why_a_loudspeaker_is_silent() -> None:
    for code in ("connection-lost", "no-player", "connect-ConnectionRefusedError"):
        assert sentence("zh-CN", why_away(code)) != why_away(code) != code
    assert why_away("connect-OddError") == "the broker can't be reached (OddError)"
    assert sentence("zh-CN", why_away("connect-OddError")) == "连不上MQTT服务器(OddError)"
    assert zh(why_silent("no-voice")) != why_silent("no-voice")


def test_a_board_is_told_in_words() -> None:
    figures = {"due": 3, "accepted": 3, "delivered": 2, "failed": 0, "unknown": 0, "waiting": 0}
    board = {
        "funnel": {**figures, "asked": 3, "answered": 1},
        "stages": [
            {"stage": "on_post", "covered": 1, "needed": 3, "exhausted": 0, "helping": 0},
        ],
        "channels": [{"channel": "chat", "states": {"accepted": 2, "failed": 0}}],
        "vacant": 1,
        "help_open": 2,
        "help_untaken": 1,
        "help_unheard": 1,
    }
    told = board_lines({"board": board})
    assert told[1].startswith({"en": "on post: 1 of 3", "zh-CN": "到岗:1/3"}[LANGUAGE])
    assert (
        told[2]
        == {"en": "chat groups: taken by the gateway 2", "zh-CN": "工作群:网关已接收 2"}[LANGUAGE]
    )
    unheard = {"en": "no message is known to have left: 1", "zh-CN": "没有一条短信确知已发出:1"}
    assert unheard[LANGUAGE] in told[-1]
    view = {"short_code": "A1", "headline": "Typhoon", "status": "Actual", "state": "all-clear"}
    marks = {"en": "LIVE, all-clear given", "zh-CN": "实警、已解除"}[LANGUAGE]
    assert head_line(view) == f"A1  Typhoon  [{marks}]"


def test_a_change_of_a_roster_is_told_in_words() -> None:
    key = ["330281001", "grid_leader", "P1", ""]
    fields = [{"field": "rank", "before": "1", "after": "2"}]
    change = {"kind": "holding", "what": "changed", "key": key, "fields": fields}
    english = "changed part in a duty 330281001 Grid leader P1: rank in the duty 1 → 2"
    chinese = "变更 任岗 330281001 网格长 P1:顺位 1 → 2"
    assert line_of(change) == {"en": english, "zh-CN": chinese}[LANGUAGE]
    gone = {"kind": "person", "what": "left", "key": ["P1"], "fields": []}
    assert line_of(gone) == {"en": "leaves person P1", "zh-CN": "移出 人员 P1"}[LANGUAGE]
