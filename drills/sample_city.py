"""A sample city to run alertd with: the roster's sample, its chat groups led to our simulator."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rosters.export import Style, roster_files, write_groups, write_people, write_terminals
from rosters.model import RosterRow, Terminal
from rosters.parse import RosterFiles
from rosters.sample import sample_groups, sample_rows, sample_terminals
from rosters.sample_plan import Plan

_MARK = "sample.json"
_EVERY = 1_000  # rows between two words to whoever watches


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCity:
    """Which city it is.

    Args:
        directory: Where its files are.
        seed: The same seed makes the same city.
        scale: 1 for Yuyao, 0.05 to 100.
        group_url: The chat groups' receiver, with `{group_id}` in it.
        group_secret: What their messages are signed with.
    """

    directory: Path
    seed: int
    scale: float
    group_url: str
    group_secret: str

    @property
    def files(self) -> RosterFiles:
        """The three files."""
        return roster_files(self.directory)

    @property
    def people(self) -> int:
        """How many people there are."""
        return Plan(self.seed, self.scale).people

    def terminal_ids(self) -> list[str]:
        """The loudspeakers' ids."""
        return [terminal.terminal_id for terminal in self._terminals()]

    def written(self) -> bool:
        """Whether the folder holds just this city."""
        mark = self.directory / _MARK
        return mark.is_file() and mark.read_text(encoding="utf-8") == self._mark()

    def write(self, today: dt.date, told: Callable[[int], None] = lambda _rows: None) -> None:
        """Write the files; `told` hears now and then how many more rows there are.

        Raises:
            InvalidInputError: The scale is out of bounds.
        """
        plan = Plan(self.seed, self.scale)
        style = Style(unmasked=True)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.directory / _MARK).unlink(missing_ok=True)
        write_people(counted(sample_rows(plan, today), told), self.files.people, style)
        write_terminals(self._terminals(), self.directory / "terminals.csv", style)
        groups = sample_groups(plan, self.group_url)
        write_groups(
            (replace(group, secret=self.group_secret) for group in groups),
            self.directory / "groups.csv",
            style,
        )
        (self.directory / _MARK).write_text(self._mark(), encoding="utf-8")

    def _terminals(self) -> Iterator[Terminal]:
        return sample_terminals(Plan(self.seed, self.scale))

    def _mark(self) -> str:
        return json.dumps({"seed": self.seed, "scale": self.scale, "group_url": self.group_url})


def counted(rows: Iterator[RosterRow], told: Callable[[int], None]) -> Iterator[RosterRow]:
    """Pass rows on, and say now and then how many more there were."""
    number = 0
    for number, row in enumerate(rows, 1):
        yield row
        if number % _EVERY == 0:
            told(_EVERY)
    told(number % _EVERY)
