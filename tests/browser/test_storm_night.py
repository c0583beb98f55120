"""One night at the office, in real browsers before whole processes.

Two people at their desks issue an alert and approve it; a leader answers on a telephone that has
lost its signal; another by radio; the server is killed while the board is open, and the night goes
on. What the pages show is held against the API's own figures.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.within import within
from tests.browser.conftest import Visit
from tests.browser.office import signs_in
from tests.browser.visitor import Visitor

NOBODY_ANSWERS = {"silent": 1.0}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LivingCity]:
    """Its people read and stay silent; what is answered, the night says."""
    with ExitStack() as stack:
        started = LivingCity(
            tmp_path / "city",
            mix=NOBODY_ANSWERS,
            speakers=None,
            settings={"ack_links": True, "public_base_url": "http://alertd.lan"},
        )
        stack.callback(started.close)
        started.open()
        yield started


@pytest.mark.timeout(180)
def test_storm_night(city: LivingCity, browse: Visit) -> None:
    officer = signs_in(city, browse, "officer", language="en")
    second = signs_in(city, browse, "second", language="zh-CN")

    alert = writes_an_alert(city, officer)
    approves(second, alert)
    officer.goes_to(f"/alerts/{alert.code}")
    within(60, that=alert.at_rest)
    covers(officer, 0)

    here, there, silent = city.roll.of("grid_leader", rank=1)[:3]
    city.phone(here).replies("1")
    covers(officer, 1)

    answers_without_signal(city, browse, alert, there.phone)
    covers(officer, 2)

    by_radio(officer, alert, silent.unit)
    officer.goes_to(f"/alerts/{alert.code}")
    covers(officer, 3)

    second.watch.forgives("ERR_")  # a server that isn't there, which is what is shown
    officer.watch.forgives("ERR_")
    is_killed_while_the_board_is_open(city, officer, alert)
    covers(officer, 4)
    within(20, that=partial(shows_what_the_api_says, officer, alert))

    officer.follows("Give the all-clear")
    officer.presses("Make it a draft")
    officer.is_at("/alerts/A2")
    officer.goes_to(f"/alerts/{alert.code}")
    approves(second, Alert(city, {**alert.drafted, "short_code": "A2"}))
    expect(officer.page.locator("#state")).to_have_text("all-clear given")
    assert alert.state == "all-clear"


def writes_an_alert(city: LivingCity, officer: Visitor) -> Alert:
    """Three clicks after the template: what kind, where, and that it becomes a draft."""
    officer.follows("Write an alert")
    officer.page.locator("a[href='/issue/typhoon?colour=red']").click()
    officer.page.locator("input[name=status][value=Actual]").check()
    officer.page.locator("#tree input[name=area]").first.check()
    officer.page.locator("input[name=role][value=grid_leader]").check()
    officer.presses("Make it a draft")
    officer.is_at("/alerts/A1")
    (drafted,) = city.get("/api/v1/alerts")["items"]
    return Alert(city, drafted)


def approves(second: Visitor, alert: Alert) -> None:
    """The second person sees what will go out, types its code, and sends it."""
    second.goes_to("/alerts")
    second.page.locator(f"h2 a[href='/alerts/{alert.code}']").click()
    second.page.locator("input[name=confirm]").first.fill(alert.code)
    second.presses("发布实警")
    second.is_at(f"/alerts/{alert.code}")


def covers(officer: Visitor, count: int) -> None:
    """The open board comes to show so many duties answered, by itself."""
    place = officer.page.locator("[data-stage=received]")
    expect(place).to_have_text(re.compile(rf"^{count}\s*/"), timeout=20_000)


def answers_without_signal(city: LivingCity, browse: Visit, alert: Alert, phone: str) -> None:
    """The link of the SMS; tapped where there is no signal; told when there is."""
    (text,) = alert.texts(phone=phone)
    path = re.search(r"http://alertd\.lan(/a/\S+)", text["text"])
    assert path, text
    leader: Visitor = browse(city.server.url, width=360, height=640)
    leader.goes_to(path[1])
    leader.watch.forgives("ERR_INTERNET_DISCONNECTED")
    leader.context.set_offline(True)
    leader.presses("收到")
    leader.sees("已存在手机里")
    assert alert.funnel["answered"] == 1
    leader.context.set_offline(False)
    leader.does_not_see("已存在手机里")
    within(20, that=lambda: alert.funnel["answered"] == 2)


def by_radio(officer: Visitor, alert: Alert, unit: str) -> None:
    """An answer from the list of those who haven't, entered by hand."""
    officer.goes_to(f"/alerts/{alert.code}/unanswered")
    page = officer.page
    rows = page.locator("tr", has=page.locator(f"a[href$='/units/{unit}']"))
    row = rows.filter(has=page.get_by_role("button", name="received", exact=True))
    row.get_by_label("How it came").select_option("radio")
    row.get_by_role("button", name="received", exact=True).click()
    expect(row).to_have_count(0)


def is_killed_while_the_board_is_open(city: LivingCity, officer: Visitor, alert: Alert) -> None:
    """kill -9; the page says so; what was answered meanwhile is there when it goes on by itself."""
    officer.page.evaluate("window.stayed = true")
    city.server.stays_where_it_is()
    city.server.kill()
    late = city.roll.of("grid_leader", rank=1)[3]
    city.phone(late).replies("1")
    officer.sees("The live stream has stalled", within_s=15)
    city.start()
    expect(officer.page.locator("#stalled")).to_be_hidden(timeout=20_000)
    assert officer.page.evaluate("window.stayed"), "the page went on without being loaded anew"


def shows_what_the_api_says(officer: Visitor, alert: Alert) -> bool:
    """Every figure on the open board."""
    figures = officer.page.locator("[data-figure]").evaluate_all(
        "places => places.map((place) => [place.dataset.figure, place.textContent])"
    )
    funnel = alert.funnel
    assert dict(figures) == {name: str(funnel[name]) for name, _ in figures}
    return bool(figures)
