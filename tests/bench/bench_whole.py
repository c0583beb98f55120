"""The whole: trigger to last message handed over, at two sizes, and the same by other means."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from figures import Figure
from ground import CITY_SCALES, ROOT
from peer import HERE, gateway

_PEERS = {"apprise": "peer_apprise.py", "procrastinate + httpx": "peer_queue.py"}
_FASTER = 15
_GROWTH, _MEMORY_GROWTH = 11, 2


def run(*, quick: bool) -> list[Figure]:
    """alertd and each peer in turns; then ten times the people."""
    small, large = sorted(CITY_SCALES)
    rounds, sample = (1, 300) if quick else (3, 2_000)
    ours: list[dict[str, float]] = []
    rates: dict[str, list[float]] = {name: [] for name in _PEERS}
    for _ in range(rounds):
        ours.append(_ours(small))
        for name, file in _PEERS.items():
            rates[name].append(_peer(file, sample))
    figures = [_itself("20,000 by SMS, 300 groups, 300 loudspeakers", small, ours)]
    figures += [_against(name, ours, rates[name], sample) for name in _PEERS]
    if quick:
        return figures
    big = [_ours(large) for _ in range(2)]
    return [
        *figures,
        _itself("200,000 by SMS, 300 groups, 300 loudspeakers", large, big),
        *_growth(ours, big, large),
    ]


def _itself(what: str, people: int, found: list[dict[str, float]]) -> Figure:
    return Figure(
        bench="whole",
        what=what,
        size=people,
        ours=median(one["seconds"] for one in found),
        unit="s",
        peak_mb=median(one["peak_mb"] for one in found),
        note=f"{median(map(_rate, found)):,.0f} messages/s",
    )


def _rate(one: dict[str, float]) -> float:
    return one["messages"] / one["seconds"]


def _against(name: str, ours: list[dict[str, float]], theirs: list[float], sample: int) -> Figure:
    return Figure(
        bench="whole",
        what=f"against {name}",
        size=20_000,
        ours=median(map(_rate, ours)),
        unit="msg/s",
        limit=median(theirs),
        ratio=median(_rate(a) / b for a, b in zip(ours, theirs, strict=True)),
        at_least=_FASTER,
        note=f"its rate over {sample:,} messages to the same gateway",
    )


def _growth(few: list[dict[str, float]], many: list[dict[str, float]], people: int) -> list[Figure]:
    def ratio(what: str) -> float:
        return median(one[what] for one in many) / median(one[what] for one in few)

    time_ratio = Figure(
        bench="whole",
        what="time, ten times the people",
        size=people,
        ours=ratio("seconds"),
        unit="times",
        at_most=_GROWTH,
    )
    memory = Figure(
        bench="whole",
        what="peak memory, ten times the people",
        size=people,
        ours=ratio("peak_mb"),
        unit="times",
        at_most=_MEMORY_GROWTH,
    )
    return [time_ratio, memory]


def _ours(people: int) -> dict[str, float]:
    with gateway() as port:
        return _program(sys.executable, "whole_node.py", people, port)


def _peer(file: str, many: int) -> float:
    python = ROOT / ".venv-bench" / "bin" / "python"
    with gateway() as port:
        found = _program(str(python), file, port, many)
    assert found["sent"] == many, found
    return many / found["seconds"]


def _program(python: str, file: str, *arguments: int) -> dict[str, float]:
    command = [python, "-W", "ignore", str(Path(HERE) / file), *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode:
        sys.stderr.write(done.stderr.decode())
        raise SystemExit(f"{file} ended with {done.returncode}")
    result: dict[str, float] = json.loads(done.stdout)
    return result
