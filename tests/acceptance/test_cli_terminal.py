"""A loudspeaker from its enrolment to its end: what the commands promise, with real processes."""

import csv
import hashlib
import json
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import forked
from tests.acceptance.command import (
    Said,
    Server,
    alertd,
    alive,
    children_of,
    environment,
    serving,
)
from tests.acceptance.within import within

_SETTINGS = """\
[routes.loudspeakers]
type = "mqtt"
simulated = true
audio = true
"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("terminal")
    data = folder / "data"
    data.mkdir()
    (data / "alertd.toml").write_text(_SETTINGS)
    assert alertd(data, "roster", "sample", folder / "roster", "--scale", "0.05").code == 0
    assert alertd(data, "roster", "import", folder / "roster", "--why", "test").code == 0
    with serving(data) as server:
        yield server


def terminals(city: Server) -> list[dict[str, str]]:
    with (city.data.parent / "roster" / "terminals.csv").open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def enrol(city: Server, *names: str, area: str | None = None) -> Said:
    return alertd(
        city.data,
        *(
            "terminal",
            "enrol",
            *names,
            *(("--area", area) if area else ()),
            "--out",
            city.data.parent / "bundles",
            "--json",
        ),
        *("--broker", f"mqtt://127.0.0.1:{broker_port(city)}", "--audio", f"{city.url}/audio"),
    )


def broker_port(city: Server) -> str:
    """The free port that the server's broker took."""
    config = (city.data / "broker" / "nats.conf").read_text()
    return config.rpartition('listen: "127.0.0.1:')[2].partition('"')[0]


@contextmanager
def running(city: Server, name: str, player: str | None = None) -> Iterator[forked.Process]:
    """`alertd terminal run`, online, playing into a folder of files unless told otherwise."""
    folder = city.data.parent / name
    with (city.data.parent / f"{name}.log").open("a") as log:
        process = forked.start(
            [
                *("terminal", "run", city.data.parent / "bundles" / f"{name}.json"),
                *("--folder", folder, "--json"),
                *("--player", player or f"file:{folder / 'played'}"),
            ],
            env=environment(folder),
            cwd=city.data.parent,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    try:
        assert process.stdout is not None
        said = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        assert said == {"terminal": name, "online": True, "problem": ""}
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def seen(city: Server, name: str) -> dict[str, Any]:
    token = (city.data / "cli.token").read_text()
    with httpx.Client(headers={"authorization": f"Bearer {token}"}) as client:
        page = client.get(f"{city.url}/api/v1/terminals", params={"limit": 500}).json()["page"]
    (found,) = [one for one in page["items"] if one["terminal_id"] == name]
    return dict(found)


def test_enrolled_it_plays_what_the_city_says_and_revoked_it_is_gone(city: Server) -> None:
    first, second = (row["terminal_id"] for row in terminals(city)[:2])
    assert len(enrol(city, first, second).document) == 2
    bundle = city.data.parent / "bundles" / f"{first}.json"
    assert bundle.stat().st_mode & 0o777 == 0o600
    assert enrol(city, "terminal").code == 2

    with running(city, first) as process:
        within(that=lambda: seen(city, first)["online"] is True)
        issue(city)
        played = city.data.parent / first / "played"
        within(that=lambda: len(list(played.glob("*.wav"))) == 3)

        # It was fetched from alertd, once, and is what was signed.
        heard = hashlib.sha256((played / "00001.wav").read_bytes()).hexdigest()
        offered = city.data / "audio" / f"{heard}.wav"
        assert (city.data.parent / first / "sounds" / offered.name).is_file()
        answer = httpx.get(f"{city.url}/audio/{offered.name}")
        assert (answer.status_code, answer.content) == (200, offered.read_bytes())

        assert alertd(city.data, "terminal", "revoke", first).code == 0
        log = city.data.parent / f"{first}.log"
        within(that=lambda: "broker-away" in log.read_text())
        assert process.poll() is None
        within(that=lambda: seen(city, first)["online"] is False)
    listed = alertd(city.data, "terminal", "list", "--json").document
    good = {one["terminal"]: one["revoked_at"] is None for one in listed}
    assert (good[first], good[second]) == (False, True)
    assert "let in, as on record" in alertd(city.data, "doctor").out


def facts_of(data: Path) -> list[tuple[str, str, list[str]]]:
    """Who was let in and shut out by whom: (kind, source, loudspeakers) each."""
    with sqlite3.connect(data / "alertd.sqlite3") as connection:
        rows = connection.execute(
            "SELECT kind, source, body FROM journal WHERE kind LIKE 'terminals.%' ORDER BY seq"
        ).fetchall()
    return [(kind, source, json.loads(body)["terminals"]) for kind, source, body in rows]


def test_who_did_it_is_on_record_also_where_no_server_runs(tmp_path: Path) -> None:
    data, bundles = tmp_path / "data", tmp_path / "bundles"
    broker = ("--broker", "mqtt://10.0.0.5", "--out", bundles)
    assert alertd(data, "terminal", "enrol", "LS1", "LS2", *broker).code == 0
    assert alertd(data, "access", "add", "anna", "--role", "administrator").code == 0
    token = alertd(data, "access", "token", "anna", "--scope", "terminals", "--scope", "read").out
    hers = {"ALERTD_TOKEN": token.strip()}
    assert alertd(data, "terminal", "revoke", "LS1", "--as", "anna", env=hers).code == 0
    assert alertd(data, "terminal", "revoke", "LS3", "LS2").code != 0
    assert alertd(data, "access", "add", "bert", "--role", "duty_officer").code == 0
    token = alertd(data, "access", "token", "bert").out
    his = {"ALERTD_TOKEN": token.strip()}
    before = (bundles / "LS2.json").read_bytes()
    refused = alertd(data, "terminal", "enrol", "LS2", *broker, "--as", "bert", env=his)
    assert "may not do that: terminals" in refused.err
    assert (bundles / "LS2.json").read_bytes() == before, "the bundle in force stays"
    assert {path.name for path in bundles.iterdir()} == {"LS1.json", "LS2.json"}

    (enrolled, cli, both), (revoked, anna, one) = facts_of(data)
    assert (enrolled, both) == ("terminals.enrolled", ["LS1", "LS2"])
    assert (revoked, one) == ("terminals.revoked", ["LS1"])
    assert cli.startswith("principal:")
    assert anna.startswith("principal:")
    assert cli != anna
    kept = json.loads((data / "broker" / "terminals.json").read_bytes())["terminals"]
    assert {each["terminal"]: each["revoked_at"] is None for each in kept} == {
        "LS1": False,
        "LS2": True,
    }
    secret = json.loads(before)["broker"]
    assert next(e["password"] for e in kept if e["terminal"] == "LS2") in str(secret)


def test_no_password_is_changed_that_is_in_no_bundle(city: Server) -> None:
    first, second = (row["terminal_id"] for row in terminals(city)[10:12])
    assert enrol(city, first, second).code == 0
    bundle = city.data.parent / "bundles" / f"{second}.json"
    bundle.unlink()
    bundle.mkdir()
    accounts = city.data / "broker" / "terminals.json"
    before = accounts.read_bytes()
    assert enrol(city, first, second).code != 0
    assert accounts.read_bytes() == before
    bundle.rmdir()
    assert len(enrol(city, first, second).document) == 2
    assert bundle.is_file()


def test_loudspeakers_of_one_area_are_told_at_once(city: Server) -> None:
    third, fourth = (row["terminal_id"] for row in terminals(city)[8:10])
    assert enrol(city, third, fourth, area="two-of-them").code == 0
    with running(city, third), running(city, fourth):
        issue(city)
        for name in (third, fourth):
            within(that=lambda name=name: "area/two-of-them" in told_at(city, name))
            played = city.data.parent / name / "played"
            within(that=lambda played=played: len(list(played.glob("*.wav"))) >= 3)
            assert f"terminal/{name}" not in told_at(city, name), "and not singly"


def told_at(city: Server, name: str) -> list[str]:
    """Where commands came to it, by its own memory."""
    try:
        memory = json.loads((city.data.parent / name / "memory.json").read_bytes())
    except FileNotFoundError:
        return []
    return [target for _key, target, _number in memory["memory"]["last"]]


def issue(city: Server) -> None:
    options = ("--template", "typhoon", "--colour", "red", "--area", "330281")
    drafted = alertd(
        city.data, "alert", "issue", *options, "--status", "Exercise", "--json"
    ).document
    assert alertd(city.data, "alert", "approve", drafted["short_code"]).code == 0


@pytest.mark.soak
def test_killed_while_it_sounds_it_is_silent_and_then_goes_on(city: Server) -> None:
    name = terminals(city)[2]["terminal_id"]
    assert enrol(city, name).code == 0
    with running(city, name, "sh -c 'exec sleep 60' {file}") as process:
        issue(city)
        within(that=lambda: len(children_of(process.pid)) == 1)
        (player,) = children_of(process.pid)
        process.kill()
        process.wait()
        within(that=lambda: not alive({player}))
    with running(city, name):
        played = city.data.parent / name / "played"
        within(that=lambda: len(list(played.glob("*.wav"))) == 3)


def test_what_is_said_for_the_season_is_offered(city: Server) -> None:
    said = alertd(city.data, "terminal", "say", "汛期试音", "--season", "--json")
    name = said.document["sha256"]
    assert httpx.get(f"{city.url}/audio/season.json").json() == {"v": 1, "sounds": [name]}
    for bad in ("0" * 64, "..%2Fcli.token", "0" * 63, "A" * 64):
        assert httpx.get(f"{city.url}/audio/{bad}.wav").status_code in {404, 422}


def test_what_mosquitto_needs_is_written_for_its_owner_only(city: Server, tmp_path: Path) -> None:
    assert enrol(city, "LS-mosquitto").code == 0
    assert alertd(city.data, "terminal", "mosquitto", tmp_path / "m").code == 0
    handed_out = alertd(city.data, "record", "--about", "handed-out", "--json").document
    assert handed_out[0]["body"] == {"what": "mosquitto"}
    assert "pattern read alertd/v1/terminal/%u/cmd" in (tmp_path / "m" / "acl").read_text()
    assert "\nmessage_size_limit 65536\n" in (tmp_path / "m" / "mosquitto.conf").read_text()
    words = (tmp_path / "m" / "passwords").read_text().splitlines()
    assert {"alertd", "LS-mosquitto"} <= {line.split(":")[0] for line in words}
    assert all((tmp_path / "m" / n).stat().st_mode & 0o077 == 0 for n in ("acl", "passwords"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("revoke", "nobody"), "There is no alertd in"),
        (("revoke",), "No loudspeaker is named."),
        (("enrol", "a/b", "--broker", "mqtt://h"), "letters, digits"),
        (("run", "/nowhere.json"), "The bundle can't be read"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    said = alertd(tmp_path / "data", "terminal", *arguments)
    assert said.code in {1, 2, 3}
    assert told in said.err
