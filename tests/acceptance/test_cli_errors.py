"""Whatever goes wrong: one clear sentence, a nonzero exit code, never a traceback."""

import fcntl
import json
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from alertd.cli.trouble import of_database
from tests.acceptance.command import alertd, serving


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["dance"], 2, "No such command 'dance'."),
        (["roster", "check"], 2, "Missing argument 'PEOPLE'."),
        (["roster", "sample", "x", "--scale", "1000"], 2, "scale"),
        (["roster", "sample", "x", "--day", "soon"], 2, "A day is written YYYY-MM-DD."),
        (["roster", "check", "nowhere.csv"], 2, "the roster has 1 errors and was refused"),
        (["roster", "import", "nowhere.csv"], 2, "nowhere.csv can't be read"),
        (["alert", "approve", "A1"], 1, "alertd isn't running here, so nothing would be sent."),
        (["alert", "watch", "A1"], 1, "alertd isn't running here, so nothing would be sent."),
        (["alert", "show", "A1"], 3, "There is no alertd in "),
        (["alert", "list"], 3, "There is no alertd in "),
        (["report", "A1"], 3, "There is no alertd in "),
        (["access", "list"], 3, "There is no alertd in "),
        (["clock", "show"], 3, "There is no alertd in "),
        (["drill", "list"], 3, "There is no alertd in "),
        (["alert", "issue"], 2, "An alert needs a template and an area."),
        (
            ["alert", "issue", "--template", "typhoon", "--area", "330281", "--set", "x"],
            2,
            "--set takes NAME=VALUE.",
        ),
        (["alert", "issue", "--cap", "alert.txt"], 2, "is named .xml or .json."),
        (["report"], 2, "Name an alert, or a report's file with --verify."),
        (["report", "--verify", "nowhere.json"], 2, "nowhere.json can't be read"),
        (["report", "A1", "--format", "docx"], 2, "There is no format docx."),
        (["report", "--since", "1.6.2026"], 2, "1.6.2026 isn't a day."),
        (["report", "--since", "2026-06-01", "--unmasked"], 2, "for one alert at a time."),
        (["report", "--since", "2026-06-01", "--bundle", "b.zip"], 2, "are for one alert."),
        (["report", "A1", "--unmasked", "--bundle", "b.zip"], 2, "never names anybody."),
    ],
)
def test_a_wrong_call_is_told_in_one_sentence(
    data: Path, arguments: list[str], code: int, sentence: str
) -> None:
    said = alertd(data, *arguments)
    assert said.code == code, said
    errors = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert sentence in errors[0]
    assert not (data / "alertd.sqlite3").exists(), "a wrong call makes no empty city"


def test_with_json_the_error_is_a_document_too(data: Path) -> None:
    said = alertd(data, "alert", "show", "A1", "--json")
    assert said.code == 3
    assert said.document["error"]["code"] == "not-configured"


def test_a_setting_that_is_wrong_is_named(data: Path) -> None:
    said = alertd(data, "alert", "list", env={"ALERTD_PORT": "many"})
    assert said.code == 3
    assert "The setting port must be a whole number." in said.err


def test_a_port_that_is_taken_is_told_before_anything_starts(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = alertd(data, "serve", env={"ALERTD_PORT": port})
    assert said.code == 1
    assert f"Port {port} on 127.0.0.1 can't be had: Address already in use." in said.err
    assert not data.exists()


def test_an_address_that_the_machine_has_not_is_told_as_that(data: Path) -> None:
    said = alertd(data, "serve", env={"ALERTD_PORT": "0", "ALERTD_HOST": "192.0.2.1"})
    assert said.code == 1
    assert "Cannot assign requested address" in said.err
    assert "ALERTD_HOST" in said.err


def test_who_has_served_before_goes_on_whatever_the_console_lacks(data: Path) -> None:
    with serving(data):
        pass
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        env = {"ALERTD_PORT": str(port), "ALERTD_TLS_CERT": "/no/cert", "ALERTD_TLS_KEY": "/no/key"}
        with serving(data, env=env) as server:
            assert server.url.startswith("https://127.0.0.1:")
            assert not server.url.endswith(f":{port}")
            told = f"Port {port} on 127.0.0.1 can't be had: Address already in use."
            assert f"It goes on without: {told}" in server.said_aside
            assert "It goes on without: /no/cert can't be read" in server.said_aside
            found = httpx.get(f"{server.url}/readyz", verify=False).json()["warnings"]  # noqa: S501
            assert any(told in warning for warning in found)
            assert any("/no/cert can't be read" in warning for warning in found)
            assert alertd(data, "alert", "list", "--json", env=env).code == 0
            second = alertd(data, "serve", env=env)
            assert "Another alertd is using this data directory." in second.err
    policies, templates = (data.parent / "own" / kind for kind in ("policies", "templates"))
    policies.mkdir(parents=True)
    templates.mkdir()
    (policies / "red.toml").touch()  # as a crash leaves them
    (templates / "typhoon.toml").write_bytes(b"\0" * 300)
    (data / "run.json").mkdir()
    env = {"ALERTD_PORT": str(port), "ALERTD_HOST": "192.0.2.1"}
    env["ALERTD_CONFIG_DIR"] = str(data.parent / "own")
    with serving(data, env=env) as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert "It goes on without: The policy file red.toml is wrong" in server.said_aside
        warnings = httpx.get(f"{server.url}/readyz").json()["warnings"]
        assert ["typhoon.toml" in told for told in warnings] == [False, True, False]
    second = alertd(data, "alert", "list", env=env)
    assert "The policy file red.toml is wrong" in second.err


def test_a_first_start_that_fails_has_told_the_password_that_no_other_will(data: Path) -> None:
    said = alertd(data, "serve", env={"ALERTD_ROUTES__SMS__TYPE": "pigeon"})
    assert said.code == 3, said.err
    assert "there is no route type 'pigeon'" in said.err
    assert "Sign in as admin with the one-time password " in said.err


def test_two_never_write_to_one_data_folder(data: Path) -> None:
    data.mkdir()
    with (data / "alertd.lock").open("a+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = alertd(data, "alert", "list")
    assert said.code == 1
    assert "Another alertd is using this data directory." in said.err


def test_a_real_city_is_never_served_with_simulated_phones(data: Path) -> None:
    assert alertd(data, "roster", "sample", "city", "--scale", "0.05").code == 0
    assert alertd(data, "roster", "import", "city", "--why", "this season's").code == 0
    with closing(sqlite3.connect(data / "alertd.sqlite3")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v0001'")
        connection.commit()
        said = alertd(data, "serve", "--sample-city", "--scale", "0.05")
        (versions,) = connection.execute("SELECT count(*) FROM roster_version").fetchone()
        (step,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert said.code == 1
    assert "The city in this data folder isn't a sample" in said.err
    assert versions == 1, "its roster is the one in force"
    assert step == "v0001", "the alertd that it is served with opens it still"


def test_a_city_moved_to_a_new_folder_is_its_owners_alone(data: Path) -> None:
    assert alertd(data, "access", "add", "wang").code == 0
    target = data.parent / "moved" / "city.sqlite3"
    said = alertd(data, "migrate-store", "--to", f"sqlite:///{target}")
    assert said.code == 0, said.err
    assert target.parent.stat().st_mode & 0o777 == 0o700
    left = alertd(data, "serve")
    assert (left.code, "This city was carried into another database" in left.err) == (1, True)
    assert "This city was carried" in alertd(data, "doctor").out
    assert alertd(data, "verify").code == 0, "what is on record there can be read"
    assert alertd(data, "migrate-store", "--take-back").code == 0
    nowhere = alertd(data, "migrate-store", "--to", "sqlite://")
    assert (nowhere.code, "--to must begin with" in nowhere.err) == (2, True)


def test_a_database_that_is_away_is_no_defect_and_no_damage(data: Path) -> None:
    away = {"ALERTD_DATABASE_URL": "postgresql://alertd@127.0.0.1:1/alertd"}
    for command in (("serve",), ("alert", "list"), ("verify",)):
        said = alertd(data, *command, "--json", env=away)
        assert (said.code, said.document["error"]["code"]) == (1, "unavailable"), command


def test_a_database_that_lacks_a_table_is_told_as_one(data: Path) -> None:
    assert alertd(data, "access", "add", "wang").code == 0
    with closing(sqlite3.connect(data / "alertd.sqlite3")) as connection:
        connection.execute("ALTER TABLE alert RENAME TO elsewhere")
    said = alertd(data, "alert", "list")
    assert said.code == 1
    assert "as this alertd needs it; missing or changed: alert." in said.err


def test_a_database_that_refuses_what_it_should_take_is_told_as_a_defect(data: Path) -> None:
    assert alertd(data, "access", "add", "wang").code == 0
    with closing(sqlite3.connect(data / "alertd.sqlite3")) as connection:
        connection.execute(
            "CREATE TRIGGER strange BEFORE INSERT ON principal BEGIN SELECT none FROM nowhere; END"
        )
    said = alertd(data, "access", "add", "li")
    assert said.code == 1
    assert "Something went wrong here; it is in the log." in said.err
    assert "SQLITE_ERROR" in said.err


def test_word_of_a_server_that_is_gone_is_not_believed(data: Path) -> None:
    data.mkdir()
    (data / "run.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": 1}))
    said = alertd(data, "alert", "list", "--json")
    assert said.code == 0
    assert said.document["items"] == []


def test_the_locale_chooses_the_language(data: Path) -> None:
    said = alertd(data, "alert", "approve", "A1", env={"LC_ALL": "zh_CN.UTF-8"})
    assert "错误: alertd未在此运行" in said.err


def test_the_version_is_told(data: Path) -> None:
    said = alertd(data, "--version")
    assert said.code == 0
    assert said.out.strip().count(".") == 2


def test_a_full_disk_of_the_database_is_named() -> None:
    full = sqlite3.OperationalError("disk I/O error")
    full.sqlite_errorname = "SQLITE_IOERR_SHMSIZE"
    told = of_database(full)
    assert told is not None
    assert told.message == "The database's disk is full, or fails."
