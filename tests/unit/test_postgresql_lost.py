"""The way to PostgreSQL breaks: nobody waits for long, and nobody is told what may be wrong."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import make_url

from alertd.engine.refusals import of_failure
from alertd.errors import UnsureError
from alertd.model import Fact
from alertd.store import dialect, journal
from alertd.store.database import Store
from alertd.store.vault import Vault
from tests import databases
from tests.city import KEY


@dataclass
class Way:
    """A TCP way to the tests' server; `breaks`: once the next commit is done, before its answer."""

    to: str
    door: socket.socket
    breaks: bool = False

    def serve(self) -> None:
        while True:
            try:
                here, _ = self.door.accept()
            except OSError:
                return  # the test is over
            there = socket.socket(socket.AF_UNIX)
            there.connect(self.to)
            last = threading.Event()
            threading.Thread(target=self._up, args=(here, there, last), daemon=True).start()
            threading.Thread(target=_down, args=(there, here, last), daemon=True).start()

    def _up(self, here: socket.socket, there: socket.socket, last: threading.Event) -> None:
        with here, suppress(OSError):
            while content := here.recv(65_536):
                if self.breaks and b"COMMIT" in content:
                    self.breaks = False
                    last.set()
                there.sendall(content)
        with suppress(OSError):
            there.shutdown(socket.SHUT_RDWR)


def _down(there: socket.socket, here: socket.socket, last: threading.Event) -> None:
    with there, suppress(OSError):
        while (content := there.recv(65_536)) and not last.is_set():
            here.sendall(content)
    with suppress(OSError):
        here.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    to = make_url(databases.url_of(tmp_path, postgresql=True)).query["host"]
    with socket.create_server(("127.0.0.1", 0)) as door:
        made = Way(f"{to}/.s.PGSQL.5432", door)
        threading.Thread(target=made.serve, daemon=True).start()
        yield made
        door.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def url(tmp_path: Path, way: Way) -> str:
    query = {"sslmode": "disable", "gssencmode": "disable"}
    place = {"host": "127.0.0.1", "port": way.door.getsockname()[1], "query": query}
    found = make_url(databases.url_of(tmp_path, postgresql=True)).set(**place)
    return found.render_as_string()


def test_what_a_peer_that_is_gone_does_not_take_is_given_up(url: str) -> None:
    engine = dialect.reader(url)
    with engine.connect() as connection:
        ours = socket.socket(fileno=connection.connection.driver_connection.fileno())  # type: ignore[union-attr]
        waits_ms = ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        ours.detach()
        # Over a Unix socket, as the server sees it, its value is shown as none.
        query = "SELECT source FROM pg_settings WHERE name = 'tcp_user_timeout'"
        source = connection.exec_driver_sql(query).scalar_one()
    engine.dispose()
    assert 0 < waits_ms <= 15_000
    assert source == "client", "a peer that is gone keeps no lock"


def test_of_a_commit_whose_answer_is_lost_nobody_says_that_it_was_not_done(
    url: str, way: Way
) -> None:
    store = Store(url, Vault(KEY), node="test")
    databases.opened.append(store)

    def lose() -> None:
        with store.transaction(1) as tx:
            tx.record(Fact(kind="engine.stopped", occurred_at=1, body={"process": "server"}))
            way.breaks = True

    with pytest.raises(UnsureError) as lost:
        lose()
    told = of_failure(lost.value)
    assert told.code == "unsure"
    assert "may have been done" in told.message
    with store.read() as connection:
        assert [row.fact.kind for row in journal.stream(connection)] == ["engine.stopped"]
    with store.transaction(2):
        pass


def test_a_connection_that_is_lost_before_the_commit_wrote_nothing(url: str, way: Way) -> None:
    store = Store(url, Vault(KEY), node="test")
    databases.opened.append(store)

    def lose() -> None:
        with store.transaction(1) as tx:
            tx.record(Fact(kind="engine.stopped", occurred_at=1, body={"process": "server"}))
            tx.connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(Exception, match="terminat") as lost:
        lose()
    assert of_failure(lost.value).code == "unavailable"
