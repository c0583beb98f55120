"""What changes while an alert is under way: numbers, answers, units."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alertd.decide.expand import Pieces
from alertd.decide.interpret import LATE_WINDOW_S
from alertd.engine import halting, withdrawing
from alertd.engine.authority import Actor
from alertd.model import FOREVER, RequirementState
from alertd.report.verify import verify
from alertd.store import rebuild
from alertd.store import tables as t
from alertd.store.reads import board
from channels.base import Accepted, Fault, Outgoing, ReceiptStatus, SendError
from channels.loudspeaker.orders import expiry
from tests.city import RED, City
from tests.unit.roster_moves import (
    asked,
    hand_on,
    id_of,
    import_anew,
    in_a_hurry,
    issue_until_told,
    move_unit,
    second_number,
    share_number,
    unit_of,
)
from tests.unit.test_store_rebuild import rebuilt

MakeCity = Callable[..., City]
TOWN, OTHER = "330281001", "330281002"
ADMIN = Actor(no=9, id=b"z" * 16, name="admin", role="administrator", path="")


@pytest.fixture
def make_city(tmp_path: Path) -> MakeCity:
    return partial(City, tmp_path)


def read(city: City) -> list[tuple[str, str]]:
    """What the replies were read as, in their order."""
    c = t.inbound.c
    rows = city.rows(select(c.verdict, c.reason).order_by(c.no))
    return [(row.verdict, row.reason) for row in rows]


# --- a number that moved


def test_a_number_that_moved_answers_for_whoever_was_told_there(make_city: MakeCity) -> None:
    city = make_city()
    city.issue(areas=[TOWN])
    (duty, person), *_ = asked(city)
    elsewhere = next(pair[1] for pair in city.leaders() if pair not in asked(city))
    phone = hand_on(city, person, elsewhere)
    city.reply(phone, "1")
    assert read(city) == [("counted", "only-open")]
    ack = city.one(select(t.ack.c.person_no, t.ack.c.grade))
    assert (ack.person_no, ack.grade) == (person, "shared")
    assert city.requirement(duty).state == RequirementState.COVERED


def test_a_number_at_which_both_were_told_answers_for_neither_unless_it_says_for_whom(
    make_city: MakeCity,
) -> None:
    city = make_city()
    city.issue()
    (duty, person), (other_duty, other), *_ = asked(city)
    phone = hand_on(city, person, other)
    before = len(city.to(phone))
    city.forward(minutes=2.5)  # reminded: the other by the number that was the first one's
    assert len(city.to(phone)) > before
    city.reply(phone, "1")
    assert read(city) == [("unclear", "number-moved")]
    assert (
        city.requirement(duty).state == city.requirement(other_duty).state == RequirementState.OPEN
    )
    city.reply(phone, f"1 {unit_of(city, other_duty).name}")
    assert read(city)[-1] == ("counted", "only-open")
    assert city.requirement(duty).state == RequirementState.OPEN
    assert city.requirement(other_duty).state == RequirementState.COVERED
    city.reply(phone, "3 水进屋了")
    cases = city.rows(select(t.help_case.c.person_no))
    assert {row.person_no for row in cases} == {person, other}


def test_a_number_that_moved_is_the_new_ones_alone_after_three_days(make_city: MakeCity) -> None:
    city = make_city()
    city.issue(areas=[TOWN])
    (_, person), *_ = asked(city)
    elsewhere = next(pair[1] for pair in city.leaders() if pair not in asked(city))
    phone = hand_on(city, person, elsewhere)
    alert_id = city.one(select(t.alert.c.id)).id
    city.take(partial(halting.stop, actor=ADMIN, alert_id=alert_id, reason="wrong"))
    city.now += LATE_WINDOW_S * 1000 + 1
    city.reply(phone, "1")
    assert read(city) == [("no-alert", "no-alert")]


def test_a_phone_that_was_shared_answers_for_whoever_has_it_still(make_city: MakeCity) -> None:
    city = make_city()
    (duty, person), (other_duty, other), *_ = city.leaders()
    second_number(city, other, city.phone_of(person))
    city.issue()
    city.forward(minutes=2.5)
    phone = city.phone_of(person)
    c = t.contact.c
    with city.store.transaction(city.now) as tx:
        theirs = (c.person_no == other, c.rank == 2, c.to_version == FOREVER)
        tx.connection.execute(t.contact.update().where(*theirs).values(to_version=2))
    city.reply(phone, "1")
    assert read(city) == [("counted", "only-open")]
    assert city.requirement(duty).state == RequirementState.COVERED
    assert city.requirement(other_duty).state == RequirementState.OPEN


def test_a_phone_that_goes_with_its_post_answers_for_it(make_city: MakeCity) -> None:
    """By an import somebody has another id, or another person the post and its telephone."""
    city = make_city()
    city.issue(areas=[TOWN])
    (duty, person), *_ = asked(city)
    phone, before = city.phone_of(person), id_of(city, person)
    import_anew(city, lambda row: row | {"person_id": row["person_id"].replace(before, "new")})
    heir = next(who for of, who in city.leaders() if of == duty)
    assert heir != person
    city.reply(phone, "1")
    ack = city.one(select(t.ack.c.person_no, t.ack.c.grade))
    assert (ack.person_no, ack.grade) == (heir, "shared")
    assert city.requirement(duty).state == RequirementState.COVERED


def test_a_phone_that_goes_to_another_post_answers_for_none(make_city: MakeCity) -> None:
    city = make_city()
    city.issue()
    (_, person), (other_duty, other), *_ = asked(city)
    phone, gone, there = city.phone_of(person), id_of(city, person), id_of(city, other)
    number = phone.removeprefix("+86")

    def change(row: dict[str, str]) -> dict[str, str] | None:
        taken = {"phone": number, "phone2": ""} if row["person_id"] == there else {}
        return None if row["person_id"] == gone else row | taken

    import_anew(city, change)
    assert city.phone_of(other) == phone
    city.reply(phone, "1")
    assert city.requirement(other_duty).state == RequirementState.OPEN


# --- a phone that is shared


def test_a_shared_phone_answers_for_nobody_whose_message_never_came(make_city: MakeCity) -> None:
    city = make_city()
    (duty, person), (other_duty, other), *_ = city.leaders()
    phone = share_number(city, person, other)
    first: list[int] = []

    def behave(message: Outgoing) -> Accepted | SendError:
        first.extend([message.delivery] if message.address == phone and not first else [])
        taken = message.address != phone or message.delivery in first
        return Accepted("ref") if taken else SendError(Fault.REFUSED, "refused")

    city.behave = behave
    city.issue()
    city.reply(phone, "1")
    told = {duty: person, other_duty: other}
    answered = [d for d in told if city.requirement(d).state == RequirementState.COVERED]
    assert [told[d] for d in answered] == [
        city.one(select(t.delivery.c.recipient_no).where(t.delivery.c.id == first[0])).recipient_no
    ]
    city.behave = lambda _: Accepted("ref")
    city.forward(minutes=2.5)  # reminded, and told at last
    city.reply(phone, "1")
    assert {city.requirement(d).state for d in told} == {RequirementState.COVERED}


# --- an answer that was carried over


SPARING = replace(RED, name="sparing", update_wants_fresh_answer=False)


def chain_of_three(make_city: MakeCity) -> tuple[City, int, int]:
    """Three alerts, each an update of the one before; a duty answered in the first, and its ack."""
    city = make_city(policies=dict.fromkeys(("red", "orange", "yellow", "blue"), SPARING))
    first = city.issue()
    (duty, person), *_ = city.leaders()
    city.reply(city.phone_of(person), "1")
    city.issue(references=[city.reference(first)])
    city.issue(references=[city.reference(2)])
    return city, duty, city.one(select(t.ack.c.no)).no


def mistaken(city: City, ack_no: int, alert_no: int = 1) -> None:
    which: dict[str, Any] = {
        "alert_no": alert_no,
        "ack_no": ack_no,
        "by": b"o" * 16,
        "reason": "mistaken",
    }
    city.take(partial(withdrawing.withdraw, **which))


def states(city: City, duty: int) -> list[RequirementState]:
    return [RequirementState(city.requirement(duty, no).state) for no in (1, 2, 3)]


def test_a_withdrawn_answer_is_withdrawn_from_every_alert_that_took_it_over(
    make_city: MakeCity, tmp_path: Path
) -> None:
    city, duty, ack = chain_of_three(make_city)
    s = RequirementState
    assert states(city, duty) == [s.COVERED, s.COVERED, s.COVERED]
    city.sent.clear()
    mistaken(city, ack)
    assert states(city, duty) == [s.CLOSED, s.CLOSED, s.OPEN]
    city.forward(minutes=3)
    assert [m.kind for m in city.to(city.phone_of(dict(city.leaders())[duty]))] == ["reminder"]
    c = t.coverage.c
    of_city = select(c.alert_no, c.covered).where(c.unit_no == 1, c.stage == 1)
    assert {row.covered for row in city.rows(of_city)} == {0}
    with rebuilt(city, tmp_path) as (live, again):
        assert rebuild.compare(live, again) == []
    with city.store.read() as connection:
        assert [verify(connection, no).differences for no in (1, 2, 3)] == [(), (), ()]


def test_an_answer_of_its_own_stands_where_the_one_before_was_a_mistake(
    make_city: MakeCity, tmp_path: Path
) -> None:
    city, duty, ack = chain_of_three(make_city)
    phone = city.phone_of(dict(city.leaders())[duty])
    city.reply(phone, "A2 1")  # late, to the second
    mistaken(city, ack)
    s = RequirementState
    assert states(city, duty) == [s.CLOSED, s.COVERED, s.COVERED]
    with rebuilt(city, tmp_path) as (live, again):
        assert rebuild.compare(live, again) == []
    with city.store.read() as connection:
        assert [verify(connection, no).differences for no in (1, 2, 3)] == [(), (), ()]
    second = city.one(select(t.ack.c.no).where(t.ack.c.alert_no == 2)).no
    mistaken(city, second, 2)
    assert states(city, duty) == [s.CLOSED, s.CLOSED, s.OPEN]


def test_another_answer_of_the_same_person_keeps_what_was_carried(make_city: MakeCity) -> None:
    city, duty, ack = chain_of_three(make_city)
    city.reply(city.phone_of(dict(city.leaders())[duty]), "A1 1")
    mistaken(city, ack)
    assert set(states(city, duty)) == {RequirementState.COVERED}


# --- loudspeakers


def test_what_ends_several_alerts_stops_the_loudspeakers_of_each(make_city: MakeCity) -> None:
    city = make_city()
    first, other = city.issue(areas=[TOWN]), city.issue("flood", areas=[TOWN])
    latest = city.issue(areas=[TOWN], references=[city.reference(first)])
    city.sent.clear()
    city.issue("all-clear", areas=[TOWN], references=list(map(city.reference, (other, latest))))
    ids = {row.no: row.id.hex() for row in city.rows(select(t.alert.c.no, t.alert.c.id))}
    stops = {(m.alert, *m.stops) for m in city.sent if m.stop and m.kind == "alert"}
    assert stops == {(ids[latest], ids[other], ids[first])}


def test_what_ends_an_alert_is_heard_for_as_long_as_the_alert_would_have_been(
    make_city: MakeCity,
) -> None:
    """A loudspeaker that was away hears both when it comes back, and is silent."""
    city = make_city()
    blue = city.issue(colour="blue", areas=[TOWN])
    city.sent.clear()
    cancel = city.issue("cancel", colour="blue", areas=[TOWN], references=[city.reference(blue)])
    c = t.alert.c
    ends = {row.no: row.expires_at for row in city.rows(select(c.no, c.expires_at))}
    assert ends[cancel] == ends[blue], "a cancel's own template gives it half of a day"
    stops = [message for message in city.sent if message.stop]
    assert stops
    assert {expiry(message, city.now) for message in stops} == {ends[blue]}


@pytest.mark.parametrize("template", ["typhoon", "correction"])
def test_a_text_that_takes_another_s_place_silences_it(make_city: MakeCity, template: str) -> None:
    city = make_city()
    first = city.issue(areas=[TOWN])
    second = city.issue(areas=[TOWN], references=[city.reference(first)])
    city.sent.clear()
    city.issue(template, areas=[TOWN], references=[city.reference(second)])
    ids = {row.no: row.id.hex() for row in city.rows(select(t.alert.c.no, t.alert.c.id))}
    texts = [m for m in city.sent if m.kind == "alert" and not m.stop]
    assert {(m.alert, tuple(m.stops)) for m in texts} == {(ids[3], (ids[second], ids[first]))}


# --- a unit that is moved or removed


def town_of(path: str) -> str:
    return "/".join(path.split("/")[:2]) + "/"


def figures_of(city: City, path: str) -> tuple[int, int, int]:
    """What is asked, covered and exhausted in a subtree, as it is called now."""
    with city.store.read() as connection:
        (stage,) = board.stages(connection, 1, path)
    return stage.needed, stage.covered, stage.exhausted


def moved_and_gone(city: City) -> tuple[Any, Any, str]:
    """Two grids of different towns: one is moved into the other's town, the other removed."""
    grids = [unit_of(city, duty) for duty, _ in city.leaders()]
    moved, gone = grids[0], next(g for g in grids if town_of(g.path) != town_of(grids[0].path))
    path = move_unit(city, moved.no, gone.parent_no)
    move_unit(city, gone.no, None)
    return moved, gone, path


def test_a_unit_that_is_moved_or_removed_counts_where_it_was(
    make_city: MakeCity, tmp_path: Path
) -> None:
    city = make_city()
    city.issue(roles=["grid_leader"])
    towns = {town_of(unit_of(city, duty).path) for duty, _ in city.leaders()}
    before = {town: figures_of(city, town) for town in towns}
    phones = {unit_of(city, duty).no: city.phone_of(person) for duty, person in city.leaders()}
    grids = [unit_of(city, duty) for duty, _ in city.leaders()]
    for grid in grids:
        city.reply(phones[grid.no], "1")
    moved, _, path = moved_and_gone(city)
    for ack in city.rows(select(t.answer.c.ack_no).distinct()):
        mistaken(city, ack.ack_no)
    assert {figures_of(city, town) for town in towns} == {(n, 0, 0) for n, _, _ in before.values()}
    city.reply(phones[moved.no], "1")
    assert figures_of(city, town_of(moved.path)) == (before[town_of(moved.path)][0], 1, 0)
    assert figures_of(city, path) == (1, 1, 0)
    asked, covered, _ = figures_of(city, "")
    assert covered == 1
    city.forward(minutes=16)
    assert figures_of(city, "") == (asked, 1, asked - 1)
    for town, (needed, _, _) in before.items():
        here, answered, silent = figures_of(city, town)
        assert (here, answered + silent) == (needed, needed)
    with rebuilt(city, tmp_path) as (live, again):
        assert rebuild.compare(live, again) == []
    with city.store.read() as connection:
        assert verify(connection, 1).differences == ()


def test_a_unit_that_was_moved_and_is_gone_counts_where_it_was_at_first(
    make_city: MakeCity,
) -> None:
    city = make_city()
    city.issue(roles=["grid_leader"])
    moved, _, path = moved_and_gone(city)
    before = figures_of(city, path)
    with city.store.transaction(city.now) as tx:
        here = (t.unit.c.no == moved.no, t.unit.c.to_version == FOREVER)
        tx.connection.execute(t.unit.update().where(*here).values(to_version=3))
    assert figures_of(city, path) == before == (1, 0, 0)


def test_superiors_of_now_hear_of_a_unit_that_was_moved_and_the_last_ones_of_one_that_left(
    make_city: MakeCity,
) -> None:
    city = make_city()
    city.issue(roles=["grid_leader"])
    moved, gone, _ = moved_and_gone(city)
    city.forward(minutes=11)
    c, r = t.digest_entry.c, t.requirement.c
    query = select(c.duty_no, c.message_no).join(t.requirement, r.no == c.requirement_no)
    heard = [city.rows(query.where(r.unit_no == each.no)) for each in (moved, gone)]
    assert {row.duty_no for row in heard[0]} == {row.duty_no for row in heard[1]}
    assert all(row.message_no for row in heard[1])  # none was left unsaid


# --- what is over is forgotten


def test_what_is_over_is_forgotten_and_still_answered_for(make_city: MakeCity) -> None:
    city = make_city()
    first = city.issue(areas=[TOWN])
    (duty, person), *_ = asked(city)
    phone = city.phone_of(person)
    message = city.to(phone)[0]
    city.reply(phone, "3 水进屋了")
    city.issue("all-clear", areas=[TOWN], references=[city.reference(first)])
    city.forward(seconds=3)
    assert first not in city.engine.alerts
    assert {alert.over for alert in city.engine.alerts.values()} <= {False}
    city.receipt(message, ReceiptStatus.DELIVERED)
    assert city.states(first)["delivered"] == 1
    city.sent.clear()
    city.forward(minutes=10)  # nobody takes the call for help
    assert city.one(select(t.help_case.c.climbed)).climbed > 1
    assert [m.kind for m in city.sent if m.delivery >> 32 == first].count("help")
    city.reply(phone, "A1 1")
    assert read(city)[-1] == ("counted", "code")
    assert city.requirement(duty).state == RequirementState.COVERED
    assert [m.kind for m in city.to(phone)] == ["confirmation"]
    city.forward(seconds=3)
    assert first not in city.engine.alerts


# --- what follows an alert that is still being written down


def told_of(city: City, *alerts: int) -> set[tuple[int, int]]:
    """(kind, recipient) of all to whom something of these alerts has left."""
    d = t.delivery.c
    query = select(d.id, d.recipient_kind, d.recipient_no).where(d.attempt > 0)
    rows = city.rows(query)
    return {(row.recipient_kind, row.recipient_no) for row in rows if row.id >> 32 in alerts}


def phase(city: City, alert_no: int) -> int:
    found: int = city.one(select(t.alert.c.phase).where(t.alert.c.no == alert_no)).phase
    return found


@pytest.mark.parametrize("ended_by", ["cancel", "all-clear"])
def test_who_was_told_of_what_was_still_being_expanded_hears_of_its_end(
    make_city: MakeCity, ended_by: str
) -> None:
    city = make_city(pieces=Pieces(first_people=3, most=7))
    (_, early), *_ = city.leaders()
    with in_a_hurry(city):
        first = issue_until_told(city, city.phone_of(early))
        end = city.draft(ended_by, references=[city.reference(first)])
        assert phase(city, first)
        city.approve(end)
    city.forward(seconds=5)
    told = told_of(city, first)
    assert 0 < len(told) < len(city.leaders("building_lead"))
    assert told_of(city, int(end["no"])) == told


def test_whoever_was_told_of_any_hears_of_the_end_though_none_was_written_down_whole(
    make_city: MakeCity,
) -> None:
    city = make_city(pieces=Pieces(first_people=3, most=7))
    (_, early), *later = city.leaders()
    elsewhere = next(p for d, p in later if OTHER in unit_of(city, d).path)
    with in_a_hurry(city):
        first = issue_until_told(city, city.phone_of(early))
        of_first: dict[str, Any] = {"references": [city.reference(first)], "areas": [OTHER]}
        second = issue_until_told(city, city.phone_of(elsewhere), **of_first)
        end = city.draft("all-clear", references=[city.reference(second)])
        assert phase(city, second)
        city.approve(end)
    city.forward(seconds=5)
    told = told_of(city, first, second)
    assert told_of(city, first) - told_of(city, second)
    assert len(told) < len(city.leaders("building_lead"))
    assert told_of(city, int(end["no"])) == told


@pytest.mark.parametrize("gone", [{"address_no": None}, {"to_version": 2}], ids=["number", "left"])
def test_a_superior_who_cannot_be_sent_anything_is_passed_over_for_the_desk(
    make_city: MakeCity, gone: dict[str, int | None]
) -> None:
    city = make_city()
    city.issue(areas=[TOWN])
    city.forward(minutes=5, seconds=30, tick_s=10)  # the superiors' digests wait for their window
    h, c = t.holding.c, t.contact.c
    leads = h.role.in_(["community_lead", "subdistrict_lead"])
    with city.store.transaction(city.now) as tx:
        theirs = c.person_no.in_(select(h.person_no).where(leads))
        tx.connection.execute(t.contact.update().where(theirs).values(to_version=2))
        tx.connection.execute(t.holding.update().where(leads).values(**gone))
    desk = {city.phone_of(person) for _, person in city.leaders("city_duty")}
    city.sent.clear()
    city.forward(minutes=1, tick_s=10)
    assert desk & {message.address for message in city.sent if message.kind == "digest"}
