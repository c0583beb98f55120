"""Situation reports: drawn when somebody asks, and by themselves every so many minutes.

The node asks `Situations.look` now and then. When the next is due follows from the last one's
file, so that a restart has nothing to remember. Whatever goes wrong is logged and shown on the
page: the engine knows nothing of it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import structlog

from alertd.engine.authority import Actor
from alertd.model import MINUTE_MS, Millis
from alertd.report import situation
from alertd.report.kept import FOLDER, Shelf, is_due
from alertd.report.situation import Before, Way
from alertd.report.typeset import TEMPLATES, typeset_apart
from alertd.store.reads import alerts
from alertd.store.reads import situation as reads
from alertd.store.reads.pulse import oldest_due
from alertd.store.reads.units import names_of_areas
from alertd.web.api.routes import routes_now
from alertd.web.deps import Deps
from alertd.web.paper import head_of

LOOK_S: Final = 15.0  # how often somebody asks whether one is due
_TEMPLATE: Final = "situation.typ"

log = structlog.get_logger("alertd.situations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A situation report before it is drawn.

    Args:
        values: What both faces show.
        figures: What the next one compares itself with.
    """

    code: str
    at: Millis
    values: dict[str, Any]
    figures: dict[str, int]

    def html(self) -> bytes:
        """Its page."""
        return situation.page(self.values).encode()

    def pdf(self) -> bytes:
        """Its sheet; blocks while a child draws it."""
        return typeset_apart(TEMPLATES / _TEMPLATE, self.values, at=self.at)


def shelf_of(deps: Deps) -> Shelf:
    """Where those that were drawn by themselves are kept."""
    return Shelf(deps.settings.data_dir / FOLDER)


async def gather(deps: Deps, actor: Actor | None, alert: str, language: str) -> Made:
    """How an alert stands now; for `actor` in their part of the city, for nobody in all of it.

    Raises:
        NotFoundError: There is no such alert in their area.
    """
    ways = await _ways(deps)
    return await asyncio.to_thread(_read, deps, actor, alert, language, ways)


async def _ways(deps: Deps) -> list[Way]:
    def oldest() -> dict[str, int]:
        with deps.store.read() as connection:
            return dict(oldest_due(connection, deps.now()))

    due, routes = await asyncio.gather(asyncio.to_thread(oldest), routes_now(deps))
    return [
        Way(
            name=route.name,
            channel=route.channel,
            ok=route.ok and not route.open,
            paused_until=route.paused_until,
            waiting_s=(deps.now() - due[route.channel]) / 1000 if route.channel in due else None,
        )
        for route in routes
    ]


def _read(deps: Deps, actor: Actor | None, alert: str, language: str, ways: Sequence[Way]) -> Made:
    path = actor.path if actor else ""
    with deps.store.read() as connection:
        full = alerts.alert(connection, alerts.find(connection, alert, path=path), path=path)
        found = reads.situation(connection, full.view, path, deps.now())
        named = names_of_areas(connection, full.view.areas)
    head = head_of(deps, actor, full, language)
    last = None if path else shelf_of(deps).last(full.view.short_code)
    before = Before(at=last[0], **last[1]) if last else None
    areas = [named.get(code, code) for code in full.view.areas][:6]
    values = situation.data(head, found, ways, areas, before)
    code = full.view.short_code
    return Made(code=code, at=head.at, values=values, figures=situation.figures_of(found))


@dataclass(slots=True)
class Situations:
    """Draws them by themselves.

    Args:
        deps: The node's.
        failed: Alerts whose last one couldn't be drawn.
    """

    deps: Deps
    failed: set[str] = field(default_factory=set)
    _tried: dict[str, Millis] = field(default_factory=dict)

    def look_by(
        self, every: Callable[[float, Callable[[], Awaitable[None]]], None], speed: float
    ) -> None:
        """Have them looked at now and then, where they are wanted at all.

        Args:
            every: Has something done so many seconds after it was last begun.
            speed: How many times faster than life the node lives.
        """
        if self.deps.settings.situation_every_min:
            every(LOOK_S / speed, self.look)

    async def look(self) -> None:
        """Draw those that are due; never raises."""
        try:
            due = await asyncio.to_thread(self._due)
        except Exception as error:  # noqa: BLE001 - the database may be away; it is asked again
            log.warning("not known which situation reports are due", error=type(error).__name__)
            return
        for code in due:
            try:
                await self._draw(code)
            except Exception as error:  # noqa: BLE001 - the next is tried when it is due
                self.failed.add(code)
                log.error("no situation report", alert=code, error=type(error).__name__)  # noqa: TRY400 - no values
            else:
                self.failed.discard(code)

    def _due(self) -> list[str]:
        every_ms = round(self.deps.settings.situation_every_min * MINUTE_MS)
        if not every_ms:
            return []
        with self.deps.store.read() as connection:
            running = reads.under_way(connection)
        shelf, now = shelf_of(self.deps), self.deps.now()
        due = []
        for code, issued_at in running:
            last = max(
                [*shelf.times(code)[:1], *filter(None, [self._tried.get(code)])], default=None
            )
            if is_due(issued_at, last, every_ms, now):
                self._tried[code] = now
                due.append(code)
        return due

    async def _draw(self, code: str) -> None:
        language = self.deps.settings.language
        made = await gather(self.deps, None, code, language)
        pdf = await asyncio.to_thread(made.pdf)
        contents = {
            "pdf": pdf,
            "html": made.html(),
            "json": json.dumps(made.figures).encode(),
        }
        await asyncio.to_thread(partial(shelf_of(self.deps).put, made.code, made.at, contents))
