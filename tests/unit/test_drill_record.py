"""Two drills in a small city: scored, compared, mended by the second; and who was reached."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import or_, select

from alertd.engine import halting
from alertd.engine.authority import Actor
from alertd.errors import ConflictError, ForbiddenError, NotFoundError
from alertd.model import FOREVER
from alertd.store import tables as t
from alertd.store.reads import ledger, todo
from alertd.web.commands import mending
from channels.base import Accepted, Fault, Outgoing, SendError
from drills.plan import Marks
from drills.score.values import Verdict
from drills.scoring import Scored, Terms, look, record
from rosters.words import PERSONAL_ROLES
from tests.city import OFFICER, START, ZONE, City

TOWN, OTHER, THIRD = "330281001", "330281002", "330281003"
TERMS = Terms(plan="汛前演练", marks=Marks(answer_rate=0.9, reach_rate=0.5))
DAY_MS = 86_400_000


@dataclass
class Held:
    """A city after two drills; the first is on record as it was seen then."""

    city: City
    first: Scored
    second: Scored


def drill(city: City, answering: list[str], **more: Any) -> Scored:
    """One in a town, that those answer; stopped, scored and on record."""
    drafted = city.draft(areas=[TOWN], status="Exercise", **more)
    city.approve(drafted)
    for phone in answering:
        city.reply(phone, f"1 {drafted['short_code']}")
    city.forward(minutes=15, tick_s=60)  # the time that the policy gives for an answer
    stopped = bytes.fromhex(drafted["id"])
    city.take(partial(halting.stop, actor=OFFICER, alert_id=stopped, reason="over"))
    return score(city, drafted["no"])


def score(city: City, alert_no: int) -> Scored:
    with city.store.read() as connection:
        found = look(connection, alert_no, TERMS)
    put(city, found)
    return found


def put(city: City, found: Scored) -> None:
    city.take(partial(record, found=found, begins="06-01", zone=ZONE, source=OFFICER.source))


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    city = City(tmp_path_factory.mktemp("city"))
    grid = [city.phone_of(person) for _, person in city.leaders()]
    buildings = [city.phone_of(person) for _, person in city.leaders("building_lead")]
    wrong = buildings[0]

    def refuses(message: Outgoing) -> Accepted | SendError:
        if message.address == wrong:
            return SendError(Fault.DEAD, "no-such-number")
        return Accepted("ref")

    city.behave = refuses
    first = drill(city, [grid[0]])
    city.forward(minutes=60, tick_s=600)
    city.behave = lambda _message: Accepted("ref")
    second = drill(city, [grid[0], *buildings[:10]])
    yield Held(city, first, second)
    city.store.close()


def open_of(city: City, **more: Any) -> list[todo.TodoView]:
    with city.store.read() as connection:
        return list(todo.todos(connection, limit=500, **more).items)


def test_the_first_drill_finds_a_dead_number_and_breaks(held: Held) -> None:
    found = held.first.score
    counts, asked = found.counts(), found.totals.answered
    assert (asked.n, counts["number"], counts["silent"]) == (1, 1, asked.of - 1)
    assert {d.cause for d in found.defects if d.kind == "silent"} == {"superior-answered"}
    assert {d.cause for d in found.defects if d.kind == "number"} == {"no-such-number"}
    assert (found.result, found.over) == (Verdict.MISSED, True)


def test_the_second_is_beside_the_first(held: Held) -> None:
    beside = held.second.score.against
    assert beside is not None
    assert beside.short_code == held.first.score.short_code
    # Ten stairwells answered, the dead number among them; what else was wrong still is.
    assert (beside.new, beside.gone) == (0, 11)
    moved = {each.name: each.better for each in beside.changes}
    assert (moved["answered"], moved["grids"], moved["defects"]) == (True, None, True)


def test_what_the_second_has_shown_to_work_is_closed_by_itself(held: Held) -> None:
    every = open_of(held.city, state="any")
    done = [item for item in every if item.reason == "mended"]
    assert len(done) == 11
    assert {(item.mended_in, item.closed_by) for item in done} == {
        (held.second.score.short_code, "")
    }
    left = [item for item in every if item not in done]
    assert len(left) == len(held.second.score.defects)
    assert {item.times for item in left} == {2}
    assert {item.last_in for item in left} == {held.second.score.short_code}


def test_owners_and_due_times(held: Held) -> None:
    items = {item.kind: item for item in open_of(held.city)}
    silent, mark = items["silent"], items["mark"]
    assert silent.unit_code.startswith(silent.owner_code)
    assert len(silent.owner_code) == 15  # the grid's, of a stairwell
    assert (mark.owner_code, mark.unit_code) == ("", "")
    assert mark.subject in {"answer_rate", "reach_rate"}
    assert silent.due_at == silent.found_at + 14 * DAY_MS  # October: the season is under way


def test_scored_once_more_nothing_is_counted_twice(held: Held) -> None:
    before = open_of(held.city, state="any")
    put(held.city, held.second)
    # Nor does the first drill, counted again, open what the second has shown to be mended.
    with held.city.store.read() as connection:
        put(held.city, look(connection, held.first.score.alert_no, TERMS))
    assert open_of(held.city, state="any") == before


def test_a_person_closes_what_lies_in_their_area(held: Held) -> None:
    item = open_of(held.city, kind="silent")[-1]
    town = Actor(no=9, id=b"t" * 16, name="town", role="area_administrator", path=path(TOWN))
    other = replace(town, path=path(OTHER))
    with pytest.raises(ForbiddenError):
        held.city.take(partial(mending.close, actor=other, no=item.no, note=""))
    closed = held.city.take(partial(mending.close, actor=town, no=item.no, note="asked"))
    assert (closed.reason, closed.note, closed.mended_in) == ("done", "asked", "")
    with pytest.raises(ConflictError):
        held.city.take(partial(mending.close, actor=town, no=item.no, note=""))
    with pytest.raises(NotFoundError):
        held.city.take(partial(mending.close, actor=town, no=9_999, note=""))
    assert open_of(held.city, path=path(OTHER), state="any") == []
    marks = open_of(held.city, kind="mark")
    assert marks
    assert open_of(held.city, path=path(TOWN), kind="mark") == []  # in no one unit


def path(code: str) -> str:
    return f"330281/{code}/"


def test_only_a_drill_that_is_over_goes_on_record(held: Held) -> None:
    city = held.city
    live = city.issue(areas=[OTHER], roles=["city_lead"])
    with city.store.read() as connection, pytest.raises(ConflictError):
        look(connection, live, TERMS)
    running = city.issue(areas=[THIRD], roles=["grid_leader"], status="Exercise")
    with city.store.read() as connection:
        found = look(connection, running, TERMS)
    assert not found.score.over
    with pytest.raises(ConflictError):
        put(city, found)


def test_the_ledger_knows_when_and_how(held: Held) -> None:
    with held.city.store.read() as connection:
        found = {entry.duty_no: entry for entry in ledger.entries(connection)}
        part = list(ledger.entries(connection, path=path(OTHER)))
        rest = list(ledger.entries(connection, after=next(iter(found))))
    duty, _ = held.city.leaders()[0]
    last = found[duty].last
    assert last is not None
    assert (last.alert, last.kind) == (held.second.score.short_code, ledger.In.EXERCISE)
    assert (last.via, last.route, last.grade, last.rank) == ("sms", "sms-1", "own", 1)
    assert len(found) == len(held.city.rows(own_duties()))
    assert {entry.unit_code[:9] for entry in part} == {OTHER}
    assert [entry.duty_no for entry in rest] == list(found)[1:]
    silent = held.city.leaders("building_lead")[-1][0]
    assert (found[silent].last, found[silent].holders > 0) == (None, True)


def own_duties() -> Any:
    d = t.duty.c
    return select(d.no).where(
        d.to_version == FOREVER, or_(d.role.not_in(PERSONAL_ROLES), d.role == d.post)
    )


def test_what_was_simulated_reached_nobody(held: Held) -> None:
    duty, _ = held.city.leaders()[0]
    with held.city.store.read() as connection:
        entries = ledger.entries(connection, simulated={"sms-1"})
        mine = next(entry for entry in entries if entry.duty_no == duty)
        dark = ledger.dark_grids(connection, since=0, simulated={"sms-1"})
        grids = ledger.grids_in_all(connection)
    assert mine.last is None
    assert list(mine.by_kind) == ["simulated"]
    assert len(dark) == grids


def test_dark_grids_are_those_that_nobody_was_reached_in(held: Held) -> None:
    with held.city.store.read() as connection:
        dark = ledger.dark_grids(connection, since=START)
        later = ledger.dark_grids(connection, since=held.city.now + 1)
        there = ledger.dark_grids(connection, since=START, path=path(TOWN))
    assert TOWN not in {grid.unit_code[:9] for grid in dark}
    assert (len(later) - len(dark), there) == (1, [])
    assert {grid.last for grid in dark} == {None}
    lit = next(grid for grid in later if grid.unit_code.startswith(TOWN))
    assert lit.last is not None
