"""Workbooks as offices keep them: formulas, merged cells, several sheets, headers in two rows."""

import datetime as dt
import os
import re
import select
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from rosters.columns import FileKind
from rosters.files import inspect
from rosters.parse import Checked, RosterFiles, check
from rosters.problems import FileReport, Problems, Severity
from rosters.tables import read_cells
from rosters.workbook_cells import unsaid

TODAY = dt.date(2026, 5, 1)
HEADER = ("人员编号", "姓名", "单位编码", "单位名称", "层级", "上级编码", "岗位", "顺位", "手机")
CITY = ("330281", "余姚市", "市", "")
GRID = ("330281001", "梨洲街道", "街道", "330281")
ROWS = (
    HEADER,
    ("P1", "王伟", *CITY, "市级值班", "1", "13800000001"),
    ("P2", "李芳", *GRID, "镇街负责人", "1", "13800000002"),
    ("P3", "张三", *GRID, "镇街负责人", "2", "13800000003"),
)
PHONE = HEADER.index("手机")
Fill = Callable[[Worksheet], object]


def book(tmp_path: Path, *sheets: Fill) -> Path:
    path = tmp_path / "people.xlsx"
    with xlsxwriter.Workbook(str(path)) as made:
        for fill in sheets:
            fill(made.add_worksheet())
    return path


def checked(path: Path) -> Checked:
    return check(RosterFiles(people=path), today=TODAY)


def rows(sheet: Worksheet, line: int = 0, column: int = 0) -> None:
    for at, cells in enumerate(ROWS, line):
        sheet.write_row(at, column, cells)


def errors(found: Checked) -> list[tuple[int, str, str]]:
    return [(each.line, each.field, each.code) for each in found.problems.errors]


def phones(found: Checked) -> list[tuple[str, ...]]:
    assert found.ok, found.problems.lines(Severity.ERROR)
    return [row.person.phones for row in found.rows() if row.person]


@pytest.mark.parametrize("value", ["#N/A", "#REF!"])
@pytest.mark.parametrize("at", [(0, 0), (2, 3)])
def test_a_formula_that_came_to_nothing_is_told_and_no_number_is_lost(
    tmp_path: Path, value: str, at: tuple[int, int]
) -> None:
    """The library gives it as empty: the person was imported without a phone."""

    def fill(sheet: Worksheet) -> None:
        rows(sheet, *at)
        sheet.write_blank(at[0] + 2, at[1] + PHONE - 1, None)  # a cell that closes itself
        sheet.write_formula(at[0] + 2, at[1] + PHONE, "=VLOOKUP(1,A:B,2)", value=value)

    assert errors(checked(book(tmp_path, fill))) == [(at[0] + 3, "phone", "cell-formula")]


def test_a_formula_that_nobody_has_computed_is_told_and_an_empty_text_is_a_value(
    tmp_path: Path,
) -> None:
    """A program that isn't a spreadsheet writes no value; a spreadsheet that of `=""` as a text."""

    def fill(sheet: Worksheet) -> None:
        rows(sheet)
        sheet.write_formula(1, PHONE, '="138"&"00000009"', value="13800000009")
        sheet.write_formula(3, PHONE, '=""', value="")

    path = book(tmp_path, fill)
    retyped(path, b"", b"")
    assert errors(checked(path)) == [(4, "phone", "cell-formula")]
    retyped(path, b"<v></v>", b' t="str"')
    assert phones(checked(path)) == [("+8613800000009",), ("+8613800000002",), ()]


def retyped(path: Path, value: bytes, kind: bytes) -> None:
    """Write the formula of line 4 with that value and that type."""
    with zipfile.ZipFile(path) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    name, formula = "xl/worksheets/sheet1.xml", b'<f>""</f>'
    cell = re.compile(rb'<c r="I4"[^>]*>.*?</c>')
    parts[name] = cell.sub(b'<c r="I4"' + kind + b">" + formula + value + b"</c>", parts[name])
    with zipfile.ZipFile(path, "w") as archive:
        for each, data in parts.items():
            archive.writestr(each, data)


@pytest.mark.parametrize("column", [0, 2])
def test_a_cell_merged_over_rows_says_the_same_to_each(tmp_path: Path, column: int) -> None:
    def fill(sheet: Worksheet) -> None:
        for line, cells in enumerate(ROWS[:3]):
            sheet.write_row(line, column, cells)
        sheet.write_row(3, column, ("P3", "张三"))
        sheet.write_row(3, column + PHONE - 1, "2")
        for at, text in enumerate((*GRID, "镇街负责人"), 2):
            sheet.merge_range(2, column + at, 3, column + at, text)
        sheet.merge_range(2, column + PHONE, 3, column + PHONE, "13800000002")

    found = checked(book(tmp_path, fill))
    assert phones(found)[1:] == [("+8613800000002",)] * 2
    assert [(row.unit.code, row.holding.post) for row in found.rows() if row.holding][1:] == [
        ("330281001", "subdistrict_lead")
    ] * 2


def test_a_tall_header_and_one_in_two_rows_are_headers(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        for line, cells in enumerate(ROWS[1:], 2):
            sheet.write_row(line, 0, cells)
        for at, text in enumerate(HEADER[:-1]):
            sheet.merge_range(0, at, 1, at, text)
        sheet.merge_range(0, PHONE, 0, PHONE + 1, "联络")
        sheet.write_row(1, PHONE, ("手机", "备用手机"))

    assert phones(checked(book(tmp_path, fill)))[0] == ("+8613800000001",)

    def tall(sheet: Worksheet) -> None:
        for line, cells in enumerate(ROWS[1:], 2):
            sheet.write_row(line, 0, cells)
        for at, text in enumerate(HEADER):
            sheet.merge_range(0, at, 1, at, text)

    assert len(phones(checked(book(tmp_path, tall)))) == 3


def test_a_second_sheet_of_people_refuses_the_file_and_a_cover_is_passed_over(
    tmp_path: Path,
) -> None:
    """One sheet a town: those on the second would be told nothing."""

    def cover(sheet: Worksheet) -> None:
        sheet.write_string(0, 0, "填表说明")

    twice = checked(book(tmp_path, rows, cover, rows))
    assert errors(twice) == [(0, "", "sheet-second")]
    assert "Sheet3" in twice.problems.errors[0].reason("zh-CN")
    covered = checked(book(tmp_path, cover, rows))
    assert len(phones(covered)) == 3
    assert "sheet-ignored" in covered.problems.by_code


def test_what_is_missing_in_a_header_is_told_with_what_is_unknown_in_it(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("\n".join(map(",".join, ROWS)).replace("姓名", "责任人"), encoding="utf-8")
    assert errors(checked(path)) == [(1, "", "header-unknown"), (1, "name", "column-missing")]


def test_a_web_page_named_xls_is_told_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "people.xls"
    path.write_bytes("<html><table><tr><td>姓名</td></tr></table>".encode("gbk"))
    assert errors(checked(path)) == [(0, "", "file-web-page")]


def test_loudspeakers_may_stand_beside_the_people_in_one_workbook(tmp_path: Path) -> None:
    def speakers(sheet: Worksheet) -> None:
        sheet.write_row(0, 0, ("终端编号", "单位编码", "名称"))
        sheet.write_row(1, 0, ("T1", "330281", "文化中心"))

    path = book(tmp_path, rows, speakers)
    assert len(phones(checked(path))) == 3
    report = FileReport(path.name, Problems())
    kind, found = FileKind.TERMINALS, inspect(path, report)
    assert found is not None
    (cells,) = read_cells(kind, path, found, report)
    assert cells.text("terminal_id") == "T1"


def test_an_error_in_an_old_workbook_is_known_by_its_record(tmp_path: Path) -> None:
    """Nothing here writes an xls: two records as [MS-XLS] has them, at I4 and I5."""
    path = tmp_path / "people.xls"
    error = struct.pack("<HHHHHBB", 0x205, 8, 3, 8, 15, 0x2A, 1)
    formula = struct.pack("<HHHHHBBBBBBH", 6, 30, 4, 8, 15, 2, 0, 0x17, 0, 0, 0, 0xFFFF)
    number = struct.pack("<HHHHHd", 0x203, 14, 5, 8, 15, 13800000003.0)
    path.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(508) + error + formula + number)
    assert unsaid(path, "Sheet1").spoilt == {4: [(8, "#N/A")], 5: [(8, "#REF!")]}


@pytest.mark.parametrize("over", range(-1, 8))
def test_no_cell_is_lost_where_one_piece_of_a_sheet_ends_and_the_next_begins(
    tmp_path: Path, over: int
) -> None:
    def row(line: int, padding: str = "") -> str:
        return f'<row r="{line}">{padding}<c r="A{line}" t="e"><v>#N/A</v></c></row>'

    piece = 1 << 20
    first = row(1, " " * (piece - len(row(1)) + over))
    assert len(first) == piece + over
    path = tmp_path / "people.xlsx"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("xl/workbook.xml", '<w xmlns:x="x"><sheet name="S" x:id="r"/></w>')
        made.writestr("xl/_rels/workbook.xml.rels", '<r><Relationship Id="r" Target="s.xml"/></r>')
        made.writestr("xl/s.xml", first + row(2, " " * piece * 2) + row(3))
    assert unsaid(path, "S").spoilt == {line: [(0, "#N/A")] for line in (1, 2, 3)}


def test_rows_that_a_filter_hides_are_read_and_told(tmp_path: Path) -> None:
    def filtered(sheet: Worksheet) -> None:
        rows(sheet)
        sheet.autofilter(0, 0, len(ROWS) - 1, len(HEADER) - 1)
        for line in (2, 3, 9):  # the last of them is blank
            sheet.set_row(line, None, None, {"hidden": True})

    found = checked(book(tmp_path, filtered))
    assert len(phones(found)) == len(ROWS) - 1
    [told] = [line for line in found.problems.lines(Severity.WARNING, "en") if "hidden" in line]
    assert "2 rows that are hidden" in told
    assert "line 3)" in told


def test_where_nothing_is_hidden_nothing_is_told(tmp_path: Path) -> None:
    assert "rows-hidden" not in checked(book(tmp_path, rows)).problems.by_code


def test_a_row_that_is_no_rows_of_a_roster_is_refused_and_not_handed_on(tmp_path: Path) -> None:
    """A cell may unpack to a gigabyte; three of the longest that a spreadsheet writes will do."""

    def endless(sheet: Worksheet) -> None:
        rows(sheet)
        sheet.write_row(len(ROWS), 0, ["x" * 32_767] * 3)

    found = checked(book(tmp_path, endless))
    assert errors(found) == [(len(ROWS) + 1, "", "file-cut")]


READS = """
import sys
from pathlib import Path
from rosters.columns import FileKind
from rosters.problems import FileReport, Problems
from rosters.workbook import read_rows
list(read_rows(FileKind.PEOPLE, Path(sys.argv[1]), FileReport("people", Problems())))
"""


@pytest.mark.timeout(60)
def test_what_reads_a_workbook_goes_with_a_killed_import(tmp_path: Path) -> None:
    endless = tmp_path / "people.xlsx"
    os.mkfifo(endless)  # nobody writes into it
    with subprocess.Popen([sys.executable, "-c", READS, str(endless)]) as importing:
        children = Path(f"/proc/{importing.pid}/task/{importing.pid}/children")
        while not (found := children.read_text().split()):
            assert importing.poll() is None
        child = os.pidfd_open(int(found[0]))
        importing.kill()
    gone = select.poll()
    gone.register(child, select.POLLIN)
    assert gone.poll(20_000)
    os.close(child)
