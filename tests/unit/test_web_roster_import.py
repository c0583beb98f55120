"""Roster files by the console: read beside the requests, shown page by page, kept sealed."""

import re
import stat
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from starlette.datastructures import UploadFile

from alertd.engine.authority import Actor
from alertd.errors import ConflictError, NotFoundError
from alertd.store import tables as t
from alertd.web.auth import COOKIE
from alertd.web.imports import FileName, Imports
from tests.unit.test_web_pages import HTML, csrf_of
from tests.unit.test_web_roster import parts, sample
from tests.unit.web_city import WebCity

PHONE = "15400001234"


async def office(web: WebCity, who: str = "admin") -> httpx.AsyncClient:
    """Somebody's browser."""
    cookies = {COOKIE: await web.session(who)}
    return web.client(headers=HTML, cookies=cookies, follow_redirects=True)


async def upload(client: httpx.AsyncClient, files: dict[str, bytes]) -> httpx.Response:
    """Send files by the page's form, and look until they are read."""
    csrf = csrf_of(await client.get("/roster/import"))
    page = await client.post("/roster/import", data={"csrf": csrf}, files=parts(files))
    while "Refresh" in page.headers:
        page = await client.get(page.url)
    return page


async def confirm(client: httpx.AsyncClient, page: httpx.Response, **fields: str) -> httpx.Response:
    action = re.search(r'action="(/roster/import/[^"]+/confirm)"', page.text)
    assert action, page.text
    return await client.post(action[1], data={"csrf": csrf_of(page), **fields})


def rows_of(files: dict[str, bytes]) -> list[str]:
    return files["people"].decode("utf-8-sig").splitlines()


def shortened(files: dict[str, bytes], *, by: int) -> dict[str, bytes]:
    """Only people, without the last rows: what hangs in their units leaves, too."""
    return {"people": "\r\n".join(rows_of(files)[:-by]).encode()}


def leaving(page: httpx.Response) -> str:
    """How many would leave, as the page asks for it."""
    many = re.search(r"(\d+) people, loudspeakers or groups would leave", page.text)
    assert many, page.text
    return many[1]


def kept(web: WebCity) -> list[Path]:
    folder = web.deps.settings.data_dir / "imports"
    return sorted(folder.iterdir()) if folder.exists() else []


async def test_files_are_shown_page_by_page_and_put_in_force(web: WebCity) -> None:
    files = sample(web)
    rows = rows_of(files)
    name = rows[5].split(",")[1]
    rows[5] = re.sub(r",1\d{10},", f",{PHONE},", rows[5])
    changed = shortened({"people": "\r\n".join(rows).encode()}, by=60)
    async with await office(web) as client:
        page = await upload(client, changed)
        assert page.status_code == 200, page.text
        assert "***34" in page.text
        assert PHONE not in page.text
        total = re.search(r"1 to 100 of (\d+)", page.text)
        assert total, page.text
        further = await client.get(f"{page.url}?first=100")
        assert f"101 to {total[1]} of {total[1]}" in further.text
        (file,) = kept(web)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        sealed = file.read_bytes()
        assert name.encode() not in sealed
        assert PHONE.encode() not in sealed
        many = leaving(page)
        silent = await confirm(client, page, why=" ", leaving=many)
        assert silent.status_code == 422
        done = await confirm(client, silent, why="the season's roster", leaving=many)
        assert done.url.path == "/roster/history/2", done.text
        assert "the season&#39;s roster" in done.text
        assert "admin" in done.text
        assert "principal:" not in done.text + (await client.get("/roster/history")).text
        assert kept(web) == []
        assert (await client.get(page.url)).status_code == 404
        (fact,) = web.city.rows(
            select(t.journal.c.body).where(t.journal.c.kind == "roster.imported").offset(1)
        )
        assert '"version":2' in fact.body


async def test_what_is_wrong_is_told_by_line_and_as_a_file_to_take_back(web: WebCity) -> None:
    files = sample(web)
    rows = rows_of(files)
    rows[3] = rows[3].replace(rows[3].split(",")[2], "3.30281E+11")
    files["people"] = "\r\n".join(rows).encode()
    async with await office(web) as client, await office(web, "second") as other:
        page = await upload(client, files)
        assert "<td>people.csv</td><td>4</td>" in page.text
        back = await client.get(f"{page.url.path}/problems.csv")
        assert back.content.startswith(b"\xef\xbb\xbf")
        assert "people.csv,4,unit_code,wrong," in back.text
        assert (await other.get(page.url.path)).status_code == 403
        assert len((await client.get("/api/v1/roster/versions")).json()) == 1
        none = await upload(client, {"terminals": files["terminals"]})
        assert none.status_code == 422
        assert "Choose the file of people" in none.text
        huge = {"content-type": "multipart/form-data; boundary=x", "content-length": str(41 << 20)}
        large = await client.post("/roster/import", content=b"--x", headers=huge)
        assert large.status_code == 413
        assert "alertd roster import" in large.text
        forged = await client.post("/roster/import", data={"csrf": "x"}, files=parts(files))
        assert forged.status_code == 403


async def test_many_who_leave_are_said_by_their_number(web: WebCity) -> None:
    files = sample(web)
    half = shortened(files, by=len(rows_of(files)) // 2)
    async with await office(web) as client, web.client("admin") as api:
        page = await upload(client, half)
        many = leaving(page)
        assert (await confirm(client, page, why="x", leaving="1")).status_code == 409
        assert (await api.post("/api/v1/roster", files=parts(half))).status_code == 409
        assert len((await api.get("/api/v1/roster/versions")).json()) == 1
        shown = await api.post("/api/v1/roster?dry_run=true", files=parts(half))
        changes = shown.json()["changes"]
        left = [changes[kind]["left"] for kind in ("person", "terminal", "group")]
        assert all(left)
        assert sum(left) == int(many)
        url = f"/api/v1/roster?leaving={many}"
        assert (await api.post(url, files=parts(half))).json()["version"] == 2
        # What was shown was made against the first version.
        late = await confirm(client, page, why="x", leaving=many)
        assert late.status_code == 409
        assert "has changed since" in late.text
        assert "has changed since" in (await client.get(page.url)).text


@pytest.fixture
def no_temporary_files(tmp_path: Path) -> Iterator[None]:
    """Who wants one finds no folder for it."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path / "nowhere")
    yield
    tempfile.tempdir = before


@pytest.mark.usefixtures("no_temporary_files")
async def test_whole_numbers_lie_nowhere_but_in_the_data_folder(web: WebCity) -> None:
    """A kill in mid-import left the city's telephone numbers among everybody's temporary files."""
    files = sample(web)
    files |= shortened(files, by=1)
    async with web.client("admin") as api:
        assert (await api.post("/api/v1/roster", files=parts(files))).json()["version"] == 2
        assert (await api.get("/api/v1/roster/export?unmasked=true")).status_code == 200
    assert kept(web) == []
    imports = Imports(web.deps)
    with imports.in_clear() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        left = folder.with_name(f"{web.city.now - 3_600_001:013d}{folder.name[13:]}")
        folder.rename(left)  # as a process that was killed an hour ago has left it
    assert kept(web) == [left]
    imports.sweep()
    assert kept(web) == []


async def test_an_import_waits_an_hour_and_for_whoever_uploaded_it(web: WebCity) -> None:
    files = shortened(sample(web), by=1)

    def sent() -> dict[FileName, UploadFile]:
        return {"people": UploadFile(BytesIO(files["people"]), filename="p.csv")}

    def actor(no: int) -> Actor:
        return Actor(no=no, id=b"x" * 16, name="x", role="administrator", path="")

    imports = Imports(web.deps)
    key = await imports.begin(actor(1), sent())
    with pytest.raises(ConflictError, match="read already"):
        await imports.begin(actor(2), sent())
    reading = imports.reading(key, actor(1))
    assert reading
    assert imports.reading(key, actor(2)) is None
    await reading.over.wait()
    assert [path.name for path in kept(web)] == [f"{key}.sealed"]
    with pytest.raises(NotFoundError):
        await imports.kept(key, actor(2))
    assert (await imports.kept(key, actor(1))).said
    left = kept(web)[0].with_name(key[:-1] + "x")
    left.mkdir()  # of a process that was killed
    foreign = left.with_name("of somebody else")
    foreign.touch()
    web.clock.forward(minutes=61)
    with pytest.raises(NotFoundError):
        await imports.kept(key, actor(1))
    assert kept(web) == [foreign]

    few = Imports(web.deps, most_rows=900)
    late = few.reading(await few.begin(actor(1), sent()), actor(1))
    assert late
    await late.over.wait()
    assert "at most 900 rows" in str(late.error)
    assert kept(web) == [foreign]


async def test_the_roster_that_is_in_force_is_not_offered_again(web: WebCity) -> None:
    async with await office(web) as client:
        page = await upload(client, sample(web))
        assert "Nothing: the roster is so already." in page.text
        assert "/confirm" not in page.text
        forced = await client.post(
            f"{page.url.path}/confirm", data={"csrf": csrf_of(page), "why": "again"}
        )
        assert forced.status_code == 409
        assert len((await client.get("/api/v1/roster/versions")).json()) == 1
