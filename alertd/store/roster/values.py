"""The stored roster as values again: for an export, and to show what an import would change.

Read in pages, so that a large roster needs no memory. Masked, phone numbers and webhooks aren't
even decrypted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from alertd.model import SHORT_RANK, Channel
from alertd.store import addresses
from alertd.store import tables as t
from alertd.store.batches import batches, stream
from alertd.store.fold.scope import in_force
from alertd.store.people import NOW
from alertd.store.roster.source import VOICE
from alertd.store.roster.stage import SECRET_CONTEXT
from alertd.store.vault import Vault
from rosters.model import ChatGroup, Holding, Person, RosterRow, Terminal, Unit, UnitFacts
from rosters.shifts import clock
from rosters.words import Level

_PAGE = 2_000
_HIDDEN = "***"


class Stored:
    """A stored roster as a source: the one in force, read and imported, changes nothing.

    Args:
        connection: Of a reading or writing transaction.
        vault: Opens addresses; not used where masked.
        masked: Whether to show of a phone its last two digits only, and nothing of the rest.
        version: Which; without one the roster in force.
    """

    def __init__(
        self, connection: Connection, vault: Vault, *, masked: bool = True, version: int = NOW
    ) -> None:
        self._connection = connection
        self._vault = vault
        self._masked = masked
        self._version = version

    def units(self) -> Iterator[tuple[Unit, UnitFacts]]:
        """Every unit with what is known of it, from the root down."""
        for page in self._unit_pages():
            for row in page.values():
                yield as_unit(row), as_facts(row)

    def rows(self) -> Iterator[RosterRow]:
        """Every holding, and each unit that nobody has a duty in, in the hierarchy's order."""
        for page in self._unit_pages():
            yield from self.rows_in({no: (as_unit(row), as_facts(row)) for no, row in page.items()})

    def rows_in(self, units: Mapping[int, tuple[Unit, UnitFacts]]) -> Iterator[RosterRow]:
        """The same of some units, by number."""
        held = self.holdings(units)
        people = self.people({no for each in held.values() for no, _ in each})
        for no, (unit, facts) in units.items():
            for person_no, holding in held.get(no, ()):
                yield RosterRow(unit, facts, people[person_no], holding)
            if no not in held:
                yield RosterRow(unit, facts)

    def terminals(self) -> Iterator[Terminal]:
        """Every loudspeaker, in the order of their numbers."""
        x, u = t.terminal.c, t.unit.c
        query = (
            select(x.terminal_id, u.code, x.name, x.lon, x.lat, x.volume)
            .join_from(t.terminal, t.unit, u.no == x.unit_no)
            .where(self._live(t.terminal), self._live(t.unit))
            .order_by(x.no)
        )
        for row in stream(self._connection, query):
            yield Terminal(*row)

    def groups(self) -> Iterator[ChatGroup]:
        """Every chat group, in the order of their numbers."""
        x, u = t.chat_group.c, t.unit.c
        query = (
            select(x.group_key, u.code, x.kind, x.address_no, x.secret_cipher)
            .join_from(t.chat_group, t.unit, u.no == x.unit_no)
            .where(self._live(t.chat_group), self._live(t.unit))
            .order_by(x.no)
        )
        for page in batches(self._connection.execute(query), _PAGE):
            urls = self._addresses({row.address_no for row in page}, _HIDDEN)
            for row in page:
                secret = self._secret(row.secret_cipher)
                yield ChatGroup(row.group_key, row.code, row.kind, urls[row.address_no], secret)

    def people(self, person_nos: Iterable[int]) -> dict[int, Person]:
        """People by number, with their contacts."""
        p = t.person.c
        found: dict[int, Person] = {}
        for batch in batches(sorted(person_nos)):
            ways = self._ways(batch)
            rows = self._connection.execute(
                select(p.no, p.person_id, p.name, p.language, p.party_member, p.channels).where(
                    p.no.in_(batch), self._live(t.person)
                )
            )
            found.update((no, as_person(said, ways.get(no, {}))) for no, *said in rows)
        return found

    def _live(self, table: Any) -> ColumnElement[bool]:
        return in_force(table, self._version)

    def units_of(self, codes: Iterable[str]) -> dict[int, tuple[Unit, UnitFacts]]:
        """Units by number, of those codes that are there, with what is known of them."""
        found: dict[int, tuple[Unit, UnitFacts]] = {}
        for batch in batches(dict.fromkeys(codes)):
            rows = self._connection.execute(self._units().where(t.unit.c.code.in_(batch)))
            found.update((row.no, (as_unit(row), as_facts(row))) for row in rows)
        return found

    def _units(self) -> Select[Any]:
        u, above = t.unit.c, t.unit.alias()
        return (
            select(t.unit, above.c.code.label("parent_code"))
            .outerjoin_from(t.unit, above, (above.c.no == u.parent_no) & self._live(above))
            .where(self._live(t.unit))
            .order_by(u.path)
        )

    def _unit_pages(self) -> Iterator[dict[int, Row[Any]]]:
        last = ""
        while True:
            query = self._units().where(t.unit.c.path > last).limit(_PAGE)
            page = {row.no: row for row in self._connection.execute(query)}
            if not page:
                return
            yield page
            last = max(row.path for row in page.values())

    def holdings(self, unit_nos: Iterable[int]) -> dict[int, list[tuple[int, Holding]]]:
        """By unit: (person number, holding), the roles of one post put together again."""
        h, d, p, u = (x.c for x in (t.holding, t.duty, t.person, t.unit))
        live = [self._live(x) for x in (t.holding, t.duty, t.person, t.unit)]
        query = (
            select(d.unit_no, u.code, d.post, h.person_no, p.person_id, d.role, t.holding)
            .join_from(t.duty, t.holding, h.duty_no == d.no)
            .join(t.person, p.no == h.person_no)
            .join(t.unit, u.no == d.unit_no)
            .where(d.unit_no.in_(list(unit_nos)), *live)
            .order_by(d.unit_no, d.no, h.rank, h.person_no)
        )
        grouped: dict[tuple[int, str, int], list[Row[Any]]] = {}
        for row in self._connection.execute(query):
            grouped.setdefault((row.unit_no, row.post, row.person_no), []).append(row)
        found: dict[int, list[tuple[int, Holding]]] = {}
        for (unit_no, _, person_no), rows in grouped.items():
            found.setdefault(unit_no, []).append((person_no, _holding(rows)))
        return found

    def _ways(self, person_nos: list[int]) -> dict[int, dict[tuple[int, int], str]]:
        """Each person's addresses by (channel, rank)."""
        c = t.contact.c
        rows = self._connection.execute(
            select(c.person_no, c.channel, c.rank, c.address_no)
            .where(c.person_no.in_(person_nos), self._live(t.contact))
            .order_by(c.person_no, c.channel, c.rank)
        ).all()
        shown = self._addresses({row.address_no for row in rows})
        found: dict[int, dict[tuple[int, int], str]] = {}
        for row in rows:
            found.setdefault(row.person_no, {})[row.channel, row.rank] = shown[row.address_no]
        return found

    def _addresses(self, nos: Iterable[int], hidden: str = "") -> dict[int, str]:
        if not self._masked:
            return addresses.reveal(self._connection, self._vault, nos)
        tails = addresses.tails(self._connection, nos)
        return {no: hidden or f"{_HIDDEN}{tail}" for no, tail in tails.items()}

    def _secret(self, cipher: bytes) -> str:
        if not cipher:
            return ""
        return _HIDDEN if self._masked else self._vault.open(cipher, context=SECRET_CONTEXT)


def as_unit(row: Row[Any]) -> Unit:
    """A unit's row, with its parent's code, as a value."""
    return Unit(row.code, row.official_code, row.name, Level(row.level), row.parent_code or "")


def as_facts(row: Row[Any]) -> UnitFacts:
    """What is known of a unit."""
    return UnitFacts(row.households, row.vulnerable, row.should_transfer, row.shelter)


def as_person(said: Sequence[Any], ways: Mapping[tuple[int, int], str]) -> Person:
    """A person of (person_id, name, language, party_member, channels) and addresses.

    Args:
        said: The row.
        ways: Addresses by (channel, rank), as `source.contacts_of` numbers them.
    """
    person_id, name, language, party_member, channels = said
    phones = [
        ways[channel, rank]
        for channel in (int(Channel.SMS), VOICE)
        for rank in (1, 2)
        if (channel, rank) in ways
    ]
    return Person(
        person_id=person_id,
        name=name,
        language=language,
        party_member=bool(party_member),
        phones=tuple(phones),
        short_phone=ways.get((VOICE, SHORT_RANK), ""),
        chat_id=ways.get((int(Channel.CHAT), 1), ""),
        channels=tuple(channels.split()),
    )


def _holding(rows: list[Row[Any]]) -> Holding:
    """One holding of its rows, one a role; the highest rank is the post's (see numbering)."""
    first = rows[0]
    return Holding(
        person_id=first.person_id,
        unit_code=first.code,
        post=first.post,
        rank=max(row.rank for row in rows),
        roles=tuple(sorted(row.role for row in rows)),
        on_duty_from=clock(first.shift_from),
        on_duty_to=clock(first.shift_to),
        verified_at=first.verified_at,
        note=first.note,
    )
