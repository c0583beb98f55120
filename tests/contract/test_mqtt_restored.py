"""A city restored from a backup talks to its loudspeakers as before: nobody climbs a pole."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alertd.errors import ConflictError, InvalidInputError, NotFoundError
from alertd.store import migrate
from alertd.store.backup import checking, logins, manifest
from alertd.store.backup.placing import Place, Restored, restore
from alertd.store.backup.taking import Source, Taken, take
from channels.base import ReceiptStatus
from channels.loudspeaker.accounts import Accounts
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.box.box import Box, wall_ms
from channels.loudspeaker.box.player import FilePlayer
from channels.loudspeaker.broker import EmbeddedBroker
from channels.loudspeaker.bundle import Bundle
from channels.loudspeaker.keys import make_key
from channels.loudspeaker.mqtt import MqttRoute
from channels.loudspeaker.passwords import logins as made_logins
from channels.loudspeaker.speech.voice import Voice
from tests.city import KEY, City
from tests.contract.case_mqtt import context, route_config
from tests.contract.mqtt_world import order, send
from tests.contract.peer import Recorder, until
from tests.enrolled import enrol


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    city = City(tmp_path_factory.mktemp("city"), postgresql=False)
    yield city.directory / "city.sqlite3"
    city.store.close()


@pytest.fixture
def source(database: Path, tmp_path: Path) -> Source:
    data = tmp_path / "data"
    (data / "keys").mkdir(parents=True)
    (data / "keys" / "addresses.key").write_bytes(KEY)
    make_key(data / "keys" / "commands.key")
    return Source(database, data / "keys", None, None, "test", "0.1.0", data / "broker")


def taken(source: Source, tmp_path: Path) -> Taken:
    return take(source, tmp_path / "backups", now=wall_ms(), tell=lambda _: None)


def put(backup: Path, source: Source, data: Path, *, replace: bool = False) -> Restored:
    place = Place(data, data / "alertd.sqlite3", "test")
    return restore(
        backup,
        place,
        now=wall_ms(),
        tell=lambda _: None,
        will_send=True,
        keys=source.keys_dir,
        replace=replace,
    )


async def test_a_restored_city_talks_to_its_enrolled_loudspeakers(
    source: Source, tmp_path: Path
) -> None:
    assert source.broker_dir is not None
    (account,) = enrol(Accounts(source.broker_dir), ["t1"], ["330281"], wall_ms())
    broker = EmbeddedBroker(source.broker_dir)
    port = (await broker.start()).port
    key = make_key(source.keys_dir / "commands.key")
    bundle = Bundle(
        terminal="t1",
        broker=BrokerAddress("127.0.0.1", port, account.terminal, account.password),
        keys={key.key_id: key.public},
        areas=account.areas,
    )
    player = FilePlayer(tmp_path / "played")
    box = Box(bundle, tmp_path / "box", player, voice=Voice(), pause_s=0.0)
    await box.start()
    try:
        assert await box.wait_up(15.0), box.problem
        backup = taken(source, tmp_path).folder
        await broker.stop()  # the machine is gone; the box goes on looking for it

        data = tmp_path / "restored"
        put(backup, source, data)
        broker = EmbeddedBroker(data / "broker", port=port)
        address = await broker.start()

        async def back() -> bool:
            return box.up

        await until(back)
        sink = Recorder()
        config = route_config(
            address, data / "keys" / "commands.key", accounts_dir=str(data / "broker")
        )
        route = MqttRoute(config, context(sink))
        await route.start()
        message = order(1)
        await send(route, message)
        await sink.until(lambda _: len(sink.receipts(message)) == 2)
        said = [word.status for word in sink.receipts(message)]
        assert said == [ReceiptStatus.DELIVERED, ReceiptStatus.PLAYED]
        await route.close()
    finally:
        await box.close()
        await broker.stop()


def enrolled(source: Source) -> Accounts:
    assert source.broker_dir is not None
    accounts = Accounts(source.broker_dir)
    enrol(accounts, ["t1", "t2"], ["330281"], 1)
    made_logins(source.broker_dir)
    return accounts


def test_they_are_in_it_sealed_and_in_the_data_folder_as_they_were(
    source: Source, tmp_path: Path
) -> None:
    accounts = enrolled(source)
    made = taken(source, tmp_path)
    names = {file.name for file in made.manifest.files}
    assert names >= {"broker/terminals.json.sealed", "broker/logins.json.sealed"}
    secrets = [account.password for account in accounts.all().values()]
    assert source.broker_dir is not None
    ours = made_logins(source.broker_dir)
    secrets += ours.values()
    for path in (path for path in made.folder.rglob("*") if path.is_file()):
        assert not [word for word in secrets if word.encode() in path.read_bytes()], path.name
    assert list(checking.files(made.folder, made.manifest)) == []
    assert list(logins.check(made.folder, made.manifest, KEY)) == []
    assert {p.where for p in logins.check(made.folder, made.manifest, bytes(32))} == {
        "broker/terminals.json.sealed",
        "broker/logins.json.sealed",
    }

    data = tmp_path / "restored"
    put(made.folder, source, data)
    assert Accounts(data / "broker").all() == accounts.all()
    assert made_logins(data / "broker") == ours
    assert {path.name for path in (data / "broker").iterdir()} == set(manifest.LOGINS)
    assert {path.stat().st_mode & 0o777 for path in (data / "broker").iterdir()} == {0o600}
    assert list(logins.check_here(data / "broker")) == []


def test_a_city_without_a_broker_of_its_own_has_none_in_it(source: Source, tmp_path: Path) -> None:
    made = taken(source, tmp_path)
    assert not [file for file in made.manifest.files if file.name.startswith("broker/")]
    put(made.folder, source, tmp_path / "restored")


def test_what_was_changed_in_a_backup_is_not_restored(source: Source, tmp_path: Path) -> None:
    enrolled(source)
    made = taken(source, tmp_path)
    (made.folder / "broker" / "terminals.json.sealed").write_bytes(b"somebody else's")
    with pytest.raises(InvalidInputError, match=r"terminals\.json"):
        put(made.folder, source, tmp_path / "restored")
    assert not (tmp_path / "restored" / "broker").exists()
    assert [p.where for p in checking.files(made.folder, manifest.read(made.folder))] == [
        "broker/terminals.json.sealed"
    ]


def test_without_the_key_they_are_not_left_out_in_silence(source: Source, tmp_path: Path) -> None:
    enrolled(source)
    (source.keys_dir / "addresses.key").unlink()
    nobody_yet = tmp_path / "empty.sqlite3"  # a city with numbers isn't backed up without its key
    migrate.upgrade(f"sqlite:///{nobody_yet}")
    with pytest.raises(NotFoundError, match="logins"):
        taken(replace(source, database=nobody_yet), tmp_path)
    with pytest.raises(ConflictError, match="key"):
        taken(replace(source, broker_dir=None), tmp_path / "other")


def test_who_was_shut_out_since_isnt_let_in_again_by_a_backup(
    source: Source, tmp_path: Path
) -> None:
    accounts = enrolled(source)
    backup = taken(source, tmp_path).folder
    data = tmp_path / "restored"
    # Where nothing is known of what came since, it is said how many come in.
    assert put(backup, source, data).lets_in == 2

    here = Accounts(data / "broker")
    here.shut_out("t1", wall_ms(), "test")
    (anew,) = enrol(here, ["t3"], [], wall_ms())
    assert put(backup, source, data, replace=True).lets_in is None
    good = {account.terminal for account in here.all().values() if account.good}
    assert good == {"t2", "t3"}
    assert here.all()["t3"] == anew
    assert here.all()["t2"] == accounts.all()["t2"]
    assert {path.name for path in (data / "broker").iterdir()} >= set(manifest.LOGINS)

    here.path.write_text("half of")
    assert put(backup, source, data, replace=True).lets_in == 2


def test_a_data_folders_own_are_looked_at(source: Source) -> None:
    accounts = enrolled(source)
    assert source.broker_dir is not None
    accounts.path.write_text("half of")
    assert [p.what for p in logins.check_here(source.broker_dir)] == ["isn't JSON"]
