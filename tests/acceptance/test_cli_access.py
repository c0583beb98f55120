"""Two persons on the command line: let in, given tokens, and neither alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.command import Server, alertd, serving


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("access")
    with serving(folder / "data", "--sample-city", "--scale", "0.05") as server:
        yield server


def test_a_second_person_approves_with_a_token_of_their_own(city: Server) -> None:
    added = alertd(city.data, "access", "add", "second", "--role", "approver", "--json")
    assert added.document["one_time_password"]
    token = alertd(city.data, "access", "token", "second").out.strip()
    options = ("--template", "typhoon", "--colour", "red", "--area", "330281001")
    drafted = alertd(city.data, "alert", "issue", *options, "--json").document

    approved = alertd(
        city.data,
        *("alert", "approve", drafted["short_code"], "--as", "Second", "--json"),
        env={"ALERTD_TOKEN": token},
    )
    assert approved.document["state"] == "issued"
    view = alertd(city.data, "alert", "show", drafted["short_code"], "--json").document["view"]
    assert (view["created_by"], view["approved_by"]) == ("cli", "second")

    refused = alertd(city.data, "alert", "issue", *options, env={"ALERTD_TOKEN": token})
    assert refused.code == 1
    assert "may not do that: draft" in refused.err


def test_who_is_shut_out_can_do_nothing_more(city: Server) -> None:
    assert alertd(city.data, "access", "add", "gone").code == 0
    token = alertd(city.data, "access", "token", "gone").out.strip()
    assert alertd(city.data, "alert", "list", env={"ALERTD_TOKEN": token}).code == 0
    assert alertd(city.data, "access", "disable", "gone").code == 0
    refused = alertd(city.data, "alert", "list", env={"ALERTD_TOKEN": token})
    assert refused.code == 1
    assert "Nobody is signed in." in refused.err
    listed = alertd(city.data, "access", "list", "--json").document
    assert {p["name"] for p in listed if p["disabled_at"]} == {"gone"}


def test_without_a_server_it_is_the_same(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert alertd(data, "access", "add", "second", "--role", "approver").code == 0
    names = [p["name"] for p in alertd(data, "access", "list", "--json").document]
    assert names == ["cli", "second"]


def test_what_was_done_is_read_from_the_record(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert alertd(data, "access", "add", "second", "--role", "approver").code == 0
    done = alertd(data, "record", "--about", "rights", "--json").document
    made = next(line for line in done if line["figures"].get("role") == "approver")
    assert (made["kind"], made["figures"]["principal"]) == ("principal.created", "second")
    assert "an account was made" in alertd(data, "record").out
    nobody = alertd(data, "record", "--by", "third")
    assert nobody.code == 1
    assert "There is nobody called third." in nobody.err
