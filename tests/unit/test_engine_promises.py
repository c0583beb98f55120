"""DESIGN §6, "What must stay true", on the engine itself: one test a promise, named by it."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, update

from alertd.decide.expand import Pieces
from alertd.engine import halting, helping
from alertd.engine.authority import Actor
from alertd.engine.dispatch import MOST_A_CLAIM
from alertd.errors import ConflictError, ForbiddenError
from alertd.model import (
    Channel,
    DeliveryState,
    Policy,
    RecipientKind,
    RequirementState,
    Status,
    Told,
)
from alertd.report.make import gather
from alertd.store import journal
from alertd.store import tables as t
from alertd.store.reads.board import board
from channels.base import Accepted, Fault, Outgoing, ReceiptStatus, SendError
from rosters.words import Level
from tests.city import OFFICER, City, accepts, sms_route

MakeCity = Callable[..., City]


@pytest.fixture(params=[False, True], ids=["sqlite", "postgresql"])
def make_city(tmp_path: Path, request: pytest.FixtureRequest) -> MakeCity:
    return partial(City, tmp_path, postgresql=request.param)


def test_1_a_crash_in_mid_send_loses_nothing_and_nothing_stays_sending(make_city: MakeCity) -> None:
    city = make_city(behave=lambda _: None)
    alert = city.issue()
    tried = {message.delivery for message in city.hanging}
    assert len(tried) > 100
    city.restart()
    city.behave = accepts
    city.sent.clear()
    city.forward(seconds=100)
    assert city.states(alert) == {"accepted": len(tried)}
    again = [m for m in city.sent if m.delivery in tried]
    assert {message.delivery for message in again} == tried
    assert all(message.possible_duplicate for message in again)
    assert all("重" in m.text for m in again if m.kind == "alert" and m.language == "zh-CN")


def test_2_unknown_is_neither_sent_nor_failed(make_city: MakeCity) -> None:
    city = make_city(behave=lambda _: SendError(Fault.UNKNOWN, "timeout"))
    alert = city.issue()
    total = len(city.sent)
    assert city.states(alert) == {"unknown": total}
    city.forward(seconds=61)
    city.behave = accepts
    assert city.states(alert).get("failed") is None
    unknown = city.rows(
        select(t.delivery_count.c.channel, t.delivery_count.c.n).where(
            t.delivery_count.c.state == int(DeliveryState.UNKNOWN)
        )
    )
    assert sum(n for _, n in unknown) == city.states(alert)["unknown"]


def test_2_the_board_and_the_report_show_unknown_apart(make_city: MakeCity) -> None:
    city = make_city(behave=lambda _: SendError(Fault.UNKNOWN, "timeout"))
    alert = city.issue()
    total = len(city.sent)
    with city.store.read() as connection:
        funnel = board(connection, alert).funnel
        handed_over = gather(connection, alert).figures.deliveries
    shown = (funnel.due, funnel.unknown, funnel.accepted, funnel.delivered, funnel.failed)
    assert shown == (total, total, 0, 0, 0)
    counted = (handed_over.made, handed_over.unknown, handed_over.accepted)
    assert counted == (total, total, 0)
    assert (handed_over.delivered, handed_over.failed) == (0, 0)


def test_2_a_late_receipt_resolves_unknown_without_a_second_copy(make_city: MakeCity) -> None:
    city = make_city(behave=lambda _: SendError(Fault.UNKNOWN, "timeout"))
    city.issue()
    lucky = next(m for m in city.sent if m.address.startswith("+86"))
    city.receipt(lucky, ReceiptStatus.DELIVERED)
    city.behave = accepts
    city.forward(seconds=70)
    copies = [m for m in city.sent if m.delivery == lucky.delivery]
    assert len(copies) == 1


@pytest.mark.parametrize("end", ["all-clear", "stop", "expiry"])
def test_2_what_waits_to_be_sent_again_at_the_end_stays_unknown(
    make_city: MakeCity, end: str
) -> None:
    city = make_city(behave=lambda _: SendError(Fault.UNKNOWN, "timeout"))
    alert = city.issue()
    total = len(city.sent)
    row = city.one(select(t.alert).where(t.alert.c.no == alert))
    halted = {"actor": OFFICER, "alert_id": row.id, "reason": "wrong street"}
    city.take(partial(halting.pause, **halted))
    city.forward(seconds=61)  # the grace is over, and nothing leaves
    assert city.states(alert) == {"pending": total}
    if end == "stop":
        city.take(partial(halting.stop, **halted))
    elif end == "expiry":
        city.now = row.expires_at
        city.forward(seconds=1)
    else:
        city.issue("all-clear", references=[city.reference(alert)])
    assert city.states(alert) == {"unknown": total}
    with city.store.read() as connection:
        handed_over = gather(connection, alert).figures.deliveries
    assert (handed_over.unknown, handed_over.cancelled, handed_over.expired) == (total, 0, 0)


def test_3_one_hanging_recipient_delays_nobody(make_city: MakeCity) -> None:
    hung: list[int] = []

    def one_hangs(message: Outgoing) -> Accepted | None:
        if message.address.startswith("+86") and not hung:
            hung.append(message.delivery)
            return None
        return Accepted("ref")

    city = make_city(behave=one_hangs)
    alert = city.issue()
    states = city.states(alert)
    assert states["sending"] == 1
    assert states["accepted"] > 100


def test_3_a_gateway_that_is_too_busy_slows_no_other_route(make_city: MakeCity) -> None:
    busy = SendError(Fault.THROTTLED, "busy", retry_after_s=600)

    def loudspeakers_are_busy(message: Outgoing) -> Accepted | SendError:
        return Accepted("ref") if message.address.startswith("+86") else busy

    city = make_city(behave=loudspeakers_are_busy)
    alert = city.issue()
    n = t.delivery_count.c
    left = Counter[tuple[int, int]]()
    for row in city.rows(select(t.delivery_count).where(n.alert_no == alert)):
        left[row.channel, row.state] += row.n
    assert left[Channel.LOUDSPEAKER, DeliveryState.PENDING] > 1
    assert left[Channel.SMS, DeliveryState.ACCEPTED] > 100
    assert left[Channel.SMS, DeliveryState.PENDING] == 0


def test_4_an_ack_counts_once_for_its_own_person_whenever_it_comes(make_city: MakeCity) -> None:
    city = make_city()
    city.issue()
    (duty, person), (other_duty, _) = city.leaders()[:2]
    phone = city.phone_of(person)
    for _ in range(3):
        city.reply(phone, "1")
    assert city.requirement(duty).have == 1
    assert city.requirement(duty).state == RequirementState.COVERED
    assert city.requirement(other_duty).state == RequirementState.OPEN


def test_4_the_same_reply_twice_from_the_gateway_is_one(make_city: MakeCity) -> None:
    city = make_city()
    city.issue()
    _, person = city.leaders()[0]
    for _ in range(2):
        city.reply(city.phone_of(person), "1", key="same")
    assert len(city.rows(select(t.ack))) == 1
    assert len(city.rows(select(t.inbound))) == 1


def test_4_a_late_ack_counts_and_is_marked(make_city: MakeCity) -> None:
    city = make_city()
    alert = city.issue()
    city.issue("all-clear", references=[city.reference(alert)], status="Actual")
    duty, person = city.leaders()[0]
    city.reply(city.phone_of(person), "A1 1")
    assert city.requirement(duty).state == RequirementState.COVERED
    assert city.one(select(t.ack)).late == 1


@pytest.mark.parametrize("status", ["Actual", "Exercise"])
def test_5_help_is_real_and_only_a_human_closes_it(make_city: MakeCity, status: str) -> None:
    city = make_city()
    city.issue(status=status, roles=("grid_leader", "building_lead", "community_lead"))
    _, person = city.leaders()[0]
    city.sent.clear()
    city.reply(city.phone_of(person), "3 水进屋了")
    calls = [message for message in city.sent if message.kind == "help"]
    assert len(calls) >= 2  # the parent and the duty desk
    assert all("演练" not in message.text for message in calls)
    for _ in range(3):
        city.sent.clear()
        city.forward(minutes=2, seconds=1)
        assert any(message.kind == "help" for message in city.sent)
    city.issue("all-clear", references=[city.reference(1)], status=status)
    case = city.one(select(t.help_case))
    assert case.closed_at is None
    city.take(partial(helping.take_help, ack_no=case.ack_no, by=b"o" * 16))
    city.sent.clear()
    city.forward(minutes=5)
    assert not any(message.kind == "help" for message in city.sent)
    city.take(partial(helping.close_help, ack_no=case.ack_no, by=b"o" * 16, outcome="boat came"))
    assert city.one(select(t.help_case)).closed_at is not None


def test_6_a_drill_reaches_only_its_plan_and_every_message_says_so(make_city: MakeCity) -> None:
    routes = (  # those outside the plan are asked first, and could carry all of it
        sms_route("other", carries=frozenset(Status)),
        sms_route("live", carries=frozenset({Status.ACTUAL})),
        sms_route("plan", carries=frozenset({Status.EXERCISE})),
    )
    city = make_city(routes=routes)
    area = "330281001"
    alert = city.issue(status="Exercise", areas=[area], routes=("plan",))
    city.forward(minutes=20)
    assert city.sent
    assert {row.route for row in _tried(city, alert)} == {"plan"}
    inside = _people_inside(city, area)
    assert {row.recipient_no for row in _tried(city, alert)} <= inside
    assert all(message.text.startswith("【演练】") for message in city.sent)
    assert all("这不是演练" not in message.text for message in city.sent)


def test_6_a_person_who_left_the_plans_area_is_not_reached_at_the_claim(
    make_city: MakeCity,
) -> None:
    slow = sms_route(in_flight=1)
    city = make_city(routes=(slow,), behave=lambda _: None)
    alert = city.issue(status="Exercise", areas=["330281001"], roles=("building_lead",))
    waiting = next(row for row in _all(city, alert) if row.state == DeliveryState.PENDING)
    with city.store.transaction(city.now) as tx:
        tx.connection.execute(
            t.holding.update()
            .where(t.holding.c.person_no == waiting.recipient_no)
            .values(to_version=1)
        )
    city.restart()
    city.behave = accepts
    city.forward(seconds=200)
    row = city.one(select(t.delivery).where(t.delivery.c.id == waiting.id))
    assert (row.state, row.reason) == (DeliveryState.FAILED, "outside-plan")
    assert row.attempt == 0


def test_6_a_live_alert_is_never_sent_by_one_person_by_accident(make_city: MakeCity) -> None:
    city = make_city()
    author = Actor(no=1, id=b"a" * 16, name="author", role="duty_officer", path="")
    drafted = city.draft(actor=author)
    with pytest.raises(ConflictError, match="second person"):
        city.approve(drafted, actor=author)
    assert not city.sent
    city.approve(drafted, actor=author, break_glass=True)
    city.forward(seconds=299)
    assert not city.sent
    city.forward(seconds=2)
    assert city.sent
    assert city.one(select(t.alert)).break_glass == 1


def test_7_nobody_alerts_outside_their_subtree(make_city: MakeCity) -> None:
    city = make_city()
    town = city.rows(select(t.unit.c.path).where(t.unit.c.code == "330281001"))[0].path
    mayor = Actor(no=3, id=b"m" * 16, name="town", role="area_administrator", path=town)
    city.draft(actor=mayor, areas=["330281001"])
    for areas in (["330281002"], ["330281"], ["330281001", "330281002"]):
        with pytest.raises(ForbiddenError):
            city.draft(actor=mayor, areas=areas)
    assert len(city.rows(select(t.alert))) == 1


def test_8_no_phone_number_is_in_the_journal_or_a_repr(make_city: MakeCity) -> None:
    city = make_city()
    city.issue()
    _, person = city.leaders()[0]
    phone = city.phone_of(person)
    city.reply(phone, "1")
    city.reply("+8613911112222", "谁?")
    with city.store.read() as connection:
        text = " ".join(str(row.fact) for row in journal.stream(connection))
    for number in (phone, "+8613911112222"):
        assert number not in text
        assert number[3:] not in text
    assert phone not in repr(city.sent)


def test_every_silence_ends_at_a_human(make_city: MakeCity) -> None:
    city = make_city()
    alert = city.issue()
    city.forward(minutes=16)
    rows = city.rows(select(t.requirement))
    assert {row.state for row in rows} == {RequirementState.EXHAUSTED}
    assert all(row.told & Told.DOOR_KNOCK for row in rows)
    assert all(row.told & Told.DUTY_DESK for row in rows)
    root = city.rows(
        select(t.coverage).where(t.coverage.c.alert_no == alert).order_by(t.coverage.c.unit_no)
    )[0]
    assert root.exhausted == root.needed == len(rows)


def test_the_journal_holds(make_city: MakeCity) -> None:
    city = make_city()
    city.issue()
    city.forward(minutes=6)
    with city.store.read() as connection:
        held, broken = journal.verify(journal.stream(connection))
    assert held > 20
    assert not broken


def _all(city: City, alert: int) -> list[t.Table]:
    c = t.delivery.c
    return city.rows(
        select(t.delivery)
        .where(c.id.between(alert << 32, (alert + 1 << 32) - 1))
        .order_by(c.id.desc())
    )


def _tried(city: City, alert: int) -> list[t.Table]:
    return [row for row in _all(city, alert) if row.attempt > 0]


def _people_inside(city: City, area: str) -> set[int]:
    h, u = t.holding.c, t.unit.c
    return {
        row.person_no
        for row in city.rows(
            select(h.person_no).join(t.unit, u.no == h.unit_no).where(u.path.contains(f"/{area}/"))
        )
    }


def test_9_silence_is_never_the_result_of_a_cut(make_city: MakeCity) -> None:
    """No word twice over: the person counts as not reached, and the ladder climbs at once."""
    city = make_city(behave=lambda _: SendError(Fault.UNKNOWN, "timeout"))
    city.issue(areas=["330281001"])
    city.forward(seconds=65)
    copies = [m for m in city.sent if m.kind == "alert" and m.attempt == 2]
    assert copies
    assert all(message.possible_duplicate for message in copies)
    city.forward(seconds=5)  # long before the rung at five minutes
    told = [row.told for row in city.rows(select(t.requirement))]
    assert all(bits & (Told.ALTERNATES | Told.PARENT) for bits in told)


def test_10_an_alert_of_any_size_goes_in_bounded_pieces(make_city: MakeCity) -> None:
    city = make_city(scale=0.3, policies={"red": Policy(name="all", tell="everyone")})
    city.issue(roles=())
    with city.store.read() as connection:
        facts = [row.fact for row in journal.stream(connection)]
    made = [sum(n for _, n in f.body["made"]) for f in facts if f.kind == "alert.selected"]
    claims = [len(f.body["items"]) for f in facts if f.kind == "claimed"]
    assert sum(made) > Pieces().most
    assert max(made) <= Pieces().most
    assert max(claims) <= MOST_A_CLAIM
    runs = [run for f in facts if f.kind == "alert.selected" for run in f.body["levels"]]
    assert [depth for depth, n in runs for _ in range(n)] == depths(city)


def depths(city: City) -> list[int]:
    """Of each delivery in their order, without gaps: the highest unit that it is for."""
    places = [level.value for level in Level]
    u, h, d = t.unit.c, t.holding.c, t.delivery.c
    depth = {row.no: places.index(row.level) for row in city.rows(select(u.no, u.level))}
    highest: dict[tuple[RecipientKind, int], int] = {}
    kinds = RecipientKind.PERSON, RecipientKind.TERMINAL, RecipientKind.GROUP
    numbers = h.person_no, t.terminal.c.no, t.chat_group.c.no
    for kind, number in zip(kinds, numbers, strict=True):
        for no, unit_no in city.rows(select(number, number.table.c.unit_no)):
            known = highest.get((kind, no), len(places))
            highest[kind, no] = min(depth[unit_no], known)
    told = city.rows(select(d.id, d.recipient_kind, d.recipient_no).order_by(d.id))
    assert [row.id for row in told] == list(range(told[0].id, told[0].id + len(told)))
    return [highest[RecipientKind(row.recipient_kind), row.recipient_no] for row in told]


def test_3_a_message_that_cannot_be_made_holds_up_no_other(make_city: MakeCity) -> None:
    city = make_city()
    _, person = city.leaders()[0]
    c = t.contact.c
    address = city.one(select(c.address_no).where(c.person_no == person, c.rank == 1)).address_no
    with city.store.transaction(city.now) as tx:
        spoilt = update(t.address).where(t.address.c.no == address).values(cipher=b"spoilt" * 8)
        tx.connection.execute(spoilt)
    alert = city.issue()
    city.forward(seconds=2)
    states = city.states(alert)
    failed = city.rows(select(t.delivery.c.reason).where(t.delivery.c.address_no == address))
    assert {row.reason for row in failed} == {"cannot-be-made"}
    assert states.pop("failed") == len(failed)
    assert set(states) == {"accepted"}
    assert states["accepted"] > 100
