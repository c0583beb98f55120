"""`alertd doctor`: what is there, what isn't, and an exit code that a script can read."""

import os
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from alertd.owners import hand_over
from alertd.store import migrate
from tests.acceptance.command import Said, alertd, serving
from tests.acceptance.within import within


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def healths(said: Said) -> dict[str, str]:
    return {finding["what"]: finding["health"] for finding in said.document["findings"]}


def test_a_fresh_machine_can_tell_nobody_and_doctor_says_so(data: Path) -> None:
    said = alertd(data, "doctor", "--json", env={"ALERTD_PROT": "8000"})
    assert said.code == 2
    found = healths(said)
    assert found["routes"] == "broken"
    assert found["server"] == "look"
    assert found["variables"] == "look"
    assert found["templates and policies"] == "well"
    assert not data.exists(), "looking leaves nothing behind"


def test_wrong_settings_are_the_one_finding(data: Path) -> None:
    data.mkdir()
    (data / "alertd.toml").write_text("tick_s = 'often'\n")
    said = alertd(data, "doctor", "--json")
    assert said.code == 2
    assert healths(said) == {"settings": "broken"}
    assert "alertd.toml" in said.document["findings"][0]["detail"]


def test_a_gateway_that_is_away_and_one_without_its_secret(data: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    data.mkdir()
    (data / "alertd.toml").write_text(
        f'[routes.phones]\ntype = "handsets"\nurl = "http://127.0.0.1:{port}"\nsecret = "s3cret"\n'
        '[routes.carrier]\ntype = "twilio"\n'
        '[routes.speakers]\ntype = "mqtt"\n'
        '[routes.groups]\ntype = "webhook"\n'
    )
    said = alertd(data, "doctor", "--json")
    found = healths(said)
    assert said.code == 2
    assert found["data folder"] == "look", "others on the machine can read it"
    assert found["route phones"] == "broken"
    assert found["route carrier"] == "broken"
    assert found["route speakers"] == "well"
    assert found["route groups"] == "well"
    assert "routes" not in found
    assert "s3cret" not in said.out


def test_a_template_that_is_wrong_is_named(data: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "templates").mkdir(parents=True)
    (own / "templates" / "mine.toml").write_text("this isn't TOML")
    said = alertd(data, "doctor", "--json", env={"ALERTD_CONFIG_DIR": str(own)})
    found = {f["what"]: f for f in said.document["findings"]}
    assert found["templates and policies"]["health"] == "broken"
    assert "mine.toml" in found["templates and policies"]["detail"]
    assert found["data folder"]["health"] == "well"


def test_a_folder_that_cannot_be_made(data: Path, tmp_path: Path) -> None:
    data.write_text("a file stands in its place")
    said = alertd(data / "below", "doctor", "--json", cwd=tmp_path)
    assert healths(said)["data folder"] == "broken"


def test_a_lost_key_is_told_and_no_other_is_made(data: Path, tmp_path: Path) -> None:
    assert alertd(data, "roster", "sample", "city", "--scale", "0.05").code == 0
    assert alertd(data, "roster", "import", "city", "--why", "test").code == 0
    key = data / "keys" / "addresses.key"
    assert healths(alertd(data, "doctor", "--json"))["addresses' key"] == "well"
    key.rename(tmp_path / "kept")
    assert healths(alertd(data, "doctor", "--json"))["addresses' key"] == "broken"
    assert not key.exists(), "a new one would be taken for the right one, and backed up as such"
    refused = alertd(data, "backup", "--to", tmp_path / "backups")
    assert refused.code == 1
    assert "doesn't open this database's addresses" in refused.err
    assert healths(alertd(data, "doctor", "--json"))["backup"] == "look"
    (tmp_path / "kept").rename(key)
    assert alertd(data, "backup", "--to", tmp_path / "backups").code == 0
    assert healths(alertd(data, "doctor", "--json"))["backup"] == "well"


def test_a_database_of_a_newer_version_is_broken_and_no_start_mends_it(data: Path) -> None:
    assert alertd(data, "access", "add", "wang").code == 0
    with closing(sqlite3.connect(data / "alertd.sqlite3")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9999'")
        connection.commit()
    said = alertd(data, "doctor", "--json")
    (found,) = [f for f in said.document["findings"] if f["what"] == "database"]
    assert found["health"] == "broken"
    assert "written by a newer version" in found["detail"]


def test_a_database_that_is_away_or_damaged_is_told_in_a_sentence(data: Path) -> None:
    away = {"ALERTD_DATABASE_URL": "postgresql://alertd:hidden@127.0.0.1:1/alertd"}
    said = alertd(data, "doctor", "--json", env=away)
    (found,) = [f for f in said.document["findings"] if f["what"] == "database"]
    assert found["health"] == "broken"
    assert found["detail"].startswith("The database doesn't answer, or can't be used. Does it run")
    assert "hidden" not in said.out
    data.mkdir()
    (data / "alertd.sqlite3").write_bytes(b"what a dying disk left of it" * 1000)
    said = alertd(data, "doctor", "--json")
    (found,) = [f for f in said.document["findings"] if f["what"] == "database"]
    assert found["detail"].startswith("The database is damaged")
    for command in (("alert", "list"), ("backup",)):
        assert alertd(data, *command).err.splitlines()[-2] == (
            "error: The database is damaged, or isn't one of SQLite."
        ), "no defect of alertd's"


def finding(said: Said, what: str) -> str:
    """The first of its name."""
    return next(str(f["detail"]) for f in said.document["findings"] if f["what"] == what)


def test_a_data_folder_that_isn_t_one_says_why(data: Path, tmp_path: Path) -> None:
    data.symlink_to(tmp_path / "unmounted")
    said = alertd(data, "doctor", "--json")
    assert said.code == 2
    assert finding(said, "data folder").endswith("which isn't there: is its disk mounted?")
    data.unlink()
    data.write_text("a file")
    said = alertd(data, "doctor", "--json")
    assert finding(said, "data folder") == f"{data} is a file, and no folder."


def test_settings_that_a_link_leads_away_from_are_no_defaults(data: Path) -> None:
    """Passed over, the city would be served without any of its routes."""
    data.mkdir()
    (data / "alertd.toml").symlink_to(data / "unmounted")
    for command in ("doctor", "serve"):
        said = alertd(data, command, "--json")
        assert said.code in {2, 3}
        assert "is that disk mounted?" in said.out + said.err


def test_what_a_command_of_somebody_else_left_is_named(data: Path) -> None:
    if os.geteuid():
        pytest.skip("files can't be given away here: run the tests as root")
    assert alertd(data, "access", "add", "wang").code == 0
    os.chown(data / "alertd.lock", 12345, 12345)
    said = alertd(data, "doctor", "--json")
    assert "alertd.lock in it: not root's" in str(said.document)
    os.chown(data / "alertd.lock", 0, 0)
    assert "in it: not" not in str(alertd(data, "doctor", "--json").document)


def test_a_port_that_the_embedded_broker_can_t_have_is_named(data: Path) -> None:
    data.mkdir(mode=0o700)
    (data / "alertd.toml").write_text('[routes.speakers]\ntype = "mqtt"\n')
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = alertd(data, "doctor", "--json", env={"ALERTD_BROKER_PORT": port})
    assert healths(said)["embedded broker"] == "broken"
    assert f"The MQTT broker can't listen on port {port}" in str(said.document)


def test_no_empty_city_begins_where_one_was_served(data: Path) -> None:
    """Its database is elsewhere: a variable was lost, a name mistaken, a file removed."""
    assert alertd(data, "access", "add", "wang").code == 0
    elsewhere = {"ALERTD_DATABASE_URL": f"sqlite:///{data.parent}/mistaken.sqlite3"}
    for command in (("serve",), ("access", "list")):
        said = alertd(data, *command, "--json", env=elsewhere)
        assert said.code == 1
        assert "a city was served from this data folder" in said.out
    assert not (data.parent / "mistaken.sqlite3").exists()
    found = healths(alertd(data, "doctor", "--json", env=elsewhere))
    assert found["database"] == "broken"
    assert alertd(data, "access", "list").code == 0
    migrate.upgrade(elsewhere["ALERTD_DATABASE_URL"])  # as a killed migrate-store leaves its target
    assert "a city was served from" in alertd(data, "serve", "--json", env=elsewhere).out


def test_what_root_makes_in_somebody_s_folder_is_theirs(data: Path) -> None:
    if os.geteuid():
        pytest.skip("files can't be given away here: run the tests as root")
    data.mkdir(mode=0o700)
    os.chown(data, 12345, 12345)
    kept, outside = data / "alertd.toml", data.parent / "outside"
    kept.write_text("signature = '市防指'", encoding="utf-8")
    within(that=lambda: time.time() - kept.stat().st_ctime > 2)
    assert alertd(data, "access", "add", "wang").code == 0
    assert roots(data) == {"alertd.toml"}, "this is as somebody wanted it"
    assert (data / "keys" / "addresses.key").stat().st_gid == 12345

    outside.write_text("x", encoding="utf-8")
    (data / "link").symlink_to(outside)
    (data / "second-name").hardlink_to(outside)
    hand_over(data, 0)
    assert roots(data) == {"second-name"}, "it isn't of this folder alone"
    assert outside.stat().st_uid == 0


def roots(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.lstat().st_uid == 0}


def test_a_port_that_is_taken_is_named_before_the_start(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = alertd(data, "doctor", "--json", env={"ALERTD_PORT": port})
    assert f"Port {port} on 127.0.0.1 can't be had" in str(said.document)
    assert healths(said)["server"] == "broken"


def test_a_server_s_own_word_is_told(data: Path) -> None:
    with serving(data):
        said = alertd(data, "doctor", "--json")
    assert "There is no route: nothing can go out." in str(said.document)


def test_what_was_set_since_the_start_is_named_and_does_nothing_yet(data: Path) -> None:
    data.mkdir()
    toml = data / "alertd.toml"
    toml.write_text("tick_s = 2\n[routes.sms]\ntype = 'by-hand'\n")
    with serving(data):
        before = alertd(data, "doctor", "--json")
        assert "Changed since the server was started" not in str(before.document)
        toml.write_text("tick_s = 3\n[routes.sms]\ntype = 'by-hand'\nrate_per_s = 9\n")
        said = alertd(data, "doctor", "--json")
        told = [f for f in said.document["findings"] if f["what"] == "settings"]
        assert [f["health"] for f in told] == ["well", "look"]
        assert "routes.sms.rate_per_s, tick_s. " in told[1]["detail"]
    with serving(data):
        after = alertd(data, "doctor", "--json")
    assert "Changed since the server was started" not in str(after.document)
