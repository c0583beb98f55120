"""Answers by mail: of a mailbox on the roster they count for its unit; by the whole engine."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alertd.engine import receive
from alertd.engine.turn import Turn
from alertd.model import FOREVER, Channel, Grade, RequirementState, Via
from alertd.store import addresses
from alertd.store import tables as t
from channels.base import Outgoing, Reply
from channels.mail.inbox import read_mail
from channels.mail.marks import Marks
from tests.city import City, sms_route
from tests.contract.mail_letters import answer

BOX = "village@county.example"
CLERK = "zhang.san@county.example"
MARKS = Marks("secret", "city.example")
ROLES = ("community_lead", "grid_leader")


@dataclass
class Post:
    """A city one of whose communities has a mailbox, with the duty that answers for it."""

    city: City
    duty: int
    person: int
    unit: int
    mails: int = 0

    def comes(self, text: str, *, sender: str = BOX, to: str | None = None, **more: str) -> None:
        """A mail comes in as it stands on the server; it is read and taken."""
        self.mails += 1
        given = {"Message_ID": f"<{self.mails}@phone.example>"} | more
        raw = answer(text, sender=sender, to=to, **given)
        came = [e for e in read_mail(raw, "uid-1", MARKS) if isinstance(e, Reply)]
        self.city.take(partial(receive.events, route="mail", came=came))

    def letter(self, alert: int) -> Outgoing:
        """What the mailbox was sent about an alert."""
        (sent,) = (m for m in self.city.sent if m.address == BOX and m.delivery >> 32 == alert)
        return sent

    def mark(self, alert: int) -> str:
        sent = self.letter(alert)
        return MARKS.make(sent.delivery, sent.attempt, CLERK)

    def verdicts(self) -> list[tuple[str, str]]:
        c = t.inbound.c
        return [tuple(row) for row in self.city.rows(select(c.verdict, c.reason).order_by(c.no))]

    def acks(self) -> list[Any]:
        return self.city.rows(select(t.ack).order_by(t.ack.c.no))

    def state(self, alert: int) -> RequirementState:
        return RequirementState(self.city.requirement(self.duty, alert).state)


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    city = City(tmp_path, routes=(sms_route(), sms_route("mail", channel=Channel.MAIL)))
    duty, person = city.leaders("community_lead")[0]
    unit = city.one(select(t.duty.c.unit_no).where(t.duty.c.no == duty)).unit_no
    city.take(partial(_make_mailbox, unit=unit))
    yield Post(city, duty, person, unit)
    city.store.close()


def _make_mailbox(turn: Turn, unit: int) -> None:
    """The city's first group becomes the unit's mailbox."""
    number = addresses.intern(turn.connection, turn.tx.vault, "webhook", [BOX])[BOX]
    c = t.chat_group.c
    first = select(c.no).order_by(c.no).limit(1).scalar_subquery()
    change = t.chat_group.update().where(c.no == first)
    values = {"kind": "mail", "address_no": number, "unit_no": unit, "secret_cipher": b""}
    turn.connection.execute(change.values(values))


def test_an_answer_of_a_mailbox_counts_for_who_answers_for_its_unit(post: Post) -> None:
    alert = post.city.issue(roles=ROLES)
    post.city.forward(seconds=5)
    assert post.state(alert) is RequirementState.OPEN
    post.comes("收到", to=post.mark(alert))
    assert post.state(alert) is RequirementState.COVERED
    (ack,) = post.acks()
    assert (ack.person_no, ack.via, ack.grade) == (post.person, Via.MAIL.value, Grade.SHARED.value)
    assert post.verdicts() == [("counted", "only-open")]
    told = post.city.to(post.city.phone_of(post.person))
    assert told[-1].kind == "confirmation"


def test_it_counts_for_no_duty_of_that_person_elsewhere(post: Post) -> None:
    h = t.holding.c
    elsewhere = next(d for d, p in post.city.leaders() if p != post.person)
    other = select(t.holding).where(h.duty_no == elsewhere, h.rank == 1, h.to_version == FOREVER)
    with post.city.store.transaction(post.city.now) as tx:
        row = tx.connection.execute(other).one()._asdict()
        mine = {"person_no": post.person, "rank": 2}
        tx.connection.execute(t.holding.insert().values(row | mine))
    alert = post.city.issue(roles=ROLES)
    post.city.forward(seconds=5)
    post.comes("1")
    assert post.state(alert) is RequirementState.COVERED
    assert post.city.requirement(elsewhere, alert).state == RequirementState.OPEN


def test_what_it_answers_is_told_by_the_message_and_not_guessed(post: Post) -> None:
    first = post.city.issue(roles=ROLES)
    second = post.city.issue("flood", "orange", roles=ROLES)
    post.city.forward(seconds=5)
    post.comes("1")
    assert post.verdicts() == [("ambiguous", "several-open")]
    post.comes("1", to=post.mark(second))
    assert (post.state(first), post.state(second)) == (
        RequirementState.OPEN,
        RequirementState.COVERED,
    )


def test_a_clerk_answers_under_another_address_what_the_mailbox_was_sent(post: Post) -> None:
    alert = post.city.issue(roles=ROLES)
    post.city.forward(seconds=5)
    post.comes("收到", sender=CLERK, to=post.mark(alert))
    assert post.verdicts() == [("counted", "only-open")]
    assert post.state(alert) is RequirementState.COVERED


def test_a_stranger_stays_a_stranger(post: Post) -> None:
    alert = post.city.issue(roles=ROLES)
    post.city.forward(seconds=5)
    sent = post.letter(alert)
    forged = Marks("guessed", "city.example").make(sent.delivery, sent.attempt, CLERK)
    post.comes("收到", sender=CLERK)
    post.comes("收到", sender=CLERK, to=forged)
    text = next(m for m in post.city.sent if m.kind == "alert" and m.address != BOX)
    post.comes("收到", sender=CLERK, to=MARKS.make(text.delivery, text.attempt, text.address))
    assert post.verdicts() == [("unknown-sender", "unknown-sender")] * 3
    assert post.state(alert) is RequirementState.OPEN
    assert post.acks() == []


def test_a_mail_that_comes_twice_counts_once(post: Post) -> None:
    alert = post.city.issue(roles=ROLES)
    post.city.forward(seconds=5)
    for _ in range(2):
        post.comes("2", to=post.mark(alert), Message_ID="<same@phone.example>")
    assert len(post.acks()) == 1


def test_a_cry_for_help_of_a_mailbox_is_one(post: Post) -> None:
    alert = post.city.issue(roles=ROLES)
    post.city.forward(seconds=5)
    post.comes("3 水进村了", to=post.mark(alert))
    case = post.city.one(select(t.help_case))
    assert (case.alert_no, case.person_no, case.unit_no) == (alert, post.person, post.unit)


@pytest.mark.parametrize("text", ["收到", "3 水进村了"])
def test_of_a_unit_that_nobody_answers_for_a_person_reads_it(post: Post, text: str) -> None:
    gone = t.holding.update().where(t.holding.c.duty_no == post.duty)
    with post.city.store.transaction(post.city.now) as tx:
        tx.connection.execute(gone.values(to_version=1))
    post.city.issue(roles=ROLES)
    post.city.forward(seconds=5)
    post.comes(text)
    assert post.verdicts() == [("unclear", "person-not-named")]
    assert post.acks() == []
