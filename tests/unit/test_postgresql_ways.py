"""How a PostgreSQL database is come by: what its URL says, and what stands in between."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import make_url

from alertd.cli.trouble import of_database
from alertd.errors import NotConfiguredError, PooledError
from alertd.settings import load
from alertd.store import dialect, migrate
from tests import databases

GREETING: Final = b"K\x00\x00\x00\x0c"  # the key by which a query may be cancelled


@pytest.fixture
def url(tmp_path: Path) -> str:
    return databases.url_of(tmp_path, postgresql=True)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://alertd@db.example:54x2/city",
        "postgresql://alertd@db.example:/city",
        "postgresql://alertd:p@ss@db.example/city",
        "postgresql://alertd:p/ss@db.example/city",
        "postgresql://[::1/city",
    ],
)
def test_a_url_that_says_something_else_than_it_seems_is_refused(url: str) -> None:
    with pytest.raises(NotConfiguredError, match="port is a number, and in a name") as refused:
        load(database_url=url)
    assert "ss@" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://alertd:p%40ss%2F@db.example:5432/city?sslmode=verify-full",
        "postgresql://alertd@one.example,other.example/city",
        "postgresql://alertd@[2001:db8::1]:5432/city",
        "postgresql://alertd@/city?host=/run/postgresql",
    ],
)
def test_a_url_with_all_that_there_may_be_is_taken(url: str) -> None:
    assert load(database_url=url).store_url == url


def test_what_a_url_asks_for_beside_is_kept(url: str) -> None:
    more = {"options": "-c search_path=pg_catalog -c timezone=Asia/Shanghai"}
    asked = make_url(url).update_query_dict({**more, "application_name": "the-night-shift"})
    engine = dialect.reader(asked.render_as_string())
    names = ("search_path", "application_name", "timezone")
    with engine.connect() as connection:
        shown = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names]
    engine.dispose()
    assert shown == ["pg_catalog", "the-night-shift", "UTC"], "times are alertd's own"


def test_what_the_driver_says_is_told(url: str) -> None:
    for change, said in (
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"query": {**make_url(url).query, "sslmod": "require"}}, "invalid connection option"),
    ):
        with pytest.raises(Exception, match=said) as failed:
            migrate.current(make_url(url).set(**change).render_as_string())
        told = of_database(failed.value)
        assert told is not None
        assert said in str(told.hint)


@pytest.fixture
def pooler(url: str) -> Iterator[str]:
    """A way to the database by which its sessions have other names, as every pooler gives them."""
    to = str(make_url(url).query["host"])
    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=_serve, args=(door, f"{to}/.s.PGSQL.5432"), daemon=True).start()
        query = {"sslmode": "disable", "gssencmode": "disable"}
        place = {"host": "127.0.0.1", "port": door.getsockname()[1], "query": query}
        yield make_url(url).set(**place).render_as_string()
        door.shutdown(socket.SHUT_RDWR)


def _serve(door: socket.socket, to: str) -> None:
    while True:
        try:
            here, _ = door.accept()
        except OSError:
            return  # the test is over
        there = socket.socket(socket.AF_UNIX)
        there.connect(to)
        threading.Thread(target=_carry, args=(here, there, False), daemon=True).start()
        threading.Thread(target=_carry, args=(there, here, True), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket, renames: bool) -> None:
    """One way, to its end; it ends the other way, too, which closes what is its own."""
    with source, suppress(OSError):
        while content := source.recv(65_536):
            if renames and (at := content.find(GREETING)) >= 0:
                at += len(GREETING)
                content = content[:at] + b"\x00\x7f\x7f\x7f" + content[at + 4 :]
                renames = False
            target.sendall(content)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def test_a_pooler_in_between_is_refused(pooler: str) -> None:
    for ask in (migrate.current, migrate.upgrade):
        with pytest.raises(PooledError):
            ask(pooler)
