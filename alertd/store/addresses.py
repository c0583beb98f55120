"""Addresses by number: phone numbers, chat ids and webhook URLs, read and written only here.

Everything else refers to an address by its number (`address.no`). Phone numbers are E.164 before
they come here, so that one number has one row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from alertd.errors import ConflictError
from alertd.store import dialect, prepared
from alertd.store import tables as t
from alertd.store.batches import batches, execute_many
from alertd.store.vault import Vault, tail

CONTEXT = "address"  # what an address is sealed under, whatever its kind
PHONE = "phone"
SHORT_PHONE = "short-phone"  # a group's own 5–6 digits, dialled by hand
CHAT_ID = "chat-id"
WEBHOOK = "webhook"

_INSERT_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Sealed:
    """An address as it is kept."""

    kind: str
    cipher: bytes = field(repr=False)
    tail: str = field(repr=False)


def seal(vault: Vault, kind: str, address: str) -> Sealed:
    """Make of an address what is kept of it, beside its blind index."""
    shown = tail(address) if kind in {PHONE, SHORT_PHONE} else ""
    return Sealed(kind, vault.seal(address, context=CONTEXT), shown)


def intern(
    connection: Connection, vault: Vault, kind: str, addresses: Sequence[str]
) -> dict[str, int]:
    """Number addresses, known ones as they are and new ones from the highest number up.

    Args:
        connection: Of a writing transaction.
        vault: Its keys find and seal them.
        kind: What the new ones are; a known one keeps its kind.
        addresses: Any number; phone numbers in E.164.

    Returns:
        The number of each address.
    """
    blinds = {vault.blind(address): address for address in addresses}
    known = numbers(connection, blinds)
    new = {b: seal(vault, kind, address) for b, address in blinds.items() if b not in known}
    known |= insert(connection, new)
    return {address: known[blind] for blind, address in blinds.items()}


def numbers(connection: Connection, blinds: Iterable[bytes]) -> dict[bytes, int]:
    """The numbers of those blind indexes that are known."""
    found: dict[bytes, int] = {}
    for batch in batches(blinds, _SIZES[-1]):
        # Fewer are filled up with the last of them, so that there are few statements to prepare.
        size = next(size for size in _SIZES if len(batch) <= size)
        filled = [*batch, *batch[-1:] * (size - len(batch))]
        given = dict(zip(_BLINDS[:size], filled, strict=True))
        found.update(_NUMBERS[size].rows(connection, **given))
    return found


_SIZES = (1, 4, 16, 128)  # most often one phone answers, or a few do
_BLINDS = tuple(f"blind_{place}" for place in range(_SIZES[-1]))


def _numbers_of(size: int) -> prepared.Prepared:
    blind = t.address.c.blind
    wanted: list[Any] = [bindparam(name) for name in _BLINDS[:size]]
    return prepared.Prepared(lambda _: select(blind, t.address.c.no).where(blind.in_(wanted)))


_NUMBERS = {size: _numbers_of(size) for size in _SIZES}


def insert(connection: Connection, new: Mapping[bytes, Sealed]) -> dict[bytes, int]:
    """Write down addresses by blind index; returns their numbers.

    Another worker may take a number or write an address down at the same time (PostgreSQL): then
    what is there counts, and the rest is tried again behind it.

    Raises:
        ConflictError: Others were faster every time.
    """
    found: dict[bytes, int] = {}
    for _ in range(_INSERT_ROUNDS):
        missing = [blind for blind in new if blind not in found]
        if not missing:
            return found
        last = connection.execute(select(func.max(t.address.c.no))).scalar() or 0
        rows = (_row(no, blind, new[blind]) for no, blind in enumerate(missing, start=last + 1))
        execute_many(connection, dialect.insert_new(connection, t.address), _COLUMNS, rows)
        found |= numbers(connection, missing)
    if len(found) < len(new):
        raise ConflictError("Addresses are being written by others; try again.")
    return found


_COLUMNS = ("no", "blind", "kind", "cipher", "tail")


def _row(no: int, blind: bytes, sealed: Sealed) -> tuple[object, ...]:
    return (no, blind, sealed.kind, sealed.cipher, sealed.tail)


def reveal(connection: Connection, vault: Vault, nos: Iterable[int]) -> dict[int, str]:
    """Decrypt addresses by number; a number that isn't there is left out."""
    return {
        no: vault.open(cipher, context=CONTEXT) for no, cipher in sealed(connection, nos).items()
    }


def sealed(connection: Connection, nos: Iterable[int]) -> dict[int, bytes]:
    """Addresses by number as they are kept: ciphertexts, which the vault opens under CONTEXT."""
    wanted = prepared.numbers(connection, dict.fromkeys(nos))
    return dict(_CIPHERS.rows(connection, nos=wanted))


_CIPHERS = prepared.Prepared(
    lambda dialect: select(t.address.c.no, t.address.c.cipher).where(
        prepared.among(dialect, t.address.c.no, "nos")
    )
)


def tails(connection: Connection, nos: Iterable[int]) -> dict[int, str]:
    """The last two digits of phone numbers, to recognise them by; "" for anything else."""
    c = t.address.c
    found: dict[int, str] = {}
    for batch in batches(dict.fromkeys(nos)):
        rows = connection.execute(select(c.no, c.tail).where(c.no.in_(batch)))
        found.update((row.no, row.tail) for row in rows)
    return found


def find(connection: Connection, vault: Vault, address: str) -> int | None:
    """The number of an address, or None where nobody has used it yet."""
    blind = vault.blind(address)
    return numbers(connection, [blind]).get(blind)
