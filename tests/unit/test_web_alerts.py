"""Alerts by the API: drafted, approved by a second person, followed, read."""

import json

import pytest

from alertd import cap
from alertd.engine.turn import Turn
from alertd.store import access
from tests.unit.web_city import TOWN, WebCity, short


async def test_a_draft_says_whom_it_reaches_and_how_long_it_is(web: WebCity) -> None:
    async with web.client("officer") as officer:
        answer = await officer.post("/api/v1/alerts", json=short())
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert answer.headers["location"] == f"/api/v1/alerts/{made['id']}"
        assert made["state"] == "draft"
        assert made["short_code"] == "A1"
        assert made["headcount"]["people"] > 10
        assert made["sms_parts"] >= 1
        assert {text["language"] for text in made["texts"]} == {"zh-CN", "en"}
        listed = (await officer.get("/api/v1/alerts")).json()["items"]
        assert [each["id"] for each in listed] == [made["id"]]
        assert web.loopback.sent == []


async def test_a_second_person_is_needed_for_an_actual_alert(web: WebCity) -> None:
    async with web.client("officer") as officer, web.client("second") as second:
        made = (await officer.post("/api/v1/alerts", json=short(issue=True))).json()
        assert made["state"] == "draft"
        own = await officer.post(f"/api/v1/alerts/{made['id']}/approve")
        assert own.status_code == 409
        assert own.headers["content-type"] == "application/problem+json"
        assert own.json()["code"] == "conflict"
        assert "second person" in own.json()["detail"]
        agreed = await second.post(f"/api/v1/alerts/{made['short_code']}/approve")
        assert agreed.json()["state"] == "issued"
        again = await second.post(f"/api/v1/alerts/{made['id']}/approve")
        assert again.status_code == 409


async def test_another_account_of_the_same_person_is_no_second_person(web: WebCity) -> None:
    with web.city.store.read() as connection:
        one, other = (access.find_principal(connection, name) for name in ("officer", "second"))
    assert one is not None
    assert other is not None

    def name_the_same(turn: Turn) -> None:
        access.change_principal(turn.tx, other.no, by="cli", person_no=one.person_no)

    await web.runner.submit(name_the_same)
    async with web.client("officer") as officer, web.client("second") as second:
        url = f"/api/v1/alerts/{(await officer.post('/api/v1/alerts', json=short())).json()['id']}"
        refused = await second.post(f"{url}/approve")
        assert (refused.status_code, (await officer.get(url)).json()["view"]["state"]) == (
            409,
            "draft",
        )
        assert "second person" in refused.json()["detail"]
        # Nor does it end the wait of glass that they broke themselves.
        await officer.post(f"{url}/approve", json={"break_glass": True})
        assert (await second.post(f"{url}/approve")).status_code == 409
    async with web.client("admin") as admin:
        assert (await admin.post(f"{url}/approve")).json()["state"] == "issued"


async def test_broken_glass_waits_and_can_be_stopped(web: WebCity) -> None:
    async with web.client("officer") as officer:
        made = (await officer.post("/api/v1/alerts", json=short())).json()
        url = f"/api/v1/alerts/{made['id']}"
        broken = (await officer.post(f"{url}/approve", json={"break_glass": True})).json()
        assert broken["state"] == "approved"
        assert broken["issue_at"] > web.clock()
        stopped = await officer.post(f"{url}/discard")
        assert stopped.json()["state"] == "cancelled"
        assert web.loopback.sent == []


async def test_whoever_may_approve_stops_what_broke_the_glass(web: WebCity) -> None:
    async with web.client("officer") as officer, web.client("second") as second:
        made = (await officer.post("/api/v1/alerts", json=short())).json()
        url = f"/api/v1/alerts/{made['id']}"
        await officer.post(f"{url}/approve", json={"break_glass": True})
        async with web.client(cookies={"alertd_session": await web.session("second")}) as browser:
            shown = await browser.get(f"/alerts/{made['short_code']}")
            assert f"/alerts/{made['id']}/discard" in shown.text
        stopped = await second.post(f"{url}/discard")
        assert stopped.json()["state"] == "cancelled", stopped.text
        async with web.client("viewer") as viewer:
            assert (await viewer.post(f"{url}/discard")).status_code == 403
        web.clock.forward(minutes=10)
        assert web.loopback.sent == []


async def test_an_exercise_by_simulated_routes_needs_nobody_more(web: WebCity) -> None:
    async with web.client("officer") as officer:
        answer = await officer.post("/api/v1/alerts", json=short(status="Exercise", issue=True))
        assert answer.json()["state"] == "issued", answer.text


async def test_what_follows_goes_to_those_who_were_told(web: WebCity) -> None:
    drafted = await web.issue()
    await web.until(drafted["id"], lambda board: board["funnel"]["accepted"])
    async with web.client("officer") as officer, web.client("second") as second:
        for kind, state in (("correction", "updated"),):
            answer = await officer.post(f"/api/v1/alerts/{drafted['id']}/{kind}", json={})
            assert answer.status_code == 201, answer.text
            follower = answer.json()
            await second.post(f"/api/v1/alerts/{follower['id']}/approve")
            before = (await officer.get(f"/api/v1/alerts/{drafted['id']}")).json()
            assert before["view"]["state"] == state
        shown = (await officer.get(f"/api/v1/alerts/{follower['id']}")).json()
        assert shown["view"]["follows"] == drafted["id"]
        assert shown["view"]["purpose"] == "correction"
        cancel = await officer.post(f"/api/v1/alerts/{follower['id']}/cancel")
        assert cancel.status_code == 201, cancel.text
        clear = await officer.post(f"/api/v1/alerts/{follower['id']}/all-clear", json={})
        assert clear.status_code == 201, clear.text


async def test_an_update_takes_the_place_of_what_it_names(web: WebCity) -> None:
    drafted = await web.issue()
    async with web.client("officer") as officer, web.client("second") as second:
        update = await officer.post(
            f"/api/v1/alerts/{drafted['id']}/update", json=short(colour="orange")
        )
        assert update.status_code == 201, update.text
        await second.post(f"/api/v1/alerts/{update.json()['id']}/approve")
        before = (await officer.get(f"/api/v1/alerts/{drafted['id']}")).json()
        assert before["view"]["state"] == "updated"


async def test_cap_goes_in_and_out_in_both_forms(web: WebCity) -> None:
    async with web.client("officer") as officer:
        made = (await officer.post("/api/v1/alerts", json=short())).json()
        url = f"/api/v1/alerts/{made['id']}"
        xml = await officer.get(url, headers={"accept": "application/cap+xml"})
        alone = await officer.get(url, headers={"accept": "application/cap+json"})
        assert alone.headers["content-type"] == "application/cap+json"
        assert cap.from_json(alone.content) == cap.from_xml(xml.content)
        alert = cap.from_xml(xml.content)
        assert cap.to_json(alert) == (await officer.get(url)).json()["cap"]
        twin = alert.model_copy(update={"identifier": "handed-in"})
        other = twin.model_copy(update={"identifier": "handed-in-too"})
        for kind, body in (
            ("application/cap+xml", cap.to_xml(twin)),
            ("application/cap+json", json.dumps(cap.to_json(other)).encode()),
        ):
            answer = await officer.post(
                "/api/v1/alerts", content=body, headers={"content-type": kind}
            )
            assert answer.status_code == 201, answer.text
        repeated = await officer.post(
            "/api/v1/alerts",
            content=cap.to_xml(twin),
            headers={"content-type": "application/cap+xml"},
        )
        assert repeated.status_code == 409


async def test_a_method_that_is_not_known_there_says_which_are(web: WebCity) -> None:
    async with web.client("officer") as officer:
        for path, known in (("alerts", {"GET", "POST"}), ("me", {"GET"})):
            answer = await officer.delete(f"/api/v1/{path}")
            assert answer.status_code == 405
            assert answer.headers["content-type"] == "application/problem+json"
            assert set(answer.headers["allow"].split(", ")) == known


async def test_a_preview_stores_nothing(web: WebCity) -> None:
    async with web.client("officer") as officer:
        answer = await officer.post("/api/v1/alerts/preview", json=short())
        assert answer.status_code == 200, answer.text
        assert answer.json()["headcount"]["people"] > 10
        assert (await officer.get("/api/v1/alerts")).json()["items"] == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"colour": "purple"}, "colour"),
        ({"areas": ["999999"]}, "areas"),
        ({"areas": []}, "areas"),
        ({"roles": ["nobody_has_it"]}, "roles"),
        ({"routes": ["no-such-route"]}, "routes"),
        ({"policy": "no-such-policy"}, "policy"),
        ({"template": "no-such-template"}, "template"),
        ({"unknown": 1}, "unknown"),
        ({"valid_min": 10**9}, "valid_min"),
        ({"status": "System"}, "status"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_stored(
    web: WebCity, changes: dict[str, object], field: str
) -> None:
    async with web.client("officer") as officer:
        answer = await officer.post("/api/v1/alerts", json=short(**changes))
        assert answer.status_code in {404, 422}, answer.text
        assert answer.json()["field"].startswith(field)
        assert (await officer.get("/api/v1/alerts")).json()["items"] == []


async def test_nobody_alerts_or_sees_outside_their_own_area(web: WebCity) -> None:
    async with web.client("town") as town, web.client("officer") as officer:
        outside = await town.post("/api/v1/alerts", json=short(areas=["330281002"]))
        assert outside.status_code == 403
        inside = await town.post("/api/v1/alerts", json=short(areas=[TOWN]))
        assert inside.status_code == 201, inside.text
        other = (await officer.post("/api/v1/alerts", json=short(areas=["330281002"]))).json()
        seen = (await town.get("/api/v1/alerts")).json()["items"]
        assert [each["id"] for each in seen] == [inside.json()["id"]]
        hidden = await town.get(f"/api/v1/alerts/{other['id']}")
        assert hidden.status_code == 404


async def test_a_viewer_reads_and_does_nothing(web: WebCity) -> None:
    drafted = await web.issue()
    async with web.client("viewer") as viewer:
        assert (await viewer.get("/api/v1/alerts")).status_code == 200
        assert (await viewer.post("/api/v1/alerts", json=short())).status_code == 403
        url = f"/api/v1/alerts/{drafted['id']}"
        assert (await viewer.post(f"{url}/cancel")).status_code == 403
        assert (await viewer.post(f"{url}/approve")).status_code in {403, 409}
        assert (await viewer.post("/api/v1/alerts/preview", json=short())).status_code == 403
