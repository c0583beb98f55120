"""Column kinds, so that every table spells them alike on SQLite and PostgreSQL."""

from typing import Any

from sqlalchemy import BigInteger, Integer, LargeBinary, SmallInteger, Text
from sqlmodel import Field

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
_BIG = BigInteger().with_variant(Integer(), "sqlite")
# Paths are compared as ranges: by their characters, as SQLite does, whatever the server's language.
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")


def big(**more: Any) -> Any:
    """A 64-bit integer that the code gives, never the database."""
    if more.get("primary_key"):
        more["sa_column_kwargs"] = {"autoincrement": False}
    return Field(sa_type=_BIG, **more)


def small(**more: Any) -> Any:
    """A small integer: an enum's value, a rank, a flag."""
    return Field(sa_type=SmallInteger, **more)


def text(**more: Any) -> Any:
    """Text without a bound of its own; bounds are checked where input comes in."""
    return Field(sa_type=_TEXT, **more)


def blob(**more: Any) -> Any:
    """Bytes: ids, hashes, ciphertexts."""
    return Field(sa_type=LargeBinary, **more)
