"""Each trap of the field in one alert, and the peers' own logs say that nobody fell into it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from alertd.model import DeliveryState
from alertd.store import journal
from tests.acceptance.conftest import StartCity
from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.traps import Traps
from tests.acceptance.within import within
from tests.contract.mqtt_brokers import MOSQUITTO, NO_MOSQUITTO

MARK = "(重发)"
# Forty characters that take two units of UCS-2 each: wherever a part ends, one of them stands.
OVERSIZE = "𬍛" * 39 + "🌀"
THREE_HOURS_S = 3 * 3600.0 + 30  # and what a Date in whole seconds hides
REFERENCES = 256  # of a text's parts, and of a modem's
PART_OCTETS = 140


@pytest.fixture
def traps(tmp_path: Path) -> Iterator[Traps]:
    with ExitStack() as stack:
        yield Traps(tmp_path, stack)


@pytest.mark.skipif(MOSQUITTO is None, reason=NO_MOSQUITTO)
@pytest.mark.timeout(180)
def test_every_trap_in_one_alert(living_city: StartCity, traps: Traps) -> None:
    city = living_city(
        speakers=None,
        gateways={},
        routes=traps.routes,
        policy={"unknown_grace_s": 2.0, "terminal_grace_s": 8.0},
        group_url=traps.group_url,
        group_kind="dingtalk",
    )
    traps.robots.clock_off_s = THREE_HOURS_S
    traps.the_modem_counts_from(250)
    hung = [holder.phone for holder in city.roll.of("building_lead", rank=1)][-5:]
    traps.the_carrier_hangs_after_a_submit_to(hung)
    traps.loudspeakers_listen(city.roll.loudspeakers, city.server.command_key)
    traps.loudspeakers.stop()

    alert = city.issue(
        "typhoon", "red", roles=["grid_leader", "building_lead"], params={"extra": OVERSIZE}
    )
    a_broker_killed_after_its_puback(city, traps, alert)
    hung = a_gateway_that_hangs_after_a_submit(traps, hung)
    nobody_is_missed(city, traps, alert)
    no_second_copy_is_without_its_mark(traps, alert, hung)
    texts_are_whole_and_their_references_came_again(traps, hung)
    arrived = receipts_come_twice_and_by_halves(traps, hung)
    confirmed = a_reference_comes_again_for_the_same_phone(city, traps, hung[0])
    a_clock_is_wrong_and_named(city)
    only_what_arrived_is_called_so(city, traps, arrived, confirmed)


def people(city: LivingCity) -> set[str]:
    """The phones of those who are told first."""
    roles = ("grid_leader", "building_lead")
    return {holder.phone for role in roles for holder in city.roll.of(role, rank=1)}


def a_broker_killed_after_its_puback(city: LivingCity, traps: Traps, alert: Alert) -> None:
    within(that=lambda: {s["delivery"] for s in alert.speakers()} == {"accepted"})
    traps.the_broker_is_killed()
    traps.loudspeakers_listen(city.roll.loudspeakers, city.server.command_key)
    assert not traps.loudspeakers.heard(), "the broker has forgotten what it confirmed"
    assert {s["delivery"] for s in alert.speakers()} <= {"accepted", "unknown"}


def a_gateway_that_hangs_after_a_submit(traps: Traps, held: list[str]) -> list[str]:
    """The phones whose first copy it has, of which nobody knows; so the modem sends a second.

    Once it has hung on some, others may have gone by the modem alone.
    """
    within(that=lambda: traps.by_modem().keys() >= set(held))
    tries = Counter(f"+{parts[0].number}" for parts in traps.by_carrier().values())
    hung = [phone for phone in held if tries[phone]]
    assert {tries[phone] for phone in hung} == {1}
    return hung


def nobody_is_missed(city: LivingCity, traps: Traps, alert: Alert) -> None:
    def told(text: str) -> bool:
        return alert.code in text and OVERSIZE in text

    everybody = people(city)
    within(that=lambda: {phone for phone, text in traps.texts() if told(text)} == everybody)
    everywhere = set(city.roll.groups)
    within(that=lambda: {p.group for p in traps.robots.posted if told(p.text)} == everywhere)
    speakers = set(city.roll.loudspeakers)
    heard = traps.loudspeakers.heard
    within(that=lambda: {line["terminal"] for line in heard(verdict="accepted")} == speakers)


def no_second_copy_is_without_its_mark(traps: Traps, alert: Alert, hung: list[str]) -> None:
    copies = Counter(
        (whom, text) for whom, text in traps.texts() if alert.code in text and MARK not in text
    )
    copies.update((p.group, p.text) for p in traps.robots.posted if MARK not in p.text)
    assert max(copies.values()) == 1
    again = [text for phone, text in traps.texts() if phone in hung and OVERSIZE in text]
    assert len(again) == len(hung)
    assert all(MARK in text for text in again)
    sounded = Counter(line["terminal"] for line in traps.loudspeakers.played())
    assert max(sounded.values()) == 1
    assert all(line["duplicate"] for line in traps.loudspeakers.heard())


def texts_are_whole_and_their_references_came_again(traps: Traps, hung: list[str]) -> None:
    """Of every text of several parts, none is too long, and none was mixed up with another."""
    messages = list(traps.by_carrier().values())
    assert len(messages) > REFERENCES
    for parts in messages:
        assert {len(part.data) <= PART_OCTETS for part in parts} == {True}
        assert len({part.header[3] for part in parts}) == 1
        total = 1 if f"+{parts[0].number}" in hung else parts[0].header[4]
        assert sorted(part.header[-1] for part in parts) == list(range(1, total + 1))
        assert parts[0].header[4] > 1
    by_modem = traps.modem.log.lines("message", taken=True)
    counted = [line["reference"] for line in by_modem]
    assert counted[:7] == [250, 251, 252, 253, 254, 255, 0]
    assert all(line["ucs2"] and len(line["part"]) == 3 for line in by_modem)


def receipts_come_twice_and_by_halves(traps: Traps, hung: list[str]) -> set[int]:
    """The deliveries of which every part has arrived."""
    tries = traps.by_carrier()
    well = [number for number, parts in tries.items() if f"+{parts[0].number}" not in hung]
    whole, half = well[:10], well[10:15]
    traps.the_carrier_reports([part for number in whole for part in tries[number]], times=2)
    traps.the_carrier_reports([tries[number][0] for number in half], times=3)
    return {delivery for delivery, _ in whole}


def a_reference_comes_again_for_the_same_phone(city: LivingCity, traps: Traps, off: str) -> int:
    """256 parts later a phone gets another text, whose report mustn't be taken for the first's."""
    others = sorted(traps.by_modem().keys() - {off})
    for count, phone in enumerate(others, start=1):  # ten reports at once are too many for gammu
        traps.the_modem_reports(phone, times=2)
        within(that=lambda count=count: len(delivered(city) & handed_over(city, "modem")) == count)
    first = traps.by_modem()[off]
    traps.the_carrier_refuses_us()
    traps.the_modem_counts_from(first[0]["reference"])
    traps.a_reply_comes_to_the_modem(off, "1")
    within(that=lambda: len(traps.by_modem()[off]) > len(first))
    (told,) = [fact for kind, fact in journalled(city) if kind == "told"]
    ((confirmation, *_),) = told["deliveries"]
    within(that=lambda: confirmation in handed_over(city, "modem"))
    again = traps.by_modem()[off][len(first) :]
    assert {line["reference"] for line in again} <= {line["reference"] for line in first}
    traps.the_modem_reports(off)
    return int(confirmation)


def a_clock_is_wrong_and_named(city: LivingCity) -> None:
    (robots,) = [route for route in city.get("/api/v1/routes") if route["name"] == "robots"]
    assert not robots["ok"]
    assert robots["detail"] == "Our clock is 3 h behind DingTalk's."


def only_what_arrived_is_called_so(
    city: LivingCity, traps: Traps, by_carrier: set[int], confirmation: int
) -> None:
    in_groups = {int(posted.reference.split("-")[0]) for posted in traps.robots.posted}
    heard = traps.loudspeakers.heard(verdict="accepted")
    by_speakers = {int(line["cmd_id"].split("-")[2]) for line in heard}
    reported = len(traps.by_modem()) - 1  # one phone is off

    def agrees() -> bool:
        said = delivered(city)
        by_modem = said & handed_over(city, "modem")
        assert said - by_modem == by_carrier | in_groups | by_speakers
        assert confirmation in by_modem
        assert len(by_modem) == reported + 1
        return True

    within(that=agrees)


# What alertd claims, by its journal.


def journalled(city: LivingCity) -> list[tuple[str, dict[str, Any]]]:
    engine = create_engine(city.server.database)
    with engine.connect() as connection:
        found = [(r.fact.kind, dict(r.fact.body)) for r in journal.stream(connection)]
    engine.dispose()
    return found


def delivered(city: LivingCity) -> set[int]:
    """The deliveries that were ever called delivered."""
    state = {"settled": 2, "receipts": 3}  # where it stands in an item
    return {
        item[0]
        for kind, body in journalled(city)
        if kind in state
        for item in body["items"]
        if item[state[kind]] == DeliveryState.DELIVERED
    }


def handed_over(city: LivingCity, route: str) -> set[int]:
    """The deliveries that one route has accepted."""
    return {
        item[0]
        for kind, body in journalled(city)
        if kind == "settled" and body["route"] == route
        for item in body["items"]
        if item[2] in {DeliveryState.ACCEPTED, DeliveryState.DELIVERED}
    }
