"""Doctor names a city whose people can be told by SMS and can't answer, or aren't understood."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alertd.cli.checkup_answers import early_findings, one_way_findings, witness_findings
from alertd.cli.findings import Health
from alertd.engine import receive
from alertd.model import MINUTE_MS
from alertd.settings import Settings
from channels.base import Presence
from tests.city import City

TWILIO = {"type": "twilio"}
KINDS = {"twilio": "", "handsets": "sms", "webhook": "chat", "wecom": "chat"}
KINDS |= {"twilio-voice": "voice"}


@pytest.mark.parametrize(
    ("routes", "city_code", "told"),
    [
        ({"abroad": TWILIO}, "330281", True),
        ({"abroad": TWILIO, "groups": {"type": "webhook"}}, "330281", True),
        ({"abroad": TWILIO, "calls": {"type": "twilio-voice"}}, "330281", True),
        ({"abroad": TWILIO, "drills": {"type": "handsets", "carries": ["Test"]}}, "330281", True),
        ({"abroad": TWILIO, "phones": {"type": "handsets"}}, "330281", False),
        ({"abroad": TWILIO | {"numbers": ["+8613"]}}, "330281", True),
        ({"abroad": TWILIO | {"numbers": ["+8"]}}, "330281", True),
        ({"abroad": TWILIO | {"numbers": ["+1", "+49"]}}, "330281", False),
        (
            {"abroad": TWILIO, "far": {"type": "handsets", "numbers": ["+49"]}},
            "330281",
            True,
        ),
        ({"abroad": TWILIO, "robot": {"type": "wecom"}}, "330281", True),
        ({"abroad": TWILIO, "new": {"type": "modem-of-another-day"}}, "330281", False),
        ({"abroad": TWILIO}, "81", False),
        ({"groups": {"type": "webhook"}}, "330281", False),
        ({}, "330281", False),
    ],
)
def test_twilio_alone_in_mainland_china(routes: Any, city_code: str, *, told: bool) -> None:
    channels = {name: KINDS.get(route["type"], "") for name, route in routes.items()}
    found = one_way_findings(Settings(routes=routes, city_code=city_code), channels)
    assert bool(found) is told
    for finding in found:
        assert finding.health is Health.BROKEN
        assert "+86" in finding.detail


@pytest.mark.parametrize(
    ("minutes_behind", "quick", "later", "named"),
    [(3, 10, 0, True), (3, 9, 0, False), (0, 10, 0, False), (3, 10, 91, False)],
)
def test_a_clock_by_which_people_answer_before_they_are_told(
    tmp_path: Path, minutes_behind: int, quick: int, later: int, *, named: bool
) -> None:
    city = City(tmp_path)
    city.issue()
    phones = sorted({message.address for message in city.sent if message.address.startswith("+")})
    city.forward(seconds=20)
    for number in range(quick + later):
        wrote_at = city.now - (minutes_behind * MINUTE_MS if number < quick else 0)
        city.reply(phones[number], "1", occurred_at=wrote_at)
    with city.store.read() as connection:
        found = list(early_findings(connection, city.now))
        assert [finding.health for finding in found] == [Health.LOOK] * named
        assert not named or "10 of the last hour's 10 replies on sms-1" in found[0].detail
        assert not list(early_findings(connection, city.now + 61 * MINUTE_MS))


@pytest.mark.parametrize(
    ("clocks", "named"),
    [
        ({"clock-ahead": 3, "": 3}, "3 of 6"),
        ({"clock-behind": 3}, "3 of 3"),
        ({"clock-ahead": 3, "": 4}, ""),
        ({"clock-ahead": 2}, ""),
        ({"clock-ahead": 2, "clock-behind": 2}, ""),
    ],
)
def test_loudspeakers_are_witnesses_of_this_machines_clock(
    tmp_path: Path, clocks: dict[str, int], named: str
) -> None:
    city = City(tmp_path)
    each = [fault for fault, count in clocks.items() for _ in range(count)]
    told = [
        Presence(terminal=f"LS{number:06}", online=True, fault=fault)
        for number, fault in enumerate(each, start=1)
    ]
    told.append(Presence(terminal="LS000099", online=False, fault="clock-ahead"))
    city.take(partial(receive.events, route="speakers", came=told))
    with city.store.read() as connection:
        found = list(witness_findings(connection))
    assert [finding.health for finding in found] == [Health.BROKEN] * bool(named)
    assert all(named in finding.detail for finding in found)
