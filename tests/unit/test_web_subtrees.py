"""Nobody alerts, answers or looks outside their own subtree, also not by way of something else."""

from typing import Any

import pytest

from alertd.engine.authority import ACTIONS
from alertd.model import FOREVER
from alertd.store import tables as t
from tests.unit.test_web_answers import told
from tests.unit.test_web_roster_changes import act, edit, leader
from tests.unit.web_city import TOWN, WebCity, short

CITY, OTHER = "330281", "330281002"
CAP_JSON = {"content-type": "application/cap+json"}


async def somebody(web: WebCity, name: str, role: str, unit: str) -> str:
    """Let somebody in with a token for all that they may; returns the name."""
    async with web.client("admin") as admin:
        made = await admin.post(
            "/api/v1/principals", json={"name": name, "role": role, "unit_code": unit}
        )
        assert made.status_code == 201, made.text
        token = await admin.post(
            "/api/v1/tokens", json={"label": name, "principal": name, "scopes": list(ACTIONS)}
        )
        web.tokens[name] = token.json()["token"]
    return name


async def narrowed(web: WebCity, alert: str) -> dict[str, Any]:
    """The city's alert updated to one for the town alone: all hear of it."""
    async with web.client("officer") as officer, web.client("second") as second:
        made = await officer.post(f"/api/v1/alerts/{alert}/update", json=short(areas=[TOWN]))
        assert made.status_code == 201, made.text
        after: dict[str, Any] = made.json()
        approved = await second.post(f"/api/v1/alerts/{after['id']}/approve")
        assert approved.status_code == 200, approved.text
    await web.until(after["id"], lambda _: True)
    return after


@pytest.mark.parametrize("kind", ["cancel", "all-clear", "correction", "update"])
async def test_what_ends_or_changes_an_alert_needs_the_right_for_all_of_it(
    web: WebCity, kind: str
) -> None:
    alert = await told(web, areas=[CITY])
    body = short(areas=[TOWN]) if kind == "update" else {"areas": [TOWN]}
    async with web.client("town") as town, web.client("officer") as officer:
        refused = await town.post(f"/api/v1/alerts/{alert}/{kind}", json=body)
        assert refused.status_code == 403, refused.text
        assert len((await officer.get("/api/v1/alerts")).json()["items"]) == 1
        assert (await officer.post(f"/api/v1/alerts/{alert}/{kind}", json=body)).status_code == 201


async def test_a_reference_reaches_no_alert_of_another_part(web: WebCity) -> None:
    alert = await told(web, areas=[OTHER])
    async with web.client("officer") as officer, web.client("town") as town:
        cancel = await officer.post(f"/api/v1/alerts/{alert}/cancel")
        full = (await officer.get(f"/api/v1/alerts/{cancel.json()['id']}")).json()["cap"]
        for info in full["info"]:
            for area in info["area"]:
                for code in area["geocode"]:
                    code["value"] = TOWN
        full["identifier"] += "-again"
        refused = await town.post("/api/v1/alerts", json=full, headers=CAP_JSON)
        assert refused.status_code == 403, refused.text


async def test_a_follower_belongs_to_all_who_hear_of_it(web: WebCity) -> None:
    await somebody(web, "there", "viewer", OTHER)
    await somebody(web, "boss", "approver", TOWN)
    alert = await told(web, areas=[CITY])
    after = await narrowed(web, alert)
    url = f"/api/v1/alerts/{after['id']}"
    async with (
        web.client("town") as town,
        web.client("boss") as boss,
        web.client("there") as there,
    ):
        assert not (await town.get(url)).json()["view"]["whole"]
        assert (await town.get(f"{url}/report")).status_code == 403
        assert (await town.post(f"{url}/halt/pause", json={"reason": "x"})).status_code == 403
        assert (await boss.post(f"{url}/correct")).status_code == 403
        assert (await town.post(f"{url}/all-clear")).status_code == 403
        # Who was told by the first is told by the second, and sees it.
        assert (await there.get(url)).status_code == 200


async def test_a_draft_that_others_would_hear_of_isnt_one_parts_to_decide(web: WebCity) -> None:
    await somebody(web, "boss", "approver", TOWN)
    alert = await told(web, areas=[CITY])
    async with web.client("officer") as officer:
        made = await officer.post(f"/api/v1/alerts/{alert}/cancel", json={"areas": [TOWN]})
    url = f"/api/v1/alerts/{made.json()['id']}"
    async with web.client("boss") as boss, web.client("town") as town:
        assert (await boss.post(f"{url}/approve")).status_code == 403
        assert (await town.post(f"{url}/discard")).status_code == 403
    async with web.client("second") as second:
        assert (await second.post(f"{url}/approve")).status_code == 200


async def test_nobody_takes_a_reply_of_another_part_for_one_of_theirs(web: WebCity) -> None:
    await told(web, areas=[CITY])
    outside, _ = leader(web, inside=False)
    own, _ = leader(web)
    (row,) = web.city.rows(
        t.person.select().where(t.person.c.person_id == outside, t.person.c.to_version == FOREVER)
    )
    await web.reply(web.city.phone_of(row.no), "开会中稍后联系", "u1")
    async with web.client("officer") as officer, web.client("town") as town:
        (reply,) = (await officer.get("/api/v1/inbound")).json()["items"]
        url = f"/api/v1/inbound/{reply['no']}/classify"
        taken = await town.post(url, json={"kind": "received", "person_id": own})
        assert taken.status_code == 403, taken.text
        (still,) = (await officer.get("/api/v1/inbound")).json()["items"]
        assert still["no"] == reply["no"]
        assert (await officer.post(url, json={"kind": "received"})).status_code == 200


async def test_who_has_left_the_roster_is_nobodys_part(web: WebCity) -> None:
    alert = await told(web, areas=[CITY])
    outside, _ = leader(web, inside=False)
    async with web.client("admin") as admin, web.client("town") as town:
        said = {"person_id": outside, "kind": "received"}
        made = await admin.post(f"/api/v1/alerts/{alert}/acks", json=said)
        url = f"/api/v1/alerts/{alert}/acks/{made.json()['no']}"
        assert (await edit(admin, act("remove", outside))).status_code == 200
        refused = await town.request("DELETE", url, json={"reason": "x"})
        assert refused.status_code == 403, refused.text
        assert (await admin.request("DELETE", url, json={"reason": "x"})).status_code == 200


async def test_a_guessed_id_brings_nobody_of_another_part_into_ones_own(web: WebCity) -> None:
    outside, _ = leader(web, inside=False)
    _, unit = leader(web)
    change = act("assign", outside, unit_code=unit, post="grid_leader", rank="2")
    async with web.client("town") as town, web.client("admin") as admin:
        for dry_run in (True, False):
            refused = await edit(town, change, dry_run=dry_run)
            assert refused.status_code == 403, refused.text
        assert (await edit(admin, change)).status_code == 200
        # Who serves here already may be given more.
        more = act("assign", outside, unit_code=unit, post="safety", rank="1")
        answer = await edit(town, more)
        assert answer.status_code == 200, answer.text


async def test_a_part_of_the_citys_accounts_are_people_of_that_part(web: WebCity) -> None:
    """A Test alert reaches its author: another part's person must not be made one."""
    await somebody(web, "chief", "administrator", TOWN)
    outside, _ = leader(web, inside=False)
    own, _ = leader(web)
    new = {"name": "new", "role": "duty_officer", "unit_code": TOWN}
    async with web.client("chief") as chief:
        refused = await chief.post("/api/v1/principals", json={**new, "person_id": outside})
        assert refused.status_code == 403, refused.text
        made = await chief.post("/api/v1/principals", json={**new, "person_id": own})
        assert made.status_code == 201, made.text


async def test_nobody_counts_heads_outside_their_own_part(web: WebCity) -> None:
    async with web.client("town") as town:
        refused = await town.post("/api/v1/alerts/preview", json=short(areas=[OTHER]))
        assert refused.status_code == 403
        assert (await town.post("/api/v1/alerts/preview", json=short())).status_code == 200


async def test_the_whole_record_is_for_those_who_may_read_the_whole_city(web: WebCity) -> None:
    alert = await told(web)
    url = f"/api/v1/alerts/{alert}/report?format="
    async with web.client("town") as town, web.client("viewer") as viewer:
        assert (await town.get(f"{url}json")).status_code == 200
        assert (await town.get(f"{url}bundle")).status_code == 403
        assert (await viewer.get(f"{url}bundle")).status_code == 200
