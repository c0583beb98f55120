"""A city whose data folder is a disk of 2 MB, to be filled to the last byte."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from alertd.store import journal
from rosters.export import Style, write_roster
from rosters.words import Level
from tests.acceptance.living_city import LivingCity
from tests.small_city import held, person, small, unit

STAIRS = 30
GRID = "330281001001G1"
SIZE = "2m"
_PIECES = (65_536, 4_096)


@dataclass
class TinyCity(LivingCity):
    """A real server on it; thirty stairwells with a leader each."""

    speakers: Any = None
    postgresql: bool | None = False  # the disk is the node's, which PostgreSQL has nothing on
    mounted: bool = False

    def start(self) -> None:
        if not self.mounted:
            mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(self.server.data)]
            done = subprocess.run(mount, check=False, capture_output=True, text=True)
            if done.returncode:
                pytest.skip("a tmpfs of 2 MB can't be mounted here: run the tests as root")
            self.mounted = True
            self.server._environment["ALERTD_BALLAST_MB"] = "64"
        super().start()

    def close(self) -> None:
        try:
            super().close()
        finally:
            if self.mounted:
                subprocess.run(["umount", str(self.server.data)], check=True)

    def _write_roster(self) -> None:
        roster = small()
        stairs = [unit(f"{GRID}S{n:03d}", Level.BUILDING, GRID) for n in range(STAIRS)]
        people = [person(f"S{n}", f"+861550000{n:04d}") for n in range(STAIRS)]
        holdings = [held(f"S{n}", f"{GRID}S{n:03d}", "building_lead") for n in range(STAIRS)]
        whole = small(
            units=roster.units | {each.code: each for each in stairs},
            people=roster.people | {each.person_id: each for each in people},
            holdings=roster.holdings | {each.key: each for each in holdings},
            groups={},
        )
        write_roster(whole, self.folder / "roster", Style(unmasked=True))

    def _check_what_is_left(self) -> None:
        """The chain holds, and a disk that is full is no defect."""
        engine = create_engine(f"sqlite:///{self.server.data / 'alertd.sqlite3'}")
        with engine.connect() as connection:
            held_rows, broken = journal.verify(
                journal.stream(connection), journal.heads(connection)
            )
            kinds = {row.fact.kind for row in journal.stream(connection)}
        engine.dispose()
        assert held_rows > 0
        assert not broken, broken[:5]
        assert "defect" not in kinds
        assert "Traceback" not in self.server.log, self.server.log

    # The disk.

    @property
    def filler(self) -> Path:
        return self.server.data / "somebody-elses.log"

    def fill(self) -> None:
        """Write until not a page more goes in; may be called again."""
        with self.filler.open("ab", buffering=0) as file:
            for piece in _PIECES:
                while self._goes_in(file, piece):
                    continue

    @staticmethod
    def _goes_in(file: Any, size: int) -> bool:
        try:
            return bool(file.write(bytes(size)) == size)
        except OSError:
            return False

    def make_room(self) -> None:
        self.filler.unlink()

    # What the server says.

    def ready(self) -> Any:
        return self.client("cli").get("/readyz").json()

    def is_short(self) -> bool:
        return bool(self.ready()["space"] == "short")
