"""Who is who in the test's city: read from the roster files by hand, not by alertd's parser."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Holder:
    """One person in one duty; `phone`, and the second one or "", as they go over the wire."""

    person_id: str
    name: str
    phone: str
    unit: str
    post: str
    rank: int
    language: str
    phone2: str = ""
    shift: tuple[str, str] = ("", "")  # HH:MM, in China

    @property
    def phones(self) -> tuple[str, ...]:
        """All that they have."""
        return (self.phone, self.phone2) if self.phone2 else (self.phone,)

    def is_among(self, told: set[str]) -> bool:
        """Whether any of their phones is."""
        return not told.isdisjoint(self.phones)


class Roll:
    """The people of a roster's folder."""

    def __init__(self, folder: Path) -> None:
        with (folder / "people.csv").open(encoding="utf-8-sig", newline="") as file:
            self.holders = [
                Holder(
                    row["person_id"],
                    row["name"],
                    f"+86{row['phone'].removeprefix('0')}",
                    row["unit_code"],
                    row["post"],
                    int(row["rank"]),
                    row["language"],
                    f"+86{row['phone2']}" if row.get("phone2") else "",
                    (row["on_duty_from"], row["on_duty_to"]),
                )
                for row in csv.DictReader(file)
                if row["person_id"]
            ]
        self.loudspeakers = _column(folder / "terminals.csv", "terminal_id", "unit_code")
        self.groups = _column(folder / "groups.csv", "group_id", "unit_code")

    def of(self, post: str, *, rank: int | None = None, within: str = "") -> list[Holder]:
        """The holders of a post in an area, in the roster's order."""
        return [
            holder
            for holder in self.holders
            if holder.post == post
            and (rank is None or holder.rank == rank)
            and holder.unit.startswith(within)
        ]

    def leader(self, unit: str, rank: int = 1) -> Holder:
        """A grid's leader, or with rank 2 the alternate."""
        (found,) = self.of("grid_leader", rank=rank, within=unit)
        return found

    def parent(self, holder: Holder) -> Holder:
        """The lead of the community that a grid's leader belongs to."""
        (found,) = self.of("community_lead", rank=1, within=holder.unit[:12])
        return found

    def grandparent(self, holder: Holder) -> Holder:
        """The lead of the subdistrict or town."""
        (found,) = self.of("subdistrict_lead", rank=1, within=holder.unit[:9])
        return found

    @property
    def duty_desk(self) -> list[Holder]:
        """Who sits at the city's duty desk at this hour."""
        now = datetime.now(timezone(timedelta(hours=8))).strftime("%H:%M")
        shifts = self.of("city_duty", rank=1)
        return [
            one for one in shifts if one.shift[0] <= now < (one.shift[1].replace("00:00", "24:00"))
        ]


def give_fixed_lines(folder: Path, posts: Sequence[str]) -> None:
    """Whoever holds one of these posts has a fixed line alone."""
    path = folder / "people.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    theirs = {row["person_id"] for row in rows if row["post"] in posts}
    for row in rows:
        if row["person_id"] in theirs:
            at = sorted(theirs).index(row["person_id"])
            row |= {"phone": f"05748600{at:04}", "phone2": "", "short_phone": "", "channels": ""}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def every_phone(holders: Sequence[Holder]) -> list[str]:
    """All phones of these people."""
    return [phone for holder in holders for phone in holder.phones]


def phones(holders: Sequence[Holder]) -> set[str]:
    return {holder.phone for holder in holders}


def _column(path: Path, key: str, value: str) -> dict[str, str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row[key]: row[value] for row in csv.DictReader(file)}
