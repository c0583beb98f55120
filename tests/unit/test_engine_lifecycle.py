"""Alerts that follow alerts, drills, tests, reminders, alternates, digests and counts."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from alertd import cap
from alertd.engine import accept, receive, withdrawing
from alertd.engine.authority import Actor
from alertd.errors import ConflictError, InvalidInputError
from alertd.messages import ShortForm, compose
from alertd.model import (
    FOREVER,
    DeliveryState,
    Policy,
    RequirementState,
    Stage,
    StageRule,
    Step,
    Told,
)
from alertd.store import people
from alertd.store import tables as t
from alertd.store.backup.manifest import Manifest
from alertd.store.backup.placing import restored
from alertd.store.backup.waiting import Waiting
from alertd.store.reads import board
from channels.base import Fault, Outgoing, Receipt, ReceiptStatus, SendError
from tests.city import OFFICER, RED, ZONE, City, accepts
from tests.unit.roster_moves import numberless, put_in_charge, unit_of

MakeCity = Callable[..., City]
TOWN = "330281001"


@pytest.fixture
def make_city(tmp_path: Path) -> MakeCity:
    return partial(City, tmp_path)


def _state(city: City, alert: int) -> str:
    return str(city.one(select(t.alert.c.state).where(t.alert.c.no == alert)).state)


def _policies(**changes: Any) -> dict[str, Policy]:
    policy = Policy(**({"name": "x", "steps": RED.steps, "stages": RED.stages} | changes))
    return dict.fromkeys(("red", "orange", "yellow", "blue"), policy)


def test_an_update_ends_the_alert_before_and_reaches_everybody_who_was_told(
    make_city: MakeCity,
) -> None:
    city = make_city()
    first = city.issue("typhoon", "orange", areas=["330281001", "330281002"])
    told = {m.address for m in city.sent}
    city.sent.clear()
    second = city.issue("typhoon", "red", areas=[TOWN], references=[city.reference(first)])
    assert (_state(city, first), _state(city, second)) == ("updated", "issued")
    assert {m.address for m in city.sent} == told
    assert len(city.sent) == len(told)
    open_before = city.rows(
        select(t.requirement).where(
            t.requirement.c.no < second << 32,
            t.requirement.c.state == int(RequirementState.OPEN),
        )
    )
    assert not open_before


@pytest.mark.parametrize("fresh", [True, False])
def test_the_policy_says_whether_an_update_is_answered_anew(
    make_city: MakeCity, *, fresh: bool
) -> None:
    city = make_city(policies=_policies(update_wants_fresh_answer=fresh))
    first = city.issue("typhoon", "orange", areas=[TOWN])
    duty, person = next(
        pair for pair in city.leaders() if city.requirement_or_none(pair[0]) is not None
    )
    city.reply(city.phone_of(person), "1")
    second = city.issue("typhoon", "red", areas=[TOWN], references=[city.reference(first)])
    state = city.requirement(duty, second).state
    assert state == (RequirementState.OPEN if fresh else RequirementState.COVERED)


@pytest.mark.parametrize(
    ("template", "state"), [("cancel", "cancelled"), ("all-clear", "all-clear")]
)
def test_what_ends_an_alert_stops_its_ladders_and_its_queue(
    make_city: MakeCity, template: str, state: str
) -> None:
    city = make_city(behave=lambda _: SendError(Fault.RETRY, "http-503"))
    alert = city.issue(areas=[TOWN])
    assert set(city.states(alert)) == {"pending"}
    city.behave = accepts
    city.sent.clear()
    city.issue(template, areas=[TOWN], references=[city.reference(alert)])
    assert _state(city, alert) == state
    assert set(city.states(alert)) == {"cancelled"}
    city.forward(minutes=20, tick_s=5)
    assert not any(m.kind in {"reminder", "takeover", "digest"} for m in city.sent)


def test_an_alert_expires_by_itself(make_city: MakeCity) -> None:
    city = make_city()
    alert = city.issue(areas=[TOWN])
    expires_at = city.one(select(t.alert.c.expires_at)).expires_at
    city.forward(seconds=(expires_at - city.now) / 1000 + 1, tick_s=60)
    assert _state(city, alert) == "expired"


def test_a_reference_to_nothing_is_refused_and_nothing_is_stored(make_city: MakeCity) -> None:
    city = make_city()
    alert = city.issue(areas=[TOWN])
    reference = city.reference(alert)._replace(identifier="never-was")
    with pytest.raises(InvalidInputError) as refused:
        city.draft("cancel", areas=[TOWN], references=[reference])
    assert refused.value.field == "references"
    assert len(city.rows(select(t.alert))) == 1


def test_an_all_clear_that_names_no_alert_would_reach_nobody_and_is_refused(
    make_city: MakeCity,
) -> None:
    city = make_city()
    form = ShortForm.from_dict(
        {"template": "typhoon", "colour": "red", "areas": [TOWN], "status": "Actual"}
    )
    text = city.library.templates.select("typhoon", "red")
    alert = compose(
        form, text, identifier="clear", sender="test@alertd.example", sent_at=city.now, zone=ZONE
    )
    clear = (cap.ResponseType.ALL_CLEAR,)
    infos = tuple(info.model_copy(update={"response_type": clear}) for info in alert.info)
    alert = alert.model_copy(update={"info": infos})
    with pytest.raises(InvalidInputError, match="must name the alert"):
        city.take(partial(accept.draft, actor=OFFICER, wanted=accept.Draft(alert=alert)))


def test_a_drill_and_a_live_alert_never_end_one_another(make_city: MakeCity) -> None:
    city = make_city()
    alert = city.issue(areas=[TOWN], status="Exercise")
    with pytest.raises(InvalidInputError):
        city.draft("cancel", areas=[TOWN], references=[city.reference(alert)], status="Actual")


def test_the_same_alert_twice_is_one(make_city: MakeCity) -> None:
    city = make_city()
    city.draft(identifier="same")
    with pytest.raises(ConflictError):
        city.draft(identifier="same")
    assert len(city.rows(select(t.alert))) == 1


def test_a_test_reaches_its_author_only(make_city: MakeCity) -> None:
    city = make_city()
    _, person = city.leaders()[0]
    author = Actor(no=1, id=b"a" * 16, name="a", role="duty_officer", path="", person_no=person)
    drafted = city.draft(status="Test", actor=author)
    city.approve(drafted, actor=author)
    city.forward(minutes=20, tick_s=5)
    assert {m.address for m in city.sent} == {city.phone_of(person)}
    with pytest.raises(InvalidInputError):
        city.draft(status="Test", actor=OFFICER)


def test_whoever_cant_come_is_replaced_at_once(make_city: MakeCity) -> None:
    city = make_city()
    city.issue()
    alternates = dict(city.leaders(rank=2))
    duty, person = next(pair for pair in city.leaders() if pair[0] in alternates)
    city.sent.clear()
    city.reply(city.phone_of(person), "0")
    city.forward(seconds=1)
    assert [m.kind for m in city.to(city.phone_of(alternates[duty]))] == ["takeover"]
    city.forward(minutes=3)
    assert not any(m.kind == "reminder" for m in city.to(city.phone_of(person)))


def test_a_dead_number_is_replaced_at_once_and_never_waits_for_the_rung(
    make_city: MakeCity,
) -> None:
    dead: set[str] = set()

    def number(message: Outgoing) -> Any:
        return SendError(Fault.DEAD, "no-such") if message.address in dead else accepts(message)

    city = make_city(behave=number)
    alternates = dict(city.leaders(rank=2))
    duty, person = next(pair for pair in city.leaders() if pair[0] in alternates)
    dead |= {city.phone_of(person)}
    city.issue()
    city.forward(seconds=2)
    messages = city.to(city.phone_of(alternates[duty]))
    second_phone = [m for m in city.sent if m.kind == "alert" and m.address not in dead]
    assert "takeover" in [m.kind for m in messages] or len(second_phone) > 0
    assert city.one(
        select(t.delivery).where(
            t.delivery.c.recipient_no == person,
            t.delivery.c.state == int(DeliveryState.FAILED),
        )
    )


def test_a_superior_gets_one_digest_a_window_and_not_a_message_a_door(
    make_city: MakeCity,
) -> None:
    city = make_city()
    city.issue(roles=("building_lead", "grid_leader"))
    city.forward(minutes=7)
    digests = [m for m in city.sent if m.kind == "digest"]
    assert digests
    assert len({m.address for m in digests}) == len(digests)
    silent = city.rows(select(t.requirement).where(t.requirement.c.state == 0))
    assert len(digests) < len(silent) / 2


def test_who_is_his_own_superior_is_passed_over_for_the_next(make_city: MakeCity) -> None:
    city = make_city()
    (duty, person), *_ = city.leaders()
    with city.store.read() as connection:
        unit = select(t.duty.c.unit_no).where(t.duty.c.no == duty).scalar_subquery()
        (no,) = connection.execute(select(t.unit.c.no).where(t.unit.c.no == unit)).scalars()
        parent, grandparent, *_ = people.leads_above(connection, [no], RED.ladder_roles)[no]
    assert parent
    assert grandparent
    put_in_charge(city, person, parent)
    city.issue()
    city.forward(minutes=7)
    c = t.digest_entry.c
    query = select(c.duty_no, c.message_no).where(c.requirement_no == city.requirement(duty).no)
    (heard,) = city.rows(query)
    assert heard.duty_no == grandparent
    assert heard.message_no
    city.forward(minutes=9)
    assert len(city.rows(query)) > 1  # and the one above that in their turn


def test_a_rung_that_nobody_stands_on_tells_nobody_and_doesnt_say_that_it_did(
    make_city: MakeCity,
) -> None:
    """A city whose roster has grid leaders and nobody else: no alternate, no superior, no desk."""
    city = make_city()
    (duty, _), *_ = city.leaders()
    h = t.holding.c
    others = (h.to_version == FOREVER) & ((h.role != "grid_leader") | (h.rank > 1))
    with city.store.transaction(city.now) as tx:
        tx.connection.execute(update(t.holding).where(others).values(to_version=h.from_version))
    city.issue(roles=("grid_leader",))
    city.forward(minutes=16)
    assert {m.kind for m in city.sent} == {"alert", "reminder", "group_reminder"}
    assert city.requirement(duty).told == Told.CALL_LIST | Told.DOOR_KNOCK
    assert city.requirement(duty).state == RequirementState.EXHAUSTED


def test_a_restored_city_gives_no_lost_alerts_number_again(make_city: MakeCity) -> None:
    """The alert of after the backup is lost; its receipts, and answers to its code, still come."""
    city = make_city()
    first = city.issue()
    made = Manifest("0", "v", "test", taken_at=city.now - 86_400_000, heads=(), keys={}, files=())
    with city.store.transaction(city.now) as tx:
        restored(tx, made, Waiting(0, 0, 0))
    second, third = city.issue("rainstorm", "blue"), city.issue("rainstorm", "red")
    # No more than 99 were issued, and one every minute.
    assert (first, second, third) == (1, 1541, 1542)
    lost = Receipt(delivery=2 << 32 | 1, attempt=1, status=ReceiptStatus.DELIVERED)
    city.take(partial(receive.events, route="sms-1", came=[lost]))
    assert not city.rows(
        select(t.delivery.c.id).where(t.delivery.c.state == DeliveryState.DELIVERED)
    )


def test_a_rung_whose_holders_have_no_number_is_passed_on_to_nobody(make_city: MakeCity) -> None:
    city = make_city()
    numberless(city)
    city.issue(roles=("grid_leader",))
    city.forward(minutes=16)
    assert {m.kind for m in city.sent if m.address.startswith("+")} == {"alert", "reminder"}
    for duty, _ in city.leaders():
        assert city.requirement(duty).told == Told.CALL_LIST | Told.DOOR_KNOCK


def test_an_alternate_who_cant_come_is_passed_over(make_city: MakeCity) -> None:
    city = make_city()
    (duty, _), (other, own), *_ = city.leaders()
    city.issue(roles=("grid_leader",))
    with city.store.transaction(city.now) as tx:
        h = t.holding.c
        second = update(t.holding).where(h.duty_no == duty, h.rank > 1)
        tx.connection.execute(second.values(person_no=own))
    city.reply(city.phone_of(own), "0")
    city.sent.clear()
    city.forward(minutes=5, seconds=5)
    assert not {m.kind for m in city.to(city.phone_of(own))} & {"takeover", "shift"}
    assert not city.requirement(duty).told & Told.ALTERNATES
    assert city.requirement(duty).told & Told.PARENT
    assert city.requirement(other).told & Told.ALTERNATES


def test_a_superior_without_a_number_is_passed_over_for_the_next_who_has_one(
    make_city: MakeCity,
) -> None:
    city = make_city()
    (duty, _), *_ = city.leaders()
    no = unit_of(city, duty).no
    with city.store.read() as connection:
        parent, grandparent, *_ = people.leads_above(connection, [no], RED.ladder_roles)[no]
    with city.store.transaction(city.now) as tx:
        h = t.holding.c
        silent = update(t.holding).where(h.duty_no == parent).values(address_no=None)
        tx.connection.execute(silent)
    city.issue(roles=("grid_leader",))
    city.forward(minutes=5, seconds=5)
    entry = t.digest_entry.c
    told = city.rows(select(entry.duty_no).where(entry.requirement_no == city.requirement(duty).no))
    assert [row.duty_no for row in told] == [grandparent]


def test_units_of_one_name_are_counted_each(make_city: MakeCity) -> None:
    city = make_city()
    alike = update(t.unit).where(t.unit.c.level == "building").values(name="1幢1单元")
    with city.store.transaction(city.now) as tx:
        tx.connection.execute(alike)
    group = t.unit.c.no == select(t.chat_group.c.unit_no).limit(1).scalar_subquery()
    city.issue(areas=[city.one(select(t.unit).where(group)).code], roles=("building_lead",))
    city.forward(minutes=7)
    c = t.message.c
    told = {
        kind: [json.loads(row.params) for row in city.rows(select(c.params).where(c.kind == kind))]
        for kind in ("digest", "group_reminder")
    }
    silent = {row.unit_no for row in city.rows(select(t.requirement.c.unit_no))}
    assert len(silent) > 3
    for kind, each in told.items():
        assert {said["count"] for said in each} == {len(silent)}, kind
        assert all(said["names"] == ["1幢1单元"] for said in each)


def test_who_answered_and_isnt_done_is_not_called_silent(make_city: MakeCity) -> None:
    done = StageRule(stage=Stage.DONE, due_min=30, start_min=4)
    city = make_city(policies=_policies(stages=(RED.stages[0], done)))
    group = t.unit.c.no == select(t.chat_group.c.unit_no).limit(1).scalar_subquery()
    city.issue(areas=[city.one(select(t.unit).where(group)).code], roles=("grid_leader",))
    asked = {row.no & 0xFFFFFFF for row in city.rows(select(t.requirement.c.no))}
    for phone in {city.phone_of(person) for duty, person in city.leaders() if duty in asked}:
        city.reply(phone, "1")
    city.forward(minutes=12, tick_s=10)
    words = {m.kind: m.text for m in city.sent if m.kind in {"digest", "group_reminder"}}
    assert words.keys() == {"digest", "group_reminder"}
    assert all("未报完成" in text and "未应答" not in text for text in words.values()), words


def test_the_map_shows_the_first_stage_whichever_that_is(make_city: MakeCity) -> None:
    city = make_city(policies=_policies(stages=(StageRule(stage=Stage.ON_POST, due_min=15),)))
    alert = city.issue(areas=[TOWN], roles=("grid_leader",))
    asked = {row.no & 0xFFFFFFF for row in city.rows(select(t.requirement.c.no))}
    city.reply(*(city.phone_of(person) for duty, person in city.leaders() if duty in asked), "3")
    with city.store.read() as connection:
        (cell,) = board.cells(connection, alert)
    assert (cell.needed, cell.helping, cell.state) == (1, 1, board.CellState.HELP)


def test_the_alternates_answer_covers_the_duty(make_city: MakeCity) -> None:
    city = make_city()
    city.issue()
    alternates = dict(city.leaders(rank=2))
    duty, _ = next(pair for pair in city.leaders() if pair[0] in alternates)
    city.forward(minutes=5, seconds=5)
    city.reply(city.phone_of(alternates[duty]), "1")
    assert city.requirement(duty).state == RequirementState.COVERED


def test_stages_climb_apart_and_a_second_count_replaces_the_first(make_city: MakeCity) -> None:
    stages = (
        StageRule(stage=Stage.RECEIVED, due_min=15),
        StageRule(stage=Stage.DONE, due_min=60, start_min=30),
    )
    city = make_city(policies=_policies(stages=stages))
    city.issue(areas=[TOWN])
    duty, person = next(
        pair for pair in city.leaders() if city.requirement_or_none(pair[0]) is not None
    )
    phone = city.phone_of(person)
    city.reply(phone, "2 35/40")
    assert city.requirement(duty).state == RequirementState.COVERED
    assert city.requirement(duty, stage=Stage.DONE).state == RequirementState.OPEN
    city.reply(phone, "2 40/40")
    assert city.requirement(duty, stage=Stage.DONE).state == RequirementState.COVERED
    counts = [row.count for row in city.rows(select(t.ack).order_by(t.ack.c.no))]
    assert counts == [35, 40]


def test_several_open_alerts_make_a_bare_reply_ambiguous_and_the_timers_go_on(
    make_city: MakeCity,
) -> None:
    city = make_city()
    city.issue("typhoon", "red")
    city.issue("flood", "red")
    duty, person = city.leaders()[0]
    city.sent.clear()
    city.reply(city.phone_of(person), "1")
    assert city.one(select(t.inbound)).verdict == "ambiguous"
    assert city.requirement(duty, 1).state == RequirementState.OPEN
    (menu,) = city.to(city.phone_of(person))
    assert "A1" in menu.text
    assert "A2" in menu.text
    city.reply(city.phone_of(person), "A2 1")
    assert city.requirement(duty, 1).state == RequirementState.OPEN
    assert city.requirement(duty, 2).state == RequirementState.COVERED


def test_an_answer_written_before_the_update_was_told_doesnt_cover_it(make_city: MakeCity) -> None:
    """The update waits for its gateway for minutes, and the answer to what was before overlaps."""
    city = make_city()
    first = city.issue(areas=[TOWN])
    duty, person = next(
        pair for pair in city.leaders() if city.requirement_or_none(pair[0]) is not None
    )
    phone = city.phone_of(person)
    city.behave = lambda _: SendError(Fault.RETRY, "http-503")
    second = city.issue(areas=[TOWN], references=[city.reference(first)])
    city.forward(minutes=5)
    wrote_at = city.now
    city.behave = accepts
    city.forward(minutes=5)
    city.sent.clear()
    city.reply(phone, "1", occurred_at=wrote_at)
    assert city.one(select(t.inbound)).reason == "told-meanwhile"
    assert city.requirement(duty, second).state == RequirementState.OPEN
    (menu,) = city.to(phone)
    assert "A2是刚发的" in menu.text
    city.reply(phone, "A2 1")
    assert city.requirement(duty, second).state == RequirementState.COVERED


@pytest.mark.parametrize("after_s", [0, 9])
def test_what_comes_the_moment_an_update_leaves_is_for_what_was_before(
    make_city: MakeCity, after_s: int
) -> None:
    """SMPP and Twilio tell no time of writing, and nobody has read the update that quickly."""
    city = make_city()
    first = city.issue(roles=("grid_leader",))
    city.forward(minutes=1)
    second = city.issue(roles=("grid_leader",), references=[city.reference(first)])
    city.forward(seconds=after_s)
    (duty, person), *_ = city.leaders()
    phone = city.phone_of(person)
    city.reply(phone, "1")
    assert city.one(select(t.inbound)).reason == "told-meanwhile"
    assert city.requirement(duty, second).state == RequirementState.OPEN
    city.forward(seconds=10)
    city.reply(phone, "1")
    assert city.requirement(duty, second).state == RequirementState.COVERED


def test_who_had_nothing_else_to_answer_answers_at_once(make_city: MakeCity) -> None:
    city = make_city()
    city.issue(roles=("grid_leader",))
    (duty, person), *_ = city.leaders()
    city.reply(city.phone_of(person), "1")
    assert city.requirement(duty).state == RequirementState.COVERED


def test_an_all_clear_asks_nothing_and_leaves_the_next_alert_the_only_open_one(
    make_city: MakeCity,
) -> None:
    city = make_city()
    first = city.issue("typhoon", "red")
    city.issue("all-clear", references=[city.reference(first)])
    third = city.issue("flood", "red")
    duty, person = city.leaders()[0]
    city.reply(city.phone_of(person), "1")
    assert city.one(select(t.inbound)).verdict == "counted"
    assert city.requirement(duty, third).state == RequirementState.COVERED


def test_what_an_answer_that_stands_covers_is_covered_since_it_was_given(
    make_city: MakeCity,
) -> None:
    city = make_city()
    alert = city.issue(areas=[TOWN])
    duty, first = next(
        pair for pair in city.leaders() if city.requirement_or_none(pair[0]) is not None
    )
    second = dict(city.leaders(rank=2))[duty]
    given = []
    for person, said in ((first, "1"), (first, "2 35"), (second, "1")):
        city.forward(minutes=3)
        city.reply(city.phone_of(person), said)
        given.append(city.now)
    acks = city.rows(select(t.ack).order_by(t.ack.c.no))
    assert [ack.occurred_at for ack in acks] == given
    for ack, stands in zip(acks, (given[1], given[2]), strict=False):
        assert city.requirement(duty).covered_at == ack.occurred_at
        city.forward(minutes=5)
        which = {"alert_no": alert, "ack_no": ack.no, "by": b"o" * 16, "reason": "mistaken"}
        city.take(partial(withdrawing.withdraw, **which))
        assert city.requirement(duty).covered_at == stands


def test_a_mistake_found_after_the_end_wakes_nobody(make_city: MakeCity) -> None:
    city = make_city()
    alert = city.issue(areas=[TOWN])
    duty, person = next(
        pair for pair in city.leaders() if city.requirement_or_none(pair[0]) is not None
    )
    city.reply(city.phone_of(person), "1")
    city.issue("cancel", areas=[TOWN], references=[city.reference(alert)])
    city.sent.clear()
    ack = city.one(select(t.ack))
    city.take(
        partial(
            withdrawing.withdraw, alert_no=alert, ack_no=ack.no, by=b"o" * 16, reason="mistaken"
        )
    )
    city.forward(minutes=20, tick_s=5)
    assert city.requirement(duty).state == RequirementState.CLOSED
    assert not city.sent


def test_a_call_for_help_outlives_its_alert_and_a_gateway_that_is_away(
    make_city: MakeCity,
) -> None:
    city = make_city()
    alert = city.issue(areas=[TOWN])
    _, person = next(
        pair for pair in city.leaders() if city.requirement_or_none(pair[0]) is not None
    )
    ends_at = city.one(select(t.alert.c.expires_at).where(t.alert.c.no == alert)).expires_at
    city.forward(seconds=(ends_at - city.now) / 1000 - 3, tick_s=60)
    city.behave = lambda _: SendError(Fault.RETRY, "http-503")
    city.reply(city.phone_of(person), "3")
    city.forward(seconds=30)
    assert _state(city, alert) == "expired"
    city.sent.clear()
    city.behave = accepts
    city.forward(seconds=130)
    calls = [message for message in city.sent if message.kind == "help"]
    assert calls
    assert all(message.expires_at > city.now for message in calls)


def test_a_node_without_routes_settles_nothing(make_city: MakeCity, tmp_path: Path) -> None:
    city = make_city(behave=lambda _: SendError(Fault.RETRY, "http-503"))
    alert = city.issue(areas=[TOWN])
    before = city.states(alert)
    city.store.close()
    looking = City(tmp_path, fresh=False, routes=(), now=city.now)
    looking.forward(seconds=30)
    assert looking.states(alert) == before


def test_an_unknown_number_is_kept_and_answered_by_nobody(make_city: MakeCity) -> None:
    city = make_city()
    city.issue()
    city.sent.clear()
    city.reply("+8613900001111", "1")
    assert city.one(select(t.inbound)).verdict == "unknown-sender"
    assert not city.sent


def test_a_forged_receipt_for_nothing_changes_nothing(make_city: MakeCity) -> None:
    city = make_city()
    alert = city.issue(areas=[TOWN])
    before = city.states(alert)
    message = city.sent[0]
    for number in (0, -1, 2**63, 999, (alert << 32) + 900_000):
        forged = Outgoing(
            delivery=number,
            attempt=1,
            address=message.address,
            text="",
            alert="",
            short_code="",
            kind="alert",
            status="Actual",
            severity=1,
            created_at=0,
            expires_at=0,
        )
        city.receipt(forged, ReceiptStatus.DELIVERED)
    assert city.states(alert) == before


def test_the_most_severe_goes_first(make_city: MakeCity) -> None:
    city = make_city(behave=lambda _: SendError(Fault.RETRY, "http-503"))
    city.issue("rainstorm", "blue", areas=[TOWN])
    city.issue("flood", "red", areas=[TOWN])
    city.sent.clear()
    city.behave = accepts
    city.forward(seconds=200)
    first = [m.severity for m in city.sent if m.kind == "alert" and m.address.startswith("+")]
    assert first == sorted(first)


def test_a_policy_with_one_rung_still_ends_at_a_human(make_city: MakeCity) -> None:
    steps = (Step(after_min=1, do=("remind",)),)
    city = make_city(policies=_policies(steps=steps))
    city.issue(areas=[TOWN])
    city.forward(minutes=2)
    states = {row.state for row in city.rows(select(t.requirement.c.state))}
    assert states == {RequirementState.EXHAUSTED}
