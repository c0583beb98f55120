"""The roster. Rows are temporal: in force for `from_version` <= version < `to_version`.

A number (`no`) is an identity and stays the same over versions; `fingerprint` is a hash of the
row's content, by which an import sees what changed.
"""

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from alertd.store.tables.columns import big, blob, small, text


class RosterVersion(SQLModel, table=True):
    """One import or edit: who, when, why, how many."""

    __tablename__ = "roster_version"
    version: int = big(primary_key=True)
    created_at: int = big()
    by: str = text()
    why: str = text()
    digest: str = text()  # hex SHA-256 of the phone-free snapshot
    counts: str = text()  # JSON: units, people, duties, terminals, groups


class Unit(SQLModel, table=True):
    """A node of the hierarchy. `path` is the codes from the root, each followed by "/"."""

    __tablename__ = "unit"
    __table_args__ = (Index("unit_path", "path"), Index("unit_code", "code"))
    no: int = big(primary_key=True)
    from_version: int = big(primary_key=True)
    to_version: int = big()
    id: bytes = blob()
    code: str = text()
    official_code: str = text()
    name: str = text()
    level: str = text()  # city, subdistrict, community, grid, building
    parent_no: int | None = big(nullable=True)
    path: str = text()
    households: int | None = big(nullable=True)
    vulnerable: int | None = big(nullable=True)
    should_transfer: int | None = big(nullable=True)
    shelter: str = text()
    fingerprint: bytes = blob()


class Person(SQLModel, table=True):
    """Somebody who holds duties."""

    __tablename__ = "person"
    __table_args__ = (Index("person_key", "person_id"),)
    no: int = big(primary_key=True)
    from_version: int = big(primary_key=True)
    to_version: int = big()
    id: bytes = blob()
    person_id: str = text()
    name: str = text()
    language: str = text()
    party_member: bool = small()
    channels: str = text()  # keys of rosters.words.CHANNELS, the preferred first, space-separated
    fingerprint: bytes = blob()


class Duty(SQLModel, table=True):
    """A post in a unit: (unit, role, post)."""

    __tablename__ = "duty"
    __table_args__ = (Index("duty_unit", "unit_no", "role"),)
    no: int = big(primary_key=True)
    from_version: int = big(primary_key=True)
    to_version: int = big()
    id: bytes = blob()
    unit_no: int = big()
    role: str = text()
    post: str = text()


class Holding(SQLModel, table=True):
    """Who holds a duty; rank 1 is the principal.

    For expansion, unit and role stand here too, and the address of the person's first SMS contact.
    Shifts are minutes after local midnight; both null: always on duty.
    """

    __tablename__ = "holding"
    __table_args__ = (
        Index("holding_duty", "duty_no", "rank", "to_version", "from_version", "address_no"),
        Index(
            "holding_shift",
            "shift_from",
            sqlite_where=sql("shift_from IS NOT NULL"),
            postgresql_where=sql("shift_from IS NOT NULL"),
        ),
    )
    person_no: int = big(primary_key=True)
    duty_no: int = big(primary_key=True)
    from_version: int = big(primary_key=True)
    to_version: int = big()
    rank: int = small()
    unit_no: int = big()
    role: str = text()
    shift_from: int | None = small(nullable=True)
    shift_to: int | None = small(nullable=True)
    verified_at: int | None = big(nullable=True)
    note: str = text()
    fingerprint: bytes = blob()
    address_no: int | None = big(nullable=True)


class Address(SQLModel, table=True):
    """A phone number or chat id: ciphertext, keyed blind index, last two digits; only here."""

    __tablename__ = "address"
    __table_args__ = (Index("address_blind", "blind", unique=True),)
    no: int = big(primary_key=True)
    kind: str = text()  # phone, webhook
    cipher: bytes = blob()
    blind: bytes = blob()
    tail: str = text()


class Contact(SQLModel, table=True):
    """A way to reach a person; the lowest rank is tried first."""

    __tablename__ = "contact"
    __table_args__ = (Index("contact_address", "address_no"),)
    person_no: int = big(primary_key=True)
    channel: int = small(primary_key=True)
    rank: int = small(primary_key=True)
    from_version: int = big(primary_key=True)
    to_version: int = big()
    address_no: int = big()


class Terminal(SQLModel, table=True):
    """A loudspeaker."""

    __tablename__ = "terminal"
    __table_args__ = (Index("terminal_unit", "unit_no"), Index("terminal_key", "terminal_id"))
    no: int = big(primary_key=True)
    from_version: int = big(primary_key=True)
    to_version: int = big()
    id: bytes = blob()
    terminal_id: str = text()
    unit_no: int = big()
    name: str = text()
    lon: float | None = None
    lat: float | None = None
    volume: int | None = small(nullable=True)
    fingerprint: bytes = blob()


class TerminalState(SQLModel, table=True):
    """What a loudspeaker last said of itself."""

    __tablename__ = "terminal_state"
    terminal_no: int = big(primary_key=True)
    online: bool = small()
    fault: str = text()
    changed_at: int = big()


class TerminalAccount(SQLModel, table=True):
    """A loudspeaker's login at the broker, by its last enrolment; it may be in no roster."""

    __tablename__ = "terminal_account"
    terminal_id: str = text(primary_key=True)
    areas: str = text()  # JSON: codes of those whose commands it hears
    enrolled_at: int = big()
    revoked_at: int | None = big(nullable=True)


class TerminalSecret(SQLModel, table=True):
    """The password of an enrolment, sealed; beside the journal, which holds none."""

    __tablename__ = "terminal_secret"
    terminal_id: str = text(primary_key=True)
    enrolled_at: int = big()
    password_cipher: bytes = blob()


class ChatGroup(SQLModel, table=True):
    """A chat group of a unit; its URL is an address, its secret is encrypted beside it."""

    __tablename__ = "chat_group"
    __table_args__ = (Index("chat_group_unit", "unit_no"),)
    no: int = big(primary_key=True)
    from_version: int = big(primary_key=True)
    to_version: int = big()
    id: bytes = blob()
    group_key: str = text()  # unit code and kind and a counter: what an import knows it by
    unit_no: int = big()
    kind: str = text()
    address_no: int = big()
    secret_cipher: bytes = blob()
    fingerprint: bytes = blob()
