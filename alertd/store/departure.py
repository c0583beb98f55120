"""Whether the city lives in this database, or was carried into another and is served from there.

A copy that is served sends: were both, whatever waits would be sent twice, and an answer would
count in one of them alone.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict

from sqlalchemy import Connection, select

from alertd.errors import ConflictError
from alertd.model import Fact, Millis
from alertd.store import chains, dialect, given, home, lived, migrate
from alertd.store import tables as t
from alertd.store.backup.holding import NONE, pause
from alertd.store.backup.waiting import Waiting, codes, waiting, would_send
from alertd.store.database import Store, Transaction
from alertd.store.journal import Head
from alertd.store.journal import heads as heads_of
from alertd.store.vault import KEY_BYTES, Vault


def refuse_departed(connection: Connection) -> None:
    """Refuse to go on in a database whose city was carried away.

    Raises:
        ConflictError: It was.
    """
    gone = connection.execute(select(t.departure.c.to, t.departure.c.at)).first()
    if gone is not None:
        moment = dt.datetime.fromtimestamp(gone.at // 1000, dt.UTC)
        kind, at = gone.to, f"{moment:%Y-%m-%d %H:%M}"
        raise ConflictError(
            f"This city was carried into another database ({kind}) at {at} UTC;"
            " served here, too, it would send what waits twice.",
            hint="Set database_url to that one; if it is lost: alertd migrate-store --take-back",
        )


def leave(url: str, heads: Sequence[Head], *, node: str, to: str, now: Millis) -> None:
    """Write down at `url` that the city is in a database of the kind `to` from now on.

    Args:
        url: The database that is left.
        heads: Where its chains ended when it was copied.
        node: This node's name.
        to: Where it went.
        now: The time.

    Raises:
        ConflictError: A process was at work there since.
    """
    with closing(_alone(url, node)) as store, store.transaction(_time(store, now)) as tx:
        # We are one; and whoever starts now waits for us, and reads that it was left.
        if dialect.writers(tx.connection) > 1 or heads_of(tx.connection) != list(heads):
            raise running_there()
        _record(tx, "store.left", {"node": node, "to": to})


def running_there() -> ConflictError:
    """What is said where a database isn't left alone while it is copied."""
    return ConflictError(
        "alertd is running on one of the two databases.", hint="Stop every server and worker."
    )


def take_back(
    url: str, *, node: str, now: Millis, will_send: bool, chance_ms: Millis = 0
) -> Waiting:
    """Let the city go on at `url`, which it had left; returns what the next start sends.

    What waits may have left from the other database meanwhile, and is marked as a possible
    duplicate. `chance_ms` is for a `now` that is behind, as `given.leave_out` has it.

    Raises:
        ConflictError: It hasn't left, or would send and nobody has said that it shall.
    """
    migrate.upgrade(url)
    with closing(_alone(url, node)) as store, store.transaction(_time(store, now)) as tx:
        chance_ms = chance_ms if now < tx.now else 0
        gone = tx.connection.execute(select(t.departure.c.node, t.departure.c.at)).first()
        if gone is None:
            raise ConflictError("This city wasn't carried away: there is nothing to take back.")
        waits = waiting(tx.connection, tx.now)
        if waits.any and not will_send:
            raise would_send(waits, codes(tx.connection, tx.now))
        _record(tx, "store.taken-back", {"node": gone.node, "waiting": asdict(waits)})
        given.leave_out(tx, gone.at, source="cli", chance_ms=chance_ms)
    return waits


def restored(
    url: str,
    *,
    node: str,
    now: Millis,
    will_send: bool,
    held_back: Mapping[str, str] = NONE,
    chance_ms: Millis = 0,
) -> Waiting:
    """Let the city go on at `url`, where PostgreSQL's own tools have put a copy; as `take_back`.

    `held_back` are the alerts to be paused, as `backup.holding` has them.

    Raises:
        ConflictError: It isn't whole, was carried away, is being served, or would send and nobody
            has said that it shall.
        NotFoundError: An alert to be paused isn't out in it.
    """
    migrate.upgrade(url)
    with closing(_alone(url, node)) as store, store.transaction(_time(store, now)) as tx:
        refuse_departed(tx.connection)
        if dialect.writers(tx.connection) > 1:  # and we are one
            raise ConflictError(
                "alertd is running on this database.", hint="Stop every server and worker."
            )
        if not chains.check(tx.connection).good:
            raise ConflictError(
                "The journal in this database doesn't hold.", hint="Look at it: alertd verify"
            )
        waits = waiting(tx.connection, tx.now)
        if waits.any and not will_send:
            raise would_send(waits, codes(tx.connection, tx.now))
        taken_at = lived.last_fact(tx.connection, node) or 0
        _record(tx, "restored", {"taken_at": taken_at, "waiting": asdict(waits)})
        given.leave_out(tx, taken_at, source="cli", chance_ms=chance_ms if now < tx.now else 0)
        pause(tx, held_back)
        home.settle(tx)
    return waits


def arrived(tx: Transaction, origin: str) -> None:
    """The fact that this journal goes on from one in a database of the kind `origin`."""
    _record(tx, "store.arrived", {"from": origin})


def _record(tx: Transaction, kind: str, body: dict[str, object]) -> None:
    tx.record(Fact(kind=kind, occurred_at=tx.now, body=body, source="cli"))


def _time(store: Store, now: Millis) -> Millis:
    with store.read() as connection:
        return lived.no_earlier(connection, store.node, now)


def _alone(url: str, node: str) -> Store:
    """The database for a fact or two; no address is sealed or opened."""
    return Store(url, Vault(bytes(KEY_BYTES)), node=node)
