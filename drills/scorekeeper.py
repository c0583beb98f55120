"""Scores planned drills by themselves, soon after they have ended.

Counting a city takes half a second: it is done beside the engine, which only writes down what came
out, and never while a live alert is out.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial
from typing import Any, Final, Protocol

import structlog

from alertd.engine.turn import Turn
from alertd.errors import AlertdError
from alertd.settings import Settings
from alertd.store.database import Store
from alertd.store.reads import drilled, drills
from drills.scoring import Scored, look, record, terms_of

EVERY_S: Final = 20

log = structlog.get_logger("alertd.drills")


def _record_first(turn: Turn, *, found: Scored, begins: str, zone: tzinfo) -> None:
    """Write a score down; of several servers that share a city, whose comes first."""
    if drilled.scored(turn.connection, found.score.alert_no) is None:
        record(turn, found, begins=begins, zone=zone, source="engine")


class Writer(Protocol):
    """Whatever takes an input of the engine; a Runner."""

    async def submit(self, item: Callable[[Turn], Any]) -> Any:
        """Have the engine take it; returns its answer once it is on disk."""


@dataclass(slots=True)
class Scorekeeper:
    """Called now and then.

    Args:
        store: Read from, in threads.
        writer: Writes.
        settings: When the season begins, and where.
    """

    store: Store
    writer: Writer
    settings: Settings
    _refused: set[int] = field(default_factory=set)

    async def look(self) -> None:
        """Score what has ended and has no score; one that can't be scored isn't tried again."""
        for alert_no in await asyncio.to_thread(self._waiting):
            try:
                found = await asyncio.to_thread(self._score, alert_no)
                await self.writer.submit(
                    partial(
                        _record_first,
                        found=found,
                        begins=self.settings.season_begins,
                        zone=self.settings.zone,
                    )
                )
            except AlertdError as error:
                self._refused.add(alert_no)
                log.warning("a drill isn't scored", alert=alert_no, reason=error.code)

    def _waiting(self) -> list[int]:
        with self.store.read() as connection:
            if drills.live_alert(connection) is not None:
                return []
            return [no for no in drilled.unscored(connection) if no not in self._refused]

    def _score(self, alert_no: int) -> Scored:
        with self.store.read() as connection:
            return look(connection, alert_no, terms_of(connection, alert_no))
