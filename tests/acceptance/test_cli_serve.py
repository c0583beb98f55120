"""`alertd serve --sample-city`: starts, does the job beside other commands, and ends cleanly."""

import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.command import Said, Server, alertd, alive, children_of, serving

CITY = ("--sample-city", "--scale", "0.05")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("city") / "data", *CITY) as server:
        yield server


def beside(city: Server, *arguments: str | Path) -> Said:
    """A command beside the running server."""
    return alertd(city.data, *arguments)


def messages(city: Server) -> list[dict[str, object]]:
    """What the simulated phones have seen, by their own log."""
    log = city.data / "sample" / "world" / "handsets.jsonl"
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    return [line for line in lines if line["what"] == "message" and line["taken"]]


def settled(city: Server, code: str) -> dict[str, Any]:
    """The board once nothing waits to be sent."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        board = beside(city, "alert", "show", code, "--json").document["board"]
        if board["funnel"]["waiting"] == 0:
            return dict(board)
    raise AssertionError("messages still wait")


def test_the_console_answers_and_the_first_sign_in_is_told(city: Server) -> None:
    assert httpx.get(f"{city.url}/healthz").json() == {"status": "ok", "space": "enough"}
    assert city.said["sign_in"]["name"] == "admin"
    token = city.data / "cli.token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert "password" not in (city.data.parent / "data.serve.log").read_text()


def test_an_exercise_waits_and_goes_out_with_the_printed_command(city: Server) -> None:
    code = city.said["exercise"]["short_code"]
    assert beside(city, "alert", "show", code, "--json").document["view"]["state"] == "draft"
    assert not messages(city)

    approved = beside(city, "alert", "approve", code, "--json")
    assert approved.document["state"] == "issued"

    watched = beside(city, "alert", "watch", code, "--for-s", "4", "--json")
    boards = [json.loads(line) for line in watched.out.splitlines()]
    assert boards[0] != boards[-1], "the board moves"
    assert settled(city, code)["funnel"]["delivered"] > 400
    seen = messages(city)
    assert len(seen) > 380
    assert all(str(message["text"]).startswith("【演练】") for message in seen)

    report = city.data.parent / "report"
    assert beside(city, "report", code, "--out", report).code == 0
    assert beside(city, "report", "--verify", report / "report.json").code == 0
    changed = json.loads((report / "report.json").read_text("utf-8"))
    changed["figures"]["targets"]["people"] += 1
    (report / "changed.json").write_text(json.dumps(changed), encoding="utf-8")
    refused = beside(city, "report", "--verify", report / "changed.json")
    assert refused.code == 1
    assert "figures.targets.people" in refused.err

    cleared = beside(city, "alert", "all-clear", code, "--yes", "--json")
    assert cleared.document["state"] == "issued"
    states = {a["state"] for a in beside(city, "alert", "list", "--json").document["items"]}
    assert "all-clear" in states


def test_an_actual_alert_needs_a_second_person(city: Server) -> None:
    options = ("--template", "typhoon", "--colour", "red", "--area", "330281001")
    drafted = beside(city, "alert", "issue", *options, "--yes", "--json").document
    assert drafted["state"] == "draft"
    assert drafted["headcount"]["people"] > 0
    refused = beside(city, "alert", "approve", drafted["short_code"])
    assert refused.code == 1
    assert "A second person must approve this alert." in refused.err

    other = alertd(
        city.data,
        *("alert", "approve", drafted["short_code"], "--as", "somebody"),
        env={"ALERTD_TOKEN": (city.data / "cli.token").read_text()},
    )
    assert other.code == 1
    assert "That token isn't somebody's." in other.err


def test_an_alert_is_shown_as_cap(city: Server) -> None:
    said = beside(city, "alert", "show", city.said["exercise"]["short_code"], "--cap")
    assert "urn:oasis:names:tc:emergency:cap:1.2" in said.out
    file = city.data.parent / "alert.xml"
    file.write_text(said.out, encoding="utf-8")
    again = beside(city, "alert", "issue", "--cap", file)
    assert again.code == 1
    assert "is stored already" in again.err


def test_doctor_asks_the_server(city: Server) -> None:
    said = beside(city, "doctor", "--json")
    healths = {finding["what"]: finding["health"] for finding in said.document["findings"]}
    assert healths["server"] == "well"
    assert healths["route sms"] == "well"
    assert healths["route loudspeakers"] == "well"
    assert healths["two persons"] == "look"
    assert said.code == 1


def test_a_roster_is_imported_through_the_server(city: Server) -> None:
    shown = beside(city, "roster", "import", city.data / "sample" / "roster", "--json").document
    assert shown["version"] == 2
    assert shown["changes"]["person"] == {"added": 0, "changed": 0, "left": 0}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_everything_that_it_started(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path / "data", *CITY) as server:
        children = children_of(server.process.pid)
        assert len(children) >= 4, "phones, loudspeakers, groups, broker"
        assert server.end(number) == 0
    assert not alive(children)
    assert not (tmp_path / "data" / "run.json").exists()


def test_killed_it_takes_its_world_with_it_and_starts_again(tmp_path: Path) -> None:
    with serving(tmp_path / "data", *CITY) as server:
        children = children_of(server.process.pid)
        server.process.kill()
        server.process.wait()
    until = time.monotonic() + 20
    while alive(children) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(children)
    began = time.monotonic()
    with serving(tmp_path / "data", *CITY) as again:
        assert "sign_in" not in again.said, "told once"
        assert again.said["exercise"] == server.said["exercise"]
    assert time.monotonic() - began < 30
    with sqlite3.connect(tmp_path / "data" / "alertd.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM roster_version").fetchone() == (1,)
    database.close()


def test_a_simulated_phone_is_seen_and_answers_on_its_page(city: Server) -> None:
    first = city.said["sign_in"]
    html = {"accept": "text/html"}
    with httpx.Client(base_url=city.url, headers=html, follow_redirects=True) as client:

        def send(page: str, path: str, **fields: str) -> httpx.Response:
            csrf = client.get(page).text.partition('name="csrf" value="')[2].partition('"')[0]
            return client.post(path, data={"csrf": csrf, **fields})

        old, new = first["password"], "a password of my own"
        client.post("/sign-in", data={"name": first["name"], "password": old})
        send("/password", "/password", old_password=old, new_password=new, again=new)
        client.post("/sign-in", data={"name": first["name"], "password": new})
        assert 'href="/handsets"' in client.get("/alerts").text
        sent = send("/account", "/handsets/reply", phone="+8615400000001", text="在路上了")
        assert sent.url.path == "/handsets"
    until = time.monotonic() + 30
    while "在路上了" not in (said := replies_to_read(city)):
        assert time.monotonic() < until, said


def replies_to_read(city: Server) -> str:
    """By the command line's own token."""
    token = (city.data / "cli.token").read_text("ascii")
    headers = {"authorization": f"Bearer {token}"}
    return httpx.get(f"{city.url}/api/v1/inbound", headers=headers).text
