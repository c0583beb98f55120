"""The report in the docs: a drill in a made-up city, played on the real engine, the same each time.

    make sample-report     (or: python -m tests.sample_report docs/sample-report)

A first drill goes badly, a second one a week later better, and is compared with it. Some of the
people bear names with characters that few fonts have. Files that are too large fail the run.
"""

import csv
import io
import random
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

from pypdf import PdfReader

from alertd.engine import receive
from alertd.i18n import translator
from alertd.report.change import changes
from alertd.report.document import TEMPLATE, data
from alertd.report.make import Order, Report, drill_before, gather, write
from alertd.report.names import with_holders
from alertd.report.typeset import typeset
from alertd.report.values import CITY_TIME
from alertd.store.identity import SequentialIds
from alertd.store.migrate import upgrade
from alertd.store.reads.report_rows import Guise
from alertd.store.roster import import_roster
from alertd.web.commands.answers import NewAck, close_help, enter_ack, take_help
from channels.base import Accepted, Fault, Outgoing, Presence, ReceiptStatus, SendError
from rosters.parse import check
from rosters.sample import write_sample
from tests.city import OFFICER, City

AREAS: Final = ("330281001", "330281002")
RARE: Final = ("王䶮", "陈㛃", "赵𬍛", "钱𫖯")
LANGUAGE: Final = "zh-CN"
MOST_BYTES: Final = 600_000  # of all files together
PICTURE_PPI: Final = 44.0
README: Final = """\
# A sample report

A drill in a made-up city, compared with the one a week before: as a [document](report.pdf), a
[workbook](report.xlsx) and a [page](report.html). Its people and numbers belong to nobody.
`make sample-report` writes all of it anew; [the report](../report.md) says what is in it."""
_DAY: Final = date(2025, 10, 9)
_ROLES: Final = ("grid_leader", "building_lead", "community_lead")
_MINUTE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Mood:
    """How people answer in a drill: which share of them, and how fast (seconds, the median)."""

    answer: float
    median_s: float


def play(folder: Path) -> City:
    """Two drills; returns the city after them."""
    url = f"sqlite:///{folder / 'city.sqlite3'}"
    upgrade(url)
    city = City(folder, scale=0.3, seed=21, url=url, behave=_gateway)
    _rename(city, folder)
    dice = random.Random(20)
    _speakers(city)
    _drill(city, 1, Mood(answer=0.78, median_s=240), dice)
    city.forward(minutes=7 * 24 * 60, tick_s=6 * 3600)
    _speakers(city)
    _drill(city, 2, Mood(answer=0.95, median_s=110), dice)
    city.forward(minutes=3 * 24 * 60, tick_s=6 * 3600)
    return city


def _rename(city: City, folder: Path) -> None:
    """Give rare names to those who will stay silent, in a second version of the roster."""
    made = write_sample(folder / "roster2", seed=21, today=_DAY, scale=0.3)
    path = made.files.people
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    grids = [row for row in rows if row["post"] == "grid_leader" and row["rank"] == "1"]
    for row, name in zip(grids, RARE, strict=False):
        row["name"] = name
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    with city.store.transaction(city.now) as tx:
        ids = SequentialIds("roster2", at=city.now)
        checked = check(made.files, today=_DAY)
        import_roster(tx, checked, ids=ids, by="cli", why="sample", now=city.now)


def _gateway(message: Outgoing) -> Accepted | SendError:
    """Two in a hundred numbers are dead."""
    if message.address.startswith("+86") and int(message.address[-4:]) % 100 == 7:
        return SendError(Fault.DEAD, "no-such-number")
    return Accepted(f"ref-{message.delivery}")


def _speakers(city: City) -> None:
    came = [
        Presence(terminal=terminal, online=at % 12 != 5)
        for at, terminal in enumerate(_terminals(city))
    ]
    city.take(partial(receive.events, route="speakers", came=came))


def _terminals(city: City) -> list[str]:
    with city.store.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT terminal_id FROM terminal WHERE to_version > 1000000 ORDER BY no"
        )
        return list(rows.scalars())


def _drill(city: City, number: int, mood: Mood, dice: random.Random) -> None:
    """Draft, approve, answer for twenty minutes; then its time runs out."""
    drafted = city.draft(areas=AREAS, roles=_ROLES, status="Exercise")
    city.forward(seconds=140, tick_s=70)
    city.approve(drafted)
    assert drafted["no"] == number
    sent = list(city.sent)
    _receipts(city, sent, dice)
    started = city.now
    for at_s, person, text in _answers(city, mood, dice):
        _wind(city, started + round(at_s * 1000))
        _hears(city, bytes.fromhex(drafted["id"]), person, text)
    _wind(city, started + 30 * _MINUTE_S * 1000)
    city.sent.clear()


def _hears(city: City, alert_id: bytes, person: int, text: str) -> None:
    """What a person writes or says, or what the office does about their call for help."""
    if text == "phone":
        new = NewAck(person_id=_person_id(city, person), kind="received", via="phone")
        city.take(partial(enter_ack, actor=OFFICER, alert_id=alert_id, new=new))
    elif text == "take":
        city.take(partial(take_help, actor=OFFICER, no=_last_call(city)))
    elif text == "close":
        no = _last_call(city)
        city.take(partial(close_help, actor=OFFICER, no=no, outcome="人员已救出"))
    else:
        city.reply(city.phone_of(person), text)


def _wind(city: City, until: int) -> None:
    seconds = (until - city.now) / 1000
    if seconds > 0:
        city.forward(seconds=seconds, tick_s=10)


def _receipts(city: City, sent: list[Outgoing], dice: random.Random) -> None:
    terminals = set(_terminals(city))
    for message in sent:
        person = message.address.startswith("+86")
        if person and int(message.address[-4:]) % 100 == 7:
            continue
        if dice.random() < (0.95 if person else 0.9):
            city.receipt(message, ReceiptStatus.DELIVERED)
            if message.address in terminals:
                whole = dice.random() < 0.92
                status = ReceiptStatus.PLAYED if whole else ReceiptStatus.INTERRUPTED
                city.receipt(message, status, detail="3/3" if whole else "1/3")


def _answers(city: City, mood: Mood, dice: random.Random) -> list[tuple[float, int, str]]:
    """(seconds after the issue, person, what they write), in order."""
    found: list[tuple[float, int, str]] = []
    for role in _ROLES:
        for place, (_, person) in enumerate(_asked(city, role)):
            if role == "grid_leader" and place < len(RARE):
                continue  # they stay silent, so that the document names them
            if dice.random() >= mood.answer:
                continue
            at_s = min(1400.0, dice.lognormvariate(0, 0.9) * mood.median_s)
            text = dice.choices(("1", "收到", "2 12/15", "2 8/8", "phone"), (60, 20, 8, 6, 6))[0]
            found.append((at_s, person, text))
    found.sort()
    at_s, person, _ = found[len(found) // 2]
    found[len(found) // 2] = (at_s, person, "3 地下车库进水,有人被困")
    found += [(at_s + 95, person, "take"), (at_s + 540, person, "close")]
    return sorted(found)


def _last_call(city: City) -> int:
    with city.store.read() as connection:
        query = "SELECT max(ack_no) FROM help_case"
        return int(connection.exec_driver_sql(query).scalar_one())


def _asked(city: City, role: str) -> list[tuple[int, int]]:
    """(duty, person) of a role in the drill's area."""
    with city.store.read() as connection:
        duties = set(
            connection.exec_driver_sql(
                "SELECT d.no FROM duty d JOIN unit u ON u.no = d.unit_no "
                "WHERE substr(u.code, 1, 9) IN (?, ?) AND d.to_version > 1000000",
                AREAS,
            ).scalars()
        )
    return [each for each in city.leaders(role) if each[0] in duties]


def _person_id(city: City, number: int) -> str:
    with city.store.read() as connection:
        return str(
            connection.exec_driver_sql(
                "SELECT person_id FROM person WHERE no = ? AND to_version > 1000000", (number,)
            ).scalar_one()
        )


def files(city: City, into: Path) -> list[Path]:
    """The document, its pages as pictures, the workbook and the page."""
    into.mkdir(parents=True, exist_ok=True)
    for old in into.glob("page-*.png"):
        old.unlink()
    made = []
    with city.store.read() as connection:
        report = gather(connection, 2)
        order = Order(
            language=LANGUAGE,
            before=drill_before(connection, report),
            signers=(RARE[0], RARE[1]),
            guise=_Fictional(),
        )
        for form in ("pdf", "xlsx", "html"):
            path = into / f"report.{form}"
            write(connection, report, form, path, order)
            made.append(path)
        names = with_holders(connection, report.names, report.figures, order.guise, 200)
    pages = _pictures(replace(report, names=names), order)
    for at, page in enumerate(pages, start=1):
        made.append(into / f"page-{at}.png")
        made[-1].write_bytes(page)
    (into / "README.md").write_text(_readme(len(pages)), encoding="utf-8")
    return made


class _Fictional(Guise):
    """Whole names, for they are made up, and masked numbers, as in most reports."""

    def name(self, name: str) -> str:
        return name


def _pictures(report: Report, order: Order) -> list[bytes]:
    assert order.before is not None
    before = order.before.figures
    shown = data(
        report.figures,
        report.names,
        report.ends,
        language=LANGUAGE,
        zone=CITY_TIME,
        signers=order.signers,
        compared=changes(before, report.figures, translator(LANGUAGE)),
        comparison_of=f"{before.course.short_code} {before.course.headline}",
    )
    return typeset(TEMPLATE, shown, form="png", ppi=PICTURE_PPI)


def _readme(pages: int) -> str:
    pictures = "\n\n".join(f"![Page {at}](page-{at}.png)" for at in range(1, pages + 1))
    return f"{README}\n\n{pictures}\n"


def main() -> None:
    """Write the sample."""
    into = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="alertd-sample-") as folder:
        city = play(Path(folder))
        try:
            made = files(city, into)
        finally:
            city.store.close()
    text = "".join(page.extract_text() for page in PdfReader(into / "report.pdf").pages)
    missing = [name for name in RARE if name not in text]
    size = sum(path.stat().st_size for path in made)
    for path in made:
        print(f"{path.stat().st_size:>8} {path}")
    if missing or size > MOST_BYTES:
        raise SystemExit(f"missing names: {missing}; {size} bytes of at most {MOST_BYTES}")


if __name__ == "__main__":
    main()
