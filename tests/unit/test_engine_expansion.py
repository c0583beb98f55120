"""Expansion piece by piece: who goes first, and what comes before its last piece is written."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, or_, select, update

from alertd.decide.expand import Pieces
from alertd.engine import approving
from alertd.model import (
    MINUTE_MS,
    PRIORITIES,
    Policy,
    Precedence,
    RecipientKind,
    RequirementState,
    Stage,
    StageRule,
    Step,
    duty_of,
    priority_of,
    stage_of,
)
from alertd.store import tables as t
from alertd.store.fold.places import look_up, places
from channels.base import Fault, SendError
from tests.city import RED, SECOND, City, sms_route
from tests.unit.roster_moves import issue_until_told, put_in_charge

MakeCity = Callable[..., City]

SMALL = Pieces(first_people=3, most=7)
AT_ONCE = Pieces(first_people=5_000)
EVERYONE = Policy(name="all", tell="everyone", stages=RED.stages, steps=RED.steps)


@pytest.fixture
def make_city(tmp_path: Path) -> MakeCity:
    return partial(City, tmp_path)


def test_who_answers_for_a_unit_goes_before_others_and_these_before_alternates(
    make_city: MakeCity,
) -> None:
    slow = sms_route(in_flight=20)
    city = make_city(routes=(slow,), policies={"red": EVERYONE}, pieces=AT_ONCE)
    city.issue(roles=())
    left = [m.delivery for m in city.sent]
    d = t.delivery.c
    priority = {row.id: row.priority for row in city.rows(select(d.id, d.priority))}
    order = [priority[number] for number in left]
    assert order == sorted(order)
    assert set(order) == {priority_of(1, precedence) for precedence in Precedence}


def test_somebody_with_several_duties_goes_by_the_gravest_of_them(make_city: MakeCity) -> None:
    city = make_city(policies={"red": EVERYONE})
    city.issue(roles=())
    d, h = t.delivery.c, t.holding.c
    answering = {
        row.person_no
        for row in city.rows(
            select(h.person_no).where(h.rank == 1, h.role.in_(EVERYONE.ladder_roles))
        )
    }
    rows = city.rows(
        select(d.recipient_no, d.priority).where(d.recipient_kind == int(RecipientKind.PERSON))
    )
    assert len({row.recipient_no for row in rows}) == len(rows)  # each once, whatever they hold
    first = {row.recipient_no for row in rows if row.priority == priority_of(1)}
    assert first == answering


def test_whoever_fails_before_the_last_piece_has_their_ladders_due_at_once(
    make_city: MakeCity,
) -> None:
    city = make_city(behave=lambda _: SendError(Fault.DEAD, "no-such-number"), pieces=SMALL)
    (_, early), *_, (late, _) = city.leaders("building_lead")
    put_in_charge(city, early, late)
    city.issue()
    city.forward(seconds=2)  # the policy's first rung is at two minutes
    assert city.requirement(late).told
    assert all(row.told for row in city.rows(select(t.requirement.c.told)))


def test_whoever_answers_before_the_last_piece_is_counted_after_it(make_city: MakeCity) -> None:
    city = make_city(pieces=SMALL)
    (_, early), *_, (late, _) = city.leaders("building_lead")
    put_in_charge(city, early, late)
    phone = city.phone_of(early)
    issue_until_told(city, phone)
    assert city.requirement_or_none(late) is None
    city.reply(phone, "1")
    assert city.requirement(late).state == RequirementState.COVERED


def told(city: City, *alerts: int) -> set[int]:
    d = t.delivery.c
    among = or_(*(d.id.between(no << 32, (no + 1 << 32) - 1) for no in alerts))
    person = d.recipient_kind == int(RecipientKind.PERSON)
    return {
        row.recipient_no
        for row in city.rows(select(d.recipient_no).where(among, person, d.attempt > 0))
    }


@pytest.mark.parametrize("end", ["cancel", "all-clear", "correction", "typhoon"])
def test_who_still_waits_for_an_update_hears_of_what_follows_it(
    make_city: MakeCity, end: str
) -> None:
    city = make_city(routes=(sms_route(rate_per_s=5, burst=5),))
    first = city.issue(areas=["330281001"])
    city.forward(seconds=6)
    # The last one is for one community; whoever else was told hears of it all the same.
    areas = ["330281001001"] if end == "typhoon" else ["330281001"]
    update = city.issue(areas=["330281001"], references=[city.reference(first)])
    last = city.issue(end, areas=areas, references=[city.reference(update)])
    city.forward(seconds=6)
    assert len(told(city, update)) < len(told(city, first))
    assert told(city, last) >= told(city, first)


def test_what_ends_two_alerts_is_told_to_whoever_was_told_of_either(make_city: MakeCity) -> None:
    city = make_city()
    both = [city.issue(areas=[town]) for town in ("330281001", "330281002")]
    references = [city.reference(no) for no in both]
    end = city.issue("all-clear", areas=["330281"], references=references)
    assert told(city, end) == told(city, *both)
    assert len(told(city, end)) == sum(len(told(city, no)) for no in both)


def test_pieces_of_any_size_come_to_the_same(make_city: MakeCity, tmp_path: Path) -> None:
    small = make_city(pieces=SMALL)
    small.issue(roles=())
    whole = City(tmp_path / "whole", pieces=AT_ONCE)
    whole.issue(roles=())
    d, r = t.delivery.c, t.requirement.c
    for query in (
        select(d.id, d.recipient_kind, d.recipient_no, d.address_no, d.lane, d.priority),
        select(r.no, r.unit_no, r.role, r.start_at),
        select(t.coverage),
        select(t.delivery_count),
    ):
        assert small.rows(query.order_by(*query.selected_columns)) == whole.rows(
            query.order_by(*query.selected_columns)
        )


def test_where_units_stand_is_looked_up_again_after_a_transaction_that_failed(
    make_city: MakeCity,
) -> None:
    city = make_city()

    def known() -> int:
        with city.store.transaction(city.now) as tx:
            look_up(tx.connection, 1)
            place = places(tx.connection.dialect.name, 1)
            return int(tx.connection.execute(select(func.count()).select_from(place)).scalar_one())

    def failing() -> None:
        with city.store.transaction(city.now) as tx:
            look_up(tx.connection, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert known() == known() == len(city.rows(select(t.unit.c.no)))


def test_the_queue_knows_every_priority_there_is() -> None:
    assert list(PRIORITIES) == sorted(set(PRIORITIES))
    assert PRIORITIES[0] == 0
    assert len(PRIORITIES) == 3 + 4 * (len(Precedence) + 1)  # and FURTHER


@pytest.mark.parametrize("first_rung_min", [2.0, 0.0])
def test_a_later_stage_asks_the_same_duties_at_its_own_time(
    make_city: MakeCity, first_rung_min: float
) -> None:
    stages = (
        StageRule(stage=Stage.RECEIVED, due_min=15),
        StageRule(stage=Stage.DONE, due_min=60, start_min=30),
    )
    steps = (Step(after_min=first_rung_min, do=("remind",)), Step(after_min=9, do=("duty_desk",)))
    city = make_city(policies={"red": Policy(name="two", stages=stages, steps=steps)})
    (silent, _), *_ = city.leaders()
    with city.store.transaction(city.now) as tx:
        h = t.holding.c
        unreachable = update(t.holding).where(h.duty_no == silent).values(address_no=None)
        tx.connection.execute(unreachable)
    drafted = city.draft()
    issued_at = city.now
    approve = partial(approving.approve, actor=SECOND, alert_id=bytes.fromhex(drafted["id"]))
    city.engine.step(issued_at, [approve], claim=False)
    while city.engine.step(issued_at, claim=False).again:
        pass
    r = t.requirement.c
    rows = city.rows(select(r.no, r.unit_no, r.role, r.start_at, r.due_at).order_by(r.no))
    received = [row for row in rows if stage_of(row.no) is Stage.RECEIVED]
    done = [row for row in rows if stage_of(row.no) is Stage.DONE]
    alike = [(duty_of(row.no), row.unit_no, row.role) for row in received]
    assert [(duty_of(row.no), row.unit_no, row.role) for row in done] == alike
    starts_at = issued_at + 30 * MINUTE_MS
    assert {row.start_at for row in done} == {starts_at}
    reachable = {row.due_at for row in done if duty_of(row.no) != silent}
    assert reachable == {starts_at + round(first_rung_min * MINUTE_MS)}
    assert {row.due_at for row in done if duty_of(row.no) == silent} == {issued_at}


def test_a_text_names_those_duties_alone_that_its_alert_is_about(make_city: MakeCity) -> None:
    """Whoever answers for a grid beside the area would clear it out."""
    city = make_city()
    (mine, person), *_, (other, _) = city.leaders("building_lead")
    put_in_charge(city, person, other)
    units = {no: name for no, name, _ in _units_of(city, mine, other)}
    paths = {no: path for no, _, path in _units_of(city, mine, other)}
    code = city.one(select(t.unit.c.code).where(t.unit.c.path == paths[mine])).code
    town = code[:9]
    phone = city.phone_of(person)
    city.issue(areas=(town,))
    assert f"({units[mine]})" in city.to(phone)[-1].text
    assert units[other] not in city.to(phone)[-1].text
    city.issue()
    assert f"({units[mine]}、{units[other]})" in city.to(phone)[-1].text


def _units_of(city: City, *duties: int) -> list[tuple[int, str, str]]:
    d, u = t.duty.c, t.unit.c
    found = city.rows(
        select(d.no, u.name, u.path).join(t.unit, u.no == d.unit_no).where(d.no.in_(duties))
    )
    return [(row.no, row.name, row.path) for row in found]
