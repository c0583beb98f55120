"""The simulated terminals: the same seed, the same failings; wrong arguments are told."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from channels.loudspeaker.terminal_world import DEFAULT_MIX, Behaviour, behaviour_of, read_mix

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "channels.loudspeaker.terminal_sim", *arguments]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ALERTD_")}
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
        env=environment,
    )


def test_a_seed_makes_the_same_city_whatever_its_size() -> None:
    first = {f"t{n}": behaviour_of(f"t{n}", 7, DEFAULT_MIX) for n in range(300)}
    assert {f"t{n}": behaviour_of(f"t{n}", 7, DEFAULT_MIX) for n in reversed(range(300))} == first
    assert {f"t{n}": behaviour_of(f"t{n}", 8, DEFAULT_MIX) for n in range(300)} != first


def test_shares_are_kept() -> None:
    drawn = Counter(behaviour_of(f"t{n}", 7, DEFAULT_MIX) for n in range(10_000))
    for behaviour, share in DEFAULT_MIX.items():
        assert drawn[behaviour] / 10_000 == pytest.approx(share, abs=0.01)


def test_a_mix_is_read() -> None:
    assert read_mix('{"ok": 1, "power-lost": 0.5}') == {
        Behaviour.OK: 1.0,
        Behaviour.POWER_LOST: 0.5,
    }


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"ok": -1}', '{"ok": 0}', '{"cheerful": 1}', '{"ok": "x"}']
)
def test_what_is_no_mix(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_mix(text)


KEY = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--count", "1", "--verify-key", KEY], "not an mqtt"),
        (
            ["--count", "1", "--verify-key", "x", "--broker", "mqtt://h"],
            "not an Ed25519 public key",
        ),
        (["--verify-key", KEY, "--broker", "mqtt://h"], "one of the arguments"),
        (["--count", "1", "--verify-key", KEY, "--broker", "mqtt://h", "--speed", "0"], "--speed"),
        (["--terminals", "/nowhere", "--verify-key", KEY, "--broker", "mqtt://h"], "/nowhere"),
    ],
)
def test_wrong_arguments_are_told(arguments: list[str], told: str) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_id_that_no_topic_can_hold_is_told(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("t1\nt/2,ok\n")
    listing = ["--terminals", str(tmp_path / "list")]
    ended = run(*listing, "--verify-key", KEY, "--broker", "mqtt://h")
    assert (ended.returncode, "other characters" in ended.stderr) == (2, True)


def test_a_broker_that_is_away_is_said_and_waited_for() -> None:
    command = [sys.executable, "-m", "channels.loudspeaker.terminal_sim", "--count", "2"]
    command += ["--broker", "mqtt://127.0.0.1:1", "--verify-key", KEY, "--patience-s", "0.1"]
    with subprocess.Popen(
        [*command, "--until-eof"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert process.poll() is None
        process.communicate()
    assert ready == {"ready": True, "terminals": 2, "online": 0}
    assert process.returncode == 0


def test_it_ends_with_a_stdin_that_is_nothing() -> None:
    arguments = ["--count", "1", "--broker", "mqtt://127.0.0.1:1", "--verify-key", KEY]
    assert run(*arguments, "--until-eof").returncode == 0
