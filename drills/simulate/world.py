"""The world around the engine: takes what leaves, and brings back what comes of it in time.

Nothing here decides anything of alertd's: it has moments, and at each the engine's inputs of it.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from alertd.decide.plan import Route
from alertd.engine import receive
from alertd.engine.core import Handover, Input
from alertd.engine.settling import Settlement
from alertd.model import Channel, Millis
from alertd.store.scratch import address_of, made_up
from channels.base import (
    Event,
    Fault,
    Outcome,
    Outgoing,
    Receipt,
    ReceiptStatus,
    Reply,
)
from drills.simulate.census import Census
from drills.simulate.dice import Dice
from drills.simulate.gateways import Gateway
from drills.simulate.losses import PHONES, SPEAKERS, Losses
from drills.simulate.people import Crowd, Said
from drills.simulate.scenario import Scenario

_TRANSIT_MS: Final = 800  # from a gateway to a phone
_AFTER_OUTAGE_MS: Final = 60_000  # phones come back over a minute
_TWICE_MS: Final = 60_000  # a gateway repeats a callback that it holds for lost


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer that was brought to the engine."""

    at: Millis
    said: Said
    key: str


@dataclass(slots=True)
class World:
    """The world of one night.

    Args:
        scenario: How it is.
        census: Who is where.
        dice: Of this night.
        routes: The engine's routes.
        losses: What fails.
    """

    scenario: Scenario
    census: Census
    dice: Dice
    routes: dict[str, Route]
    losses: Losses
    crowd: Crowd = field(init=False)
    gateways: dict[str, Gateway] = field(init=False)
    heard: list[Heard] = field(default_factory=list)
    _agenda: list[tuple[Millis, int, str, Any]] = field(default_factory=list)
    _order: int = 0
    _replies: int = 0

    def __post_init__(self) -> None:
        self.crowd = Crowd(self.scenario, self.census, self.dice)
        self.gateways = {
            name: Gateway(route, self.scenario.quality(name, route.channel.word), self.dice)
            for name, route in self.routes.items()
        }

    # The engine's side.

    def next_at(self) -> Millis | None:
        """When anything comes next."""
        return self._agenda[0][0] if self._agenda else None

    def due(self, now: Millis) -> list[Input]:
        """What has come by now, as the engine takes it: tries first, then words, by route."""
        ended: dict[str, list[Outcome]] = {}
        came: dict[str, list[Event]] = {}
        while self._agenda and self._agenda[0][0] <= now:
            _, _, route, what = heapq.heappop(self._agenda)
            if isinstance(what, Outcome):
                ended.setdefault(route, []).append(what)
            elif isinstance(what, Said):
                came.setdefault(route, []).append(self._reply(what, route, now))
            elif isinstance(what, Reply):
                came.setdefault(route, []).append(what)
            else:
                came.setdefault(route, []).append(what)
        inputs: list[Input] = [Settlement(route, tries) for route, tries in ended.items()]
        inputs += [
            partial(receive.events, route=route, came=words) for route, words in came.items()
        ]
        return inputs

    def crash(self, until: Millis) -> None:
        """We died: tries under way say nothing more, and what comes back waits at the gateways."""
        kept = [each for each in self._agenda if not isinstance(each[3], Outcome)]
        self._agenda = [(max(at, until), order, route, what) for at, order, route, what in kept]
        heapq.heapify(self._agenda)

    def take(self, handover: Handover, now: Millis) -> None:
        """Messages leave."""
        route = handover.route
        for unmade in handover.unmade:
            self._put(now, route, unmade)
        away = self.losses.route_back_at(route, now) is not None
        for message in handover.messages:
            self._take(route, message, now, away=away)

    # What becomes of a message.

    def _take(self, route: str, message: Outgoing, now: Millis, *, away: bool) -> None:
        gateway = self.gateways[route]
        address = address_of(message.address)
        dead = bool(address) and self.crowd.is_dead(address)
        knows = dead and self.dice.happens(self.scenario.phones.told_dead, "told-dead", address)
        fate = gateway.try_(message, now, away=away, dead=knows)
        self._put(fate.ends_at, route, Outcome(message.delivery, message.attempt, fate.result))
        if fate.went_at is None:
            return
        if gateway.route.channel is Channel.LOUDSPEAKER:
            self._plays(gateway, message, fate.went_at)
        elif address and (dead or gateway.is_undelivered(message)):
            fault = Fault.DEAD if dead else None
            self._fails_later(gateway, message, fate.went_at, fault)
        elif address:
            self._travels(gateway, message, address, fate.went_at)

    def _fails_later(
        self, gateway: Gateway, message: Outgoing, at: Millis, fault: Fault | None
    ) -> None:
        said_at = gateway.receipt_at(message, at)
        if said_at is not None:
            word = self._word(message, ReceiptStatus.FAILED, fault=fault, code="undelivered")
            self._put(said_at, gateway.route.name, word)

    def _travels(self, gateway: Gateway, message: Outgoing, address: int, at: Millis) -> None:
        """To a phone, which may be out of reach for a while, or off."""
        person = self._reader(message, address)
        arrives = self._arrival(person, address, at + _TRANSIT_MS)
        if arrives is None:
            return
        voice = gateway.route.channel is Channel.VOICE
        said_at = gateway.receipt_at(message, arrives)
        if said_at is not None:
            self._receipts(gateway, message, said_at, ReceiptStatus.DELIVERED)
        channel = "voice" if voice else "sms"
        where = self.census.people.get(person)
        for said in self.crowd.reads(
            person, address, message.delivery, message.kind, channel, arrives
        ):
            leaves = self._leaves(said, where.path if where else "")
            self._put(self._reaches(gateway.route.name, leaves), gateway.route.name, said)

    def _reader(self, message: Outgoing, address: int) -> int:
        """Who reads it: of those who share a phone one, by chance."""
        behind = self.census.behind.get(address, ())
        if len(behind) <= 1:
            return behind[0] if behind else 0
        return behind[int(self.dice.share("shared", message.delivery) * len(behind))]

    def _arrival(self, person: int, address: int, at: Millis) -> Millis | None:
        if self.crowd.is_off(address, at):
            return None
        who = self.census.people.get(person)
        back = self.losses.back_at(PHONES, who.path, at) if who else None
        if back is None:
            return at
        kept_ms = self.scenario.phones.kept_min * 60_000
        return None if back - at > kept_ms else back + self._spread("arrives", address)

    def _leaves(self, said: Said, path: str) -> Millis:
        """When a reply gets out of the area that its writer is in."""
        back = self.losses.back_at(PHONES, path, said.at)
        return said.at if back is None else back + self._spread("leaves", said.address)

    def _reaches(self, route: str, at: Millis) -> Millis:
        """When a route's gateway can bring it to us."""
        back = self.losses.route_back_at(route, at)
        return at if back is None else back + 1_000

    def _spread(self, *name: object) -> Millis:
        return round(self.dice.share(*name) * _AFTER_OUTAGE_MS)

    def _reply(self, said: Said, route: str, now: Millis) -> Reply:
        self._replies += 1
        key = f"s{self._replies}"
        self.heard.append(Heard(now, said, key))
        reply = Reply(
            gateway_id=key, sender=self._sender(said), text=said.text, occurred_at=min(said.at, now)
        )
        if self.dice.happens(self.scenario.phones.double, "double", said.person, key):
            self._put(now + _TWICE_MS, route, reply)
        return reply

    def _sender(self, said: Said) -> str:
        return made_up(said.address)

    # Loudspeakers and receipts.

    def _plays(self, gateway: Gateway, message: Outgoing, at: Millis) -> None:
        path = self.census.speakers.get(message.address, "")
        speakers = self.scenario.speakers
        offline = self.dice.happens(speakers.offline, "offline", message.address)
        if offline or self.losses.back_at(SPEAKERS, path, at) is not None:
            return
        said_at = gateway.receipt_at(message, at)
        if said_at is None:
            return
        self._receipts(gateway, message, said_at, ReceiptStatus.DELIVERED)
        if message.stop:
            return
        ends = said_at + round(speakers.play_s * 1000)
        broken = self.dice.happens(speakers.partial, "partial", message.address)
        cut = self.losses.back_at(SPEAKERS, path, ends) is not None
        status = ReceiptStatus.INTERRUPTED if broken or cut else ReceiptStatus.PLAYED
        self._put(ends, gateway.route.name, self._word(message, status, detail="2/2"))

    def _receipts(
        self, gateway: Gateway, message: Outgoing, at: Millis, status: ReceiptStatus
    ) -> None:
        word, route = self._word(message, status), gateway.route.name
        at = self._reaches(route, at)
        self._put(at, route, word)
        if gateway.is_doubled(message):
            self._put(at + _TWICE_MS, route, word)

    def _word(self, message: Outgoing, status: ReceiptStatus, **more: Any) -> Receipt:
        return Receipt(delivery=message.delivery, attempt=message.attempt, status=status, **more)

    def _put(self, at: Millis, route: str, what: Any) -> None:
        """Write something down for its moment; while we are away it waits until we are back."""
        back = None if isinstance(what, Outcome) else self.losses.node_back_at(at)
        self._order += 1
        heapq.heappush(self._agenda, (at if back is None else back, self._order, route, what))


def outcomes(inputs: Sequence[Input]) -> list[Outcome]:
    """The tries that end with these inputs."""
    return [each for item in inputs if isinstance(item, Settlement) for each in item.ended]


def words(inputs: Sequence[Input]) -> list[Receipt]:
    """The receipts that come with these inputs."""
    came = [item.keywords.get("came", ()) for item in inputs if isinstance(item, partial)]
    return [event for events in came for event in events if isinstance(event, Receipt)]
