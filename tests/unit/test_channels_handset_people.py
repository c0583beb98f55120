"""Simulated people: the same for the same seed, and as many of each kind as was asked for."""

import json
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from channels.sms.handset_sim.moods import Mood, Weather, read_overrides, read_weather
from channels.sms.handset_sim.people import (
    Behaviour,
    Draws,
    Person,
    Planned,
    Temper,
    behaviour_of,
    parse_mix,
    plan,
    refusal,
)

ROOT = Path(__file__).parents[2]
MIX = parse_mix({"ack": 0.85, "silent": 0.15})
TEMPER = Temper()


def phone(number: int) -> str:
    return f"+86138{number:08}"


def test_a_mix_is_kept_to() -> None:
    drawn = Counter(behaviour_of(7, phone(number), MIX) for number in range(20_000))
    assert drawn[Behaviour.SILENT] / 20_000 == pytest.approx(0.15, abs=0.01)
    assert set(drawn) == {Behaviour.ACK, Behaviour.SILENT}


def test_another_seed_is_another_city() -> None:
    one, other = ([behaviour_of(seed, phone(n), MIX) for n in range(500)] for seed in (7, 8))
    assert one != other
    assert one == [behaviour_of(7, phone(n), MIX) for n in range(500)]


def test_draws_are_the_same_in_another_process() -> None:
    script = (
        "from channels.sms.handset_sim.people import Draws\n"
        "print([Draws(7, 'a', 'b').uniform(i) for i in range(4)])"
    )
    for hash_seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", script]
        out = subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env=environment)
        assert json.loads(out.stdout) == [Draws(7, "a", "b").uniform(index) for index in range(4)]


def test_delays_have_the_median_and_the_spread_that_were_asked_for() -> None:
    delays = [Draws(7, str(number)).lognormal(1, 45.0, 0.8) for number in range(10_000)]
    quarters = statistics.quantiles(delays, n=4)
    assert quarters[1] == pytest.approx(45.0, rel=0.05)
    assert quarters[2] / quarters[1] == pytest.approx(1.715, rel=0.05)  # exp(0.8 × 0.6745)


def planned(behaviour: Behaviour, kind: str = "alert", temper: Temper = TEMPER) -> list[Planned]:
    return plan(Person(behaviour), kind, Draws(7, "x"), temper)


@pytest.mark.parametrize(
    ("behaviour", "statuses", "answers"),
    [
        (Behaviour.ACK, ["delivered"], 1),
        (Behaviour.DONE, ["delivered"], 1),
        (Behaviour.HELP, ["delivered"], 1),
        (Behaviour.AWAY, ["delivered"], 1),
        (Behaviour.WRONG, ["delivered"], 1),
        (Behaviour.SILENT, ["delivered"], 0),
        (Behaviour.DUPLICATE, ["delivered"], 1),
        (Behaviour.LATE, ["delivered"], 1),
        (Behaviour.OFF, [], 0),
        (Behaviour.UNREACHABLE, ["failed"], 0),
        (Behaviour.VANISHED, ["failed"], 0),
    ],
)
def test_what_comes_back(behaviour: Behaviour, statuses: list[str], answers: int) -> None:
    things = planned(behaviour)
    assert [thing.status for thing in things if thing.status] == statuses
    assert len([thing for thing in things if thing.text]) == answers
    assert all(thing.after_s > 0 for thing in things)
    assert {thing.times for thing in things} <= {2 if behaviour is Behaviour.DUPLICATE else 1}


@pytest.mark.parametrize("kind", ["confirmation", "digest", "correction", "all-clear", ""])
def test_only_alerts_and_reminders_are_answered(kind: str) -> None:
    """Whoever answered a confirmation would never stop."""
    assert [thing.text for thing in planned(Behaviour.ACK, kind)] == [""]
    assert planned(Behaviour.ACK, "reminder")[-1].text


def test_a_person_told_what_to_say_says_it() -> None:
    person = Person(Behaviour.SILENT, answer_s=10.0, text="2 35/40")
    receipt, reply = plan(person, "alert", Draws(7, "x"), Temper(speed=10.0))
    assert reply.text == "2 35/40"
    assert reply.after_s == pytest.approx(receipt.after_s + 1.0)


def test_speed_shortens_every_delay() -> None:
    slow, fast = planned(Behaviour.ACK), planned(Behaviour.ACK, temper=Temper(speed=100.0))
    assert [thing.after_s for thing in fast] == [
        pytest.approx(thing.after_s / 100) for thing in slow
    ]


def test_refusals() -> None:
    refused = {behaviour: refusal(Person(behaviour)) for behaviour in Behaviour}
    assert {behaviour: reason for behaviour, reason in refused.items() if reason} == {
        Behaviour.DEAD: "no-such-number",
        Behaviour.OPTED_OUT: "opted-out",
    }


@pytest.mark.parametrize(
    "shares", [{}, {"ack": 0}, {"ack": -1, "silent": 2}, {"pigeon": 1}, {"ack": float("nan")}]
)
def test_a_mix_that_makes_no_sense(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"mix|Behaviour"):
        parse_mix(shares)


def test_weather_counts_and_shares() -> None:
    weather = read_weather({"mode": "drop", "count": 2})
    assert [weather.mood_for(7, n, 1) for n in range(4)] == [
        Mood.DROP,
        Mood.DROP,
        Mood.OK,
        Mood.OK,
    ]
    partly = Weather(mood=Mood.HANG, share=0.1)
    hung = [n for n in range(10_000) if partly.mood_for(7, n, 1) is Mood.HANG]
    assert len(hung) == pytest.approx(1000, rel=0.15)
    assert hung == [n for n in range(10_000) if partly.mood_for(7, n, 1) is Mood.HANG]


def test_overrides_are_read() -> None:
    overrides = read_overrides([{"phone": "+861", "behaviour": "help", "answer_s": 0}])
    assert overrides["+861"].person == Person(Behaviour.HELP, answer_s=0.0)
