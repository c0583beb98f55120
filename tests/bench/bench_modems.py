"""GSM modems: parts a minute, and what gammu adds to the network's own time."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench_http import context
from figures import Figure, peak_mb
from ground import CACHE
from handing import made

from channels.base import Accepted, Limits, RouteConfig
from channels.sms.modems import ModemsRoute

_NETWORK_S = 2.0  # a network takes 2 to 5 s for a part
_TEXT = "【余姚市防指】红色台风A7:立即按清单转移危房、低洼户,18时前完成。回1收到 2+人数完成"


def run(*, quick: bool) -> list[Figure]:
    """One modem by itself, and four that share a queue."""
    parts = 3 if quick else 15
    alone = asyncio.run(_pool(1, parts))
    four = asyncio.run(_pool(4, parts))
    return [
        Figure(
            bench="modems",
            what=f"a part, beyond the network's own {_NETWORK_S:g} s",
            size=parts,
            ours=alone.took_s / parts - _NETWORK_S,
            unit="s",
            at_most=0.7,
            note="gammu's AT driver sleeps 0.6 s between a message and its end",
        ),
        *(
            Figure(
                bench="modems",
                what=f"parts a minute, {pool.modems} modem{'s' if pool.modems > 1 else ''}",
                size=pool.parts,
                ours=60 * pool.parts / pool.took_s,
                unit="parts/min",
                limit=60 * pool.modems / _NETWORK_S,
                ratio=60 * pool.parts / pool.took_s / (60 * pool.modems / _NETWORK_S),
                at_least=_NETWORK_S / (_NETWORK_S + 0.7) * 0.97,
                peak_mb=pool.peak_mb,
                note="the limit is the network's time alone; MB are of one modem's own process",
            )
            for pool in (alone, four)
        ),
    ]


class _Pool:
    """What a pool did."""

    def __init__(self, modems: int, parts: int, took_s: float, peak_mb: float) -> None:
        self.modems, self.parts, self.took_s, self.peak_mb = modems, parts, took_s, peak_mb


async def _pool(modems: int, parts_each: int) -> _Pool:
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        async with _simulated(Path(folder), modems) as devices:
            route = ModemsRoute(_config(devices), context())
            await route.start()
            try:
                await _ready(route, modems)
                parts = modems * parts_each
                messages = made(parts, lambda number: f"+86154{number:08}", text=_TEXT)
                began = time.perf_counter()
                outcomes = [outcome async for outcome in route.send_many(messages)]
                took_s = time.perf_counter() - began
                failed = [o for o in outcomes if not isinstance(o.result, Accepted)]
                assert not failed, failed[:3]
                children = [desk.line.pid for desk in route._desks]
                return _Pool(modems, parts, took_s, max(peak_mb(pid) for pid in children if pid))
            finally:
                await route.close()


@asynccontextmanager
async def _simulated(folder: Path, modems: int) -> AsyncIterator[list[str]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "channels.sms.modem_sim", "--until-eof"),
        *("--links", str(folder / "dev"), "--modems", str(modems)),
        *("--network-s", str(_NETWORK_S)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())["devices"]
    finally:
        process.stdin.close()
        await process.wait()


def _config(devices: list[str]) -> RouteConfig:
    return RouteConfig(
        name="modems",
        type="modems",
        limits=Limits(timeout_s=600.0),
        options={"modems": {Path(device).name: {"device": device} for device in devices}},
    )


async def _ready(route: ModemsRoute, modems: int) -> None:
    async with asyncio.timeout(60):
        while not (await route.health()).detail.startswith(f"{modems} of {modems}"):  # noqa: ASYNC110 - they are processes
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)  # their first chores
