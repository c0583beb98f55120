"""Two hundred open boards of a city of 20,000: what an event costs, and when all have seen it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import console_page
from console_boards import Board, Spell, measured, opened
from console_served import Served, bare, node
from figures import Figure, peak_mb

_PEOPLE = 20_000
_CALM_S = 4.0  # until boards that have just opened have all read
_LOOKS = 5
_WITHIN_S = 3.0
_LONGEST_MS = 100
_RATIO = 40  # 14 to 23 seen; more is a change for the worse


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured at the node.

    Args:
        alone: Replies, and nobody looks.
        busy: The same replies with the boards open.
        worst_s: The longest from a reply's commit until every board showed it.
        boards_mb: What the server held more with the boards open.
    """

    alone: Spell
    busy: Spell
    worst_s: float
    boards_mb: float


def run(*, quick: bool) -> list[Figure]:
    """The node, one board of it in Chromium, then the bare server with as many bytes."""
    boards, seconds = (20, 5.0) if quick else (200, 20.0)
    with node(boards) as ours:
        found = asyncio.run(_node(ours, seconds))
        longest = console_page.watched(ours, seconds)
        most_mb = peak_mb(ours.pid)
    with bare(found.busy, boards) as limit:
        least = asyncio.run(_open(limit, seconds))
    return [*_events(boards, found, least), *_boards(boards, found, most_mb), *_page(longest)]


async def _node(served: Served, seconds: float) -> Found:
    await measured(served, [], 2.0)  # warm
    alone = await measured(served, [], seconds)
    before_mb = served.memory_mb()
    async with opened(served) as boards:
        await asyncio.sleep(_CALM_S)
        worst_s = max([await _seen_by_all(served, boards) for _ in range(_LOOKS)])
        busy = await measured(served, boards, seconds)
        return Found(alone, busy, worst_s, served.memory_mb() - before_mb)


async def _open(served: Served, seconds: float) -> Spell:
    async with opened(served) as boards:
        await asyncio.sleep(_CALM_S)
        return await measured(served, boards, seconds)


async def _seen_by_all(served: Served, boards: Sequence[Board]) -> float:
    loop = asyncio.get_running_loop()
    await served.event()
    began_s = loop.time()
    async with asyncio.timeout(60):
        await asyncio.gather(*(board.shows(served.told) for board in boards))
    return loop.time() - began_s


def _events(boards: int, found: Found, least: Spell) -> list[Figure]:
    busy, alone = found.busy, found.alone
    ours_us = (busy.cpu_s - alone.cpu_s) / busy.events * 1e6
    facts = busy.events / boards / busy.replies
    limit_us = least.cpu_s / (least.replies * facts * boards) * 1e6
    return [
        Figure(
            bench="console",
            what="processor time of the server for a fact and an open board",
            size=boards,
            ours=ours_us,
            unit="µs",
            limit=limit_us,
            ratio=ours_us / limit_us,
            at_most=_RATIO,
            note=(
                f"{busy.replies / busy.seconds:.1f} replies/s, {facts:.1f} facts each; less what"
                " the same take with no board open; the limit is asyncio and httptools alone, with"
                " the same bytes to the same boards"
            ),
        ),
        Figure(
            bench="console",
            what="processor time of the server, all boards open, replies coming",
            size=boards,
            ours=busy.cpu_s / busy.seconds * 100,
            unit="% of a core",
            limit=least.cpu_s / least.seconds * 100,
            note=f"{alone.cpu_s / alone.seconds * 100:.1f} % with none open",
        ),
        Figure(
            bench="console",
            what="bytes of an update: the parts, over the wire",
            size=_PEOPLE,
            ours=busy.fetched / busy.fetches / 1024,
            unit="kB",
        ),
        Figure(
            bench="console",
            what="bytes of a fact in the stream",
            size=_PEOPLE,
            ours=busy.streamed / busy.events,
            unit="B",
        ),
    ]


def _boards(boards: int, found: Found, most_mb: float) -> list[Figure]:
    return [
        Figure(
            bench="console",
            what="until every open board shows a reply, from its commit",
            size=boards,
            ours=found.worst_s,
            unit="s",
            at_most=_WITHIN_S,
            note=f"the longest of {_LOOKS}",
        ),
        Figure(
            bench="console",
            what="memory of the server for the open boards",
            size=boards,
            ours=found.boards_mb,
            unit="MB",
            peak_mb=most_mb,
        ),
    ]


def _page(longest: console_page.Longest | None) -> list[Figure]:
    if longest is None:
        return []
    note = "by the clock, beside the server and whatever else runs; {:.0f} ms of processor time"
    return [
        Figure(
            bench="console",
            what=f"longest task of the page, {what}",
            size=_PEOPLE,
            ours=task.wall_ms,
            unit="ms",
            at_most=_LONGEST_MS,
            note=note.format(task.cpu_ms),
        )
        for what, task in (("opening", longest.opening), ("replies coming", longest.moving))
    ]
