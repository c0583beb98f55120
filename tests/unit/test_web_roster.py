"""The roster by the API: dry run, import, versions, the hierarchy, export."""

import pytest
from sqlalchemy import select

from alertd.store import tables as t
from tests.unit.web_city import TOWN, WebCity


def sample(web: WebCity) -> dict[str, bytes]:
    folder = web.city.directory / "roster"
    return {path.stem: path.read_bytes() for path in folder.glob("*.csv")}


def parts(files: dict[str, bytes]) -> dict[str, tuple[str, bytes, str]]:
    return {name: (f"{name}.csv", content, "text/csv") for name, content in files.items()}


async def test_a_dry_run_shows_the_difference_and_changes_nothing(web: WebCity) -> None:
    files = sample(web)
    lines = files["people"].splitlines(keepends=True)
    files["people"] = b"".join([*lines[:-1]])
    async with web.client("admin") as admin:
        shown = await admin.post("/api/v1/roster?dry_run=true", files=parts(files))
        assert shown.status_code == 200, shown.text
        assert shown.json()["dry_run"] is True
        assert sum(each["left"] for each in shown.json()["changes"].values()) >= 1
        (before,) = (await admin.get("/api/v1/roster/versions")).json()
        assert before["version"] == 1
        done = await admin.post("/api/v1/roster", files=parts(files), data={"why": "one has left"})
        assert done.status_code == 200, done.text
        assert done.json()["version"] == 2
        assert done.json()["changes"] == shown.json()["changes"]
        newest = (await admin.get("/api/v1/roster/versions")).json()[0]
        assert (newest["version"], newest["why"]) == (2, "one has left")


async def test_a_bad_file_is_refused_whole_with_every_error_and_its_line(web: WebCity) -> None:
    files = sample(web)
    rows = files["people"].decode("utf-8-sig").splitlines()
    rows[3] = rows[3].replace(TOWN, "3.30281E+11")
    rows[5] = rows[5] + ",too,many,cells"
    files["people"] = "\r\n".join(rows).encode()
    async with web.client("admin") as admin:
        answer = await admin.post("/api/v1/roster", files=parts(files))
        assert answer.status_code == 422, answer.text
        assert len(answer.json()["problems"]) >= 1
        assert all("people" in line for line in answer.json()["problems"])
        assert len((await admin.get("/api/v1/roster/versions")).json()) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        b"\xff\xfe\x00",
        b"PK\x03\x04broken",
        b"a,b\n" * 10,
        "编号\n".encode("gbk"),
    ],
)
async def test_files_that_are_none_are_refused(web: WebCity, content: bytes) -> None:
    async with web.client("admin") as admin:
        for name in ("people.csv", "people.xlsx", "people.exe", "people"):
            answer = await admin.post(
                "/api/v1/roster", files={"people": (name, content, "text/csv")}
            )
            assert answer.status_code == 422, (name, answer.text)
        missing = await admin.post("/api/v1/roster", data={"why": "x"})
        assert missing.status_code == 422
        assert missing.json()["field"] == "people"


async def test_only_the_whole_citys_administrator_imports(web: WebCity) -> None:
    async with web.client("town") as town, web.client("officer") as officer:
        for client in (town, officer):
            answer = await client.post("/api/v1/roster", files=parts(sample(web)))
            assert answer.status_code == 403


async def test_the_hierarchy_is_read_a_level_at_a_time(web: WebCity) -> None:
    async with web.client("viewer") as viewer, web.client("town") as town:
        (root,) = (await viewer.get("/api/v1/roster/units")).json()["items"]
        assert root["level"] == "city"
        towns = (await viewer.get(f"/api/v1/roster/units?parent={root['code']}")).json()
        codes = [unit["code"] for unit in towns["items"]]
        assert TOWN in codes
        first = (await viewer.get(f"/api/v1/roster/units?parent={root['code']}&limit=1")).json()
        rest = (
            await viewer.get(f"/api/v1/roster/units?parent={root['code']}&after={first['next']}")
        ).json()
        assert [first["items"][0]["code"], *(unit["code"] for unit in rest["items"])] == codes
        (own,) = (await town.get("/api/v1/roster/units")).json()["items"]
        assert own["code"] == TOWN
        other = next(code for code in codes if code != TOWN)
        hidden = await town.get(f"/api/v1/roster/units?parent={other}")
        assert hidden.status_code == 404


async def test_an_export_is_masked_unless_one_may_and_says_so(web: WebCity) -> None:
    _, person = web.city.leaders()[0]
    national = web.city.phone_of(person).removeprefix("+86")
    async with web.client("viewer") as viewer, web.client("auditor") as auditor:
        masked = await viewer.get("/api/v1/roster/export")
        assert masked.status_code == 200
        assert "masked" in masked.headers["content-disposition"]
        assert national not in masked.text
        assert (await viewer.get("/api/v1/roster/export?unmasked=true")).status_code == 403
        whole = await auditor.get("/api/v1/roster/export?unmasked=true")
        assert national in whole.text
        for file in ("terminals", "groups"):
            assert (await viewer.get(f"/api/v1/roster/export?file={file}")).status_code == 200
    kinds = web.city.rows(select(t.journal.c.kind, t.journal.c.body).order_by(t.journal.c.seq))
    (exported,) = [row for row in kinds if row.kind == "report.exported"]
    assert "roster-people" in exported.body
    async with web.client("town") as town:
        assert (await town.get("/api/v1/roster/export")).status_code == 403


async def test_what_was_exported_unmasked_is_imported_without_a_change(web: WebCity) -> None:
    async with web.client("admin") as admin, web.client("auditor") as auditor:
        files = {}
        for name in ("people", "terminals", "groups"):
            answer = await auditor.get(f"/api/v1/roster/export?file={name}&unmasked=true")
            files[name] = answer.content
        shown = await admin.post("/api/v1/roster?dry_run=true", files=parts(files))
        assert shown.status_code == 200, shown.text
        changes = shown.json()["changes"]
        assert not any(n for each in changes.values() for n in each.values()), changes


async def test_the_roster_that_is_in_force_makes_no_new_version(web: WebCity) -> None:
    files = sample(web)
    async with web.client("admin") as admin:
        for _ in range(2):
            done = await admin.post("/api/v1/roster", files=parts(files), data={"why": "again"})
            assert done.status_code == 200, done.text
            found = done.json()
            assert (found["version"], found["base"], found["dry_run"]) == (None, 1, False)
            assert not any(n for ways in found["changes"].values() for n in ways.values())
        looked = await admin.post("/api/v1/roster?dry_run=true", files=parts(files))
        assert (looked.json()["version"], looked.json()["dry_run"]) == (None, True)
        assert len((await admin.get("/api/v1/roster/versions")).json()) == 1
