"""`alertd backup`, `verify`, `restore` as an administrator types them, beside a real server."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.acceptance.command import Said, alertd, serving

HEALTHS = ("well", "look", "broken")


def finding(said: Said, what: str) -> dict[str, str]:
    (found,) = [f for f in said.document["findings"] if f["what"] == what]
    assert found["health"] in HEALTHS
    return dict(found)


def test_backed_up_beside_a_server_and_restored_on_another_machine(tmp_path: Path) -> None:
    data, other, disk = tmp_path / "data", tmp_path / "other", tmp_path / "disk"
    with serving(data) as server:
        assert finding(alertd(data, "doctor", "--json"), "backup")["health"] == "look"
        taken = alertd(data, "backup", "--to", disk, "--with-keys", "--json")
        assert taken.code == 0, taken.out + taken.err
        assert "MB" in taken.err, "off a terminal a plain line says what was done"
        folder = Path(taken.document["folder"])
        assert folder.parent == disk
        handed_out = alertd(data, "record", "--about", "handed-out", "--json").document
        assert [each["body"] for each in handed_out] == [{"what": "keys"}]
        assert alertd(data, "verify", folder, "--tables").code == 0
        assert alertd(data, "verify", "--json").document["good"]
        assert finding(alertd(data, "doctor", "--json"), "backup")["health"] == "well"
        refused = alertd(data, "restore", folder, "--replace", "--json")
        assert refused.code == 1
        assert "Another alertd" in refused.document["error"]["message"]
        password = server.said["sign_in"]["password"]

    done = alertd(other, "restore", folder, "--json")
    assert done.code == 0, done.out + done.err
    assert done.document["facts"] == taken.document["facts"]
    assert done.document["missing_keys"] == []
    assert alertd(other, "backup", "--to", disk, "--with-keys").code == 0, "without a server"
    handed_out = alertd(other, "record", "--about", "handed-out", "--json").document
    assert len(handed_out) == 2
    with serving(other) as again:
        assert "sign_in" not in again.said, "its administrator is the one of before"
        assert password
    shutil.rmtree(data)
    assert alertd(other, "verify", "--tables", "--json").document["good"]


def test_verify_says_what_is_wrong_and_leaves_with_1(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data):
        taken = alertd(data, "backup", "--json")
    folder = Path(taken.document["folder"])
    assert folder.parent == data / "backups"
    with closing(sqlite3.connect(folder / "alertd.sqlite3")) as connection:
        connection.execute("UPDATE journal SET body = '{}' WHERE seq = 1")
        connection.commit()
    said = alertd(data, "verify", folder)
    assert said.code == 1
    assert "isn't whole" in said.err
    document = alertd(data, "verify", folder, "--json").document
    assert not document["good"]
    assert {problem["kind"] for problem in document["problems"]} == {"file", "journal"}
    (folder / "alertd.sqlite3").write_bytes(b"no database at all")
    kinds = [p["kind"] for p in alertd(data, "verify", folder, "--json").document["problems"]]
    assert "database" in kinds


def test_what_is_asked_for_wrongly_is_said_in_one_sentence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    said = alertd(data, "backup", "--json")
    assert said.code == 1
    assert json.loads(said.out)["error"]["code"] == "not-found"
    assert not data.exists(), "looking leaves nothing behind"
    assert alertd(data, "verify", tmp_path, "--json").document["error"]["code"] == "invalid-input"
    assert alertd(data, "restore", tmp_path / "none", "--json").code == 2
    (tmp_path / "file").write_text("in its place")
    elsewhere = {"ALERTD_DATABASE_URL": "postgresql://alertd@127.0.0.1:1/alertd"}
    refused = alertd(data, "backup", "--json", env=elsewhere)
    assert refused.code == 3
    assert "pg_dump" in refused.document["error"]["hint"]


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """In an SQLite file's URL "?" begins a query, and "%41" is an A."""
    data, other = tmp_path / "余姚 50%41?a=b#c&d", tmp_path / "again?%41"
    assert alertd(data, "access", "add", "wang").code == 0
    assert (data / "alertd.sqlite3").is_file()
    taken = alertd(data, "backup", "--with-keys", "--json")
    assert taken.code == 0, taken.err
    assert alertd(data, "verify", "--tables").code == 0
    restored = alertd(other, "restore", taken.document["folder"], "--json")
    assert restored.code == 0, restored.err
    assert (other / "alertd.sqlite3").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {data.name, other.name}
