"""All processes of a node go by one time, or an alert ends for some of them as it begins."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd.decide.timekeeping import Why
from alertd.engine.starting import started
from alertd.engine.timekeeping import Moved
from alertd.store import tables as t
from tests.city import OFFICER, START, City
from tests.faults.random_node import Machine, Node, Process

HOUR = 3_600_000
WRONG = 26 * HOUR


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """Two processes that were started while the database's machine had a time of its own."""
    cities = [
        City(
            tmp_path, postgresql=True, fresh=not n, now=START + WRONG, boot=n * 1_000, name=f"p{n}"
        )
        for n in range(2)
    ]
    machine = Machine(WRONG)
    processes = [Process(city, machine, WRONG) for city in cities]
    made = Node(processes, processes[0])
    made.forward(10, tick_s=5)
    for number, process in enumerate(made.processes):
        process.city.hand_in(lambda turn, n=number: started(turn, process=f"p{n}", settings={}))
    made.forward(10, tick_s=5)
    assert [process.city.now for process in made.processes] == [made.current.lived + WRONG] * 2
    yield made
    for city in cities:
        city.store.close()


def put_right(node: Node) -> Moved:
    """The machine's clock is, and an operator says so at one of the processes."""
    node.current.machine.ahead_ms = 0
    wish = node.current.keeper.ask(OFFICER, node.current.wall())
    node.current.keeper.look()
    return wish.result(timeout=0)


def test_what_one_process_was_told_of_the_time_holds_for_all(node: Node) -> None:
    assert put_right(node).now == node.current.lived
    node.forward(10, tick_s=5)
    assert [process.keeper.standing.why for process in node.processes] == [Why.WALL] * 2
    no = node.current.city.issue(roles=("grid_leader",))
    node.forward(60, tick_s=5)
    assert (
        node.current.city.one(select(t.alert.c.state).where(t.alert.c.no == no)).state == "issued"
    )


def test_it_holds_for_a_process_that_looks_only_after_an_alert_is_out(node: Node) -> None:
    late = node.processes[1]
    put_right(node)
    no = node.current.city.issue(roles=("grid_leader",))
    late.city.now += 6_000
    node.current.city.now += 6_000
    node.look_at_the_clock()
    assert late.keeper.standing.why is Why.WALL
    node.forward(60, tick_s=5)
    assert (
        node.current.city.one(select(t.alert.c.state).where(t.alert.c.no == no)).state == "issued"
    )


def test_it_holds_for_a_process_that_starts_later(node: Node) -> None:
    put_right(node)
    node.processes[1].city.store.close()
    node.processes[1].start(node.current.lived)
    assert node.processes[1].city.now == node.current.city.now


def test_a_leap_ahead_is_not_undone_by_what_was_written_down_as_it_was_left(node: Node) -> None:
    """The clock is put right just after an alert was issued in the time that it had leapt to."""
    put_right(node)
    node.forward(10, tick_s=5)
    node.current.machine.ahead_ms = 400 * 24 * HOUR
    node.forward(10, tick_s=5)
    assert [process.city.now for process in node.processes] == [node.current.wall()] * 2
    no = node.current.city.issue(roles=("grid_leader",))
    node.current.machine.ahead_ms = 0
    node.look_at_the_clock()
    node.forward(10, tick_s=5)
    # Back there its ladders would wait for 400 days.
    issued = node.current.city.one(select(t.alert.c.issued_at).where(t.alert.c.no == no)).issued_at
    assert [process.city.now >= issued for process in node.processes] == [True] * 2


def state(node: Node, no: int) -> str:
    return str(node.current.city.one(select(t.alert.c.state).where(t.alert.c.no == no)).state)


def killed(process: Process) -> None:
    process.alive = False
    process.city.store.close()


def test_a_start_with_a_wrong_clock_goes_by_the_time_of_those_at_work(node: Node) -> None:
    """The database's machine came up eight hours ahead; its workers are started anew, one by one.

    A clock that is ahead by less than two days looks like so long a time off.
    """
    put_right(node)
    node.forward(10, tick_s=5)
    no = node.current.city.issue(roles=("grid_leader",), valid_min=60)
    node.forward(20, tick_s=5)
    node.current.machine.ahead_ms = 8 * HOUR
    killed(node.processes[1])
    node.processes[1].start(node.current.lived)
    node.forward(30, tick_s=5)
    assert [process.keeper.standing.why for process in node.processes] == [Why.AHEAD] * 2
    assert abs(node.processes[1].city.now - node.current.city.now) <= 10_000
    assert state(node, no) == "issued"


def test_time_off_is_believed_where_nobody_else_was_at_work(node: Node) -> None:
    put_right(node)
    node.forward(10, tick_s=5)
    no = node.current.city.issue(roles=("grid_leader",), valid_min=60)
    for process in node.processes:
        killed(process)
    back = node.current.lived + 2 * HOUR
    for process in node.processes:
        process.start(back)
    assert [process.city.now for process in node.processes] == [back] * 2
    node.forward(10, tick_s=5)
    assert state(node, no) == "expired"


def test_a_process_that_has_not_looked_yet_decides_nothing_by_the_time_before(node: Node) -> None:
    """An alert goes out in the time that one process has just leapt to; then the clock is right."""
    put_right(node)
    node.forward(10, tick_s=5)
    first, late = node.processes
    first.machine.ahead_ms = 400 * 24 * HOUR
    first.city.now += 5_000
    late.city.now += 5_000
    first.keeper.look()
    assert first.city.now == first.wall()
    no = first.city.issue(roles=("grid_leader",), valid_min=60)
    first.machine.ahead_ms = 0
    late.city.settle()
    assert late.city.now >= first.city.now - 5_000
    node.forward(30, tick_s=5)
    assert state(node, no) == "issued"
    killed(first)
    node.current = late
    node.forward(60 * 60, tick_s=8)
    assert state(node, no) == "expired"


def test_one_that_stood_still_does_nothing_by_the_time_at_which_it_did(node: Node) -> None:
    put_right(node)
    no = node.current.city.issue(roles=("grid_leader",), valid_min=60)
    node.forward(10, tick_s=5)
    still = node.processes[1]
    still.alive = False
    node.forward(600, tick_s=8)
    still.alive, still.leapt = True, still.leapt - 600_000
    behind = still.city.now
    still.city.settle()
    assert still.city.now - behind > 590_000
    assert state(node, no) == "issued"
