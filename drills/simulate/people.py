"""What people do with a message that has arrived: notice it or not, and answer in their time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from alertd.model import MINUTE_MS, Millis, Stage
from drills.simulate.census import Census, Person
from drills.simulate.dice import Dice
from drills.simulate.scenario import People, Scenario, local_hour

ASKING: Final = frozenset({"alert", "reminder", "shift", "takeover", "voice_call"})
"""The kinds of message that people answer."""

_NIGHT: Final = (22, 6)
_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "received": ("1", "收到", "好的"),
    "done": ("2 35", "完成", "已转移"),
    "on_post": ("4", "已到岗"),
    "help": ("3 水进屋了", "求助"),
    "unavailable": ("0", "不在岗"),
    "unclear": ("收到吗", "开会中稍后联系"),
}
COVERS: Final[Mapping[str, tuple[Stage, ...]]] = {
    "received": (Stage.RECEIVED,),
    "on_post": (Stage.RECEIVED, Stage.ON_POST),
    "done": (Stage.RECEIVED, Stage.ON_POST, Stage.DONE),
    "help": (),
    "unavailable": (),
    "unclear": (),
}
"""What an answer counts for: DOMAIN's reply grammar, said here again to hold the engine against."""


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody answers, and when it leaves their phone."""

    at: Millis
    person: int
    address: int
    meaning: str
    text: str
    by_key: bool = False  # pressed in a call


@dataclass(slots=True)
class Crowd:
    """The people of one night.

    Args:
        scenario: How they are.
        census: Who they are.
        dice: Of this night.
    """

    scenario: Scenario
    census: Census
    dice: Dice
    answered: set[int] = field(default_factory=set)
    _dead: dict[int, bool] = field(default_factory=dict)

    def is_dead(self, address: int) -> bool:
        """Whether a number doesn't exist any more."""
        known = self._dead.get(address)
        if known is None:
            known = self.dice.happens(self.scenario.phones.dead, "dead", address)
            self._dead[address] = known
        return known

    def is_off(self, address: int, at: Millis) -> bool:
        """Whether a phone is switched off; whoever has it off has it off all day, or all night."""
        phones = self.scenario.phones
        hour = local_hour(at, self.scenario.start)
        share = phones.off_night if _within(_NIGHT, hour) else phones.off_day
        return share > 0 and self.dice.kept_share("off", address) < share

    def reads(
        self, person: int, address: int, delivery: int, kind: str, channel: str, at: Millis
    ) -> Iterator[Said]:
        """A message has arrived: the answers to it, if any."""
        if kind not in ASKING:
            return
        if person in self.answered and not self._answers_again(person):
            return
        who = self.census.people.get(person)
        rule = self._rule(who, channel, at) if who else None
        if rule is None or not self.dice.happens(rule.notices, "notices", delivery):
            return
        delay = self.dice.after_s(rule.median_s, rule.spread, "delay", delivery)
        meaning = self.dice.pick(rule.says, "says", person) or "received"
        if channel == "voice" and meaning not in _KEYS:
            meaning = "received"
        self.answered.add(person)
        said = self._said(person, address, meaning, at + round(delay * 1000), delivery, channel)
        yield said
        yield from self._reports(said)

    def _answers_again(self, person: int) -> bool:
        again = self.scenario.phones.again
        return again > 0 and self.dice.kept_share("again", person) < again

    def _rule(self, who: Person, channel: str, at: Millis) -> People | None:
        hour = local_hour(at, self.scenario.start)
        rules = self.scenario.people
        return next((r for r in rules if fits(r, who.roles, who.rank, channel, hour)), None)

    def _said(
        self, person: int, address: int, meaning: str, at: Millis, delivery: int, channel: str
    ) -> Said:
        if channel == "voice":
            return Said(at, person, address, meaning, _KEYS[meaning], by_key=True)
        texts = _TEXTS[meaning]
        text = texts[int(self.dice.share("text", delivery) * len(texts))]
        return Said(at, person, address, meaning, text)

    def _reports(self, said: Said) -> Iterator[Said]:
        """Whoever received it reports later that it is done."""
        phones = self.scenario.phones
        if said.meaning not in {"received", "on_post"} or said.by_key:
            return
        if not self.dice.happens(phones.reports, "reports", said.person):
            return
        minutes = self.dice.after_s(phones.report_median_min, 0.5, "report", said.person)
        at = said.at + round(minutes * MINUTE_MS)
        yield Said(at, said.person, said.address, "done", "2 12")


_KEYS: Final[Mapping[str, str]] = {"received": "1", "help": "3", "unavailable": "0"}


def fits(rule: People, roles: frozenset[str], rank: int, channel: str, hour: int) -> bool:
    """Whether a rule is about somebody who is told at that hour by that channel.

    Args:
        rule: The rule.
        roles: All that they hold.
        rank: Theirs; 0: any.
        channel: How they are told.
        hour: On their clock.
    """
    return (
        (not rule.roles or not roles.isdisjoint(rule.roles))
        and (rule.rank in {0, rank} or not rank)
        and _within(rule.hours, hour)
        and rule.channel in {"", channel}
    )


def _within(hours: tuple[int, int], hour: int) -> bool:
    first, last = hours
    return first <= hour < last if first < last else hour >= first or hour < last
