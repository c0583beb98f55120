"""What a server lacks that it had at the start before: it goes on, and says so everywhere."""

import json
import shutil
from pathlib import Path

import httpx
import pytest

from tests.acceptance.command import Said, alertd, serving

OURS = """signature = "慈溪防指"
sender = "fxb@cixi.example"
[routes.groups]
type = "webhook"
"""

LOST = "Settings that say who sends are gone"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    return data


def warnings(url: str) -> str:
    return "\n".join(httpx.get(f"{url}/readyz").json()["warnings"])


def broken(data: Path, **env: str) -> str:
    found = json.loads(alertd(data, "doctor", "--json", env=env).out)["findings"]
    return "\n".join(each["detail"] for each in found if each["health"] == "broken")


@pytest.mark.parametrize("left", [b"", b"\0" * 90, b"\n"])
def test_a_settings_file_that_was_emptied_is_told_of_at_every_start(
    data: Path, left: bytes
) -> None:
    (data / "alertd.toml").write_text(OURS, encoding="utf-8")
    with serving(data) as server:
        assert "goes on without" not in server.said_aside + warnings(server.url)
    (data / "alertd.toml").write_bytes(left)
    assert "is empty" in broken(data)
    assert LOST in broken(data)
    for _start in (1, 2):
        with serving(data) as server:
            for told in (server.said_aside, warnings(server.url)):
                assert "alertd.toml is empty." in told
                assert f"{LOST}: sender, signature." in told


def drafted(data: Path) -> Said:
    words = ("--template", "typhoon", "--colour", "red", "--area", "330281")
    return alertd(data, "alert", "issue", *words, "--role", "grid_leader", "--json")


def test_nobody_alerts_in_the_name_of_the_shipped_city_where_ours_is_lost(data: Path) -> None:
    assert alertd(data, "roster", "sample", "city", "--scale", "0.05").code == 0
    assert alertd(data, "roster", "import", "city", "--why", "test").code == 0
    (data / "alertd.toml").write_text(OURS, encoding="utf-8")
    with serving(data):
        assert drafted(data).code == 0
    shipped = '[routes.groups]\ntype = "webhook"\n'
    (data / "alertd.toml").write_text(shipped, encoding="utf-8")
    assert LOST in broken(data)
    for _start in (1, 2):
        with serving(data) as server:
            assert f"{LOST}: sender, signature. New alerts are refused." in warnings(server.url)
            said = drafted(data)
        assert (said.code, said.document["error"]["code"]) == (3, "not-configured"), said
        assert LOST in drafted(data).document["error"]["message"]  # where no server runs
    # What is written down isn't lost, be it as shipped.
    (data / "alertd.toml").write_text(
        f'signature = "余姚市防指"\nsender = "fxb@yuyao.example"\n{shipped}', encoding="utf-8"
    )
    assert LOST not in broken(data)
    with serving(data) as server:
        assert LOST not in server.said_aside + warnings(server.url)
        assert drafted(data).code == 0


def test_an_empty_settings_file_begins_no_city(data: Path) -> None:
    (data / "alertd.toml").touch()
    said = alertd(data, "serve")
    assert said.code == 3
    assert "alertd.toml is empty." in said.err
    assert not (data / "alertd.sqlite3").exists()


def test_a_folder_of_own_words_that_isnt_there(data: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    env = {"ALERTD_CONFIG_DIR": str(own)}
    told = "The folder in config_dir can't be read"
    said = alertd(data, "serve", env=env)
    assert (said.code, told in said.err) == (3, True), said.err
    own.mkdir()
    with serving(data, env=env) as server:
        assert "goes on without" not in server.said_aside + warnings(server.url)
    with serving(data, env=env) as server:  # as a disk that isn't mounted leaves it
        empty = "The folder in config_dir has no policies and no templates"
        assert f"It goes on without: {empty}" in server.said_aside
        assert empty in warnings(server.url)
    (own / "policies").mkdir()
    with serving(data, env=env) as server:
        assert empty in warnings(server.url)
    (own / "policies" / "ours.toml").write_text("", encoding="utf-8")
    with serving(data, env=env) as server:
        assert empty not in warnings(server.url)
    shutil.rmtree(own)
    assert told in broken(data, **env)
    with serving(data, env=env) as server:
        assert f"It goes on without: {told}" in server.said_aside
        assert told in warnings(server.url)


def test_a_token_that_cant_be_written_ends_no_server(data: Path) -> None:
    with serving(data):
        pass
    (data / "cli.token").unlink()
    (data / "cli.token").mkdir()
    with serving(data) as server:
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        assert "cli.token" in server.said_aside


def test_a_key_that_loudspeakers_dont_know_is_told_of(data: Path) -> None:
    (data / "alertd.toml").write_text('[routes.sirens]\ntype = "mqtt"\n', encoding="utf-8")
    told = "The key that signed loudspeakers' commands at the last start"
    for _start in (1, 2):
        with serving(data) as server:
            assert told not in server.said_aside + warnings(server.url)
    (data / "keys" / "commands.key").unlink()
    with serving(data) as server:
        assert f"It goes on without: {told}" in server.said_aside
        assert told in warnings(server.url)
