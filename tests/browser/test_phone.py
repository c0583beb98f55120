"""A person's own page on a telephone over plain HTTP: what is tapped without signal comes, once."""

import re
from typing import Any

from playwright.sync_api import Route, expect
from sqlalchemy import select

from alertd.store import tables as t
from tests.browser.conftest import Visit
from tests.browser.stage import Stage
from tests.browser.visitor import Visitor

NO_SIGNAL = "ERR_INTERNET_DISCONNECTED"


def phone_of(
    stage: Stage, browse: Visit, town: int = 0, **changes: Any
) -> tuple[Visitor, str, int]:
    """A telephone, the path of its owner's page about a new alert, and its owner."""
    drafted = stage.issued(**changes)
    _, person = stage.web.city.leaders()[town]
    links = stage.web.city.store.vault.links
    token = links.token(drafted["no"], bytes.fromhex(drafted["id"]), person)
    return browse(stage.url, width=360, height=640), f"/a/{token}", person


def answers(stage: Stage, path: str) -> list[tuple[str, str]]:
    """(kind, via) of all the acks of the path's alert, in their order."""
    read = stage.web.city.store.vault.links.read
    ids = {row.no: row.id for row in stage.web.city.rows(select(t.alert.c.no, t.alert.c.id))}
    found = read(path.removeprefix("/a/"), ids.get)
    assert found
    c = t.ack.c
    number = next(no for no, each in ids.items() if each == found[0])
    rows = stage.web.city.rows(select(c.kind, c.via).where(c.alert_no == number).order_by(c.no))
    return [(row.kind, row.via) for row in rows]


def test_a_tap_without_signal_is_kept_and_sent_once(stage: Stage, browse: Visit) -> None:
    phone, path, _ = phone_of(stage, browse)
    phone.goes_to(path)
    assert phone.barriers() == []
    # The call for help is in sight without scrolling.
    expect(phone.page.get_by_text("求助", exact=True)).to_be_in_viewport()
    phone.watch.forgives(NO_SIGNAL)
    phone.context.set_offline(True)
    phone.presses("收到")
    phone.fills("已转", "35")
    phone.fills("应转", "40")
    phone.presses("完成")
    phone.sees(re.compile("收到 .*已存在手机里.*完成 35/40 .*已存在手机里", re.DOTALL))
    assert answers(stage, path) == []
    # Put away, and taken out again where there is signal.
    phone.page.close()
    phone.context.set_offline(False)
    phone.page = phone.context.new_page()
    phone.goes_to(path)
    phone.sees(re.compile("值班室收到的您的应答.*完成 35/40.*收到\\s+收到于", re.DOTALL))
    phone.does_not_see("已存在手机里")
    assert answers(stage, path) == [("received", "page"), ("done", "page")]


def test_a_tap_whose_answer_is_lost_is_sent_again_and_counts_once(
    stage: Stage, browse: Visit
) -> None:
    phone, path, _ = phone_of(stage, browse)
    phone.goes_to(path)
    lost: list[str] = []

    def loses_the_first(route: Route) -> None:
        answer = route.fetch()
        if lost:
            route.fulfill(response=answer)
            return
        lost.append(answer.headers["x-tap"])
        route.fulfill(status=200, body="<h1>Welcome to the hotspot</h1>")

    phone.context.route(f"**{path}", loses_the_first)
    phone.page.get_by_text("求助", exact=True).click()
    phone.presses("确认求助")
    phone.sees("已存在手机里")
    phone.sees("尚无人受理")
    phone.does_not_see("hotspot")
    phone.does_not_see("已存在手机里")
    assert lost[0]
    assert answers(stage, path) == [("help", "page")]


def test_a_leader_enters_without_signal_whom_they_told(stage: Stage, browse: Visit) -> None:
    # In a town of its own: no drill begins beside a live alert.
    where = {"town": 1, "areas": ["330281002"]}
    phone, path, person = phone_of(stage, browse, status="Exercise", **where)
    phone.goes_to(path)
    phone.sees("【演练】这是演练")
    assert phone.barriers() == []
    phone.follows("我的辖区:谁已应答、敲门登记")
    assert phone.barriers() == []
    phone.watch.forgives(NO_SIGNAL)
    phone.context.set_offline(True)
    door = phone.page.get_by_role("button", name="敲门已通知", exact=True).first
    door.click()
    expect(door).to_be_disabled()
    phone.sees("已存在手机里")
    phone.context.set_offline(False)
    expect(phone.page.locator(".mark.ok")).to_have_count(1)
    phone.does_not_see("已存在手机里")
    assert answers(stage, path) == [("received", "runner")]
    c = t.ack.c
    (told,) = stage.web.city.rows(select(c.person_no).where(c.via == "runner"))
    assert told.person_no != person


def test_a_page_that_is_open_says_that_the_alert_is_over(stage: Stage, browse: Visit) -> None:
    """Whoever has it in their hand goes on moving people, on a word that was taken back."""
    phone, path, _ = phone_of(stage, browse, incident="taken-back")
    phone.page.clock.install()
    phone.goes_to(path)
    phone.does_not_see("本条预警已结束")
    (code,) = re.findall(r"\bA\d+\b", phone.page.locator("header").inner_text())
    with stage.api("officer") as officer, stage.api("second") as second:
        made = officer.post(f"/api/v1/alerts/{code}/cancel", json={}).json()
        assert second.post(f"/api/v1/alerts/{made['id']}/approve").status_code == 200
    phone.page.clock.fast_forward(31_000)
    phone.sees(re.compile(r"本条预警已结束:\s*已撤回"))
    assert phone.barriers() == []
