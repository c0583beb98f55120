"""What `make bench-scale` measures, each once: processes started, told to go, and asked."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import limits_pg
from peer import HERE, gateway
from scale_ground import Cities

from alertd.model import DeliveryState

if TYPE_CHECKING:
    from psycopg import Connection

ROOT = HERE.parent.parent
_BEAT_S = 2.5  # workers have seen one another, and shared the route, by then
_LOOK_S = 0.05
_STUCK_S = 3_600.0
_WAITING = [int(DeliveryState.PENDING), int(DeliveryState.SENDING)]
_GOOD = [int(DeliveryState.ACCEPTED), int(DeliveryState.DELIVERED)]


@dataclass(frozen=True)
class Took:
    """What one measurement found.

    Args:
        done: Deliveries.
        seconds: From the word to the last one.
        cpu_s: Of all processes of ours (of the bare client's), and of PostgreSQL.
        peak_mb: Of the largest of our processes; what its work added to it; PostgreSQL's largest.
    """

    done: int
    seconds: float
    cpu_s: float
    database_cpu_s: float = 0.0
    peak_mb: float = 0.0
    grown_mb: float = 0.0
    backend_mb: float = 0.0

    @property
    def rate(self) -> float:
        """Deliveries per second."""
        return self.done / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of a core per delivery, ours and the database's together."""
        return (self.cpu_s + self.database_cpu_s) / self.done * 1e6

    def to_dict(self) -> dict[str, float]:
        """As it is written down."""
        return {**vars(self), "rate": self.rate, "cpu_us": self.cpu_us}


class Node:
    """A process that waits for words on its stdin and answers in JSON."""

    def __init__(self, file: str, *arguments: object, python: str = sys.executable) -> None:
        command = [python, "-W", "ignore", str(HERE / file), *map(str, arguments)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self.name = f"{file} {arguments[0]}"

    def tell(self) -> None:
        """The next word."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def ask(self) -> dict[str, Any]:
        """Its next answer."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """Let it end by itself."""
        self.tell()
        self._process.wait(60)


def expand(cities: Cities, name: str) -> Took:
    """alertd's expansion on a fresh city; the city is left expanded."""
    node = Node("scale_node.py", "expand", cities.url(name))
    found = _together(cities, [node], settle_s=0)
    with cities.connect(name) as connection:
        made = _one(connection, "SELECT sum(n) FROM delivery_count")
    return _took(cities, [node], found, made)


def hand(cities: Cities, name: str, batch: int, workers: int, most: int) -> Took:
    """alertd's claims and settlements by so many workers, `most` at most each."""
    nodes = [
        Node("scale_node.py", "hand", cities.url(name), batch, workers, most)
        for _ in range(workers)
    ]
    return _took(cities, nodes, _together(cities, nodes, settle_s=_BEAT_S if workers > 1 else 0))


def bare_insert(cities: Cities, name: str) -> Took:
    """Every delivery by one statement."""
    nodes = [Node("limits_pg.py", "insert", cities.dsn(name))]
    return _took(cities, nodes, _together(cities, nodes, settle_s=0))


def bare_drain(cities: Cities, name: str, batch: int, workers: int) -> Took:
    """The two statements alone, by so many processes."""
    nodes = [Node("limits_pg.py", "drain", cities.dsn(name), batch) for _ in range(workers)]
    return _took(cities, nodes, _together(cities, nodes, settle_s=0))


def bare_client(many: int, at_once: int) -> Took:
    """A bare HTTP client in front of the same gateway."""
    with gateway() as port:
        node = Node("limits_pg.py", "post", port, many, at_once)
        node.ask()
        node.tell()
        found = node.ask()
        node.end()
    assert found["done"] == many
    return Took(many, found["seconds"], found["cpu_seconds"], peak_mb=found["peak_mb"])


def whole(cities: Cities, name: str, workers: int) -> Took:
    """From the approval until the last message is handed over, by so many workers."""
    with gateway() as port:
        nodes = [
            Node("scale_node.py", "work", cities.url(name), workers, port, int(number == 0))
            for number in range(workers)
        ]
        for node in nodes:
            node.ask()
        time.sleep(_BEAT_S if workers > 1 else 0)
        before, began = cities.cpu_s(), time.perf_counter()
        for node in nodes:
            node.tell()
        done = _until_all_left(cities, name)
        took, database = time.perf_counter() - began, cities.cpu_s() - before
        for node in nodes:
            node.tell()
        answers = [node.ask() for node in nodes]
        backend = cities.backend_mb()
        for node in nodes:
            node.end()
    return Took(
        done,
        took,
        sum(answer["cpu_seconds"] for answer in answers),
        database,
        max(answer["peak_mb"] for answer in answers),
        max(answer["peak_mb"] - answer["before_mb"] for answer in answers),
        backend,
    )


def _until_all_left(cities: Cities, name: str) -> int:
    """Wait; returns how many messages were handed over, all of them taken."""
    stuck_at = time.monotonic() + _STUCK_S
    with cities.connect(name) as connection:
        while time.monotonic() < stuck_at:
            time.sleep(_LOOK_S)
            issued = "SELECT sum(phase) FROM alert WHERE state = 'issued'"
            if _one(connection, issued, nothing=-1) or _counted(connection, _WAITING):
                continue
            good = _counted(connection, _GOOD)
            assert good == _one(connection, "SELECT sum(n) FROM delivery_count")
            return good
    raise SystemExit(f"{name}: not done after {_STUCK_S:.0f} s")


def _counted(connection: "Connection[Any]", states: Sequence[int]) -> int:
    return _one(connection, "SELECT sum(n) FROM delivery_count WHERE state = ANY(%s)", states)


def _one(
    connection: "Connection[Any]", query: str, *values: Sequence[int], nothing: int = 0
) -> int:
    row = connection.execute(query, values).fetchone()
    return nothing if row is None or row[0] is None else int(row[0])


def _together(
    cities: Cities, nodes: Sequence[Node], *, settle_s: float
) -> tuple[list[dict[str, Any]], float, float]:
    """Have all of them begin at once; what each says, the seconds, and PostgreSQL's."""
    for node in nodes:
        assert node.ask()["ready"]
    time.sleep(settle_s)
    before, began = cities.cpu_s(), time.perf_counter()
    for node in nodes:
        node.tell()
    answers = [node.ask() for node in nodes]
    return answers, time.perf_counter() - began, cities.cpu_s() - before


def _took(
    cities: Cities,
    nodes: Sequence[Node],
    found: tuple[list[dict[str, Any]], float, float],
    done: int | None = None,
) -> Took:
    answers, seconds, database = found
    backend = cities.backend_mb()
    for node in nodes:
        node.end()
    return Took(
        sum(answer["done"] for answer in answers) if done is None else done,
        seconds,
        sum(answer["cpu_seconds"] for answer in answers),
        database,
        max(answer["peak_mb"] for answer in answers),
        max(answer["peak_mb"] - answer.get("before_mb", 0.0) for answer in answers),
        backend,
    )


def prepare_bare(cities: Cities, name: str, rows: int, like: str) -> None:
    """A database with the bare table, and whom to fill it with; its table is alertd's."""
    cities.make(name)
    with cities.connect(name) as connection, cities.connect(like) as theirs:
        limits_pg.prepare(connection, rows)
        for query in _SHAPE:
            found, wanted = (each.execute(query).fetchall() for each in (connection, theirs))
            assert found == wanted, (found, wanted)


# By name: what a migration adds PostgreSQL puts behind all others, a fresh table in its place.
_COLUMNS = (
    "SELECT column_name, data_type, is_nullable FROM information_schema.columns"
    " WHERE table_name = 'delivery' ORDER BY column_name"
)
_SHAPE = (
    _COLUMNS,
    "SELECT indexdef FROM pg_indexes WHERE tablename = 'delivery' ORDER BY 1",
)


def peer(file: str, many: int) -> float:
    """Another tool over so many messages to the same gateway: its rate."""
    python = ROOT / ".venv-bench" / "bin" / "python"
    with gateway() as port:
        command = [str(python), "-W", "ignore", str(Path(HERE) / file), str(port), str(many)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise SystemExit(f"{file} ended with {done.returncode}")
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["sent"] == many, found
    return float(many / found["seconds"])
