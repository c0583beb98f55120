"""Backups in a random week, and going back to one: what came after it alertd knows nothing of.

What it had sent since has left nevertheless, and is answered, receipted and tapped as ever.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from alertd.model import MINUTE_MS, AlertState
from alertd.store import departure, dialect
from alertd.store import tables as t
from alertd.store.given import LONGEST_MS
from tests import databases
from tests.faults.random_world import World

AWAY_MS = (10 * MINUTE_MS, 20 * MINUTE_MS, 60 * MINUTE_MS, 48 * 60 * MINUTE_MS)
FILE = "city.sqlite3"


@dataclass(frozen=True)
class Backup:
    """A copy of the database, and how many messages had been handed over by then."""

    folder: Path
    handed: int


def back_up(world: World) -> None:
    """A file while it is in use, PostgreSQL's database while nobody is."""
    made = Backup(Path(world.folder.name) / f"backup-{len(world.backups)}", len(world.handed))
    here = world.city.directory
    if world.city.store.shared:
        world.kill_all()
        databases.copy(here, made.folder, postgresql=True)
        world.start_all()
    else:
        made.folder.mkdir()
        with (
            closing(sqlite3.connect(here / FILE)) as live,
            closing(sqlite3.connect(made.folder / FILE)) as to,
        ):
            live.backup(to)
    world.backups.append(made)
    world.say(f"   after {made.handed} messages")


def restore(world: World) -> None:
    """Go back to one of the backups; an alert that goes on may be held back."""
    if not world.backups:
        back_up(world)
        return
    made, away = world.dice.choice(world.backups), world.dice.choice(AWAY_MS)
    world.kill_all()
    here, shared = world.city.directory, world.city.url.startswith("postgresql")
    databases.forget(here, postgresql=shared)
    for end in ("-wal", "-shm"):
        (here / f"{FILE}{end}").unlink(missing_ok=True)
    databases.copy(made.folder, here, postgresql=shared)
    for handed in world.handed[made.handed :]:
        handed.forgotten = True
    process, url = world.node.current, world.city.url
    # Whoever restores is told to look at the clock first: by one that is ahead all has run out.
    process.machine.ahead_ms = min(0, process.machine.ahead_ms)
    held_back = {code: "restored" for code in _out(url) if world.dice.random() < 0.3}
    now = process.wall() + away
    chance = world.dice.randrange(LONGEST_MS)
    departure.restored(
        url, node="test", now=now, will_send=True, held_back=held_back, chance_ms=chance
    )
    world.say(f"   to after {made.handed} of {len(world.handed)} messages, but {list(held_back)}")
    world.start(process, away)
    world.start_all()


def _out(url: str) -> list[str]:
    """The codes of the alerts that go on."""
    a, engine = t.alert.c, dialect.reader(url)
    with engine.connect() as connection:
        codes = select(a.short_code).where(a.state == AlertState.ISSUED.value).order_by(a.no)
        found = list(connection.execute(codes).scalars())
    engine.dispose()
    return found
