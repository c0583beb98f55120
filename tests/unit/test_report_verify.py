"""A changed report, a changed journal, changed tables: each is found and named."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, delete, func, select, update

from alertd.canonical import canonical
from alertd.engine import withdrawing
from alertd.errors import InvalidInputError, NotFoundError
from alertd.model import Recorded, numbers_of
from alertd.report.figures.values import SCHEMA
from alertd.report.make import Order, gather, make_report, to_json, write
from alertd.report.verify import Verdict, verify
from alertd.store import journal
from alertd.store import tables as t
from alertd.store.database import Store
from alertd.store.vault import Vault
from channels.base import ReceiptStatus
from tests import databases
from tests.city import KEY, City

AREA = "330281001"
ALERT = 1


@dataclass
class Evening:
    """What happened once; each test has its own copy of the database to change."""

    directory: Path
    report: dict[str, Any]
    now: int


def play(directory: Path) -> City:
    city = City(directory)
    city.issue(areas=[AREA])
    city.receipt(city.sent[0], ReceiptStatus.DELIVERED)
    city.forward(minutes=2, seconds=30)
    for _, person in city.leaders("building_lead")[:3]:
        city.reply(city.phone_of(person), "2 30/40")
    city.reply(city.phone_of(person), "3 水进屋了")
    return city


def report_of(city: City, directory: Path) -> dict[str, Any]:
    with city.store.read() as connection:
        paths = make_report(connection, ALERT, directory)
    content: dict[str, Any] = json.loads(paths[0].read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Evening:
    directory = tmp_path_factory.mktemp("evening")
    city = play(directory)
    report = report_of(city, directory / "out")
    city.store.close()
    return Evening(directory, report, city.now)


@pytest.fixture
def store(evening: Evening, tmp_path: Path) -> Iterator[Store]:
    databases.copy(evening.directory, tmp_path)
    store = Store(databases.url_of(tmp_path), Vault(KEY), node="test", synchronous="NORMAL")
    yield store
    store.close()


@pytest.fixture
def report(evening: Evening) -> dict[str, Any]:
    return deepcopy(evening.report)


def verdict(store: Store, report: dict[str, Any] | None = None) -> Verdict:
    with store.read() as connection:
        return verify(connection, ALERT, report)


def wheres(found: Verdict) -> list[tuple[str, str]]:
    return [(each.kind, each.where) for each in found.differences]


def tamper(store: Store, statement: Any) -> None:
    """As somebody with a database tool would."""
    with store.transaction(1) as tx:
        assert tx.connection.execute(statement).rowcount > 0


def test_what_nobody_touched_is_good(store: Store, report: dict[str, Any]) -> None:
    found = verdict(store, report)
    assert found.differences == ()
    assert found.good
    assert found.facts > 20


def test_a_report_stays_good_when_the_alert_goes_on(tmp_path: Path) -> None:
    city = play(tmp_path)
    report = report_of(city, tmp_path / "out")
    city.forward(minutes=14)
    _, person = city.leaders("building_lead")[7]
    city.reply(city.phone_of(person), "1")
    withdrawn = partial(
        withdrawing.withdraw, alert_no=ALERT, ack_no=1, by=b"o" * 16, reason="a mistake"
    )
    city.take(withdrawn)
    found = verdict(city.store, report)
    city.store.close()
    assert found.differences == ()
    assert found.figures is not None
    assert found.figures.answers.total == report["figures"]["answers"]["total"]
    assert found.figures.answers.withdrawn == 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("figures", "rates", "answer", "n"), 20),
        (("figures", "rates", "answer", "rate"), 1.0),
        (("figures", "course", "break_glass"), 0),
        (("figures", "escalations", "unwoken"), [[1, 2]]),
        (("figures", "channels", "sms", "delivered"), 21),
        (("figures", "telling", "people", "silent"), 99),
        (("figures", "transfer"), None),
        (("units", 0, "covered"), 99),
        (("units", 1, "name"), "another name"),
    ],
)
def test_a_changed_report_is_found_and_named(
    store: Store, report: dict[str, Any], path: tuple[Any, ...], value: object
) -> None:
    *above, last = path
    place: Any = report
    for key in above:
        place = place[key]
    place[last] = value
    found = verdict(store, report)
    assert not found.good
    assert {kind for kind, _ in wheres(found)} == {"report"}
    dotted = "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in path).lstrip(".")
    assert all(where.startswith(dotted) for _, where in wheres(found))


@pytest.mark.parametrize("change", [lambda r: r["figures"].pop("burden"), lambda r: r.update(x=1)])
def test_a_figure_left_out_or_added_is_found(
    store: Store, report: dict[str, Any], change: Callable[[dict[str, Any]], object]
) -> None:
    change(report)
    found = verdict(store, report)
    assert wheres(found) in ([("report", "figures.burden")], [("report", "x")])


def a_fact(store: Store, kind: str) -> Recorded:
    with store.read() as connection:
        return next(row for row in journal.stream(connection) if row.fact.kind == kind)


def at(row: Recorded) -> Any:
    c = t.journal.c
    return (c.node == row.node) & (c.writer == row.writer) & (c.seq == row.seq)


def test_a_changed_fact_breaks_the_chain(store: Store, report: dict[str, Any]) -> None:
    fact = a_fact(store, "acked")
    body = canonical({**fact.fact.body, "count": 40})
    tamper(store, update(t.journal).where(at(fact)).values(body=body))
    found = verdict(store, report)
    assert wheres(found) == [("chain", f"test/1/{fact.seq}")]
    assert found.differences[0].found == "hash"
    assert found.figures is None


@pytest.mark.parametrize("body", ["", "{", "null", "[1]"])
def test_a_fact_that_is_no_fact_any_more_is_found(store: Store, body: str) -> None:
    fact = a_fact(store, "acked")
    tamper(store, update(t.journal).where(at(fact)).values(body=body))
    found = verdict(store)
    assert found.figures is None
    assert {kind for kind, _ in wheres(found)} == {"chain"}


def test_a_removed_fact_breaks_the_chain(store: Store) -> None:
    fact = a_fact(store, "acked")
    tamper(store, delete(t.journal).where(at(fact)))
    assert ("chain", f"test/1/{fact.seq + 1}") in wheres(verdict(store))


def test_facts_cut_off_at_the_end_are_missed(store: Store, report: dict[str, Any]) -> None:
    first = a_fact(store, "acked")
    end = report["journal"][0]["seq"]
    tamper(store, delete(t.journal).where(t.journal.c.seq >= first.seq))
    found = verdict(store)
    assert wheres(found) == [("chain", f"test/1/{end}")]
    assert found.differences[0].found == "cut"
    # Whoever mends the chain's kept head too is found out by the tables, and by the report.
    tamper(store, delete(t.chain))
    assert {kind for kind, _ in wheres(verdict(store))} == {"tables"}
    assert ("chain", f"test/1/{end}") in wheres(verdict(store, report))


def test_a_journal_written_anew_is_another_one(store: Store, report: dict[str, Any]) -> None:
    """A forger with the program rewrites the whole chain: it holds, and isn't the report's."""
    with store.read() as connection:
        facts = [(row.fact, row.recorded_at) for row in journal.stream(connection)]
    with store.transaction(1) as tx:
        tx.connection.execute(delete(t.journal))
        head = journal.Head("test", 1)
        for fact, recorded_at in facts:
            head, _ = journal.append(tx.connection, head, [fact], recorded_at + 1)
    found = verdict(store, report)
    assert wheres(found) == [("chain", f"test/1/{len(facts)}")]
    assert found.differences[0].expected == report["journal"][0]["hash"]


def first_number(table: Table, store: Store) -> int:
    (key,) = (column for column in table.primary_key.columns)
    query = select(func.min(key)).where(key.between(*numbers_of(ALERT)))
    with store.read() as connection:
        return int(connection.execute(query).scalar_one())


def test_changed_tables_are_found_row_by_row(store: Store) -> None:
    delivery, requirement = first_number(t.delivery, store), first_number(t.requirement, store)
    tamper(store, update(t.delivery).where(t.delivery.c.id == delivery).values(state=4))
    tamper(store, update(t.requirement).where(t.requirement.c.no == requirement).values(state=2))
    tamper(store, update(t.delivery_count).where(t.delivery_count.c.n > 0).values(n=7))
    tamper(store, update(t.coverage).where(t.coverage.c.unit_no == 1).values(covered=19))
    tamper(store, update(t.alert).values(state="cancelled"))
    tamper(store, update(t.help_case).values(closed_at=7))
    tamper(store, delete(t.ack).where(t.ack.c.no == 1))
    places = [where for kind, where in wheres(verdict(store)) if kind == "tables"]
    assert "alert[1].state" in places
    assert f"delivery[{delivery}]" in places
    assert f"requirement[{requirement}]" in places
    assert "delivery_count[sms, accepted]" in places
    assert "coverage[received, unit 1].covered" in places
    assert "help_case[4]" in places
    assert "acks" in places


def test_rows_that_vanished_are_missed(store: Store) -> None:
    delivery, requirement = first_number(t.delivery, store), first_number(t.requirement, store)
    tamper(store, delete(t.delivery).where(t.delivery.c.id == delivery))
    tamper(store, delete(t.requirement).where(t.requirement.c.no == requirement))
    tamper(store, delete(t.coverage).where(t.coverage.c.unit_no == 1))
    places = [where for _, where in wheres(verdict(store))]
    assert places == ["delivery rows", "requirement rows", "coverage[received, unit 1]"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"kind": "something else"},
        {"kind": "alertd.report", "schema": SCHEMA},
        {"kind": "alertd.report", "schema": 99, "alert_no": 1},
        {"kind": "alertd.report", "schema": SCHEMA, "alert_no": 2, "journal": []},
        {"kind": "alertd.report", "schema": SCHEMA, "alert_no": 1},
        {"kind": "alertd.report", "schema": SCHEMA, "alert_no": 1, "journal": [1]},
        {"kind": "alertd.report", "schema": SCHEMA, "alert_no": True, "journal": []},
        {
            "kind": "alertd.report",
            "schema": SCHEMA,
            "alert_no": 1,
            "journal": [{"node": "test", "writer": 1, "seq": 2**70, "hash": ""}],
        },
    ],
)
def test_what_is_no_report_is_refused(store: Store, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        verdict(store, wrong)


def test_a_report_without_a_journal_proves_nothing(store: Store, report: dict[str, Any]) -> None:
    report["journal"] = []
    assert not verdict(store, report).good


def test_an_alert_that_never_was(store: Store, tmp_path: Path) -> None:
    with store.read() as connection:
        assert wheres(verify(connection, 7)) == [("chain", "alert 7")]
        with pytest.raises(NotFoundError):
            make_report(connection, 7, tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_comparison_is_in_the_file_and_is_counted_anew(tmp_path: Path, language: str) -> None:
    city = play(tmp_path / "city")
    later = city.issue("flood", areas=[AREA])
    city.forward(minutes=3)
    file = tmp_path / "report.json"
    with city.store.read() as connection:
        order = Order(language=language, before=gather(connection, ALERT))
        write(connection, gather(connection, later), "json", file, order)
        alone = to_json(gather(connection, later))
    report = json.loads(file.read_text(encoding="utf-8"))
    found = report["comparison"]
    assert "comparison" not in alone
    assert (found["before"], found["now"], found["language"]) == (ALERT, later, language)
    unwoken = next(change for change in found["changes"] if change["key"] == "answer")
    assert unwoken["better"] == -1, "nobody answered the second one"
    city.forward(minutes=5)  # what came since isn't in either
    with city.store.read() as connection:
        assert verify(connection, later, report).good
        unwoken["now"] = "100%"
        (wrong,) = verify(connection, later, report).differences
        assert "comparison" in wrong.where
        report["comparison"] = {"before": "x"}
        assert not verify(connection, later, report).good
    city.store.close()
