"""The whole server killed with -9 in the midst of it: nothing is lost, duplicates say so.

Counted from the peers' own logs; tests/faults kills an engine at a hundred random points.
"""

from collections import Counter, defaultdict
from functools import partial
from typing import Any

import pytest

from tests.acceptance.conftest import StartCity
from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.peers import Line
from tests.acceptance.roll import Holder, phones
from tests.acceptance.within import within

SLOW_GATEWAY_MS = 300
IN_FLIGHT = 20
ROLES = ("grid_leader", "building_lead")


@pytest.fixture
def slow_city(living_city: StartCity) -> StartCity:
    """With a gateway that takes its time, so that a kill finds much under way."""

    def start(**how: Any) -> LivingCity:
        city = living_city(
            gateways={"sms": {"in_flight": IN_FLIGHT, "timeout_s": 2.0}},
            policy={"unknown_grace_s": 1.0, "terminal_grace_s": 2.0},
            speaker_speed=50.0,
            **how,
        )
        city.sms.weather(latency_ms=SLOW_GATEWAY_MS)
        return city

    return start


@pytest.mark.timeout(240)
def test_killed_in_mid_fan_out_and_again_nothing_is_lost(slow_city: StartCity) -> None:
    killed_again_and_again(slow_city(), 3)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_killed_40_times_in_one_fan_out_nothing_is_lost(slow_city: StartCity) -> None:
    killed_again_and_again(slow_city(scale=1.0, minute_s=3_600.0), 40)


def killed_again_and_again(city: LivingCity, kills: int) -> None:
    people = told_first(city)
    # Of what these had in flight at a kill no receipt ever tells: only a second copy helps.
    unheard = people[::3]
    city.sms.behave([holder.phone for holder in unheard], "off")
    alert = city.issue(roles=ROLES)
    for kill in range(kills):
        enough = len(people) * (kill + 0.5) / (kills + 1)
        within(120, that=partial(took, city, enough))
        city.server.kill()
        assert len(alert.told(kind="alert")) < len(people), "the kill came too late to show much"
        city.start()

    within(120, that=lambda: alert.told(kind="alert") == phones(people))
    within(120, that=lambda: alert.at_rest() and not alert.funnel["unknown"])
    repeated = every_duplicate_is_marked(alert.texts(), kills)
    assert 0 < len(repeated) <= kills * IN_FLIGHT
    loudspeakers_play_once_and_groups_are_told(city, alert)
    # Replies that came while nobody was there were brought again until they were taken.
    asked = alert.funnel["asked"]
    assert asked == len(people)
    within(120, that=lambda: alert.funnel["answered"] == asked - len(unheard))
    within(that=lambda: not city.sms.get("/stats")["waiting"])


def took(city: LivingCity, enough: float) -> bool:
    return len(city.sms.texts(kind="alert")) >= enough


def told_first(city: LivingCity) -> list[Holder]:
    return [holder for role in ROLES for holder in city.roll.of(role, rank=1)]


def every_duplicate_is_marked(texts: list[Line], kills: int) -> list[Line]:
    """The second and later copies, every one of which says what it is."""
    copies: dict[int, list[Line]] = defaultdict(list)
    for text in texts:
        copies[text["delivery"]].append(text)
    repeated = [text for each in copies.values() for text in each[1:]]
    assert all(text["possible_duplicate"] for text in repeated)
    assert all("重发" in t["text"] or "resent" in t["text"] for t in repeated)
    assert max(map(len, copies.values())) <= kills + 1
    return repeated


def loudspeakers_play_once_and_groups_are_told(city: LivingCity, alert: Alert) -> None:
    everywhere = set(city.roll.loudspeakers)
    within(that=lambda: {s["delivery"] for s in alert.speakers()} == {"delivered"})
    played = Counter(line["terminal"] for line in city.loudspeakers.played(alert=alert.id))
    assert played == dict.fromkeys(everywhere, 1), (
        "a second copy of a command sounds no second time"
    )
    within(that=lambda: {t["group"] for t in alert.group_texts()} == set(city.roll.groups))
    every_group = Counter(text["webhook_id"] for text in alert.group_texts())
    assert len(every_group) == len(city.roll.groups), "a receiver can leave repetitions out by id"
    firsts: set[str] = set()
    for text in alert.group_texts():
        assert text["possible_duplicate"] or text["group"] not in firsts
        firsts.add(text["group"])


def test_what_was_answered_with_200_is_there_after_a_kill(slow_city: StartCity) -> None:
    """The moment after the approval's answer: the alert goes out all the same, by a new process."""
    city = slow_city()
    alert = city.draft(roles=ROLES)
    draft = city.draft("flood", "red", areas=["330281001"])
    city.approve(alert)
    city.server.kill()
    city.start()
    within(60, that=lambda: alert.told(kind="alert") == phones(told_first(city)))
    within(60, that=lambda: alert.at_rest() and not alert.funnel["unknown"])
    every_duplicate_is_marked(alert.texts(), 1)
    assert draft.board()["alert"]["state"] == "draft"
    assert not draft.texts()
    leader = city.roll.of("grid_leader", rank=1)[0]
    within(60, that=lambda: alert.cell(leader.unit)["state"] == "covered")
