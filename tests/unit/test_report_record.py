"""Reading the journal for a report: chains merged, others' facts left out, up to a cut."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alertd.model import Fact, Policy, Stage, StageRule, Step
from alertd.report import record
from alertd.report.figures import figures
from alertd.report.verify import verify
from alertd.store import journal
from alertd.store.database import Store
from alertd.store.vault import Vault
from tests import databases
from tests.city import City

AREA = "330281001"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(databases.url_of(tmp_path), Vault(bytes(32)), node="a")
    yield store
    store.close()


def write(store: Store, node: str, writer: int, rows: list[tuple[str, int, int]]) -> None:
    """(kind, alert_no, recorded_at) behind a chain's head."""
    with store.transaction(0) as tx:
        head = journal.load_head(tx.connection, node, writer)
        for kind, alert_no, recorded_at in rows:
            fact = Fact(kind=kind, occurred_at=recorded_at, body={"items": []}, alert_no=alert_no)
            head, _ = journal.append(tx.connection, head, [fact], recorded_at)


def read(store: Store, alert_no: int = 1) -> list[tuple[str, int, int]]:
    with store.read() as connection:
        cut = record.cut_at(record.heads(connection))
        return [(r.node, r.writer, r.seq) for r in record.facts(connection, alert_no, cut)]


def test_chains_are_merged_as_their_transactions_came(store: Store) -> None:
    write(store, "a", 1, [("acked", 1, 40)])
    write(store, "a", 2, [("claimed", 0, 20)])
    write(store, "b", 1, [("presence", 0, 25)])
    write(store, "a", 2, [("settled", 0, 30)])
    write(store, "a", 1, [("acked", 1, 10)])
    assert read(store) == [("a", 1, 1), ("a", 2, 1), ("b", 1, 1), ("a", 2, 2), ("a", 1, 2)]


def test_chains_keep_their_order_though_a_clock_goes_wrong(store: Store) -> None:
    write(store, "a", 1, [("acked", 1, 50), ("acked", 1, 10)])
    write(store, "b", 1, [("acked", 1, 9_000_000)])
    write(store, "a", 1, [("acked", 1, 60)])
    assert read(store) == [("a", 1, 1), ("a", 1, 2), ("b", 1, 1), ("a", 1, 3)]


def test_only_what_concerns_the_alert_is_read(store: Store) -> None:
    write(
        store,
        "a",
        1,
        [
            ("acked", 1, 1),
            ("acked", 2, 2),  # another alert's
            ("claimed", 0, 3),  # may hold deliveries of several
            ("signed-in", 0, 4),  # no figure reads it
            ("alert.drafted", 2, 5),  # may follow this one
            ("alert.issued", 2, 6),
            ("alert.ended", 2, 7),
        ],
    )
    assert [seq for _, _, seq in read(store)] == [1, 3, 5, 6]


def test_long_chains_are_read_page_by_page(store: Store) -> None:
    write(store, "a", 1, [("acked", 1 + i % 2, i) for i in range(500)])
    assert [seq for _, _, seq in read(store)] == list(range(1, 501, 2))


def test_a_cut_leaves_out_what_came_later_and_chains_it_does_not_know(store: Store) -> None:
    write(store, "a", 1, [("acked", 1, 1), ("acked", 1, 2), ("acked", 1, 3)])
    write(store, "b", 1, [("acked", 1, 1)])
    with store.read() as connection:
        rows = list(record.facts(connection, 1, {("a", 1): 2}))
        assert [(row.node, row.seq) for row in rows] == [("a", 1), ("a", 2)]
        ends = record.heads(connection)
    assert [(head.node, head.seq) for head in ends] == [("a", 3), ("b", 1)]


def test_an_update_that_wants_no_fresh_answer_carries_what_was_answered(tmp_path: Path) -> None:
    policy = Policy(
        name="sparing",
        update_wants_fresh_answer=False,
        stages=(StageRule(stage=Stage.RECEIVED, due_min=15),),
        steps=(Step(after_min=5, do=("remind",)),),
    )
    colours = ("red", "orange", "yellow", "blue")
    city = City(tmp_path, policies=dict.fromkeys(colours, policy))
    first = city.issue(areas=[AREA])
    leads = city.leaders("building_lead")[:4]
    for _, person in leads[:3]:
        city.reply(city.phone_of(person), "1")
    city.forward(minutes=1)
    second = city.issue(areas=[AREA], references=[city.reference(first)])
    city.reply(city.phone_of(leads[0][1]), "A2 2")  # says more; was counted already
    city.forward(minutes=1)
    city.reply(city.phone_of(leads[3][1]), "A2 1")
    with city.store.read() as connection:
        found = figures(journal.stream(connection), alert_no=second)
        assert verify(connection, second).differences == ()
        assert verify(connection, first).differences == ()
    (stage,) = found.stages
    assert (stage.asked, stage.covered, stage.carried, stage.open) == (20, 4, 3, 16)
    assert found.escalations.resolved == {"carried": 3, "first": 1}
    assert found.course.purpose == "update"
    assert found.pace.curve[-1] == (60_000, 4)
    city.store.close()
