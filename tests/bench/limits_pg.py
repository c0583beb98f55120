"""What PostgreSQL and a bare client do at best: the same work with nothing of alertd, by psycopg.

    python limits_pg.py drain DSN BATCH            claim and settle until nothing is left
    python limits_pg.py insert DSN                 every delivery by one INSERT … SELECT
    python limits_pg.py post PORT MANY AT_ONCE     so many messages through a bare HTTP client

Each says `ready` as JSON, waits for a line, does it, and prints what it took.
"""

import asyncio
import json
import sys
import time
from typing import Any

import limits
import psycopg
from figures import peak_mb

DELIVERY = limits.DELIVERY.replace("INTEGER", "BIGINT")
"""alertd's own table and indexes, in PostgreSQL's types."""

Connection = psycopg.Connection[tuple[Any, ...]]

# As alertd's: the columns it sets and gives back; one transaction settles a batch and claims the
# next, as one step of the engine does. An array, and not the usual `id IN (SELECT …)`: where
# PostgreSQL doesn't know yet how large the table is, it joins the two row by row, and one claim of
# 1,000 among 200,000 wasn't done after 150 s; where it does know, it may read the whole table.
_CLAIM = (
    "UPDATE delivery SET state = 1, attempt = attempt + 1, due_at = %s, route = 'sms',"
    " lease = %s, left_at = coalesce(left_at, %s)"
    " WHERE id = ANY(ARRAY(SELECT id FROM delivery WHERE lane = 11 AND state = 0"
    " AND due_at <= %s ORDER BY lane, priority, due_at, id LIMIT %s FOR UPDATE SKIP LOCKED))"
    " RETURNING id, attempt, message_no, recipient_kind, recipient_no, address_no, lane,"
    " priority, duplicate, played"
)
_SETTLE = (
    "UPDATE delivery SET state = %s, due_at = %s, reason = %s, avoid_route = %s, duplicate = %s,"
    " settled_at = %s, lease = NULL WHERE id = ANY(%s) AND state = 1 AND lease = %s"
)
_INSERT = (
    "INSERT INTO delivery (id, message_no, recipient_kind, recipient_no, address_no, lane,"
    " priority, state, attempt, due_at, duplicate, played)"
    " SELECT (1::bigint << 32) + no, (1::bigint << 32) + 1, 1, recipient_no, address_no, 11, 1,"
    " 0, 0, %s, 0, 0 FROM source ORDER BY no"
)


def prepare(connection: Connection, rows: int) -> None:
    """The tables, with so many recipients and no delivery."""
    connection.execute(DELIVERY)  # type: ignore[arg-type]
    connection.execute(
        "INSERT INTO source SELECT no, no, no FROM generate_series(1, %s) AS no", [rows]
    )
    connection.execute("ANALYZE source")


def insert(connection: Connection) -> int:
    """Every delivery by one statement, in the order of the key; returns how many."""
    connection.execute("TRUNCATE delivery")
    connection.commit()
    return connection.execute(_INSERT, [limits.NOW]).rowcount


def drain(connection: Connection, batch: int, lease: str) -> int:
    """Claim and settle until nothing is left; returns how many rows this process had."""
    had: list[int] = []
    done = 0
    while True:
        if had:
            same = (2, None, "gateway-has-it", None, 0, limits.NOW)
            connection.execute(_SETTLE, [*same, had, lease])
        rows = connection.execute(
            _CLAIM, [limits.NOW + 15_000, lease, limits.NOW, limits.NOW, batch]
        ).fetchall()
        connection.commit()
        had = [row[0] for row in rows]
        done += len(had)
        if not had:
            return done


def post(port: int, many: int, at_once: int) -> int:
    """So many messages to a gateway; returns how many it took."""
    text = "【余姚市防指】台风红色预警:今日18时起12级以上大风,请立即转移危房、低洼地带人员。"
    texts = [(f"+8613{number:09d}", text) for number in range(many)]
    return asyncio.run(limits.post_all(port, limits.sms_requests(texts), at_once))


def main(what: str, where: str, *more: str) -> None:
    """Wait for the word, do it, say what it took."""
    connection = None if what == "post" else psycopg.connect(where)
    say({"ready": True})
    sys.stdin.readline()
    began, busy = time.perf_counter(), time.process_time()
    if connection is None:
        done = post(int(where), *map(int, more))
    elif what == "insert":
        done = insert(connection)
        connection.commit()
    else:
        done = drain(connection, int(more[0]), f"bare-{time.monotonic_ns()}")
    took, cpu = time.perf_counter() - began, time.process_time() - busy
    say({"done": done, "seconds": took, "cpu_seconds": cpu, "peak_mb": peak_mb()})
    sys.stdin.readline()


def say(what: dict[str, Any]) -> None:
    """To whoever started this."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
