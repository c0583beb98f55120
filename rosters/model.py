"""What a roster consists of, as plain values. Nothing here does I/O.

Names, phone numbers, chat ids and secrets stay out of every repr. Codes and ids are text and are
never padded or read as numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, timezone

from rosters.shifts import covers, minutes_of
from rosters.words import Level

# Dates in a roster are dates in China, which has had no summer time since 1991.
CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Unit:
    """A node of the hierarchy.

    Args:
        code: Area code: 330281, 330281001, 330281001001, then a suffix for grids and stairwells.
        official_code: The official grid code where it is another one, else "".
        name: As people call it.
        level: Its place in the hierarchy.
        parent_code: Code of the unit above; "" for the root only.
    """

    code: str
    official_code: str
    name: str
    level: Level
    parent_code: str


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """What a report needs to know of a unit; None where the roster doesn't say."""

    households: int | None = None
    vulnerable: int | None = None  # people who need help to move
    should_transfer: int | None = None  # 应转: people who have to be moved
    shelter: str = ""  # where to


NO_FACTS = UnitFacts()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who holds duties, and how to reach them.

    Args:
        person_id: The office's own id; never a phone number.
        name: Full name.
        language: `zh-CN` or `en`.
        party_member: Whether the role `party_member` comes with the person.
        phones: E.164, the first one first; at most two.
        short_phone: 5–6 digits of a group's own short numbers, dialled by hand, or "".
        chat_id: The id by which a chat platform mentions them, or "".
        channels: How they may be reached, keys of `words.CHANNELS`, in order of preference.
    """

    person_id: str
    name: str = field(repr=False)
    language: str = "zh-CN"
    party_member: bool = False
    phones: tuple[str, ...] = field(default=(), repr=False)
    short_phone: str = field(default="", repr=False)
    chat_id: str = field(default="", repr=False)
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """One person's part in one duty; a duty is a post in a unit.

    Args:
        person_id: Who.
        unit_code: Where.
        post: A key of `words.ROLES` where the post is a known one, else the file's own word.
        rank: 1 the principal, 2… the alternates in order.
        roles: By which the holding is selected, sorted; the post's own role included.
        on_duty_from: HH:MM, the city's time; with `on_duty_to` both "" where always on duty.
        on_duty_to: HH:MM; a shift may pass midnight.
        verified_at: Midnight (China) of the day it was last verified, ms; None where not said.
        note: Free text.
    """

    person_id: str
    unit_code: str
    post: str
    rank: int = 1
    roles: tuple[str, ...] = ()
    on_duty_from: str = ""
    on_duty_to: str = ""
    verified_at: int | None = None
    note: str = field(default="", repr=False)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes a holding one: unit, post, person, start of the shift."""
        return (self.unit_code, self.post, self.person_id, self.on_duty_from)

    def on_duty(self, minute: int) -> bool:
        """Whether the shift covers a minute of the city's day; the end itself isn't covered."""
        shift = minutes_of(self.on_duty_from), minutes_of(self.on_duty_to)
        return covers(*shift, minute)


@dataclass(frozen=True, slots=True)
class Terminal:
    """A loudspeaker.

    Args:
        terminal_id: As in its MQTT topics: letters, digits, `_` and `-`.
        unit_code: The unit that hears it.
        name: Where it hangs.
        lon: Degrees east, or None.
        lat: Degrees north, or None.
        volume: 0–100.
    """

    terminal_id: str
    unit_code: str
    name: str
    lon: float | None = None
    lat: float | None = None
    volume: int = 80


@dataclass(frozen=True, slots=True)
class ChatGroup:
    """A chat group with a robot in it, a mailbox, or a notice board.

    Args:
        group_id: The file's own id, or unit code and kind where it gives none.
        unit_code: The unit whose people are in it.
        kind: A key of `words.GROUP_KINDS`.
        url: The robot's webhook (whoever knows it can post), a mailbox's address, or where a board
            hangs.
        secret: The signing secret, or "".
    """

    group_id: str
    unit_code: str
    kind: str
    url: str = field(repr=False)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One row of the people file: a unit, and somebody's part in a duty there, if any."""

    unit: Unit
    facts: UnitFacts = NO_FACTS
    person: Person | None = None
    holding: Holding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """A whole roster in memory: for small cities, tests and oracles; a large one is streamed.

    Args:
        units: By code, a parent before its children.
        facts: By unit code, where anything is known.
        people: By person id.
        holdings: By `Holding.key`.
        terminals: By terminal id.
        groups: By group id.
    """

    units: Mapping[str, Unit] = field(default_factory=dict)
    facts: Mapping[str, UnitFacts] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict, repr=False)
    holdings: Mapping[tuple[str, str, str, str], Holding] = field(default_factory=dict, repr=False)
    terminals: Mapping[str, Terminal] = field(default_factory=dict)
    groups: Mapping[str, ChatGroup] = field(default_factory=dict)
