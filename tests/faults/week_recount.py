"""What an alert's faces show, counted anew at any moment of a random week.

Board, map, lists of who is silent, doors to knock at and the report are each read as a user would
have them read; beside them the rows are counted here, and what the gateways themselves noted. The
report counts from the journal's facts alone.
"""

import json
from collections import Counter
from typing import Any

from sqlalchemy import Connection, select

from alertd.model import (
    FOREVER,
    Channel,
    DeliveryState,
    Policy,
    RequirementState,
    Stage,
    Status,
    alert_of,
    duty_of,
    numbers_of,
    stage_of,
)
from alertd.report.make import gather, to_json
from alertd.report.verify import verify
from alertd.store import tables as t
from alertd.store.reads import (
    alerts,
    board,
    own_grid,
    own_page,
    paper,
    situation,
    unanswered,
)
from rosters.words import LEAD_ROLES, Level
from tests.faults.random_world import World
from tests.faults.week_promises import hold, units, upwards

SILENT = int(RequirementState.OPEN), int(RequirementState.EXHAUSTED)
DOORS = (Level.GRID, Level.BUILDING)
ON_PAPER = {"waiting": "OPEN", "covered": "COVERED", "silent": "EXHAUSTED", "closed": "CLOSED"}


def faces_agree(world: World, alert: Any) -> None:
    """All of one alert that was issued."""
    no = alert.no
    with world.city.store.read() as connection:
        asked = _rows(connection, t.requirement, t.requirement.c.no, no)
        sent = _rows(connection, t.delivery, t.delivery.c.id, no)
        report_agrees(connection, no, asked, sent)
        board_agrees(world, connection, alert, asked, sent)
        lists_agree(connection, no, asked)
        parts_agree(world, connection, alert, asked)
        doors_agree(world, connection, alert, asked)
        pages_open(world, connection, alert, asked)
    peers_agree(world, sent)


def _rows(connection: Connection, table: Any, number: Any, alert_no: int) -> list[Any]:
    return list(connection.execute(select(table).where(number.between(*numbers_of(alert_no)))))


def report_agrees(connection: Connection, no: int, asked: list[Any], sent: list[Any]) -> None:
    """The facts come to what stands in the tables, by `verify` and without it."""
    report = json.loads(json.dumps(to_json(gather(connection, no))))
    verdict = verify(connection, no, report)
    hold(verdict.figures and verdict.good, "a report verifies", no, verdict.differences[:3])
    assert verdict.figures is not None
    found = verdict.figures
    for stage in found.stages:
        states = Counter(
            RequirementState(row.state).name.lower()
            for row in asked
            if stage_of(row.no).word == stage.stage
        )
        said = {word: getattr(stage, word) for word in ("open", "covered", "exhausted", "closed")}
        hold(said == {word: states[word] for word in said}, "a report counts duties", no, said)
    made = Counter(DeliveryState(row.state).word for row in sent)
    said = {state.word: getattr(found.deliveries, state.word) for state in DeliveryState}
    hold(said == {word: made[word] for word in said}, "a report counts messages", no, said, made)
    tries = sum(row.attempt for row in sent)
    hold(found.deliveries.attempts == tries, "a report counts tries", found.deliveries, tries)


def board_agrees(
    world: World, connection: Connection, alert: Any, asked: list[Any], sent: list[Any]
) -> None:
    """Board and map of the city and of each unit in it, and what became of the messages."""
    known = units(world, alert.roster_version)
    here, of = Counter[Any](), Counter[Any]()
    for row in asked:
        for at in upwards(known, row.unit_no):
            here[at, int(stage_of(row.no)), RequirementState(row.state)] += 1
            of[at, int(stage_of(row.no))] += 1
    first = min((Policy.from_dict(json.loads(alert.policy)).stages), key=lambda one: one.stage)
    by_path = {unit.path: unit.no for unit in known.values()}
    tops = [unit.no for unit in known.values() if unit.parent_no is None]
    now = select(t.unit).where(t.unit.c.to_version > alert.roster_version)
    # Of each unit the last: where it is, or was when it ended.
    last = {unit.no: unit for unit in connection.execute(now.order_by(t.unit.c.to_version))}
    for path, no in [("", tops[0]), *((last[no].path, no) for no in last.keys() & known.keys())]:
        shown = {Stage[one.stage.upper()]: one for one in board.stages(connection, alert.no, path)}
        if path and by_path.get(path, no) != no:
            continue  # another unit was there then
        for stage in shown.keys() | {at for unit, at in of if unit == no}:
            one = shown.get(Stage(stage))
            said = (one.needed, one.covered, one.exhausted) if one else (0, 0, 0)
            covered = here[no, int(stage), RequirementState.COVERED]
            exhausted = here[no, int(stage), RequirementState.EXHAUSTED]
            real = (of[no, int(stage)], covered, exhausted)
            hold(said == real, "a board counts a unit's duties", alert.no, path, said, real)
    for level in Level:
        for cell in board.cells(connection, alert.no, level=str(level)):
            at = by_path[cell.path]
            real = of[at, int(first.stage)], here[at, int(first.stage), RequirementState.COVERED]
            hold((cell.needed, cell.covered) == real, "the map counts a unit's duties", cell, real)
            silent = here[at, int(first.stage), RequirementState.EXHAUSTED]
            green = cell.state is board.CellState.COVERED
            hold(not green or real == (real[0], real[0]), "green is covered", cell, silent)
            hidden = silent and cell.state not in (board.CellState.SILENT, board.CellState.HELP)
            hold(not hidden, "who is silent is shown as that", cell, silent)
    whole = board.board(connection, alert.no)
    real_channels = Counter((row.lane % 1000 // 10, row.state) for row in sent)
    said_channels = Counter(
        {
            (int(Channel[one.channel.upper()]), int(DeliveryState[word.upper()])): n
            for one in whole.channels or ()
            for word, n in one.states.items()
            if n
        }
    )
    hold(said_channels == real_channels, "a board counts messages", said_channels, real_channels)


def lists_agree(connection: Connection, no: int, asked: list[Any]) -> None:
    """Who is silent is on the list of those, once, however it is leafed through."""
    found: list[int] = []
    after: int | None = None
    while True:
        page = unanswered.unanswered(connection, no, after=after, limit=3)
        found += [item.no for item in page.items]
        after = page.next
        if after is None:
            break
    real = sorted(row.no for row in asked if row.state in SILENT)
    hold(sorted(found) == real, "who is silent is on the list once", no, found, real)
    closed = unanswered.unanswered(connection, no, state="closed", limit=10_000)
    real = sorted(row.no for row in asked if row.state == RequirementState.CLOSED)
    hold(sorted(one.no for one in closed.items) == real, "who never answered is listed", no, real)


def parts_agree(world: World, connection: Connection, alert: Any, asked: list[Any]) -> None:
    """Whoever is in charge of a part has all who are silent there on the list, by its own roster.

    A unit that has left since is in nobody's part but the whole city's.
    """
    known = units(world, alert.roster_version)
    now = connection.execute(select(t.unit).where(t.unit.c.to_version == FOREVER)).all()
    for unit in now:
        if unit.no not in known:
            continue
        top = known[unit.no].path
        real = {
            row.no
            for row in asked
            if row.state in SILENT and known[row.unit_no].path.startswith(top)
        }
        said = unanswered.silent(connection, alert.no, path=unit.path)
        hold(set(said) == real and len(said) == len(real), "a part has its silent", unit, real)


def pages_open(world: World, connection: Connection, alert: Any, asked: list[Any]) -> None:
    """A report on how it stands, and each leader's own page, can be read and say the same."""
    full, now = alerts.alert(connection, alert.id), world.city.now
    words = {RequirementState[name]: word for word, name in ON_PAPER.items()}
    words[RequirementState.CLOSED] = "waiting"
    first = own_grid.first_stage(full, 0)
    real = {
        duty_of(row.no): words[row.state] for row in asked if stage_of(row.no) == stage_of(first)
    }
    found = situation.situation(connection, full.view, "", now)
    h = t.help_case.c
    crying = select(h.ack_no).where(h.alert_no == alert.no, h.closed_at.is_(None))
    cries = len(connection.execute(crying).all())
    hold(found.figures.help_open == cries, "each call for help is counted", alert.no, cries)
    hold(len(found.help) == cries, "and listed", alert.no, cries)
    for person in {row.recipient_no for row in _told_people(connection, alert.no)}:
        page = own_page.own_page(connection, alert.id, person, now)
        if page.leads:
            grid = own_grid.grid(connection, full, person, limit=999)
            shown = {row.duty_no: row.state for row in grid.rows}
            hold(shown.items() <= real.items(), "a page says how each duty stands", grid, real)
            green = sum(state == "covered" for state in shown.values())
            said = (grid.needed, grid.covered) == (len(shown), green)
            hold(said, "a page counts what is below", grid)


def _told_people(connection: Connection, no: int) -> list[Any]:
    d = t.delivery.c
    theirs = d.id.between(*numbers_of(no)), d.recipient_kind == 1, d.attempt > 0
    return list(connection.execute(select(d.recipient_no).where(*theirs)))


def doors_agree(world: World, connection: Connection, alert: Any, asked: list[Any]) -> None:
    """Every grid and stairwell inside is asked or on the list of doors, as each stands."""
    full = alerts.alert(connection, alert.id)
    known = units(world, alert.roster_version).values()
    (city,) = (unit.path for unit in known if unit.parent_no is None)
    lines = paper.asked(connection, full, city, limit=10_000)
    policy = Policy.from_dict(json.loads(alert.policy))
    first = min(rule.stage for rule in policy.stages)
    real = {
        duty_of(row.no): RequirementState(row.state) for row in asked if stage_of(row.no) is first
    }
    said = {line.duty_no: RequirementState[ON_PAPER[line.state]] for line in lines if line.duty_no}
    hold(said == real, "paper says how each duty stands", alert.no, said, real)
    # One that ended, or was stopped, before it was written down for all asks the rest nothing.
    halt = world.halts().get(alert.no)
    stopped = halt is not None and halt.stopped_at is not None
    whole = alert.state == "issued" and not alert.phase and not stopped
    if alert.audience == "told" or alert.status == Status.TEST or not whole:
        return
    chosen = json.loads(alert.selection)
    roles = set(chosen["roles"]) & set(policy.ladder_roles)
    there = {line.unit_no for line in lines}
    for unit in known:
        inside = unit.path.startswith(tuple(chosen["paths"]))
        if inside and unit.level in DOORS and LEAD_ROLES[Level(unit.level)] in roles:
            hold(unit.no in there, "no door is forgotten", alert.no, unit)


def peers_agree(world: World, sent: list[Any]) -> None:
    """What a gateway has said yes to isn't called failed, and what none has seen isn't called sent.

    Each try that a gateway saw is on record, and at most those that couldn't be made beside them.
    """
    answered = {receipt.delivery for receipt in world.receipts}
    for row in sent:
        seen, known = world.tries.get(row.id, []), world.known_tries(row.id)
        hold(len(known) <= row.attempt, "each try is on record", alert_of(row.id), row, known)
        state = DeliveryState(row.state)
        if row.id in answered:
            continue
        took = [each for each in seen if each.ending in ("accepted", "delivered")]
        said_yes = state in (DeliveryState.ACCEPTED, DeliveryState.DELIVERED)
        hold(not said_yes or took, "what is called sent was taken", row, seen)
        if state is DeliveryState.DELIVERED:
            came = any(each.ending == "delivered" for each in took)
            hold(came, "what is called delivered came", row, seen)
        denied = any(each.ending == "dead" for each in seen)
        took = [each for each in took if not each.forgotten]
        wrong = state is DeliveryState.FAILED and took and not denied
        hold(not wrong, "what was taken isn't called failed", row, seen)
