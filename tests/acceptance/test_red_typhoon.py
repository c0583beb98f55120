"""A red typhoon over 275 grids, 15% of them silent: from the first text to the all-clear.

The office works by the command line beside a real server; whom it reached is what the phones,
loudspeakers and chat groups wrote down themselves.
"""

import pytest

from tests.acceptance.conftest import StartCity
from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.roll import Holder, every_phone, phones
from tests.acceptance.within import within
from tests.databases import on_postgresql

# Of the escalation policy; 15 of them to the duty desk. Whoever answers must be counted within five
# of them, before their alternate is asked: a shared database takes longer for that, and so does a
# machine on which others test, too.
MINUTE_S = 3.0 if on_postgresql() else 2.0
SLACK_MS = 2_000  # a text that was on its way when the answer came


@pytest.mark.timeout(300)
def test_red_typhoon_over_275_grids_with_15_percent_silent(living_city: StartCity) -> None:
    city = living_city(scale=1.0, minute_s=MINUTE_S, by_command=True)
    leaders = city.roll.of("grid_leader", rank=1)
    assert len(leaders) == 275
    silent = leaders[::7] + leaders[3::140]
    assert 0.14 < len(silent) / len(leaders) < 0.16
    relieved, forsaken = silent[:10], silent[10:]
    nobody_there = [city.roll.leader(leader.unit, rank=2) for leader in forsaken]
    city.sms.behave(every_phone([*silent, *nobody_there]), "silent")

    alert = city.issue("typhoon", "red")
    within(that=lambda: alert.told(kind="alert") == phones(leaders))
    within(that=lambda: {line["group"] for line in alert.group_texts()} == set(city.roll.groups))
    within(that=lambda: all(s["delivery"] == "delivered" for s in alert.speakers()))

    the_ladder_climbs(city, alert, relieved, forsaken)
    nobody_is_chased_who_has_answered(city, alert)
    assert alert.funnel["answered"] == len(leaders) - len(forsaken)

    the_update_reaches_everybody_and_the_cancellation_ends_it(city, alert, leaders)
    the_all_clear_follows_another_alert(city, leaders)


def the_ladder_climbs(
    city: LivingCity, alert: Alert, relieved: list[Holder], forsaken: list[Holder]
) -> None:
    """Reminder, alternates and parent, grandparent and doors to knock at, duty desk."""
    roll, silent = city.roll, [*relieved, *forsaken]
    alternates = [roll.leader(leader.unit, rank=2) for leader in silent]
    # By the second phone, where there is one.
    within(that=lambda: all(one.is_among(alert.told(kind="reminder")) for one in silent))
    within(that=lambda: alert.told(kind="takeover") == phones(alternates))
    for leader in relieved:
        city.phone(roll.leader(leader.unit, rank=2)).replies("1")
    parents = [roll.parent(leader) for leader in forsaken]
    within(that=lambda: alert.told(kind="digest") >= phones(parents))
    grandparents = [roll.grandparent(leader) for leader in forsaken]
    within(that=lambda: alert.told(kind="digest") >= phones(grandparents))
    within(that=lambda: alert.told(kind="digest") & phones(roll.duty_desk))
    doors = within(that=lambda: on_the_list(alert, forsaken))
    assert all({"door_knock", "duty_desk"} <= set(door["told"]) for door in doors)
    assert all(door["next_at"] is None for door in doors)
    assert {line["kind"] for line in alert.texts()} <= {
        *("alert", "reminder", "takeover", "digest", "confirmation")
    }
    digests = alert.texts(kind="digest")
    # One a superior and rung, however many of their grids are silent.
    assert len([d for d in digests if d["phone"] in phones(parents)]) <= len(set(parents)) * 2


def on_the_list(alert: Alert, forsaken: list[Holder]) -> list[dict[str, object]]:
    """The list of doors to knock at, once it is the grids that nobody answered for."""
    doors = alert.unanswered("exhausted")
    assert {door["unit_code"] for door in doors} == {leader.unit for leader in forsaken}
    return doors


def nobody_is_chased_who_has_answered(city: LivingCity, alert: Alert) -> None:
    replies = {line["id"]: line["from"] for line in city.sms.log.lines("reply")}
    answered_at: dict[str, int] = {}
    for line in city.sms.log.lines("taken", hook="replies"):
        for key in line["ids"]:
            answered_at.setdefault(replies.get(key, ""), line["ts"])
    for text in alert.texts(kind="reminder"):
        assert text["ts"] < answered_at.get(text["phone"], text["ts"] + 1) + SLACK_MS, text


def the_update_reaches_everybody_and_the_cancellation_ends_it(
    city: LivingCity, alert: Alert, leaders: list[Holder]
) -> None:
    chased = alert.told()
    told = phones([one for one in city.roll.holders if one.is_among(chased)]) | phones(leaders)
    update = city.follow(alert, "update")
    within(that=lambda: update.told(kind="alert") == told)
    within(that=lambda: len(update.group_texts()) == len(city.roll.groups))
    assert alert.state == "updated"
    asked = within(that=lambda: update.at_rest() and update.funnel["asked"])
    assert asked == len(leaders), "red wants a fresh answer"

    cancel = city.follow(update, "cancel")
    within(that=lambda: cancel.told(kind="alert") >= told)
    chinese = phones([holder for holder in city.roll.holders if holder.language == "zh-CN"])
    assert all("撤销" in t["text"] for t in cancel.texts(kind="alert") if t["phone"] in chinese)
    # A loudspeaker is told to stop what sounds; nothing new is played.
    stopped = within(
        that=lambda: [
            line for line in city.loudspeakers.heard(type=2) if line["alert"] == update.id
        ]
    )
    assert {line["text"] for line in stopped} == {""}
    assert update.state == "cancelled"
    assert not update.unanswered("open")


def the_all_clear_follows_another_alert(city: LivingCity, leaders: list[Holder]) -> None:
    """Its reminder is the proof that nobody is chased any more for the one that was cancelled."""
    chased = len(city.sms.texts(kind="reminder"))
    flood = city.issue("flood", "red", areas=["330281001"])
    here = [leader for leader in leaders if leader.unit.startswith("330281001")]
    within(that=lambda: flood.told(kind="alert") == phones(here))
    within(that=lambda: flood.texts(kind="reminder"))
    # Looked at once: more of them come meanwhile.
    assert all(flood.is_about(line) for line in city.sms.texts(kind="reminder")[chased:])
    clear = city.follow(flood, "all-clear")
    within(that=lambda: clear.told(kind="alert") >= phones(here))
    assert flood.state == "all-clear"
