"""One evening in one subdistrict, played on the real engine; every figure worked out by hand.

22 person-duties (a subdistrict's lead, a community's, a grid's, 19 stairwells'), the red policy:
remind at 2 min, call list at 3, alternate and parent at 5, grandparent and door-knock list at 10,
duty desk at 15. Times in the comments are since the issue.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd.engine import answering, halting, helping, withdrawing
from alertd.engine.counting import Answered
from alertd.model import AckKind, Grade, Via
from alertd.report.figures import Figures, figures, trace
from alertd.report.figures.values import HelpCall, Share, Spread, StageFigures, Transfer
from alertd.report.make import gather
from alertd.report.verify import verify
from alertd.store import journal, people
from alertd.store import tables as t
from alertd.store.reads.report_rows import burdens
from channels.base import Accepted, Fault, Outgoing, ReceiptStatus, SendError
from rosters.shifts import minute_of_day
from tests.city import OFFICER, START, ZONE, City

AREA = "330281001"
ROLES = ("subdistrict_lead", "community_lead", "grid_leader", "building_lead")
OPERATOR = b"o" * 16


@dataclass
class Evening:
    """What happened, and what a report says of it."""

    city: City
    alert_no: int
    figures: Figures
    dead: set[int]  # deliveries to the number that doesn't exist


def _here(city: City, role: str, rank: int = 1) -> list[tuple[int, int]]:
    """(duty, person) of the role's holders in the area."""
    h, u = t.holding.c, t.unit.c
    rows = city.rows(
        select(h.duty_no, h.person_no)
        .join(t.unit, u.no == h.unit_no)
        .where(u.path.contains(f"/{AREA}/"), h.role == role, h.rank == rank)
        .order_by(h.duty_no)
    )
    return [(row.duty_no, row.person_no) for row in rows]


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    played = _play(tmp_path_factory.mktemp("evening"))
    yield played
    played.city.store.close()


def _play(directory: Path) -> Evening:
    city = City(directory)
    buildings = [person for _, person in _here(city, "building_lead")]
    assert len(buildings) == 19
    phones = [city.phone_of(person) for person in buildings]
    dead: set[int] = set()

    def behave(message: Outgoing) -> Accepted | SendError:
        if message.address == phones[0]:
            if message.delivery >> 32 == 1:
                dead.add(message.delivery)
            return SendError(Fault.DEAD, "no-such-number")
        return Accepted("ref")

    city.behave = behave
    drafted = city.draft(areas=[AREA], roles=ROLES)
    city.forward(seconds=30)
    city.approve(drafted)
    alert_no = int(drafted["no"])
    _first_quarter(city, alert_no, buildings, phones)
    _aftermath(city, alert_no, phones)
    with city.store.read() as connection:
        found = figures(journal.stream(connection), alert_no=alert_no)
    return Evening(city, alert_no, found, dead)


def _first_quarter(city: City, alert_no: int, buildings: list[int], phones: list[str]) -> None:
    first = [message for message in city.sent if message.address != phones[0]]
    for message in first[:15]:
        city.receipt(message, ReceiptStatus.DELIVERED)
    (_, grid_leader), *_ = _here(city, "grid_leader")
    city.forward(seconds=60)
    city.reply(city.phone_of(grid_leader), "1")  # 60 s
    city.forward(seconds=1)
    for phone in phones[9:15]:
        city.reply(phone, "收到")  # 61 s, six of them
    city.forward(seconds=29)
    city.reply(phones[1], "2 35/40")  # 90 s
    city.forward(seconds=10)
    city.reply(phones[8], "0")  # 100 s: not on duty
    city.forward(seconds=50)
    city.reply(phones[2], "1")  # 150 s, withdrawn later
    city.forward(seconds=50)
    _by_phone(city, alert_no, buildings[3])  # 200 s
    city.forward(seconds=110)
    (_, alternate) = _here(city, "building_lead", rank=2)[4]
    city.reply(city.phone_of(alternate), "1")  # 310 s
    city.forward(seconds=40)
    city.reply(phones[5], "3 水进屋了")  # 350 s
    city.reply(phones[15], "开会中,稍后联系")
    city.forward(seconds=60)
    (case,) = city.rows(select(t.help_case.c.ack_no))
    city.take(partial(helping.take_help, ack_no=case.ack_no, by=OPERATOR))  # after 60 s
    city.forward(seconds=120)
    city.take(  # after 180 s
        partial(helping.close_help, ack_no=case.ack_no, by=OPERATOR, outcome="boat came")
    )
    city.forward(seconds=80)
    city.reply(phones[6], "1")  # 610 s


def _by_phone(city: City, alert_no: int, person: int) -> None:
    said = Answered(
        alert_no=alert_no,
        person_no=person,
        kind=AckKind.RECEIVED,
        via=Via.PHONE,
        grade=Grade.PROXY,
        occurred_at=city.now,
        by=OPERATOR,
    )
    city.take(partial(answering.acknowledge, answered=said, confirm=False))


def _aftermath(city: City, alert_no: int, phones: list[str]) -> None:
    city.forward(seconds=410)
    city.reply(phones[7], "1")  # 1,020 s: after the due time, still an answer
    city.reply(phones[1], "2 38/40")
    city.forward(seconds=60)
    mistaken = city.rows(select(t.ack.c.no).where(t.ack.c.occurred_at == START + 30_000 + 150_000))
    city.take(  # 1,080 s
        partial(
            withdrawing.withdraw,
            alert_no=alert_no,
            ack_no=mistaken[0].no,
            by=OPERATOR,
            reason="wrong person",
        )
    )
    city.forward(seconds=120)
    city.issue("correction", references=[city.reference(alert_no)])  # 1,200 s
    city.settle()


def test_the_course_and_its_latencies(evening: Evening) -> None:
    course = evening.figures.course
    assert (course.status, course.purpose, course.state) == ("Actual", "alert", "updated")
    assert (course.drafted_at, course.issued_at) == (START, START + 30_000)
    assert (course.approval_ms, course.issue_ms) == (30_000, 0)
    assert course.ended_at == START + 1_230_000
    assert course.correction_ms == 1_200_000
    assert [(f["purpose"], f["issued_at"]) for f in course.followed_by] == [
        ("correction", START + 1_230_000)
    ]
    assert not course.break_glass


def test_whom_it_was_for(evening: Evening) -> None:
    targets = evening.figures.targets
    assert (targets.duties, targets.people) == (22, 22)
    assert (targets.terminals, targets.groups) == (0, 0)
    assert targets.excluded == {}


def test_rates(evening: Evening) -> None:
    rates = evening.figures.rates
    assert rates.reach == Share(15, 22)
    assert rates.handed_over == Share(21, 22)
    assert rates.answer == Share(12, 22)
    assert rates.answer.rate == 0.5455
    assert rates.on_time == Share(11, 22)
    assert rates.answered_people == 12  # one of them an alternate, whom nobody told first


def test_pace(evening: Evening) -> None:
    # 60, six times 61, 90, 200, 310, 610, 1,020 s; the 11th of 22 duties came at 610 s.
    pace = evening.figures.pace
    assert pace.first_answer == Spread(n=12, median=61_000, p90=610_000, most=1_020_000)
    assert (pace.covered_50, pace.covered_90, pace.covered_100) == (610_000, None, None)
    assert pace.curve[-1] == (1_020_000, 12)
    # 120 steps of 8.5 s; what came within a step is shown at its end.
    assert pace.curve == (
        *((0, 0), (68_000, 7), (93_500, 8), (204_000, 9)),
        *((314_500, 10), (612_000, 11), (1_020_000, 12)),
    )


def test_the_stage_and_the_units(evening: Evening) -> None:
    (stage,) = evening.figures.stages
    assert stage == StageFigures(
        stage="received",
        due_ms=900_000,
        asked=22,
        covered=12,
        carried=0,
        on_time=11,
        exhausted=9,
        closed=1,
        open=0,
    )
    units = [(u.asked, u.covered, u.on_time, u.exhausted) for u in evening.figures.units]
    # The subdistrict's own lead, the community's, then the grid with its 19 stairwells.
    assert units == [(1, 0, 0, 1), (1, 0, 0, 1), (20, 12, 11, 7)]


def test_deliveries_are_those_that_the_peers_saw(evening: Evening) -> None:
    sent = [m for m in evening.city.sent if m.delivery >> 32 == evening.alert_no]
    deliveries = evening.figures.deliveries
    assert deliveries.made == len({message.delivery for message in sent})
    assert (deliveries.submitted, deliveries.attempts) == (deliveries.made, len(sent))
    assert deliveries.delivered == 15
    # The first message and the reminder.
    assert (deliveries.failed, len(evening.dead)) == (2, 2)
    assert deliveries.failed_by_cause == {"no-such-number": 2}
    assert deliveries.accepted == deliveries.made - 17
    assert evening.figures.channels == {"sms": deliveries}


def test_messages_per_person(evening: Evening) -> None:
    sent = [m for m in evening.city.sent if m.delivery >> 32 == evening.alert_no]
    kinds = Counter(message.kind for message in sent)
    burden = evening.figures.burden
    assert (burden.first, kinds.pop("alert")) == (22, 22)
    assert burden.extra_by_kind == dict(sorted(kinds.items()))
    assert burden.extra_by_kind["reminder"] == 13  # all open at 2 min but the man off duty
    (desk, _), *_ = evening.city.leaders("city_duty")
    with evening.city.store.read() as connection:
        there = people.in_charge(
            people.holders(connection, [desk])[desk], minute_of_day(evening.city.now, ZONE)
        )
    assert burden.extra_by_kind["help"] == 1 + len(there)  # the parent and the desk's shift
    assert burden.extra == kinds.total()
    extra = Counter(m.address for m in sent if m.kind != "alert")
    assert burden.people_with_extra == len(extra)
    assert burden.most_extra == max(extra.values())
    assert burden.per_person == round((22 + kinds.total()) / 22, 2)


def test_escalations(evening: Evening) -> None:
    escalations = evening.figures.escalations
    # Open at 2, 3, 5, 10 and 15 min: 14, 13, 12, 11, 10; the withdrawn one has taken some of the
    # rungs behind its reminder, one at a time, from 18 min on. Two alternates were told at once: a
    # dead number, a man off duty.
    assert escalations.acts == {
        "remind": 14,
        "call": 14,
        "alternate": 13,
        "parent": 13,
        "grandparent": 11,
        "door_knock": 11,
        "duty_desk": 10,
    }
    # Unreachable: off duty, dead, and dead again at the reminder.
    assert escalations.climbs == {"no-answer": 52, "unreachable": 3, "steps-exhausted": 10}
    assert escalations.resolved == {
        "first": 8,
        "call": 1,
        "parent": 1,
        "door_knock": 1,
        "duty_desk": 1,
    }
    c = t.digest_entry.c
    messages = evening.city.rows(select(c.message_no).where(c.message_no > 0).distinct())
    assert escalations.digests_sent == len(messages) > 4
    assert escalations.digests_spared == 0


def test_the_unwoken(evening: Evening) -> None:
    # Of 2 the answer was withdrawn late: its ladder is climbing yet, a rung at a time.
    silent = [0, 5, 8, 15, 16, 17, 18]
    buildings = _here(evening.city, "building_lead")
    leads = [_here(evening.city, role)[0] for role in ("subdistrict_lead", "community_lead")]
    duties = [duty for duty, _ in leads] + [buildings[place][0] for place in silent]
    base = (evening.alert_no << 32) + (1 << 28)
    unwoken = evening.figures.escalations.unwoken
    assert [number for number, _ in unwoken] == sorted(base + duty for duty in duties)
    h = t.holding.c
    unit_of = dict(
        evening.city.rows(select(h.duty_no, h.unit_no).where(h.duty_no.in_(duties)).distinct())
    )
    assert [unit for _, unit in unwoken] == [unit_of[number - base] for number, _ in unwoken]


def test_answers_and_help(evening: Evening) -> None:
    answers = evening.figures.answers
    assert (answers.total, answers.withdrawn, answers.late) == (15, 1, 0)
    assert answers.by_kind == {"done": 2, "help": 1, "received": 11, "unavailable": 1}
    assert answers.by_via == {"phone": 1, "sms": 14}
    assert answers.by_grade == {"own": 14, "proxy": 1}
    assert answers.manual == {"phone": 1}
    assert answers.replies == {"counted": 15, "unclear": 1}
    (call,) = answers.help_calls
    assert call == HelpCall(
        ack_no=call.ack_no,
        unit_no=call.unit_no,
        opened_at=START + 380_000,
        climbed=1,
        taken_ms=60_000,
        closed_ms=180_000,
    )


def test_the_last_count_is_the_total(evening: Evening) -> None:
    assert evening.figures.transfer == Transfer(
        reports=1, with_total=1, should=40, moved=38, left=2
    )


def test_roster_faults(evening: Evening) -> None:
    faults = evening.figures.roster_faults
    assert faults.numbers == {"no-such-number": 2}
    assert set(faults.deliveries) == evening.dead
    assert faults.unreachable_duties == ()


def test_the_tables_say_the_same(evening: Evening) -> None:
    with evening.city.store.read() as connection:
        verdict = verify(connection, evening.alert_no)
    assert verdict.differences == ()
    assert verdict.figures is not None
    assert verdict.facts > 100


def test_every_figure_leads_to_its_facts(evening: Evening) -> None:
    with evening.city.store.read() as connection:
        rows = {(r.node, r.writer, r.seq): r for r in journal.stream(connection)}
        places = list(
            trace(journal.stream(connection), alert_no=evening.alert_no, figure="transfer")
        )
    kinds = Counter(rows[place].fact.kind for place in places)
    # 16 answers, of which one was withdrawn; the count comes from them and from nothing else.
    assert kinds == {"acked": 16, "ack.withdrawn": 1}
    assert evening.figures.sources["transfer"] == dict(kinds)
    assert set(evening.figures.sources) >= {"rates", "pace", "escalations", "burden"}
    assert all(evening.figures.sources[section] for section in evening.figures.sources)


def test_a_second_number_reaches_its_own_person_and_makes_up_for_nobody_else(
    tmp_path: Path,
) -> None:
    """The subdistrict's lead never gets it; an alternate does by a second number, others twice."""
    city = City(tmp_path)
    dead: set[str] = set()
    city.behave = lambda message: (
        SendError(Fault.DEAD, "no-such-number") if message.address in dead else Accepted("ref")
    )
    asked = [person for role in ROLES for _, person in _here(city, role)]
    alternates = {person for role in ROLES for _, person in _here(city, role, 2)} - set(asked)
    second = t.contact.c.rank == 2
    query = select(t.contact.c.person_no).where(second, t.contact.c.channel == 1)
    two = {row.person_no for row in city.rows(query)}
    lead = city.phone_of(asked[0])
    assert asked[0] not in two
    dead |= {city.phone_of(person) for person in alternates & two}
    alert_no = city.issue(areas=[AREA], roles=ROLES)
    confirmed = 0
    for minutes in (0, 6):
        city.forward(minutes=minutes, tick_s=10)
        for message in city.sent[confirmed:]:
            if message.address not in {lead, *dead}:
                city.receipt(message, ReceiptStatus.DELIVERED)
        confirmed = len(city.sent)
        # From now on reminders fail of those whose first message had come.
        dead |= {city.phone_of(person) for person in two.intersection(asked)}
    kinds = Counter(message.kind for message in city.sent)
    assert kinds["alert"] >= len(asked) + len(alternates & two) + len(two.intersection(asked))
    with city.store.read() as connection:
        found = figures(journal.stream(connection), alert_no=alert_no)
        assert verify(connection, alert_no).differences == ()
    assert found.rates.reach == Share(21, 22)
    assert found.rates.reach_by_level["subdistrict"] == Share(0, 1)


def test_a_gateway_that_refuses_a_text_is_no_fault_of_the_roster(tmp_path: Path) -> None:
    """Its template isn't registered: every message fails, and every number is right but two."""
    city = City(tmp_path)
    gone, closed = [city.phone_of(person) for _, person in _here(city, "building_lead")][:2]
    ends = {
        gone: SendError(Fault.DEAD, "no-such-number"),
        closed: Accepted("ref"),
    }
    city.behave = lambda message: ends.get(
        message.address, SendError(Fault.REFUSED, "template-not-registered")
    )
    alert_no = city.issue(areas=[AREA], roles=ROLES)
    (late,) = [message for message in city.sent if message.address == closed]
    city.receipt(late, ReceiptStatus.FAILED, fault=Fault.DEAD, code="unassigned")
    with city.store.read() as connection:
        found = figures(journal.stream(connection), alert_no=alert_no)
    assert found.deliveries.failed_by_cause["template-not-registered"] >= len(city.sent) - 4
    assert found.roster_faults.numbers == {"no-such-number": 1, "unassigned": 1}


def test_messages_per_person_are_those_that_had_a_try_on_every_sheet(tmp_path: Path) -> None:
    city = City(tmp_path)
    alert_no = city.issue(areas=[AREA], roles=["building_lead"])
    alert_id = city.one(select(t.alert.c.id)).id
    city.take(partial(halting.pause, actor=OFFICER, alert_id=alert_id, reason="x"))
    for _, person in _here(city, "building_lead")[:3]:
        city.reply(city.phone_of(person), "1")  # the confirmation waits
    city.take(partial(halting.stop, actor=OFFICER, alert_id=alert_id, reason="x"))
    with city.store.read() as connection:
        found = gather(connection, alert_no).figures
        rows = list(burdens(connection, alert_no, found.course.roster_version or 0))
    city.store.close()
    assert found.deliveries.cancelled == 3
    assert (found.burden.first, found.burden.extra) == (19, 0)
    assert [row.messages for row in rows] == [1] * 19
