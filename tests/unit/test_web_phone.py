"""A person's own page, as a telephone without scripts has it, and what its script sends."""

import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from alertd.decide.links import GRACE_S
from alertd.engine.turn import Turn
from alertd.model import DeliveryState, RequirementState
from alertd.store import tables as t
from alertd.store.links import LENGTH, PLACEHOLDER
from alertd.web.links import MOST_TAPS
from alertd.web.pages.phone import ROWS
from alertd.web.throttle import FREE_FOR_ADDRESS
from tests.unit.web_city import WebCity, web_city

LINK = f"http://alertd.test/a/{PLACEHOLDER}"
MOST_BYTES = 20_000
STATIC = Path(__file__).parents[2] / "alertd" / "web" / "static"


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebCity]:
    async with web_city(tmp_path, link=LINK) as started:
        yield started


def token_of(web: WebCity, drafted: dict[str, Any], person_no: int) -> str:
    links = web.city.store.vault.links
    return links.token(drafted["no"], bytes.fromhex(drafted["id"]), person_no)


async def issued(web: WebCity, **changes: Any) -> dict[str, Any]:
    """An alert whose first messages have left."""
    drafted = await web.issue(**changes)
    await web.until(drafted["id"], lambda board: board["funnel"]["accepted"])
    return drafted


def leader(web: WebCity) -> tuple[int, int]:
    """(duty, person) of a grid's leader."""
    return web.city.leaders()[0]


async def tap(
    client: httpx.AsyncClient, token: str, kind: str, key: str, **more: Any
) -> httpx.Response:
    """What the page's script sends."""
    form = {"kind": kind, "key": key, **more}
    return await client.post(f"/a/{token}", data=form, headers={"x-part": "1"})


def facts(web: WebCity) -> int:
    return int(web.city.one(select(func.count()).select_from(t.journal))[0])


def acks(web: WebCity, person_no: int) -> list[Any]:
    c = t.ack.c
    return web.city.rows(select(t.ack).where(c.person_no == person_no).order_by(c.no))


async def test_each_message_has_its_readers_own_link_and_the_draft_counts_it(web: WebCity) -> None:
    drafted = await issued(web)
    sms = next(text for text in drafted["texts"] if text["channel"] == "sms")
    assert PLACEHOLDER in sms["text"]
    assert sms["sms_parts"] == drafted["sms_parts"] == 2
    _, person = leader(web)
    phone, token = web.city.phone_of(person), token_of(web, drafted, person)
    (message,) = [each for each in web.loopback.sent if each.address == phone]
    assert message.text == sms["text"].replace(PLACEHOLDER, token)
    assert f" http://alertd.test/a/{token} " in message.text
    assert message.variables["link"] == f"http://alertd.test/a/{token}"
    found = [re.search(r"/a/(\w+) ", each.text) for each in web.loopback.sent]
    tokens = {match[1] for match in found if match}
    assert len(tokens) == len(web.loopback.sent)
    assert {len(each) for each in tokens} == {LENGTH}


async def test_without_the_setting_no_message_has_a_link(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web:
        drafted = await issued(web)
        assert drafted["sms_parts"] == 1
        assert not any("/a/" in message.text for message in web.loopback.sent)
        assert not any("link" in message.variables for message in web.loopback.sent)


async def test_the_page_says_all_of_it_in_both_languages_and_within_20_kb(web: WebCity) -> None:
    drafted = await issued(web)
    _, person = leader(web)
    name = web.city.one(select(t.person.c.name).where(t.person.c.no == person))[0]
    token = token_of(web, drafted, person)
    async with web.client(headers={"accept": "text/html"}) as client:
        for n in range(3):
            await tap(client, token, "done", f"k{n}", count="35", of="40")
        await tap(client, token, "help", "k9")
        page = await client.get(f"/a/{token}")
        # Whatever the browser asks for, the person reads Chinese.
        assert page.headers["content-language"] == "zh-CN"
        for word in (
            "台风红色预警",
            "立即按清单转移",
            "收到",
            "完成",
            "求助",
            "不在岗",
            "余姚市防",
        ):
            assert word in page.text
        english = await client.get(f"/a/{token}?l=en")
        for word in ("RED typhoon warning", "Received", "Done", "I need help", "not on duty"):
            assert word in english.text
        assert not re.search("[\u4e00-\u9fff]", re.sub("(?s)<dl>.*?</dl>|>中文<", "", english.text))
        scripts = sum((STATIC / each).stat().st_size for each in ("phone.css", "phone.js"))
        for each in (page, english):
            assert len(each.content) + scripts < MOST_BYTES
            assert name not in each.text
            assert web.city.phone_of(person)[-8:] not in each.text
            assert "set-cookie" not in each.headers
            assert each.headers["referrer-policy"] == "no-referrer"
            assert "no-store" not in each.headers["cache-control"]
            assert not re.search(r'style="|<style|<script>|https?://', each.text)
            assert set(re.findall(r'(?:src|href)="(/static/[^"]+)"', each.text)) == {
                "/static/phone.css",
                "/static/phone.js",
            }


def test_the_script_runs_in_browsers_of_ten_years_ago() -> None:
    script = re.sub(r"//.*|/\*.*?\*/", "", (STATIC / "phone.js").read_text(encoding="utf-8"))
    later = r"\b(let|const|class|async|await|Promise|fetch|crypto|serviceWorker)\b|=>|`|\?\.|\?\?"
    assert not re.findall(later, script)
    style = (STATIC / "phone.css").read_text(encoding="utf-8")
    assert not re.findall(r"var\(|light-dark|display: (grid|flex)|gap:|inset:", style)


async def test_looking_at_it_changes_nothing(web: WebCity) -> None:
    """Carriers and chats fetch every link that they carry."""
    drafted = await issued(web)
    _, person = leader(web)
    token = token_of(web, drafted, person)
    await web.until(drafted["id"], lambda board: not board["funnel"]["waiting"])
    before = facts(web)
    async with web.client() as client:
        for path in ("", "/now", "/grid", "?kind=received&key=k", "/grid?duty=1&key=k", "?l=en"):
            assert (await client.get(f"/a/{token}{path}")).status_code == 200
        assert (await client.head(f"/a/{token}")).status_code == 405
    assert facts(web) == before
    assert not acks(web, person)


async def test_a_button_without_a_script_counts_once_and_leads_back(web: WebCity) -> None:
    drafted = await issued(web)
    duty, person = leader(web)
    token = token_of(web, drafted, person)
    async with web.client(follow_redirects=False) as client:
        page = await client.get(f"/a/{token}?l=en")
        key = re.search(r'name="key" value="(\w+)"', page.text)
        assert key
        for _ in range(3):  # pressed again and again
            form = {"kind": "received", "key": key[1]}
            after = await client.post(f"/a/{token}?l=en", data=form)
            assert after.status_code == 303
            assert after.headers["location"] == f"/a/{token}?l=en#heard"
        # The same page's other buttons, and another number, are other answers.
        for count in ("35", "36", "36"):
            await client.post(f"/a/{token}", data={"kind": "done", "key": key[1], "count": count})
        assert "by their own page" in (await client.get(f"/a/{token}?l=en")).text
    said = acks(web, person)
    assert [(ack.kind, ack._mapping["count"]) for ack in said] == [
        ("received", None),
        ("done", 35),
        ("done", 36),
    ]
    assert {(ack.via, ack.grade, ack.late) for ack in said} == {("page", "own", 0)}
    assert web.city.requirement(duty, drafted["no"]).have == 1
    kept = web.city.rows(select(t.inbound))
    assert {(row.route, row.verdict, row.person_no) for row in kept} == {
        ("own page", "counted", person)
    }
    raw = web.city.store.vault.open(kept[1].body_cipher, context="inbound")
    assert raw == "kind=done&count=35"
    # What isn't a call for help costs no SMS in return.
    assert not [m for m in web.loopback.sent if m.kind == "confirmation"]


async def test_a_tap_that_was_kept_says_when_it_was_and_comes_once(web: WebCity) -> None:
    drafted = await issued(web)
    _, person = leader(web)
    token = token_of(web, drafted, person)
    web.clock.forward(minutes=10)
    async with web.client() as client:
        sent = web.deps.now()
        for _ in range(2):  # the answer to the first was lost on the way
            part = await tap(client, token, "received", "k1", ago="240000")
            assert part.status_code == 200
            assert part.headers["x-tap"] == "k1"
            assert "<html" not in part.text
            assert part.text.count("<li") == 1
        # Before the alert was told it can't have been, and in the future neither.
        await tap(client, token, "done", "k2", ago="99999999")
        await tap(client, token, "on_post", "k3", ago="-5")
    (first, early, late) = acks(web, person)
    assert abs(first.occurred_at - (sent - 240_000)) < 30_000
    issued_at = web.city.one(select(t.alert.c.issued_at))[0]
    assert early.occurred_at == issued_at
    assert late.occurred_at >= sent


async def test_an_answer_that_the_office_withdraws_is_struck_out(web: WebCity) -> None:
    drafted = await issued(web)
    duty, person = leader(web)
    token = token_of(web, drafted, person)
    async with web.client() as client, web.client("officer") as officer:
        await tap(client, token, "received", "k1")
        (ack,) = acks(web, person)
        path = f"/api/v1/alerts/{drafted['id']}/acks/{ack.no}"
        gone = await officer.request("DELETE", path, json={"reason": "somebody else's thumb"})
        assert gone.status_code == 200, gone.text
        assert web.city.requirement(duty, drafted["no"]).have == 0
        part = await client.get(f"/a/{token}/now?l=en")
        assert "withdrawn by the office" in part.text
        assert "thumb" not in part.text
        # The same tap, come again, doesn't bring it back; a new one answers anew.
        await tap(client, token, "received", "k1")
        assert web.city.requirement(duty, drafted["no"]).have == 0
        await tap(client, token, "received", "k2")
    assert web.city.requirement(duty, drafted["no"]).have == 1


async def test_forged_links_open_nothing_and_right_ones_always_do(web: WebCity) -> None:
    drafted = await issued(web)
    _, person = leader(web)
    token = token_of(web, drafted, person)
    async with web.client(headers={"accept": "text/html"}) as client:
        changed = token[:-1] + ("a" if token[-1] != "a" else "b")
        for wrong in ("short", changed, *(f"{n:020d}" for n in range(2, FREE_FOR_ADDRESS))):
            refused = await client.post(f"/a/{wrong}?l=zh-CN", data={"kind": "help", "key": "k"})
            assert refused.status_code == 404
            assert "此链接无效" in refused.text
        after = await client.get(f"/a/{'z' * LENGTH}")
        assert after.status_code == 429
        assert int(after.headers["retry-after"]) > 60
        assert "tried from your network" in after.text
        assert (await client.get(f"/a/{token}")).status_code == 200
    assert not web.city.rows(select(t.ack))


async def test_a_link_answers_for_its_own_person_alone(web: WebCity) -> None:
    drafted = await issued(web, areas=["330281"])
    other = await issued(web, colour="orange", areas=["330281"])
    (duty, person), (their_duty, _) = web.city.leaders()[:2]
    async with web.client() as client:
        await tap(client, token_of(web, drafted, person), "received", "k")
    assert web.city.requirement(duty, drafted["no"]).have == 1
    assert web.city.requirement(their_duty, drafted["no"]).have == 0
    assert web.city.requirement(duty, other["no"]).have == 0


async def test_what_is_no_answer_is_refused_in_alertds_own_name(web: WebCity) -> None:
    drafted = await issued(web)
    _, person = leader(web)
    token = token_of(web, drafted, person)
    async with web.client() as client:
        for form in (
            {"kind": "maybe", "key": "k"},
            {"kind": "done", "key": "k", "count": "many"},
            {"kind": "done", "key": "k", "count": "99999999999"},
            {"kind": "received"},
            {"kind": "received", "key": "k-k"},
            {"kind": "received", "key": "k" * 41},
        ):
            answer = await client.post(f"/a/{token}", data=form, headers={"x-part": "1"})
            assert answer.status_code == 422, form
            assert answer.headers["x-tap"]
        at = web.deps.now()
        for _ in range(MOST_TAPS):
            web.app.state.links.taps.failed(token, "", at)
        assert (await tap(client, token, "received", "k")).status_code == 429
        assert (await tap(client, token, "help", "k")).status_code == 200
    assert [ack.kind for ack in acks(web, person)] == ["help"]


async def test_an_answer_after_the_end_is_late_and_after_the_grace_no_more(web: WebCity) -> None:
    drafted = await issued(web)
    _, person = leader(web)
    token = token_of(web, drafted, person)
    async with web.client("officer") as officer, web.client("second") as second:
        made = await officer.post(f"/api/v1/alerts/{drafted['id']}/all-clear", json={})
        assert made.status_code == 201, made.text
        clear = made.json()
        await second.post(f"/api/v1/alerts/{clear['id']}/approve")
    await web.until(clear["id"], lambda board: board["funnel"]["accepted"])
    async with web.client(headers={"accept": "text/html"}) as client:
        page = (await client.get(f"/a/{token}?l=en")).text
        assert "This alert is over" in page
        assert "still counts, marked late" in page
        # To the all-clear, which has a page of the same person's.
        then = token_of(web, clear, person)
        assert f'href="/a/{then}"' in page
        assert (await client.get(f"/a/{then}")).status_code == 200
        assert "came late" in (await tap(client, f"{token}?l=en", "received", "k1")).text
        web.clock.forward(minutes=GRACE_S / 60 + 1)
        await web.until(drafted["id"], lambda _: True)
        closed = await tap(client, token, "received", "k2")
        assert closed.status_code == 410
        page = (await client.get(f"/a/{token}?l=en")).text
        assert "This link has ended with its alert." in page
        assert "<button" not in page
    (only,) = acks(web, person)
    assert only.late


async def test_a_call_for_help_is_taken_by_a_person_and_the_page_says_so(web: WebCity) -> None:
    drafted = await issued(web)
    _, person = leader(web)
    token = token_of(web, drafted, person)
    async with web.client() as client, web.client("officer") as officer:
        page = (await client.get(f"/a/{token}?l=en")).text
        assert re.search(r"(?s)<details class=\"help\"><summary>I need help.*Yes, send help", page)
        part = await tap(client, f"{token}?l=en", "help", "k")
        assert "nobody has taken it yet" in part.text
        (case,) = (await officer.get("/api/v1/help")).json()
        await officer.post(f"/api/v1/help/{case['no']}/take")
        part = await client.get(f"/a/{token}/now?l=en")
        assert "taken by duty officer" in part.text
        assert part.headers["x-tap"] == "now"
        await officer.post(f"/api/v1/help/{case['no']}/close", json={"outcome": "boat came"})
        part = await client.get(f"/a/{token}/now?l=en")
        assert "dealt with" in part.text
        assert "boat" not in part.text
    told = [message for message in web.loopback.sent if message.kind == "heard"]
    assert [message.address for message in told] == [web.city.phone_of(person)]


async def test_in_a_drill_help_is_real_unless_it_is_only_practised(web: WebCity) -> None:
    drafted = await issued(web, status="Exercise")
    _, person = leader(web)
    token = token_of(web, drafted, person)
    async with web.client() as client:
        page = (await client.get(f"/a/{token}")).text
        assert "【演练】这是演练" in page
        assert 'class="exercise red"' in page
        await tap(client, token, "practice", "k1")
        assert [ack.kind for ack in acks(web, person)] == ["received"]
        await tap(client, token, "help", "k2")
    assert [ack.kind for ack in acks(web, person)] == ["received", "help"]
    assert len(web.city.rows(select(t.help_case))) == 1


async def test_on_a_shared_phone_each_has_a_link_and_is_graded_shared(web: WebCity) -> None:
    (_, one), (_, other) = web.city.leaders()[:2]
    c = t.contact.c

    def share(turn: Turn) -> None:
        address = turn.connection.execute(select(c.address_no).where(c.person_no == one)).scalar()
        for table in (t.contact, t.holding):
            theirs = table.c.person_no == other
            turn.connection.execute(update(table).where(theirs).values(address_no=address))

    await web.runner.submit(share)
    drafted = await issued(web, areas=["330281"])
    phone = web.city.phone_of(one)
    sent = [message.text for message in web.loopback.sent if message.address == phone]
    tokens = [token_of(web, drafted, person) for person in (one, other)]
    assert sorted(sent) == sorted(text for text in sent if any(each in text for each in tokens))
    assert len(sent) == 2
    async with web.client() as client:
        assert "此手机由多人共用" in (await client.get(f"/a/{tokens[0]}")).text
        await tap(client, tokens[0], "received", "k")
    assert [ack.grade for ack in acks(web, one)] == ["shared"]
    assert not acks(web, other)


async def test_a_leader_sees_the_doors_below_and_enters_whom_they_told(web: WebCity) -> None:
    drafted = await issued(web)
    _, person = leader(web)
    token = token_of(web, drafted, person)
    async with web.client() as client:
        page = await client.get(f"/a/{token}/grid?l=en")
        doors = [int(no) for no in re.findall(r'name="duty" value="(\d+)"', page.text)]
        assert f"<b>0/{len(doors)}</b>" in page.text
        assert 0 < len(doors) <= ROWS
        assert len(page.content) / len(doors) < 400  # bytes a door
        assert not re.search(r"1\d{10}|tel:", page.text)
        form = {"duty": str(doors[0]), "key": "k", "ago": "60000"}
        for _ in range(2):
            part = await client.post(f"/a/{token}/grid?l=en", data=form, headers={"x-part": "1"})
            assert part.headers["x-tap"] == "k"
            assert "told at the door" in part.text
        plain = await client.post(f"/a/{token}/grid", data={"duty": str(doors[1]), "key": "j"})
        assert plain.headers["location"] == f"/a/{token}/grid#d{doors[1]}"
        page = await client.get(f"/a/{token}/grid?l=en")
        assert f"<b>2/{len(doors)}</b>" in page.text
    said = web.city.rows(select(t.ack).order_by(t.ack.c.no))
    assert {(ack.kind, ack.via, ack.grade) for ack in said} == {("received", "runner", "proxy")}
    assert web.city.requirement(doors[0], drafted["no"]).have == 1
    # Whose tap it was is on record with it.
    brought = web.city.one(select(t.inbound).where(t.inbound.c.no == said[0].inbound_no))
    assert (brought.person_no, brought.reason) == (person, "knocked")
    assert said[0].person_no != person
    async with web.client("officer") as officer:
        listed = (await officer.get(f"/api/v1/alerts/{drafted['id']}/acks")).json()["items"]
        name = web.city.one(select(t.person.c.name).where(t.person.c.no == person))[0]
        assert {ack["by"] for ack in listed} == {name}


async def test_a_door_whose_people_were_never_told_is_called_that(web: WebCity) -> None:
    drafted = await issued(web)
    _, person = leader(web)
    silence = update(t.requirement).values(state=int(RequirementState.EXHAUSTED))
    none_left = update(t.delivery).values(state=int(DeliveryState.CANCELLED), due_at=None)
    async with web.client() as client:
        for change, said, unsaid in (
            (silence, "nobody answers: go there", "not told yet"),
            (none_left, "not told yet: go there", "nobody answers"),
        ):
            await web.runner.submit(partial(execute, change))
            page = await client.get(f"/a/{token_of(web, drafted, person)}/grid?l=en")
            assert said in page.text
            assert unsaid not in page.text


def execute(change: Any, turn: Turn) -> None:
    turn.connection.execute(change)


async def test_nobody_enters_what_isnt_below_them(web: WebCity) -> None:
    drafted = await issued(web, areas=["330281"])
    _, person = leader(web)
    own = token_of(web, drafted, person)
    lead, building = web.city.leaders("building_lead")[0]
    far = web.city.leaders("building_lead")[-1][0]
    below = token_of(web, drafted, building)
    async with web.client() as client:
        path = f"/a/{own}/grid"
        for duty, status in ((far, 403), (leader(web)[0], 403), (2**27, 404), ("", 422)):
            answer = await client.post(path, data={"duty": str(duty), "key": "k"})
            assert answer.status_code == status, duty
        # Who answers for a stairwell has nobody below.
        page = await client.get(f"/a/{below}/grid?l=en")
        assert "asks nobody below you" in page.text
        assert f"/a/{below}/grid" not in (await client.get(f"/a/{below}")).text
        answer = await client.post(f"/a/{below}/grid", data={"duty": str(lead), "key": "k"})
        assert answer.status_code == 403
    assert not web.city.rows(select(t.ack))
