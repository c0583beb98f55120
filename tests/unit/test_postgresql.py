"""What is asked of PostgreSQL alone; the rest of the tests runs on either database."""

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, inspect, make_url, select, text, update
from structlog.testing import capture_logs

from alertd.bootstrap import Node
from alertd.cli.checkup_store import store_findings
from alertd.cli.findings import Health
from alertd.clock import SteadyClock, machine_ms
from alertd.decide.shares import STALE_MS, Part
from alertd.engine.settling import Settlement
from alertd.engine.timekeeping import PULSE_MS, Timekeeper
from alertd.engine.turn import Turn
from alertd.errors import ConflictError, NotConfiguredError
from alertd.lanes import BY_SMS
from alertd.model import AlertState, Channel
from alertd.provision import await_database
from alertd.settings import Settings
from alertd.store import dialect, lived, migrate
from alertd.store import tables as t
from alertd.store.backup import checking
from alertd.store.database import BrokenOffError, Store
from alertd.store.vault import Vault
from channels.base import Fault, SendError
from tests import databases
from tests.city import KEY, OFFICER, RED, START, City, sms_route
from tests.unit.test_node_time import Wall
from tests.unit.web_city import web_city


@pytest.fixture
def url(tmp_path: Path) -> str:
    return databases.url_of(tmp_path, postgresql=True)


def opened(url: str) -> Store:
    store = Store(url, Vault(KEY), node="test")
    databases.opened.append(store)
    return store


def test_texts_are_compared_by_their_characters(url: str) -> None:
    engine = dialect.reader(url)
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT table_name, column_name, collation_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND data_type = 'text'"
            )
        ).all()
    engine.dispose()
    assert ("unit", "path", "C") in found
    assert {row.collation_name for row in found} == {"C"}


def test_migrated_columns_are_those_that_the_program_knows(url: str) -> None:
    engine = dialect.reader(url)
    with engine.connect() as connection:
        inspector = inspect(connection)
        for table in t.metadata.sorted_tables:
            there = {column["name"]: column for column in inspector.get_columns(table.name)}
            wanted = {column.name: column for column in table.columns}
            assert there.keys() == wanted.keys()
            for name, column in wanted.items():
                kind = column.type.compile(connection.dialect).replace("FLOAT", "DOUBLE PRECISION")
                assert there[name]["type"].compile(connection.dialect) == kind
                assert there[name]["nullable"] == column.nullable
    engine.dispose()


def test_writers_have_numbers_and_chains_of_their_own(url: str) -> None:
    one, other = opened(url), opened(url)
    for store in (one, other):
        with store.transaction(1):
            pass
    assert (one.writer_no, other.writer_no) == (1, 2)
    one.close()
    third = opened(url)
    with third.transaction(1):
        pass
    assert third.writer_no == 1


def test_only_one_decides_at_a_time(url: str) -> None:
    one, other = opened(url), opened(url)
    with one.transaction(1), other.transaction(1, deciding=False) as tx:
        assert not tx.decide_too()
    with other.transaction(1, deciding=False) as tx:
        assert tx.decide_too()


def test_a_process_that_was_stopped_in_mid_transaction_holds_up_no_other(url: str) -> None:
    stopped = Store(url, Vault(KEY), node="test", idle_ms=2_000)
    databases.opened.append(stopped)
    other = opened(url)
    decided: list[bool] = []

    def stand_still() -> None:
        with stopped.transaction(1), other.transaction(2):  # which waits until it may decide
            decided.append(True)

    with pytest.raises(Exception, match=r"terminat|closed|lost"):
        stand_still()
    assert decided
    with stopped.transaction(3):
        pass


def test_a_database_that_was_away_is_connected_to_anew(url: str) -> None:
    store = opened(url)
    with store.transaction(1) as tx:
        session = tx.connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    end(url, session)
    with pytest.raises(Exception, match=r"terminat|closed|lost"), store.transaction(2):
        pass
    with store.transaction(3):
        pass


@pytest.mark.parametrize(
    "trouble",
    ["SELECT pg_cancel_backend(pg_backend_pid())", "SELECT pg_terminate_backend(pg_backend_pid())"],
)
def test_what_the_database_gives_up_is_no_inputs_fault(tmp_path: Path, trouble: str) -> None:
    city = City(tmp_path, postgresql=True)
    city.issue()
    before = city.rows(select(t.journal.c.seq))

    def cut(turn: Turn) -> None:
        turn.connection.execute(text(trouble))

    with pytest.raises(BrokenOffError):
        city.engine.step(city.now, [cut])  # so the runner keeps what it had, and tries again
    city.forward(seconds=1)
    later = select(t.journal.c.kind).where(t.journal.c.seq > max(row.seq for row in before))
    assert "defect" not in [row.kind for row in city.rows(later)]


def test_a_connection_that_breaks_between_two_items_rests_no_part_of_the_work(url: str) -> None:
    store = opened(url)

    def go_on() -> None:
        with store.transaction(1) as tx:
            end(url, tx.connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
            with pytest.raises(BrokenOffError), tx.item():
                pass

    with pytest.raises(Exception, match=r"terminat|closed|lost"):
        go_on()
    with store.transaction(2) as tx, tx.item():
        pass


def test_a_connection_that_breaks_within_an_item_of_an_item_is_no_parts_failure(url: str) -> None:
    store = opened(url)

    def go_on() -> None:
        with store.transaction(1) as tx, tx.item(), tx.item():
            tx.connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(BrokenOffError):
        go_on()
    with store.transaction(2) as tx, tx.item():
        pass


def test_a_deadlock_takes_back_the_whole_step(url: str) -> None:
    one, other = opened(url), opened(url)
    with other.transaction(1, deciding=False) as tx:
        for kind in ("a", "b"):
            lived.keep(tx.connection, kind, lived.Kept(1))
    touch = update(t.node_clock).values(lived_at=2)
    a, b = touch.where(t.node_clock.c.node == "a"), touch.where(t.node_clock.c.node == "b")

    def wait_for_one_another() -> None:
        with other.transaction(2, deciding=False) as theirs, ThreadPoolExecutor(1) as beside:
            theirs.connection.execute(text("SET LOCAL deadlock_timeout = '30s'"))  # ours finds out
            theirs.connection.execute(b)
            with one.transaction(2) as ours, ours.item():
                ours.connection.execute(a)
                done = beside.submit(theirs.connection.execute, a)
                try:
                    ours.connection.execute(b)
                finally:
                    one.close()
                    done.result()

    with pytest.raises(BrokenOffError):
        wait_for_one_another()


def test_limits_meant_for_peoples_queries_are_not_alertds(url: str) -> None:
    run(url, "ALTER DATABASE {} SET statement_timeout = '50ms'")
    store = opened(url)
    with store.transaction(1) as tx, store.read() as reading:
        for connection in (tx.connection, reading):
            connection.execute(text("SELECT pg_sleep(0.2)"))


@pytest.mark.parametrize("name", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_loses_texts_is_refused_while_it_is_empty(url: str, name: str) -> None:
    other = f"{make_url(url).database}_{name.lower()}"
    run(url, f"CREATE DATABASE {other} ENCODING '{name}' LOCALE 'C' TEMPLATE template0")
    databases.made.append(other)
    with pytest.raises(ConflictError, match="isn't UTF8"):
        migrate.upgrade(databases.server().url(other))


def test_a_user_who_may_make_no_tables_is_told(url: str) -> None:
    empty = f"{make_url(url).database}_empty"
    run(url, f"CREATE DATABASE {empty}")
    databases.made.append(empty)
    run(url, f"CREATE ROLE {empty} LOGIN")
    theirs = make_url(databases.server().url(empty)).set(username=empty)
    try:
        with pytest.raises(ConflictError, match="may make no tables"):
            migrate.upgrade(theirs.render_as_string())
    finally:
        run(url, f"DROP ROLE {empty}")


@pytest.mark.parametrize(
    "lost",
    ["ALTER TABLE worker DROP CONSTRAINT worker_pkey", "DROP INDEX todo_open"],
)
def test_half_a_copy_is_refused_and_named(tmp_path: Path, url: str, lost: str) -> None:
    """As `pg_restore` leaves it: rows first, then keys, and then indexes, by the alphabet."""
    run(url, lost)
    with pytest.raises(ConflictError, match="isn't whole"):
        migrate.upgrade(url)
    engine = dialect.reader(url)
    with engine.connect() as connection:
        found = [problem.where for problem in checking.database(connection)]
    engine.dispose()
    assert found == [lost.rsplit(maxsplit=1)[-1]]
    (finding,) = store_findings(Settings(data_dir=tmp_path, database_url=url))
    assert finding.health is Health.BROKEN
    assert "isn't whole" in finding.detail
    run(url, "DELETE FROM alembic_version")  # sooner still
    with pytest.raises(ConflictError, match="isn't whole"):
        migrate.upgrade(url)


def test_other_tables_are_refused_and_named(tmp_path: Path, url: str) -> None:
    run(url, "ALTER TABLE delivery RENAME COLUMN left_at TO claimed_at")
    run(url, "ALTER TABLE unit ADD COLUMN note text NOT NULL")
    with pytest.raises(ConflictError, match=r"changed: delivery\.left_at, unit\.note"):
        migrate.upgrade(url)
    (finding,) = store_findings(Settings(data_dir=tmp_path, database_url=url))
    assert "delivery.left_at" in finding.detail
    run(url, "ALTER TABLE unit ALTER COLUMN note SET DEFAULT ''")  # an administrator's own
    run(url, "ALTER TABLE unit ADD COLUMN nr int GENERATED ALWAYS AS IDENTITY")
    run(url, "ALTER TABLE delivery RENAME COLUMN claimed_at TO left_at")
    migrate.upgrade(url)


def test_tables_are_not_changed_under_an_older_version_that_runs(url: str) -> None:
    older = opened(url)
    with older.transaction(1):
        pass
    run(url, "UPDATE alembic_version SET version_num = 'v0016'")
    with pytest.raises(ConflictError, match="older version"):
        migrate.upgrade(url)
    assert migrate.current(url) == "v0016"


def run(url: str, statement: str, name: str | None = None) -> None:
    """A statement outside of a transaction, about this database or another."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement.format(name or make_url(url).database)))
    engine.dispose()


def end(url: str, session: int) -> None:
    engine = dialect.writer(url)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": session})
    engine.dispose()


def test_a_route_is_shared_out_and_what_a_dead_worker_had_is_taken_over(tmp_path: Path) -> None:
    city = City(tmp_path, postgresql=True, routes=(sms_route(shares=4, in_flight=40),))
    second = City(tmp_path, postgresql=True, routes=city.routes, fresh=False)
    second.engine.portions.lease = "second"
    for each in (city, second, city, second):
        each.now += 1_000
        second.now = city.now = max(city.now, second.now)
        each.engine.step(each.now)
    portions = [each.engine.portions.of(each.engine.routes) for each in (city, second)]
    assert [route.in_flight for (route,) in portions] == [20, 20]
    second.store.close()  # it dies, and says nothing
    city.engine.step(city.now + 1_000)
    city.engine.step(city.now + 2_000)
    (route,) = city.engine.portions.of(city.engine.routes)
    assert route.in_flight == 40


def test_a_worker_that_stands_still_loses_its_shares(tmp_path: Path) -> None:
    city = City(tmp_path, postgresql=True, routes=(sms_route(shares=4, in_flight=40),))
    slow = City(tmp_path, postgresql=True, routes=city.routes, fresh=False)
    slow.engine.portions.lease = "slow"
    slow.engine.step(slow.now)
    city.engine.step(city.now)
    city.engine.step(city.now + STALE_MS)
    city.engine.step(city.now + STALE_MS + 1_000)
    (route,) = city.engine.portions.of(city.engine.routes)
    assert route.in_flight == 40
    # When it goes on it looks before it claims, and has nothing to claim with.
    slow.engine.step(slow.now + STALE_MS + 1_000)
    assert slow.engine.portions.of(slow.engine.routes) == []


def test_an_alert_that_another_process_has_ended_is_not_sent_by_this_one(tmp_path: Path) -> None:
    hanging = (sms_route(in_flight=5, burst=5, rate_per_s=0.001),)
    city = City(tmp_path, postgresql=True, routes=hanging)
    sender = City(tmp_path, postgresql=True, fresh=False, routes=hanging)
    sender.engine.portions.lease = "sender"
    alert_no = city.issue()
    sender.engine.step(sender.now)
    assert alert_no in sender.engine.alerts
    city.issue("cancel", areas=["330281"], references=[city.reference(alert_no)])
    sender.engine.step(sender.now + 1_000)
    assert alert_no not in sender.engine.alerts


def test_nothing_is_sent_again_of_an_alert_that_another_process_ends_in_mid_step(
    tmp_path: Path,
) -> None:
    city = City(tmp_path, postgresql=True, behave=lambda _: SendError(Fault.UNKNOWN, "timeout"))
    worker = City(tmp_path, postgresql=True, fresh=False)
    worker.engine.portions.lease = "worker"
    alert_no = city.issue()
    due_at = START + round(RED.unknown_grace_s * 1000)
    worker.engine.step(due_at - 400)  # it looks at the shares, and not again in its next step
    city.now = due_at - 300

    class Meanwhile(Settlement):
        """Tries that ended, none; while they are read, the other process ends the alert."""

        def __call__(self, turn: Turn) -> int:
            assert turn.alerts[alert_no].state is AlertState.ISSUED
            city.issue("cancel", areas=["330281"], references=[city.reference(alert_no)])
            return super().__call__(turn)

    step = worker.engine.step(due_at + 100, [Meanwhile("sms-1", ())])
    left = [message.delivery >> 32 for each in step.handovers for message in each.messages]
    assert alert_no not in left
    assert set(city.states(alert_no)) == {"unknown"}


def test_a_worker_gives_up_nothing_that_others_know_a_route_for(tmp_path: Path) -> None:
    """Its settings are older: it doesn't know the route that SMS go by."""
    slow = (sms_route(in_flight=1, burst=1, rate_per_s=0.001),)
    city = City(tmp_path, postgresql=True, routes=slow, behave=lambda _: None)
    older = (sms_route("siren", channel=Channel.LOUDSPEAKER),)
    worker = City(tmp_path, postgresql=True, fresh=False, routes=older)
    worker.engine.portions.lease = "worker"
    alert_no = city.issue()
    worker.engine.step(worker.now + 1_000)
    reasons = select(t.delivery.c.reason).where(t.delivery.c.lane.in_(BY_SMS))
    assert {row.reason for row in city.rows(reasons)} == {None}
    assert city.states(alert_no)["pending"] > 1
    # Who had it may just be started anew. Then there is none, and the ladder is told.
    city.engine.leave(city.now)
    worker.engine.step(worker.now + 60_000)
    assert "no-route" not in {row.reason for row in city.rows(reasons)}
    worker.engine.step(worker.now + 302_000)
    assert "no-route" in {row.reason for row in city.rows(reasons)}


async def test_whoever_has_served_waits_at_a_start_for_a_database_that_comes_later(
    url: str, tmp_path: Path
) -> None:
    """After a power cut its machine, or its log's recovery, takes longer than ours."""
    folder = Path(str(make_url(url).query["host"]))
    place = Path(tempfile.mkdtemp(prefix="alertd-")) / "s"  # short: a socket's path has 107 bytes
    later = SecretStr(url.replace(str(folder), str(place)))
    settings = Settings(data_dir=tmp_path, database_url=later)
    await await_database(settings)  # who begins is told by whoever opens it
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "addresses.key").write_bytes(KEY)
    waiting = asyncio.create_task(await_database(settings))
    with capture_logs() as logged:
        await asyncio.wait({waiting}, timeout=0.3)
    assert not waiting.done()
    assert [line["event"] for line in logged] == ["the database doesn't answer, and is waited for"]
    place.symlink_to(folder)
    await waiting


async def test_while_it_is_away_who_asks_is_told_to_come_again(tmp_path: Path) -> None:
    async with web_city(tmp_path, postgresql=True) as web, web.client("officer") as officer:
        assert (await officer.get("/api/v1/alerts")).status_code == 200
        beside, name = databases.server().url(), make_url(web.city.url).database
        run(beside, "ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
        ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"
        run(beside, ending, name)
        asked = await officer.get("/api/v1/alerts")
        assert (asked.status_code, asked.json()["code"]) == (503, "unavailable")
        assert asked.headers["retry-after"]
        run(beside, "ALTER DATABASE {} ALLOW_CONNECTIONS true", name)
        assert (await officer.get("/api/v1/alerts")).status_code == 200


async def test_sqlite_has_one_process(tmp_path: Path) -> None:
    node = Node(Settings(data_dir=tmp_path), part=Part(decides=False, routes=frozenset()))
    with pytest.raises(NotConfiguredError, match="SQLite"):
        await node.open()


async def test_whoever_works_on_it_goes_by_the_databases_clock(tmp_path: Path, url: str) -> None:
    """One whose machine is hours ahead would end alerts that have just been issued."""
    settings = Settings(data_dir=tmp_path, database_url=SecretStr(url))
    hasty = SteadyClock(asked=lambda: machine_ms() + 5 * 3_600_000)
    node = Node(settings, clock=hasty, part=Part(routes=frozenset()))
    await node.open()
    try:
        assert abs(node.clock() - machine_ms()) < 60_000
        assert node.keeper is not None
        assert node.keeper.standing.trusted
    finally:
        await node.close()


def test_an_operators_word_for_the_clock_reaches_every_process(tmp_path: Path) -> None:
    """Two times in one city: what the one issues would be due hours later to the other."""
    city = City(tmp_path, postgresql=True)
    worker = City(tmp_path, postgresql=True, fresh=False)
    city.issue()
    walls = Wall(city), Wall(worker)
    keeper, other = (Timekeeper(wall.city.store, wall) for wall in walls)
    keeper.look()
    other.look()
    for wall in walls:
        wall.off = 5 * 3_600_000  # the database's clock, put right
    worker.now += PULSE_MS
    other.look()
    assert not other.standing.trusted
    word = keeper.ask(OFFICER, walls[0].wall())
    keeper.look()
    assert word.result(timeout=0).now == city.now == START + 5 * 3_600_000
    worker.now += PULSE_MS
    other.look()
    assert abs(worker.now - city.now) <= 2 * PULSE_MS
    assert other.standing.trusted


async def test_a_worker_with_another_key_sends_nothing(tmp_path: Path) -> None:
    city = City(tmp_path, postgresql=True)
    settings = Settings(data_dir=tmp_path / "elsewhere", database_url=SecretStr(city.url))
    node = Node(settings, part=Part(routes=frozenset({"sms-1"})))
    for _start in range(2):  # nor does it make a key that would be taken for the right one
        with pytest.raises(ConflictError, match="key"):
            await node.open()
