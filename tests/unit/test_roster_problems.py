"""Everything that is wrong with a roster is told at once, by file, line, column and reason."""

import csv
import datetime as dt
import re
import string
from pathlib import Path

import pytest

from rosters.columns import FileKind, headers
from rosters.parse import Checked, RosterFiles, check
from rosters.problems import FileReport, Problem, Problems, Severity, quote
from rosters.wordings import WORDINGS

TODAY = dt.date(2026, 5, 1)

CITY = {
    "person_id": "P1",
    "name": "王伟",
    "unit_code": "330281",
    "unit_name": "余姚市",
    "unit_level": "city",
    "post": "city_duty",
    "phone": "13800000001",
}
DEPUTY = {**CITY, "person_id": "P2", "rank": "2", "phone": "13800000002"}
TOWN = {
    "person_id": "P3",
    "name": "李芳",
    "unit_code": "330281001",
    "unit_name": "梨洲街道",
    "unit_level": "subdistrict",
    "parent_code": "330281",
    "post": "subdistrict_lead",
    "phone": "13800000003",
}
TOWN_DEPUTY = {**TOWN, "person_id": "P4", "rank": "2", "phone": "13800000004"}
GOOD = [CITY, DEPUTY, TOWN, TOWN_DEPUTY]
Row = dict[str, str]
Found = list[tuple[int, str, str]]


def write(path: Path, rows: list[Row], kind: FileKind = FileKind.PEOPLE) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, headers(kind, "en"))
        writer.writeheader()
        writer.writerows(rows)
    return path


def check_rows(tmp_path: Path, rows: list[Row], *, limit: int = 1000) -> Checked:
    path = write(tmp_path / "people.csv", rows)
    return check(RosterFiles(people=path), today=TODAY, limit=limit)


def found(checked: Checked, severity: Severity) -> Found:
    return [(p.line, p.field, p.code) for p in checked.problems.of(severity)]


def test_a_good_file_has_nothing_to_tell(tmp_path: Path) -> None:
    checked = check_rows(tmp_path, GOOD)
    assert not checked.problems.by_code
    assert checked.counts == {
        "units": 2,
        "people": 4,
        "duties": 2,
        "holdings": 4,
        "terminals": 0,
        "groups": 0,
    }


# Each changes the third row (line 4) of a good file.
CELLS = [
    ("unit_code", "3.30281E+11", "code-spoilt"),
    ("unit_code", "3.30281e11", "code-spoilt"),
    ("unit_code", "330281 001", "code-invalid"),
    ("unit_code", "", "cell-required"),
    ("parent_code", "梨洲", "code-invalid"),
    ("official_code", "3.30281001001E+14", "code-spoilt"),
    ("unit_level", "planet", "level-unknown"),
    ("person_id", "", "person-incomplete"),
    ("person_id", "13800000003", "id-private"),
    ("person_id", "110101199003078515", "id-private"),
    ("person_id", "a b", "id-invalid"),
    ("name", "", "cell-required"),
    ("name", "李\x00芳", "cell-control"),
    ("name", "李\n芳", "cell-control"),
    ("name", "李\u202e芳", "cell-control"),
    ("name", "李" * 65, "cell-too-long"),
    ("note", "长" * 501, "cell-too-long"),
    ("post", "", "post-missing"),
    ("roles", "x" * 33, "role-invalid"),
    ("rank", "0", "rank-invalid"),
    ("rank", "首席", "rank-invalid"),
    ("rank", "-1", "rank-invalid"),
    ("phone", "12345678901", "phone-invalid"),
    ("phone", "1380000000", "phone-invalid"),
    ("phone", "62712345", "phone-invalid"),
    ("phone", "电话", "phone-invalid"),
    ("phone", "1.38E+10", "phone-spoilt"),
    ("phone", "13800000003、13900000003", "phone-several"),
    ("phone", "13800000003\n13900000003", "phone-several"),
    ("phone2", "13800000003 / 0574-62712345", "phone-several"),
    ("phone", "#N/A", "cell-formula"),
    ("unit_name", "#REF!", "cell-formula"),
    ("phone", "138****0003", "phone-masked"),
    ("phone2", "+86 138 0000 000", "phone-invalid"),
    ("phone", "61234", "phone-short"),
    ("short_phone", "1234", "short-phone-invalid"),
    ("short_phone", "13800000003", "short-phone-invalid"),
    ("channels", "pigeon", "channel-unknown"),
    ("language", "klingon", "language-unknown"),
    ("party_member", "perhaps", "flag-invalid"),
    ("on_duty_from", "25:00", "time-invalid"),
    ("on_duty_from", "08:00", "time-half"),
    ("households", "many", "count-invalid"),
    ("vulnerable", "-1", "count-invalid"),
    ("should_transfer", "1.5", "count-invalid"),
    ("verified_at", "2026-02-30", "date-invalid"),
    ("verified_at", "yesterday", "date-invalid"),
]


@pytest.mark.parametrize(("field", "value", "code"), CELLS)
def test_a_bad_cell_is_refused_at_its_place(
    tmp_path: Path, field: str, value: str, code: str
) -> None:
    rows = [CITY, DEPUTY, {**TOWN, field: value}, TOWN_DEPUTY]
    checked = check_rows(tmp_path, rows)
    assert (4, field, code) in found(checked, Severity.ERROR)
    assert not checked.ok


def test_everything_is_told_at_once(tmp_path: Path) -> None:
    rows = [
        {**CITY, "phone": "12"},
        {**DEPUTY, "rank": "x", "language": "y"},
        {**TOWN, "unit_level": "z", "parent_code": "330299"},
    ]
    assert found(check_rows(tmp_path, rows), Severity.ERROR) == [
        (2, "phone", "phone-invalid"),
        (3, "language", "language-unknown"),
        (3, "rank", "rank-invalid"),
        (4, "parent_code", "parent-unknown"),
        (4, "unit_level", "level-unknown"),
    ]


def unit(code: str, parent: str, level: str = "grid", name: str = "某地") -> Row:
    return {"unit_code": code, "unit_name": name, "unit_level": level, "parent_code": parent}


HIERARCHIES = [
    ("an unknown parent", [unit("330281002", "330282", "subdistrict")], "parent-unknown"),
    ("an orphan", [unit("330281002", "", "subdistrict")], "unit-orphan"),
    ("a second city", [unit("330282", "", "city")], "unit-orphan"),
    (
        "a cycle",
        [unit("330281002", "330281003", "grid"), unit("330281003", "330281002", "grid")],
        "unit-cycle",
    ),
    ("its own parent", [unit("330281002", "330281002")], "unit-cycle"),
    ("a child as high as its parent", [unit("330281002", "330281001", "街道")], "level-order"),
    ("a child above its parent", [unit("330281002", "330281001", "city")], "level-order"),
    ("another name", [unit("330281001", "330281", "subdistrict")], "unit-disagrees"),
    ("another parent", [{**TOWN, "parent_code": "330282"}], "unit-disagrees"),
    ("no level anywhere", [unit("330281002", "330281", "")], "unit-incomplete"),
    ("no name anywhere", [unit("330281002", "330281", name="")], "unit-incomplete"),
    (
        "a code that begins with a sister's",
        [unit("330281002G1", "330281"), unit("330281002G10", "330281")],
        "prefix-clash",
    ),
]


@pytest.mark.parametrize(("rows", "code"), [case[1:] for case in HIERARCHIES], ids=lambda _: None)
def test_a_broken_hierarchy_is_refused(tmp_path: Path, rows: list[Row], code: str) -> None:
    checked = check_rows(tmp_path, [*GOOD, *rows])
    assert code in {found_code for _, _, found_code in found(checked, Severity.ERROR)}


def test_a_cycle_is_told_once_and_named(tmp_path: Path) -> None:
    ring = [unit(f"33028100{n}", f"33028100{n % 3 + 2}") for n in (2, 3, 4)]
    below = unit("330281005", "330281002", "building")
    problems = check_rows(tmp_path, [*GOOD, *ring, below]).problems
    cycles = [problem for problem in problems.errors if problem.code == "unit-cycle"]
    assert [problem.line for problem in cycles] == [6]
    assert set(re.findall(r"\d+", cycles[0].reason("en"))) == {
        "330281002",
        "330281003",
        "330281004",
    }


DUTIES = [
    ("another name", {**CITY, "name": "别人", "unit_code": "330281001"}, "person-disagrees"),
    ("another phone", {**CITY, "phone": "13800000009", "post": "巡查"}, "person-disagrees"),
    ("another second phone", {**CITY, "phone2": "13800000009", "post": "x"}, "person-disagrees"),
    ("another language", {**CITY, "language": "en", "post": "巡查"}, "person-disagrees"),
    ("another rank", {**CITY, "rank": "3"}, "holding-disagrees"),
    ("another note", {**CITY, "note": "!"}, "holding-disagrees"),
    ("a second principal", {**DEPUTY, "person_id": "P9", "rank": "1"}, "principal-repeated"),
]


@pytest.mark.parametrize(("row", "code"), [case[1:] for case in DUTIES], ids=lambda _: None)
def test_people_and_duties_that_disagree_are_refused(tmp_path: Path, row: Row, code: str) -> None:
    row = {**row, "unit_name": "", "unit_level": "", "parent_code": ""}
    errors = found(check_rows(tmp_path, [*GOOD, row]), Severity.ERROR)
    assert [(line, found_code) for line, _, found_code in errors] == [(6, code)]


def test_what_disagrees_is_named_with_the_other_line(tmp_path: Path) -> None:
    row = {**CITY, "name": "别人", "phone": "13800000009", "post": "巡查"}
    (problem,) = check_rows(tmp_path, [*GOOD, row]).problems.errors
    assert problem.text("en") == (
        "people.csv line 6, person_id: the same person is different on line 2: name, phone"
    )
    assert problem.text("zh-CN") == "people.csv 第6行 人员编号:同一人员与第2行不一致:姓名, 手机"
    other = {**TOWN, "unit_name": "别处", "unit_level": "社区", "households": "7"}
    both = check_rows(tmp_path, [*GOOD, {**TOWN, "households": "9", "post": "x"}, other])
    (problem,) = (each for each in both.problems.errors if each.code == "unit-disagrees")
    assert problem.params[-1] == ("fields", "unit_name, unit_level, households")
    assert problem.reason("zh-CN").endswith(":单位名称, 层级, 户数")


def test_principals_of_different_shifts_are_no_conflict(tmp_path: Path) -> None:
    day = {**CITY, "on_duty_from": "08:00", "on_duty_to": "20:00"}
    night = {**DEPUTY, "rank": "1", "on_duty_from": "20:00", "on_duty_to": "8:00"}
    late = {**DEPUTY, "person_id": "P9", "rank": "1", "on_duty_from": "7:59", "on_duty_to": "9:00"}
    assert check_rows(tmp_path, [day, night]).ok
    errors = found(check_rows(tmp_path, [day, night, late]), Severity.ERROR)
    assert errors == [(4, "rank", "principal-repeated")]


WARNINGS = [
    ("no alternate", [CITY, DEPUTY, TOWN], (4, "rank", "alternate-missing")),
    ("no principal", [CITY, DEPUTY, TOWN_DEPUTY], (4, "rank", "principal-missing")),
    (
        "a shared phone",
        [CITY, {**DEPUTY, "phone": "", "phone2": "13800000001"}],
        (3, "phone", "phone-shared"),
    ),
    (
        "verified 91 days ago",
        [CITY, {**DEPUTY, "verified_at": "2026-01-30"}],
        (3, "verified_at", "verified-long-ago"),
    ),
    (
        "verified tomorrow",
        [CITY, {**DEPUTY, "verified_at": "2026-05-02"}],
        (3, "verified_at", "date-future"),
    ),
    ("no way to reach", [CITY, {**DEPUTY, "phone": ""}], (3, "phone", "unreachable")),
    (
        "a block nobody has",
        [CITY, {**DEPUTY, "phone": "19400000002"}],
        (3, "phone", "phone-unassigned"),
    ),
    ("nobody in it", [*GOOD, unit("330281002", "330281")], (6, "unit_code", "unit-unanswerable")),
    ("a padded code", [{**CITY, "unit_code": "330281000000"}], (2, "unit_code", "code-shape")),
    (
        "a rounded code",
        [*GOOD, unit("330281001001001000", "330281001")],
        (6, "unit_code", "code-rounded"),
    ),
    ("a post misspelt", [CITY, {**DEPUTY, "post": "值斑"}], (3, "post", "post-unknown")),
    (
        "an office line alone",
        [CITY, {**DEPUTY, "phone": "057462712345"}],
        (3, "phone", "no-message"),
    ),
    (
        "a mobile that isn't used",
        [CITY, {**DEPUTY, "channels": "微信"}],
        (3, "channels", "no-message"),
    ),
    ("a role of its own", [CITY, {**DEPUTY, "roles": "巡防"}], (3, "roles", "role-unknown")),
]


@pytest.mark.parametrize(("rows", "expected"), [case[1:] for case in WARNINGS], ids=lambda _: None)
def test_what_needs_a_look_is_warned_of(
    tmp_path: Path, rows: list[Row], expected: tuple[int, str, str]
) -> None:
    checked = check_rows(tmp_path, rows)
    assert expected in found(checked, Severity.WARNING)
    assert checked.ok


def test_verified_90_days_ago_is_still_fresh(tmp_path: Path) -> None:
    checked = check_rows(tmp_path, [CITY, {**DEPUTY, "verified_at": "2026-01-31"}])
    assert not checked.problems.warnings


def test_what_a_spreadsheet_did_is_mended_with_a_note(tmp_path: Path) -> None:
    row = {**TOWN, "unit_code": "330281001.0", "phone": "13800000003.0"}
    checked = check_rows(tmp_path, [CITY, DEPUTY, row, TOWN_DEPUTY, TOWN_DEPUTY])
    assert checked.ok
    assert found(checked, Severity.NOTE) == [
        (4, "phone", "phone-mended"),
        (4, "unit_code", "code-mended"),
        (6, "", "row-repeated"),
    ]
    assert [row.person.phones for row in checked.rows() if row.person][2] == ("+8613800000003",)


FILES = [
    ("empty", b"", "file-empty"),
    ("no text", b"\x00\x01\x02\x03" * 50, "file-not-text"),
    ("neither encoding", b"person_id,name\n\xff\xff\xff", "file-not-text"),
    ("a cut workbook", b"PK\x03\x04" + b"x" * 100, "file-broken"),
    ("no header", b"a,b,c\n1,2,3\n", "header-missing"),
    ("columns missing", b"person_id,name,unit_code,unit_name\n", "column-missing"),
    (
        "nobody's phone",
        b"person_id,name,unit_code,unit_name,unit_level,parent_code,tel\n",
        "column-missing",
    ),
    ("a quote left open", b'person_id,name,unit_code,unit_name\n1,"2\n', "file-cut"),
    ("an endless line", b"x" * 200_000, "file-cut"),
    ("nothing below", ",".join(headers(FileKind.PEOPLE, "en")).encode(), "no-rows"),
    (
        "a column twice",
        ",".join([*headers(FileKind.PEOPLE, "en"), "手机"]).encode(),
        "column-repeated",
    ),
]


@pytest.mark.parametrize(("content", "code"), [c[1:] for c in FILES], ids=[c[0] for c in FILES])
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    checked = check(RosterFiles(people=path), today=TODAY)
    assert code in {problem.code for problem in checked.problems.errors}


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    checked = check(RosterFiles(people=tmp_path / "nowhere.csv"), today=TODAY)
    assert [p.text("en") for p in checked.problems.errors] == ["nowhere.csv: there is no such file"]


def test_loudspeakers_and_groups_must_fit_the_hierarchy(tmp_path: Path) -> None:
    terminals = [
        {"terminal_id": "a", "unit_code": "330281", "name": "x"},
        {"terminal_id": "a", "unit_code": "330281", "name": "y"},
        {"terminal_id": "b/#", "unit_code": "330299", "name": "z", "lon": "200", "volume": "101"},
    ]
    groups = [
        {"unit_code": "330281", "kind": "webhook", "url": "https://a.test/1"},
        {"unit_code": "330281", "kind": "webhook", "url": "https://a.test/2"},
        {"unit_code": "330281", "kind": "fax", "url": "ftp://a.test/2"},
        {"unit_code": "330281", "kind": "浙政钉", "url": "77000001"},
        {"unit_code": "330281001", "kind": "浙政钉", "url": "https://a.test/3"},
    ]
    files = RosterFiles(
        people=write(tmp_path / "people.csv", GOOD),
        terminals=write(tmp_path / "terminals.csv", terminals, FileKind.TERMINALS),
        groups=write(tmp_path / "groups.csv", groups, FileKind.GROUPS),
    )
    errors = check(files, today=TODAY).problems.errors
    assert [(p.file, p.line, p.field, p.code) for p in errors] == [
        ("groups.csv", 3, "", "id-repeated"),
        ("groups.csv", 4, "kind", "kind-unknown"),
        ("groups.csv", 4, "url", "url-invalid"),
        ("groups.csv", 6, "url", "account-invalid"),
        ("terminals.csv", 3, "", "id-repeated"),
        ("terminals.csv", 4, "lon", "number-invalid"),
        ("terminals.csv", 4, "lon", "place-half"),
        ("terminals.csv", 4, "terminal_id", "terminal-id-invalid"),
        ("terminals.csv", 4, "unit_code", "unit-unknown"),
        ("terminals.csv", 4, "volume", "number-invalid"),
    ]


def test_too_many_problems_are_counted_and_the_first_are_listed(tmp_path: Path) -> None:
    rows = [{**CITY, "person_id": f"P{n}", "post": f"x{n}", "phone": "1"} for n in range(50)]
    checked = check_rows(tmp_path, rows, limit=3)
    assert checked.problems.counts[Severity.ERROR] == 50
    assert [problem.line for problem in checked.problems.errors] == [2, 3, 4]
    assert checked.problems.lines(Severity.ERROR, "en")[-1] == "47 more not listed"
    assert checked.problems.lines(Severity.ERROR)[-1] == "另有47条未列出"


def placeholders(wording: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(wording) if name}


@pytest.mark.parametrize("code", WORDINGS)
def test_both_wordings_name_the_same_things(code: str) -> None:
    zh, en = WORDINGS[code]
    assert placeholders(zh) == placeholders(en)
    assert re.search(r"[\u4e00-\u9fff]", zh)
    assert not re.search(r"[\u4e00-\u9fff]", en)


@pytest.mark.parametrize(
    "value",
    [
        "13800000001",
        "+8613800000001",
        "86 138-0000-0001",
        "\uff11\uff13\uff18\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff11",
        "张三13800000001",
        "0574-62712345",
        "(0574)62712345",
        "13800000001.0",
    ],
)
def test_a_problem_never_quotes_a_phone_number(value: str) -> None:
    for code in (True, False):
        assert not re.search(r"\d{5}", quote(value, code=code))


def test_a_phone_in_a_wrong_column_stays_out_of_the_problems(tmp_path: Path) -> None:
    columns = headers(FileKind.PEOPLE, "en")
    for column in columns:
        rows = [CITY, DEPUTY, {**TOWN, column: "13812345678"}]
        problems = check_rows(tmp_path, rows).problems
        for severity in Severity:
            for problem in problems.of(severity):
                for language in ("zh-CN", "en"):
                    assert "12345678" not in problem.text(language)
                assert "12345678" not in repr(problem)


def test_a_code_is_quoted_as_it_is() -> None:
    assert quote("330281001001", code=True) == "330281001001"
    assert quote("x" * 50) == "x" * 40 + "…"


def test_problems_are_kept_by_place_whatever_order_they_come_in() -> None:
    problems = Problems(limit=2)
    report = FileReport("f.csv", problems)
    for line in (9, 3, 7, 1, 8, 2):
        report.error(line, "", "no-rows")
    assert [problem.line for problem in problems.errors] == [1, 2]
    assert problems.errors[0] == Problem(Severity.ERROR, "f.csv", 1, "", "no-rows")
