"""The broker's file follows the record, whatever died in between; what it alone knows is kept."""

from pathlib import Path

from alertd.engine.logins import Logins
from alertd.engine.runner import Runner
from alertd.engine.turn import Turn
from alertd.model import Fact
from alertd.store import journal, logins, rebuild
from channels.loudspeaker.accounts import Account, Accounts
from tests.city import OFFICER, City
from tests.enrolled import enrol
from tests.unit.test_store_rebuild import rebuilt
from tests.unit.web_city import Clock

BY = OFFICER.source


def facts(city: City) -> list[Fact]:
    with city.store.read() as connection:
        rows = list(journal.stream(connection))
    return [row.fact for row in rows if row.fact.kind.startswith("terminals.")]


def let_in(city: City, *terminals: str, password: str = "p" * 32) -> None:
    with city.store.transaction(city.now) as tx:
        logins.enrol(tx, dict.fromkeys(terminals, password), ["330281"], by=BY)


def shut_out(city: City, *terminals: str) -> None:
    with city.store.transaction(city.now) as tx:
        logins.revoke(tx, terminals, by=BY)


def good(accounts: Accounts) -> set[str]:
    return {account.terminal for account in accounts.all().values() if account.good}


def on_record(city: City) -> dict[str, Account]:
    with city.store.read() as connection:
        return logins.accounts(connection, city.store.vault)


def test_before_a_broker_starts_its_file_says_what_is_on_record(tmp_path: Path) -> None:
    city, broker = City(tmp_path), Accounts(tmp_path / "broker")
    let_in(city, "LS1", "LS2")
    Logins(city.store, tmp_path / "broker").begin(city.now)
    assert good(broker) == {"LS1", "LS2"}
    assert broker.all() == on_record(city)
    shut_out(city, "LS1")  # and the process dies before its file follows
    assert good(broker) == {"LS1", "LS2"}
    Logins(city.store, tmp_path / "broker").begin(city.now)
    assert good(broker) == {"LS2"}
    assert len(facts(city)) == 2
    city.store.close()


def test_a_file_from_before_there_was_a_record_goes_on_record(tmp_path: Path) -> None:
    city, broker = City(tmp_path), Accounts(tmp_path / "broker")
    made = enrol(broker, ["LS1", "LS2"], ["330281"], 1_000) + enrol(broker, ["LS3"], [], 2_000)
    broker.shut_out("LS2", 3_000, "")
    before = broker.path.read_bytes()
    Logins(city.store, tmp_path / "broker").begin(city.now)
    Logins(city.store, tmp_path / "broker").begin(city.now)  # once
    assert [(f.kind, f.body["terminals"], f.occurred_at, f.source) for f in facts(city)] == [
        ("terminals.enrolled", ["LS1", "LS2"], 1_000, "engine"),
        ("terminals.enrolled", ["LS3"], 2_000, "engine"),
        ("terminals.revoked", ["LS2"], 3_000, "engine"),
    ]
    assert {fact.body["reason"] for fact in facts(city)} == {"found"}
    assert {name: kept.password for name, kept in on_record(city).items()} == {
        account.terminal: account.password for account in made
    }
    assert broker.path.read_bytes() == before
    city.store.close()


def test_an_id_that_is_a_phone_number_is_in_no_fact_and_is_shut_out(tmp_path: Path) -> None:
    """As the command let it be enrolled before; no roster takes it, so that it was told nothing."""
    city, broker = City(tmp_path), Accounts(tmp_path / "broker")
    enrol(broker, ["13800138000", "LS1"], [], 1_000)
    Logins(city.store, tmp_path / "broker").begin(city.now)
    assert good(broker) == {"LS1"}
    assert "13800138000" not in str(facts(city))
    assert list(on_record(city)) == ["LS1"]
    city.store.close()


def test_a_file_that_cant_be_read_is_made_anew_of_what_is_on_record(tmp_path: Path) -> None:
    city, broker = City(tmp_path), Accounts(tmp_path / "broker")
    (tmp_path / "broker").mkdir()
    broker.path.write_text("half of")
    Logins(city.store, tmp_path / "broker").begin(city.now)
    assert broker.path.read_text() == "half of", "nobody is let in or shut out by guess"
    let_in(city, "LS1", "LS2")
    shut_out(city, "LS1")
    Logins(city.store, tmp_path / "broker").begin(city.now)
    assert good(broker) == {"LS2"}
    assert broker.path.with_name("terminals.json.unreadable").read_text() == "half of"
    city.store.close()


def test_an_older_file_lets_nobody_in_again(tmp_path: Path) -> None:
    city, broker = City(tmp_path), Accounts(tmp_path / "broker")
    let_in(city, "LS1", "LS2")
    Logins(city.store, tmp_path / "broker").begin(city.now)
    older = broker.path.read_bytes()
    shut_out(city, "LS1")
    city.now += 1
    let_in(city, "LS2", password="q" * 32)
    Logins(city.store, tmp_path / "broker").begin(city.now)
    broker.path.write_bytes(older)
    Logins(city.store, tmp_path / "broker").begin(city.now)
    assert good(broker) == {"LS2"}
    assert broker.all()["LS2"].password == "q" * 32
    assert not [fact for fact in facts(city) if fact.source == "engine"]
    city.store.close()


def test_an_older_database_lets_nobody_in_again(tmp_path: Path) -> None:
    """As after pg_restore: the file knows of an enrolment, and of who was shut out since."""
    city, broker = City(tmp_path), Accounts(tmp_path / "broker")
    let_in(city, "LS1", "LS2")
    Logins(city.store, tmp_path / "broker").begin(city.now)
    broker.shut_out("LS1", city.now + 5, "")
    (anew,) = enrol(broker, ["LS2"], [], city.now + 6)
    Logins(city.store, tmp_path / "broker").begin(city.now + 10)
    assert good(broker) == {"LS2"}
    assert on_record(city)["LS2"] == anew
    assert not on_record(city)["LS1"].good
    city.store.close()


async def test_it_is_looked_at_while_it_runs(tmp_path: Path) -> None:
    """On two machines of one city, as on PostgreSQL; and one that floods is on record."""
    city = City(tmp_path)
    folders = [tmp_path / name for name in ("one", "two")]
    one, two = (Accounts(folder) for folder in folders)
    looks = [Logins(city.store, folder) for folder in folders]
    runner = Runner(city.engine, {}, now=Clock())
    await runner.start()

    async def look() -> None:
        for each in (*looks, *looks):
            await each.look(runner)

    def do(turn: Turn) -> None:
        logins.enrol(turn.tx, {"LS1": "p" * 32, "LS2": "p" * 32}, [], by=BY)

    try:
        await look()
        assert not one.path.exists(), "nothing to say"
        await runner.submit(do)
        await look()
        assert good(one) == good(two) == {"LS1", "LS2"}
        at = one.path.stat().st_mtime_ns
        await look()
        assert one.path.stat().st_mtime_ns == at, "a broker would read it again"
        two.shut_out("LS1", city.now, "floods")
        await look()
        assert good(one) == good(two) == {"LS2"}
        last = facts(city)[-1]
        assert (last.kind, last.source) == ("terminals.revoked", "engine")
        assert last.body == {"terminals": ["LS1"], "reason": "floods"}
        one.path.write_text("half of")
        await look()
        assert good(one) == good(two) == {"LS2"}
    finally:
        await runner.stop()
        city.store.close()


def test_the_table_follows_from_the_journal(tmp_path: Path) -> None:
    city = City(tmp_path)
    let_in(city, "LS1", "LS2", "LS3")
    shut_out(city, "LS1", "LS2")
    city.now += 1
    let_in(city, "LS2", password="q" * 32)
    with rebuilt(city, tmp_path) as (live, again):
        assert rebuild.compare(live, again) == []
        assert logins.accounts(again, city.store.vault) == on_record(city)
    city.store.close()
