"""Backups: what is in one, what is refused, and that nothing half is ever taken for a whole."""

import json
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import select

from alertd.cli.keeping import database_of
from alertd.engine import halting
from alertd.errors import (
    ConflictError,
    InvalidInputError,
    NotConfiguredError,
    NotFoundError,
    UnavailableError,
)
from alertd.provision import lock
from alertd.settings import Settings
from alertd.store import dialect, lived, migrate
from alertd.store import tables as t
from alertd.store.backup import checking, disk, manifest
from alertd.store.backup.copying import LEAST_FREE_BYTES, frozen, require_room
from alertd.store.backup.placing import LOCK, Place, Restored, restore
from alertd.store.backup.taking import Source, Taken, take
from alertd.store.backup.waiting import waiting
from alertd.store.database import lock_file
from tests.city import KEY, OFFICER, START, City, sms_route

LATER = START + 3_600_000
NEVER = 4_000_000_000_000
MARK = "restore-under-way"


def nothing(_more: int) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city with an alert under way, of which most is still to be sent."""
    slow = sms_route(in_flight=2, burst=2, rate_per_s=0.001)
    folder = tmp_path_factory.mktemp("city")
    # A backup is of SQLite's file; PostgreSQL has tools of its own.
    city = City(folder, routes=(slow,), behave=lambda _: None, postgresql=False)
    city.issue()
    yield city
    city.store.close()


@pytest.fixture
def source(city: City, tmp_path: Path) -> Source:
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "addresses.key").write_bytes(KEY)
    settings = tmp_path / "alertd.toml"
    settings.write_text("node = 'test'\n")
    own = tmp_path / "own" / "policies"
    own.mkdir(parents=True)
    (own / "mine.toml").write_text("name = 'mine'\n")
    return Source(city.directory / "city.sqlite3", keys, settings, own.parent, "test", "0.1.0")


@pytest.fixture
def taken(source: Source, tmp_path: Path) -> Taken:
    return take(source, tmp_path / "backups", now=LATER, tell=nothing)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty data folder, but for the key that was kept apart."""
    data = tmp_path / "data"
    (data / "keys").mkdir(parents=True)
    (data / "keys" / "addresses.key").write_bytes(KEY)
    return Place(data, data / "alertd.sqlite3", "test")


def put(taken: Taken, place: Place, *, now: int = LATER, will_send: bool = True) -> Restored:
    return restore(taken.folder, place, now=now, tell=nothing, will_send=will_send)


def test_a_backup_holds_all_but_the_keys_and_only_its_owner_reads_it(taken: Taken) -> None:
    assert taken.folder.name == "alertd-test-20251009T095320Z"
    names = {file.name for file in taken.manifest.files}
    assert names == {"alertd.sqlite3", "alertd.toml", "config/policies/mine.toml"}
    assert not taken.manifest.has_keys
    files = [path for path in taken.folder.rglob("*") if path.is_file()]
    assert stat.S_IMODE(taken.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert not [path for path in files if KEY in path.read_bytes()]
    assert list(checking.files(taken.folder, manifest.read(taken.folder))) == []


def test_the_keys_are_in_it_where_that_is_asked_for(source: Source, tmp_path: Path) -> None:
    taken = take(source, tmp_path / "b", now=LATER, tell=nothing, with_keys=True)
    assert (taken.folder / "keys" / "addresses.key").read_bytes() == KEY
    assert taken.manifest.has_keys
    empty = Place(tmp_path / "new", tmp_path / "new" / "alertd.sqlite3", "test")
    put(taken, empty)
    assert (empty.data_dir / "keys" / "addresses.key").read_bytes() == KEY


def test_the_newest_are_kept_and_what_was_killed_is_swept(source: Source, tmp_path: Path) -> None:
    into = tmp_path / "b"
    half = into / ".under-way-alertd-test-x"
    half.mkdir(parents=True)
    (half / "alertd.sqlite3").write_bytes(b"half")
    (into / "alertd-of-somebody-else").mkdir()
    made = [take(source, into, now=LATER + n * 1000, tell=nothing, keep=2).folder for n in range(4)]
    left = {path.name for path in into.iterdir()}
    assert left == {".lock", "alertd-of-somebody-else", *(path.name for path in made[2:])}


def test_one_by_a_clock_that_runs_behind_is_kept(source: Source, tmp_path: Path) -> None:
    into = tmp_path / "b"
    for n in range(2):  # as if the clock had been a year ahead for a while
        take(source, into, now=LATER + 365 * 86_400_000 + n * 1000, tell=nothing, keep=2)
    made = [take(source, into, now=LATER + n * 1000, tell=nothing, keep=2) for n in range(2)]
    assert [each.folder.is_dir() for each in made] == [False, True]
    assert len(list(into.glob("alertd-*"))) == 2


def test_nothing_is_written_over(taken: Taken, source: Source) -> None:
    with pytest.raises(ConflictError, match="is there already"):
        take(source, taken.folder.parent, now=LATER, tell=nothing)


def test_two_at_a_time_are_one_too_many(source: Source, tmp_path: Path) -> None:
    disk.private_folder(tmp_path / "b")
    with disk.held(tmp_path / "b" / ".lock"), pytest.raises(ConflictError, match="Another backup"):
        take(source, tmp_path / "b", now=LATER, tell=nothing)


def test_without_a_database_none_is_made(source: Source, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        take(
            replace(source, database=tmp_path / "none.sqlite3"),
            tmp_path / "b",
            now=LATER,
            tell=nothing,
        )
    assert not (tmp_path / "none.sqlite3").exists()
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("key", [None, b"another key of thirty-two bytes.", b"damaged"])
def test_a_backup_that_the_right_key_could_not_restore_is_refused(
    source: Source, tmp_path: Path, key: bytes | None
) -> None:
    file = source.keys_dir / "addresses.key"
    file.unlink()
    if key is not None:
        file.write_bytes(key)
    with pytest.raises(ConflictError, match="doesn't open this database's addresses"):
        take(source, tmp_path / "b", now=LATER, tell=nothing)
    assert not list((tmp_path / "b").glob("alertd-*"))


def test_a_disk_isnt_filled(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    require_room(tmp_path, 0)
    with pytest.raises(UnavailableError, match="too little room"):
        require_room(tmp_path, free - LEAST_FREE_BYTES // 2)


def test_postgresql_is_pg_dumps(tmp_path: Path) -> None:
    given = {"data_dir": tmp_path, "database_url": "postgresql://x@127.0.0.1/x"}
    with pytest.raises(NotConfiguredError) as caught:
        database_of(Settings(**given))
    assert "pg_dump" in str(caught.value.hint)


def test_what_waits_must_be_meant(taken: Taken, place: Place) -> None:
    with pytest.raises(ConflictError, match=r"would send: 1 alerts under way \(A1\)") as caught:
        put(taken, place, will_send=False)
    assert "--will-send" in str(caught.value.hint)
    assert not place.database.exists()
    done = put(taken, place)
    assert done.waiting.alerts == 1
    assert done.waiting.messages > 0


def test_an_alert_that_was_stopped_since_is_held_back(taken: Taken, place: Place) -> None:
    """Else it would go on with the others; a person says at the console whether it does."""
    held = {"a1": "restored"}
    restore(taken.folder, place, now=LATER, tell=nothing, will_send=True, held_back=held)
    city = City(place.data_dir, url=f"sqlite:///{place.database}", fresh=False, now=LATER)
    city.forward(minutes=11, tick_s=60)
    assert {message.kind for message in city.sent} == {"paused"}, "the duty desk is reminded"
    alert_id = bytes(city.one(select(t.alert.c.id))[0])
    city.take(partial(halting.resume, actor=OFFICER, alert_id=alert_id, reason="it is so"))
    city.forward(minutes=1)
    assert "alert" in {message.kind for message in city.sent}
    city.store.close()


def test_none_is_held_back_that_isnt_out(taken: Taken, place: Place) -> None:
    with pytest.raises(NotFoundError, match="no alert A9"):
        restore(taken.folder, place, now=LATER, tell=nothing, will_send=True, held_back={"A9": "x"})
    assert not place.database.exists()


def test_what_has_run_out_doesnt_wait(taken: Taken, place: Place) -> None:
    done = put(taken, place, now=NEVER, will_send=False)
    assert not done.waiting.any


def test_what_waits_is_marked_because_it_may_have_left_meanwhile(
    taken: Taken, place: Place
) -> None:
    put(taken, place)
    with frozen(place.database) as connection:
        pending = select(t.delivery.c.duplicate).where(t.delivery.c.state == 0)
        marks = set(connection.execute(pending).scalars())
        last = connection.execute(select(t.journal.c.kind).order_by(t.journal.c.seq.desc()))
        after = list(last.scalars())[:2]
        assert list(checking.tables(connection, place.data_dir)) == []
    assert marks == {1}
    assert after == ["alert.numbers-left-out", "restored"]


def test_a_machine_whose_clock_is_behind_restores_no_time_of_before(
    taken: Taken, place: Place
) -> None:
    """What waits would wait for as long as the clock is behind."""
    with frozen(taken.folder / "alertd.sqlite3") as connection:
        before = lived.lived(connection, "test")
    assert before is not None
    put(taken, place, now=before - 26 * 3_600_000)
    with frozen(place.database) as connection:
        assert lived.last_fact(connection, "test") == before


def test_the_settings_are_put_where_none_are(taken: Taken, place: Place) -> None:
    done = put(taken, place)
    assert (place.data_dir / "alertd.toml").read_text() == "node = 'test'\n"
    assert done.left == ("config/policies/mine.toml",)


def test_what_is_there_is_moved_aside_with_its_log(taken: Taken, place: Place) -> None:
    (place.data_dir / "alertd.toml").write_text("node = 'test'\nport = 1\n")
    place.database.write_bytes(b"broken")
    Path(f"{place.database}-wal").write_bytes(b"its log")
    with pytest.raises(ConflictError, match="There is a database"):
        put(taken, place)
    done = restore(taken.folder, place, now=LATER, tell=nothing, will_send=True, replace=True)
    assert done.aside is not None
    assert (done.aside / "alertd.sqlite3").read_bytes() == b"broken"
    assert (done.aside / "alertd.sqlite3-wal").read_bytes() == b"its log"
    assert not Path(f"{place.database}-wal").exists()
    assert "port = 1" in (place.data_dir / "alertd.toml").read_text()


def test_a_database_and_its_log_are_moved_together_or_not_at_all(tmp_path: Path) -> None:
    one, log, aside = tmp_path / "a.sqlite3", tmp_path / "a.sqlite3-wal", tmp_path / "aside"
    one.write_bytes(b"a database")
    log.write_bytes(b"its log")
    (aside / log.name).mkdir(parents=True)  # ends it midway, as a kill would
    with pytest.raises(FileExistsError):
        disk.move_together([one, log], aside)
    assert (one.read_bytes(), log.read_bytes()) == (b"a database", b"its log")


def test_twice_in_one_second_nothing_is_written_over(taken: Taken, place: Place) -> None:
    place.database.write_bytes(b"the first")
    asides = [
        restore(taken.folder, place, now=LATER, tell=nothing, will_send=True, replace=True).aside
        for _ in range(3)
    ]
    assert len(set(asides)) == 3
    first = asides[0]
    assert first is not None
    assert (first / "alertd.sqlite3").read_bytes() == b"the first"


def test_not_beside_a_server(taken: Taken, place: Place) -> None:
    with lock_file(place.data_dir / LOCK), pytest.raises(ConflictError, match="Another alertd"):
        put(taken, place)


def test_not_without_the_key_it_needs(taken: Taken, place: Place, tmp_path: Path) -> None:
    here = place.data_dir / "keys" / "addresses.key"
    here.write_bytes(bytes(32))
    mark = taken.manifest.keys["addresses.key"]
    with pytest.raises(ConflictError, match=f"addresses.key with the fingerprint {mark}"):
        put(taken, place)
    assert here.read_bytes() == bytes(32)
    apart = tmp_path / "keys"
    done = restore(taken.folder, place, now=LATER, tell=nothing, will_send=True, keys=apart)
    assert here.read_bytes() == KEY
    assert done.aside is not None
    assert (done.aside / "addresses.key").read_bytes() == bytes(32)


def test_not_under_another_nodes_name(taken: Taken, place: Place) -> None:
    with pytest.raises(ConflictError, match="of the node test, and this is west"):
        put(taken, replace(place, node="west"))


def test_a_restore_that_was_killed_lets_nobody_start_until_it_is_run_again(
    taken: Taken, place: Place
) -> None:
    (place.data_dir / MARK).touch()
    settings = Settings(data_dir=place.data_dir)
    with pytest.raises(ConflictError, match="interrupted"):
        lock(settings)
    put(taken, place)
    lock(settings).close()


def damage_a_page(folder: Path) -> None:
    with (folder / "alertd.sqlite3").open("r+b") as file:
        file.seek(200_000)
        byte = file.read(1)
        file.seek(200_000)
        file.write(bytes([byte[0] ^ 1]))


def remove_the_database(folder: Path) -> None:
    (folder / "alertd.sqlite3").unlink()


def change_a_fact(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "alertd.sqlite3")) as connection:
        connection.execute("UPDATE journal SET occurred_at = occurred_at + 1 WHERE seq = 2")
        connection.commit()
    vouch(folder)


def cut_the_journal(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "alertd.sqlite3")) as connection:
        last = "(SELECT max(seq) FROM journal)"
        connection.execute(f"DELETE FROM journal WHERE seq = {last}")  # noqa: S608 - our own text
        head = f"(SELECT hash FROM journal WHERE seq = {last})"  # noqa: S608 - the same
        connection.execute(f"UPDATE chain SET seq = {last}, hash = {head}")  # noqa: S608 - the same
        connection.commit()
    vouch(folder)


def vouch(folder: Path) -> None:
    """Write the manifest's figures of the database anew, as somebody who forges would."""
    path = folder / "manifest.json"
    document = json.loads(path.read_text())
    for file in document["files"]:
        if file["name"] == "alertd.sqlite3":
            file["size"] = (folder / file["name"]).stat().st_size
            file["sha256"] = disk.sha256(folder / file["name"])
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "harm", [damage_a_page, remove_the_database, change_a_fact, cut_the_journal]
)
def test_what_isnt_whole_isnt_restored(taken: Taken, place: Place, harm: object) -> None:
    assert callable(harm)
    harm(taken.folder)
    with pytest.raises(InvalidInputError, match="isn't whole"):
        put(taken, place)
    assert not place.database.exists()
    assert not (place.data_dir / ".restoring").exists()
    lock(Settings(data_dir=place.data_dir)).close()


def test_before_an_update_the_database_of_before_is_backed_up_and_brought_up_to_date(
    source: Source, place: Place, tmp_path: Path
) -> None:
    old = tmp_path / "old.sqlite3"
    with migrated(old, "v0001") as connection:
        connection.execute("INSERT INTO node VALUES ('test', 1)")
    taken = take(replace(source, database=old), tmp_path / "b", now=LATER, tell=nothing)
    assert taken.manifest.schema == "v0001"
    put(taken, place, will_send=False)
    assert migrate.current(f"sqlite:///{place.database}") == migrate.head()


@contextmanager
def migrated(path: Path, version: str) -> Iterator[sqlite3.Connection]:
    """A database as an earlier version left it."""
    engine = dialect.writer(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(migrate.config(connection), version)
    engine.dispose()
    with closing(sqlite3.connect(path)) as plain:
        yield plain
        plain.commit()


def test_a_newer_alertds_is_refused(taken: Taken, place: Place) -> None:
    with closing(sqlite3.connect(taken.folder / "alertd.sqlite3")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9999'")
        connection.commit()
    vouch(taken.folder)
    with pytest.raises(ConflictError, match="newer version"):
        put(taken, place)
    assert not place.database.exists()


@pytest.mark.parametrize("name", ["../alertd.toml", "/alertd.toml", "", "keys/../../x"])
def test_a_manifest_leads_nowhere_else(taken: Taken, name: str) -> None:
    path = taken.folder / "manifest.json"
    document = json.loads(path.read_text())
    document["files"][0]["name"] = name
    path.write_text(json.dumps(document))
    with pytest.raises(InvalidInputError, match="isn't a backup"):
        manifest.read(taken.folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "alertd-backup"}', "\ud800"])
def test_what_isnt_a_manifest_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InvalidInputError, match="isn't a backup"):
        manifest.read(tmp_path)


def test_another_format_is_named_as_such(taken: Taken) -> None:
    path = taken.folder / "manifest.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "format": 2}))
    with pytest.raises(InvalidInputError, match="another version"):
        manifest.read(taken.folder)


def test_a_key_is_tried_on_what_it_sealed(taken: Taken) -> None:
    with frozen(taken.folder / "alertd.sqlite3") as connection:
        assert list(checking.key(connection, KEY)) == []
        for content, what in ((None, "missing"), (b"short", "damaged"), (bytes(32), "doesn't")):
            (found,) = checking.key(connection, content)
            assert what in found.what


def test_a_table_that_isnt_its_facts_is_found(taken: Taken, tmp_path: Path) -> None:
    with closing(sqlite3.connect(taken.folder / "alertd.sqlite3")) as connection:
        connection.execute("UPDATE delivery SET attempt = 9")
        connection.commit()
    with frozen(taken.folder / "alertd.sqlite3") as connection:
        found = list(checking.tables(connection, tmp_path))
    assert found
    assert {problem.kind for problem in found} == {"tables"}


def test_reading_a_backup_leaves_nothing_beside_it(taken: Taken) -> None:
    before = sorted(path.name for path in taken.folder.iterdir())
    taken.folder.chmod(0o500)
    with frozen(taken.folder / "alertd.sqlite3") as connection:
        assert waiting(connection, LATER).alerts == 1
        assert migrate.head() == taken.manifest.schema
    taken.folder.chmod(0o700)
    assert sorted(path.name for path in taken.folder.iterdir()) == before
