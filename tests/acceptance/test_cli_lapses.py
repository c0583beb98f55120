"""What a server lacks that it had at the start before: it goes on, and says so everywhere."""

import json
import shutil
from pathlib import Path

import httpx
import pytest

from tests.acceptance.command import alertd, serving

OURS = """signature = "慈溪防指"
sender = "fxb@cixi.example"
[routes.groups]
type = "webhook"
"""


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
    assert "that say who sends are gone" in broken(data)
    lost = "say who sends are gone since the last start: sender, signature."
    for start in (1, 2):
        with serving(data) as server:
            for told in (server.said_aside, warnings(server.url)):
                assert "alertd.toml is empty." in told
                assert (lost in told) == (start == 1), start


def test_settings_that_were_taken_out_are_told_of_once(data: Path) -> None:
    (data / "alertd.toml").write_text(OURS, encoding="utf-8")
    with serving(data):
        pass
    (data / "alertd.toml").write_text('log_level = "info"\n[routes.groups]\ntype = "webhook"\n')
    assert "that say who sends are gone" in broken(data)
    with serving(data) as server:
        assert "sender, signature." in server.said_aside
    assert "that say who sends are gone" not in broken(data)


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
