"""Who got only a digest of an alert, or that it is paused, answers nothing of what it asks."""

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd.engine import halting
from alertd.model import RequirementState
from alertd.report.figures import figures
from alertd.store import journal, people
from alertd.store import tables as t
from alertd.store.reads.told import told
from channels.base import Fault, SendError
from tests.city import OFFICER, City, accepts
from tests.unit.roster_moves import asked, second_number
from tests.unit.test_engine_help_answers import ALL, LEADERS, acks, last_reply, lead_above
from tests.unit.test_engine_help_calls import principal_above

OTHER = "+8613900000002"
DEAD = SendError(Fault.DEAD, "no-such-number")


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path)


def superior_of(city: City) -> int:
    """Who hears first that the first grid is silent."""
    (duty, _), *_ = city.leaders()
    return principal_above(city, duty)


def code_of(city: City, alert: int) -> str:
    return str(city.one(select(t.alert.c.short_code).where(t.alert.c.no == alert)).short_code)


@pytest.mark.parametrize("said", ["1", "4", "2 35", "A1 1"])
def test_who_only_got_a_digest_answers_nothing_of_the_alert(city: City, said: str) -> None:
    alert, superior = city.issue(roles=LEADERS), superior_of(city)
    city.forward(minutes=8)
    phone = city.phone_of(superior)
    assert {m.kind for m in city.to(phone)} == {"digest"}
    city.reply(phone, said.replace("A1", code_of(city, alert)))
    assert last_reply(city) == ("unclear", "alert-not-told")
    assert not acks(city, superior)
    assert {m.kind for m in city.to(phone)} == {"digest"}, "nobody thanks for what isn't counted"


def test_a_duty_isnt_covered_by_who_got_only_a_digest(city: City) -> None:
    """Their own text failed, or so the gateway says; nothing else of it says what is asked."""
    superior = superior_of(city)
    phone = city.phone_of(superior)
    second_number(city, superior, OTHER)
    dead = {phone, OTHER}
    city.behave = lambda m: DEAD if m.address in dead and m.kind != "digest" else accepts(m)
    alert = city.issue(roles=ALL)
    city.forward(minutes=8)
    city.reply(phone, "1")
    assert last_reply(city) == ("unclear", "alert-not-told")
    duty = lead_above(city, city.leaders()[0][0])
    assert city.requirement(duty).state == int(RequirementState.OPEN)
    with city.store.read() as connection:
        found = figures(journal.stream(connection), alert_no=alert)
        held = people.holders(connection, [duty])[duty]
        assert superior not in told(connection, alert, [each.person_no for each in held])
    assert found.telling is not None
    assert found.telling.people.never == {"all-failed": 1}


def test_who_got_the_alert_and_a_digest_answers_the_alert(city: City) -> None:
    city.issue(roles=ALL)
    superior = superior_of(city)
    city.forward(minutes=8)
    assert {"alert", "digest"} <= {m.kind for m in city.to(city.phone_of(superior))}
    city.reply(city.phone_of(superior), "1")
    assert acks(city, superior) == ["received"]


def test_the_duty_desk_that_hears_of_a_pause_answers_nothing_of_the_alert(city: City) -> None:
    alert = city.issue(roles=LEADERS)
    row = city.one(select(t.alert.c.id).where(t.alert.c.no == alert))
    city.take(partial(halting.pause, actor=OFFICER, alert_id=row.id, reason="wrong street"))
    city.forward(minutes=11, tick_s=20)
    (paused,) = [m for m in city.sent if m.kind == "paused"]
    city.reply(paused.address, "1")
    assert last_reply(city) == ("unclear", "alert-not-told")
    assert not city.rows(select(t.ack))


def test_who_got_digests_of_two_alerts_is_asked_to_answer_neither(city: City) -> None:
    alerts = [city.issue(roles=LEADERS), city.issue("rainstorm", "red", roles=LEADERS)]
    superior = superior_of(city)
    city.forward(minutes=8)
    phone = city.phone_of(superior)
    for said in ("1", *(f"{code_of(city, alert)} 1" for alert in alerts)):
        city.reply(phone, said)
        assert last_reply(city) == ("unclear", "alert-not-told")
    assert not acks(city, superior)
    assert {m.kind for m in city.to(phone)} == {"digest"}


def test_of_two_alerts_the_one_that_was_told_is_asked_about(city: City) -> None:
    """A 1 may mean the digest of the other; which of them they can answer the text names."""
    other, own = city.issue(roles=LEADERS), city.issue("rainstorm", "red", roles=ALL)
    superior = superior_of(city)
    city.forward(minutes=8)
    phone = city.phone_of(superior)
    city.reply(phone, "1")
    assert last_reply(city)[0] == "ambiguous"
    (menu,) = [m for m in city.to(phone) if m.kind == "confirmation"]
    assert code_of(city, own) in menu.text
    assert code_of(city, other) not in menu.text
    city.reply(phone, f"{code_of(city, other)} 1")
    assert last_reply(city) == ("unclear", "alert-not-told")
    city.reply(phone, f"{code_of(city, own)} 1")
    (ack,) = city.rows(select(t.ack.c.alert_no).where(t.ack.c.person_no == superior))
    assert ack.alert_no == own


def test_who_got_a_digest_can_answer_the_alert_in_a_chat_group(city: City) -> None:
    """They read it there; a group gets no digest."""
    city.issue(roles=LEADERS)
    superior = superior_of(city)
    city.forward(minutes=8)
    city.reply(city.phone_of(superior), "1", route="groups")
    assert acks(city, superior) == ["received"]


def test_who_can_answer_by_a_reminder_alone_does(city: City) -> None:
    """The first text failed, and the second number had the reminder: it says what is asked."""
    city.behave = lambda m: DEAD if m.kind == "alert" else accepts(m)
    city.issue(roles=LEADERS)
    (_, person), *_ = asked(city)
    city.forward(minutes=3)
    assert "reminder" in {m.kind for m in city.to(city.phone_of(person))}
    city.reply(city.phone_of(person), "1")
    assert acks(city, person) == ["received"]
