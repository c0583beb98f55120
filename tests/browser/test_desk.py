"""At the desk in a real browser: what moves by itself stays what was asked for."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.stage import Stage

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
