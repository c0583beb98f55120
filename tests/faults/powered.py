"""A city whose store is on a disk that power is cut from, and what is looked for afterwards."""

import hashlib
import itertools
import random
import shutil
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import apsw

from alertd.store import dialect, journal, migrate, rebuild
from alertd.store.database import Store
from alertd.store.vault import Vault
from channels.base import Accepted, Fault, Outgoing, ReceiptStatus, SendError
from tests.city import KEY, START, City
from tests.faults import apsw_driver
from tests.faults.power import Call, Disk, Platter, UnsyncedVfs

NAME = "city.sqlite3"
CHECKPOINT_PAGES = 60
_RESERVES = 0.5  # of the starts have the log of its length at once, as a server's; the others not
GROWN = 5  # commits after which a new machine has its roster
AREA = "330281001"
HOUR_MS = 3_600_000
_NUMBERS = itertools.count()


def digest(image: bytes) -> str:
    return hashlib.blake2b(image, digest_size=16).hexdigest()


@dataclass
class FileCity(City):
    """A city on SQLite, whatever database this run is about."""

    postgresql: bool | None = False


@cache
def imported() -> Path:
    """A database with a roster, made once for this process."""
    folder = Path(mkdtemp(prefix="alertd-power-"))
    FileCity(folder).store.close()
    return folder / NAME


@dataclass
class Recording:
    """Every call of one time with power, and every state of the database that was acknowledged.

    Args:
        folder: Where SQLite's true files are.
        found: What was on the disk when the power came; nothing: a new machine.
    """

    folder: Path
    found: dict[str, bytes]
    disk: Disk = field(default_factory=Disk)
    states: list[str] = field(default_factory=list)  # the first is what was found
    platter: Platter = field(default_factory=Platter)
    _watch: apsw.Connection | None = None
    _seen: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        apsw_driver.register()
        self.vfs = f"power-{next(_NUMBERS)}"
        self._vfs = UnsyncedVfs(self.vfs, self.disk)
        apsw_driver.ON_COMMIT[self.vfs] = self._acknowledged
        for name, content in self.found.items():
            (self.folder / name).write_bytes(content)
            file = self.disk.opened(str(self.folder / name), makes=False)
            self.platter.synced[file] = bytearray(content)
            self.platter.names[name] = file
        self.states.append(found_state(self.folder.with_suffix(".found"), self.found))
        self.url = (
            f"sqlite+apsw:///{self.folder / NAME}?vfs={self.vfs}&checkpoint={CHECKPOINT_PAGES}"
        )

    def _acknowledged(self, path: str) -> None:
        """Called between COMMIT's return and whoever waits for it."""
        if len(self.disk.calls) == self._seen:
            return  # nothing was written
        self._seen = len(self.disk.calls)
        if self._watch is None:
            self._watch = apsw.Connection(path, vfs=self.vfs)
            self._watch.execute("PRAGMA query_only=ON")
        state = digest(self._watch.serialize("main"))
        if state != self.states[-1]:  # else a checkpoint of older commits was written
            self.states.append(state)
            self.disk.calls.append(Call("acknowledged"))

    def unwatch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def close(self) -> None:
        self.unwatch()
        apsw_driver.ON_COMMIT.pop(self.vfs, None)
        self._vfs.unregister()
        shutil.rmtree(self.folder)


@dataclass
class PoweredCity(City):
    """A city on a recording; its gateway's moods and its people's deeds come from dice."""

    recording: Recording = None  # type: ignore[assignment] - after fields with defaults
    dice: random.Random = field(default_factory=random.Random)

    def start(self) -> None:
        migrate.upgrade(self.url)
        super().start()
        if self.dice.random() < _RESERVES:
            dialect.reserve_log(self.store._connected(), CHECKPOINT_PAGES)

    def restart(self) -> None:
        """Ended in order and started again: SQLite removes its journal in between."""
        self.store.close()
        self.recording.unwatch()
        self.hanging.clear()
        self.start()

    def mood(self, _message: Outgoing) -> Accepted | SendError | None:
        return self.dice.choice(
            [
                Accepted("ref"),
                Accepted("ref", delivered=True),
                None,
                SendError(Fault.UNKNOWN, "timeout"),
                SendError(Fault.RETRY, "http-503"),
                SendError(Fault.DEAD, "no-such-number"),
            ]
        )

    def live(self, deeds: int) -> None:
        """Go on with what is under way, then let things happen."""
        self.behave = self.mood
        self.settle()
        for _ in range(deeds):
            self.now += 1_000
            self.dice.choice([self._issue, self._reply, self._reply, self._receipt, self._wait])()
        if self.dice.random() < 0.3:
            self.restart()

    def _issue(self) -> None:
        role = self.dice.choice(["grid_leader", "building_lead"])
        self.issue(areas=[AREA], roles=[role], colour=self.dice.choice(["red", "orange"]))

    def _reply(self) -> None:
        phones = [m.address for m in self.sent if m.address.startswith("+86")]
        phone = self.dice.choice(phones) if phones else "+8613900000000"
        self.reply(phone, self.dice.choice(["1", "收到", "2 35/40", "0", "3", "什么情况"]))

    def _receipt(self) -> None:
        if self.sent:
            status = self.dice.choice([ReceiptStatus.DELIVERED, ReceiptStatus.FAILED])
            self.receipt(self.dice.choice(self.sent), status)

    def _wait(self) -> None:
        self.forward(seconds=self.dice.choice([5, 61, 130]), tick_s=30)


@dataclass
class Tally:
    """What the cuts came to; `faults` are sentences, one a cut that did harm."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    _proved: set[str] = field(default_factory=set)

    def look(
        self, files: dict[str, bytes], folder: Path, recording: Recording, acknowledged: int
    ) -> bool:
        """Open what is left after a cut; returns whether all is there and whole."""
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        self.counts["cuts"] += 1
        faults = len(self.faults)
        try:
            state, verdict = _opened(folder / NAME)
        except sqlite3.DatabaseError as error:
            state, verdict = "", str(error)
        if verdict != "ok":
            self._fault("corrupt", verdict)
        elif not recording.found and not acknowledged and state not in recording.states[1:]:
            self._unborn(folder / NAME)
        elif state in recording.states:
            self._compare(recording.states.index(state) - acknowledged)
            if state not in self._proved:  # the same bytes needn't be proved again
                self._prove(folder)
                self._proved.add(state)
        else:
            self._fault("half", "the database is as it was after no commit")
        return len(self.faults) == faults

    def _compare(self, ahead: int) -> None:
        """How many commits more there are than were acknowledged: the one in flight at most."""
        if ahead < 0:
            self._fault("lost", f"{-ahead} commits")
        elif ahead > 1:
            self._fault("half", "the database is as it was to be later")
        self.counts["in flight, and kept"] += ahead == 1

    def _fault(self, kind: str, text: str) -> None:
        self.counts[kind] += 1
        self.faults.append(f"{kind}: {text}")

    def _unborn(self, path: Path) -> None:
        """Cut before the first commit: a database of nothing, which the next start makes whole."""
        connection = sqlite3.connect(path)
        ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        connection.close()
        if tables:
            self._fault("half", f"{tables} of the first tables")
        migrate.upgrade(f"sqlite:///{path}")
        self.counts["before the first commit"] += 1

    def _prove(self, folder: Path) -> None:
        """The journal's chains hold, and reach as far as they say."""
        store = Store(f"sqlite:///{folder / NAME}", Vault(KEY), node="test")
        try:
            with store.read() as connection:
                _, broken = journal.verify(journal.stream(connection), journal.heads(connection))
        finally:
            store.close()
        self.counts["states proved"] += 1
        if broken:
            self._fault("corrupt", f"journal: {broken[0]}")

    def rebuild(self, folder: Path) -> None:
        """The tables of a database found after a cut are what its journal says."""
        again = f"sqlite:///{folder}/again.sqlite3"
        migrate.upgrade(again)
        engine = dialect.writer(again, synchronous="OFF")
        store = Store(f"sqlite:///{folder / NAME}", Vault(KEY), node="test")
        with store.read() as found, engine.begin() as made:
            rebuild.rebuild(found, made)
            differences = rebuild.compare(found, made)
        store.close()
        engine.dispose()
        self.counts["rebuilt"] += 1
        if differences:
            self._fault("half", f"tables and journal differ: {differences[0]}")


def found_state(folder: Path, files: dict[str, bytes]) -> str:
    """The digest of a database that is found; "" where there is none."""
    if not files:
        return ""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    state, _ = _opened(folder / NAME)
    shutil.rmtree(folder)
    return state


def _opened(path: Path) -> tuple[str, str]:
    """The database's digest, and SQLite's own verdict."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")  # it is looked at and thrown away
    try:
        ((verdict,), *_) = connection.execute("PRAGMA integrity_check").fetchall()
        ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
        return digest(connection.serialize()) if pages else "", verdict
    finally:
        connection.close()


def cut_again_and_again(
    scratch: Path,
    *,
    seed: int,
    cuts: int,
    lives: int = 4,
    deeds: int = 12,
    synchronous: str = "FULL",
) -> Tally:
    """Let a city live, cut its power at random calls, and let it live on what one cut left.

    Args:
        scratch: An empty folder.
        seed: Of everything that happens.
        cuts: How many, spread evenly over the lives; a tenth more fall into their starts.
        lives: How often it is started on what a cut left; the first on an imported roster or, for
            even seeds, on an empty machine.
        deeds: What happens in a life, beside what follows from it.
        synchronous: Of the store.
    """
    dice, tally = random.Random(seed), Tally()
    found = {} if seed % 2 == 0 else {NAME: imported().read_bytes()}
    for life in range(lives):
        recording = Recording(scratch / f"life-{life}", found)
        city = PoweredCity(
            scratch / "city",
            fresh=not found,
            now=START + life * HOUR_MS,
            seed=seed,
            boot=life * 1_000,
            replies=life * 1_000,
            synchronous=synchronous,
            url=recording.url,  # so that it also has its roster imported there
            recording=recording,
            dice=dice,
        )
        city.live(deeds)
        city.store.close()
        recording.unwatch()
        sector = 4096 if seed % 4 < 2 else 512  # bytes
        found = _cuts(scratch, recording, tally, dice, cuts=cuts // lives, sector=sector)
        recording.close()
        assert found or life + 1 == lives, "no cut of this life left a city to go on with"
    return tally


def _cuts(
    scratch: Path,
    recording: Recording,
    tally: Tally,
    dice: random.Random,
    *,
    cuts: int,
    sector: int,
) -> dict[str, bytes]:
    """Cut at random calls of one life; returns what one of the cuts left."""
    calls = recording.disk.calls
    first = next(place for place, call in enumerate(calls) if call.what == "acknowledged")
    places = Counter(dice.randrange(len(calls) + 1) for _ in range(cuts))
    # The start is short and is where an earlier cut is recovered from.
    places += Counter(dice.randrange(first + 1) for _ in range(cuts // 10))
    go_on, rebuilt = dice.choice(sorted(places)), dice.choice(sorted(places))
    acknowledged, left = 0, {}
    for place in range(len(calls) + 1):
        for n in range(places[place]):
            files = recording.platter.cut(dice, sector)
            folder = scratch / f"cut-{place}-{n}"
            whole = tally.look(files, folder, recording, acknowledged)
            tally.counts["in a checkpoint"] += recording.platter.written_to(NAME)
            tally.counts["in a recovery"] += bool(recording.found) and not acknowledged
            grown = whole and (bool(recording.found) or acknowledged >= GROWN)
            if grown and place >= rebuilt:
                tally.rebuild(folder)
                rebuilt = len(calls) + 1
            if grown and place >= go_on and not left:
                left = files
            shutil.rmtree(folder)
        if place < len(calls):
            recording.platter.take(calls[place])
            acknowledged += calls[place].what == "acknowledged"
    return left
