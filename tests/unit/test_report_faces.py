"""The report's files: stable JSON, a CSV that a spreadsheet reads, a page that needs nothing."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from lxml import etree, html

from alertd.cli import drill_score
from alertd.i18n import LANGUAGES, catalog
from alertd.report.drawing import HEIGHT, WIDTH, curve, funnel
from alertd.report.figures.values import SCHEMA, Share, UnitFigures
from alertd.report.make import Report, gather, make_report
from alertd.report.names import Names, Unit
from alertd.report.page import MOST_NAMED, page
from alertd.report.rollup import level_rows, unit_rows
from alertd.report.season import rows_of
from alertd.report.sheet import safe, sheet
from alertd.report.values import CITY_TIME, NOTHING, duration, moment, percent
from alertd.report.words import WORDS, level_word, role_word, word
from alertd.web.pages.rendering import environment
from channels.base import ReceiptStatus
from tests.city import City

ROWS = ("duties.csv", "deliveries.csv", "people.csv")
AREA = "330281002"  # with a loudspeaker and a chat group


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    city = City(tmp_path_factory.mktemp("city"))
    city.issue(areas=[AREA], status="Exercise", routes=("sms-1", "speakers", "groups"))
    for message in city.sent[:9]:
        city.receipt(message, ReceiptStatus.DELIVERED)
    city.forward(seconds=95)
    for _, person in city.leaders("building_lead")[19:29]:
        city.reply(city.phone_of(person), "2 3/4")
    city.forward(minutes=14)
    yield city
    city.store.close()


@pytest.fixture(scope="module")
def report(city: City) -> Report:
    with city.store.read() as connection:
        return gather(connection, 1)


@pytest.fixture(scope="module")
def files(city: City, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    with city.store.read() as connection:
        paths = make_report(connection, 1, tmp_path_factory.mktemp("out") / "new" / "folder")
    return {path.name: path.read_bytes() for path in paths}


def test_the_files_and_their_bytes_are_the_same_again(
    city: City, files: dict[str, bytes], tmp_path: Path
) -> None:
    assert list(files) == [*("report.json", "report.csv", *ROWS, "report.html", "report.en.html")]
    with city.store.read() as connection:
        again = make_report(connection, 1, tmp_path)
    assert {path.name: path.read_bytes() for path in again} == files


def test_a_report_that_can_t_be_written_whole_leaves_the_earlier_one(
    city: City, tmp_path: Path
) -> None:
    (tmp_path / "report.json").write_text("before")
    (tmp_path / "report.html").mkdir()
    with city.store.read() as connection, pytest.raises(IsADirectoryError):
        make_report(connection, 1, tmp_path)
    assert (tmp_path / "report.json").read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 2


def test_languages_are_chosen(city: City, tmp_path: Path) -> None:
    with city.store.read() as connection:
        paths = make_report(connection, 1, tmp_path, languages=["en"])
    assert [path.name for path in paths] == ["report.json", "report.csv", *ROWS, "report.html"]
    assert 'lang="en"' in paths[-1].read_text(encoding="utf-8")


def test_the_json_has_stable_keys(files: dict[str, bytes]) -> None:
    content = json.loads(files["report.json"])
    assert set(content) == {"schema", "kind", "alert_no", "figures", "units", "journal"}
    assert (content["schema"], content["kind"], content["alert_no"]) == (SCHEMA, "alertd.report", 1)
    assert set(content["figures"]) == {
        *("schema", "course", "targets", "rates", "pace", "stages", "units", "deliveries"),
        *("channels", "loudspeakers", "escalations", "answers", "transfer", "burden"),
        *("telling", "forecast", "roster_faults", "timeline", "heads", "sources"),
    }
    assert set(content["figures"]["rates"]) == {
        *("reach", "handed_over", "answer", "on_time", "answered_people", "reach_by_level")
    }
    assert set(content["units"][0]) == {
        *("unit_no", "code", "name", "level", "path", "stage"),
        *("asked", "covered", "on_time", "exhausted"),
    }
    assert re.fullmatch("[0-9a-f]{64}", content["journal"][0]["hash"])


def test_units_sum_up_the_hierarchy(report: Report) -> None:
    rows = {row.code: row for row in unit_rows(report.figures.units, report.names)}
    city, subdistrict = rows["330281"], rows[AREA]
    asked = report.figures.targets.duties
    assert city.asked == subdistrict.asked == asked
    assert city.covered == subdistrict.covered == 10
    assert [row.level for row in rows.values()][:3] == ["city", "subdistrict", "community"]
    grids = [row for row in rows.values() if row.level == "grid"]
    assert sum(grid.asked for grid in grids) == asked
    (levels,) = level_rows(report.figures.units, report.names)
    assert (levels.level, levels.units, levels.asked) == ("grid", len(grids), asked)


def test_rollup_by_hand() -> None:
    def unit(no: int, level: str, parent: int | None, path: str) -> Unit:
        return Unit(no=no, code=str(no), name=f"U{no}", level=level, parent_no=parent, path=path)

    names = Names(
        {
            1: unit(1, "city", None, "1/"),
            2: unit(2, "community", 1, "1/2/"),
            3: unit(3, "grid", 2, "1/2/3/"),
            4: unit(4, "grid", 2, "1/2/4/"),
        },
        {},
    )

    def own(no: int, asked: int, covered: int, stage: str = "received") -> UnitFigures:
        return UnitFigures(
            unit_no=no, stage=stage, asked=asked, covered=covered, on_time=1, exhausted=0
        )

    figures = [own(2, 1, 1), own(3, 5, 2), own(4, 7, 7), own(9, 2, 0), own(3, 5, 1, "done")]
    rows = [
        (row.code, row.stage, row.asked, row.covered, row.on_time)
        for row in unit_rows(figures, names)
    ]
    assert rows == [
        ("", "received", 2, 0, 1),  # a unit that the roster doesn't know stands by itself
        ("1", "received", 13, 10, 3),
        ("2", "received", 13, 10, 3),
        ("3", "received", 5, 2, 1),
        ("4", "received", 7, 7, 1),
        ("1", "done", 5, 1, 1),
        ("2", "done", 5, 1, 1),
        ("3", "done", 5, 1, 1),
    ]
    levels = [(r.stage, r.level, r.units, r.asked) for r in level_rows(figures, names)]
    assert levels == [
        ("done", "grid", 1, 5),
        ("received", "community", 1, 1),
        ("received", "grid", 2, 12),
        ("received", "", 1, 2),
    ]
    assert names.place(3) == "U1 U2 U3"
    assert names.place(99) == "#99"


def tables(content: bytes) -> list[list[list[str]]]:
    """The CSV's tables, split at its empty rows."""
    assert content.startswith(b"\xef\xbb\xbf")
    found: list[list[list[str]]] = [[]]
    for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")):
        if row:
            found[-1].append(row)
        else:
            found.append([])
    return found


def test_the_csv_has_summary_units_and_the_unwoken(files: dict[str, bytes], report: Report) -> None:
    summary, units, unwoken = tables(files["report.csv"])
    assert summary[0] == ["部分", "指标", "数值", "总数", "比率"]
    by_label = {row[1]: row for row in summary}
    asked = report.figures.targets.duties
    assert by_label["应答率(按人·职)"][2:] == ["10", str(asked), f"{10 / asked:.1%}"]
    assert by_label["到达率(确认送达,按人)"][2] == str(report.figures.rates.reach.n)
    assert by_label["性质"][2] == "演练"
    assert {len(row) for row in summary} == {5}
    assert units[1][:3] == ["330281", "余姚市", "市"]
    assert units[1][4:6] == [str(asked), "10"]
    assert len(unwoken) - 1 == len(report.figures.escalations.unwoken)
    assert all(row[0].removeprefix("'").startswith(AREA) for row in unwoken[1:])


def test_a_spreadsheet_spoils_no_code_and_takes_no_figure_for_a_day(report: Report) -> None:
    """As a number, 330281001001001001 is 3.30281E+17, and so are its neighbours."""
    assert safe("330281001001001001") == "'330281001001001001"
    assert [safe(cell) for cell in ("330281", "007", "0", 330281001001001001)] == [
        *("330281", "'007", "0", 330281001001001001),
    ]
    _, heads, row = rows_of([report], "en", UTC)
    speakers = report.figures.loudspeakers
    at = heads.index("Loudspeakers")
    assert heads[at + 1] == "Loudspeakers that played"
    assert row[at : at + 2] == (speakers.targeted, speakers.played)
    assert len(heads) == len(row)


def test_a_name_is_never_a_formula(report: Report) -> None:
    names = Names(
        {no: replace(unit, name=f"=1+{no}") for no, unit in report.names.units.items()}, {}
    )
    content = sheet(report.figures, names, language="zh-CN", zone=UTC).decode("utf-8-sig")
    assert "'=1+1" in content
    assert ",=1" not in content
    assert "\n=1" not in content


def test_no_phone_number_and_nobodys_name_is_in_any_file(
    city: City, files: dict[str, bytes]
) -> None:
    everything = b"".join(files.values()).decode()
    phones = {message.address for message in city.sent if message.address.startswith("+86")}
    assert len(phones) > 10
    for phone in phones:
        assert phone not in everything
        assert phone[3:] not in everything
    assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", everything)


@pytest.mark.parametrize(("name", "language"), [("report.html", "zh-CN"), ("report.en.html", "en")])
def test_the_page_needs_nothing_from_anywhere(
    files: dict[str, bytes], name: str, language: str
) -> None:
    text = files[name].decode()
    tree = parsed(text)
    assert tree.get("lang") == language
    assert not tree.xpath("//script | //link | //img | //iframe | //object | //*[@src]")
    assert not re.search(r"https?:|url\(|@import", text)
    assert not [a for e in tree.iter() for a in e.attrib if str(a).startswith("on")]
    for drawing in tree.xpath("//*[local-name()='svg']"):
        etree.fromstring(etree.tostring(drawing, with_tail=False))
    assert not tree.xpath("//table[not(.//tr)]")
    assert "{{" not in text
    assert "None" not in re.sub("<[^>]*>", " ", text)


def test_a_drill_is_striped_and_a_live_alert_is_not(
    files: dict[str, bytes], report: Report
) -> None:
    drill = parsed(files["report.html"].decode())
    assert {band.text_content() for band in drill.xpath("//p[@class='band']")} == {
        "演练 · 本报告为演练记录"
    }
    assert len(drill.xpath("//p[@class='band']")) == 2
    course = replace(report.figures.course, status="Actual", headline="<b>台风</b>&")
    live = shown(replace(report, figures=replace(report.figures, course=course)))
    assert not live.xpath("//p[@class='band']")
    assert live.xpath("//h1")[0].text_content() == "<b>台风</b>&"
    test = replace(report.figures.course, status="Test")
    tested = shown(replace(report, figures=replace(report.figures, course=test)))
    assert tested.xpath("//p[@class='band']")


def parsed(text: str) -> Any:
    return html.fromstring(text)


def shown(report: Report, language: str = "zh-CN") -> Any:
    return parsed(
        page(report.figures, report.names, report.ends, language=language, zone=CITY_TIME)
    )


def test_the_page_shows_the_figures(report: Report) -> None:
    tree = shown(report, "en")
    tiles = {
        tile.findtext("small"): (tile.findtext("b"), tile.findtext("em"))
        for tile in tree.xpath("//div[@class='tile']")
    }
    asked = report.figures.targets.duties
    assert tiles["Answer rate"] == (f"{10 / asked:.1%}", f"10 / {asked}")
    assert tiles["Not woken"][0] == str(asked - 10)
    assert tiles["First answer, median"] == ("1 min 35 s", "nine in ten within 1 min 35 s")
    text = tree.text_content()
    assert report.ends[0].hash in text
    assert "2025-10-09 16:53:20" in text  # the city's time, not UTC


def test_a_long_list_is_cut_on_the_page_and_the_cut_is_told(report: Report) -> None:
    escalations = replace(report.figures.escalations, unwoken=((17 << 28, 4),) * (MOST_NAMED + 1))
    tree = shown(replace(report, figures=replace(report.figures, escalations=escalations)), "en")
    assert f"The CSV file names all {MOST_NAMED + 1}." in tree.text_content()


def test_every_face_can_show_a_report_of_nothing(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.draft()
    with city.store.read() as connection:
        paths = make_report(connection, 1, tmp_path / "out")
        report = gather(connection, 1)
    city.store.close()
    assert all(path.stat().st_size > 10 for path in paths)
    assert curve(report.figures, str) is None
    assert NOTHING in paths[-1].read_text(encoding="utf-8")


def test_the_curve_lies_in_its_frame(report: Report) -> None:
    drawn = curve(report.figures, str)
    assert drawn is not None
    numbers = [float(n) for n in re.findall(r"[HV](\d+\.?\d*)", drawn.line)]
    assert all(0 <= n <= WIDTH for n in numbers)
    heights = [float(n) for n in re.findall(r"V(\d+\.?\d*)", drawn.line)]
    assert heights == sorted(heights, reverse=True)
    assert max(heights) < HEIGHT
    assert len(drawn.across) <= 13
    assert drawn.across[0].text == "0"
    assert drawn.due is not None
    assert [mark.text for mark in drawn.up] == ["0%", "25%", "50%", "75%", "100%"]


def test_the_funnel_narrows(report: Report) -> None:
    for bars in funnel(report.figures, str):
        widths = [bar.width for bar in bars]
        assert widths[0] == 100.0
        assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(
    ("ms", "english"),
    [
        (None, NOTHING),
        (0, "0.0 s"),
        (9_940, "9.9 s"),
        (59_400, "59 s"),
        (59_600, "1 min 0 s"),
        (95_000, "1 min 35 s"),
        (3_600_000, "1 h 0 min"),
        (97_000_000, "26 h 56 min"),
    ],
)
def test_durations(ms: int | None, english: str) -> None:
    assert duration(str, ms) == english


def test_shares_and_times() -> None:
    assert percent(Share(1, 3)) == "33.3%"
    assert percent(Share(0, 0)) == NOTHING


def test_all_is_said_only_where_all_are_there() -> None:
    nearly, whole = Share(2_999, 3_000), Share(3_000, 3_000)
    assert (percent(nearly), percent(whole)) == ("99.9%", "100.0%")
    assert (Share(49_999, 50_000).rate, whole.rate) == (0.9999, 1.0)
    macros = environment().get_template("readiness/tabs.html").module
    assert "99.9%" in macros.share(nearly)
    assert "100.0%" in macros.share(whole)
    assert macros.figure("reached", nearly.rate) == "99.9%"
    assert drill_score.figure("reached", nearly.rate) == "99.9%"
    assert drill_score.figure("reached", 1.0) == "100.0%"
    assert Share(2, 3).rate == 0.6667
    assert moment(None, UTC) == NOTHING
    assert moment(1_760_000_000_000, UTC) == "2025-10-09 08:53:20"


def test_words_in_both_languages() -> None:
    assert word(str, "no-such-key") == "no-such-key"
    assert (level_word("zh-CN", "grid"), level_word("en", "grid")) == ("网格", "grid")
    assert level_word("en", "") == ""
    assert role_word("zh-CN", "grid_leader") == "网格长"
    assert role_word("en", "a_citys_own") == "a_citys_own"
    chinese = catalog("zh-CN")
    assert LANGUAGES == ("zh-CN", "en")
    assert not [text for text in WORDS.values() if text not in chinese]
