"""Backups in a random week, and going back to one: what came after it alertd knows nothing of.

What it had sent since has left nevertheless, and is answered, receipted and tapped as ever.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alertd.model import MINUTE_MS
from alertd.store import departure
from tests.faults.random_world import World

AWAY_MS = (0, 1_000, MINUTE_MS, 60 * MINUTE_MS, 48 * 60 * MINUTE_MS)


@dataclass(frozen=True)
class Backup:
    """A copy of the database, and how many messages had been handed over by then."""

    file: Path
    handed: int


def back_up(world: World) -> None:
    """While it runs; of a file, since PostgreSQL's own copy is PostgreSQL's to test."""
    if world.city.store.shared:
        return
    made = Backup(Path(world.folder.name) / f"backup-{len(world.handed)}", len(world.handed))
    with closing(sqlite3.connect(_file(world))) as live, closing(sqlite3.connect(made.file)) as to:
        live.backup(to)
    world.backups.append(made)
    world.say(f"   after {made.handed} messages")


def restore(world: World) -> None:
    """Back to one of the backups; an alert that goes on may be held back."""
    if not world.backups:
        back_up(world)
        return
    dice, process = world.dice, world.node.current
    made, file = dice.choice(world.backups), _file(world)
    away = dice.choice(AWAY_MS)
    world.killed(process)
    for end in ("-wal", "-shm"):
        Path(f"{file}{end}").unlink(missing_ok=True)
    file.write_bytes(made.file.read_bytes())
    for handed in world.handed[made.handed :]:
        handed.forgotten = True
    departure.restored(
        world.city.url,
        node="test",
        now=process.wall() + away,
        will_send=True,
        held_back={code: "restored" for code in _live(file) if dice.random() < 0.3},
    )
    world.say(f"   to after {made.handed} of {len(world.handed)} messages")
    world.start(process, away)


def _live(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT short_code FROM alert WHERE state = 'issued' ORDER BY no")
        return [code for (code,) in rows]


def _file(world: World) -> Path:
    return Path(world.city.url.removeprefix("sqlite:///"))
