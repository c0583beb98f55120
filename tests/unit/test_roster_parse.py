"""Roster files as people really keep them, read into the same values."""

import csv
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import xlsxwriter

from alertd.errors import ConflictError, ProblemsError
from rosters.columns import COLUMNS, FileKind, column_of, headers
from rosters.model import Holding, Roster, Terminal, Unit, UnitFacts
from rosters.parse import Checked, RosterFiles, check, read
from rosters.problems import Severity
from rosters.words import Level

TODAY = dt.date(2026, 5, 1)
RARE = "龙䶮㛃𬍛"

ROWS: list[dict[str, str]] = [
    {
        "person_id": "P1",
        "name": "王伟",
        "unit_code": "330281",
        "unit_name": "余姚市",
        "unit_level": "city",
        "post": "city_duty",
        "phone": "13800000001",
    },
    {
        "person_id": "P2",
        "name": RARE,
        "unit_code": "330281001",
        "unit_name": "梨洲街道",
        "unit_level": "街道",
        "parent_code": "330281",
        "post": "镇街负责人",
        "party_member": "是",
        "phone": "138 0000 0002",
        "phone2": "0574-62712345",
        "language": "英语",
        "on_duty_from": "8:00",
        "on_duty_to": "20:00",
        "households": "12",
        "should_transfer": "3",
        "shelter": "文化中心",
        "verified_at": "2026/4/1",
        "note": "=1+1",
    },
    {
        "person_id": "P3",
        "name": "李芳",
        "unit_code": "330281001",
        "post": "subdistrict_lead",
        "rank": "B角",
        "roles": "志愿者;巡防队",
        "short_phone": "612345",
        "vulnerable": "0",
    },
    {"unit_code": "330281100", "unit_name": "临山镇", "unit_level": "镇", "parent_code": "330281"},
]


def table(language: str, rows: Sequence[Mapping[str, str]] = ROWS) -> list[list[str]]:
    keys = [column.key for column in COLUMNS[FileKind.PEOPLE]]
    return [
        headers(FileKind.PEOPLE, language),
        *([row.get(key, "") for key in keys] for row in rows),
    ]


def as_csv(cells: list[list[str]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(cells)
    return text.getvalue()


def read_people(path: Path) -> Roster:
    return read(RosterFiles(people=path), today=TODAY)


def check_people(path: Path) -> Checked:
    return check(RosterFiles(people=path), today=TODAY)


@pytest.fixture
def expected(tmp_path: Path) -> Roster:
    path = tmp_path / "plain.csv"
    path.write_text(as_csv(table("en")), encoding="utf-8")
    return read_people(path)


def test_a_plain_file_gives_units_people_and_duties(expected: Roster) -> None:
    assert list(expected.units) == ["330281", "330281001", "330281100"]
    assert expected.units["330281001"] == Unit(
        "330281001", "", "梨洲街道", Level.SUBDISTRICT, "330281"
    )
    assert expected.facts == {"330281001": UnitFacts(12, 0, 3, "文化中心")}
    assert expected.people["P1"].phones == ("+8613800000001",)
    assert expected.people["P1"].channels == ("sms",)
    assert expected.people["P2"].name == RARE
    assert expected.people["P2"].phones == ("+8613800000002", "+8657462712345")
    assert expected.people["P2"].language == "en"
    assert expected.people["P3"].channels == ("voice",)
    lead = expected.holdings["330281001", "subdistrict_lead", "P2", "08:00"]
    assert lead == Holding(
        person_id="P2",
        unit_code="330281001",
        post="subdistrict_lead",
        rank=1,
        roles=("party_member", "subdistrict_lead"),
        on_duty_from="08:00",
        on_duty_to="20:00",
        verified_at=int(dt.datetime(2026, 3, 31, 16, tzinfo=dt.UTC).timestamp()) * 1000,
        note="=1+1",
    )
    deputy = expected.holdings["330281001", "subdistrict_lead", "P3", ""]
    assert (deputy.rank, deputy.roles) == (2, ("subdistrict_lead", "volunteer", "巡防队"))


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_any_encoding_delimiter_and_header_language_gives_the_same(
    tmp_path: Path, expected: Roster, encoding: str, language: str, delimiter: str
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(as_csv(table(language), delimiter).encode(encoding))
    assert read_people(path) == expected


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_workbook_gives_the_same(tmp_path: Path, expected: Roster, language: str) -> None:
    path = tmp_path / "people.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("名册")
        for line, cells in enumerate(table(language)):
            for column, cell in enumerate(cells):
                sheet.write_string(line, column, cell)
    assert read_people(path) == expected


def test_a_workbook_may_hold_numbers_dates_and_a_title(tmp_path: Path, expected: Roster) -> None:
    path = tmp_path / "people.xlsx"
    cells = table("zh-CN")
    with xlsxwriter.Workbook(str(path)) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        hour = book.add_format({"num_format": "hh:mm"})
        sheet = book.add_worksheet("名册")
        sheet.write_string(0, 0, "余姚市防汛责任人名册")
        for line, row in enumerate(cells, 2):
            for column, cell in enumerate(row):
                if cell == "2026/4/1":
                    sheet.write_datetime(line, column, dt.date(2026, 4, 1), day)
                elif cell in {"8:00", "20:00"}:
                    sheet.write_datetime(line, column, dt.time(int(cell[:-3])), hour)
                elif cell.isdecimal():
                    sheet.write_number(line, column, int(cell))
                else:
                    sheet.write_string(line, column, cell)
    assert read_people(path) == expected


@pytest.mark.parametrize("suffix", [".xls", ".ods", ".csv", ""])
def test_a_workbook_is_known_by_its_content(tmp_path: Path, expected: Roster, suffix: str) -> None:
    path = tmp_path / f"people{suffix}"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("名册")
        for line, cells in enumerate(table("zh-CN")):
            for column, cell in enumerate(cells):
                sheet.write_string(line, column, cell)
    assert read_people(path) == expected


@pytest.mark.parametrize("cell", ["\u202d138 0000 0001\u202c", "\u200b13800000001\ufeff"])
def test_a_number_copied_out_of_an_address_book_is_a_number(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(as_csv(table("en", [{**ROWS[0], "phone": cell}])), encoding="utf-8")
    assert read_people(path).people["P1"].phones == ("+8613800000001",)


def test_a_note_in_several_lines_is_one_line(tmp_path: Path) -> None:
    row = {**ROWS[0], "note": "夜里打\r\n  备用手机", "shelter": "东门小学\n(二楼)"}
    path = tmp_path / "people.csv"
    path.write_text(as_csv(table("en", [row])), encoding="utf-8", newline="")
    read = read_people(path)
    assert [each.note for each in read.holdings.values()] == ["夜里打 备用手机"]
    assert [each.shelter for each in read.facts.values()] == ["东门小学 (二楼)"]


def test_a_mobile_comes_before_an_office_line_whatever_the_columns(tmp_path: Path) -> None:
    row = {**ROWS[0], "phone": "0574-62712345", "phone2": "13800000001"}
    path = tmp_path / "people.csv"
    path.write_text(as_csv(table("en", [row])), encoding="utf-8")
    assert read_people(path).people["P1"].phones == ("+8613800000001", "+8657462712345")


def test_a_workbook_tells_the_line_that_the_spreadsheet_shows(tmp_path: Path) -> None:
    path = tmp_path / "people.xlsx"
    cells = table("en")
    cells[2][headers(FileKind.PEOPLE, "en").index("rank")] = "boss"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for line, row in enumerate(cells, 3):
            sheet.write_row(line, 1, row)
        book.add_worksheet("旧").write_string(0, 0, "x")
    problems = check_people(path).problems
    assert [(p.line, p.field, p.code) for p in problems.errors] == [(6, "rank", "rank-invalid")]
    assert "sheet-ignored" in problems.by_code


def test_a_cell_that_strayed_to_the_far_corner_takes_no_reader_along(tmp_path: Path) -> None:
    path = tmp_path / "people.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for line, row in enumerate(table("en")):
            sheet.write_row(line, 0, row)
        sheet.write_string(1_048_575, 16_383, "x")  # the library would make room for all between
    (problem,) = check_people(path).problems.errors
    assert (problem.line, problem.code) == (0, "file-unread")


def test_every_header_is_known_in_both_languages() -> None:
    for kind in FileKind:
        for language in ("en", "zh-CN"):
            keys = [column_of(kind, header) for header in headers(kind, language)]
            assert [column and column.key for column in keys] == headers(kind, "en")
    assert column_of(FileKind.PEOPLE, " Person ID* ") is not None
    assert column_of(FileKind.PEOPLE, "手机(必填)") is not None


def test_a_person_with_two_duties_has_two_rows(tmp_path: Path) -> None:
    again = {**ROWS[0], "unit_code": "330281100", "unit_name": "", "unit_level": "", "post": "巡查"}
    path = tmp_path / "people.csv"
    path.write_text(as_csv(table("en", [*ROWS, again])), encoding="utf-8")
    roster = read_people(path)
    assert len(roster.people) == 3
    assert [h.unit_code for h in roster.holdings.values() if h.person_id == "P1"] == [
        "330281",
        "330281100",
    ]


def test_loudspeakers_and_groups_come_from_their_own_files(tmp_path: Path) -> None:
    files = RosterFiles(
        people=tmp_path / "people.csv",
        terminals=tmp_path / "terminals.csv",
        groups=tmp_path / "groups.csv",
    )
    files.people.write_text(as_csv(table("en")), encoding="utf-8")
    (tmp_path / "terminals.csv").write_text(
        "终端编号,单位编码,名称,经度,纬度,音量\nLS-1,330281001,东门,121.17,30.02,\n",
        encoding="gb18030",
    )
    (tmp_path / "groups.csv").write_text(
        "unit_code,kind,url,secret\n330281,钉钉,https://example.test/hook?k=1,s3cret\n",
        encoding="utf-8",
    )
    roster = read(files, today=TODAY)
    assert roster.terminals == {
        "LS-1": Terminal("LS-1", "330281001", "东门", 121.17, 30.02, volume=80)
    }
    group = roster.groups["330281-dingtalk"]
    assert (group.kind, group.url, group.secret) == (
        "dingtalk",
        "https://example.test/hook?k=1",
        "s3cret",
    )
    assert "s3cret" not in repr(roster)
    assert "13800000001" not in repr(roster)


def test_a_file_that_changed_since_its_check_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(as_csv(table("en")), encoding="utf-8")
    checked = check_people(path)
    assert checked.ok
    path.write_text(as_csv(table("en", ROWS[:3])), encoding="utf-8")
    with pytest.raises(ConflictError):
        list(checked.rows())


def test_refused_files_raise_with_a_line_for_every_error(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    bad = [{**ROWS[0], "phone": "12"}, {**ROWS[1], "unit_level": "planet"}]
    path.write_text(as_csv(table("en", bad)), encoding="utf-8")
    with pytest.raises(ProblemsError) as caught:
        read(RosterFiles(people=path), today=TODAY, language="en")
    assert caught.value.problems == [
        "people.csv line 2, phone: can't be dialled (a fixed line needs its area code)",
        "people.csv line 3, unit_level: unknown level 'planet'",
    ]
    assert check_people(path).problems.counts[Severity.ERROR] == 2
