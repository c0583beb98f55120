"""An alert of which this version can't read a part holds up no other, and loses nothing."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from alertd.engine import halting
from alertd.engine.unread import PART
from alertd.errors import AlertdError, ConflictError, ForbiddenError
from alertd.lanes import BY_SMS
from alertd.model import AlertState, DeliveryState, RequirementState
from alertd.store import tables as t
from alertd.store.reads.board import board
from alertd.store.reads.unanswered import unanswered
from channels.base import ReceiptStatus
from tests.city import OFFICER, SECOND, City, accepts, sms_route

TOWN, OTHER, THIRD = "330281001", "330281002", "330281003"
# As another version may write them: JSON, and of the right kind at first sight.
OTHER_SHAPE = {
    "policy": '{"name": "red", "max_attempts": {"sms": 5}}',
    "templates": '{"typhoon-red": "sealed"}',
    "selection": '{"whom": ["330281001"]}',
}
PARTS = pytest.mark.parametrize("part", ["policy", "templates", "selection"])
SLOW = (sms_route(in_flight=5),)


class Broken:
    """A city in which one alert is out, half of it told, and a part of it can't be read."""

    def __init__(self, city: City, part: str, status: str = "Actual") -> None:
        self.city, self.part = city, part
        city.behave = lambda _: None  # five leave, and nothing is heard of them
        self.no = city.issue(areas=[TOWN], status=status)
        self.sent = [m for m in city.sent if m.delivery >> 32 == self.no]
        assert len(self.sent) == 5
        self.kept = self._column()
        self.write(OTHER_SHAPE[part])
        city.restart()
        city.behave = accepts

    def _column(self) -> str:
        c = t.alert.c
        found: str = self.city.one(select(c[self.part]).where(c.no == self.no))[0]
        return found

    def write(self, text: str) -> None:
        with self.city.store.transaction(self.city.now) as tx:
            change = update(t.alert).where(t.alert.c.no == self.no).values({self.part: text})
            tx.connection.execute(change)

    def repair(self) -> None:
        self.write(self.kept)
        self.city.restart()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    made = City(tmp_path, routes=SLOW)
    yield made
    made.store.close()


def texts(city: City, no: int) -> set[str]:
    """In which states an alert's texts are; the city has no other route."""
    c = t.delivery.c
    mine = (c.id.between(no << 32, (no + 1 << 32) - 1), c.lane.in_(BY_SMS))
    return {DeliveryState(row.state).word for row in city.rows(select(c.state).where(*mine))}


def state_of(city: City, no: int) -> str:
    found: str = city.one(select(t.alert.c.state).where(t.alert.c.no == no))[0]
    return found


@PARTS
def test_every_other_alert_is_told_answered_and_ended(city: City, part: str) -> None:
    before = city.issue("flood", areas=[OTHER])
    bad = Broken(city, part)
    after = city.issue("flood", areas=[THIRD])
    city.forward(seconds=30)  # the tries that nothing was heard of come to their deadline
    for good in (before, after):
        assert texts(city, good) == {"accepted"}
    message = next(m for m in reversed(city.sent) if m.kind == "alert")
    city.receipt(message, ReceiptStatus.DELIVERED)
    assert "delivered" in texts(city, after)
    city.reply(message.address, "1")
    covered = select(func.count()).where(
        t.requirement.c.state == int(RequirementState.COVERED), t.requirement.c.no > after << 32
    )
    assert city.one(covered)[0] > 0
    city.forward(minutes=2)
    assert "reminder" in {m.kind for m in city.sent if m.short_code == message.short_code}
    city.issue("all-clear", references=[city.reference(after)], areas=[THIRD])
    assert state_of(city, after) == AlertState.ALL_CLEAR.value
    assert state_of(city, bad.no) == AlertState.ISSUED.value


@PARTS
def test_it_is_said_for_as_long_as_it_is_so(city: City, part: str) -> None:
    bad = Broken(city, part)
    city.forward(seconds=25)
    assert (PART, bad.no) in city.engine.failing(city.now)
    defects = select(func.count()).where(t.journal.c.kind == "defect")
    said = city.one(defects)[0]
    assert said >= 2
    city.forward(seconds=11)
    assert city.one(defects)[0] > said
    bad.repair()
    city.forward(seconds=1)
    assert city.engine.failing(city.now) == []


@PARTS
def test_nothing_of_it_is_lost(city: City, part: str) -> None:
    """What was under way is unknown and is sent once more; the rest goes when it can be said."""
    bad = Broken(city, part)
    city.forward(seconds=30)
    kinds = {m.delivery for m in city.sent if m.delivery >> 32 == bad.no}
    if part == "policy":  # whom, in which words and by which routes is known
        assert texts(city, bad.no) <= {"accepted", "unknown"}
    else:
        assert kinds == {m.delivery for m in bad.sent}
        assert texts(city, bad.no) == {"pending", "unknown"}
    bad.repair()
    city.forward(minutes=2)
    assert texts(city, bad.no) == {"accepted"}


@PARTS
def test_answers_and_calls_for_help_go_on(city: City, part: str) -> None:
    bad = Broken(city, part)
    one, other, *_ = [m for m in bad.sent if m.address]
    city.reply(one.address, "1")
    city.forward(seconds=1)
    acks = city.rows(select(t.ack.c.kind).where(t.ack.c.alert_no == bad.no))
    assert [row.kind for row in acks] == ["received"]
    city.reply(other.address, "3 水进来了")
    city.forward(seconds=40)  # the process before has its share of the route until it is missed
    cries = [m for m in city.sent if m.kind == "help"]
    assert cries
    assert all("真实求助" in m.text for m in cries)
    told = len(cries)
    city.forward(minutes=3)
    assert len([m for m in city.sent if m.kind == "help"]) > told  # until somebody takes it


@PARTS
def test_receipts_of_it_count(city: City, part: str) -> None:
    bad = Broken(city, part)
    city.receipt(bad.sent[0], ReceiptStatus.DELIVERED)
    assert "delivered" in texts(city, bad.no)


@PARTS
def test_a_cancel_ends_it_and_reaches_whoever_may_have_it(city: City, part: str) -> None:
    bad = Broken(city, part)
    before = len(city.sent)
    city.issue("all-clear", references=[city.reference(bad.no)], areas=[TOWN])
    assert state_of(city, bad.no) == AlertState.ALL_CLEAR.value
    city.forward(seconds=40)  # the process before has its share of the route until it is missed
    told = {m.address for m in city.sent[before:] if m.kind == "alert"}
    assert told >= {m.address for m in bad.sent if m.address}


@PARTS
def test_its_board_and_list_can_be_seen(city: City, part: str) -> None:
    bad = Broken(city, part)
    with city.store.read() as connection:
        assert board(connection, bad.no).stages
        assert unanswered(connection, bad.no).items


def test_what_follows_a_drill_waits_until_its_routes_can_be_read(city: City) -> None:
    bad = Broken(city, "selection", "Exercise")
    reference = city.reference(bad.no)
    with pytest.raises(ConflictError):
        city.draft("all-clear", references=[reference], areas=[TOWN], status="Exercise")
    bad.repair()
    assert city.draft("all-clear", references=[reference], areas=[TOWN], status="Exercise")


def test_whose_areas_nobody_knows_only_the_whole_citys_officers_stop(city: City) -> None:
    bad = Broken(city, "selection")
    alert_id = city.one(select(t.alert.c.id).where(t.alert.c.no == bad.no)).id
    path = city.one(select(t.unit.c.path).where(t.unit.c.code == TOWN).limit(1)).path
    stop = partial(halting.stop, alert_id=alert_id, reason="test")
    with pytest.raises(ForbiddenError):
        city.take(partial(stop, actor=replace(OFFICER, path=path)))
    city.take(partial(stop, actor=OFFICER))
    assert "pending" not in texts(city, bad.no)


@PARTS
def test_one_that_waits_to_be_issued_waits_alone(city: City, part: str) -> None:
    waiting = city.draft(areas=[TOWN])
    city.approve(
        waiting,
        actor=OFFICER.__class__(
            no=OFFICER.no, id=OFFICER.id, name="officer", role="approver", path=""
        ),
        break_glass=True,
    )
    other = city.draft("flood", areas=[OTHER])
    city.approve(other, actor=replace(SECOND, id=b"o" * 16), break_glass=True)
    c = t.alert.c
    with city.store.transaction(city.now) as tx:
        tx.connection.execute(update(t.alert).where(c.no == waiting["no"]).values({part: "[1]"}))
    city.restart()
    city.forward(minutes=6)
    assert state_of(city, int(other["no"])) == AlertState.ISSUED.value
    assert state_of(city, int(waiting["no"])) == AlertState.APPROVED.value
    with pytest.raises(AlertdError):
        city.approve(waiting)
