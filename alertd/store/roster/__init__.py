"""The roster: import as a new version, export, versions, snapshot, headcount.

An import is planned first, which only reads, and may be shown and thrown away (a dry run); applied,
it is one short writing transaction that touches what changed and nothing else.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Row, select

from alertd.errors import ConflictError, NotFoundError
from alertd.model import Fact, Millis
from alertd.store import tables as t
from alertd.store.database import Transaction
from alertd.store.identity import Ids
from alertd.store.roster.changes import count_changes, list_changes
from alertd.store.roster.editing import Edited, around, scope_of, warn_of_shared_phones
from alertd.store.roster.headcount import (
    Headcount,
    headcount,
    known_roles,
    paths_for,
    roles_for,
)
from alertd.store.roster.history import between
from alertd.store.roster.known import Scope, copy_known, current_version
from alertd.store.roster.listing import described, fill_in
from alertd.store.roster.numbering import number
from alertd.store.roster.restoring import restored
from alertd.store.roster.snapshot import digest, mended_snapshot, snapshot, staged_snapshot
from alertd.store.roster.source import InMemory, Source
from alertd.store.roster.stage import Stage
from alertd.store.roster.values import Stored
from alertd.store.roster.write import find_rows, write_rows
from alertd.store.vault import Vault
from rosters.diff import Diff, Kind, What

__all__ = [
    "Edited",
    "Headcount",
    "InMemory",
    "Plan",
    "RosterVersion",
    "Scope",
    "Source",
    "Stored",
    "apply",
    "around",
    "between",
    "current_version",
    "described",
    "digest",
    "headcount",
    "import_roster",
    "known_roles",
    "paths_for",
    "plan",
    "restored",
    "roles_for",
    "scope_of",
    "snapshot",
    "version_of",
    "versions",
    "warn_of_shared_phones",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterVersion:
    """One import: who, when, why, how many.

    Args:
        version: Counted from 1.
        created_at: When, ms.
        by: Whose doing: `principal:HEX` or `cli`.
        why: In the words of whoever did it.
        digest: Hex SHA-256 of the version's snapshot.
        counts: units, people, duties, holdings, contacts, terminals, groups.
    """

    version: int
    created_at: Millis
    by: str
    why: str
    digest: str
    counts: Mapping[str, int]


_MOVED = "The roster has changed since this import was prepared."
_AGAIN = "Look at the differences again, then confirm."


class Plan:
    """What an import would do; holds the scratch database until it is closed.

    Args:
        stage: The new roster, numbered, beside the old.
        base: The version it was compared with.
        diff: What would change.
        counts: How many of each there would be.
        digest: Of the snapshot that the new version would have; "" in a plan that is only to be
            looked at.
    """

    def __init__(
        self, stage: Stage, base: int, diff: Diff, counts: Mapping[str, int], digest: str
    ) -> None:
        self.stage = stage
        self.base = base
        self.diff = diff
        self.counts = counts
        self.digest = digest

    def part(
        self, connection: Connection, order: Sequence[tuple[Kind, What]], *, first: int, limit: int
    ) -> Diff:
        """A part of all that changes, in an order of kinds and ways; fields and all.

        Raises:
            ConflictError: The roster is no longer the one that this was compared with.
        """
        self.require_current(connection)
        with self.stage.at_work():
            diff = list_changes(self.stage, self.diff, order, first=first, limit=limit)
            fill_in(diff, connection, self.stage)
        return diff

    def require_current(self, connection: Connection) -> None:
        """Raise ConflictError where the roster is no longer the one this was compared with."""
        if current_version(connection) != self.base:
            raise ConflictError(_MOVED, hint=_AGAIN)

    def frozen(self) -> tuple[dict[str, Any], bytes]:
        """As JSON can carry it, and the scratch database; `thawed` makes a plan of them again."""
        said = {
            "base": self.base,
            "changes": self.diff.table(),
            "counts": dict(self.counts),
            "digest": self.digest,
        }
        return said, self.stage.frozen()

    @classmethod
    def thawed(cls, vault: Vault, said: Mapping[str, Any], stage: bytes | bytearray) -> Self:
        """The plan that was frozen; of its changes none is listed."""
        diff = Diff(limit=0)
        for kind, ways in said["changes"].items():
            for what, count in ways.items():
                diff.counts[Kind(kind), What(what)] = count
        return cls(Stage(vault, stage), said["base"], diff, said["counts"], said["digest"])

    def close(self) -> None:
        """Throw the scratch database away."""
        self.stage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def plan(
    connection: Connection,
    vault: Vault,
    source: Source,
    ids: Ids,
    *,
    scope: Scope | None = None,
    to_apply: bool = True,
    limit: int = 200,
) -> Plan:
    """Compare a roster with the one in force; changes nothing and needs no writer.

    Args:
        connection: Reading is enough.
        vault: Of this store.
        source: Checked before: here only what hangs in the air is refused.
        ids: Gives new people, units, duties… their identities.
        scope: The source is only that part of the roster; all else stays as it is.
        to_apply: Whether the digest is taken, for which a whole roster's lines are read, and what
            is to be written is found.
        limit: How many changes of each kind and each way are listed; all are counted.

    Raises:
        InvalidInputError: The hierarchy doesn't hold together.
        TooLargeError: More duties than there are numbers for.
    """
    stage = Stage(vault)
    try:
        stage.load(connection, source)
        base = copy_known(stage, connection, scope)
        number(stage, ids)
        diff = count_changes(stage, limit)
        fill_in(diff, connection, stage)
        counts, lines = _counts(stage), staged_snapshot(stage)
        if scope:
            counts = _counts_with(connection, base, stage, counts)
            lines = mended_snapshot(connection, base, stage)
        if to_apply:
            find_rows(stage)
        return Plan(stage, base, diff, counts, digest(lines) if to_apply else "")
    except BaseException:
        stage.close()
        raise


def apply(
    tx: Transaction,
    planned: Plan,
    *,
    by: str,
    why: str,
    now: Millis,
    restores: int | None = None,
) -> RosterVersion:
    """Make a plan the roster in force, as a new version.

    Args:
        tx: A writing transaction.
        planned: Made against the version that is still in force.
        by: `principal:HEX` or `cli`; goes on record.
        why: In the words of whoever does it; kept beside the version, not in the journal.
        now: The time, ms.
        restores: The version that comes back with it; goes on record.

    Raises:
        ConflictError: Another import came between.
        UnavailableError: The plan was closed: whoever asked has been given up.
    """
    planned.require_current(tx.connection)
    assert planned.digest  # noqa: S101 - only plans that are to be applied come here
    version = planned.base + 1
    with planned.stage.at_work():
        write_rows(tx.connection, planned.stage, version)
    made = RosterVersion(
        version=version,
        created_at=now,
        by=by,
        why=why,
        digest=planned.digest,
        counts=planned.counts,
    )
    tx.connection.execute(
        t.roster_version.insert().values(
            version=version,
            created_at=now,
            by=by,
            why=why,
            digest=made.digest,
            counts=json.dumps(made.counts),
        )
    )
    body = {
        "version": version,
        "digest": made.digest,
        "counts": dict(made.counts),
        "changes": planned.diff.table(),
        "by": by,
    }
    if restores is not None:
        body["restores"] = restores
    tx.record(Fact(kind="roster.imported", occurred_at=now, body=body, source=by))
    return made


def import_roster(
    tx: Transaction, source: Source, *, ids: Ids, by: str, why: str, now: Millis
) -> RosterVersion:
    """Plan and apply at once: for set-ups and tests, where nobody waits for the writer."""
    with plan(tx.connection, tx.vault, source, ids) as planned:
        return apply(tx, planned, by=by, why=why, now=now)


def versions(connection: Connection) -> list[RosterVersion]:
    """Every version there was, the newest first."""
    query = select(t.roster_version).order_by(t.roster_version.c.version.desc())
    return [_version(row) for row in connection.execute(query)]


def version_of(connection: Connection, version: int) -> RosterVersion:
    """One version.

    Raises:
        NotFoundError: There was none of that number.
    """
    query = select(t.roster_version).where(t.roster_version.c.version == version)
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"There is no roster version {version}.", field="version")
    return _version(row)


def _version(row: Row[tuple[object, ...]]) -> RosterVersion:
    values = row._asdict()
    return RosterVersion(**{**values, "counts": json.loads(values["counts"])})


_TABLES = {
    "units": "unit",
    "people": "person",
    "duties": "duty",
    "holdings": "holding",
    "contacts": "contact",
    "terminals": "terminal",
    "groups": "chat_group",
}


def _counts(stage: Stage) -> dict[str, int]:
    return {
        name: stage.one(f"SELECT count(*) FROM {table}")  # noqa: S608 - our own names
        for name, table in _TABLES.items()
    }


_KNOWN = {
    "units": "FROM old_unit WHERE live",
    "people": "FROM old_person WHERE live",
    "duties": "FROM old_duty WHERE live",
    "holdings": "FROM side WHERE age = 'old' AND kind = 'holding'",
    "contacts": "FROM old_contact",
}


def _counts_with(
    connection: Connection, base: int, stage: Stage, staged: Mapping[str, int]
) -> dict[str, int]:
    """What a version has after a part of it became what is staged."""
    counts = dict(version_of(connection, base).counts)
    for name, known in _KNOWN.items():
        counts[name] += staged[name] - stage.one(f"SELECT count(*) {known}")
    return counts
