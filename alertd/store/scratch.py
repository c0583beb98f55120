"""Scratch copies of a city, to rehearse in: the roster alone, with nobody's name or number in it.

A copy is made once from a reader of the city's database, and holds no key of the city's: every
address is replaced by one that can't be dialled, made from its number. A rehearsal opens a copy of
the copy, in memory.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Table, func, select

from alertd.model import FOREVER, Channel
from alertd.settings import sqlite_url
from alertd.store import addresses, dialect, migrate
from alertd.store import tables as t
from alertd.store.batches import execute_many, stream
from alertd.store.database import Store
from alertd.store.vault import KEY_BYTES, Vault, tail

NODE: Final = "rehearsal"
PREFIX: Final = "+86100"
"""No phone's number begins like that: 100 is neither a mobile's beginning nor an area's."""

_DIGITS: Final = 8
_KEY: Final = bytes(KEY_BYTES)  # no secret: nothing that it seals is one
_IN_FORCE: Final = (t.unit, t.duty, t.holding, t.contact, t.terminal)
_KINDS: Final[Mapping[str, str]] = {
    addresses.PHONE: PREFIX + "{no:08d}",
    addresses.SHORT_PHONE: "{no}",
    addresses.WEBHOOK: "https://chat.invalid/{no}",
}


def vault() -> Vault:
    """The keys of every scratch copy; they protect nothing, since there is nothing to protect."""
    return Vault(_KEY)


def made_up(address_no: int) -> str:
    """The phone number that stands for an address."""
    return _KINDS[addresses.PHONE].format(no=address_no)


def address_of(phone: str) -> int:
    """The address that a made-up number stands for; 0 for any other."""
    digits = phone.removeprefix(PREFIX)
    made = digits != phone and digits.isdecimal() and len(digits) >= _DIGITS
    return int(digits) if made else 0


def make(source: Connection, target: Path) -> None:
    """Copy the roster in force to a new file, masked.

    Args:
        source: A reader of the city's database, which nothing is written to.
        target: The file; it must not exist.
    """
    url = sqlite_url(target)
    migrate.upgrade(url)
    engine, keys = dialect.writer(url, synchronous="OFF"), vault()
    try:
        with engine.begin() as copy:
            _insert(copy, t.roster_version, stream(source, select(t.roster_version)))
            for table in _IN_FORCE:
                _insert(copy, table, _in_force(source, table))
            _insert(copy, t.person, _people(source))
            _insert(copy, t.address, _addresses(source, keys))
            _insert(copy, t.chat_group, _groups(source, keys))
    finally:
        engine.dispose()


def _insert(copy: Connection, table: Table, rows: Iterator[tuple[Any, ...]]) -> None:
    execute_many(copy, table.insert(), [column.name for column in table.columns], rows)


def _in_force(source: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    return stream(source, select(table).where(table.c.to_version == FOREVER))


def _people(source: Connection) -> Iterator[tuple[Any, ...]]:
    """People by their numbers: names and the office's own ids stay where they are."""
    names = [column.name for column in t.person.columns]
    for row in _in_force(source, t.person):
        person = dict(zip(names, row, strict=True))
        no = person["no"]
        yield tuple((person | {"name": f"P{no}", "person_id": f"P{no}"}).values())


def _addresses(source: Connection, keys: Vault) -> Iterator[tuple[Any, ...]]:
    for no, kind in stream(source, select(t.address.c.no, t.address.c.kind)):
        text = _KINDS.get(kind, f"{kind}-{{no}}@rehearsal.invalid").format(no=no)
        shown = tail(text) if kind in {addresses.PHONE, addresses.SHORT_PHONE} else ""
        yield no, kind, keys.seal(text, context=addresses.CONTEXT), keys.blind(text), shown


def _groups(source: Connection, keys: Vault) -> Iterator[tuple[Any, ...]]:
    """Chat groups; their secrets were sealed with the city's key."""
    names = [column.name for column in t.chat_group.columns]
    sealed = keys.seal("whsec_cmVoZWFyc2Fs", context="chat-secret")
    for row in _in_force(source, t.chat_group):
        group = dict(zip(names, row, strict=True))
        yield tuple((group | {"secret_cipher": sealed if group["secret_cipher"] else b""}).values())


def add_alternate(file: Path, duty_no: int) -> None:
    """Give a duty of a scratch city one alternate more, who holds nothing else."""
    engine, keys = dialect.writer(sqlite_url(file), synchronous="OFF"), vault()
    h = t.holding.c
    try:
        with engine.begin() as copy:
            held = copy.execute(select(t.holding).where(h.duty_no == duty_no)).all()
            person, number = _following(copy, t.person), _following(copy, t.address)
            phone = made_up(number)
            sealed = addresses.seal(keys, addresses.PHONE, phone)
            _one(copy, t.address, (number, *astuple(sealed)[:2], keys.blind(phone), sealed.tail))
            _one(copy, t.person, _stranger(copy, person))
            since = held[0].from_version
            _one(copy, t.contact, (person, int(Channel.SMS), 1, since, FOREVER, number))
            values = held[0]._asdict() | {
                "person_no": person,
                "rank": max(each.rank for each in held) + 1,
                "address_no": number,
            }
            _one(copy, t.holding, tuple(values[column.name] for column in t.holding.columns))
    finally:
        engine.dispose()


def _following(copy: Connection, table: Table) -> int:
    return int(copy.execute(select(func.max(table.c.no))).scalar_one() or 0) + 1


def _stranger(copy: Connection, no: int) -> tuple[Any, ...]:
    like = copy.execute(select(t.person).limit(1)).one()._asdict()
    own = {"no": no, "id": no.to_bytes(16), "name": f"P{no}", "person_id": f"P{no}"}
    return tuple((like | own).values())


def _one(copy: Connection, table: Table, row: tuple[Any, ...]) -> None:
    _insert(copy, table, iter([row]))


class Rehearsals:
    """Opens copies of one scratch city in memory, for one process.

    Args:
        file: As `make` wrote it.
    """

    def __init__(self, file: Path) -> None:
        self._source = sqlite3.connect(":memory:")
        self._kept: sqlite3.Connection | None = None
        self._opened = 0
        on_disk = sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)
        on_disk.backup(self._source)
        on_disk.close()

    def open(self) -> Store:
        """A fresh copy, which nothing that happened in another one is in; one at a time."""
        if self._kept is not None:
            self._kept.close()
        self._opened += 1
        self._kept = sqlite3.connect(self._name, uri=True)
        self._source.backup(self._kept)
        return self.reopen()

    def reopen(self) -> Store:
        """The copy that is open, as a process sees it that starts anew."""
        return Store(self._url, vault(), node=NODE, synchronous="OFF")

    @property
    def _name(self) -> str:
        return f"file:rehearsal-{id(self)}-{self._opened}?mode=memory&cache=shared"

    @property
    def _url(self) -> str:
        return f"sqlite:///{self._name}&uri=true"

    def peek(self) -> Connection:
        """A reader of the copy that is open, for `Prepared` statements; the caller closes it.

        It begins no transaction, so that it is never in the writer's way.
        """
        self._peeking = dialect.reader(self._url)
        return self._peeking.connect()

    def close(self) -> None:
        """Forget all of them."""
        if self._kept is not None:
            self._kept.close()
        self._source.close()
