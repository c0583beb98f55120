"""The ground of `make bench-scale`: a PostgreSQL server, cities in it, an engine, the gateway.

The smallest city comes in by the roster's own import. A larger one is that city many times over,
copied inside the database, under numbers as dense as an import gives them: its people share phones
with those they are copies of, which nothing here looks at.
"""

import os
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
from ground import DAY, KEY, START, route

from alertd import cap, messages
from alertd.decide.plan import Route
from alertd.engine.core import Engine
from alertd.engine.library import Library
from alertd.messages import load_library
from alertd.model import Channel, Policy
from alertd.store import migrate
from alertd.store import tables as t
from alertd.store.database import Store
from alertd.store.identity import SequentialIds
from alertd.store.roster import import_roster
from alertd.store.vault import Vault
from rosters.parse import check
from rosters.sample import write_sample
from tests import postgres

SMALLEST = 20_000
SETTINGS = ("shared_buffers=4GB", "max_wal_size=16GB", "checkpoint_timeout=30min")
"""Beside PostgreSQL's own: fsync is on, synchronous_commit is on. The largest city has 3.3 GB."""

_A_DAY_MIN = 1_440


@dataclass(frozen=True)
class Cities:
    """A server and the databases in it."""

    server: postgres.Server

    def url(self, name: str) -> str:
        """For SQLAlchemy."""
        return self.server.url(name)

    def dsn(self, name: str) -> str:
        """For psycopg."""
        return f"host={self.server.folder} user=postgres dbname={name}"

    def connect(self, name: str) -> "psycopg.Connection[tuple[int, ...]]":
        """A connection that commits each statement by itself."""
        return psycopg.connect(self.dsn(name), autocommit=True)

    def make(self, name: str) -> None:
        """An empty database."""
        self._run(f'CREATE DATABASE "{name}"')

    def copy(self, source: str, name: str) -> None:
        """A database like another one, which nobody has open."""
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{source}" STRATEGY FILE_COPY')

    def drop(self, name: str) -> None:
        """Have none of that name."""
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        with self.connect("postgres") as connection:
            connection.execute(statement)

    def people(self, name: str, times: int) -> None:
        """A city of `times` the smallest one's people."""
        self.make(name)
        _import(self.url(name))
        with self.connect(name) as connection:
            connection.execute("DELETE FROM terminal")
            connection.execute("DELETE FROM chat_group")
            if times > 1:
                _multiply(connection, times)
            # The roster has been there for long; of what alerts write nothing is known yet.
            connection.execute(f"VACUUM ANALYZE {', '.join(_NUMBERS)}")

    def cpu_s(self) -> float:
        """What the server has used so far, seconds; of those that ended, too."""
        first = self.server.pid
        ours = [_stat(pid) for pid in (first, *self._children())]
        ticks = sum(sum(stat[:2]) for stat in ours if stat) + sum((_stat(first) or (0,) * 4)[2:])
        return ticks / os.sysconf("SC_CLK_TCK")

    def backend_mb(self) -> float:
        """The most that one of its processes holds now beside the shared memory, MB."""
        return max((_anonymous_kb(pid) for pid in self._children()), default=0) / 1024

    def _children(self) -> list[int]:
        words = ["ps", "-o", "pid=", "--ppid", str(self.server.pid)]
        found = subprocess.run(words, capture_output=True, text=True, check=False)
        return [int(pid) for pid in found.stdout.split()]


def _stat(pid: int) -> tuple[int, ...] | None:
    """Ticks: user, system, and those of its children that have ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return tuple(map(int, text.rpartition(")")[2].split()[11:15]))


def _anonymous_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon")), 0)


@contextmanager
def cities() -> Iterator[Cities]:
    """A server with nothing in it, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="alertd-pg-") as folder:
        Path(folder).chmod(0o755)
        server = postgres.make(Path(folder) / "s", *SETTINGS)
        try:
            yield Cities(server)
        finally:
            server.stop()


def _import(url: str) -> None:
    migrate.upgrade(url)
    store = Store(url, Vault(KEY), node="bench")
    with tempfile.TemporaryDirectory() as folder, store.transaction(START) as tx:
        made = write_sample(Path(folder) / "roster", seed=7, today=DAY, scale=1)
        checked = check(made.files, today=DAY)
        import_roster(tx, checked, ids=SequentialIds("city"), by="bench", why="bench", now=START)
    store.close()


# Whose numbers a column holds. People and duties share theirs, as an import numbers them.
_NUMBERS = {
    "unit": {"no": "unit", "parent_no": "unit"},
    "address": {"no": "address"},
    "person": {"no": "person"},
    "duty": {"no": "person", "unit_no": "unit"},
    "holding": {
        "person_no": "person",
        "duty_no": "person",
        "unit_no": "unit",
        "address_no": "address",
    },
    "contact": {"person_no": "person", "address_no": "address"},
}
_UNIQUE_TEXTS = {"code", "person_id"}
_UNIQUE_BYTES = {"id", "blind"}


def _multiply(connection: "psycopg.Connection[tuple[int, ...]]", times: int) -> None:
    """Write every row of the roster but the city's own unit `times - 1` times more."""

    def one(query: str) -> int:
        row = connection.execute(query).fetchone()
        return int(row[0])

    root = one("SELECT no FROM unit WHERE parent_no IS NULL")
    paths = connection.execute("SELECT path FROM unit WHERE no = %s", [root]).fetchall()
    top = str(paths[0][0])
    steps = {
        "unit": one("SELECT max(no) FROM unit"),
        "address": one("SELECT max(no) FROM address"),
        "person": max(one("SELECT max(no) FROM person"), one("SELECT max(no) FROM duty")),
    }
    for table, numbers in _NUMBERS.items():
        columns = [column.name for column in t.metadata.tables[table].columns]
        values = [_copied(name, numbers, steps, root, top) for name in columns]
        where = "WHERE parent_no IS NOT NULL" if table == "unit" else ""
        connection.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)}"  # noqa: S608
            f" FROM {table} CROSS JOIN generate_series(1, {times - 1}) AS k {where}"
            f" ORDER BY k, {next(iter(numbers))}"
        )


def _copied(
    name: str, numbers: Mapping[str, str], steps: Mapping[str, int], root: int, top: str
) -> str:
    if name in numbers:
        moved = f"{name} + k * {steps[numbers[name]]}::bigint"
        if numbers[name] == "unit":
            return f"CASE WHEN {name} = {root} THEN {name} ELSE {moved} END"
        return moved
    if name == "path":
        return f"'{top}' || k || '-' || substr(path, {len(top) + 1})"
    if name in _UNIQUE_TEXTS:
        return f"k || '-' || {name}"
    if name in _UNIQUE_BYTES:
        return f"substr(sha256({name} || k::text::bytea), 1, {32 if name == 'blind' else 16})"
    return name


def nobody_answers() -> Policy:
    """The shipped policy for red with everybody told, whose ladders begin tomorrow.

    Nobody answers here, and what climbs is not what is measured.
    """
    text = (resources.files("config") / "policies" / "red.toml").read_text(encoding="utf-8")
    policy = Policy.from_dict(tomllib.loads(text))
    stages = tuple(replace(rule, start_min=_A_DAY_MIN) for rule in policy.stages)
    return replace(policy, tell="everyone", stages=stages)


def sms(at_once: int, workers: int, **more: float) -> dict[str, Route]:
    """One route, which gives each of the workers `at_once` messages at a time."""
    whole = route("sms", Channel.SMS, at_once=at_once * workers)
    return {"sms": replace(whole, shares=workers, **more)}  # type: ignore[arg-type]


def engine_at(url: str, routes: dict[str, Route], lease: str) -> Engine:
    """An engine on a city."""
    library = Library(
        policies={colour.value: nobody_answers() for colour in cap.Colour},
        templates=load_library(),
        zone=ZoneInfo("Asia/Shanghai"),
    )
    return Engine(
        store=Store(url, Vault(KEY), node="bench"),
        routes=routes,
        library=library,
        wording=messages.Wording({"zh-CN": "余姚市防指", "en": "Yuyao FCDH"}),
        ids=SequentialIds(lease),
        lease=lease,
    )


def now() -> int:
    """The time, ms."""
    return time.time_ns() // 1_000_000
