"""What must hold in a random week at each hand-over, and after each act.

The numbers are those of "What must stay true" in docs/architecture.md.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import select

from alertd.model import (
    FOREVER,
    REAL,
    STAGES_OF_ACK,
    AckKind,
    DeliveryState,
    RequirementState,
    Status,
    alert_of,
    duty_of,
    numbers_of,
    requirement_no,
    stage_of,
)
from alertd.store import addresses
from alertd.store import tables as t
from channels.base import Reply
from tests.faults.random_world import Handed, World

OPEN, COVERED, EXHAUSTED = (
    int(RequirementState[name]) for name in ("OPEN", "COVERED", "EXHAUSTED")
)
ON_LIST = 16  # of a requirement's `told`: the door-knock list has it


class BrokenPromiseError(AssertionError):
    """Says which, and of what."""


def hold(kept: Any, promise: str, *of: Any) -> None:
    """One promise, in a sentence, and what it was looked at on."""
    if not kept:
        raise BrokenPromiseError(f"{promise}: {' '.join(map(str, of))}")


# At each hand-over.


def at_hand_over(world: World, handed: Handed) -> None:
    """All of it, before the gateway has it."""
    on_record(world, handed)
    copies_are_marked(world, handed)
    numbers_stay_whose_they_were(world, handed)
    if handed.message.kind not in REAL:  # leaves whatever is paused, stopped or a drill's plan
        may_leave(world, handed)


def on_record(world: World, handed: Handed) -> None:
    """1: what leaves is written down first, as this try and no other."""
    d, message = t.delivery.c, handed.message
    row = world.city.one(select(d.state, d.attempt).where(d.id == message.delivery))
    written = (row.state, row.attempt) == (int(DeliveryState.SENDING), message.attempt)
    hold(written, "what is handed over is on record", row, message)


def copies_are_marked(world: World, handed: Handed) -> None:
    """2: whatever may be a second copy says so; no try is handed over twice."""
    message = handed.message
    before = world.tries.get(message.delivery, [])
    known = world.known_tries(message.delivery)
    twice = any(each.message.attempt == message.attempt for each in known)
    hold(not twice, "no try is handed over twice", message)
    said = any(each.delivery == message.delivery for each in world.receipts)
    maybe = any(each.may_have_left for each in before)
    marked = message.possible_duplicate or not maybe or said  # a gateway's "failed" is believed
    hold(marked, "a second copy is marked", message, [each.ending for each in before])


def numbers_stay_whose_they_were(world: World, handed: Handed) -> None:
    """4: no number or code is given twice, not even one that alertd knows nothing of any more."""
    message = handed.message
    for each in world.tries.get(message.delivery, []):
        same = (each.message.kind, each.message.created_at) == (message.kind, message.created_at)
        hold(same, "a message's number is no other's", message, each.message)
    no = alert_of(message.delivery)
    alert = world.city.one(select(t.alert.c.id, t.alert.c.short_code).where(t.alert.c.no == no))
    whose = world.codes.setdefault(alert.short_code, alert.id)
    hold(whose == alert.id, "a code is one alert's", alert.short_code, alert.id, whose)


def may_leave(world: World, handed: Handed) -> None:
    """6: nothing of a paused or ended alert leaves; drills are marked, and go by their plan."""
    message = handed.message
    alert = world.city.one(select(t.alert).where(t.alert.c.no == alert_of(message.delivery)))
    halt = world.halts().get(alert.no)
    live = alert.state == "issued"
    paused = live and halt is not None and halt.paused_at is not None
    hold(not paused or message.kind == "paused", "a paused alert sends nothing", message)
    if message.kind != "confirmation":  # who answers late is told that it is over
        hold(live, "what has ended sends nothing", alert.state, message)
        hold(halt is None or halt.stopped_at is None, "what was stopped sends nothing", message)
    drill = alert.status == int(Status.EXERCISE)
    hold(("演练" in message.text) if drill else ("【演练】" not in message.text), "a mark", message)
    if drill:
        plan = json.loads(alert.selection)
        (route,) = (each for each in world.city.routes if each.name == handed.route)
        hold(route.simulated or not plan["simulated"], "a simulated drill leaves by no real route")
        in_plan = plan["routes"] is None or handed.route in plan["routes"]
        hold(in_plan, "a drill goes by its plan's routes", handed.route, plan["routes"])


# After each answer.


def answers_count(world: World, new: Iterable[Any]) -> None:
    """4 and 5: a new ack counts for all duties that its person holds; a cry has its case."""
    for ack in new:
        kind = AckKind(ack.kind)
        counted = ack.count is not None and ack.of is not None
        if kind is AckKind.DONE and counted and ack.count < ack.of:
            kind = AckKind.RECEIVED
        h = t.holding.c
        mine = select(h.duty_no).where(h.person_no == ack.person_no, h.to_version == FOREVER)
        held = {row.duty_no for row in world.city.rows(mine)}
        for duty in held if ack.duties is None else held & set(json.loads(ack.duties)):
            for stage in STAGES_OF_ACK[kind]:
                no = requirement_no(ack.alert_no, stage, duty)
                rows = world.city.rows(select(t.requirement).where(t.requirement.c.no == no))
                covered = all(row.state == COVERED for row in rows)
                hold(covered, "an ack counts", ack, rows)
        if kind is AckKind.HELP:
            c = t.help_case.c
            case = (c.alert_no == ack.alert_no, c.person_no == ack.person_no)
            rows = world.city.rows(select(c.ack_no).where(*case, c.closed_at.is_(None)))
            hold(rows, "a cry has an open case", ack)


def answers_are_of_the_telephone(world: World, phone: str, named: str, new: Iterable[Any]) -> None:
    """4: a reply is an answer of those whose telephone it came from, who were told of its alert.

    One that is signed is its signer's alone. Whoever took a post and its telephone over answers for
    who was told.
    """
    c, p, d = t.contact.c, t.person.c, t.delivery.c
    with world.city.store.read() as connection:
        at = addresses.find(connection, world.city.store.vault, phone)
    theirs = {
        row.person_no for row in world.city.rows(select(c.person_no).where(c.address_no == at))
    }
    now = select(p.no, p.name).where(p.to_version == FOREVER, p.no.in_(theirs))
    names = {row.no: row.name for row in world.city.rows(now)}
    for ack in new:
        hold(ack.person_no in theirs, "a reply is of whose telephone it is", ack, theirs)
        signed = named in names.values() and names.get(ack.person_no) != named
        hold(not signed, "a signed reply is its signer's", ack, named, names)
        theirs_of_it = d.id.between(*numbers_of(ack.alert_no)), d.recipient_no.in_(theirs)
        tried = select(d.recipient_no).where(*theirs_of_it, d.recipient_kind == 1, d.attempt > 0)
        told = {row.recipient_no for row in world.city.rows(tried)}
        heir = told - names.keys()
        hold(ack.person_no in told or heir, "who answers was told", ack, told)


def answers_are_of_what_they_quote(came: Reply, new: Iterable[Any]) -> None:
    """4: who answers a message, and names no alert, answers its own alert, known or forgotten."""
    names_one = any(word[:1].isascii() and word[:1].isalpha() for word in came.text.split())
    if came.answers and not names_one:
        for ack in new:
            own = ack.alert_no == alert_of(came.answers)
            hold(own, "a quoted message's alert is answered", came, ack)


def who_was_told_is_heard(world: World, came: Reply, acks: Iterable[Any]) -> None:
    """4: a plain answer counts where it can be about one alert only, whatever the clocks say.

    It came from a telephone that was never anybody else's, and one alert alone ever went there, or
    it names one. What is said of when it was written is left to other tests.
    """
    c, a, d = t.contact.c, t.address.c, t.delivery.c
    words = came.text.split()
    if came.occurred_at is not None or came.answers or words[0] not in ("1", "收到"):
        return
    with world.city.store.read() as connection:
        at = addresses.find(connection, world.city.store.vault, came.sender)
    persons = world.city.rows(select(c.person_no).where(c.address_no == at).distinct())
    told = {alert_of(h.message.delivery) for h in world.handed if h.message.address == came.sender}
    named = [each for each in world.alerts() if each.no in told and each.short_code in words[1:]]
    about = named if words[1:] else [each for each in world.alerts() if each.no in told]
    if len(persons) != 1 or len(about) != 1 or about[0].purpose in ("cancel", "all-clear"):
        return
    (person,), (alert,) = persons, about
    theirs = (d.recipient_no == person.person_no, d.id.between(*numbers_of(alert.no)))
    sent = world.city.rows(
        select(d.state, a.no).join(t.address, a.no == d.address_no).where(*theirs)
    )
    arrived = {int(DeliveryState.ACCEPTED), int(DeliveryState.DELIVERED)}
    if not sent or any(row.state not in arrived or row.no != at for row in sent):
        return
    mine = [ack for ack in acks if (ack.alert_no, ack.person_no) == (alert.no, person.person_no)]
    hold(mine, "who was told and answers is heard", came, alert.no, alert.state)


# After each act.


def after_each_act(world: World) -> None:
    """All of it, at any moment."""
    deliveries_are_counted(world)
    answers_are_their_own(world)
    requirements_are_sound(world)
    coverage_adds_up(world)
    no_machine_closes_help(world)


def deliveries_are_counted(world: World) -> None:
    """2: the board's counts are those of the deliveries."""
    counts = Counter[Any]()
    for row in world.city.rows(select(t.delivery_count)):
        counts[row.alert_no, row.channel, row.state] += row.n  # PostgreSQL adds them up later
    shown = {key: n for key, n in counts.items() if n}
    d = t.delivery.c
    rows = world.city.rows(select(d.id, d.lane, d.state))
    real = Counter((alert_of(row.id), row.lane % 1000 // 10, row.state) for row in rows)
    hold(shown == real, "deliveries are counted right", shown.items() ^ real.items())


def answers_are_their_own(world: World) -> None:
    """4: an ack counts for its own person, alert and duties, and not once it is withdrawn."""
    acks = {each.no: each for each in world.city.rows(select(t.ack))}
    for answer in world.city.rows(select(t.answer)):
        ack, no = acks[answer.ack_no], answer.requirement_no
        hold(ack.withdrawn_at is None, "a withdrawn ack counts for nothing", answer)
        own = (ack.person_no, ack.alert_no) == (answer.person_no, alert_of(no))
        hold(own, "an answer is its own person's", answer, ack)
        named = ack.duties is None or duty_of(no) in json.loads(ack.duties)
        hold(named, "an ack counts for the duties that it names", answer, ack)


def requirements_are_sound(world: World) -> None:
    """1 and 4: covered by as many as count, and never open in what is over."""
    own = Counter(row.requirement_no for row in world.city.rows(select(t.answer.c.requirement_no)))
    alerts = {each.no: each for each in world.alerts()}
    stopped = {no for no, each in world.halts().items() if each.stopped_at is not None}
    for row in world.city.rows(select(t.requirement)):
        alert = alerts[alert_of(row.no)]
        carried = row.have - own[row.no]
        hold(carried in (0, 1), "each ack counts once", row)
        hold(not carried or alert.references_no, "what is carried on comes from somewhere", row)
        hold((row.state == COVERED) == (row.have >= row.needed), "covered is who answered", row)
        over = alert.state != "issued" or alert.no in stopped
        hold(row.state != OPEN or not over, "nothing is open in what is over", row, alert.state)
        hold(row.state == OPEN or row.due_at is None, "only what is open is due", row)
        listed = row.state != EXHAUSTED or row.told & ON_LIST
        hold(listed, "who is given up is on a door-knock list", row)


def coverage_adds_up(world: World) -> None:
    """2: what the map shows of each unit is what is so below it."""
    alerts = {each.no: each for each in world.alerts()}
    needed, covered, exhausted = Counter[Any](), Counter[Any](), Counter[Any]()
    for row in world.city.rows(select(t.requirement)):
        no, stage = alert_of(row.no), int(stage_of(row.no))
        for at in upwards(units(world, alerts[no].roster_version), row.unit_no):
            needed[no, stage, at] += 1
            covered[no, stage, at] += row.state == COVERED
            exhausted[no, stage, at] += row.state == EXHAUSTED
    helping, unknown = _helping(world, alerts)
    shown = {(row.alert_no, row.stage, row.unit_no): row for row in _coverage(world)}
    hold(needed.keys() <= shown.keys(), "each unit asked is on the map", needed.keys() - shown)
    # Help is shown with the first stage, whichever a policy begins with.
    first = {no: stage for no, stage, _ in sorted(shown, reverse=True)}
    for key, row in shown.items():
        real = (needed[key], covered[key], exhausted[key])
        said = (row.needed, row.covered, row.exhausted)
        hold(said == real, "the map is right", key, said, real)
        real_help = helping[key[0], key[2]] if key[1] == first[key[0]] else 0
        hold(key[0] in unknown or row.helping == real_help, "the map shows help", row, real_help)


def _coverage(world: World) -> list[Any]:
    return world.city.rows(select(t.coverage))


def _helping(world: World, alerts: dict[int, Any]) -> tuple[Counter[Any], set[int]]:
    """Open calls by alert and unit; alerts with a call from a unit that their roster hasn't.

    Those have no place on the alert's map, and what it shows of them isn't looked at.
    """
    found, unknown = Counter[Any](), set[int]()
    for case in world.city.rows(select(t.help_case)):
        known = units(world, alerts[case.alert_no].roster_version)
        if case.unit_no not in known:
            unknown.add(case.alert_no)
        elif case.closed_at is None:
            at: int | None = case.unit_no
            while at in known:
                found[case.alert_no, at] += 1
                at = known[at].parent_no
    return found, unknown


def no_machine_closes_help(world: World) -> None:
    """5: only people close a call for help."""
    for case in world.city.rows(select(t.help_case).where(t.help_case.c.closed_at.is_not(None))):
        hold(case.ack_no in world.closed_help, "no machine closes a call for help", case)


def units(world: World, version: int | None) -> dict[int, Any]:
    """A version's, by number; none of a draft's, which counts by no roster yet."""
    if version is None:
        return {}
    u = t.unit.c
    rows = world.city.rows(select(t.unit).where(u.from_version <= version, u.to_version > version))
    return {row.no: row for row in rows}


def upwards(known: dict[int, Any], unit_no: int) -> Iterator[int]:
    """A unit and all above it; a stairwell counts in its grid."""
    unit = known[unit_no]
    at = unit.parent_no if unit.level == "building" else unit.no
    while at in known:
        yield at
        at = known[at].parent_no
