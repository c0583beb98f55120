"""The data folder is moved, and another put in its place, under a running server."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from alertd.errors import MovedError
from alertd.store.footing import Footing
from tests.acceptance.server import Server
from tests.acceptance.within import within

MOVED = MovedError().message


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "node", routes={}, settings={}, postgresql=False)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def let_in(server: Server, name: str) -> int:
    """Any write."""
    body = {"name": name, "role": "viewer"}
    with server.client(server.token) as client:
        answer = client.post("/api/v1/principals", json=body, headers={"accept-language": "en"})
    if answer.status_code == 503:
        assert answer.json()["detail"] == MOVED
    return answer.status_code


def reasons(server: Server) -> list[str]:
    with server.client(server.token) as client:
        return list(client.get("/readyz").json()["reasons"])


def test_what_nobody_would_find_again_isn_t_taken(server: Server, tmp_path: Path) -> None:
    assert let_in(server, "wang") == 201
    aside = tmp_path / "aside"
    server.data.rename(aside)
    shutil.copytree(aside, server.data)  # as a second server would find it, and use it
    assert let_in(server, "li") == 503
    within(that=lambda: MOVED in reasons(server))

    shutil.rmtree(server.data)
    assert let_in_by(aside, server, "li") == 503
    aside.rename(server.data)
    assert let_in(server, "li") == 201, "it goes on by itself once it is back"
    assert MOVED not in reasons(server)
    assert server.log.count("MovedError") == 1


def let_in_by(data: Path, server: Server, name: str) -> int:
    """While the folder isn't at its place."""
    token = (data / "cli.token").read_text()
    with server.client(token) as client:
        return client.post("/api/v1/principals", json={"name": name, "role": "viewer"}).status_code


@pytest.mark.parametrize("name", ["alertd.sqlite3", "alertd.lock"])
def test_so_it_is_with_a_file_of_it(server: Server, name: str, tmp_path: Path) -> None:
    """A second server could begin beside the first, or a copy would be written over."""
    file, aside = server.data / name, tmp_path / "aside"
    file.rename(aside)
    shutil.copyfile(aside, file)
    assert let_in(server, "wang") == 503
    aside.replace(file)
    assert let_in(server, "wang") == 201


@pytest.mark.parametrize("ending", ["-wal", "-shm"])
def test_without_its_journal_s_name_nothing_is_lost(server: Server, ending: str) -> None:
    """What was committed last would have been in a file without a name, and gone with a kill."""
    assert let_in(server, "wang") == 201
    (server.data / f"alertd.sqlite3{ending}").unlink()
    assert let_in(server, "li") == 503
    server.kill()
    server.start()
    assert let_in(server, "li") == 201, "it was refused, and so isn't there"
    assert let_in(server, "wang") == 409, "it was taken, and so is there"


def test_what_isn_t_there_yet_may_not_come_either(tmp_path: Path) -> None:
    footing = Footing(tmp_path / "file")
    assert footing.holds()
    (tmp_path / "file").touch()
    assert not footing.holds()
