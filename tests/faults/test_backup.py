"""A backup taken in mid-storm, killed on the way, restored, compared, and gone on from.

An engine process issues alerts, sends and takes replies without a pause. Beside it `alertd backup`
runs, is killed with -9 at a random moment, and runs again; the backup is restored, that is killed
too, and runs again. What comes of it is held against the live journal and against the storm's own
list of the commits that it had acknowledged.
"""

import json
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from alertd.model import DeliveryState
from alertd.store import chains, journal
from alertd.store import tables as t
from alertd.store.backup import checking
from alertd.store.backup.copying import frozen
from tests import forked
from tests.acceptance.command import environment
from tests.acceptance.within import within
from tests.city import KEY, City
from tests.contract.process_peer import ROOT

BALLAST_MB = 16  # so that a copy takes long enough to be killed in
MIDWAY_S = 0.12  # a copy of so much takes about so long
PATIENCE_S = 300.0  # of a machine on which much else runs
MOST_TRIES = 20  # to kill something midway
UNDER_WAY = ".under-way-"


@dataclass
class Outcome:
    """What was seen over the rounds of a loop."""

    restores: int = 0
    backups_killed: int = 0  # while something half lay there
    restores_killed: int = 0
    ages: list[int] = field(default_factory=list)  # commits between the backup and the comparison


@dataclass
class Office:
    """A city in a storm, its folder of backups, and the commands beside it."""

    folder: Path
    dice: random.Random
    outcome: Outcome = field(default_factory=Outcome)
    storm: "subprocess.Popen[bytes] | None" = None

    @property
    def city(self) -> Path:
        return self.folder / "city"

    @property
    def backups(self) -> Path:
        return self.folder / "backups"

    def command(self, *arguments: str | Path, data: Path, live: bool) -> forked.Process:
        more = {"ALERTD_NODE": "test"}
        if live:
            more["ALERTD_DATABASE_URL"] = f"sqlite:///{self.city / 'city.sqlite3'}"
        return forked.start(
            [*arguments, "--json"],
            env=environment(data, more),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def backup(self) -> forked.Process:
        return self.command(
            "backup", "--to", self.backups, "--keep", "2", data=self.data, live=True
        )

    @property
    def data(self) -> Path:
        """The live node's data folder; its database is the city's."""
        return self.folder / "data"

    def acknowledged(self) -> list[tuple[int, str]]:
        """Every commit so far that was on disk: where the journal ended."""
        whole = (self.city / "acknowledged.jsonl").read_text("utf-8").rpartition("\n")[0]
        return [(seq, mark) for seq, mark in map(json.loads, whole.splitlines())]

    def half(self) -> list[Path]:
        return list(self.backups.glob(f"{UNDER_WAY}*"))

    def complete(self) -> set[Path]:
        return set(self.backups.glob("alertd-*"))


@contextmanager
def office(folder: Path, seed: int, pace_s: float) -> Iterator[Office]:
    """Everything up, the storm raging."""
    (folder / "city").mkdir()
    # A backup is of SQLite's file; PostgreSQL has tools of its own.
    City(folder / "city", postgresql=False).store.close()
    with closing(sqlite3.connect(folder / "city" / "city.sqlite3")) as live:
        live.execute("CREATE TABLE ballast (n INTEGER PRIMARY KEY, b BLOB)")
        live.executemany(
            "INSERT INTO ballast (b) VALUES (randomblob(1000))", [()] * (BALLAST_MB * 1000)
        )
        live.commit()
    (folder / "data" / "keys").mkdir(parents=True)
    (folder / "data" / "keys" / "addresses.key").write_bytes(KEY)
    found = Office(folder, random.Random(seed))
    with (folder / "storm.err").open("wb") as errors:
        found.storm = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.storm", folder / "city", str(seed), str(pace_s)],
            cwd=ROOT,
            stderr=errors,
        )
    try:
        within(PATIENCE_S, that=(folder / "city" / "acknowledged.jsonl").exists)
        within(PATIENCE_S, that=lambda: len(found.acknowledged()) > 100)
        yield found
        assert found.storm.poll() is None, (folder / "storm.err").read_text("utf-8")
    finally:
        found.storm.kill()
        found.storm.wait()


def said(process: forked.Process) -> Any:
    """What a command that must succeed answered."""
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out + err
    return json.loads(out)


def killed_midway(
    start: Callable[[], forked.Process],
    dice: random.Random,
    half: Callable[[], object],
) -> int:
    """Kill a command at a random moment until it is found to have left something half; once.

    On a fast machine it may be done before: then again, and sooner. One that ends with nothing half
    seen is no try: there is a backup of this very second already. Returns how often it left half.
    """
    tries, until = 1, time.monotonic() + PATIENCE_S
    while tries <= MOST_TRIES and time.monotonic() < until:
        process = start()
        while not (seen := half()) and process.poll() is None:
            time.sleep(0.001)  # a step of the looking: what is looked for is soon over
        if seen:
            time.sleep(dice.uniform(0.0, MIDWAY_S / tries))  # the random point itself
            tries += 1
        process.kill()
        process.communicate()
        if half():
            return 1
    return 0


def kill_a_backup(office: Office) -> None:
    before = office.complete()
    office.outcome.backups_killed += killed_midway(office.backup, office.dice, office.half)
    # Whatever looks like a backup now is one: the rename is the last thing that happens.
    for path in office.complete() - before:
        assert (path / "manifest.json").is_file()


def a_round(office: Office, number: int) -> None:
    """Taken, restored, one of the two killed before; compared, and gone on from."""
    if number % 2 == 0:
        kill_a_backup(office)
    known = office.acknowledged()[-1]
    while (taken := answered(office.backup())) is None:
        pass  # the one that was killed had been done in this very second
    folder = Path(taken["folder"])
    assert not office.half(), "a later run leaves nothing of what was killed"
    assert len(office.complete()) <= 2

    place = office.folder / f"restored-{number}"
    (place / "keys").mkdir(parents=True)
    (place / "keys" / "addresses.key").write_bytes(KEY)
    arguments = ("restore", folder, "--data-dir", place, "--will-send", "--replace")
    restoring = partial(office.command, *arguments, data=place, live=False)
    if number % 2:
        half = (place / ".restoring").exists
        office.outcome.restores_killed += killed_midway(restoring, office.dice, half)
    done = said(restoring())
    assert not list(place.glob(".restoring")) + list(place.glob("restore-under-way"))
    compare(office, place, done["facts"], known)
    go_on(place)
    office.outcome.restores += 1
    shutil.rmtree(place)


def answered(process: forked.Process) -> Any:
    """A backup's answer, or None: there is one of this second already."""
    out, err = process.communicate(timeout=PATIENCE_S)
    document = json.loads(out)
    if process.returncode:
        assert document["error"]["code"] == "conflict", out + err
        return None
    return document


def compare(office: Office, place: Path, facts: int, known: tuple[int, str]) -> None:
    """The restored journal is the live one up to a commit, and the tables are its fold."""
    commits = office.acknowledged()
    with frozen(place / "alertd.sqlite3") as connection:
        assert connection.execute(
            select(t.journal.c.kind).where(t.journal.c.seq > facts).order_by(t.journal.c.seq)
        ).all() == [("restored",), ("alert.numbers-left-out",)]
        c = t.journal.c
        mark = connection.execute(select(c.hash).where(c.seq == facts)).scalar_one().hex()
        assert (facts, mark) in commits, "the backup ends where a commit ended"
        assert facts >= known[0], "what was acknowledged before the backup began is in it"
        found = chains.check(connection)
        assert found.good
        assert found.held == facts + 2
        (place / "again").mkdir()
        assert list(checking.tables(connection, place / "again")) == []
        assert list(checking.database(connection)) == []
    office.outcome.ages.append(len(commits) - commits.index((facts, mark)))


def go_on(place: Path) -> None:
    """The restored engine sends what waited, and takes a new alert."""
    (place / "alertd.sqlite3").rename(place / "city.sqlite3")
    with frozen(place / "city.sqlite3") as connection:
        now = connection.execute(select(func.max(t.journal.c.recorded_at))).scalar_one()
        waiting = connection.execute(
            select(func.count()).select_from(t.delivery).where(t.delivery.c.state == 0)
        ).scalar_one()
    city = City(place, fresh=False, now=now, postgresql=False)
    city.settle()
    assert len(city.sent) >= waiting
    assert all(message.possible_duplicate for message in city.sent[:waiting])
    new = city.issue(areas=["330281001"], roles=["grid_leader"])
    states = city.states(new)
    assert states
    assert set(states) <= {DeliveryState.ACCEPTED.word, DeliveryState.DELIVERED.word}
    with city.store.read() as connection:
        assert journal.verify(journal.stream(connection), journal.heads(connection))[1] == []
    city.store.close()


def rounds(folder: Path, seed: int, count: int, pace_s: float) -> Outcome:
    with office(folder, seed, pace_s) as found:
        for number in range(count):
            a_round(found, number)
    return found.outcome


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(1))
def test_restored_3_times_in_a_storm_all_of_it_is_right(tmp_path: Path, seed: int) -> None:
    outcome = rounds(tmp_path, seed, 3, 0.2)
    assert outcome.restores == 3
    assert outcome.backups_killed == 2
    assert outcome.restores_killed == 1


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(20))
def test_restored_5_times_in_a_storm_all_of_it_is_right(tmp_path: Path, seed: int) -> None:
    outcome = rounds(tmp_path, 1_000 + seed, 5, 0.05)
    assert outcome.restores == 5
    assert outcome.backups_killed == 3
    assert outcome.restores_killed == 2
    print(outcome)
