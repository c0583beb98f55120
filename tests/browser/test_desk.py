"""At the desk in a real browser: what moves by itself stays what was asked for."""

from collections import Counter

from playwright.sync_api import expect

from tests.acceptance.within import within
from tests.browser.conftest import Visit
from tests.browser.stage import Stage
from tests.browser.visitor import COOKIE
from tests.unit.web_city import short

LISTED = 22  # duties of the stage's town


def test_a_lists_further_page_stays_that_page(own_stage: Stage, browse: Visit) -> None:
    """Whoever calls through a long list would be led back to its beginning by each answer."""
    code = own_stage.issued(roles=[])["short_code"]
    with own_stage.api("officer") as officer:
        first = officer.get(f"/api/v1/alerts/{code}/unanswered?limit=20").json()
    desk = browse(own_stage.url, session=own_stage.session_of("officer"), language="en")
    desk.goes_to(f"/alerts/{code}/unanswered?state=any&after={first['next']}")
    rows = desk.page.locator("#rows tbody tr")
    expect(rows).to_have_count(LISTED - 20)
    last = rows.last.locator("b").inner_text()
    rows.first.get_by_role("button", name="received", exact=True).click()
    expect(rows).to_have_count(LISTED - 21)
    expect(rows.locator("b")).to_have_text([last])
    desk.goes_to(f"/alerts/{code}/units/330281001?after={first['next']}")
    with desk.page.expect_response(lambda answer: "/units/" in answer.url) as anew:
        own_stage.does(own_stage.web.reply(own_stage.web.loopback.sent[0].address, "1", "first"))
    assert f"after={first['next']}" in anew.value.url


def test_whoever_was_signed_out_while_writing_is_told_and_goes_on(
    own_stage: Stage, browse: Visit
) -> None:
    desk = browse(own_stage.url, session=own_stage.session_of("officer"), language="zh-CN")
    for status in ("401", "403"):
        desk.watch.forgives(f"the server responded with a status of {status}")
    desk.goes_to("/issue/typhoon?colour=red")
    desk.page.locator("input[name=status][value=Actual]").check()
    desk.page.locator("#tree input[name=area]").first.check()
    outlook = desk.page.locator("#outlook")
    expect(outlook).to_contain_text("【余姚市防指】")
    desk.context.clear_cookies()
    desk.page.locator("input[name='param.extra.zh-CN']").fill("带上手电")
    expect(outlook).to_have_text("您已退出登录,刚才的操作没有执行。 请重新登录后再按一次。")
    desk.page.locator("#draft").click()
    desk.sees("您写的内容保留在本页")
    assert desk.barriers() == []
    again = {"name": COOKIE, "value": own_stage.session_of("officer"), "url": own_stage.url}
    desk.context.add_cookies([again])
    for _ in range(2):  # the page had no session, and then one that it had not been made for
        desk.presses("继续")
    desk.is_at("/alerts/A1")
    desk.sees("带上手电")


def test_enter_in_a_field_answers_for_nobody_and_sends_nothing(
    own_stage: Stage, browse: Visit
) -> None:
    """A form with several buttons would be sent by the first: "received", or "resume"."""
    code = own_stage.issued()["short_code"]
    own_stage.does(own_stage.web.reply("+8613800009999", "什么？", "stranger"))
    with own_stage.api("officer") as officer:
        rows = officer.get(f"/api/v1/alerts/{code}/unanswered").json()["items"]
        asked = {"reason": "wrong area"}
        assert officer.post(f"/api/v1/alerts/{code}/halt/pause", json=asked).status_code == 200
    desk = browse(own_stage.url, session=own_stage.session_of("officer"), language="en")
    sent: list[str] = []
    desk.page.on("request", lambda r: sent.append(r.url) if r.method == "POST" else None)
    desk.goes_to("/inbox")
    writer = desk.page.locator("input[name=writer]")
    writer.fill(rows[0]["holders"][0]["person_id"])
    writer.press("Enter")
    desk.goes_to(f"/alerts/{code}")
    desk.page.locator("#halt summary").click()
    reason = desk.page.locator("#halt input[name=reason]")
    reason.fill("it is the wrong area, so stop it")
    reason.press("Enter")
    assert sent == []
    desk.presses("▶ Resume")
    expect(desk.page.locator("#halt")).not_to_contain_text("PAUSED")
    assert [url.rpartition("/")[2] for url in sent] == ["resume"]


def test_a_branch_that_couldnt_be_read_is_no_empty_one(own_stage: Stage, browse: Visit) -> None:
    desk = browse(own_stage.url, session=own_stage.session_of("officer"), language="en")
    desk.watch.forgives("ERR_INTERNET_DISCONNECTED")
    branch = desk.page.locator(".branch").first
    for path in ("/issue/typhoon?colour=red", "/roster"):
        desk.goes_to(path)
        closed = branch.locator("summary")
        desk.context.set_offline(True)
        closed.click()
        expect(branch).not_to_have_attribute("open", "")
        desk.context.set_offline(False)
        closed.click()
        expect(branch).to_have_attribute("open", "")
        expect(branch.locator("li").first).to_be_visible()


def test_a_double_click_is_one_press(own_stage: Stage, browse: Visit) -> None:
    """The alternate is told, and not the superior with them, who would be at once by a second."""
    code = own_stage.issued()["short_code"]
    desk = browse(own_stage.url, session=own_stage.session_of("officer"), language="en")
    desk.goes_to(f"/alerts/{code}")
    row = desk.page.locator("#unanswered tbody tr").first
    asked = desk.page.locator("#unanswered tbody tr").count()
    sent: list[str] = []
    desk.page.on("request", lambda r: sent.append(r.url) if r.method == "POST" else None)
    row.get_by_role("button", name="Escalate now").dblclick()
    expect(row).to_contain_text("passed on to the alternate")
    assert len(sent) == 1
    desk.goes_to(f"/alerts/{code}/unanswered?state=open")
    desk.page.locator("input[name=sure]").check()
    key = desk.page.locator("input[name=key]")
    of_the_press = key.input_value()
    desk.page.get_by_role("button", name="Escalate all now").dblclick(delay=50)
    expect(key).not_to_have_value(of_the_press)  # the page that its last half led to

    def climbs() -> Counter[int]:
        with own_stage.api("officer") as officer:
            facts = officer.get(f"/api/v1/alerts/{code}/facts?limit=500").json()["items"]
        climbed = [fact["body"]["items"] for fact in facts if fact["kind"] == "climbed"]
        return Counter(item[0] for items in climbed for item in items)

    within(20, that=lambda: len(climbs()) == asked)
    assert sorted(climbs().values()) == [1] * (asked - 1) + [2]


def test_the_list_of_alerts_moves_by_itself(own_stage: Stage, browse: Visit) -> None:
    """Whoever signs in at night leaves it open, and waits for a draft or a call for help there."""
    second = browse(own_stage.url, session=own_stage.session_of("second"), language="en")
    second.goes_to("/alerts")
    second.sees("Nothing waits.")
    second.page.evaluate("() => { window.stayed = true; }")
    with own_stage.api("officer") as officer:
        officer.post("/api/v1/alerts", json=short(status="Exercise", simulated=True))
        live = officer.post("/api/v1/alerts", json=short()).json()
    waiting = second.page.locator("#waiting")
    expect(waiting).to_contain_text(live["short_code"])
    second.presses("Approve and issue the drill")
    expect(second.page.locator("#running")).to_contain_text("A1")
    with own_stage.api("second") as other:
        assert other.post(f"/api/v1/alerts/{live['id']}/approve").status_code == 200
    expect(second.page.locator("#over")).to_contain_text("A1")  # a drill gives way
    expect(waiting).to_contain_text("Nothing waits.")
    own_stage.does(own_stage.web.until(live["id"], lambda board: not board["funnel"]["waiting"]))
    own_stage.does(own_stage.web.reply(own_stage.web.loopback.sent[0].address, "3", "help"))
    expect(second.page.locator("#help [data-untaken]")).to_have_count(1)
    assert second.page.evaluate("() => window.stayed")
    assert second.barriers() == []
