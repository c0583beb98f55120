"""One row of the people file → what it says, as values."""

import datetime as dt
import re
from dataclasses import dataclass, field
from functools import lru_cache

from rosters import words
from rosters.cells import Cells
from rosters.model import CHINA, Holding, Person, UnitFacts
from rosters.phones import read_phone, read_short_phone, takes_sms
from rosters.problems import holds_phone, quote
from rosters.words import Level

STALE_DAYS = 90  # DOMAIN: verified more than 90 days ago is warned of
_MAX_ROLE = 32
_ID_BLANK = re.compile(r"\s")
_IDENTITY = re.compile(r"[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[0-9Xx]")
_ABOUT_A_PERSON = ("name", "phone", "phone2", "short_phone", "chat_id", "post", "rank", "roles")


@dataclass(frozen=True, slots=True)
class UnitSaid:
    """What one row says of a unit; "" and None where it leaves that to another row."""

    code: str
    official_code: str
    name: str
    level: Level | None
    parent_code: str
    facts: UnitFacts


@dataclass(frozen=True, slots=True)
class PeopleRow:
    """What one row of the people file says."""

    line: int
    unit: UnitSaid
    person: Person | None = None
    holding: Holding | None = None
    reported: bool = field(default=False)  # something in it was refused


class PeopleReader:
    """Reads rows of the people file.

    Args:
        today: From which "verified long ago" is counted.
    """

    def __init__(self, today: dt.date) -> None:
        self._today = today
        self._unknown_roles: set[str] = set()
        self._unknown_posts: set[str] = set()

    def read(self, cells: Cells) -> PeopleRow:
        """Read one row, whole, so that all that is wrong with it is reported at once."""
        unit = _unit(cells)
        person_id = _person_id(cells)
        person = holding = None
        if person_id:
            person = _person(cells, person_id)
            holding = self._holding(cells, person, unit.code)
        elif any(cells.text(key) for key in _ABOUT_A_PERSON):
            cells.error("person_id", "person-incomplete")
        return PeopleRow(cells.line, unit, person, holding, reported=cells.failed)

    def _holding(self, cells: Cells, person: Person, unit_code: str) -> Holding:
        roles = self._roles(cells)
        post = self._post(cells, roles)
        if person.party_member:
            roles.append("party_member")
        if post in words.ROLES:
            roles.append(post)
        begin, end = _shift(cells)
        return Holding(
            person_id=person.person_id,
            unit_code=unit_code,
            post=post,
            rank=cells.rank("rank"),
            roles=tuple(sorted(set(roles))),
            on_duty_from=begin,
            on_duty_to=end,
            verified_at=self._verified_at(cells),
            note=cells.text("note"),
        )

    def _roles(self, cells: Cells) -> list[str]:
        roles = []
        for word in cells.words("roles"):
            role = words.role_of(word)
            if role is None:
                role = word
                if len(word) > _MAX_ROLE:
                    cells.error("roles", "role-invalid", value=quote(word))
                elif word not in self._unknown_roles:  # once a file is enough
                    self._unknown_roles.add(word)
                    cells.warn("roles", "role-unknown", value=quote(word))
            roles.append(role)
        return roles

    def _post(self, cells: Cells, roles: list[str]) -> str:
        text = cells.text("post")
        post = words.role_of(text) or text if text else next(iter(roles), "")
        if not post:
            cells.error("post", "post-missing")
        known = any(word in words.ROLES for word in (post, *roles))
        if post and not known and post not in self._unknown_posts:  # a slip of the pen, perhaps
            self._unknown_posts.add(post)
            cells.warn("post", "post-unknown", value=quote(post))
        return post

    def _verified_at(self, cells: Cells) -> int | None:
        day = cells.date("verified_at")
        if day is None:
            return None
        age = (self._today - day).days
        if age < 0:
            cells.warn("verified_at", "date-future")
        elif age > STALE_DAYS:
            cells.warn("verified_at", "verified-long-ago", days=age)
        return midnight(day)


@lru_cache(maxsize=1024)
def midnight(day: dt.date) -> int:
    """The start of a day in China, ms since the epoch."""
    return int(dt.datetime.combine(day, dt.time(), CHINA).timestamp()) * 1000


def _unit(cells: Cells) -> UnitSaid:
    cells.required("unit_code")
    return UnitSaid(
        code=cells.code("unit_code"),
        official_code=cells.code("official_code"),
        name=cells.text("unit_name"),
        level=cells.word("unit_level", words.level_of, "level-unknown"),
        parent_code=cells.code("parent_code"),
        facts=UnitFacts(
            households=cells.count("households"),
            vulnerable=cells.count("vulnerable"),
            should_transfer=cells.count("should_transfer"),
            shelter=cells.text("shelter"),
        ),
    )


def _person_id(cells: Cells) -> str:
    text = cells.text("person_id")
    if not text or (text.isascii() and text.isalnum() and not text.isdecimal() and len(text) < 18):  # noqa: PLR2004 - shorter than an identity number, and no phone number without letters
        return text
    if _ID_BLANK.search(text) or not text.isprintable():
        cells.error("person_id", "id-invalid")
        return ""
    if _IDENTITY.fullmatch(text) or holds_phone(text):
        cells.error("person_id", "id-private")
        return ""
    return text


def _person(cells: Cells, person_id: str) -> Person:
    phones = _phones(cells)
    short = cells.text("short_phone")
    short_phone = read_short_phone(short)
    if short and not short_phone:
        cells.error("short_phone", "short-phone-invalid")
    chat_id = cells.text("chat_id")
    sms = any(map(takes_sms, phones))
    channels = _channels(cells, sms=sms, chat=bool(chat_id))
    if not cells.failed and not (sms and "sms" in channels):
        found = phones or short_phone or chat_id
        cells.warn("channels" if sms else "phone", "no-message" if found else "unreachable")
    return Person(
        person_id=person_id,
        name=cells.required("name"),
        language=cells.word("language", words.language_of, "language-unknown") or "zh-CN",
        party_member=cells.flag("party_member"),
        phones=phones,
        short_phone=short_phone,
        chat_id=chat_id,
        channels=channels,
    )


def _phones(cells: Cells) -> tuple[str, ...]:
    """Their numbers; one that takes an SMS comes first, in whichever column it stands."""
    numbers: list[str] = []
    for key in ("phone", "phone2"):
        text = cells.text(key)
        if not text:
            continue
        read = read_phone(text)
        if read.problem:
            short = read.problem == "phone-invalid" and read_short_phone(text)
            cells.error(key, "phone-short" if short else read.problem)
        elif read.number not in numbers:
            numbers.append(read.number)
        if read.remark == "phone-mended":
            cells.note(key, read.remark)
        elif read.remark:
            cells.warn(key, read.remark)
    return tuple(sorted(numbers, key=takes_sms, reverse=True))


def _channels(cells: Cells, *, sms: bool, chat: bool) -> tuple[str, ...]:
    """As the row says, in its order; else by what there is an address for, voice at the last."""
    said = cells.words("channels")
    if not said:
        return tuple(key for key, has in (("sms", sms), ("chat", chat)) if has) or ("voice",)
    channels: list[str] = []
    for word in said:
        channel = words.channel_of(word)
        if channel is None:
            cells.error("channels", "channel-unknown", value=quote(word))
        elif channel not in channels:
            channels.append(channel)
    return tuple(channels)


def _shift(cells: Cells) -> tuple[str, str]:
    """Start and end of the shift; a shift around the clock is none."""
    begin, end = cells.time("on_duty_from"), cells.time("on_duty_to")
    if bool(cells.text("on_duty_from")) != bool(cells.text("on_duty_to")):
        cells.error("on_duty_from", "time-half")
    return (begin, end) if begin and end and begin != end else ("", "")
