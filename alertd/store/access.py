"""Principals: who may act, with which role, in which part of the city.

Every change is on record, without names and without secrets. `by` is always the journal's word for
who did it: `principal:HEX`, or `cli` for whoever has the machine itself.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, update

from alertd.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from alertd.model import FOREVER, Fact, Millis
from alertd.store import tables as t
from alertd.store.database import Transaction
from alertd.store.identity import Ids
from rosters.problems import quote

NAME_LIMIT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody, or some system, that acts.

    Args:
        no: Here on this node.
        id: The same on every node.
        name: To sign in with; folded by `fold_name`.
        role: A key of engine.authority.
        unit_code: Acts on this unit and below; "" is everywhere.
        person_no: Whom a Test alert of theirs reaches, or None.
        password_hash: "" where only tokens are used.
        must_change: Whether the password is for one sign-in only.
        created_at: When, ms.
        disabled_at: When they were shut out, or None.
    """

    no: int
    id: bytes
    name: str
    role: str
    unit_code: str
    person_no: int | None
    password_hash: str = field(repr=False)
    must_change: bool
    created_at: Millis
    disabled_at: Millis | None

    @property
    def source(self) -> str:
        """The journal's word for what they do."""
        return f"principal:{self.id.hex()}"


def fold_name(name: str) -> str:
    """A name as it is kept and looked for: two that look the same are the same."""
    whole = name.encode("utf-8", "replace").decode()  # a database takes no half characters
    return unicodedata.normalize("NFKC", whole).strip().casefold()


def create_principal(
    tx: Transaction,
    ids: Ids,
    *,
    name: str,
    role: str,
    by: str,
    unit_code: str = "",
    person_no: int | None = None,
    password_hash: str = "",
    must_change: bool = False,
) -> Principal:
    """Let somebody in.

    Raises:
        InvalidInputError: The name is empty or too long, or nobody knows the unit.
        ConflictError: The name is taken, be it by somebody who was shut out.
    """
    folded = fold_name(name)
    if not folded or len(folded) > NAME_LIMIT or not folded.isprintable():
        raise InvalidInputError(f"A name has 1 to {NAME_LIMIT} printable characters.", field="name")
    if find_principal(tx.connection, folded) is not None:
        raise ConflictError("Somebody has this name already.", field="name")
    _require_unit(tx.connection, unit_code)
    last = tx.connection.execute(select(func.max(t.principal.c.no))).scalar() or 0
    made = Principal(
        no=last + 1,
        id=ids.uuid(),
        name=folded,
        role=role,
        unit_code=unit_code,
        person_no=person_no,
        password_hash=password_hash,
        must_change=must_change,
        created_at=tx.now,
        disabled_at=None,
    )
    values = {name: getattr(made, name) for name in Principal.__slots__}
    values["must_change"] = int(must_change)
    tx.connection.execute(t.principal.insert().values(**values))
    body = {"principal": made.id.hex(), "role": role, "unit_code": unit_code}
    tx.record(Fact(kind="principal.created", occurred_at=tx.now, body=body, source=by))
    return made


def find_principal(connection: Connection, name: str) -> Principal | None:
    """The principal of a name, shut out or not, or None."""
    return _find(connection, t.principal.c.name == fold_name(name))


def principal_of(connection: Connection, no: int) -> Principal:
    """The principal of a number; raises NotFoundError."""
    found = _find(connection, t.principal.c.no == no)
    if found is None:
        raise NotFoundError("There is no such principal.")
    return found


def principal_with(connection: Connection, id_: bytes) -> Principal | None:
    """The principal of an id, shut out or not, or None."""
    return _find(connection, t.principal.c.id == id_)


def principals(connection: Connection) -> list[Principal]:
    """All of them, by name."""
    rows = connection.execute(select(t.principal).order_by(t.principal.c.name))
    return [_principal(row) for row in rows]


def path_of(connection: Connection, principal: Principal) -> str:
    """The path of the unit that a principal acts in, now; "" is everywhere.

    Raises:
        ForbiddenError: The unit has left the roster. Everywhere would be more than was granted.
    """
    if not principal.unit_code:
        return ""
    u = t.unit.c
    query = select(u.path).where(u.code == principal.unit_code, u.to_version == FOREVER)
    path = connection.execute(query).scalar()
    if path is None:
        raise ForbiddenError(
            "Your unit is no longer in the roster.",
            hint="An administrator can give you another one.",
        )
    return str(path)


def change_principal(
    tx: Transaction,
    no: int,
    *,
    by: str,
    role: str | None = None,
    unit_code: str | None = None,
    person_no: int | None = None,
) -> Principal:
    """Change what somebody may do and where; what isn't given stays. Takes effect at once."""
    given = {"role": role, "unit_code": unit_code, "person_no": person_no}
    changes = {name: value for name, value in given.items() if value is not None}
    if unit_code:
        _require_unit(tx.connection, unit_code)
    on_record = {name: changes[name] for name in ("role", "unit_code") if name in changes}
    return _change(tx, no, by, changes, list(changes), **on_record)


def set_password(
    tx: Transaction, no: int, password_hash: str, *, by: str, must_change: bool = False
) -> Principal:
    """Give a new password; whoever is signed in by the old one is signed out."""
    changes = {"password_hash": password_hash, "must_change": int(must_change)}
    changed = _change(tx, no, by, changes, ["password"])
    end_sessions(tx, no)
    return changed


def disable_principal(tx: Transaction, no: int, *, by: str) -> Principal:
    """Shut somebody out at once: sessions end, tokens are good for nothing."""
    changed = _change(tx, no, by, {"disabled_at": tx.now}, ["disabled"])
    end_sessions(tx, no)
    return changed


def enable_principal(tx: Transaction, no: int, *, by: str) -> Principal:
    """Let somebody in again; tokens that weren't revoked are good again."""
    return _change(tx, no, by, {"disabled_at": None}, ["enabled"])


def end_sessions(tx: Transaction, principal_no: int) -> None:
    """Sign somebody out everywhere."""
    c = t.session.c
    tx.connection.execute(
        update(t.session)
        .where(c.principal_no == principal_no, c.revoked_at.is_(None))
        .values(revoked_at=tx.now)
    )


def _change(
    tx: Transaction,
    no: int,
    by: str,
    changes: dict[str, Any],
    what: Sequence[str],
    **on_record: Any,
) -> Principal:
    before = principal_of(tx.connection, no)
    if not changes:
        return before
    tx.connection.execute(update(t.principal).where(t.principal.c.no == no).values(**changes))
    body = {"principal": before.id.hex(), "changed": list(what), **on_record}
    tx.record(Fact(kind="principal.changed", occurred_at=tx.now, body=body, source=by))
    return principal_of(tx.connection, no)


def _require_unit(connection: Connection, unit_code: str) -> None:
    u = t.unit.c
    query = select(u.no).where(u.code == unit_code, u.to_version == FOREVER)
    known = unit_code.isascii() and connection.execute(query).first() is not None
    if unit_code and not known:
        shown = quote(unit_code, code=True)
        raise InvalidInputError(f"The roster has no unit {shown}.", field="unit_code")


def _find(connection: Connection, condition: ColumnElement[bool]) -> Principal | None:
    row = connection.execute(select(t.principal).where(condition)).first()
    return _principal(row) if row else None


def _principal(row: Any) -> Principal:
    values = row._asdict()
    return Principal(**{**values, "must_change": bool(values["must_change"])})
