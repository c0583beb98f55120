"""The board in a real browser: times count, help is heard, a stall is said and ends by itself."""

import asyncio
import contextlib
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from playwright.sync_api import Request, Route, expect

from tests.browser.conftest import Visit
from tests.browser.stage import Stage
from tests.unit.test_web_answers import told_at_one_telephone
from tests.unit.web_city import Served, WebCity


async def listens(web: WebCity, port: int) -> tuple[Served, "asyncio.Task[None]"]:
    """One more server of the city, which a test may end and start again."""
    web.deps.stopping.clear()
    config = uvicorn.Config(
        web.app, host="127.0.0.1", port=port, log_config=None, timeout_graceful_shutdown=1
    )
    server = Served(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        await server.ready.wait()
    return server, task


async def falls_silent(server: Served, task: "asyncio.Task[None]") -> None:
    server.should_exit = True
    with contextlib.suppress(asyncio.CancelledError):
        await task


@contextmanager
def served_at(stage: Stage, port: int = 0) -> Iterator[int]:
    server, task = stage.does(listens(stage.web, port))
    taken = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield taken
    finally:
        stage.does(falls_silent(server, task))


def test_the_board_says_that_it_stalled_and_goes_on_behind_its_last_event(
    own_stage: Stage, browse: Visit
) -> None:
    code = own_stage.issued()["short_code"]
    phones = [message.address for message in own_stage.web.loopback.sent]
    asked: list[Request] = []
    with served_at(own_stage) as port:
        officer = browse(
            f"http://127.0.0.1:{port}", session=own_stage.session_of("officer"), language="en"
        )
        officer.watch.forgives("ERR_")  # the server is away: that is what is tried
        officer.watch.forgives("answered 503")
        officer.watch.forgives("503")
        officer.page.clock.install()
        officer.goes_to(f"/alerts/{code}")
        officer.page.on("request", lambda r: asked.append(r) if "/events" in r.url else None)
        covered = officer.page.locator('[data-stage="received"]')
        own_stage.does(own_stage.web.reply(phones[0], "1", "first"))
        expect(covered).to_have_text(re.compile("^1/"))
        asked.clear()
    own_stage.does(own_stage.web.reply(phones[1], "1", "while it was away"))
    officer.page.clock.fast_forward(11_000)
    officer.sees("The live stream has stalled")
    with served_at(own_stage, port):
        expect(covered).to_have_text(re.compile("^2/"), timeout=20_000)
        expect(officer.page.locator("#stalled")).to_be_hidden()
        headers = [request.all_headers() for request in asked]
        behind = [each for each in headers if each.get("last-event-id")]
        assert behind or any("after=" in request.url for request in asked)


def test_a_call_for_help_is_heard_once_the_sound_is_on_and_times_count(
    stage: Stage, visit: Visit
) -> None:
    code = stage.issued()["short_code"]
    officer = visit("officer", language="en")
    officer.page.clock.install()
    officer.goes_to(f"/alerts/{code}")
    countdown = officer.page.locator("time.countdown").first
    expect(countdown).to_have_text(re.compile(r"^in \d+:\d\d$"))
    for _ in range(10):  # the server's next beat sets the page's clock right again
        officer.page.clock.fast_forward(180_000)
        if countdown.inner_text() == "due now":
            break
    else:
        pytest.fail("what is three minutes late isn't due")
    officer.sees("Sound is off in this browser")
    officer.presses("Switch the sound on")
    expect(officer.page.locator("#silent-page")).to_be_hidden()
    html = officer.page.locator("html")
    expect(html).to_have_attribute("data-ringing", "false")
    stage.does(stage.web.reply(stage.web.loopback.sent[0].address, "3", "help"))
    expect(html).to_have_attribute("data-ringing", "true")
    expect(officer.page).to_have_title(re.compile("^▲ 1 · "))
    officer.presses("I take it")
    expect(html).to_have_attribute("data-ringing", "false")
    assert officer.barriers() == []


def test_a_call_for_help_is_shown_while_somebody_writes_how_another_ended(
    own_stage: Stage, browse: Visit
) -> None:
    """Half a sentence that was left in a field must not hold back whoever cries next."""
    code = own_stage.issued()["short_code"]
    phones = list(dict.fromkeys(message.address for message in own_stage.web.loopback.sent))
    officer = browse(own_stage.url, session=own_stage.session_of("officer"), language="en")
    officer.goes_to(f"/alerts/{code}")
    own_stage.does(own_stage.web.reply(phones[0], "3", "first"))
    ending = officer.page.get_by_label("How it ended")
    untaken = officer.page.locator("#help [data-untaken]")
    expect(untaken).to_have_count(1)
    ending.fill("somebody is on the w")
    own_stage.does(own_stage.web.reply(phones[1], "3", "second"))
    expect(untaken).to_have_count(2)
    expect(ending.first).to_be_focused()
    officer.page.keyboard.type("ay")
    expect(ending.first).to_have_value("somebody is on the way")
    ending.first.blur()
    own_stage.does(own_stage.web.reply(phones[2], "3", "third"))
    expect(untaken).to_have_count(3)
    expect(ending.first).to_have_value("somebody is on the way")
    reason = officer.page.locator("#halt input[name=reason]")
    officer.page.locator("#halt summary").click()
    reason.fill("wrong ar")
    with own_stage.api("admin") as admin:
        admin.post(f"/api/v1/alerts/{code}/halt/pause", json={"reason": "tried"})
    officer.sees("PAUSED: nothing of this alert is being sent")


def test_who_is_ticked_stays_so_and_a_box_alone_holds_nothing_back(
    own_stage: Stage, browse: Visit
) -> None:
    alert, phone = own_stage.does(told_at_one_telephone(own_stage.web))
    own_stage.does(own_stage.web.reply(phone, "在路上了稍等", "first"))
    officer = browse(own_stage.url, session=own_stage.session_of("officer"), language="en")
    officer.goes_to(f"/alerts/{alert}")
    boxes, busy = officer.page.get_by_role("checkbox"), "live.busy(document.body)"
    expect(boxes).to_have_count(2)
    assert officer.page.evaluate(busy) is False
    boxes.last.check()
    boxes.last.blur()
    assert officer.page.evaluate(busy) is True
    own_stage.does(own_stage.web.reply(phone, "信号不好", "second"))
    expect(boxes).to_have_count(4)
    expect(boxes.last).to_be_checked()
    assert boxes.evaluate_all("all => all.filter(one => one.checked).length") == 1


def only_presses(route: Route) -> None:
    if (route.request.method, route.request.resource_type) == ("GET", "fetch"):
        route.abort("internetdisconnected")
    else:
        route.fallback()


def test_what_was_pressed_and_not_done_is_said(own_stage: Stage, browse: Visit) -> None:
    code = own_stage.issued()["short_code"]
    officer = browse(own_stage.url, session=own_stage.session_of("officer"), language="en")
    for part in ("ERR_INTERNET_DISCONNECTED", "401"):
        officer.watch.forgives(part)
    said: list[str] = []
    officer.page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.accept()))
    officer.goes_to(f"/alerts/{code}")
    officer.page.locator("#halt summary").click()
    reason = officer.page.locator("#halt input[name=reason]")
    reason.fill("wrong area")
    officer.context.set_offline(True)
    with officer.page.expect_event("dialog"):
        officer.presses("‖ Pause")
    expect(reason).to_have_value("wrong area")
    officer.page.route("**/*", only_presses)  # what it reads would notice, too, and leave the page
    officer.context.set_offline(False)
    officer.context.clear_cookies()
    with officer.page.expect_event("dialog"):
        officer.presses("‖ Pause")
    officer.is_at("/sign-in")
    assert [text.split(".")[0] for text in said] == [
        "The server gave no answer",
        "You are signed out, and nothing was done",
    ]


def test_a_key_held_down_answers_for_one_reply_alone(own_stage: Stage, browse: Visit) -> None:
    own_stage.issued()
    phones = list(dict.fromkeys(message.address for message in own_stage.web.loopback.sent))
    for nth, phone in enumerate(phones[:3]):
        own_stage.does(own_stage.web.reply(phone, "what is it?", f"unclear-{nth}"))
    officer = browse(own_stage.url, session=own_stage.session_of("officer"), language="en")
    officer.goes_to("/inbox")
    rows = officer.page.locator("#replies > li")
    expect(rows).to_have_count(3)
    officer.page.keyboard.down("1")
    expect(rows).to_have_count(2)
    expect(rows.first).to_be_focused()
    for _ in range(3):
        officer.page.keyboard.down("1")  # the same key, still down: it repeats
    officer.page.keyboard.up("1")
    officer.page.keyboard.press("k")
    officer.goes_to("/inbox")
    expect(rows).to_have_count(2)


def test_a_number_is_dialled_from_the_list_and_shown(stage: Stage, visit: Visit) -> None:
    code = stage.issued()["short_code"]
    officer = visit("officer", language="en", dark=True)
    officer.goes_to(f"/alerts/{code}/unanswered")
    officer.watch.forgives("asked another host: tel:")  # the telephone is asked to dial
    officer.page.get_by_role("button", name=re.compile("^Call ")).first.click()
    expect(officer.page.locator("a[href^='tel:']").first).to_have_text(re.compile(r"^\+86\d{11}$"))
    assert officer.barriers() == []
    assert any("tel:+86" in each for each in officer.watch.offences)


def test_an_answer_takes_its_row_away_and_leaves_the_others_as_they_are(
    own_stage: Stage, browse: Visit
) -> None:
    """Every row laid out anew at each answer would hold up a board in a storm."""
    code = own_stage.issued()["short_code"]
    officer = browse(own_stage.url, session=own_stage.session_of("officer"), language="en")
    officer.goes_to(f"/alerts/{code}")
    expect(officer.page.locator(".late")).to_have_count(0)  # nothing is held back for good
    rows = officer.page.locator("#unanswered tbody tr")
    before = rows.evaluate_all("rows => rows.map(row => { row.seen = true; return row.innerText })")
    rows.last.get_by_role("button", name="Remind").focus()
    own_stage.does(own_stage.web.reply(own_stage.web.loopback.sent[0].address, "1", "first"))
    expect(officer.page.locator('[data-stage="received"]')).to_have_text(re.compile("^1/"))
    after = rows.evaluate_all("rows => rows.map(row => [row.seen === true, row.innerText])")
    assert sum(seen for seen, _ in after) == len(before) - 1
    assert {text for seen, text in after if not seen}.isdisjoint(before)
    expect(rows.nth(len(before) - 2).get_by_role("button", name="Remind")).to_be_focused()


def test_two_rows_that_say_the_same_are_two(own_stage: Stage, browse: Visit) -> None:
    code = own_stage.issued()["short_code"]
    officer = browse(own_stage.url, session=own_stage.session_of("officer"), language="en")
    officer.goes_to(f"/alerts/{code}")
    rows = officer.page.locator("#unanswered tbody tr")
    shown = rows.count()

    def doubles_the_last(route: Route) -> None:
        body = route.fetch().text()
        end = body.index("</tbody>", body.index('id="unanswered"'))
        last = body.rindex("<tr", 0, end)
        row = body[last : body.index("</tr>", last) + len("</tr>")]
        route.fulfill(body=body[:last] + row + body[last:], content_type="text/html")

    officer.page.route("**/lists", doubles_the_last)
    own_stage.does(own_stage.web.reply(own_stage.web.loopback.sent[0].address, "1", "first"))
    expect(officer.page.locator('[data-stage="received"]')).to_have_text(re.compile("^1/"))
    assert rows.count() == shown  # one has answered, one stands there twice
    texts = rows.evaluate_all("rows => rows.map(row => row.innerText)")
    assert texts[-1] == texts[-2]
    officer.page.unroute_all(behavior="wait")
