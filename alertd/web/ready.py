"""Whether this node does its work: what a load balancer and an operator ask."""

import asyncio
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from alertd import descriptors
from alertd.engine.refusals import of_cause
from alertd.errors import MovedError
from alertd.i18n import N_
from alertd.lanes import channel_of
from alertd.model import Channel as Kind
from alertd.store.backup.word import warning
from alertd.store.reads.pulse import Pulse, pulse
from alertd.store.starts import listed
from alertd.web.deps import Deps
from alertd.web.standing import standing_of
from alertd.words.tables import CHANNELS
from channels.base import Channel, Health
from channels.out import RouteOut

MOST_CYCLE_AGE_S: Final = 10.0
MOST_PENDING_AGE_S: Final = 120.0  # a route that can't keep up with what is due
MOST_OVERDUE_S: Final = 60.0  # a deadline must be settled long before
LEAST_FREE_BYTES: Final = 200 * 1024 * 1024
SHOWN_MS: Final = 86_400_000  # for whoever comes on duty, too
LACKS: Final = N_(
    "A standby of the database took over, and may lack what was accepted last: look whether alerts"
    " and answers of the moments before are there."
)
_SCARCE: Final = N_(
    "{used} of the {allowed} files and sockets that alertd may have open are: raise LimitNOFILE (or"
    " ulimit -n) and start it anew, or look who holds so many connections."
)
_HEALTH_TIMEOUT_S: Final = 2.5
_LOOK_S: Final = 6.0  # on a busy machine, too
_PASSING_MS: Final = 5_000  # what no route serves has failed by then, or waits for one
_SHIPPED: Final = N_(
    "{problem} What is shipped stands for it in new alerts: put it right, and start alertd anew."
)
_WITHOUT: Final = N_("alertd goes on without: {problem}")
_UNLIKE: Final = N_(
    "Another process on this database is set differently, and decides and writes by it: {names}."
    " Give all of them the same settings, policies and templates, and start them anew."
)
_LOST: Final = N_(
    "No route for {reason} is left, and messages wait for one: are the settings whole? What waits"
    " goes out after a start with the route."
)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteHealth:
    """How one route is; `detail` holds no address and no secret."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What /readyz says.

    Args:
        ready: Whether alerts can be taken in and go out.
        reasons: Why not, one sentence each.
        warnings: What needs a look and doesn't stop the work.
        cycle_age_s: Since the engine's last step.
        oldest_pending_s: How long the longest-waiting delivery has been due.
        free_bytes: On the data folder's disk.
        clock_trusted: Whether the machine's clock agrees with the node's time.
        clock_ahead_s: How far it is ahead; below 0: behind.
        space: `short` while new alerts and rosters are refused for want of it, else `enough`.
    """

    ready: bool
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    cycle_age_s: float
    oldest_pending_s: float
    free_bytes: int | None
    space: str
    routes: tuple[RouteHealth, ...]
    clock_trusted: bool
    clock_ahead_s: float


async def readiness(deps: Deps, patience_s: float = _LOOK_S) -> Readiness:
    """Look at the engine, the store, the disk and the routes.

    A database or disk that hangs is waited for so long: who asks wants to know just that.
    """
    part = deps.runner.engine.part
    # One that is out is so for its hooks, too, whoever sends by it.
    shown = {n: c for n, c in deps.channels.items() if part.sends_by(n) or isinstance(c, RouteOut)}
    routes = await route_healths(shown)
    in_time = partial(_in_time, patience_s)
    free, found, word, few = await asyncio.gather(
        in_time(partial(_free, deps)),
        in_time(partial(_pulse, deps)),
        in_time(partial(_backups, deps)),
        in_time(descriptors.scarce),
    )
    now = deps.now()
    cycle_age_s = max(0.0, (now - deps.runner.cycled_at) / 1000)
    reasons = [N_("The store can't be read.")] if found is None else []
    oldest_s = _oldest_s(found, now)
    reasons += _engine_reasons(deps, cycle_age_s, found, now)
    if is_short(deps):
        reasons.append(
            N_("The disk is full, or can't be written to: new alerts and rosters are refused.")
        )
    elif free is not None and free < LEAST_FREE_BYTES:
        reasons.append(N_("The disk is nearly full."))
    warnings = [f"{route.name}: {route.detail}" for route in routes if not route.ok]
    sending = [route for route in routes if part.sends_by(route.name)]
    if sending and not any(route.ok for route in sending):
        reasons.append(N_("No route is reachable."))
    carried = frozenset().union(*(each.config.carries for each in deps.channels.values()))
    if not deps.channels:
        reasons.append(N_("There is no route: nothing can go out."))
    elif "Actual" not in carried:
        warnings.append(N_("No route carries Actual alerts."))
    if deps.channels:
        warnings += _lost(deps, found, now)
    warnings += [_SHIPPED.format(problem=lack.message) for lack in deps.library.lacks]
    warnings += [_WITHOUT.format(problem=lack.message) for lack in deps.lacking()]
    warnings += _work_warnings(deps, found, oldest_s)
    if word:
        warnings.append(word)
    if few:
        warnings.append(_SCARCE.format(used=few[0], allowed=few[1]))
    standing = standing_of(deps)
    if not standing.trusted:
        warnings.append(standing.warning)
    return Readiness(
        ready=not reasons,
        reasons=tuple(reasons),
        warnings=tuple(warnings),
        cycle_age_s=round(cycle_age_s, 3),
        oldest_pending_s=round(oldest_s, 3),
        free_bytes=free,
        space="short" if is_short(deps) else "enough",
        routes=routes,
        clock_trusted=standing.trusted,
        clock_ahead_s=round(standing.ahead_ms / 1000, 3),
    )


def _work_warnings(deps: Deps, found: Pulse | None, oldest_s: float) -> list[str]:
    warnings = []
    if oldest_s > MOST_PENDING_AGE_S:
        warnings.append(N_("Messages that are due have been waiting for long."))
    if found and found.unheard_help:
        warnings.append(
            N_("Somebody calls for help, and no message about it has left: telephone, and take it.")
        )
    if found and found.forgotten:
        warnings.append(N_("An alert has been paused for more than ten minutes."))
    if found and found.lacks_since and deps.now() - found.lacks_since < SHOWN_MS:
        warnings.append(LACKS)
    if deps.others is not None and deps.others.unlike:
        warnings.append(_UNLIKE.format(names=listed(deps.others.unlike)))
    if deps.runner.engine.portions.strange:
        warnings.append(N_("A worker sends by a route that this server's settings don't name."))
    return warnings


def _lost(deps: Deps, found: Pulse | None, now: int) -> list[str]:
    """The channels in which messages wait that no route is left for."""
    served = {lane for route in deps.runner.engine.routes.values() for lane in route.lanes()}
    lost = {
        Kind(channel_of(lane))
        for lane, since in (found.oldest_in if found else {}).items()
        if lane not in served and now - since > _PASSING_MS
    }
    return [_LOST.format(reason=CHANNELS[kind.word]) for kind in sorted(lost)]


def is_short(deps: Deps) -> bool:
    """Whether new work is refused for want of space."""
    return deps.runner.space is not None and deps.runner.space.short


def _engine_reasons(deps: Deps, cycle_age_s: float, found: Pulse | None, now: int) -> list[str]:
    reasons = []
    if deps.stopping.is_set():
        reasons.append(N_("It is being stopped."))
    if deps.runner.space is not None and deps.runner.space.moved:
        reasons.append(MovedError().message)
    elif deps.runner.failing:
        reasons.append(of_cause(deps.runner.failing))
    if deps.runner.engine.failing(now):
        reasons.append(N_("A part of the engine's work fails again and again."))
    if cycle_age_s > MOST_CYCLE_AGE_S:
        reasons.append(N_("The engine hasn't moved for too long."))
    engine = deps.runner.engine
    if engine.store.shared and not engine.portions.alive:
        reasons.append(N_("No worker is running."))
    overdue = found.overdue_at if found else None
    if overdue is not None and now - overdue > MOST_OVERDUE_S * 1000:
        reasons.append(N_("Messages are past their deadline and not settled."))
    return reasons


async def route_healths(channels: Mapping[str, Channel]) -> tuple[RouteHealth, ...]:
    """Ask every route how it is, all at once; one that doesn't answer isn't well."""
    found = await asyncio.gather(*(_health(channel) for channel in channels.values()))
    return tuple(
        RouteHealth(name=name, ok=health.ok, detail=health.detail)
        for name, health in zip(channels, found, strict=True)
    )


async def _health(channel: Channel) -> Health:
    try:
        async with asyncio.timeout(_HEALTH_TIMEOUT_S):
            return await channel.health()
    except TimeoutError:
        return Health(ok=False, detail=N_("It doesn't answer."))
    except Exception as error:  # noqa: BLE001 - its text may hold an address, its type doesn't
        return Health(ok=False, detail=type(error).__name__)


async def _in_time(patience_s: float, look: Callable[[], T]) -> T | None:
    try:
        async with asyncio.timeout(patience_s):
            return await asyncio.to_thread(look)
    except TimeoutError:
        return None


def _pulse(deps: Deps) -> Pulse | None:
    try:
        with deps.store.read() as connection:
            return pulse(connection, deps.now())
    except Exception:  # noqa: BLE001 - any failure to read is the answer
        return None


def _oldest_s(found: Pulse | None, now: int) -> float:
    dues = list(found.oldest_due_at.values()) if found else []
    return max(0.0, (now - min(dues)) / 1000) if dues else 0.0


def _backups(deps: Deps) -> str | None:
    """Of SQLite's; PostgreSQL is backed up by its own tools, of which nobody here knows."""
    return None if deps.store.shared else warning(deps.settings.data_dir, deps.now())


def _free(deps: Deps) -> int | None:
    try:
        return shutil.disk_usage(deps.settings.data_dir).free
    except OSError:
        return None
