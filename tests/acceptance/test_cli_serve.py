"""`alertd serve --sample-city`: starts, does the job beside other commands, and ends cleanly."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook

from tests.acceptance.command import Said, Server, alertd, alive, children_of, serving
from tests.acceptance.within import within

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


def settled(city: Server, code: str, *, arrived: int = 0) -> dict[str, Any]:
    """The board once nothing waits to be sent, and so many receipts or more have come."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        board = beside(city, "alert", "show", code, "--json").document["board"]
        if board["funnel"]["waiting"] == 0 and board["funnel"]["delivered"] >= arrived:
            return dict(board)
    raise AssertionError(f"messages still wait, or their receipts: {board['funnel']}")


def test_the_console_answers_and_the_first_sign_in_is_told(city: Server) -> None:
    assert httpx.get(f"{city.url}/healthz").json() == {"status": "ok", "space": "enough"}
    assert city.said["sign_in"]["name"] == "admin"
    token = city.data / "cli.token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert "password" not in (city.data.parent / "data.serve.log").read_text()


@pytest.mark.timeout(240)
def test_an_exercise_waits_and_goes_out_with_the_printed_command(city: Server) -> None:
    code = city.said["exercise"]["short_code"]
    assert beside(city, "alert", "show", code, "--json").document["view"]["state"] == "draft"
    assert not messages(city)

    approved = beside(city, "alert", "approve", code, "--json")
    assert approved.document["state"] == "issued"

    watched = beside(city, "alert", "watch", code, "--for-s", "4", "--json")
    boards = [json.loads(line) for line in watched.out.splitlines()]
    assert boards[0] != boards[-1], "the board moves"
    settled(city, code, arrived=401)
    seen = messages(city)
    assert len(seen) > 380
    assert all(str(message["text"]).startswith("【演练】") for message in seen)

    the_report_is_written_and_checked(city, code)
    the_bundle_is_checked_where_there_is_no_database(city, code)
    whole_names_and_numbers_are_given_out_on_record(city, code, seen)

    cleared = beside(city, "alert", "all-clear", code, "--yes", "--json")
    assert cleared.document["state"] == "issued"
    states = {a["state"] for a in beside(city, "alert", "list", "--json").document["items"]}
    assert "all-clear" in states
    reports_are_compared_and_of_a_season(city, code, cleared.document["short_code"])


def the_report_is_written_and_checked(city: Server, code: str) -> None:
    report = city.data.parent / "report"
    assert beside(city, "report", code, "--format", "json", "--out", report).code == 0
    assert beside(city, "report", "--verify", report / "report.json").code == 0
    changed = json.loads((report / "report.json").read_text("utf-8"))
    changed["figures"]["targets"]["people"] += 1
    (report / "changed.json").write_text(json.dumps(changed), encoding="utf-8")
    refused = beside(city, "report", "--verify", report / "changed.json")
    assert refused.code == 1
    assert "figures.targets.people" in refused.err


def the_bundle_is_checked_where_there_is_no_database(city: Server, code: str) -> None:
    bundle, elsewhere = city.data.parent / "bundle.zip", city.data.parent / "elsewhere"
    made = beside(city, "report", code, "--bundle", bundle, "--json")
    assert made.document == {"files": [str(bundle)]}
    checked = alertd(elsewhere, "report", "--verify", bundle)
    assert checked.code == 0, checked.err
    with zipfile.ZipFile(bundle) as files:
        content = {name: files.read(name) for name in files.namelist()}
    heads = json.loads(content["report.json"])["journal"]
    assert all(head["hash"] in checked.out for head in heads)

    changed = city.data.parent / "changed.zip"
    content["journal.jsonl"] = content["journal.jsonl"].replace(b"alert", b"ALERT", 1)
    with zipfile.ZipFile(changed, "w") as files:
        for name, each in content.items():
            files.writestr(name, each)
    refused = alertd(elsewhere, "report", "--verify", changed)
    assert refused.code == 1
    assert "journal.jsonl" in refused.err
    told = alertd(elsewhere, "report", "--verify", changed, "--json")
    assert (told.code, told.document["good"]) == (1, False)
    assert not elsewhere.exists()


def whole_names_and_numbers_are_given_out_on_record(
    city: Server, code: str, seen: list[dict[str, object]]
) -> None:
    out = city.data.parent / "whole"
    wanted = ("--format", "csv, xlsx", "--lang", "zh-CN", "--out", out)
    assert beside(city, "report", code, *wanted).code == 0
    names = ["deliveries.csv", "duties.csv", "people.csv", "report.csv", "report.xlsx"]
    assert sorted(path.name for path in out.iterdir()) == names
    whole = beside(city, "report", code, "--unmasked", *wanted, "--json").document["files"]
    assert whole == [str(out / f"report-unmasked.{form}") for form in ("csv", "xlsx")]
    numbers = {str(message["phone"])[-11:] for message in seen}
    assert not numbers & set(cells(out / "report.xlsx", "按人·职"))
    assert not numbers & set((out / "duties.csv").read_text("utf-8-sig").split(","))
    shown = {cell[-11:] for cell in cells(out / "report-unmasked.xlsx", "按人·职")}
    assert len(numbers & shown) > 100
    assert not any(Path(file).stat().st_mode & 0o077 for file in whole)
    (facts,) = sqlite3.connect(city.data / "alertd.sqlite3").execute(
        "SELECT group_concat(body) FROM journal WHERE kind = 'report.exported'"
    )
    assert facts[0].count('"unmasked":true') == 2


def cells(book: Path, sheet: str) -> list[str]:
    rows = CalamineWorkbook.from_path(book).get_sheet_by_name(sheet).to_python()
    return [str(cell) for row in rows for cell in row]


def reports_are_compared_and_of_a_season(city: Server, code: str, later: str) -> None:
    folder = city.data.parent / "compared"
    quick = ("--format", "json,csv", "--out", folder)
    said = beside(city, "report", later, "--against", code, *quick)
    assert said.code == 0, said.err
    assert json.loads((folder / "comparison.json").read_text("utf-8"))

    year = str(time.gmtime().tm_year)
    season = beside(city, "report", "--since", f"{year}-01-01", *quick, "--json")
    assert str(folder / code / "report.json") in season.document["files"]
    table = (folder / "season.csv").read_text("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in table] == ["Exercise", "Short code", code, later]
    nothing = beside(city, "report", "--until", "2001-12-31", *quick)
    assert nothing.code == 0, nothing.err
    assert "No alert was issued in these days." in nothing.err
    assert not (folder / "season.csv").read_text("utf-8-sig")


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
    assert shown["version"] is None, "the same roster makes no new version"
    assert shown["changes"]["person"] == {"added": 0, "changed": 0, "left": 0}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_everything_that_it_started(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path / "data", *CITY) as server:
        children = children_of(server.process.pid)
        assert len(children) >= 4, "phones, loudspeakers, groups, broker"
        assert server.end(number) == 0
    assert not alive(children)
    assert not (tmp_path / "data" / "run.json").exists()
    assert began_and_ended(tmp_path / "data") == ["engine.started", "engine.stopped"]


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
    ran = began_and_ended(tmp_path / "data")
    assert ran == ["engine.started", "engine.started", "engine.stopped"], "the first was cut off"


def began_and_ended(data: Path) -> list[str]:
    """What the record says of a server's life; its last word is that it was stopped."""
    with closing(sqlite3.connect(data / "alertd.sqlite3")) as database:
        kinds = [
            kind for (kind,) in database.execute("SELECT kind FROM journal ORDER BY turn, seq")
        ]
    assert kinds[-1] == "engine.stopped"
    return [kind for kind in kinds if kind.startswith("engine.")]


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


TAKES_A_PORT = """
import socket, sys
taken = socket.create_server(("127.0.0.1", 0))
print(taken.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_another_program_on_the_broker_s_port_stops_nothing_else(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    routes = '[routes.speakers]\ntype = "mqtt"\n[routes.groups]\ntype = "webhook"\n'
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", TAKES_A_PORT], stdin=pipe, stdout=pipe) as other:
        assert other.stdout is not None
        port = other.stdout.readline().decode().strip()
        holder = rf"port {port}, where python\S* \(process {other.pid}\) does"
        (data / "alertd.toml").write_text(f"broker_port = {port}\n{routes}")
        with serving(data) as server:
            assert re.search(f"It goes on without:.*{holder}", server.said_aside)
            found = httpx.get(f"{server.url}/readyz").json()
            assert (found["ready"], len(found["warnings"])) == (True, 1)
            assert re.search(holder, found["warnings"][0])
            said = alertd(data, "doctor", "--json", env={"ALERTD_LANGUAGE": "zh-CN"}).out
            told = rf"端口{port}:该端口被程序python\S*\(进程{other.pid}\)占用。"
            assert len(re.findall(told, said)) == len(("its route", "the broker"))
            assert re.search(f"{told}处理办法:请结束占用它的程序", said)
            other.communicate()
            within(that=lambda: httpx.get(f"{server.url}/readyz").json()["warnings"] == [])


def test_a_route_whose_file_is_gone_stops_nothing_else(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    file = tmp_path / "ca.pem"
    mail = 'type = "mail"\nhost = "127.0.0.1"\nfrom = "a@b.example"\nsecret = "s1gns"\n'
    routes = f'[routes.letters]\n{mail}ca_file = "{file}"\n[routes.groups]\ntype = "webhook"\n'
    (data / "alertd.toml").write_text(routes)
    with serving(data) as server:
        gone = "the option 'ca_file' must be a file of PEM certificates"
        assert re.search(f"It goes on without:.*letters.*{gone}", server.said_aside)
        found = httpx.get(f"{server.url}/readyz").json()
        assert (found["ready"], [w.split(":")[0] for w in found["warnings"]]) == (True, ["letters"])
        said = alertd(data, "doctor", "--json", env={"ALERTD_LANGUAGE": "zh-CN"}).out
        assert re.search("该通路已停用,会自动重试:通路“letters”.*处理办法", said)
    (data / "alertd.toml").write_text('[routes.groups]\ntype = "webhook"\n')
    with serving(data) as server:
        told = "Routes are gone from the settings since the last start: letters."
        assert f"It goes on without: {told}" in server.said_aside
