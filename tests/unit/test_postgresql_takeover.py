"""A standby takes over from PostgreSQL's primary, and the primary comes back beside it."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import make_url, select, text
from sqlalchemy.exc import DBAPIError

from alertd.errors import ReplacedError
from alertd.store import dialect, journal, migrate
from alertd.store import tables as t
from alertd.store.home import lacks_since
from tests import postgres
from tests.city import City, sms_route

SLOW = (sms_route(in_flight=5, burst=5, rate_per_s=1.0),)


@dataclass
class Pair:
    """A server and its standby, by the address at which both of them are looked for."""

    folder: Path
    primary: postgres.Server
    standby: postgres.Server | None = None

    @property
    def url(self) -> str:
        places = {"host": [str(self.folder / "a"), str(self.folder / "b")]}
        return make_url(self.primary.url()).set(query=places).render_as_string()

    def stand_by(self) -> None:
        """What is confirmed from now on the standby lacks."""
        self.standby = self.primary.stand_by(self.folder / "b")

    def take_over(self) -> None:
        assert self.standby is not None
        self.primary.kill()
        self.standby.start()
        self.standby.promote()


@pytest.fixture
def pair() -> Iterator[Pair]:
    folder = Path(tempfile.mkdtemp(prefix="alertd-pg-"))  # short: a socket's path has 107 bytes
    folder.chmod(0o755)
    made = Pair(folder, postgres.make(folder / "a", *postgres.QUICK))
    try:
        migrate.upgrade(made.url)
        yield made
    finally:
        for server in filter(None, (made.primary, made.standby)):
            if (server.folder / "data" / "postmaster.pid").exists():
                server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def last_kind(city: City) -> str:
    with city.store.read() as connection:
        (head, *_) = journal.heads(connection)
        (row,) = journal.read(connection, {(head.node, head.writer): head.seq - 1}, limit=1)
    return row.fact.kind


def lacks(city: City) -> int | None:
    with city.store.read() as connection:
        return lacks_since(connection)


def cut_off(city: City) -> None:
    """Have it find out that its server has gone."""
    with pytest.raises(DBAPIError):
        city.engine.step(city.now)


@pytest.mark.parametrize("restarts", [False, True])
def test_what_left_in_moments_that_a_standby_lacks_is_marked(pair: Pair, *, restarts: bool) -> None:
    city = City(pair.folder / "city", routes=SLOW, url=pair.url)
    city.issue(roles=("grid_leader",))
    city.forward(seconds=3)
    before = {message.delivery for message in city.sent}
    pair.stand_by()
    cut_off(city)
    city.forward(seconds=5)
    left = {message.delivery for message in city.sent} - before
    lost = city.issue("rainstorm", "orange", roles=("grid_leader",))
    assert left
    assert lacks(city) is None

    pair.take_over()
    if restarts:  # its machine went down with the database's
        city.restart()
    else:
        cut_off(city)
    city.sent.clear()
    city.now += 60_000
    city.forward(minutes=2)
    again = [message for message in city.sent if message.delivery in left]
    assert {message.delivery for message in again} == left
    assert all(message.possible_duplicate for message in again)
    assert lacks(city) is not None
    assert lost not in city.engine.alerts, "nothing is remembered of it"


def test_what_came_after_a_takeover_is_not_marked(pair: Pair) -> None:
    city = City(pair.folder / "city", routes=SLOW, url=pair.url)
    city.forward(seconds=3)
    pair.stand_by()
    pair.take_over()
    cut_off(city)
    city.forward(seconds=3)
    city.issue(roles=("grid_leader",))
    city.forward(minutes=1)
    assert city.sent
    assert not any(message.possible_duplicate for message in city.sent)


def test_a_server_that_won_t_say_which_it_is_is_used_all_the_same(pair: Pair) -> None:
    engine = dialect.writer(pair.url)
    with engine.begin() as connection:
        for statement in (
            "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
            "CREATE ROLE alertd LOGIN",
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO alertd",
            "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO alertd",
        ):
            connection.execute(text(statement))
    engine.dispose()
    url = make_url(pair.url).set(username="alertd").render_as_string()
    city = City(pair.folder / "city", routes=SLOW, url=url)
    city.issue(roles=("grid_leader",))
    city.forward(seconds=3)
    assert city.sent


def test_a_primary_that_comes_back_beside_its_standby_is_not_written_to(pair: Pair) -> None:
    city = City(pair.folder / "city", routes=SLOW, url=pair.url)
    city.forward(seconds=3)
    pair.stand_by()
    pair.take_over()
    cut_off(city)
    city.forward(seconds=3)
    assert pair.standby is not None
    pair.standby.kill()
    pair.primary.start()
    cut_off(city)
    for _ in range(2):
        with pytest.raises(ReplacedError):
            city.engine.step(city.now)
    pair.standby.start()
    pair.primary.stop()
    city.issue(roles=("grid_leader",))
    assert city.one(select(t.alert)).state == "issued"
