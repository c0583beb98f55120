"""The new roster in a scratch database, beside the one in force: so that SQL compares the two.

The scratch database is SQLite's private temporary one, whatever the store's own is: in memory while
it is small, spilled to a file without a name when it is large, gone when it is closed. Addresses
and secrets are in it as they are in the store: sealed.
"""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from alertd.errors import UnavailableError
from alertd.store import addresses
from alertd.store.addresses import WEBHOOK
from alertd.store.batches import batches
from alertd.store.roster.source import Source, contacts_of
from alertd.store.vault import Vault
from rosters.model import NO_FACTS, ChatGroup, Holding, Person, RosterRow, Terminal, Unit, UnitFacts
from rosters.shifts import minutes_of

SECRET_CONTEXT = "chat-secret"  # noqa: S105 - what a secret is sealed under, not a secret
_MEMORY_KB = 65_536
_BATCH = 2_000

_SCHEMA = """
CREATE TABLE unit (
    code TEXT PRIMARY KEY, official_code, name, level, parent_code,
    households, vulnerable, should_transfer, shelter,
    print BLOB, no INTEGER, id BLOB, parent_no INTEGER, path TEXT
) WITHOUT ROWID;
CREATE TABLE person (
    person_id TEXT PRIMARY KEY, name, language, party_member, channels,
    print BLOB, no INTEGER, id BLOB
) WITHOUT ROWID;
CREATE TABLE holding (
    unit_code TEXT, post TEXT, person_id TEXT, on_duty_from TEXT,
    rank INTEGER, roles TEXT, shift_from, shift_to, verified_at, note, print BLOB,
    PRIMARY KEY (unit_code, post, person_id, on_duty_from)
) WITHOUT ROWID;
CREATE TABLE duty (
    unit_no INTEGER, role TEXT, post TEXT, no INTEGER, id BLOB,
    PRIMARY KEY (unit_no, role, post)
) WITHOUT ROWID;
CREATE TABLE part (
    duty_no INTEGER, person_id TEXT, unit_no INTEGER, role TEXT,
    rank INTEGER, shift_from, shift_to, verified_at, note, print BLOB,
    PRIMARY KEY (duty_no, person_id)
) WITHOUT ROWID;
CREATE TABLE address (blind BLOB PRIMARY KEY, no INTEGER, kind, cipher BLOB, tail);
CREATE TABLE contact (
    person_id TEXT, channel INTEGER, rank INTEGER, blind BLOB,
    PRIMARY KEY (person_id, channel, rank)
) WITHOUT ROWID;
CREATE TABLE terminal (
    terminal_id TEXT PRIMARY KEY, unit_code, name, lon, lat, volume,
    print BLOB, no INTEGER, id BLOB
) WITHOUT ROWID;
CREATE TABLE chat_group (
    group_key TEXT PRIMARY KEY, unit_code, kind, blind BLOB, secret_cipher BLOB,
    print BLOB, no INTEGER, id BLOB
) WITHOUT ROWID;
CREATE TABLE role (role TEXT PRIMARY KEY, place INTEGER, personal INTEGER);
CREATE TABLE old_unit (code TEXT PRIMARY KEY, no INTEGER, id BLOB, path TEXT, print BLOB,
    live INTEGER) WITHOUT ROWID;
CREATE TABLE old_person (person_id TEXT PRIMARY KEY, no INTEGER, id BLOB, print BLOB,
    live INTEGER) WITHOUT ROWID;
CREATE TABLE old_duty (unit_no INTEGER, role TEXT, post TEXT, no INTEGER, id BLOB, live INTEGER,
    PRIMARY KEY (unit_no, role, post)) WITHOUT ROWID;
CREATE TABLE old_part (duty_no INTEGER, person_no INTEGER, shift_from, print BLOB, address_no,
    PRIMARY KEY (duty_no, person_no)) WITHOUT ROWID;
CREATE TABLE old_contact (person_no INTEGER, channel INTEGER, rank INTEGER, address_no INTEGER,
    PRIMARY KEY (person_no, channel, rank)) WITHOUT ROWID;
CREATE TABLE old_terminal (terminal_id TEXT PRIMARY KEY, no INTEGER, id BLOB, print BLOB,
    live INTEGER) WITHOUT ROWID;
CREATE TABLE old_chat_group (group_key TEXT PRIMARY KEY, no INTEGER, id BLOB, print BLOB,
    live INTEGER) WITHOUT ROWID;
CREATE TABLE side (age TEXT, kind TEXT, key TEXT, print BLOB, PRIMARY KEY (age, kind, key))
    WITHOUT ROWID;
"""


class Stage:
    """The scratch database.

    Args:
        vault: Seals what is new; its key makes the fingerprints, as they cover phone numbers.
        kept: Bytes of `frozen`, to go on with; else it is empty.
    """

    def __init__(self, vault: Vault, kept: bytes | bytearray = b"") -> None:
        self.vault = vault
        self.fingerprint = fingerprinter(vault)
        # The web plans in a thread of its own, and the writer's thread applies.
        self.db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self.db.execute(f"PRAGMA cache_size=-{_MEMORY_KB}")
        self.db.execute("PRAGMA journal_mode=OFF")
        if kept:
            self.db.deserialize(kept)
        else:
            self.db.executescript(_SCHEMA)
        self.db.create_function("fingerprint", -1, self.fingerprint, deterministic=True)
        self.db.execute("BEGIN")
        self.last: dict[str, int] = {}  # the last number ever given, by the store's table
        self._busy = threading.Lock()
        self._over = False

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Nobody throws it away meanwhile: a request that is given up leaves a thread in it.

        Raises:
            UnavailableError: It was thrown away.
        """
        try:
            with self._busy:
                if self._over:
                    raise UnavailableError("The server is stopping; nothing was changed.")
                yield
        finally:
            if self._over:
                self.close()

    def close(self) -> None:
        """Throw it away, or have whoever is at work in it do so at the end."""
        self._over = True
        if self._busy.acquire(blocking=False):
            self.db.close()
            self._busy.release()

    def frozen(self) -> bytes:
        """All that is in it; names aren't sealed."""
        self.db.execute("COMMIT")
        data = self.db.serialize()
        self.db.execute("BEGIN")
        return data

    def rows(self, query: str, values: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, which runs when the first of them is asked for."""
        yield from self.db.execute(query, values)

    def one(self, query: str, values: tuple[object, ...] = ()) -> Any:
        """The one value of a query."""
        return self.db.execute(query, values).fetchone()[0]

    def load(self, connection: Connection, source: Source) -> None:
        """Take in a whole roster; `connection` tells which addresses are known already."""
        self._add("unit", 10, (self._unit(unit, facts) for unit, facts in source.units()))
        for rows in batches(source.rows(), _BATCH):
            self._add_people(connection, rows)
        self._add("terminal", 7, map(self._terminal, source.terminals()))
        for groups in batches(source.groups(), _BATCH):
            blinds = self._add_addresses(connection, {group.url: WEBHOOK for group in groups})
            self._add("chat_group", 6, [self._group(group, blinds[group.url]) for group in groups])

    def _add(self, table: str, width: int, rows: Iterable[tuple[object, ...]]) -> None:
        """Insert into the first `width` columns; what is there already stays (rows may repeat)."""
        columns = [row[1] for row in self.db.execute(f"PRAGMA table_info({table})")][:width]
        marks = ", ".join("?" * width)
        self.db.executemany(
            f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608 - our own names
            rows,
        )

    def _add_people(self, connection: Connection, rows: Iterable[RosterRow]) -> None:
        people: dict[str, Person] = {}
        holdings = []
        for row in rows:
            if row.person and row.holding:
                people[row.person.person_id] = row.person
                holdings.append(_holding(row.holding))
        self._add("holding", 10, holdings)
        ways = {key: contacts_of(person) for key, person in people.items()}
        kinds = {address: kind for way in ways.values() for _, _, kind, address in way}
        blinds = self._add_addresses(connection, kinds)
        self._add("person", 6, (self._person(p, ways[key]) for key, p in people.items()))
        contacts = (
            (key, channel, rank, blinds[address])
            for key, way in ways.items()
            for channel, rank, _, address in way
        )
        self._add("contact", 4, contacts)

    def _add_addresses(self, connection: Connection, kinds: dict[str, str]) -> dict[str, bytes]:
        blinds = {address: self.vault.blind(address) for address in kinds}
        known = addresses.numbers(connection, blinds.values())
        rows: list[tuple[object, ...]] = []
        for address, blind in blinds.items():
            if blind in known:
                rows.append((blind, known[blind], None, None, None))
            else:
                sealed = addresses.seal(self.vault, kinds[address], address)
                rows.append((blind, None, sealed.kind, sealed.cipher, sealed.tail))
        self._add("address", 5, rows)
        return blinds

    def _unit(self, unit: Unit, facts: UnitFacts) -> tuple[object, ...]:
        said = (unit.official_code, unit.name, unit.level.value, unit.parent_code)
        known = (facts.households, facts.vulnerable, facts.should_transfer, facts.shelter)
        # Two in one, so that a change of either shows as what it is.
        facts_print = b"" if facts == NO_FACTS else self.fingerprint(*known)
        return (unit.code, *said, *known, self.fingerprint(*said) + facts_print)

    def _person(self, person: Person, ways: list[tuple[int, int, str, str]]) -> tuple[object, ...]:
        channels = " ".join(person.channels)
        said = (person.name, person.language, int(person.party_member), channels)
        return (person.person_id, *said, self.fingerprint(*said, *ways))

    def _terminal(self, terminal: Terminal) -> tuple[object, ...]:
        place = (terminal.lon, terminal.lat, terminal.volume)
        said = (terminal.unit_code, terminal.name, *place)
        return (terminal.terminal_id, *said, self.fingerprint(*said))

    def _group(self, group: ChatGroup, blind: bytes) -> tuple[object, ...]:
        secret = self.vault.seal(group.secret, context=SECRET_CONTEXT) if group.secret else b""
        said = (group.unit_code, group.kind)
        whole = self.fingerprint(*said, group.url, group.secret)
        return (group.group_id, *said, blind, secret, whole)


def fingerprinter(vault: Vault) -> Callable[..., bytes]:
    """The function that makes 16 bytes of a row's content, the same in any later version.

    It is keyed: eleven digits of a phone number would be guessed from a plain hash.
    """
    key = vault.blind("alertd roster fingerprint")

    def fingerprint(*values: object) -> bytes:
        text = "\x1f".join(["" if value is None else str(value) for value in values])
        return hashlib.blake2b(text.encode(), digest_size=16, key=key).digest()

    return fingerprint


def _holding(holding: Holding) -> tuple[object, ...]:
    return (
        holding.unit_code,
        holding.post,
        holding.person_id,
        holding.on_duty_from,
        holding.rank,
        json.dumps(sorted(holding.roles) or [holding.post], ensure_ascii=False),
        minutes_of(holding.on_duty_from),
        minutes_of(holding.on_duty_to),
        holding.verified_at,
        holding.note,
    )
