"""What must hold once a random week has come to rest: an hour later, with all gateways well.

The numbers are those of "What must stay true" in docs/architecture.md.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from alertd import cap
from alertd.decide.plan import ANSWERED
from alertd.model import (
    PAUSED_PRIORITY,
    DeliveryState,
    Stage,
    Status,
    alert_of,
    numbers_of,
    requirement_no,
)
from alertd.store import dialect, journal, rebuild
from alertd.store import tables as t
from channels.base import ReceiptStatus
from tests import databases
from tests.faults.random_world import World
from tests.faults.week_promises import OPEN, hold, units

PERSON = 1  # a recipient's kind
LATE_MS = 61_000
LADDER_MS = 40 * 60_000
STANDS = DeliveryState
TEST, EXERCISE = int(Status.TEST), int(Status.EXERCISE)
GOT_IT = {ReceiptStatus(each) for each in ("accepted", "delivered", "played", "interrupted")}


def in_the_end(world: World) -> None:
    """All of it."""
    paused = _paused(world)
    messages_are_settled(world, paused)
    outcomes_are_true(world)
    ladders_have_ended(world, paused)
    cries_go_on(world)
    for alert in world.alerts():
        if alert.issued_at is not None:
            all_were_told(world, alert)
            followers_were_told(world, alert)
            nobody_outside_was_told(world, alert)
    journal_holds(world)
    journal_rebuilds(world)


def _paused(world: World) -> set[int]:
    halts, live = world.halts(), {alert.no for alert in world.live()}
    return {no for no in live if no in halts and halts[no].paused_at is not None}


def _deliveries(world: World, alert_no: int | None = None) -> list[Any]:
    query, d = select(t.delivery), t.delivery.c
    if alert_no is not None:
        query = query.where(d.id.between(alert_no << 32, (alert_no + 1 << 32) - 1))
    return world.city.rows(query)


def messages_are_settled(world: World, paused: set[int]) -> None:
    """1: nothing waits, is being sent or is in doubt past its time."""
    now = world.city.now
    for row in _deliveries(world):
        # What falls due as the week ends may wait for its route's next token.
        waits = row.state == STANDS.PENDING and row.due_at < now - 10_000
        held_back = alert_of(row.id) in paused and row.priority > PAUSED_PRIORITY
        hold(not waits or held_back, "nothing waits for ever", row)
        late = row.due_at is not None and row.due_at < now - 1_000
        timed = row.state in (STANDS.SENDING, STANDS.ACCEPTED, STANDS.UNKNOWN)
        hold(not (timed and late), "nothing is in doubt past its time", row)


def outcomes_are_true(world: World) -> None:
    """2: what may have left isn't called failed, and what nobody took isn't called sent."""
    said: dict[int, set[ReceiptStatus]] = defaultdict(set)
    for receipt in world.receipts:
        said[receipt.delivery].add(receipt.status)
    given_up = (STANDS.FAILED, STANDS.EXPIRED, STANDS.CANCELLED)
    for row in _deliveries(world):
        tries = world.tries.get(row.id, [])
        maybe = any(each.may_have_left for each in world.known_tries(row.id))
        denied = ReceiptStatus.FAILED in said[row.id] or any(e.ending == "dead" for e in tries)
        false = row.state in given_up and maybe and not denied
        hold(not false, "what may have left isn't called failed", row, [e.ending for e in tries])
        taken = any(each.ending in ("accepted", "delivered") for each in tries)
        sent = row.state in (STANDS.ACCEPTED, STANDS.DELIVERED)
        hold(not sent or taken or said[row.id] & GOT_IT, "what is called sent was taken", row)


def ladders_have_ended(world: World, paused: set[int]) -> None:
    """1: who hasn't answered is covered or on a list by now; every digest went."""
    now = world.city.now
    alerts = {each.no: each for each in world.alerts()}
    for row in world.city.rows(select(t.requirement).where(t.requirement.c.state == OPEN)):
        no = alert_of(row.no)
        if no in paused:
            continue
        steps = json.loads(alerts[no].policy)["steps"]
        hold(row.due_at is not None or not steps, "no ladder stands still", row)
        hold(row.due_at is None or row.due_at >= now - LATE_MS, "no step is late", row)
        hold(row.start_at >= now - LADDER_MS, "each ladder ends", row)
    e = t.digest_entry.c
    for entry in world.city.rows(select(t.digest_entry).where(e.message_no.is_(None))):
        waits = entry.alert_no in paused or entry.due_at >= now - LATE_MS
        hold(waits, "each digest is sent", entry)


def cries_go_on(world: World) -> None:
    """5: a call that nobody has taken is told on, again and again."""
    h = t.help_case.c
    standing = select(t.help_case).where(h.closed_at.is_(None), h.taken_at.is_(None))
    for case in world.city.rows(standing):
        goes_on = case.due_at is not None and case.due_at >= world.city.now - 2 * LATE_MS
        hold(goes_on, "no call for help stands still", case)


def _runs(world: World, alert: Any) -> bool:
    halt = world.halts().get(alert.no)
    return alert.state == "issued" and (halt is None or halt.stopped_at is None)


def all_were_told(world: World, alert: Any) -> None:
    """1 and 9: whoever the alert's roster has inside has a message, and each duty is asked."""
    if not _runs(world, alert):
        return
    hold(alert.phase == 0, "the expansion ends", alert.no)
    if alert.audience == "told" or alert.status == TEST:
        return
    city, version, chosen = world.city, alert.roster_version, json.loads(alert.selection)
    policy = json.loads(alert.policy)
    known = units(world, version).values()
    inside = {unit.no for unit in known if unit.path.startswith(tuple(chosen["paths"]))}
    told = {(row.recipient_kind, row.recipient_no) for row in _deliveries(world, alert.no)}
    h = t.holding.c
    at = (h.from_version <= version, h.to_version > version, h.role.in_(chosen["roles"]))
    everyone = policy["tell"] == "everyone"
    for held in city.rows(select(t.holding).where(*at, h.address_no.is_not(None))):
        first = held.rank == 1 and held.shift_from is None
        if held.unit_no in inside and (everyone or first):
            hold((PERSON, held.person_no) in told, "everyone inside is told", alert.no, held)
    r, d = t.requirement.c, t.duty.c
    asked = {row.no for row in city.rows(select(r.no).where(r.no.between(*numbers_of(alert.no))))}
    roles = set(chosen["roles"]) & set(policy["ladder_roles"])
    at = (d.from_version <= version, d.to_version > version, d.role.in_(roles))
    for duty in city.rows(select(t.duty).where(*at)):
        for stage in policy["stages"] if duty.unit_no in inside else ():
            no = requirement_no(alert.no, Stage[stage["name"].upper()], duty.no)
            hold(no in asked, "each duty inside is asked", alert.no, duty)


def followers_were_told(world: World, alert: Any) -> None:
    """9: who was told of an alert is told of what updates, corrects or ends it."""
    if alert.purpose == "alert" or alert.status == TEST or not _runs(world, alert):
        return
    mine = _deliveries(world, alert.no)
    told = {(row.recipient_kind, row.recipient_no) for row in mine}
    for row in _told_before(world, alert):
        tries = world.known_tries(row.id)
        if tries and tries[0].at < alert.issued_at and row.priority > PAUSED_PRIORITY:
            kept = (row.recipient_kind, row.recipient_no) in told
            hold(kept, "who was told is told of what follows", alert.no, alert.purpose, row)
    if alert.status != int(Status.ACTUAL) or alert.no in _paused(world):
        return
    tried = {
        (row.recipient_kind, row.recipient_no)
        for row in mine
        if row.attempt or row.state == STANDS.FAILED or row.reason == ANSWERED
    }
    hold(tried == told, "each is tried", alert.no, told - tried)


def followed(world: World, alert: Any) -> set[int]:
    """All that an alert names, and what those name."""
    alerts = world.alerts()
    by_name = {(each.sender, each.identifier, each.sent): each for each in alerts}
    found, todo = set[int](), [alert]
    while todo:
        for reference in cap.from_json(json.loads(todo.pop().cap)).references:
            named = by_name.get((reference.sender, reference.identifier, reference.sent))
            if named is not None and named.no not in found:
                found.add(named.no)
                todo.append(named)
    return found


def _told_before(world: World, alert: Any) -> list[Any]:
    """What left of the alerts that this one follows."""
    rows = [row for no in followed(world, alert) for row in _deliveries(world, no)]
    return [row for row in rows if row.attempt]


def nobody_outside_was_told(world: World, alert: Any) -> None:
    """6 and 7: an alert reaches those inside, and above them; a drill or a test not even those.

    A call for help and a confirmation go to whom they concern, whatever the plan says.
    """
    chosen = json.loads(alert.selection)
    messages = {row.no: row for row in world.city.rows(select(t.message))}
    reached = [
        row
        for row in _deliveries(world, alert.no)
        if row.attempt and row.priority > PAUSED_PRIORITY and row.recipient_kind == PERSON
    ]
    if alert.status == TEST:
        alone = {row.recipient_no for row in reached} <= {chosen["author_person"]}
        hold(alone, "a test reaches its author only", alert.no, reached)
        return
    allowed = _people_in(world, chosen["paths"], above=alert.status != EXERCISE)
    if alert.status != EXERCISE:
        before = _told_before(world, alert)
        allowed |= {row.recipient_no for row in before if row.recipient_kind == PERSON}
    for row in reached:
        message = messages[row.message_no]
        theirs = message.kind in ("help", "heard", "confirmation")
        theirs = theirs or message.template.startswith(("help", "confirmation"))
        hold(theirs or row.recipient_no in allowed, "nobody outside is told", alert.no, row)


def _people_in(world: World, paths: Iterable[str], *, above: bool) -> set[int]:
    """Who ever held anything there, or above that; above a unit that moved, by either place."""
    every = world.city.rows(select(t.unit.c.no, t.unit.c.path))
    numbers = {unit.no for unit in every if unit.path.startswith(tuple(paths))}
    if above:
        lines = {unit.path for unit in every if unit.no in numbers}
        over = (u.no for u in every if any(line.startswith(u.path) for line in lines))
        numbers |= set(over)
    rows = world.city.rows(select(t.holding.c.person_no, t.holding.c.unit_no))
    return {row.person_no for row in rows if row.unit_no in numbers}


def journal_holds(world: World) -> None:
    """1: the record is whole, and the engine met nothing that it had to write down as a defect."""
    with world.city.store.read() as connection:
        rows = list(journal.stream(connection))
    _, broken = journal.verify(iter(rows))
    hold(not broken, "the journal's chain holds", broken)
    defects = [row.fact for row in rows if row.fact.kind == "defect"]
    hold(not defects, "the engine met no defect", defects[:2])


def journal_rebuilds(world: World) -> None:
    """1: all that is known can be made again from the journal."""
    with tempfile.TemporaryDirectory(prefix="alertd-again-") as folder:
        url = databases.url_of(Path(folder), postgresql=world.postgresql)
        engine = dialect.writer(url, synchronous="OFF")
        with world.city.store.read() as live, engine.begin() as again:
            rebuild.rebuild(live, again)
            differs = rebuild.compare(live, again)
        engine.dispose()
    hold(not differs, "the journal rebuilds what stands", differs[:4])
