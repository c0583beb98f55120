"""Several routes of a channel: preference, failover, budgets; and calls; by the whole engine."""

import tomllib
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from alertd import cap
from alertd.engine import receive
from alertd.lanes import BY_SMS, Service, lane_of
from alertd.model import (
    Channel,
    DeliveryState,
    Played,
    Policy,
    RecipientKind,
    Stage,
    StageRule,
    Status,
    Step,
    Via,
    alert_of,
)
from alertd.report.drawing import funnel as drawn
from alertd.report.make import gather
from alertd.store import tables as t
from alertd.store.reads.board import board
from alertd.store.reads.unanswered import unanswered
from channels.base import Accepted, Fault, Outcome, Outgoing, ReceiptStatus, Reply, SendError
from channels.extensions import extension_of
from drills.evidence import _part
from tests.city import City, sms_route
from tests.unit.roster_moves import share_number

LOST = SendError(Fault.UNKNOWN, "timeout")


def by_route(city: City, answers: dict[str, Any]) -> Any:
    """Behaviour by the route that carries; a route that isn't named accepts."""

    def behave(message: Outgoing) -> Any:
        (row,) = city.rows(select(t.delivery.c.route).where(t.delivery.c.id == message.delivery))
        return answers.get(row.route, Accepted("ref"))

    return behave


def routes_of(city: City, channel: Channel = Channel.SMS) -> dict[str | None, int]:
    c = t.delivery.c
    lanes = [lane_of(channel, status) for status in Status]
    query = select(c.route, func.count()).where(c.lane.in_(lanes)).group_by(c.route)
    return dict(city.rows(query))  # type: ignore[arg-type]


def test_a_preferred_route_takes_all_that_it_can(tmp_path: Path) -> None:
    city = City(tmp_path, routes=(sms_route("dear", rank=2), sms_route("cheap")))
    city.issue()
    city.forward(seconds=60)
    assert set(routes_of(city)) == {"cheap"}
    city.store.close()


def test_what_waits_too_long_for_it_goes_by_another(tmp_path: Path) -> None:
    slow = sms_route("cheap", rate_per_s=0.5, burst=1, in_flight=1)
    city = City(tmp_path, routes=(sms_route("dear", rank=2), slow))
    city.issue()
    city.forward(seconds=19)
    assert "dear" not in routes_of(city)
    city.forward(seconds=3)
    found = routes_of(city)
    assert found["dear"] > 50
    assert None not in found
    city.store.close()


def test_a_gateway_that_answers_nothing_is_left_within_thirty_seconds(tmp_path: Path) -> None:
    """15 s of time-out for those in flight; the rest goes by the other route at once."""
    silent = sms_route("cheap", in_flight=20, burst=20, timeout_s=15.0)
    city = City(tmp_path, routes=(silent, sms_route("dear", rank=2)))
    city.behave = by_route(city, {"cheap": None})
    alert = city.issue()
    city.forward(seconds=15)
    hung = len(city.hanging)
    assert hung == 20
    city.end("cheap", [_lost(message) for message in city.hanging])
    city.forward(seconds=15)
    states = city.states(alert)
    assert states["unknown"] + states.get("sending", 0) <= hung + 1  # one finds out if it is back
    assert "pending" not in states
    assert routes_of(city)["dear"] > 50
    city.store.close()


def _lost(message: Outgoing) -> Any:

    return Outcome(message.delivery, message.attempt, LOST)


def test_a_spent_budget_sends_an_alert_by_another_route(tmp_path: Path) -> None:
    city = City(tmp_path, routes=(sms_route("cheap", parts_per_day=5), sms_route("dear", rank=2)))
    city.issue()
    city.forward(seconds=60)
    found = routes_of(city)
    assert 1 <= found["cheap"] <= 5
    assert found["dear"] > 50
    city.store.close()


def test_a_spent_budget_never_silences_an_alert(tmp_path: Path) -> None:
    city = City(tmp_path, routes=(sms_route(parts_per_day=5),))
    alert = city.issue()
    city.forward(seconds=60)
    assert "pending" not in city.states(alert)
    assert routes_of(city)["sms-1"] > 50
    city.store.close()


def test_a_spent_budget_slows_no_alert(tmp_path: Path) -> None:
    """A modem that still had one was to carry in hours what the cloud carries in seconds."""
    modem = sms_route("modem", rank=2, in_flight=1, burst=1, rate_per_s=0.1)
    city = City(tmp_path, routes=(sms_route("cloud", parts_per_day=5), modem))
    alert = city.issue(roles=("grid_leader",))
    city.forward(seconds=15)
    assert routes_of(city)["cloud"] == 5, "the other has its time"
    city.forward(seconds=15)
    assert "pending" not in city.states(alert)
    assert routes_of(city)["cloud"] > 5
    city.store.close()


def test_a_drill_stops_at_a_spent_budget_and_says_so(tmp_path: Path) -> None:
    city = City(tmp_path, routes=(sms_route(parts_per_day=0),))
    alert = city.issue(status="Exercise")
    city.forward(seconds=5)
    assert city.states(alert) == {"failed": sum(city.states(alert).values())}
    city.store.close()


def test_a_budget_is_remembered_over_a_restart(tmp_path: Path) -> None:
    city = City(tmp_path, routes=(sms_route("cheap", parts_per_day=5), sms_route("dear", rank=2)))
    city.issue()
    city.forward(seconds=30)
    spent = city.one(select(t.route_day)).parts
    assert spent >= 5
    city.restart()
    before = routes_of(city)["cheap"]
    city.issue()
    city.forward(seconds=30)
    assert routes_of(city)["cheap"] == before
    city.store.close()


CALLS = Policy(
    name="red",
    stages=(StageRule(stage=Stage.RECEIVED, due_min=15),),
    steps=(
        Step(after_min=2, do=("remind",), channels=("other",)),
        Step(after_min=3, do=("call",)),
        Step(after_min=30, do=("duty_desk",)),
    ),
)


def calling(tmp_path: Path, *routes: Any) -> City:
    return City(tmp_path, routes=routes, policies=dict.fromkeys(("red", "blue"), CALLS))


def test_who_does_not_answer_is_called_where_a_route_can(tmp_path: Path) -> None:
    city = calling(tmp_path, sms_route(), sms_route("calls", channel=Channel.VOICE))
    city.issue(roles=("grid_leader",))
    _, first = city.leaders()[0]
    city.reply(city.phone_of(first), "1")
    city.forward(minutes=4)
    calls = [message for message in city.sent if message.kind == "voice_call"]
    called = [message.address for message in calls]
    assert len(called) == len(set(called)) == len(city.leaders()) - 1
    assert city.phone_of(first) not in called
    assert "按1" in calls[0].text
    assert not calls[0].text.startswith("【")
    city.store.close()


def test_calls_that_no_route_carries_any_more_fail_and_nothing_else(tmp_path: Path) -> None:
    """No other number of somebody gets a text for a call that nobody made."""
    city = calling(tmp_path, sms_route(), sms_route("calls", channel=Channel.VOICE))
    alert = city.issue(roles=("grid_leader",))
    city.engine.flows["calls"].paused_until = city.now + 3_600_000
    city.forward(minutes=4)
    texts = [message.kind for message in city.sent].count("alert")
    city.routes = (sms_route(),)
    city.restart()
    city.forward(seconds=30)
    d, m = t.delivery.c, t.message.c
    called = select(d.state, d.reason).join(t.message, m.no == d.message_no)
    found = city.rows(called.where(m.kind == "voice_call"))
    assert {(row.state, row.reason) for row in found} == {(int(DeliveryState.FAILED), "no-route")}
    assert not city.rows(select(t.journal.c.seq).where(t.journal.c.kind == "defect"))
    assert [message.kind for message in city.sent].count("alert") == texts
    assert "pending" not in city.states(alert)
    city.store.close()


def test_a_key_answers_for_whoever_was_called_at_a_telephone_of_two(tmp_path: Path) -> None:
    city = calling(tmp_path, sms_route(), sms_route("calls", channel=Channel.VOICE))
    (duty, person), (other_duty, other), *_ = city.leaders()
    phone = share_number(city, person, other)
    city.issue(roles=("grid_leader",))
    city.forward(minutes=4)
    calls = [call for call in city.sent if (call.kind, call.address) == ("voice_call", phone)]
    recipient = select(t.delivery.c.recipient_no).where(t.delivery.c.id == calls[0].delivery)
    called = city.one(recipient).recipient_no
    name = city.one(select(t.person.c.name).where(t.person.c.no == called)).name
    assert calls[0].text.startswith(f"{name}:")
    assert calls[0].variables["people"] == name
    pressed = Reply(gateway_id="c1-1", sender=phone, text="1", answers=calls[0].delivery)
    city.take(partial(receive.events, route="calls", came=[pressed]))
    ack = city.one(select(t.ack.c.person_no, t.ack.c.grade, t.ack.c.via))
    assert tuple(ack) == (called, "shared", "call")
    covered = {duty: person, other_duty: other}
    assert [who for of, who in covered.items() if city.requirement(of).state == 1] == [called]
    city.store.close()


def test_a_call_that_was_heard_is_no_answer(tmp_path: Path) -> None:
    city = calling(tmp_path, sms_route(), sms_route("calls", channel=Channel.VOICE))
    alert = city.issue(roles=("grid_leader",))
    city.forward(minutes=4)
    call, other, *_ = (message for message in city.sent if message.kind == "voice_call")
    city.receipt(call, ReceiptStatus.PLAYED, detail="20/20")
    city.receipt(other, ReceiptStatus.INTERRUPTED, detail="1/20")  # who hung up heard nothing
    row = city.one(select(t.delivery).where(t.delivery.c.id == call.delivery))
    assert (row.state, row.played) == (DeliveryState.DELIVERED, Played.PLAYED)
    duty, _ = next(pair for pair in city.leaders() if city.phone_of(pair[1]) == call.address)
    assert city.requirement(duty, alert).state == 0
    with city.store.read() as connection:
        page = unanswered(connection, alert)
    told = {who.call for row in page.items for who in row.holders if who.rank == 1}
    assert told == {"accepted", "heard", "cut"}
    city.store.close()


def test_a_busy_number_is_called_again_though_its_gateway_takes_one_call_a_minute(
    tmp_path: Path,
) -> None:
    """The second try came within the minute, was refused, and was the last."""
    limit = "isv.BUSINESS_LIMIT_CONTROL"
    shipped = tomllib.loads((Path("config/gateways") / "aliyun-voice.toml").read_text("utf-8"))
    refusal = SendError(Fault(shipped["answer"]["faults"][limit]), f"aliyun-{limit}")
    city = calling(tmp_path, sms_route(), sms_route("calls", channel=Channel.VOICE))
    called: dict[str, int] = {}

    def behave(message: Outgoing) -> Accepted | SendError:
        if message.kind == "voice_call":
            if city.now - called.get(message.address, 0) < 60_000:
                return refusal
            called[message.address] = city.now
        return Accepted("c1")

    city.behave = behave
    city.issue(roles=("grid_leader",))
    while not called:
        city.forward(seconds=5)
    call = next(message for message in city.sent if message.kind == "voice_call")
    first = called[call.address]
    city.receipt(call, ReceiptStatus.FAILED, fault=Fault.RETRY, code="aliyun-200002")
    city.forward(minutes=3)
    row = city.one(select(t.delivery).where(t.delivery.c.id == call.delivery))
    assert row.state == DeliveryState.ACCEPTED
    assert called[call.address] >= first + 60_000
    city.store.close()


def test_a_call_to_a_mailbox_reaches_nobody_in_a_drills_score(tmp_path: Path) -> None:
    city = calling(tmp_path, sms_route(), sms_route("calls", channel=Channel.VOICE))
    drill = city.issue(roles=("grid_leader",), status="Exercise")
    city.forward(minutes=4)
    calls = [message for message in city.sent if message.kind == "voice_call"]
    for call in calls:
        city.receipt(call, ReceiptStatus.PLAYED, detail="20/20")
    with city.store.read() as connection:
        told = _part(connection, drill, 0, None).told
        funnel = board(connection, drill).funnel
        messages, _ = drawn(gather(connection, drill).figures, str)
    assert (funnel.delivered, funnel.accepted) == (0, len(city.sent))
    assert (messages[-1].n, messages[-2].n) == (0, len(city.sent))
    assert len(told) == len(calls)
    assert not any(person.arrived for person in told)
    text = next(message for message in city.sent if message.kind == "alert")
    city.receipt(text, ReceiptStatus.DELIVERED)
    with city.store.read() as connection:
        told = _part(connection, drill, 0, None).told
    assert sum(person.arrived for person in told) == 1
    city.store.close()


def test_a_call_that_an_operator_is_to_make_isnt_called_a_machines(tmp_path: Path) -> None:
    city = calling(tmp_path, sms_route(), sms_route("desk", channel=Channel.VOICE))
    city.gateways = lambda route, _: Accepted(None, by_hand=route == "desk")
    alert = city.issue(roles=("grid_leader",))
    city.forward(minutes=4)
    with city.store.read() as connection:
        page = unanswered(connection, alert)
    assert {who.call for row in page.items for who in row.holders if who.rank == 1} == {"by-hand"}
    city.store.close()


def test_a_call_that_nobody_takes_leaves_the_ladder_alone(tmp_path: Path) -> None:
    city = calling(tmp_path, sms_route(), sms_route("calls", channel=Channel.VOICE))
    alert = city.issue(roles=("grid_leader",))
    city.forward(minutes=4)
    call = next(message for message in city.sent if message.kind == "voice_call")
    duty, _ = next(pair for pair in city.leaders() if city.phone_of(pair[1]) == call.address)
    before = city.requirement(duty, alert)
    city.receipt(call, ReceiptStatus.FAILED, fault=Fault.DEAD, code="no-answer")
    assert city.requirement(duty, alert).due_at == before.due_at
    city.store.close()


def test_without_a_route_nobody_is_called_by_a_machine(tmp_path: Path) -> None:
    city = calling(tmp_path, sms_route())
    city.issue(roles=("grid_leader",))
    city.forward(minutes=4)
    assert {message.kind for message in city.sent} >= {"alert", "reminder"}
    assert "voice_call" not in {message.kind for message in city.sent}
    city.store.close()


def test_a_reminder_by_the_other_way_takes_another_route(tmp_path: Path) -> None:
    city = calling(tmp_path, sms_route("sms-1"), sms_route("sms-2", rank=2))
    city.issue(roles=("grid_leader",))
    city.forward(minutes=2, seconds=30)
    c, m = t.delivery.c, t.message.c
    query = (
        select(m.kind, c.route, func.count())
        .join(t.message, m.no == c.message_no)
        .where(c.recipient_kind == int(RecipientKind.PERSON))
        .group_by(m.kind, c.route)
    )
    found = {(kind, route) for kind, route, _ in city.rows(query)}
    assert found == {("alert", "sms-1"), ("reminder", "sms-2")}
    city.store.close()


def groups(city: City, *kinds: str) -> None:
    """Make the city's first groups groups of those kinds."""
    rows = city.rows(select(t.chat_group.c.no).order_by(t.chat_group.c.no).limit(len(kinds)))
    with city.store.transaction(city.now) as tx:
        for row, kind in zip(rows, kinds, strict=True):
            own = t.chat_group.c.no == row.no
            tx.connection.execute(t.chat_group.update().where(own).values(kind=kind))


def test_each_group_is_reached_by_a_route_to_its_own_service(tmp_path: Path) -> None:
    city = City(
        tmp_path,
        routes=(
            sms_route(),
            sms_route("groups", channel=Channel.CHAT),
            sms_route("wecom", channel=Channel.CHAT, service=Service.WECOM),
            sms_route("mail", channel=Channel.MAIL),
        ),
    )
    groups(city, "wecom", "wecom", "dingtalk", "mail")
    alert = city.issue()
    city.forward(seconds=2)
    (letter,) = [message for message in city.sent if message.attachment]
    assert letter.attachment is not None
    assert letter.attachment[0].endswith(".cap.xml")
    document = cap.from_xml(letter.attachment[1])
    assert document.identifier == city.reference(alert).identifier
    c = t.delivery.c
    query = select(t.chat_group.c.kind, c.route, c.state, c.reason).join(
        t.chat_group, t.chat_group.c.no == c.recipient_no
    )
    found = {
        (row.kind, row.route, DeliveryState(row.state).word, row.reason)
        for row in city.rows(query.where(c.recipient_kind == int(RecipientKind.GROUP)))
    }
    assert found == {
        ("webhook", "groups", "accepted", "gateway-has-it"),
        ("wecom", "wecom", "accepted", "gateway-has-it"),
        ("dingtalk", None, "failed", "no-route"),
        ("mail", "mail", "accepted", "gateway-has-it"),
    }
    city.store.close()


def test_a_persons_account_is_no_group_to_be_told_who_is_silent(tmp_path: Path) -> None:
    works = sms_route("works", channel=Channel.CHAT, service=Service.DINGWORK)
    city = City(tmp_path, routes=(sms_route(), works))
    rows = city.rows(select(t.chat_group.c.no))
    groups(city, *["dingwork"] * len(rows))
    city.issue(roles=("grid_leader",))
    city.forward(minutes=2, seconds=30)
    kinds = {message.kind for message in city.sent if message.address.startswith("http")}
    assert kinds == {"alert"}
    city.store.close()


def test_a_group_is_told_once_who_of_it_is_silent(tmp_path: Path) -> None:
    city = calling(tmp_path, sms_route(), sms_route("groups", channel=Channel.CHAT))
    city.issue(roles=("grid_leader",))
    _, first = city.leaders()[0]
    answered = city.phone_of(first)
    city.reply(answered, "1")
    city.forward(minutes=2, seconds=30)
    told = [message for message in city.sent if message.kind == "group_reminder"]
    assert told
    assert len({message.address for message in told}) == len(told)
    mentioned = [phone for message in told for phone in message.mentions]
    assert len(mentioned) == len(set(mentioned))
    silent = {city.phone_of(person) for _, person in city.leaders()} - {answered}
    assert len(mentioned) > len(silent) / 2  # of units with a group of their own or above them
    assert set(mentioned) <= silent
    assert not any(phone in message.text for message in told for phone in mentioned)
    city.store.close()


def test_a_key_pressed_in_a_call_answers_that_call_and_no_other(tmp_path: Path) -> None:
    city = calling(tmp_path, sms_route(), sms_route("calls", channel=Channel.VOICE))
    first = city.issue(roles=("grid_leader",))
    city.issue("rainstorm", "blue", roles=("grid_leader",))
    city.forward(minutes=4)
    call = next(
        each for each in city.sent if each.kind == "voice_call" and alert_of(each.delivery) == first
    )
    pressed = Reply(gateway_id="k1", sender=call.address, text="1", answers=call.delivery)
    city.take(partial(receive.events, route="calls", came=[pressed]))
    ack = city.one(select(t.ack))
    assert (ack.alert_no, ack.via, ack.kind) == (first, Via.CALL.value, "received")
    city.store.close()


def test_a_sender_extension_decides_between_two_alerts(tmp_path: Path) -> None:
    city = City(tmp_path)
    first = city.issue(roles=("grid_leader",))
    city.issue("rainstorm", "blue", roles=("grid_leader",))
    message = next(each for each in city.sent if alert_of(each.delivery) == first)
    phone = city.phone_of(city.leaders()[0][1])
    extension = extension_of(message.short_code, 3)
    reply = Reply(gateway_id="e1", sender=phone, text="1", extension=extension)
    city.take(partial(receive.events, route="sms-1", came=[reply]))
    assert city.one(select(t.ack)).alert_no == first
    city.store.close()


def test_a_route_is_not_given_numbers_that_it_does_not_reach(tmp_path: Path) -> None:
    abroad = sms_route("abroad", numbers=("+1", "+44"))
    city = City(tmp_path, routes=(abroad, sms_route("home", rank=2, numbers=("+86",))))
    alert = city.issue(roles=("grid_leader",))
    city.forward(seconds=30)
    assert "abroad" not in routes_of(city)
    assert "pending" not in city.states(alert)
    city.store.close()


def test_a_number_that_no_route_reaches_is_told_to_the_ladder(tmp_path: Path) -> None:
    city = City(tmp_path, routes=(sms_route(numbers=("+1",)),))
    city.issue(roles=("grid_leader",))
    city.forward(seconds=5)
    assert not [message for message in city.sent if message.address.startswith("+86")]
    c = t.delivery.c
    reasons = {row.reason for row in city.rows(select(c.reason).where(c.lane.in_(BY_SMS)))}
    assert reasons == {"number-not-served"}
    city.store.close()


def test_a_drill_waits_for_no_route_outside_its_plan(tmp_path: Path) -> None:
    """Its second tries and reminders go by the plan's own route where the plan has but one."""
    lost: set[int] = set()

    def first_is_lost(message: Outgoing) -> Any:
        if message.delivery in lost:
            return Accepted("ref")
        lost.add(message.delivery)
        return LOST

    city = City(
        tmp_path,
        routes=(sms_route("plan"), sms_route("other")),
        policies=dict.fromkeys(("red", "blue"), CALLS),
        behave=first_is_lost,
    )
    alert = city.issue(status="Exercise", roles=("grid_leader",), routes=("plan",))
    city.forward(minutes=5)
    assert set(routes_of(city)) == {"plan"}
    assert not {"pending", "sending"} & set(city.states(alert))
    assert {message.kind for message in city.sent} >= {"alert", "reminder"}
    city.store.close()


def test_what_a_plans_only_route_refuses_has_failed(tmp_path: Path) -> None:
    city = City(
        tmp_path,
        routes=(sms_route("plan"), sms_route("other")),
        behave=lambda _: SendError(Fault.REFUSED, "content"),
    )
    city.issue(status="Exercise", roles=("grid_leader",), routes=("plan",))
    city.forward(seconds=5)
    c = t.delivery.c
    rows = city.rows(select(c.state, c.attempt).where(c.lane.in_(BY_SMS)))
    assert {(row.state, row.attempt) for row in rows} == {(int(DeliveryState.FAILED), 1)}
    city.store.close()


def test_a_spent_budget_waits_for_no_route_that_does_not_reach_the_number(tmp_path: Path) -> None:
    abroad = sms_route("abroad", rank=2, numbers=("+1",))
    city = City(tmp_path, routes=(sms_route("home", parts_per_day=5), abroad))
    alert = city.issue(roles=("grid_leader", "building_lead"))
    city.forward(seconds=60)
    assert "pending" not in city.states(alert)
    assert routes_of(city)["home"] > 50
    city.store.close()


def test_a_server_that_dies_again_and_again_gives_no_gateway_more_than_it_takes(
    tmp_path: Path,
) -> None:
    city = City(tmp_path, routes=(sms_route(rate_per_s=5.0, burst=50),))
    begun = city.now
    city.issue()
    for _ in range(10):
        city.restart()
        city.forward(seconds=3)
    assert len(city.sent) > 5 * 30 / 2, "it was given something at all"
    assert len(city.sent) <= 5 * (city.now - begun) / 1_000 + 50
    city.store.close()
