"""An operator with a Chinese terminal reads Chinese: no code, no system's sentence, no English."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.acceptance.command import Said, environment

ROOT: Final = Path(__file__).parents[2]

# Taken out of a text before it is looked at: what has to be typed or found as it is.
KEPT: Final = (
    r"\[英语、[^]]*\][^[]*",  # the English text of an alert, which is shown as it will be sent
    r"https?://\S+",  # addresses
    r"[\w./-]*/[\w./-]+",  # paths
    r"[\w-]+\.(csv|xlsx|xml|json|toml|sqlite3|key|pem|html|pdf)\b",  # files
    r"--[a-z-]+",  # options
    r"'[A-Z][A-Z_-]*'",  # the place of an argument, as the help has it
    r"\balertd( [a-z-]+)*( [A-Z]\d+| --[a-z-]+ \S+| FOLDER)*",  # commands
    r"\bALERTD_\w+",  # variables
    r"\b[A-Z]+\d+\b",  # ids and short codes
    r"\b[0-9a-f]{16}\b",  # a key's mark
)
# Latin words that stay, and why.
ALLOWED: Final = {
    # words to be typed as they are, named where another was typed
    *("red", "orange", "yellow", "blue", "Actual", "Exercise", "Test"),
    *("received", "on_post", "done", "help", "unavailable"),
    *("administrator", "duty_officer", "approver", "area_administrator", "viewer", "auditor"),
    *("city_lead", "city_duty", "subdistrict_lead", "community_lead", "grid_leader"),
    *("grid_member", "building_lead", "party_member", "volunteer"),
    # fields, settings and keys of a file, as they are written there
    *("colour", "status", "kind", "role", "valid_min", "database_url", "name", "alert", "people"),
    # what only has a Latin name
    *("CAP", "TOML", "UTF", "JSON", "MQTT", "GiB", "MB", "NAME", "VALUE", "YYYY", "MM", "DD"),
    *("webhook",),  # the type of a route, as it is set
    *("PostgreSQL", "SQLite", "PDF", "HTML", "http", "https"),
    # names given in this test
    *(
        "city",
        "taken",
        "empty",
        "damaged",
        "saved",
        "sms",
        "nix",
        "wang",
        "cli",
        "handsets",
        "king",
        "mauve",
        "sqlite",
        "postgresql",
    ),
}


def latin(text: str) -> list[str]:
    text = re.sub(r"(?<=[\w./-]) *\n {8,}(?=[\w./-])", "", text, flags=re.ASCII)  # a folded path
    for pattern in KEPT:
        text = re.sub(pattern, " ", text, flags=re.ASCII)  # a Chinese character ends a word
    return [word for word in re.findall(r"[A-Za-z][A-Za-z_]+", text) if word not in ALLOWED]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("错误: city无法读取:No such file.", ["No", "such", "file"]),
        ("  added facts 330281001", ["added", "facts"]),
        ("请先启动:alertd serve。用法见:alertd roster check --help", []),
        ("A1  台风  [实警、draft]", ["draft"]),
    ],
)
def test_english_is_noticed(text: str, found: list[str]) -> None:
    assert latin(text) == found


COMMANDS: Final = (
    # (arguments, exit code, what it must say)
    ("roster sample city --scale 0.05", 0, "个大喇叭"),
    ("roster check city", 0, "任岗"),
    ("roster check nix", 2, "nix:没有这个文件"),
    ("roster check empty", 2, "文件夹里没有people.csv"),
    ("roster check bad.csv", 2, "表头要有:人员编号、姓名、单位编码"),
    ("roster import nix", 2, "nix无法读取:没有这个文件或文件夹。"),
    ("roster sample taken", 2, "taken不能写入:已有同名的文件。"),
    ("roster import city --why 首次", 0, "已导入为版本1。"),
    ("roster diff fewer", 0, "移出 任岗 330281 市级指挥 P0000001"),
    ("alert list", 0, "没有可列的内容。"),
    (
        "alert issue --template typhoon --area 330281 --role grid_leader --colour red",
        0,
        "[实警、草稿]",
    ),
    ("alert list", 0, "草稿"),
    ("alert show A1", 0, "余姚市 330281"),
    ("alert cancel A1", 2, "A1:尚未发布。"),
    ("alert discard A1", 0, "A1 已作废,未通知任何人。"),
    ("alert discard A1", 1, "已经结束。"),
    ("alert show A9", 1, "没有这条预警。"),
    ("alert issue --template typhoon --area 330281 --colour mauve", 2, "必须是以下之一:red"),
    ("alert issue --template typhoon --area 99", 2, "名册里没有区域99。"),
    ("alert issue --template typhoon --area 330281 --valid-min 99999999", 2, "不能大于"),
    ("alert ack A1", 2, "请说明是谁的答复"),
    ("alert issue --cap nix.xml", 2, "没有这个文件或文件夹"),
    ("access add wang --role king", 2, "必须是以下之一:administrator"),
    ("access list", 0, "管理员"),
    ("channel list", 0, "短信"),
    ("drill plan check bad.toml", 2, "第2行:不是TOML"),
    ("drill simulate bad.toml", 2, "第2行:不是TOML"),
    ("drill calendar", 0, "没有可列的内容。"),
    ("doctor", 2, "故障"),
    ("backup --to saved", 0, "条事实"),
    ("verify damaged", 1, "文件 alertd.sqlite3:不存在"),
    ("restore empty", 2, "不是alertd的备份"),
    ("report --verify nix.json", 2, "nix.json无法读取:没有这个文件或文件夹。"),
    ("migrate-store --to nix", 2, "要以sqlite:///"),
    ("cert a.example --to taken/x", 1, "不能使用"),
    ("terminal run nix.json", 3, "配置包无法读取:没有这个文件或文件夹。"),
)


CHINESE: Final = {
    "ALERTD_LANGUAGE": "zh-CN",
    "COLUMNS": "80",
    "ALERTD_ROUTES__SMS__TYPE": "handsets",
    "ALERTD_ROUTES__SMS__URL": "http://127.0.0.1:9/",
    "ALERTD_ROUTES__SMS__SECRET": "a secret of this test only",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Said]:
    """What each of the commands said, all in one process."""
    folder = tmp_path_factory.mktemp("chinese")
    (folder / "bad.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (folder / "bad.toml").write_text('name = "x"\nalert = = 1\n', encoding="utf-8")
    (folder / "taken").touch()
    for name in ("empty", "fewer", "damaged"):
        (folder / name).mkdir()
    env = environment(folder / "data", CHINESE) | {"PYTHONPATH": str(ROOT)}
    found = {}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.acceptance.in_chinese"],
        env=env,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for place, (command, _code, _text) in enumerate(COMMANDS):
            process.stdin.write(json.dumps(command.split()) + "\n")
            process.stdin.flush()
            found[place] = Said(**json.loads(process.stdout.readline()))
            AFTERWARDS.get(command, lambda _folder: None)(folder)
        process.stdin.close()
    assert process.returncode == 0
    return found


def _leave_one_out(folder: Path) -> None:
    lines = (folder / "city" / "people.csv").read_text(encoding="utf-8-sig").splitlines()
    (folder / "fewer" / "people.csv").write_text("\n".join([lines[0], *lines[2:]]) + "\n")


def _lose_the_database(folder: Path) -> None:
    (backup,) = (folder / "saved").glob("alertd-*")
    shutil.copy(backup / "manifest.json", folder / "damaged")


AFTERWARDS: Final = {COMMANDS[0][0]: _leave_one_out, "backup --to saved": _lose_the_database}


@pytest.mark.parametrize("place", range(len(COMMANDS)), ids=lambda place: COMMANDS[place][0])
def test_a_command_says_it_in_chinese(said: dict[int, Said], place: int) -> None:
    (_command, code, text), told = COMMANDS[place], said[place]
    assert told.code == code, told
    assert text in told.out + told.err
    assert "Traceback" not in told.err
    assert latin(told.out + told.err) == []
