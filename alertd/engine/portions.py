"""How much of each route this process may use now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from alertd.decide.plan import Route, portion
from alertd.decide.shares import LOOK_MS, Part, Sighting, share_out, sight, stale
from alertd.model import Millis
from alertd.store import workers

_STARTED_ANEW_MS: Final = 300_000  # so long a process may take that ends and comes back


@dataclass(slots=True)
class Portions:
    """What this process holds of the routes, and whom it has seen at work.

    Args:
        lease: This process.
        part: What it does.
        alone: It is the only one there can be, and has all of everything.
    """

    lease: str
    part: Part
    alone: bool
    seen: dict[str, Sighting] = field(default_factory=dict)
    alive: int = 0  # workers, at the last look
    # Routes that others send by, or did a moment ago, and we know nothing of → when they last did.
    strange: dict[str, Millis] = field(default_factory=dict)
    others: frozenset[str] = frozenset()  # what the others at work are called on record
    _held: dict[str, int] = field(default_factory=dict)
    _looked_at: Millis | None = None

    def look(
        self, connection: Connection, writer: int, routes: Mapping[str, Route], now: Millis
    ) -> None:
        """Show that we live, see who else does, and exchange shares; once a second.

        Who was stopped for longer than that looks before it claims: its shares may be others' now.
        """
        if self.alone or (self._looked_at is not None and 0 <= now - self._looked_at < LOOK_MS):
            return
        self._looked_at = now
        if self.part.works:
            workers.beat(connection, self.lease, self.part, writer)
        there = workers.workers(connection)
        self.seen = sight(self.seen, there, now)
        still = set(stale(self.seen, now))
        alive = []
        for worker in there:
            mine = worker.lease == self.lease
            if mine or not (worker.lease in still or workers.gone(connection, worker)):
                alive.append(worker)
            elif self.part.works:
                workers.bury(connection, worker.lease, worker.beat)
        self.alive = len(alive)
        self.others = frozenset(it.part.title for it in alive if it.lease != self.lease)
        wanted = {
            name: [no for no, of in share_out(name, it.shares, alive).items() if of == self.lease]
            for name, it in routes.items()
            if self.part.sends_by(name)
        }
        self._held = workers.exchange(connection, self.lease, wanted) if self.part.works else {}
        self.strange = {
            name: at for name, at in self.strange.items() if 0 <= now - at < _STARTED_ANEW_MS
        } | dict.fromkeys(workers.served(connection) - routes.keys(), now)

    def forget(self) -> None:
        """Nothing of the last look was committed: look again before claiming."""
        self._looked_at, self._held = None, {}

    def leave(self, connection: Connection) -> None:
        """Claim no more; others may have our shares at once."""
        if not self.alone and self.part.works:
            workers.leave(connection, self.lease)
            self._held = {}

    def of(self, routes: Mapping[str, Route]) -> list[Route]:
        """The routes to claim for, each with the limits that are ours."""
        ours = [route for name, route in routes.items() if self.part.sends_by(name)]
        if self.alone:
            return ours
        held = [(route, self._held.get(route.name, 0)) for route in ours]
        return [portion(route, n) for route, n in held if n]
