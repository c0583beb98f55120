"""The internet goes in the middle of a red alert: what is in the city goes on."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.background import Background
from tests.acceptance.conftest import StartCity
from tests.acceptance.internet import Internet
from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.peers import Peer
from tests.acceptance.within import within
from tests.contract.smpp_smsc import OUR_NUMBER as CARRIERS_NUMBER
from tests.contract.smpp_smsc import Smsc
from tests.contract.twilio_stub import ACCOUNT, OUR_NUMBER, TOKEN, TwilioStub

FAILOVER_S = 30.0
MARK = "(重发)"
BEFORE_THE_CUT = 40  # messages; some three hundred are still to go
IN_FLIGHT = 20  # at most, whose fate is unknown; they are sent again after the grace


@dataclass
class Outside:
    """Twilio and the groups' platform beyond the internet; a carrier and two modems in town.

    Args:
        folder: For logs.
        stack: Ends all of it.
    """

    folder: Path
    stack: ExitStack
    background: Background = field(default_factory=Background)

    def __post_init__(self) -> None:
        self.stack.callback(self.background.stop)
        self.cloud = TwilioStub()
        self.begin(self.cloud.start(), self.cloud.stop)
        self.ways_out = [self.way(self.cloud.port), self.way(0)]
        self.carrier = Smsc(self.folder / "smsc.jsonl")
        self.begin(self.carrier.start(), self.carrier.kill)
        self.modems = Peer("channels.sms.modem_sim", self.folder, "modems")
        self.modems.start("--links", str(self.folder / "tty"), "--modems", "2")
        self.stack.callback(self.modems.stop)

    def begin(self, start: Any, end: Callable[[], Any]) -> None:
        self.background.run(start)
        self.stack.callback(lambda: self.background.run(end()))

    def way(self, port: int) -> Internet:
        """A way through the internet."""
        made = Internet(port)
        self.begin(made.start(), made.stop)
        return made

    def cut(self) -> None:
        for way in self.ways_out:
            self.background.run(way.cut())

    def mend(self) -> None:
        for way in self.ways_out:
            self.background.run(way.mend())

    @property
    def routes(self) -> dict[str, dict[str, Any]]:
        quick = {"timeout_s": 5.0}
        modems = {
            name: {"device": device, "connection": "at115200"}
            for name, device in zip(("m1", "m2"), self.modems.ready["devices"], strict=True)
        }
        return {
            "cloud": {
                **quick,
                "type": "twilio",
                "account_sid": ACCOUNT,
                "auth_token": TOKEN,
                "from": OUR_NUMBER,
                "rate_per_s": 20.0,
                "burst": 5,
                "in_flight": 20,
                "base_url": f"http://127.0.0.1:{self.ways_out[0].port}",
            },
            "carrier": {
                **quick,
                "type": "smpp",
                "rank": 2,
                "host": "127.0.0.1",
                "port": self.carrier.port,
                "system_id": "alertd",
                "password": "s3cr3t-p",
                "source": CARRIERS_NUMBER,
                "rate_per_s": 20.0,
                "burst": 5,
                "dest_ton": 1,
                "dest_npi": 1,
            },
            "modems": {"type": "modems", "rank": 2, "modems": modems, "in_flight": 2},
        }

    def copies(self) -> dict[str, list[str]]:
        """Every text that reached a phone, by whatever way."""
        found: dict[str, list[str]] = {}
        for made in list(self.cloud.made):
            found.setdefault(made.form["To"], []).append(made.form["Body"])
        for submit in self.carrier.submits():
            found.setdefault(f"+{submit.number}", []).append(submit.text)
        for line in self.modems.log.lines("message", taken=True):
            found.setdefault(line["to"], []).append(line["text"])
        return found

    def ways(self) -> tuple[int, int, int]:
        """How many messages each way has taken: the cloud, the carrier, the modems."""
        by_modem = self.modems.log.lines("message", taken=True)
        return len(self.cloud.made), len(self.carrier.submits()), len(by_modem)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    with ExitStack() as stack:
        yield Outside(tmp_path, stack)


@pytest.mark.timeout(240)
def test_the_internet_is_cut_in_the_middle_of_a_red_alert(
    living_city: StartCity, outside: Outside
) -> None:
    city = living_city(
        gateways={},
        routes=outside.routes,
        policy={"unknown_grace_s": 5.0},
        group_url=f"http://127.0.0.1:{outside.ways_out[1].port}/groups/{{group_id}}",
    )
    outside.ways_out[1].to = city.groups.ready["port"]
    alert = city.issue("typhoon", "red", roles=["grid_leader", "building_lead"])
    within(that=lambda: len(outside.cloud.made) >= BEFORE_THE_CUT)
    outside.cut()
    cut_at = time.monotonic()
    on_the_way = {made.form["To"] for made in outside.cloud.made}

    others = people(city) - on_the_way
    within(FAILOVER_S, that=lambda: still_untold(others, outside) <= IN_FLIGHT)
    within(that=lambda: not still_untold(others, outside), why="those whose fate is unknown")
    took_s = time.monotonic() - cut_at
    assert route(city, "cloud")["open"]
    assert outside.ways()[1] > IN_FLIGHT, f"the carrier took over in {took_s:.0f} s"
    during = city.issue("flood", "orange", roles=["grid_leader"])
    loudspeakers_go_on(city, alert, during)
    within(that=lambda: chat(during) == {"unknown"})

    outside.mend()
    everywhere = set(city.roll.groups)
    within(that=lambda: {text["group"] for text in during.group_texts()} == everywhere)
    no_second_copy_is_without_its_mark(outside, alert)
    no_second_copy_is_without_its_mark(outside, during)


def people(city: LivingCity) -> set[str]:
    """The phones of those who are told first."""
    roles = ("grid_leader", "building_lead")
    return {holder.phone for role in roles for holder in city.roll.of(role, rank=1)}


def still_untold(phones: set[str], outside: Outside) -> int:
    return len(phones - outside.copies().keys())


def route(city: LivingCity, name: str) -> dict[str, Any]:
    (found,) = [each for each in city.get("/api/v1/routes") if each["name"] == name]
    return dict(found)


def loudspeakers_go_on(city: LivingCity, *alerts: Alert) -> None:
    everywhere = set(city.roll.loudspeakers)
    for alert in alerts:
        within(that=lambda alert=alert: heard(alert) == everywhere)


def heard(alert: Alert) -> set[str]:
    return {s["terminal_id"] for s in alert.speakers() if s["delivery"] == "delivered"}


def chat(alert: Alert) -> set[str]:
    """The states of what went to chat groups."""
    (found,) = [c for c in alert.board()["board"]["channels"] if c["channel"] == "chat"]
    return {state for state, n in found["states"].items() if n}


def no_second_copy_is_without_its_mark(outside: Outside, alert: Alert) -> None:
    """Of an alert's text a phone or a group has one without the mark at most."""
    for phone, texts in outside.copies().items():
        plain = Counter(text for text in texts if alert.code in text and MARK not in text)
        assert max(plain.values(), default=0) <= 1, (phone[-2:], plain)
    for group in alert.city.roll.groups:
        texts = [text["text"] for text in alert.group_texts(group=group)]
        plain = Counter(text for text in texts if MARK not in text)
        assert max(plain.values(), default=0) <= 1, (group, plain)
