"""The situation report: one page whatever stands on it, drawn when due, and never in the way."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from alertd.cap import Colour
from alertd.decide.halt import NONE
from alertd.model import AlertState, Stage, StageRule
from alertd.report import kept, situation
from alertd.report.kept import MOST_ALERTS, MOST_OF_ONE, Shelf, is_due
from alertd.report.paper.values import Head
from alertd.report.situation import Before, Way
from alertd.report.typeset import TEMPLATES, typeset
from alertd.store.reads import alerts
from alertd.store.reads import situation as stands
from alertd.store.reads.alerts import AlertView
from alertd.store.reads.board import Board, Funnel, StageFigures
from alertd.store.reads.helping import HelpView
from alertd.store.reads.situation import MOST_HELPS, MOST_SILENT, Situation, Speakers, TownView
from alertd.store.reads.unanswered import PersonView, Unanswered
from alertd.web.situations import Situations, shelf_of
from tests.city import RED, START, City
from tests.unit.roster_moves import asked, unit_of
from tests.unit.web_city import WebCity, web_city

CONTENTS = {form: form.encode() for form in kept.FORMS}
MINUTE = 60_000


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebCity]:
    async with web_city(tmp_path, settings={"situation_every_min": 10}) as started:
        yield started


def worst(status: str) -> Situation:
    """More of everything than fits, with long names."""
    view = AlertView(
        id="0" * 32,
        no=1,
        short_code="ZZ99",
        status=status,
        purpose="alert",
        state=AlertState.ISSUED,
        colour="red",
        severity=1,
        headline="台风红色预警",
        headlines={},
        areas=("330281",),
        roles=(),
        simulated=False,
        routes=None,
        identifier="x",
        sender="x",
        sent="x",
        created_by="officer",
        created_by_id="0" * 32,
        created_at=START,
        approved_by="second",
        approved_at=START,
        break_glass=False,
        issue_at=START,
        issued_at=START,
        expires_at=START + 360 * MINUTE,
        ended_at=None,
        follows=None,
        halt=NONE,
        halted_by="",
        halt_reason="",
        roster_version=1,
        expanding=False,
        whole=True,
    )
    stages = tuple(
        StageFigures(stage=stage, needed=20_000, covered=10_000, exhausted=3_000, helping=1)
        for stage in ("received", "on_post", "done")
    )
    funnel = Funnel(
        due=40_000,
        accepted=39_000,
        delivered=30_000,
        failed=1,
        unknown=1,
        waiting=1,
        asked=20_000,
        answered=10_000,
    )
    person = PersonView(
        person_id="P1",
        name="䶮㛃",
        rank=1,
        shift="20:00–08:00",
        phone_tail="34",
        delivery="",
        reason="",
        call="",
    )
    row = Unanswered(
        no=1,
        stage="received",
        unit_code="1",
        unit_name="梁弄镇横坎头红色美丽乡村社区第十二网格",
        level="grid",
        parent_name="四明山镇大山下社区",
        role="grid_leader",
        exhausted=True,
        closed=False,
        since_at=START,
        next_at=None,
        next_acts=(),
        told=("alternates", "grandparent"),
        untold="no-message",
        holders=(person,),
    )
    case = HelpView(
        no=1,
        alert_id="0" * 32,
        short_code="ZZ99",
        unit_code="1",
        unit_name="梁弄镇横坎头社区一百二十幢十二单元",
        person_name="䶮㛃",
        phone_tail="34",
        opened_at=START,
        climbed=1,
        reach="nobody",
        to_call=(),
        next_at=None,
        taken_by=None,
        taken_at=None,
        closed_by=None,
        closed_at=None,
        outcome="",
    )
    grids = {"help": 2, "silent": 13, "waiting": 120, "covered": 99, "unasked": 0}
    town = TownView(name="历史文化名镇梁弄镇", needed=2_000, covered=999, grids=grids)
    return Situation(
        view=view,
        figures=Board(
            funnel=funnel, stages=stages, channels=(), help_open=9, help_untaken=9, unclear=40
        ),
        people={},
        towns=(town,) * 60,
        silent=(row,) * MOST_SILENT,
        help=(case,) * MOST_HELPS,
        speakers=Speakers(total=300, delivered=1, played=1, partial=1, failed=1, unknown=1),
        next_at=START,
        soon=9,
    )


def head_at(at: int) -> Head:
    return Head(
        language="en",
        status="Actual",
        short_code="A1",
        headline="x",
        colour="red",
        severity=1,
        issued_at=START,
        at=at,
        by="",
        office="x",
        zone=ZoneInfo("Asia/Shanghai"),
    )


def test_a_town_in_which_nobody_is_answerable_is_no_full_bar() -> None:
    town = TownView(name="四明山镇", needed=0, covered=0, grids={"vacant": 3})
    found = replace(worst("Actual"), towns=(town,))
    (shown,) = situation.data(head_at(START + MINUTE), found, [], [])["towns"]
    assert (shown["share"], shown["rate"], shown["silent"]) == (0.0, "–", 3)


def test_a_loudspeaker_that_nobody_can_tell_of_hasnt_failed() -> None:
    speakers = Speakers(total=9, delivered=2, played=1, partial=0, failed=3, unknown=4)
    found = replace(worst("Actual"), speakers=speakers)
    shown = situation.data(head_at(START + MINUTE), found, [], [])["speakers"]
    assert shown[-2:] == [["failed", "3"], ["unknown", "4"]]


def test_whoever_answered_isnt_silent_for_a_report_that_is_due_later(tmp_path: Path) -> None:
    stages = (
        StageRule(stage=Stage.RECEIVED, due_min=15),
        StageRule(stage=Stage.DONE, due_min=60, start_min=30),
    )
    city = City(tmp_path, policies=dict.fromkeys(Colour, replace(RED, stages=stages)))
    city.issue(areas=["330281001"], roles=("building_lead",))
    (silent, _), *others = asked(city, role="building_lead")

    def shown() -> dict[str, Any]:
        with city.store.read() as connection:
            view = alerts.alert(connection, alerts.find(connection, "A1")).view
            found = stands.situation(connection, view, "", city.now)
        return situation.data(head_at(city.now), found, [], [])

    def silent_duties(found: dict[str, Any]) -> list[str]:
        return [tile[1] for tile in found["tiles"] if tile[0] == "nobody answers: go there"]

    for _, person in others:
        city.reply(city.phone_of(person), "1")
    city.forward(minutes=16)
    early = shown()
    assert [row["place"] for row in early["silent"]] == [unit_of(city, silent).name]
    assert silent_duties(early) == ["1"]
    city.forward(minutes=30)  # nobody reports
    late = shown()
    assert [row["place"] for row in late["silent"]] == [unit_of(city, silent).name]
    assert silent_duties(late) == ["1"]
    said = f"Ask for what was never reported: Done {len(others) + 1}."
    assert said in late["next"]


@pytest.mark.parametrize(("status", "language"), [("Actual", "zh-CN"), ("Exercise", "en")])
def test_it_is_one_page_whatever_stands_on_it_and_names_nobody(status: str, language: str) -> None:
    head = Head(
        language=language,
        status=status,
        short_code="ZZ99",
        headline="A headline that is rather long for a page: typhoon warning, rainstorm and flood",
        colour="red",
        severity=1,
        issued_at=START,
        at=START + 45 * MINUTE,
        by="",
        office="Yuyao Flood and Drought Control Headquarters",
        zone=ZoneInfo("Asia/Shanghai"),
    )
    way = Way(name="modem-pool-north", channel="sms", ok=False, paused_until=None, waiting_s=4_000)
    before = Before(at=START, answered=9_000, silent=3_500)
    areas = ["四明山镇"] * 6
    values = situation.data(head, worst(status), [way] * 20, areas, before)
    (pdf,) = typeset(TEMPLATES / "situation.typ", values)
    reader = PdfReader(io.BytesIO(pdf))
    assert len(reader.pages) == 1
    text = reader.pages[0].extract_text()
    page = situation.page(values)
    for face in (text, page):
        assert "ZZ99" in face
        assert "50.0%" in face
        assert "(+1000)" in face
        assert "(-500)" in face
        assert "䶮" not in face
        assert ("DRILL" in face) is (status == "Exercise")


@pytest.mark.parametrize(
    ("issued", "last", "every", "now", "due"),
    [
        (0, None, 10, 9, False),
        (0, None, 10, 10, True),
        (0, 10, 10, 19, False),
        (0, 10, 10, 20, True),
        (0, None, 0, 10_000, False),
    ],
)
def test_when_the_next_is_due(
    issued: int, last: int | None, every: int, now: int, due: bool
) -> None:
    assert is_due(issued, last, every, now) is due


def test_only_the_last_of_the_last_alerts_are_kept(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "situations")
    for at in range(MOST_OF_ONE + 3):
        shelf.put("A1", at, CONTENTS)
    assert shelf.times("A1") == list(range(MOST_OF_ONE + 2, 2, -1))
    assert len(list((shelf.folder / "A1").iterdir())) == MOST_OF_ONE * len(CONTENTS)
    for n in range(2, MOST_ALERTS + 3):
        shelf.put(f"A{n}", 1_000 + n, CONTENTS)
    assert len(list(shelf.folder.iterdir())) == MOST_ALERTS
    assert shelf.times("A1") == shelf.times("A2") == []
    assert shelf.read(f"A{MOST_ALERTS + 2}", 1_000 + MOST_ALERTS + 2, "pdf") == b"pdf"
    assert shelf.read("A5", 1, "pdf") is None
    assert shelf.read("../x", 1, "pdf") is None


async def test_it_is_drawn_when_due_and_the_board_has_the_newest(web: WebCity) -> None:
    alert = await web.issue()
    await web.until(alert["id"], lambda board: board["funnel"]["asked"])
    situations: Situations = web.app.state.situations
    shelf = shelf_of(web.deps)
    await situations.look()
    assert shelf.times("A1") == []
    web.clock.forward(minutes=11)
    await situations.look()
    await situations.look()
    (at,) = shelf.times("A1")
    async with web.client(headers={"accept": "text/html"}) as client:
        client.cookies.set("alertd_session", await web.session("viewer"))
        assert f"/alerts/A1/situations/{at}.pdf" in (await client.get("/alerts/A1")).text
        listed = await client.get("/alerts/A1/situations")
        assert f"/alerts/A1/situations/{at}.html" in listed.text
        page = await client.get(f"/alerts/A1/situations/{at}.html")
        assert "红色" in page.text
        assert (await client.get(f"/alerts/A1/situations/{at}.pdf")).content[:5] == b"%PDF-"
        assert (await client.get("/alerts/A1/situations/1.pdf")).status_code == 404
    async with web.client("town") as town:
        now = await town.get("/api/v1/alerts/A1/situation")
        assert now.json()["alert"] == "A1"
    # What ends it asks nothing, and has no situation.
    async with web.client("officer") as officer, web.client("second") as second:
        clear = (await officer.post("/api/v1/alerts/A1/all-clear", json={})).json()
        approved = await second.post(f"/api/v1/alerts/{clear['id']}/approve")
        assert approved.status_code == 200, approved.text
    web.clock.forward(minutes=11)
    await situations.look()
    assert shelf.times(clear["short_code"]) == []
    assert shelf.times("A1") == [at]


async def test_a_failure_to_draw_disturbs_nothing_and_is_tried_when_next_is_due(
    web: WebCity,
) -> None:
    alert = await web.issue()
    await web.until(alert["id"], lambda board: board["funnel"]["asked"])
    shelf, situations = shelf_of(web.deps), Situations(web.deps)
    shelf.folder.write_text("a file where the folder should be", "utf-8")
    web.clock.forward(minutes=11)
    await situations.look()
    assert situations.failed == {"A1"}
    assert (await web.board(alert["id"]))["board"]["funnel"]["asked"]
    shelf.folder.unlink()
    await situations.look()
    assert shelf.times("A1") == []
    web.clock.forward(minutes=11)
    await situations.look()
    assert len(shelf.times("A1")) == 1
    assert situations.failed == set()
