"""Peers in each of which a trap waits: a broker, a carrier, a modem, and groups' robots."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tests.acceptance.background import Background
from tests.acceptance.peers import Groups, Loudspeakers, Peer
from tests.contract.mqtt_brokers import Mosquitto
from tests.contract.mqtt_world import forgetful
from tests.contract.robot_platforms import DingTalkStub
from tests.contract.smpp_smsc import NUMBERS_TLV, OUR_NUMBER, Smsc, Submit, receipt_text


class Robots(DingTalkStub):
    """DingTalk, with the sample city's groups and secret."""

    secret: ClassVar = Groups.SECRET
    tokens: ClassVar = r"[0-9-]{17,}"


@dataclass
class Traps:
    """All of them, started; see the module.

    Args:
        folder: For logs.
        stack: Ends them.
    """

    folder: Path
    stack: ExitStack
    background: Background = field(default_factory=Background)

    def __post_init__(self) -> None:
        self.stack.callback(self.background.stop)
        self.carrier = Smsc(self.folder / "smsc.jsonl")
        self._begin(self.carrier.start(), self.carrier.kill)
        self.robots = Robots()
        self._begin(self.robots.start(), self.robots.stop)
        self.modem = Peer("channels.sms.modem_sim", self.folder, "modem")
        self.modem.start("--links", str(self.folder / "tty"), "--reports", "manual")
        self.stack.callback(self.modem.stop)
        self._open = AsyncExitStack()
        self.broker = self.background.run(self._broker())
        self.stack.callback(lambda: self.background.run(self._open.aclose()))
        self.loudspeakers = Loudspeakers(self.folder)
        self.stack.callback(self.loudspeakers.stop)

    def _begin(self, start: Any, end: Callable[[], Any]) -> None:
        self.background.run(start)
        self.stack.callback(lambda: self.background.run(end()))

    async def _broker(self) -> Mosquitto:
        """One that confirms at once and saves every half hour, as Mosquitto does by default."""
        settings = ("autosave_interval 1800",)
        kind = await self._open.enter_async_context(forgetful(self.folder, *settings))
        return await self._open.enter_async_context(kind.running(self.folder / "broker"))

    @property
    def routes(self) -> dict[str, dict[str, Any]]:
        """The city's ways out, as settings."""
        return {
            "carrier": {
                "type": "smpp",
                "host": "127.0.0.1",
                "port": self.carrier.port,
                "system_id": "alertd",
                "password": "s3cr3t-p",
                "source": OUR_NUMBER,
                "window": 20,
                "reference_tlv": NUMBERS_TLV,
                "rate_per_s": 200.0,
                "timeout_s": 5.0,
            },
            "modem": {
                "type": "modems",
                "modems": {"m1": {"device": self.modem.ready["devices"][0]}},
                "in_flight": 1,
            },
            "robots": {"type": "dingtalk", "base_url": self.robots.url, "timeout_s": 5.0},
            "loudspeakers": {"type": "mqtt", "broker": self.broker.address.url, "timeout_s": 5.0},
        }

    @property
    def group_url(self) -> str:
        """A group's robot, for the roster."""
        return f"{self.robots.url}/robot/send?access_token={{group_id}}"

    # The traps.

    def loudspeakers_listen(self, names: Collection[str], key: str) -> None:
        """All of them connect; returns when they are online."""
        self.loudspeakers.open(
            self.broker.terminal_url, key, dict.fromkeys(names, "ok"), speed=200.0, keepalive_s=15
        )

    def the_broker_is_killed(self) -> None:
        """kill -9, and back: what it had confirmed it has no more."""
        self.background.run(self.broker.kill())
        self.background.run(self.broker.back())

    def the_carrier_hangs_after_a_submit_to(self, phones: Collection[str]) -> None:
        """It takes what goes there, and never answers."""
        for phone in phones:
            self.background.run(self.carrier.hold(phone.lstrip("+")))

    def the_modem_counts_from(self, reference: int) -> None:
        """As if it had sent as many parts meanwhile."""
        self.modem.post("/control/next", {"modem": "m1", "reference": reference})

    def the_carrier_reports(self, submits: Sequence[Submit], *, times: int = 1) -> None:
        """That these parts have arrived: each so many times."""

        async def report() -> None:
            for submit in [each for each in submits for _ in range(times)]:
                text = receipt_text(submit.message_id, "DELIVRD")
                tlvs = {NUMBERS_TLV: submit.tlvs[NUMBERS_TLV]}
                told = self.carrier.deliver(
                    submit.number, text, esm_class=0x04, coding=0, tlvs=tlvs
                )
                assert await told == 0

        self.background.run(report())

    def the_carrier_refuses_us(self) -> None:
        """Our number isn't ours any more (0x0a): from now on the modem is the only way."""
        self.background.run(self.carrier.refuse(0x0A))

    def the_modem_reports(self, phone: str, *, times: int = 1) -> None:
        """That what went there last has arrived."""
        assert self.modem.post("/control/reports", {"to": phone, "times": times})["touched"]

    def a_reply_comes_to_the_modem(self, phone: str, text: str) -> None:
        """Somebody writes back."""
        wanted = {"modem": "m1", "from": phone, "text": text}
        assert self.modem.post("/control/receive", wanted)["touched"] == 1

    # What they wrote down.

    def by_carrier(self) -> dict[tuple[int, int], list[Submit]]:
        """The parts that the carrier has of each try: (delivery, attempt)."""
        found: dict[tuple[int, int], list[Submit]] = defaultdict(list)
        for submit in self.carrier.submits():
            delivery, attempt, *_ = submit.numbers
            found[delivery, attempt].append(submit)
        return found

    def by_modem(self) -> dict[str, list[dict[str, Any]]]:
        """The parts that the modem sent to each phone."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for line in self.modem.log.lines("message", taken=True):
            found[line["to"]].append(line)
        return found

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every whole text that reached a phone, by whatever way, its parts joined as it does."""
        for parts in self.by_carrier().values():
            yield f"+{parts[0].number}", joined((part.header, part.text) for part in parts)
        for phone, lines in self.by_modem().items():
            several: dict[Any, list[tuple[bytes, str]]] = defaultdict(list)
            for number, line in enumerate(lines):
                reference, _, place = line["part"] or (f"alone-{number}", 1, 1)
                several[reference].append((bytes([place]), line["text"]))
            yield from ((phone, joined(parts)) for parts in several.values())


def joined(parts: Any) -> str:
    """A text of parts in any order; the last octet of a header is the part's place."""
    return "".join(text for _, text in sorted(parts, key=lambda part: part[0][-1:]))
