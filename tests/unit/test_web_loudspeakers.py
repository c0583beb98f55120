"""Loudspeakers' logins over the API and the console: who lets which in, and what is on record."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alertd.model import FOREVER, Fact
from alertd.store import journal
from alertd.store import tables as t
from channels.loudspeaker.accounts import Account, Accounts
from tests.unit.web_city import TOWN, WebCity, web_city

HERE, THERE = "330281002", "330281003"  # towns with a loudspeaker each
SECRET = "password-of-a-loudspeaker-" + "x" * 20


def facts(web: WebCity) -> list[Fact]:
    with web.city.store.read() as connection:
        rows = list(journal.stream(connection))
    return [row.fact for row in rows if row.fact.kind.startswith("terminals.")]


def standing(web: WebCity, town: str) -> str:
    """A loudspeaker that stands in a town."""
    u, c = t.unit.c, t.terminal.c
    query = (
        select(c.terminal_id)
        .join(t.unit, u.no == c.unit_no)
        .where(c.to_version == FOREVER, u.to_version == FOREVER, u.code.like(f"{town}%"))
        .order_by(c.no)
        .limit(1)
    )
    with web.city.store.read() as connection:
        found: str = connection.execute(query).scalar_one()
    return found


def body(*terminals: str, areas: tuple[str, ...] = (), secret: str = SECRET) -> dict[str, Any]:
    logins = [{"terminal": terminal, "password": secret} for terminal in terminals]
    return {"logins": logins, "areas": list(areas)}


def file(web: WebCity) -> dict[str, Account]:
    return Accounts(web.deps.settings.broker_dir).all()


def source(web: WebCity, name: str) -> str:
    with web.city.store.read() as connection:
        row = connection.execute(select(t.principal.c.id).where(t.principal.c.name == name)).one()
    return f"principal:{row.id.hex()}"


async def test_who_lets_one_in_and_shuts_it_out_is_on_record(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web, web.client("admin") as admin:
        made = await admin.post("/api/v1/terminals/enrol", json=body("LS-new", areas=(TOWN,)))
        assert made.status_code == 200, made.text
        (login,) = made.json()["logins"]
        assert (login["terminal"], login["areas"], login["revoked_at"]) == ("LS-new", [TOWN], None)
        assert made.json()["followed"] is True
        assert SECRET not in made.text
        kept = file(web)["LS-new"]
        assert (kept.password, kept.areas, kept.good) == (SECRET, (TOWN,), True)

        done = await admin.post("/api/v1/terminals/revoke", json={"terminals": ["LS-new"]})
        assert done.json()["logins"][0]["revoked_at"] is not None
        assert not file(web)["LS-new"].good
        again = await admin.post("/api/v1/terminals/revoke", json={"terminals": ["LS-new"]})
        assert again.json()["logins"] == done.json()["logins"]
        assert (await admin.get("/api/v1/terminals/logins")).json() == done.json()["logins"]

        let_in, shut_out = facts(web)
        assert let_in.body == {"terminals": ["LS-new"], "areas": [TOWN], "reason": ""}
        assert shut_out.body == {"terminals": ["LS-new"], "reason": ""}
        assert {let_in.source, shut_out.source} == {source(web, "admin")}
        assert let_in.occurred_at == login["enrolled_at"]
        with web.city.store.read() as connection:
            for table in t.metadata.sorted_tables:
                assert SECRET not in str(connection.execute(select(table)).all()), table.name


async def test_enrolled_anew_it_is_newer_also_within_a_millisecond(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web, web.client("admin") as admin:
        first = (await admin.post("/api/v1/terminals/enrol", json=body("LS1"))).json()
        await admin.post("/api/v1/terminals/revoke", json={"terminals": ["LS1"]})
        web.clock.move(web.clock() - 60_000)  # and where the clock was put back
        second = await admin.post("/api/v1/terminals/enrol", json=body("LS1", secret="y" * 40))
        enrolled = second.json()["logins"][0]["enrolled_at"]
        assert enrolled > first["logins"][0]["enrolled_at"]
        assert (file(web)["LS1"].password, file(web)["LS1"].good) == ("y" * 40, True)


async def test_a_lost_answer_is_given_again_and_nothing_is_done_twice(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web, web.client("admin") as admin:
        same = {"json": body("LS1"), "headers": {"Idempotency-Key": "k1"}}
        first = await admin.post("/api/v1/terminals/enrol", **same)
        # The process died before its file followed; the repetition has it follow.
        Accounts(web.deps.settings.broker_dir).path.unlink()
        assert (await admin.post("/api/v1/terminals/enrol", **same)).json() == first.json()
        assert file(web)["LS1"].password == SECRET
        assert [fact.kind for fact in facts(web)] == ["terminals.enrolled"]


async def test_each_only_where_they_may(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web, web.client("admin") as admin:
        await web.administer("near", HERE)
        town = web.client("near")
        ours, theirs = standing(web, HERE), standing(web, THERE)
        enrol, revoke = "/api/v1/terminals/enrol", "/api/v1/terminals/revoke"
        await admin.post(enrol, json=body(theirs, "LS-nowhere"))
        for given in (
            body(theirs),
            body(ours, theirs),
            body("LS-nowhere"),  # nobody knows that it stands in their area
            body(ours, areas=(THERE,)),
            body(ours, areas=("330281",)),
            body(ours, areas=("unknown",)),
        ):
            assert (await town.post(enrol, json=given)).status_code == 403, given
        for names in ([theirs], ["LS-nowhere"], ["LS-unknown"]):
            assert (await town.post(revoke, json={"terminals": names})).status_code == 403
        assert len(facts(web)) == 1
        assert (await town.post(enrol, json=body(ours, areas=(HERE,)))).status_code == 200
        assert [x["terminal"] for x in (await town.get("/api/v1/terminals/logins")).json()] == [
            ours
        ]
        assert (await town.post(revoke, json={"terminals": [ours]})).status_code == 200
        for who in ("officer", "second", "viewer", "auditor"):
            async with web.client(who) as client:
                assert (await client.post(enrol, json=body(ours))).status_code == 403, who
                refused = await client.post(revoke, json={"terminals": [ours]})
                assert refused.status_code == 403, who
        assert len((await admin.get("/api/v1/terminals/logins")).json()) == 3
        await town.aclose()


@pytest.mark.parametrize(
    "given",
    [
        body("a/b"),
        body("alertd"),
        body("terminal"),
        body("LS1", "LS1"),
        body("LS1", "13800138000"),
        body("LS1", secret="short"),
        body("LS1", secret="x" * 31 + "\n"),
        body("LS1", areas=tuple(str(n) for n in range(17))),
        body("LS1", areas=("a b",)),
        body(),
        body("LS1") | {"more": 1},
    ],
)
async def test_what_is_wrong_is_refused_whole_and_repeats_no_secret(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    async with web_city(tmp_path) as web, web.client("admin") as admin:
        refused = await admin.post("/api/v1/terminals/enrol", json=given)
        assert refused.status_code == 422, refused.text
        assert not any(login["password"] in refused.text for login in given["logins"])
        unknown = await admin.post("/api/v1/terminals/revoke", json={"terminals": ["LS1"]})
        assert (unknown.status_code, "LS1" in unknown.text) == (404, True)
        number = await admin.post("/api/v1/terminals/revoke", json={"terminals": ["13800138000"]})
        assert (number.status_code, "13800138000" in number.text) == (404, False)
        assert facts(web) == []
        assert file(web) == {}


async def test_where_the_file_cant_be_written_it_is_on_record_and_said(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web, web.client("admin") as admin:
        folder = web.deps.settings.broker_dir
        folder.write_text("no folder")
        made = await admin.post("/api/v1/terminals/enrol", json=body("LS1"))
        assert (made.status_code, made.json()["followed"]) == (200, False)
        folder.unlink()
        done = await admin.post("/api/v1/terminals/revoke", json={"terminals": ["LS1"]})
        assert done.json()["followed"] is True
        assert not file(web)["LS1"].good


async def test_the_console_shuts_one_out(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web, web.client("admin") as admin:
        await web.administer("near", HERE)
        ours = standing(web, HERE)
        await admin.post("/api/v1/terminals/enrol", json=body(ours))
        cookie = await web.session("near")
        async with web.client(cookies={"alertd_session": cookie}) as browser:
            shown = await browser.get("/loudspeakers")
            assert "Shut it out" in shown.text
            form = {"csrf": f"csrf-{cookie}", "terminal": ours}
            sent = await browser.post("/loudspeakers/revoke", data=form)
            assert sent.status_code == 303, sent.text
            assert "shut out" in (await browser.get("/loudspeakers")).text
        assert not file(web)[ours].good
        assert facts(web)[-1].source == source(web, "near")
