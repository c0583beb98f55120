"""What is said of a chain: where it breaks and by what, how far it should reach, what it holds."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event, update

from alertd.model import Fact, Recorded
from alertd.store import chains, journal
from alertd.store import tables as t
from alertd.store.journal import GENESIS, Broken, Head

COLUMNS = (
    "node",
    "writer",
    "seq",
    "turn",
    "kind",
    "alert_no",
    "source",
    "occurred_at",
    "recorded_at",
)


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A database in memory with the journal's tables alone."""
    engine = create_engine("sqlite://")
    with engine.connect() as opened:
        t.journal.create(opened)
        t.chain.create(opened)
        yield opened
    engine.dispose()


def fact(n: int, *, alert_no: int = 7) -> Fact:
    body = {"n": n, "词": "求助"}
    return Fact(kind="defect", occurred_at=100 + n, body=body, alert_no=alert_no, source="somebody")


def write(connection: Connection, head: Head, facts: list[Fact], at: int) -> Head:
    """Facts alone, whatever they would change in other tables."""
    new, written = journal.append(connection, head, facts, at)
    assert written == len(facts)
    return new


def kept(connection: Connection) -> list[Recorded]:
    return list(journal.stream(connection))


def by_hand(previous: bytes, row: Recorded) -> bytes:
    """The hash as docs and auditors compute it, without a line of ours."""
    header = [
        *(
            row.node,
            row.writer,
            row.seq,
            *([row.turn] if row.turn else []),
            row.fact.kind,
            row.fact.alert_no,
            row.fact.source,
        ),
        *(row.fact.occurred_at, row.recorded_at),
    ]
    compact = {"ensure_ascii": False, "separators": (",", ":")}
    body = json.dumps(row.fact.body, sort_keys=True, **compact)  # type: ignore[arg-type]
    text = json.dumps([*header, body], **compact)  # type: ignore[arg-type]
    return hashlib.sha256(previous + text.encode()).digest()


def test_a_row_keeps_all_of_its_fact_and_hashes_to_what_anybody_computes(
    connection: Connection,
) -> None:
    head = write(connection, Head("town", 4), [fact(1), fact(2)], 555)
    rows = kept(connection)
    assert [row.fact for row in rows] == [fact(1), fact(2)]
    assert [(r.node, r.writer, r.seq, r.recorded_at) for r in rows] == [
        ("town", 4, 1, 555),
        ("town", 4, 2, 555),
    ]
    assert [row.prev_hash for row in rows] == [GENESIS, rows[0].hash]
    assert rows[0].hash == by_hand(bytes(32), rows[0])
    assert rows[1].hash == by_hand(rows[0].hash, rows[1])
    assert head == Head("town", 4, 2, rows[1].hash, 1)


def test_a_chain_that_began_before_there_were_turns_holds(connection: Connection) -> None:
    # Migration v0004 gave its facts turn 0, and left their hashes.
    write(connection, Head("town", 4), [fact(1)], 555)
    old = replace(kept(connection)[0], turn=0)
    hash_then = by_hand(GENESIS, old)
    connection.execute(update(t.journal).values(turn=0, hash=hash_then))
    head = write(connection, Head("town", 4, 1, hash_then), [fact(2)], 556)
    rows = kept(connection)
    assert journal.verify(rows, [head]) == (2, [])
    for at, wrong in enumerate((replace(rows[0], turn=1), replace(rows[1], turn=0))):
        held, broken = journal.verify([*rows[:at], wrong, *rows[at + 1 :]])
        assert (held, broken) == (1, [Broken("town", 4, at + 1, "hash")])


def test_every_chain_has_a_head_of_its_own(connection: Connection) -> None:
    first = write(connection, Head("town", 2), [fact(1), fact(2)], 1)
    other = write(connection, Head("city", 9), [fact(3)], 2)
    third = write(connection, Head("town", 1), [fact(4)], 3)
    assert journal.heads(connection) == [other, third, first]
    newest = max(head.turn for head in (first, other, third))
    for head in (first, other, third):
        loaded = journal.load_head(connection, head.node, head.writer)
        assert loaded == replace(head, turn=newest)
    for node, writer in (("town", 9), ("nowhere", 2)):
        empty = Head(node, writer, 0, GENESIS, newest)
        assert journal.load_head(connection, node, writer) == empty


def test_nothing_written_leaves_the_head(connection: Connection) -> None:
    head = write(connection, Head("town", 1), [fact(1)], 1)
    assert write(connection, head, [], 2) == head
    assert journal.heads(connection) == [head]


def test_a_reader_of_several_chains_goes_on_in_each(connection: Connection) -> None:
    for node, writer in (("a", 1), ("a", 2), ("b", 1)):
        write(connection, Head(node, writer), [fact(n, alert_no=n) for n in (1, 2, 3)], 1)
    rest = journal.read(connection, {("a", 1): 2, ("b", 1): 3})
    of_one = journal.read(connection, {("a", 1): 1}, alert_no=2)
    two = journal.read(connection, {}, limit=2)
    everything = [*journal.stream(connection)]
    of_two = [*journal.stream(connection, alert_no=2)]
    assert [(r.node, r.writer, r.seq) for r in rest] == [
        *(("a", 1, 3), ("a", 2, 1), ("a", 2, 2), ("a", 2, 3)),
    ]
    assert [(r.node, r.writer, r.seq) for r in of_one] == [("a", 1, 2), ("a", 2, 2), ("b", 1, 2)]
    assert [(r.node, r.writer, r.seq) for r in two] == [("a", 1, 1), ("a", 1, 2)]
    assert len(everything) == 9
    assert [row.fact.alert_no for row in of_two] == [2, 2, 2]


def test_more_than_a_page_is_streamed_whole_and_once(connection: Connection) -> None:
    write(connection, Head("town", 1), [fact(n) for n in range(1_001)], 1)
    assert len(journal.read(connection, {})) == 1_000
    assert [row.seq for row in kept(connection)] == list(range(1, 1_002))


def test_chains_are_told_as_their_facts_came_to_be(connection: Connection) -> None:
    heads = {name: Head(name, 1) for name in "ab"}
    for n, name in enumerate("babba"):
        heads[name] = replace(heads[name], turn=max(head.turn for head in heads.values()))
        heads[name] = write(connection, heads[name], [fact(2 * n), fact(2 * n + 1)], n)
    told = kept(connection)
    assert [row.fact.body["n"] for row in told] == list(range(10))
    assert "".join(row.node for row in told) == "bbaabbbbaa"


def test_a_reader_is_elsewhere_in_each_chain_of_a_node(connection: Connection) -> None:
    for writer in (1, 2):
        write(connection, Head("a", writer), [fact(n) for n in (1, 2, 3)], 1)
    rest = journal.read(connection, {("a", 1): 0, ("a", 2): 2})
    assert [(row.writer, row.seq) for row in rest] == [(1, 1), (1, 2), (1, 3), (2, 3)]


def test_a_chain_is_read_a_page_at_a_time(connection: Connection) -> None:
    """DESIGN §6.10: what is held of it is a page, however long it is."""
    write(connection, Head("town", 1), [fact(n) for n in range(5)], 1)
    asked: list[object] = []
    event.listen(connection, "before_cursor_execute", lambda *given: asked.append(given[3]))
    told = journal.chain(connection, "town", 1, page=2)
    assert [next(told).seq, next(told).seq, len(asked)] == [1, 2, 1]
    assert [row.seq for row in told] == [3, 4, 5]
    assert len(asked) == 4


@pytest.mark.parametrize("column", COLUMNS[3:])
def test_every_column_is_held_by_the_hash(connection: Connection, column: str) -> None:
    write(connection, Head("town", 1), [fact(1), fact(2), fact(3)], 1)
    changed = "forged" if column in {"kind", "source"} else 99
    row = update(t.journal).where(t.journal.c.seq == 2)
    connection.execute(row.values({column: changed}))
    assert journal.verify(kept(connection)) == (2, [Broken("town", 1, 2, "hash")])


def test_a_break_is_named_by_its_chain_and_the_rest_is_still_checked(
    connection: Connection,
) -> None:
    for node, writer in (("a", 1), ("b", 3)):
        write(connection, Head(node, writer), [fact(n) for n in range(1, 6)], 1)
    rows = kept(connection)
    missing = [row for row in rows if (row.node, row.seq) != ("a", 2)]
    assert journal.verify(missing) == (8, [Broken("a", 1, 3, "gap")])
    relinked = [replace(r, prev_hash=bytes(32)) if r.seq == 4 else r for r in rows]
    assert journal.verify(relinked) == (8, [Broken("a", 1, 4, "link"), Broken("b", 3, 4, "link")])
    assert journal.verify(rows) == (10, [])


def test_a_chain_that_ends_too_early_or_elsewhere_is_cut(connection: Connection) -> None:
    head = write(connection, Head("a", 2), [fact(n) for n in (1, 2, 3)], 1)
    rows = kept(connection)
    assert journal.verify(rows, [head]) == (3, [])
    assert journal.verify(rows[:2], [head]) == (2, [Broken("a", 2, 3, "cut")])
    forged = replace(head, hash=b"x" * 32)
    assert journal.verify(rows, [forged]) == (3, [Broken("a", 2, 3, "cut")])
    gone = Head("b", 1, 5, b"y" * 32)
    assert journal.verify(rows, [head, gone]) == (3, [Broken("b", 1, 5, "cut")])
    assert journal.verify([], [head, gone]) == (
        0,
        [Broken("a", 2, 3, "cut"), Broken("b", 1, 5, "cut")],
    )


def test_a_reader_and_a_check_pass_over_nothing_that_they_have_read(
    connection: Connection,
) -> None:
    """A city's journal has millions of facts: a page costs what is on it, wherever it begins."""
    for node, writer in (("a", 1), ("a", 2), ("b", 1)):
        write(connection, Head(node, writer), [fact(n) for n in range(250)], 1)
    asked: list[tuple[str, Any]] = []
    event.listen(connection, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
    assert len(journal.read(connection, {("a", 1): 240, ("b", 1): 240})) == 270
    assert journal.read(connection, {("a", 1): 250, ("a", 2): 250, ("b", 1): 250}) == []
    assert len(journal.read(connection, {("b", 1): 240}, alert_no=7, limit=600)) == 510
    assert chains.check(connection).held == 750
    plans = [
        str(step)
        for text, given in tuple(asked)
        for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given).all()
    ]
    of_the_journal = [plan for plan in plans if "journal" in plan]
    assert len(of_the_journal) >= 3 + 3 + 3 * 3
    scans = [plan for plan in of_the_journal if "SEARCH" not in plan]
    assert len(scans) == 1  # of one row: the first chain is where the index begins
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]


def test_a_row_before_the_first_breaks_a_chain(connection: Connection) -> None:
    write(connection, Head("town", 1), [fact(1)], 1)
    forged = {"node": "town", "writer": 1, "seq": 0, "kind": "defect", "alert_no": 7}
    forged |= {"source": "x", "occurred_at": 1, "recorded_at": 1, "body": "{}", "turn": 0}
    connection.execute(t.journal.insert(), {**forged, "prev_hash": GENESIS, "hash": GENESIS})
    assert [broken.reason for broken in chains.check(connection).broken] == ["gap"]


def test_a_chain_holds_the_fact_that_was_its_last(connection: Connection) -> None:
    head = write(connection, Head("town", 1), [fact(1), fact(2)], 1)
    assert journal.holds(connection, head)
    assert journal.holds(connection, Head("town", 1))  # nothing was committed
    for lost in ({"hash": GENESIS}, {"seq": 3}, {"seq": 1}, {"writer": 2}, {"node": "city"}):
        assert not journal.holds(connection, replace(head, **lost))


def test_a_place_behind_its_chains_end_moves_there(connection: Connection) -> None:
    for writer in (1, 2):
        write(connection, Head("town", writer), [fact(1), fact(2)], 1)
    cursor = {("town", 1): 9, ("town", 2): 1, ("gone", 1): 5}
    assert journal.step_back(connection, cursor)
    assert cursor == {("town", 1): 2, ("town", 2): 1, ("gone", 1): 5}
    assert not journal.step_back(connection, cursor)
    assert not journal.step_back(connection, {("town", 1): 2})
