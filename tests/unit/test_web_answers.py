"""Answers by hand, help and unclear replies, by the API."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from python_calamine import CalamineWorkbook
from sqlalchemy import func, select, update

from alertd.engine.turn import Turn
from alertd.store import addresses
from alertd.store import tables as t
from tests.unit.web_city import TOWN, WebCity, short


async def told(web: WebCity, **changes: object) -> str:
    """The id of an alert that everybody has been told of."""
    drafted = await web.issue(**changes)
    await web.until(drafted["id"], lambda board: everybody_has_it(board["channels"]))
    return str(drafted["id"])


def everybody_has_it(channels: list[dict[str, Any]]) -> bool:
    """By SMS: the city has loudspeakers too, which no route here serves."""
    sms = [channel for channel in channels if channel["channel"] == "sms"]
    return bool(sms) and sms[0]["states"]["accepted"] == sms[0]["total"]


async def test_the_figures_add_up(web: WebCity) -> None:
    alert = await told(web)
    view = await web.board(alert)
    figures = view["board"]
    assert figures["funnel"]["due"] == len({message.delivery for message in web.loopback.sent})
    assert figures["funnel"]["accepted"] == figures["funnel"]["due"]
    assert figures["funnel"]["waiting"] == 0
    (sms,) = [c for c in figures["channels"] if c["channel"] == "sms"]
    assert sms["total"] == sum(sms["states"].values())
    (received,) = figures["stages"]
    assert received["needed"] == figures["funnel"]["asked"]
    async with web.client("viewer") as viewer:
        grids = (await viewer.get(f"/api/v1/alerts/{alert}/cells")).json()
        towns = (await viewer.get(f"/api/v1/alerts/{alert}/cells?level=subdistrict")).json()
    assert sum(cell["needed"] for cell in grids) == received["needed"]
    assert [town["needed"] for town in towns] == [received["needed"]]
    assert {cell["state"] for cell in grids} == {"waiting"}


async def test_an_answer_by_radio_covers_its_duty_once(web: WebCity) -> None:
    alert = await told(web)
    url = f"/api/v1/alerts/{alert}"
    async with web.client("officer") as officer:
        silent = (await officer.get(f"{url}/unanswered?limit=500")).json()["items"]
        row = next(each for each in silent if each["holders"])
        duty = {"unit_code": row["unit_code"], "role": row["role"]}
        said = {"duty": duty, "kind": "received", "via": "radio", "note": "by the boat's radio"}
        made = await officer.post(f"{url}/acks", json=said)
        assert made.status_code == 201, made.text
        assert (await web.board(alert))["board"]["funnel"]["answered"] == 1
        await officer.post(f"{url}/acks", json=said)
        assert (await web.board(alert))["board"]["funnel"]["answered"] == 1
        listed = (await officer.get(f"{url}/acks")).json()["items"]
        assert [(a["via"], a["grade"], a["by"]) for a in listed] == [
            ("radio", "proxy", "officer"),
            ("radio", "proxy", "officer"),
        ]
        left = (await officer.get(f"{url}/unanswered?limit=500")).json()["items"]
        assert row["no"] not in {each["no"] for each in left}
        gone = await officer.request(
            "DELETE", f"{url}/acks/{made.json()['no']}", json={"reason": "the wrong grid"}
        )
        assert gone.status_code == 200, gone.text
        again = await officer.request(
            "DELETE", f"{url}/acks/{made.json()['no']}", json={"reason": "the wrong grid"}
        )
        assert again.status_code == 409


async def test_an_answer_is_for_somebody_known_and_not_from_the_future(web: WebCity) -> None:
    alert = await told(web)
    url = f"/api/v1/alerts/{alert}/acks"
    async with web.client("officer") as officer:
        for body, status in (
            ({"kind": "received"}, 422),
            ({"person_id": "nobody", "kind": "received"}, 404),
            ({"duty": {"unit_code": TOWN, "role": "no_such"}, "kind": "received"}, 404),
            ({"person_id": "nobody", "kind": "opened"}, 422),
            ({"person_id": "nobody", "kind": "received", "occurred_at": 10**12 * 4}, 422),
            ({"person_id": "nobody", "kind": "done", "count": -1}, 422),
        ):
            answer = await officer.post(url, json=body)
            assert answer.status_code == status, answer.text
        draft = (await officer.post("/api/v1/alerts", json=short())).json()
        early = await officer.post(
            f"/api/v1/alerts/{draft['id']}/acks",
            json={"duty": {"unit_code": TOWN, "role": "grid_leader"}, "kind": "received"},
        )
        assert early.status_code == 409
        unknown = await officer.post(url, json={"person_id": "nobody", "kind": "opened"})
        assert "must be one of received, on_post, done" in unknown.json()["detail"]


async def test_a_count_by_hand_and_its_time_are_kept(web: WebCity) -> None:
    alert = await told(web)
    async with web.client("officer") as officer:
        silent = (await officer.get(f"/api/v1/alerts/{alert}/unanswered")).json()["items"]
        person = next(h for each in silent for h in each["holders"])
        at = web.clock() - 60_000
        made = await officer.post(
            f"/api/v1/alerts/{alert}/acks",
            json={
                "person_id": person["person_id"],
                "kind": "done",
                "count": 35,
                "of": 40,
                "via": "runner",
                "occurred_at": at,
            },
        )
        assert made.status_code == 201, made.text
        (ack,) = (await officer.get(f"/api/v1/alerts/{alert}/acks")).json()["items"]
        assert (ack["count"], ack["of"], ack["occurred_at"]) == (35, 40, at)


async def test_an_answer_of_whoever_isnt_asked_says_that_it_covers_nothing(web: WebCity) -> None:
    alert = await told(web)
    found = []
    for role in ("grid_leader", "city_duty"):
        _, person = web.city.leaders(role)[0]
        named = web.city.one(select(t.person.c.person_id).where(t.person.c.no == person)).person_id
        async with web.client("officer") as officer:
            body = {"person_id": named, "kind": "received"}
            made = await officer.post(f"/api/v1/alerts/{alert}/acks", json=body)
            found.append(made.json()["asked"])
    assert found == [True, False]
    assert (await web.board(alert))["board"]["funnel"]["answered"] == 1


async def test_help_by_sms_is_shown_taken_and_closed_with_a_word(web: WebCity) -> None:
    alert = await told(web)
    _, person = web.city.leaders()[0]
    await web.reply(web.city.phone_of(person), "求助", "h1")
    async with web.client("officer") as officer, web.client("admin") as admin:
        (case,) = (await officer.get("/api/v1/help")).json()
        assert case["taken_by"] is None
        assert len(case["phone_tail"]) == 2
        assert (await web.board(alert))["board"]["help_untaken"] == 1
        take = f"/api/v1/help/{case['no']}/take"
        pressed = [await who.post(take) for who in (officer, admin, officer)]
        assert [answer.status_code for answer in pressed] == [200, 409, 200]
        assert pressed[1].json()["detail"] == "Somebody else has taken that call for help."
        wordless = await officer.post(f"/api/v1/help/{case['no']}/close", json={"outcome": ""})
        assert wordless.status_code == 422
        closed = await officer.post(f"/api/v1/help/{case['no']}/close", json={"outcome": "safe"})
        assert closed.status_code == 200
        assert (await officer.post(take)).status_code == 409
        assert (await officer.get("/api/v1/help")).json() == []
        (kept,) = (await officer.get(f"/api/v1/alerts/{alert}/help?closed=true")).json()
        assert (kept["taken_by"], kept["closed_by"], kept["outcome"]) == (
            "officer",
            "officer",
            "safe",
        )
        assert (await officer.post("/api/v1/help/999/take")).status_code == 404


async def test_an_unclear_reply_is_read_by_a_person_with_one_word(web: WebCity) -> None:
    alert = await told(web)
    _, person = web.city.leaders()[0]
    await web.reply(web.city.phone_of(person), "开会中稍后联系", "u1")
    async with web.client("officer") as officer, web.client("viewer") as viewer:
        assert (await viewer.get("/api/v1/inbound")).status_code == 403
        (reply,) = (await officer.get("/api/v1/inbound?verdict=unclear")).json()["items"]
        assert reply["text"] == "开会中稍后联系"
        assert reply["alert_id"] == alert
        read = await officer.post(
            f"/api/v1/inbound/{reply['no']}/classify", json={"kind": "received"}
        )
        assert read.json()["verdict"] == "counted", read.text
        assert (await web.board(alert))["board"]["funnel"]["answered"] >= 1
        assert (await officer.get("/api/v1/inbound")).json()["items"] == []
        again = await officer.post(
            f"/api/v1/inbound/{reply['no']}/classify", json={"kind": "nothing"}
        )
        assert again.status_code == 409


async def test_a_reply_from_a_telephone_of_two_is_read_for_either_or_both(web: WebCity) -> None:
    alert, phone = await told_at_one_telephone(web)
    for text, key in (("开会中稍后联系", "w1"), ("信号不好", "w2")):
        await web.reply(phone, text, key)
    async with web.client("officer") as officer, web.client("town") as town:
        second, first = (await officer.get("/api/v1/inbound")).json()["items"]
        assert (await town.get("/api/v1/inbound")).json()["items"] == [second, first]
        ids = [who["person_id"] for who in first["writers"]]
        assert (first["person_name"], len(ids)) == ("", 2)
        url = "/api/v1/inbound/{no}/classify"
        unsaid = await officer.post(url.format(**first), json={"kind": "received"})
        assert (unsaid.status_code, unsaid.json()["field"]) == (422, "person_id")
        only = {"kind": "received", "person_ids": ids[:1]}
        assert len((await town.post(url.format(**first), json=only)).json()["acks"]) == 1
        listed = (await officer.get(f"/api/v1/alerts/{alert}/acks")).json()["items"]
        assert [ack["person_id"] for ack in listed] == ids[:1]
        both = {"kind": "done", "person_ids": ids}
        assert len((await officer.post(url.format(**second), json=both)).json()["acks"]) == 2
        acks = (await officer.get(f"/api/v1/alerts/{alert}/acks")).json()["items"]
        assert [(ack["person_id"], ack["kind"], ack["grade"]) for ack in acks] == [
            (ids[1], "done", "shared"),
            (ids[0], "done", "shared"),
            (ids[0], "received", "shared"),
        ]


async def test_a_reply_isnt_the_last_owners_because_another_gave_the_telephone_up(
    web: WebCity,
) -> None:
    _, phone = await told_at_one_telephone(web)
    await web.reply(phone, "开会中稍后联系", "w1")
    c = t.contact.c

    def give_up(turn: Turn) -> None:
        """By an import that comes before the reply is read."""
        at = addresses.find(turn.connection, turn.tx.vault, phone)
        first = select(func.min(c.person_no)).where(c.address_no == at).scalar_subquery()
        theirs = update(t.contact).where(c.address_no == at, c.person_no == first)
        turn.connection.execute(theirs.values(to_version=2))

    await web.runner.submit(give_up)
    async with web.client("officer") as officer:
        (reply,) = (await officer.get("/api/v1/inbound")).json()["items"]
        url, unsaid = f"/api/v1/inbound/{reply['no']}/classify", {"kind": "received"}
        assert (await officer.post(url, json=unsaid)).status_code == 422
        one, _ = (who["person_id"] for who in reply["writers"])
        said = await officer.post(url, json=unsaid | {"person_ids": [one]})
        assert len(said.json()["acks"]) == 1


async def told_at_one_telephone(web: WebCity) -> tuple[str, str]:
    """An alert, and the number of two leaders whom it was told at it."""
    town = select(t.unit.c.no).where(t.unit.c.path.contains(f"/{TOWN}/"))
    c = t.holding.c
    here = select(c.person_no, c.role).where(c.unit_no.in_(town), c.rank == 1).order_by(c.role)
    led = {row.role: row.person_no for row in web.city.rows(here)}
    one, other = led["grid_leader"], led["building_lead"]
    phone = web.city.phone_of(one)

    def share(turn: Turn) -> None:
        for table in (t.contact, t.holding):
            his = select(table.c.address_no).where(table.c.person_no == one).limit(1)
            hers = update(table).where(table.c.person_no == other)
            turn.connection.execute(hers.values(address_no=his.scalar_subquery()))

    await web.runner.submit(share)
    return await told(web, roles=["grid_leader", "building_lead"]), phone


async def test_a_strangers_reply_needs_a_name_or_is_put_aside(web: WebCity) -> None:
    await told(web)
    await web.reply("+8613800009999", "收到", "s1")
    async with web.client("officer") as officer, web.client("town") as town:
        (reply,) = (await officer.get("/api/v1/inbound")).json()["items"]
        assert reply["phone_tail"] == "99"
        assert (await town.get("/api/v1/inbound")).json()["items"] == []
        url = f"/api/v1/inbound/{reply['no']}/classify"
        assert (await town.post(url, json={"kind": "nothing"})).status_code == 403
        nameless = await officer.post(url, json={"kind": "received", "alert": "A1"})
        assert nameless.status_code == 422
        assert nameless.json()["field"] == "person_id"
        aside = await officer.post(url, json={"kind": "nothing"})
        assert aside.status_code == 200
        assert (await officer.get("/api/v1/inbound")).json()["items"] == []


async def test_replies_of_long_ago_are_put_aside_at_once(web: WebCity) -> None:
    """A telephone company's advertisements, too, come to a modem's number, and stay for ever."""
    leader = web.city.phone_of(web.city.leaders()[0][1])
    for number in range(3):
        await web.reply("+8610086", "您的话费余额不足", f"spam-{number}")
    await web.reply(leader, "在路上了稍等", "r-1")
    async with web.client("officer") as officer, web.client("town") as town:
        url = "/api/v1/inbound/set-aside"
        assert (await officer.post(url)).json() == {"set_aside": 0, "left": 0}
        first, *_ = reversed((await officer.get("/api/v1/inbound")).json()["items"])
        await web.older(days=30, upto=first["no"])
        assert (await officer.post(url)).json() == {"set_aside": 1, "left": 0}
        await web.older(days=2)  # may be answered still
        assert (await officer.post(url)).json() == {"set_aside": 0, "left": 0}
        await web.older(days=2)
        assert (await town.post(url)).json() == {"set_aside": 1, "left": 0}, "of the town alone"
        left = (await officer.get("/api/v1/inbound")).json()["items"]
        assert [reply["text"] for reply in left] == ["您的话费余额不足"] * 2
        assert (await officer.post(url)).json() == {"set_aside": 2, "left": 0}
        assert (await officer.get("/api/v1/inbound")).json()["items"] == []
        kept = (await officer.get("/api/v1/inbound?verdict=unknown-sender")).json()["items"]
        assert {reply["classified_by"] for reply in kept} == {"officer"}
    async with web.client("viewer") as viewer:
        assert (await viewer.post(url)).status_code == 403


async def test_what_came_since_an_alert_that_is_under_way_stays_however_old(web: WebCity) -> None:
    await web.reply("+8610086", "您的话费余额不足", "spam")
    await web.older(days=1)
    await told(web)
    await web.reply("+8613800009999", "收到", "s1")
    await web.older(days=9)
    async with web.client("officer") as officer:
        done = await officer.post("/api/v1/inbound/set-aside")
        assert done.json() == {"set_aside": 1, "left": 0}
        (left,) = (await officer.get("/api/v1/inbound")).json()["items"]
        assert left["text"] == "收到"


async def test_a_towns_administrator_sees_and_answers_for_the_town_only(web: WebCity) -> None:
    alert = await told(web, areas=["330281"])
    url = f"/api/v1/alerts/{alert}"
    async with web.client("town") as town, web.client("officer") as officer:
        whole = (await officer.get(f"{url}/board")).json()["board"]
        mine = (await town.get(f"{url}/board")).json()["board"]
        assert 0 < mine["funnel"]["asked"] < whole["funnel"]["asked"]
        assert mine["channels"] is None
        assert mine["funnel"]["due"] is None
        cells = (await town.get(f"{url}/cells")).json()
        assert cells
        assert all(f"/{TOWN}/" in cell["path"] for cell in cells)
        silent = (await town.get(f"{url}/unanswered?limit=500")).json()["items"]
        assert len(silent) == mine["funnel"]["asked"]
        assert (await town.get(f"{url}/timeline")).status_code == 403
        assert (await town.get(f"{url}/facts")).status_code == 403
        others = (await officer.get(f"{url}/unanswered?limit=500")).json()["items"]
        inside = {each["no"] for each in silent}
        outside = next(e for e in others if e["no"] not in inside and e["holders"])
        duty = {"unit_code": outside["unit_code"], "role": outside["role"]}
        refused = await town.post(f"{url}/acks", json={"duty": duty, "kind": "received"})
        assert refused.status_code == 403
        own = next(e for e in silent if e["holders"])
        duty = {"unit_code": own["unit_code"], "role": own["role"]}
        taken = await town.post(f"{url}/acks", json={"duty": duty, "kind": "received"})
        assert taken.status_code == 201, taken.text


async def test_lists_are_read_a_page_at_a_time(web: WebCity) -> None:
    alert = await told(web)
    url = f"/api/v1/alerts/{alert}/unanswered"
    async with web.client("viewer") as viewer:
        whole = (await viewer.get(f"{url}?limit=500")).json()
        assert whole["next"] is None
        seen, after = [], ""
        while True:
            page = (await viewer.get(f"{url}?limit=3{after}")).json()
            seen += [each["no"] for each in page["items"]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert seen == [each["no"] for each in whole["items"]]


async def test_the_timeline_tells_what_happened_without_names_and_numbers(web: WebCity) -> None:
    alert = await told(web)
    _, person = web.city.leaders()[0]
    phone = web.city.phone_of(person)
    await web.reply(phone, "1", "r1")
    async with web.client("officer") as officer:
        answer = await officer.get(f"/api/v1/alerts/{alert}/timeline")
        entries = answer.json()
        kinds = [entry["kind"] for entry in entries]
        assert kinds[0] == "alert.drafted"
        assert {"alert.approved", "alert.issued", "acked"} <= set(kinds)
        approved = next(e for e in entries if e["kind"] == "alert.approved")
        assert approved["source"] == "second"
        facts = (await officer.get(f"/api/v1/alerts/{alert}/facts?limit=3")).json()
        assert len(facts["items"]) == 3
        more = (await officer.get(f"/api/v1/alerts/{alert}/facts?after={facts['cursor']}")).json()
        assert [item["key"] for item in more["items"]] == [entry["key"] for entry in entries[3:]]
        assert phone.removeprefix("+86") not in answer.text + str(facts) + str(more)


FORMS = {
    "json": ("application/json", b'{\n "schema"'),
    "csv": ("text/csv", b"\xef\xbb\xbf"),
    "html": ("text/html", b"<!DOCTYPE html"),
    "pdf": ("application/pdf", b"%PDF-"),
    "xlsx": ("application/vnd.openxmlformats", b"PK"),
    "bundle": ("application/zip", b"PK"),
}


async def test_the_report_is_had_in_every_form_and_is_on_record(web: WebCity) -> None:
    alert = await told(web)
    url = f"/api/v1/alerts/{alert}/report"
    async with web.client("viewer") as viewer:
        for form, (kind, start) in FORMS.items():
            answer = await viewer.get(f"{url}?format={form}&lang=en")
            assert answer.status_code == 200, answer.text
            assert answer.headers["content-type"].startswith(kind)
            assert answer.content.startswith(start)
        facts = (await viewer.get(f"/api/v1/alerts/{alert}/facts?limit=500")).json()["items"]
        exported = [each["body"] for each in facts if each["kind"] == "report.exported"]
        assert exported == [{"what": "report", "format": form, "unmasked": False} for form in FORMS]
        assert (await viewer.get(f"{url}?format=exe")).status_code == 422
        assert (await viewer.get(f"{url}?against=Z99")).status_code == 404
        assert (await viewer.get(f"{url}?unmasked=true")).status_code == 403


async def test_whole_names_need_the_right_and_are_on_record(web: WebCity) -> None:
    alert = await told(web)
    url = f"/api/v1/alerts/{alert}/report?format=xlsx"
    phone = web.city.phone_of(web.city.leaders()[0][1])
    async with web.client("auditor") as auditor:
        masked, whole = await auditor.get(url), await auditor.get(f"{url}&unmasked=true")
        assert phone not in cells(masked.content)
        assert phone in cells(whole.content)
        facts = (await auditor.get(f"/api/v1/alerts/{alert}/facts?limit=500")).json()["items"]
        assert [f["body"]["unmasked"] for f in facts if f["kind"] == "report.exported"] == [
            False,
            True,
        ]


def cells(content: bytes) -> set[object]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    rows = [row for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python()]
    return {cell for row in rows for cell in row}


async def test_the_server_answers_others_while_documents_are_drawn(web: WebCity) -> None:
    alert = await told(web)
    most = 3  # threads; on a small box there are six, and as many documents at once are no rarity
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(most))
    async with web.client("viewer") as viewer, web.client("officer") as other:
        url = f"/api/v1/alerts/{alert}/report?format=pdf"
        documents = [asyncio.create_task(viewer.get(url)) for _ in range(most)]
        answered = 0
        while not any(document.done() for document in documents):
            answered += (await other.get("/api/v1/alerts")).status_code == 200
        assert [(await document).status_code for document in documents] == [200] * most
        assert answered > 15  # without a thread left there are a handful, before the first begins
