"""The report as a document, a workbook and a bundle: read back by other libraries."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from alertd.canonical import canonical
from alertd.errors import InvalidInputError
from alertd.i18n import translator
from alertd.model import duty_of
from alertd.report.bundle import FILES, JOURNAL, READMES, REPORT, ROSTER, write_bundle
from alertd.report.document import data, document
from alertd.report.make import Order, Report, gather, make_report, write
from alertd.report.rows import Long, Manner
from alertd.report.typeset import TEMPLATES, typeset
from alertd.report.unbundle import verify_bundle
from alertd.report.values import CITY_TIME
from alertd.report.verify import Verdict
from alertd.report.workbook import workbook
from alertd.store import journal
from alertd.store.reads.report_rows import Guise, Who
from channels.base import ReceiptStatus
from tests.city import City

AREA = "330281002"
RARE = "䶮㛃𬍛𫖯"
ZH = Manner(translator("zh-CN"), "zh-CN", CITY_TIME)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    city = City(tmp_path_factory.mktemp("city"))
    city.issue(areas=[AREA], status="Exercise", routes=("sms-1", "speakers", "groups"))
    for message in city.sent[:9]:
        city.receipt(message, ReceiptStatus.DELIVERED)
    city.forward(seconds=95)
    leaders = city.leaders("building_lead")
    for _, person in leaders[19:28]:
        city.reply(city.phone_of(person), "2 3/4")
    city.reply(city.phone_of(leaders[28][1]), "3 水进屋了")
    city.forward(minutes=14)
    yield city
    city.store.close()


@pytest.fixture(scope="module")
def report(city: City) -> Report:
    with city.store.read() as connection:
        return gather(connection, 1)


def renamed(report: Report) -> Report:
    """Rare characters, and words that markup or a spreadsheet would take for its own."""
    units = {
        no: replace(unit, name=f'=1+{no} #panic("x") *{RARE}*')
        for no, unit in report.names.units.items()
    }
    silent = {duty_of(number) for number, _ in report.figures.escalations.unwoken}
    holders = {duty: (Who(f"@张{RARE}", "***12"),) for duty in silent}
    return replace(report, names=replace(report.names, units=units, holders=holders))


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def drawn(report: Report, language: str = "zh-CN", **more: Any) -> bytes:
    return document(
        report.figures, report.names, report.ends, language=language, zone=CITY_TIME, **more
    )


def test_the_document_says_the_figures_and_every_page_is_numbered(report: Report) -> None:
    pdf = drawn(renamed(report), signers=("王䶮", "陈㛃"))
    assert drawn(renamed(report), signers=("王䶮", "陈㛃")) == pdf
    pages = PdfReader(io.BytesIO(pdf)).pages
    texts = [page.extract_text() for page in pages]
    for at, text in enumerate(texts, start=1):
        assert f"第 {at} 页,共 {len(pages)} 页" in text
    width, height = (float(side) for side in pages[0].mediabox[2:])
    assert (round(width), round(height)) == (595, 842)  # A4 in points
    whole = "\n".join(texts)
    assert re.sub(r"\s", "", whole).count(RARE) > len(report.figures.escalations.unwoken)
    assert '#panic("x")' in re.sub(r"\n", "", whole)
    answer = report.figures.rates.answer
    assert f"{answer.n} / {answer.of}" in texts[0]
    last = texts[-1]
    assert "演练" in texts[0]
    assert {"王䶮", "陈㛃", "签字", "单位盖章"} <= set(last.split())
    assert report.ends[0].hash in last


def test_the_document_in_english_and_for_a_live_alert(report: Report) -> None:
    course = replace(report.figures.course, status="Actual", headline="Typhoon", state="issued")
    live = replace(report, figures=replace(report.figures, course=course))
    text = text_of(drawn(live, "en"))
    assert "EXERCISE" not in text
    assert "Not final: the alert was still under way, counted up to 2025-10-" in text
    assert "Signature" in text
    assert "page 1 of" in text
    assert "None" not in text.replace("None.", "")


def test_long_lists_are_cut_in_the_document_and_it_says_so(report: Report) -> None:
    number, unit_no = report.figures.escalations.unwoken[0]
    many = replace(report.figures.escalations, unwoken=((number, unit_no),) * 5_000)
    figures = replace(report.figures, escalations=many)
    shown = data(
        figures,
        report.names,
        report.ends,
        language="en",
        zone=CITY_TIME,
        signers=("", ""),
        compared=(),
        comparison_of="",
    )
    (silent,) = [table for table in shown["tables"] if table["title"].startswith("Not woken")]
    assert len(silent["rows"]) == 150
    assert silent["note"] == "150 of 5000 are shown; the spreadsheet has all."


def test_a_report_of_nothing_can_be_drawn(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.draft()
    with city.store.read() as connection:
        paths = make_report(
            connection, 1, tmp_path / "out", forms=("pdf", "xlsx"), languages=["en"]
        )
        write_bundle(connection, gather(connection, 1), tmp_path / "b.zip")
    city.store.close()
    assert "None." in text_of(paths[0].read_bytes())
    assert verify_bundle(tmp_path / "b.zip")[0].good


@pytest.fixture(scope="module")
def sheets(
    city: City, report: Report, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[list[Any]]]:
    path = tmp_path_factory.mktemp("xlsx") / "report.xlsx"
    with city.store.read() as connection:
        write(connection, renamed(report), "xlsx", path, Order())
    return opened(path)


def opened(path: Path) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_path(path)
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_the_workbook_has_every_row(sheets: dict[str, list[list[Any]]], report: Report) -> None:
    assert list(sheets) == [
        *("汇总", "按单位", "按人·职", "消息明细", "处置经过", "人均消息", "覆盖进度"),
    ]
    figures = report.figures
    values = {row[1]: row[2:] for row in sheets["汇总"] if row[1]}
    answer = figures.rates.answer
    assert values["应答率(按人·职)"] == [answer.n, answer.of, pytest.approx(answer.rate)]
    assert len(sheets["按人·职"]) - 1 == figures.targets.duties
    states = [row[8] for row in sheets["按人·职"][1:]]
    assert states.count("未叫醒") == len(figures.escalations.unwoken)
    assert len(sheets["消息明细"]) - 1 == figures.deliveries.made
    people = sheets["人均消息"][1:]
    assert sum(row[1] for row in people) == figures.burden.first + figures.burden.extra
    assert len(sheets["处置经过"]) - 1 == len(figures.timeline)
    assert [tuple(row) for row in sheets["覆盖进度"][1:]] == [
        (round(ms / 60_000, 2), n) for ms, n in figures.pace.curve
    ]


def test_a_name_in_the_workbook_is_never_a_formula(sheets: dict[str, list[list[Any]]]) -> None:
    names = [row[1] for row in sheets["按单位"][1:]]
    assert names
    assert all(name.startswith("=1+") and RARE in name for name in names)


def test_the_workbook_has_native_charts_and_no_formula(
    city: City, report: Report, tmp_path: Path
) -> None:
    with city.store.read() as connection:
        (path,) = make_report(connection, 1, tmp_path, forms=("xlsx",), languages=["en"])
        again = make_report(connection, 1, tmp_path / "2", forms=("xlsx",), languages=["en"])[0]
    assert path.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(path) as book:
        names = book.namelist()
        assert len([name for name in names if name.startswith("xl/charts/chart")]) == 2
        for name in names:
            if name.startswith("xl/worksheets/sheet"):
                assert b"<f>" not in book.read(name)


def test_a_sheet_that_is_too_long_ends_with_a_note(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "long.xlsx"
    rows = ((n,) for n in range(12))
    workbook(path, report.figures, [Long("x", "X", ("n",), rows)], ZH, most_rows=10)
    sheet = opened(path)["X"]
    assert len(sheet) == 12
    assert sheet[-1] == ["本表到此为止;CSV文件中有全部行。"]


def test_csv_files_have_the_same_rows(city: City, report: Report, tmp_path: Path) -> None:
    with city.store.read() as connection:
        paths = make_report(connection, 1, tmp_path, forms=("csv",), languages=["en"])
    assert [p.name for p in paths] == ["report.csv", "duties.csv", "deliveries.csv", "people.csv"]
    duties, sent, _ = (
        list(csv.reader(io.StringIO(path.read_text("utf-8-sig")))) for path in paths[1:]
    )
    assert len(duties) - 1 == report.figures.targets.duties
    assert len(sent) - 1 == report.figures.deliveries.made


def test_people_are_masked_unless_the_order_has_the_vault(city: City, tmp_path: Path) -> None:
    phones = {m.address[-11:] for m in city.sent if m.address.startswith("+86")}
    with city.store.read() as connection:
        found = gather(connection, 1)
        names = set(connection.exec_driver_sql("SELECT name FROM person").scalars())
        for masked, guise in ((True, Guise()), (False, Guise(city.store.vault))):
            for form in ("csv", "html", "xlsx", "pdf"):
                path = tmp_path / f"{masked}.{form}"
                write(connection, found, form, path, Order(guise=guise))
                text = _text(path)
                shown = [name for name in names if len(name) > 2 and name in text]
                numbers = [phone for phone in phones if phone in text]
                assert bool(shown) is not masked, form
                assert bool(numbers) is not masked, form


def _text(path: Path) -> str:
    if path.suffix == ".pdf":
        return text_of(path.read_bytes())
    if path.suffix == ".xlsx":
        return json.dumps(opened(path), ensure_ascii=False, default=str)
    return path.read_text("utf-8-sig")


# The bundle: every file of it, changed one way at a time.


@pytest.fixture(scope="module")
def bundle(city: City, report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "b.zip"
    with city.store.read() as connection:
        write_bundle(connection, report, path)
    return path


def test_a_bundle_is_checked_without_the_database(bundle: Path, report: Report) -> None:
    verdict, ends = verify_bundle(bundle)
    assert verdict.good
    assert verdict.figures == report.figures
    assert ends == report.ends


def test_a_bundle_names_nobody(city: City, bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as files:
        whole = "".join(files.read(name).decode() for name in FILES)
    with city.store.read() as connection:
        people = set(connection.exec_driver_sql("SELECT name FROM person").scalars())
    assert not [name for name in people if len(name) > 2 and name in whole]
    phones = {m.address[-11:] for m in city.sent if m.address.startswith("+86")}
    assert not [phone for phone in phones if phone in whole]


Change = Callable[[dict[str, bytes]], None]


def edited(name: str, change: Callable[[bytes], bytes]) -> Change:
    def edit(files: dict[str, bytes]) -> None:
        before = files[name]
        files[name] = change(before)
        assert files[name] != before

    return edit


def fact(at: int, change: Callable[[list[Any]], None], *, rehash: bool = False) -> Change:
    """Change one line of the journal; `rehash` makes its own hash fit again."""

    def edit(content: bytes) -> bytes:
        lines = content.split(b"\n")
        row = json.loads(lines[at])
        change(row)
        if rehash:
            row[-1] = journal.digest(bytes.fromhex(row[-2]), row[:9], row[9]).hex()
        lines[at] = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
        return b"\n".join(lines)

    return edited(JOURNAL, edit)


def set_figure(content: bytes) -> bytes:
    found = json.loads(content)
    found["figures"]["rates"]["answer"]["n"] += 1
    return (json.dumps(found, ensure_ascii=False, indent=1) + "\n").encode()


def later(row: list[Any]) -> None:
    row[7] -= 60_000


def other_body(row: list[Any]) -> None:
    row[9] = canonical({**json.loads(row[9]), "extra": 1})


def rechained(files: dict[str, bytes]) -> None:
    """The whole chain written anew over a changed fact: it holds in itself."""
    lines = [json.loads(line) for line in files[JOURNAL].splitlines()]
    at = next(n for n, row in enumerate(lines) if row[4] == "acked")
    lines[at][7] -= 60_000
    previous = "00" * 32
    for row in lines:
        row[-2] = previous
        previous = row[-1] = journal.digest(bytes.fromhex(previous), row[:9], row[9]).hex()
    text = "\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in lines)
    files[JOURNAL] = f"{text}\n".encode()


def renamed_file(files: dict[str, bytes]) -> None:
    files["more.txt"] = b"x"


CHANGES: Mapping[str, tuple[Change, str]] = {
    "a fact's time": (fact(5, later), JOURNAL),
    "a fact's time, its hash made to fit": (fact(5, later, rehash=True), JOURNAL),
    "a fact's body": (fact(8, other_body), JOURNAL),
    "spaces in a line": (edited(JOURNAL, lambda b: b.replace(b",", b", ", 1)), JOURNAL),
    "the last fact": (edited(JOURNAL, lambda b: b[: b[:-1].rindex(b"\n") + 1]), JOURNAL),
    "the first fact": (edited(JOURNAL, lambda b: b[b.index(b"\n") + 1 :]), JOURNAL),
    "no journal": (edited(JOURNAL, lambda _: b""), JOURNAL),
    "two facts' order": (
        edited(JOURNAL, lambda b: b"\n".join([*b.split(b"\n")[1::-1], *b.split(b"\n")[2:]])),
        JOURNAL,
    ),
    "no JSON": (edited(JOURNAL, lambda b: b"[" * 5_000 + b), JOURNAL),
    "the chain written anew": (rechained, REPORT),
    "a figure": (edited(REPORT, set_figure), f"{REPORT} figures.rates.answer.n"),
    "the report's spaces": (edited(REPORT, lambda b: b + b"\n"), REPORT),
    "a unit's code": (
        edited(REPORT, lambda b: b.replace(b'"330281002"', b'"330281009"', 1)),
        REPORT,
    ),
    "the roster": (edited(ROSTER, lambda b: b.replace(b"grid_leader", b"grid_reader", 1)), ROSTER),
    "no roster": (edited(ROSTER, lambda _: b""), ROSTER),
    **{name: (edited(name, lambda b: b + b" "), name) for name in READMES},
    **{f"without {name}": (lambda f, name=name: f.pop(name), name) for name in FILES},  # type: ignore[misc]
    "one more file": (renamed_file, "more.txt"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_is_changed_is_found_and_named(what: str, bundle: Path, tmp_path: Path) -> None:
    change, named = CHANGES[what]
    with zipfile.ZipFile(bundle) as files:
        content = {name: files.read(name) for name in files.namelist()}
    change(content)
    verdict = checked(content, tmp_path / "changed.zip")
    assert not verdict.good
    assert any(each.where.startswith(named) for each in verdict.differences), verdict.differences


def checked(content: Mapping[str, bytes], path: Path) -> Verdict:
    with zipfile.ZipFile(path, "w") as files:
        for name, each in content.items():
            files.writestr(name, each)
    return verify_bundle(path)[0]


def test_a_damaged_file_is_named_and_no_bundle_is_refused(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as files:
        plain = {name: files.read(name) for name in files.namelist()}
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w") as files:  # stored: a byte of it is a byte of the file
        for name, each in plain.items():
            files.writestr(name, each)
    raw = path.read_bytes()
    at = raw.index(b'["unit",') + 3
    path.write_bytes(raw[:at] + b"X" + raw[at + 1 :])
    (wrong,) = verify_bundle(path)[0].differences
    assert (wrong.kind, wrong.where) == ("file", ROSTER)
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(InvalidInputError, match="bundle"):
        verify_bundle(path)


def test_the_same_journal_gives_the_same_bundle(
    city: City, report: Report, bundle: Path, tmp_path: Path
) -> None:
    with city.store.read() as connection:
        write_bundle(connection, report, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == bundle.read_bytes()


def test_every_sign_of_the_heat_grid_can_be_drawn(report: Report) -> None:
    shown = data(
        report.figures,
        report.names,
        report.ends,
        language="zh-CN",
        zone=CITY_TIME,
        signers=("", ""),
        compared=(),
        comparison_of="",
    )
    cells = [[kind, "001"] for kind in ("all", "most", "half", "few", "none")]
    shown["heat"]["blocks"] = [["社区", cells]]
    assert typeset(TEMPLATES / "report.typ", shown, form="png", ppi=30)


SAMPLE = Path(__file__).parents[2] / "docs" / "sample-report"


def test_the_sample_in_the_docs_can_be_read_by_others() -> None:
    """`make sample-report` writes it; people of it bear characters that few fonts have."""
    text = text_of((SAMPLE / "report.pdf").read_bytes())
    sheets = opened(SAMPLE / "report.xlsx")
    html = (SAMPLE / "report.html").read_text("utf-8")
    silent = [row for row in sheets["按人·职"][1:] if row[8] == "未叫醒"]
    assert len(sheets) == 8
    for name in ("王䶮", "陈㛃", "赵𬍛", "钱𫖯"):
        assert name in text
        assert name in html
        assert name in [row[5] for row in silent]
    assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", text)
    pictures = sorted(SAMPLE.glob("page-*.png"))
    assert len(pictures) == len(PdfReader(SAMPLE / "report.pdf").pages)
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 620_000
