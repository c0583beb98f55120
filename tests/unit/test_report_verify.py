"""A changed report, a changed journal, changed tables: each is found and named."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, delete, select, update

from alertd.engine import answering
from alertd.errors import InvalidInputError, NotFoundError
from alertd.model import Recorded, canonical, numbers_of
from alertd.report.make import make_report
from alertd.report.verify import Verdict, verify
from alertd.store import journal
from alertd.store import tables as t
from channels.base import ReceiptStatus
from tests.city import City

AREA = "330281001"
ALERT = 1


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = City(tmp_path)
    city.issue(areas=[AREA])
    city.receipt(city.sent[0], ReceiptStatus.DELIVERED)
    city.forward(minutes=2, seconds=30)
    for _, person in city.leaders("building_lead")[:3]:
        city.reply(city.phone_of(person), "2 30/40")
    city.reply(city.phone_of(person), "3 水进屋了")
    yield city
    city.store.close()


@pytest.fixture
def report(city: City, tmp_path: Path) -> dict[str, Any]:
    with city.store.read() as connection:
        paths = make_report(connection, ALERT, tmp_path / "out")
    content: dict[str, Any] = json.loads(paths[0].read_text(encoding="utf-8"))
    return content


def verdict(city: City, report: dict[str, Any] | None = None) -> Verdict:
    with city.store.read() as connection:
        return verify(connection, ALERT, report)


def wheres(found: Verdict) -> list[tuple[str, str]]:
    return [(each.kind, each.where) for each in found.differences]


def tamper(city: City, statement: Any) -> None:
    """As somebody with a database tool would."""
    with city.store.transaction(city.now) as tx:
        assert tx.connection.execute(statement).rowcount > 0


def test_what_nobody_touched_is_good(city: City, report: dict[str, Any]) -> None:
    found = verdict(city, report)
    assert found.differences == ()
    assert found.good
    assert found.facts > 20


def test_a_report_stays_good_when_the_alert_goes_on(city: City, report: dict[str, Any]) -> None:
    city.forward(minutes=14)
    _, person = city.leaders("building_lead")[7]
    city.reply(city.phone_of(person), "1")
    found = verdict(city, report)
    assert found.good
    assert found.figures is not None
    answered = report["figures"]["rates"]["answer"]["n"]
    assert found.figures.rates.answer.n == answered + 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("figures", "rates", "answer", "n"), 20),
        (("figures", "rates", "answer", "rate"), 1.0),
        (("figures", "course", "break_glass"), 0),
        (("figures", "escalations", "unwoken"), [[1, 2]]),
        (("figures", "channels", "sms", "delivered"), 21),
        (("figures", "transfer"), None),
        (("units", 0, "covered"), 99),
        (("units", 1, "name"), "another name"),
    ],
)
def test_a_changed_report_is_found_and_named(
    city: City, report: dict[str, Any], path: tuple[Any, ...], value: object
) -> None:
    *above, last = path
    place: Any = report
    for key in above:
        place = place[key]
    place[last] = value
    found = verdict(city, report)
    assert not found.good
    assert {kind for kind, _ in wheres(found)} == {"report"}
    dotted = "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in path).lstrip(".")
    assert all(where.startswith(dotted) for _, where in wheres(found))


@pytest.mark.parametrize("change", [lambda r: r["figures"].pop("burden"), lambda r: r.update(x=1)])
def test_a_figure_left_out_or_added_is_found(
    city: City, report: dict[str, Any], change: Callable[[dict[str, Any]], object]
) -> None:
    change(report)
    found = verdict(city, report)
    assert wheres(found) in ([("report", "figures.burden")], [("report", "x")])


def a_fact(city: City, kind: str) -> Recorded:
    with city.store.read() as connection:
        return next(row for row in journal.stream(connection) if row.fact.kind == kind)


def at(row: Recorded) -> Any:
    c = t.journal.c
    return (c.node == row.node) & (c.writer == row.writer) & (c.seq == row.seq)


def test_a_changed_fact_breaks_the_chain(city: City, report: dict[str, Any]) -> None:
    fact = a_fact(city, "acked")
    body = canonical({**fact.fact.body, "count": 40})
    tamper(city, update(t.journal).where(at(fact)).values(body=body))
    found = verdict(city, report)
    assert wheres(found) == [("chain", f"test/1/{fact.seq}")]
    assert found.differences[0].found == "hash"
    assert found.figures is None


@pytest.mark.parametrize("body", ["", "{", "null", "[1]"])
def test_a_fact_that_is_no_fact_any_more_is_found(city: City, body: str) -> None:
    fact = a_fact(city, "acked")
    tamper(city, update(t.journal).where(at(fact)).values(body=body))
    found = verdict(city)
    assert found.figures is None
    assert {kind for kind, _ in wheres(found)} == {"chain"}


def test_a_removed_fact_breaks_the_chain(city: City) -> None:
    fact = a_fact(city, "acked")
    tamper(city, delete(t.journal).where(at(fact)))
    assert ("chain", f"test/1/{fact.seq + 1}") in wheres(verdict(city))


def test_facts_cut_off_at_the_end_are_missed(city: City, report: dict[str, Any]) -> None:
    first = a_fact(city, "acked")
    end = report["journal"][0]["seq"]
    tamper(city, delete(t.journal).where(t.journal.c.seq >= first.seq))
    found = verdict(city)
    assert wheres(found) == [("chain", f"test/1/{end}")]
    assert found.differences[0].found == "cut"
    # Whoever mends the chain's kept head too is found out by the tables, and by the report.
    tamper(city, delete(t.chain))
    assert {kind for kind, _ in wheres(verdict(city))} == {"tables"}
    assert ("chain", f"test/1/{end}") in wheres(verdict(city, report))


def test_a_journal_written_anew_is_another_one(city: City, report: dict[str, Any]) -> None:
    """A forger with the program rewrites the whole chain: it holds, and isn't the report's."""
    with city.store.read() as connection:
        facts = [(row.fact, row.recorded_at) for row in journal.stream(connection)]
    with city.store.transaction(city.now) as tx:
        tx.connection.execute(delete(t.journal))
        head = journal.Head("test", 1)
        for fact, recorded_at in facts:
            head, _ = journal.append(tx.connection, head, [fact], recorded_at + 1)
    found = verdict(city, report)
    assert wheres(found) == [("chain", f"test/1/{len(facts)}")]
    assert found.differences[0].expected == report["journal"][0]["hash"]


def first_number(table: Table, city: City) -> int:
    (key,) = (column for column in table.primary_key.columns)
    return int(city.rows(select(key).where(key.between(*numbers_of(ALERT))).limit(1))[0][0])


def test_changed_tables_are_found_row_by_row(city: City) -> None:
    delivery, requirement = first_number(t.delivery, city), first_number(t.requirement, city)
    tamper(city, update(t.delivery).where(t.delivery.c.id == delivery).values(state=4))
    tamper(city, update(t.requirement).where(t.requirement.c.no == requirement).values(state=2))
    tamper(city, update(t.delivery_count).where(t.delivery_count.c.n > 0).values(n=7))
    tamper(city, update(t.coverage).where(t.coverage.c.unit_no == 1).values(covered=19))
    tamper(city, update(t.alert).values(state="cancelled"))
    tamper(city, update(t.help_case).values(closed_at=city.now))
    tamper(city, delete(t.ack).where(t.ack.c.no == 1))
    places = [where for kind, where in wheres(verdict(city)) if kind == "tables"]
    assert "alert[1].state" in places
    assert f"delivery[{delivery}]" in places
    assert f"requirement[{requirement}]" in places
    assert "delivery_count[sms, accepted]" in places
    assert "coverage[received, unit 1].covered" in places
    assert "help_case[4]" in places
    assert "acks" in places


def test_rows_that_vanished_are_missed(city: City) -> None:
    delivery, requirement = first_number(t.delivery, city), first_number(t.requirement, city)
    tamper(city, delete(t.delivery).where(t.delivery.c.id == delivery))
    tamper(city, delete(t.requirement).where(t.requirement.c.no == requirement))
    tamper(city, delete(t.coverage).where(t.coverage.c.unit_no == 1))
    places = [where for _, where in wheres(verdict(city))]
    assert places == ["delivery rows", "requirement rows", "coverage[received, unit 1]"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"kind": "something else"},
        {"kind": "alertd.report", "schema": 1},
        {"kind": "alertd.report", "schema": 99, "alert_no": 1},
        {"kind": "alertd.report", "schema": 1, "alert_no": 2, "journal": []},
        {"kind": "alertd.report", "schema": 1, "alert_no": 1},
        {"kind": "alertd.report", "schema": 1, "alert_no": 1, "journal": [1]},
        {"kind": "alertd.report", "schema": 1, "alert_no": True, "journal": []},
        {
            "kind": "alertd.report",
            "schema": 1,
            "alert_no": 1,
            "journal": [{"node": "test", "writer": 1, "seq": 2**70, "hash": ""}],
        },
    ],
)
def test_what_is_no_report_is_refused(city: City, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        verdict(city, wrong)


def test_a_report_without_a_journal_proves_nothing(city: City, report: dict[str, Any]) -> None:
    report["journal"] = []
    assert not verdict(city, report).good


def test_an_alert_that_never_was(city: City, tmp_path: Path) -> None:
    with city.store.read() as connection:
        assert wheres(verify(connection, 7)) == [("chain", "alert 7")]
        with pytest.raises(NotFoundError):
            make_report(connection, 7, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_withdrawing_an_ack_keeps_tables_and_figures_together(city: City) -> None:
    (ack, *_) = city.rows(select(t.ack.c.no))
    city.take(
        partial(answering.withdraw, alert_no=ALERT, ack_no=ack.no, by=b"o" * 16, reason="a mistake")
    )
    found = verdict(city)
    assert found.good
    assert found.figures is not None
    assert found.figures.answers.withdrawn == 1
