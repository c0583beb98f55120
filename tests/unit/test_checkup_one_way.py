"""Doctor names a city whose people can be told by SMS and can't answer."""

from typing import Any

import pytest

from alertd.cli.checkup_answers import one_way_findings
from alertd.cli.findings import Health
from alertd.settings import Settings

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
