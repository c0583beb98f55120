"""What may happen in a random week: the office's acts, people's answers, the gateways' words."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import select

from alertd import cap
from alertd.engine import (
    accept,
    answering,
    approving,
    halting,
    helping,
    receive,
    urging,
    withdrawing,
)
from alertd.engine.counting import Answered
from alertd.messages import ShortForm, compose
from alertd.model import (
    FOREVER,
    AckKind,
    Channel,
    Grade,
    RequirementState,
    Status,
    Via,
    alert_of,
    duty_of,
    numbers_of,
)
from alertd.store import tables as t
from channels.base import Accepted, Fault, Receipt, ReceiptStatus, Reply, SendError
from tests.city import OFFICER, SECOND
from tests.faults.random_world import WEATHER, World
from tests.faults.week_promises import (
    answers_are_of_the_telephone,
    answers_are_of_what_they_quote,
    answers_count,
    who_was_told_is_heard,
)

BY = OFFICER.id
NO_END = int(RequirementState.OPEN), int(RequirementState.EXHAUSTED)
COLOURS = ("red", "red", "orange", "yellow", "blue")
ROLES = (
    ["grid_leader", "building_lead"],
    ["grid_leader", "building_lead"],
    ["grid_leader"],
    ["grid_leader", "building_lead", "community_lead", "subdistrict_lead"],
)
TEXTS = ("1",) * 8 + ("收到", "2", "2 35/40", "3", "0", "去不了", "什么情况", "TD")
ENDS = (
    Accepted("late"),
    Accepted("late", delivered=True),
    SendError(Fault.UNKNOWN, "timeout"),
    SendError(Fault.RETRY, "http-503"),
)

# The office.


def issue(world: World) -> None:
    mostly, now_and_then = ("Exercise", "Actual") if world.calm else ("Actual", "Exercise")
    statuses = [mostly] * 6 + [now_and_then] * (1 if world.calm else 3) + ["Test"]
    template = world.dice.choice(["typhoon", "flood"])
    _go_on(world, _draft(world, template, status=world.dice.choice(statuses)))


def issue_for_minutes(world: World) -> None:
    if drafted := _draft(world, "typhoon", expires_soon=1.0):
        _approve(world, drafted)


def follow(world: World) -> None:
    """An update, an end or a correction of one alert or of two."""
    dice = world.dice
    old = [each for each in world.alerts() if each.issued_at is not None]
    if not old:
        return
    live = [a for a in old if a.state == "issued" and a.purpose not in ("cancel", "all-clear")]
    first = dice.choice(live if live and dice.random() < 0.8 else old)
    named = {first.no} | ({dice.choice(old).no} if dice.random() < 0.25 else set())
    what = dice.choice(["typhoon", "typhoon", "cancel", "all-clear", "correction"])
    areas = None
    if dice.random() < 0.5:
        areas = [a for a in json.loads(first.selection)["areas"] if a in world.roster.units]
    references = [world.city.reference(no) for no in sorted(named)]
    status = Status(first.status).name.capitalize()
    _go_on(world, _draft(world, what, references, status=status, areas=areas))


def approve(world: World) -> None:
    if world.drafts:
        _approve(world, world.dice.choice(world.drafts))


def discard(world: World) -> None:
    if world.drafts:
        drafted = world.drafts.pop(world.dice.randrange(len(world.drafts)))
        alert_id = bytes.fromhex(drafted["id"])
        world.hand_in(partial(approving.discard, actor=OFFICER, alert_id=alert_id))


def halt(world: World) -> None:
    """Pause, go on, or stop."""
    if not (live := world.live()):
        return
    alert = world.dice.choice(live)
    held = world.halts().get(alert.no)
    paused = held is not None and held.paused_at is not None
    odds = {halting.pause: 0 if paused else 4, halting.resume: 10 if paused else 4, halting.stop: 2}
    (how,) = world.dice.choices(list(odds), list(odds.values()))
    world.say(f"   {how.__name__} {alert.no}")
    world.hand_in(partial(how, actor=OFFICER, alert_id=alert.id, reason="as the seed wants"))


def urge(world: World) -> None:
    """Remind some, or go on to who is above them."""
    if not (live := world.live()):
        return
    no, r = world.dice.choice(live).no, t.requirement.c
    standing = select(r.no).where(r.no.between(*numbers_of(no)), r.state.in_(NO_END))
    found = [row.no for row in world.city.rows(standing.order_by(r.no))]
    if not found:
        return
    some = world.dice.sample(found, min(len(found), world.dice.randint(1, 3)))
    how = world.dice.choice([urging.remind, urging.climb])
    world.say(f"   {how.__name__} {no}")
    world.hand_in(lambda turn: how(turn, OFFICER, turn.alert(no), some))


def change_roster(world: World) -> None:
    for _ in range(world.dice.choice([1, 1, 2, 4])):
        world.say(f"   {world.roster.change()}")
    world.bring_in("changed")


def _draft(
    world: World,
    template: str,
    references: Sequence[cap.Reference] = (),
    *,
    status: str = "Actual",
    areas: Sequence[str] | None = None,
    expires_soon: float = 0.06,
) -> dict[str, Any] | None:
    """Write one down; None where the engine refused it."""
    dice, city = world.dice, world.city
    colour = dice.choice(COLOURS)
    form: dict[str, Any] = {"template": template, "colour": colour, "status": status}
    form |= {"areas": areas or _areas(world), "roles": dice.choice(ROLES)}
    if dice.random() < expires_soon:
        form["valid_min"] = dice.choice([2, 7, 15])
    alert = compose(
        ShortForm.from_dict(form),
        city.library.templates.select(template, colour),
        identifier=f"week-{city.ids.uuid().hex()}",
        sender="test@alertd.example",
        sent_at=city.now,
        zone=city.zone,
        references=references,
    )
    way: dict[str, Any] = {}
    if status == "Exercise" and not references:
        sms = [route.name for route in city.routes if route.channel == Channel.SMS]
        way = dice.choice([{}, {"simulated": True}, {"routes": (dice.choice(sms),)}])
    actor = OFFICER
    if status == "Test":
        h = t.holding.c
        holders = select(h.person_no).where(h.to_version == FOREVER).order_by(h.person_no)
        actor = replace(OFFICER, person_no=dice.choice(city.rows(holders)).person_no)
    world.say(f"   draft {form} {way} after {[each.identifier for each in references]}")
    wanted = accept.Draft(alert=alert, **way)
    drafted: dict[str, Any] | None = world.hand_in(
        partial(accept.draft, actor=actor, wanted=wanted)
    )
    if drafted:
        world.say(f"   -> alert {drafted['no']}, {alert.identifier}")
    return drafted


def _areas(world: World) -> list[str]:
    """Mostly a town or the city; perhaps another unit besides."""
    dice, codes = world.dice, sorted(world.roster.units)
    towns = [code for code in codes if len(code) <= 9]
    found = {dice.choice(codes if dice.random() < 0.35 else towns)}
    if dice.random() < 0.25:
        found.add(dice.choice(codes))
    return sorted(found)


def _go_on(world: World, drafted: dict[str, Any] | None) -> None:
    """Mostly it is agreed to at once."""
    if drafted and world.dice.random() < 0.8:
        _approve(world, drafted)
    elif drafted:
        world.drafts.append(drafted)


def _approve(world: World, drafted: dict[str, Any]) -> None:
    alone = world.dice.random() < 0.12
    world.say(f"   approve {drafted['no']}{' alone' if alone else ''}")
    actor, alert_id = OFFICER if alone else SECOND, bytes.fromhex(drafted["id"])
    agree = partial(approving.approve, actor=actor, alert_id=alert_id, break_glass=alone)
    if world.hand_in(agree) is not None and drafted in world.drafts:
        world.drafts.remove(drafted)


# People.


def reply(world: World) -> None:
    dice, city = world.dice, world.city
    if not (told := [h.message for h in world.handed if h.message.address.startswith("+")]):
        return
    phone = dice.choice(sorted({message.address for message in told}))
    mine = [message for message in told if message.address == phone]
    text = dice.choice(TEXTS)
    codes = [message.short_code for message in mine if message.short_code]
    if codes and dice.random() < 0.3:
        parts = [text, dice.choice(codes)]
        text = " ".join(parts if dice.random() < 0.5 else parts[::-1])
    named = ""
    if (of := world.roster.at(phone)) and dice.random() < 0.3:
        named = dice.choice(of).name
        text = f"{named} {text}"
    world.replies += 1
    again = dice.random() < 0.1  # the gateway may bring one in twice
    came = Reply(
        gateway_id=f"k{dice.randint(1, 40)}" if again else f"r{world.replies}",
        sender=phone,
        text=text,
        answers=dice.choice(mine).delivery if dice.random() < 0.1 else 0,
        occurred_at=city.now - dice.choice([0, 5_000, 300_000]) if dice.random() < 0.3 else None,
    )
    world.say(f"   {phone}: {text!r}")
    route = dice.choice(["sms-1", "sms-1", city.routes[-1].name])
    new = answered(world, partial(receive.events, route=route, came=[came]))
    answers_are_of_the_telephone(world, phone, named, new)
    answers_are_of_what_they_quote(came, new)
    if not again and not named and world.gathered is None:
        who_was_told_is_heard(world, came, city.rows(select(t.ack)))


def written_down(world: World) -> None:
    """Somebody answered by telephone, and the office writes it down."""
    dice, city = world.dice, world.city
    asked = city.rows(select(t.requirement.c.no).order_by(t.requirement.c.no))
    if not asked:
        return
    number = dice.choice(asked).no
    alert_no, duty, h = alert_of(number), duty_of(number), t.holding.c
    held = select(h.person_no).where(h.duty_no == duty, h.to_version == FOREVER)
    if not (holders := city.rows(held.order_by(h.person_no))):
        return
    said = Answered(
        alert_no=alert_no,
        person_no=dice.choice(holders).person_no,
        kind=dice.choice([AckKind.RECEIVED, AckKind.RECEIVED, *_OTHERS]),
        via=Via.PHONE,
        grade=Grade.PROXY,
        occurred_at=city.now,
        by=BY,
        late=any(each.no == alert_no and each.state != "issued" for each in world.alerts()),
        duties=(duty,) if dice.random() < 0.5 else None,
    )
    confirm = dice.random() < 0.5
    world.say(f"   {said}")
    answered(world, lambda turn: answering.acknowledge(turn, said, confirm=confirm))


_OTHERS = (AckKind.ON_POST, AckKind.UNAVAILABLE, AckKind.HELP)


def answered(world: World, item: Callable[[Any], Any]) -> list[Any]:
    """Have the engine take an answer; returns the acks that came of it."""
    before = {row.no for row in world.city.rows(select(t.ack.c.no))}
    world.hand_in(item)
    new = [row for row in world.city.rows(select(t.ack)) if row.no not in before]
    answers_count(world, new)
    return new


def withdraw(world: World) -> None:
    standing = select(t.ack).where(t.ack.c.withdrawn_at.is_(None)).order_by(t.ack.c.no)
    if acks := world.city.rows(standing):
        ack = world.dice.choice(acks)
        world.say(f"   ack {ack.no} of alert {ack.alert_no}")
        which = {"alert_no": ack.alert_no, "ack_no": ack.no}
        world.hand_in(partial(withdrawing.withdraw, **which, by=BY, reason="an error"))


def help_arrives(world: World) -> None:
    """Somebody takes a call for help, or closes it."""
    h = t.help_case.c
    cases = world.city.rows(select(h.ack_no).where(h.closed_at.is_(None)).order_by(h.ack_no))
    if not cases:
        return
    no = world.dice.choice(cases).ack_no
    if world.dice.random() < 0.5:
        world.hand_in(lambda turn: helping.take_help(turn, no, BY))
    else:
        world.closed_help.add(no)
        world.hand_in(lambda turn: helping.close_help(turn, no, BY, "done"))


# Gateways, time, the node.


def weather(world: World) -> None:
    dice = world.dice
    route = dice.choice(world.city.routes).name
    world.weather[route] = dice.choice(["accepts", "mixed", "mixed", *WEATHER])
    world.say(f"   {route} {world.weather[route]}")


def phone(world: World) -> None:
    """A number is dead or has opted out; or is back."""
    people = world.roster.people.values()
    if numbers := sorted({number for each in people for number in each.phones}):
        number = world.dice.choice(numbers)
        which = world.dice.choice([world.dead, world.opted_out])
        which ^= {number}


def receipts(world: World) -> None:
    """A gateway says more; sometimes of another try, or by another route."""
    dice = world.dice
    for _ in range(dice.choice([1, 1, 3]) if world.handed else 0):
        handed = dice.choice(world.handed)
        status = dice.choice(["ACCEPTED", "DELIVERED", "FAILED", "FAILED"])
        if handed.route == "speakers" and dice.random() < 0.6:
            status = dice.choice(["PLAYED", "INTERRUPTED"])
        faults = [None, Fault.DEAD, Fault.RETRY, Fault.REFUSED]
        said = Receipt(
            delivery=handed.message.delivery,
            attempt=handed.message.attempt if dice.random() < 0.9 else dice.randint(0, 4),
            status=ReceiptStatus[status],
            fault=dice.choice(faults) if status == "FAILED" else None,
            detail="3/3" if status == "PLAYED" else "",
        )
        route = handed.route if dice.random() < 0.9 else dice.choice(world.city.routes).name
        world.say(f"   {said} by {route}")
        world.receipts.append(said)
        world.hand_in(partial(receive.events, route=route, came=[said]))


def hanging_ends(world: World) -> None:
    if world.hanging:
        handed = world.dice.choice(world.hanging)
        result = world.dice.choice(ENDS)
        world.say(f"   {handed.message.delivery} {result}")
        world.end_hanging(handed, result)


def time(world: World) -> None:
    seconds = world.dice.choice([1, 5, 12, 30, 65, 130, 200, 400, 700])
    ticks = [1, 5, 15] if seconds < 100 else [5, 15, 60]
    world.node.forward(seconds, tick_s=world.dice.choice(ticks))


def restart(world: World) -> None:
    """The node is killed, or one of its processes, and perhaps away for a while."""
    dice, node = world.dice, world.node
    if len(node.processes) == 1:
        away = [0, 1_000, 60_000, 600_000, 3_600_000]
        world.killed(node.current)
        world.start(node.current, dice.choice(away) if dice.random() < 0.3 else 0)
        return
    process = dice.choice(node.processes)
    number = node.processes.index(process)
    if not process.alive:
        world.say(f"   process {number} starts")
        world.start(process)
    elif process is not node.current:
        world.say(f"   process {number} is killed")
        world.killed(process)
        if dice.random() < 0.5:
            world.start(process)


def connections_lost(world: World) -> None:
    """PostgreSQL was started anew, or a way to it was cut for a moment."""
    if world.city.store.shared:
        world.node.lose_connections()
