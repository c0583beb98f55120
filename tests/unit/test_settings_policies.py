"""The escalation policies as data: DOMAIN's table, cell by cell."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from alertd.model import Policy

FOLDER = Path(__file__).parents[2] / "config" / "policies"

# again by another channel, call, alternate and parent, grandparent and door-knock, duty desk
TABLE = {
    "red": (2, 3, 5, 10, 15),
    "orange": (2, 3, 10, 20, 30),
    "yellow": (10, 15, 20, 40, 60),
    "blue": (30, None, 60, 120, None),
}
ROWS = (["remind"], ["call"], ["alternate", "parent"], ["grandparent", "door_knock"], ["duty_desk"])


def policy(colour: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{colour}.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("colour", TABLE)
def test_the_steps_are_the_domains(colour: str) -> None:
    expected = [
        {"after_min": minutes, "do": acts} | ({"channels": ["other"]} if acts == ["remind"] else {})
        for minutes, acts in zip(TABLE[colour], ROWS, strict=True)
        if minutes is not None
    ]
    assert policy(colour)["steps"] == expected


@pytest.mark.parametrize("colour", TABLE)
def test_a_policy_reads_and_keeps_what_must_stay_true(colour: str) -> None:
    data = policy(colour)
    read = Policy.from_dict(data)
    assert read.name == colour
    assert read.help_climb_s == 120
    assert read.stages[0].stage.word == "received"
    assert Policy.from_dict(read.to_dict()) == read
    assert len(read.retry_backoff_s) >= read.max_attempts - 1


def test_there_are_no_other_policies() -> None:
    assert {file.stem for file in FOLDER.glob("*.toml")} == set(TABLE)
