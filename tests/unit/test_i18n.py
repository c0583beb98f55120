"""Two languages: nothing that users read is missing in Chinese, and everybody gets one of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from alertd.i18n import LANGUAGES, N_, catalog, negotiate, sentence, translator
from alertd.i18n.check import Found, misplaced, missing, problems, root, scan


def test_every_marked_text_has_its_chinese() -> None:
    assert problems(root()) == []


def test_the_scan_sees_the_house_as_it_is() -> None:
    found = {text.text for text in scan(root())}
    assert {"is missing", "must be a whole number"} <= found
    assert len(found) > 50


def test_the_command_says_the_same() -> None:
    command = [sys.executable, "-m", "alertd.i18n"]
    done = subprocess.run([*command, "check"], cwd=root(), check=False, capture_output=True)
    lines = done.stdout.decode().splitlines()
    assert lines == problems(root())
    assert done.returncode == (1 if lines else 0)
    wrong = subprocess.run(command, cwd=root(), check=False, capture_output=True)
    assert wrong.returncode == 2
    assert b"usage" in wrong.stderr


def planted(folder: Path) -> Path:
    (folder / "alertd" / "web").mkdir(parents=True)
    (folder / "alertd" / "room.py").write_text(
        "from x import _, N_\n"
        'A = N_("marked and unknown")\n'
        'B = _("joined " "together")\n'
        'C = self._("by an attribute")\n'
        "D = _(variable)\n"
        'raise NotFoundError(f"There is no {thing.name} of {1 + 1}.", hint="Look again.")\n'
        'raise InvalidInputError(f"{path} {reason}.")\n'
        'raise ValueError("not for users")\n',
        encoding="utf-8",
    )
    (folder / "alertd" / "web" / "page.html").write_text(
        "<h1>{{ _('Live board') }}</h1>\n{{ title }}\n", encoding="utf-8"
    )
    return folder


def test_what_is_marked_is_found_and_missed(tmp_path: Path) -> None:
    folder = planted(tmp_path)
    assert {text.text for text in scan(folder)} == {
        "marked and unknown",
        "joined together",
        "by an attribute",
        "Live board",
    }
    raised = [text for text in scan(folder, raised=True) if text.raised]
    assert {text.text for text in raised} == {"There is no {name} of {value}.", "Look again."}
    assert raised[0].file == "alertd/room.py"
    assert len(problems(folder)) == 4
    assert len(problems(folder, raised=True)) == 6
    assert "alertd/web/page.html:1: no zh-CN translation: 'Live board'" in problems(folder)


def test_a_lost_placeholder_is_told() -> None:
    assert misplaced({"a {name}": "甲{name}", "b {x} {y}": "乙{x}", "%(n)s": "%(m)s"}) == [
        "b {x} {y}",
        "%(n)s",
    ]
    assert misplaced(catalog("zh-CN")) == []


def test_what_is_known_isnt_missed() -> None:
    found = [Found("a.py", 1, "known"), Found("a.py", 2, "unknown")]
    assert missing(found, {"known": "已知"}) == found[1:]


def test_english_is_the_source_and_chinese_the_translation() -> None:
    assert LANGUAGES == ("zh-CN", "en")
    assert N_("is missing") == translator("en")("is missing") == "is missing"
    assert translator("zh-CN")("is missing") == "缺失"
    assert translator("zh-CN")("nobody translated this") == "nobody translated this"
    assert catalog("en") == catalog("fr") == catalog("../../etc/passwd") == {}


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("There is no such alert.", "没有这条预警。"),
        ("scope is missing.", "scope 缺失。"),
        ("info[0].area[1].areaDesc is missing", "info[0].area[1].areaDesc 缺失"),
        ("params.deadline must be at most 20 characters long.", "params.deadline 最多20个字符。"),
        ("The alert is over 256 KiB.", "预警超过256 KiB。"),
        ("colour must be one of red, orange, blue.", "colour 必须是以下之一:red, orange, blue。"),
        ("nobody, nowhere", "nobody, nowhere"),
        ("The setting port must be at most 65535.", "设置项port不能大于65535。"),
        (
            "The message template a-b is wrong: text.en.sms names unknown values: x.",
            "消息模板a-b有误:text.en.sms 用了未知的变量:x。",
        ),
        (
            "The drill's plan was refused: alert.roles isn't right: unknown roles: x.",
            "演练方案未被采用:alert.roles 有误:未知的角色:x。",
        ),
        ("channels.m is no route here; there are: a, b", "channels.m 不是本机的通路;现有:a, b"),
        ("Nobody has translated this one, either", "Nobody has translated this one, either"),
        ("Nobody has translated this one.", "Nobody has translated this one."),
        ("is", "is"),
        ("", ""),
        ("x" * 5_000, "x" * 5_000),
    ],
)
def test_a_finished_sentence_is_translated_with_its_values(text: str, chinese: str) -> None:
    assert sentence("zh-CN", text) == chinese
    assert sentence("en", text) == text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh-CN"),
        ("", "zh-CN"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en-GB,en;q=0.9,zh-CN;q=0.8", "en"),
        ("en;q=0.2, zh-TW;q=0.7", "zh-CN"),
        ("zh_CN", "zh-CN"),
        ("zh-Hans-CN", "zh-CN"),
        ("EN", "en"),
        ("fr, de;q=0.9", "zh-CN"),
        ("fr, en;q=0.1", "en"),
        ("en;q=0", "zh-CN"),
        ("*", "zh-CN"),
        ("fr,*;q=0.5,en;q=0.4", "zh-CN"),
        ("en;q=2, ;;;, \x00", "zh-CN"),
        ("e" * 5_000, "zh-CN"),
        ("enormous", "zh-CN"),
    ],
)
def test_a_browser_gets_the_best_that_we_have(header: str | None, language: str) -> None:
    assert negotiate(header) == language


def test_the_default_is_the_callers() -> None:
    assert negotiate("fr", default="en") == "en"
    assert negotiate("*", default="en") == "en"
