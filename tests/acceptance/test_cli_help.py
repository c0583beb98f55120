"""What the command line says of itself: at once, in the terminal's language, and all of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from alertd.cli.main import COMMANDS
from alertd.i18n import translator
from tests.acceptance.command import Said, alertd, environment
from tests.forked import ALERTD

CHINESE = {"ALERTD_LANGUAGE": "zh-CN", "COLUMNS": "80"}
zh = translator("zh-CN")


def asked(tmp_path: Path, *arguments: str) -> Said:
    return alertd(tmp_path / "data", *arguments, env=CHINESE)


def test_the_list_of_commands_names_each_and_loads_none(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", ALERTD, "--help"]
    env = environment(tmp_path / "data")
    said = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    assert all(f"│ {name} " in said.stdout for name in COMMANDS)
    assert "alertd.cli.show" in said.stderr
    assert not any(heavy in said.stderr for heavy in ("alertd.store", "alertd.engine", "fastapi"))


def test_help_is_chinese_and_no_sentence_is_cut(tmp_path: Path) -> None:
    said = asked(tmp_path, "drill", "simulate", "--help")
    assert said.code == 0
    assert "…" not in said.out
    told = zh("In place of the plan's; give two to compare them side by side.")
    lines = [line.strip("│ ").rpartition("  ")[2].strip() for line in said.out.splitlines()]
    assert told in "".join(lines), "whole, though it takes two lines"
    for english in ("Usage", "Options", "Arguments", "required", "default", "Show this"):
        assert english not in said.out


@pytest.mark.parametrize(
    ("arguments", "sentence", "where"),
    [
        (["rostr"], "没有'rostr'这个命令。是否想用'roster'", "alertd --help"),
        (["roster"], "缺少子命令。", "alertd roster --help"),
        (["roster", "check"], "缺少参数'PEOPLE'。", "alertd roster check --help"),
        (["roster", "check", "a", "b"], "多出了参数:b。", "alertd roster check --help"),
        (["roster", "sample", "x", "--sale", "1"], "--scale", "alertd roster sample --help"),
        (["roster", "sample", "x", "--scale", "n"], "应为数字。", "alertd roster sample --help"),
    ],
)
def test_a_wrong_call_is_refused_in_chinese_and_says_where_to_read(
    tmp_path: Path, arguments: list[str], sentence: str, where: str
) -> None:
    said = asked(tmp_path, *arguments)
    assert said.code == 2
    assert sentence in said.err
    assert f"用法见:{where}" in said.err
    for english in ("No such", "Missing", "unexpected", "Invalid", "requires"):
        assert english not in said.err
