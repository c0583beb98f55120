"""What is exported reads back as the same values, whatever the cells hold."""

import datetime as dt
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosters.columns import COLUMNS, FileKind, headers
from rosters.export import Style, write_people, write_roster
from rosters.model import ChatGroup, Holding, Person, Roster, Terminal, Unit, UnitFacts
from rosters.parse import RosterFiles, check, read
from rosters.phones import takes_sms
from rosters.problems import Severity, holds_phone
from rosters.rows import midnight
from rosters.words import CHANNELS, GROUP_KINDS, ROLES, Level, channel_of, role_of

TODAY = dt.date(2026, 5, 1)

# Any text that a cell may hold, formulas and quotes among it.
_bad = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]")
hostile = st.sampled_from(
    ["=1+1", "+8", "-x", "@x", "'=x", "'", '"', '","', "a;b", "\\", "䶮㛃𬍛", "0"]
)
text = st.one_of(hostile, st.text(st.characters(codec="utf-8"), max_size=30)).map(
    lambda s: _bad.sub("", s).strip()
)
word = text.filter(bool)
person_id = st.from_regex(r"[A-Z]{1,3}-?[0-9]{1,4}[a-z]{0,3}", fullmatch=True)
phone = st.integers(0, 10**8 - 1).map(lambda n: f"+86138{n:08d}")
fixed = st.just("+8657462712345")
foreign = st.just("+85291234567")
own_role = word.filter(lambda s: not re.search(r"[;;、,,|]", s) and role_of(s) is None)
count = st.none() | st.integers(0, 10**9 - 1)

UNITS = {
    unit.code: unit
    for unit in (
        Unit("330281", "", "余姚市", Level.CITY, ""),
        Unit("330281001", "", "梨洲街道", Level.SUBDISTRICT, "330281"),
        Unit("330281001001", "", "东江社区", Level.COMMUNITY, "330281001"),
        Unit("330281001001G01", "330281001001001", "=东江", Level.GRID, "330281001001"),
        Unit("330281001001G01-1", "", "'-1幢", Level.BUILDING, "330281001001G01"),
    )
}


def _address(kind: str) -> str:
    others = {"mail": "a@example.test", "dingwork": "manager42"}
    return others.get(kind, "https://example.test/hook?key=a,b")


@st.composite
def people(draw: st.DrawFn) -> dict[str, Person]:
    found = {}
    for key in draw(st.lists(person_id, max_size=4, unique=True)):
        phones = draw(st.lists(phone | fixed | foreign, max_size=2, unique=True))
        phones.sort(key=takes_sms, reverse=True)  # as they are read
        found[key] = Person(
            person_id=key,
            name=draw(word),
            language=draw(st.sampled_from(["zh-CN", "en"])),
            party_member=draw(st.booleans()),
            phones=tuple(phones),
            short_phone=draw(st.sampled_from(["", "612345", "61234"])),
            chat_id=draw(text),
            channels=tuple(
                draw(st.lists(st.sampled_from(list(CHANNELS)), min_size=1, unique=True))
            ),
        )
    return found


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    crowd = draw(people())
    holdings: dict[tuple[str, str, str, str], Holding] = {}
    for person in crowd.values():
        post = draw(st.sampled_from(list(ROLES)) | word.filter(lambda s: role_of(s) is None))
        roles = set(draw(st.lists(st.sampled_from(list(ROLES)) | own_role, max_size=3)))
        roles |= {"party_member"} if person.party_member else set()
        roles |= {post} if post in ROLES else set()
        shift = draw(st.sampled_from([("", ""), ("08:00", "20:00"), ("20:00", "08:00")]))
        day = draw(st.none() | st.dates(dt.date(2020, 1, 1), TODAY))
        holding = Holding(
            person_id=person.person_id,
            unit_code=draw(st.sampled_from(list(UNITS))),
            post=post,
            rank=2 + len(holdings),
            roles=tuple(sorted(roles)),
            on_duty_from=shift[0],
            on_duty_to=shift[1],
            verified_at=None if day is None else midnight(day),
            note=draw(text),
        )
        holdings[holding.key] = holding
    facts = draw(
        st.dictionaries(
            st.sampled_from(list(UNITS)),
            st.builds(UnitFacts, count, count, count, text).filter(lambda f: f != UnitFacts()),
        )
    )
    place = st.floats(-90, 90, allow_nan=False).map(lambda degrees: round(degrees, 6))
    terminals = [
        Terminal(f"LS-{n}", code, draw(word), draw(place), draw(place), draw(st.integers(0, 100)))
        for n, code in enumerate(draw(st.lists(st.sampled_from(list(UNITS)), max_size=2)))
    ]
    groups = [
        ChatGroup(f"g{n}", "330281", kind, _address(kind), draw(text))
        for n, kind in enumerate(draw(st.lists(st.sampled_from(list(GROUP_KINDS)), max_size=2)))
    ]
    return Roster(
        units=UNITS,
        facts=facts,
        people=crowd,
        holdings=holdings,
        terminals={terminal.terminal_id: terminal for terminal in terminals},
        groups={group.group_id: group for group in groups},
    )


@settings(max_examples=150)
@given(rosters(), st.sampled_from(["en", "zh-CN"]), st.sampled_from(["utf-8-sig", "gb18030"]))
def test_parse_of_export_is_the_same_roster(roster: Roster, language: str, encoding: str) -> None:
    style = Style(language=language, unmasked=True, encoding=encoding)
    with TemporaryDirectory() as directory:
        first = read(write_roster(roster, Path(directory), style), today=TODAY)
        second = read(write_roster(first, Path(directory), style), today=TODAY)
    assert first == roster
    assert second == first


@settings(max_examples=150)
@given(st.lists(st.lists(st.text(st.characters(codec="utf-8")) | hostile, max_size=27), max_size=4))
def test_hostile_cells_give_problems_and_never_an_exception(rows: list[list[str]]) -> None:
    line = ",".join(headers(FileKind.PEOPLE, "en"))
    body = "\n".join(",".join('"' + c.replace('"', '""') + '"' for c in row) for row in rows)
    with TemporaryDirectory() as directory:
        path = Path(directory) / "people.csv"
        path.write_bytes(f"{line}\n{body}".encode())
        checked = check(RosterFiles(people=path), today=TODAY)
        for severity in Severity:
            assert all(p.text("en") and p.text("zh-CN") for p in checked.problems.of(severity))
        if checked.ok:
            list(checked.rows())


@settings(max_examples=150)
@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"\xff\xfe", b"\xef\xbb\xbf"]))
def test_hostile_bytes_give_problems_and_never_an_exception(body: bytes, head: bytes) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "people.csv"
        path.write_bytes(head + body)
        assert not check(RosterFiles(people=path), today=TODAY).ok


@settings(max_examples=100)
@given(
    st.sampled_from([column.key for column in COLUMNS[FileKind.PEOPLE]]),
    st.text(st.characters(codec="utf-8"), max_size=60) | hostile,
)
def test_a_hostile_cell_in_a_good_row_is_text_or_an_error(key: str, cell: str) -> None:
    row = {
        "person_id": "P1",
        "name": "王伟",
        "unit_code": "330281",
        "unit_name": "余姚市",
        "unit_level": "city",
        "post": "city_duty",
        "phone": "13800000001",
        key: cell,
    }
    cells = ['"' + row.get(k, "").replace('"', '""') + '"' for k in headers(FileKind.PEOPLE, "en")]
    with TemporaryDirectory() as directory:
        path = Path(directory) / "people.csv"
        line = ",".join(headers(FileKind.PEOPLE, "en"))
        path.write_bytes(f"{line}\n{','.join(cells)}\n".encode())
        checked = check(RosterFiles(people=path), today=TODAY)
        if checked.ok:
            for found in checked.rows():
                assert found.person is None or found.person.name
                assert channel_of(found.person.channels[0]) if found.person else True


@pytest.fixture
def roster() -> Roster:
    person = Person(
        person_id="P1",
        name="王伟",
        phones=("+8613800000001", "+8657462712345"),
        short_phone="612345",
        chat_id="wangwei",
        channels=("sms",),
    )
    holding = Holding(
        person_id="P1",
        unit_code="330281",
        post="city_duty",
        roles=("city_duty",),
        note="家属13900000002",
    )
    return Roster(
        units={"330281": UNITS["330281"]},
        people={"P1": person},
        holdings={holding.key: holding},
        groups={"g": ChatGroup("g", "330281", "webhook", "https://a.test/k/123", "whsec_1")},
    )


def test_an_export_is_masked_unless_asked_otherwise(roster: Roster, tmp_path: Path) -> None:
    files = write_roster(roster, tmp_path, Style())
    written = "".join(path.read_text(encoding="utf-8-sig") for _, path in files.each())
    assert not holds_phone(written)
    for secret in ("13800000001", "62712345", "612345", "wangwei", "k/123", "whsec_1"):
        assert secret not in written
    assert "***01" in written
    codes = {problem.code for problem in check(files, today=TODAY).problems.errors}
    assert codes == {"phone-masked", "short-phone-invalid"}


def test_an_unmasked_export_has_numbers_as_people_dial_them(roster: Roster, tmp_path: Path) -> None:
    files = write_roster(roster, tmp_path, Style(unmasked=True))
    written = files.people.read_text(encoding="utf-8-sig")
    assert "13800000001" in written
    assert "'+8657462712345" in written
    assert files.people.read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_formula_is_written_as_text(tmp_path: Path) -> None:
    unit = Unit("330281", "", '=HYPERLINK("http://x")', Level.CITY, "")
    path = tmp_path / "people.csv"
    roster = Roster(units={unit.code: unit})
    files = write_roster(roster, tmp_path, Style())
    assert '"\'=HYPERLINK(""http://x"")"' in path.read_text(encoding="utf-8-sig")
    assert read(files, today=TODAY).units == roster.units
    assert write_people([], path, Style()) == 0
