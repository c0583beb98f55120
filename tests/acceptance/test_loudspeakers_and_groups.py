"""Loudspeakers in their three states, and chat groups by a signed webhook."""

from tests.acceptance.conftest import StartCity
from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.within import within

BROKEN = {
    "LS000001": "refuses",
    "LS000002": "power-lost",
    "LS000003": "partial",
    "LS000004": "duplicate",
}


def test_three_states_of_a_loudspeaker(living_city: StartCity) -> None:
    city = living_city(speakers=BROKEN, keepalive_s=2, minute_s=2.0)
    alert = city.issue("typhoon", "red")
    well = set(city.roll.loudspeakers) - {"LS000001", "LS000002", "LS000003"}
    within(that=lambda: speaker_states(alert, well) == {("delivered", "played")})

    # The broker took it, the terminal has it, it sounded: three words of three peers.
    accepted = {line["terminal"] for line in city.loudspeakers.heard(verdict="accepted")}
    assert accepted == well | {"LS000003"}
    ended = {line["terminal"]: line for line in city.loudspeakers.log.lines("ended")}
    assert all(ended[name]["played"] == ended[name]["of"] == 3 for name in well)
    assert ended["LS000003"]["played"] == 1
    within(that=lambda: speaker_states(alert, {"LS000003"}) == {("delivered", "partial")})

    refused = within(that=lambda: speaker_states(alert, {"LS000001"}) == {("failed", "silent")})
    assert refused
    assert city.loudspeakers.heard(terminal="LS000001")[0]["verdict"] == "amplifier-fault"
    without_power_it_is_offline_and_never_delivered(city, alert)


def speaker_states(alert: Alert, names: set[str]) -> set[tuple[str, str]]:
    return {
        (speaker["delivery"], speaker["played"])
        for speaker in alert.speakers()
        if speaker["terminal_id"] in names
    }


def without_power_it_is_offline_and_never_delivered(city: LivingCity, alert: Alert) -> None:
    assert city.loudspeakers.log.lines("power-lost", terminal="LS000002")

    def offline() -> bool:
        (speaker,) = [s for s in alert.speakers() if s["terminal_id"] == "LS000002"]
        assert speaker["delivery"] not in {"delivered", "pending"}
        assert speaker["played"] == "silent"
        return speaker["online"] is False

    within(that=offline, why="the broker tells of a silent death by its last will")
    counts = city.get("/api/v1/terminals", limit=1)["counts"]
    assert counts["offline"] == 1
    # What the broker has and the terminal never answered for is, in the end, unknown.
    within(that=lambda: speaker_states(alert, {"LS000002"}) == {("unknown", "silent")})


def test_an_all_clear_stops_what_still_sounds(living_city: StartCity) -> None:
    city = living_city(speaker_speed=1.0)
    alert = city.issue("typhoon", "red")
    everywhere = set(city.roll.loudspeakers)
    within(that=lambda: {s["terminal"] for s in city.loudspeakers.played()} == everywhere)
    city.follow(alert, "all-clear")
    within(that=lambda: len(city.loudspeakers.log.lines("ended")) == len(everywhere))
    ended = city.loudspeakers.log.lines("ended")
    assert {(line["status"], line["reason"]) for line in ended} == {("interrupted", "cancelled")}
    assert len(city.loudspeakers.played()) == len(everywhere)


def test_chat_groups_get_a_signed_webhook_each(living_city: StartCity) -> None:
    city = living_city(speakers=None, minute_s=6.0)
    away, gone, *_ = city.roll.groups
    city.groups.post("/control/mode", {"group": away, "mode": "unavailable"})
    city.groups.post("/control/mode", {"group": gone, "mode": "gone"})
    alert = city.issue("typhoon", "red")

    others = set(city.roll.groups) - {away, gone}
    within(that=lambda: {text["group"] for text in alert.group_texts()} == others)
    # The receiver has checked each signature by the standard's own library.
    assert not city.groups.log.lines("forged")
    assert {text["alert"] for text in alert.group_texts()} == {alert.id}
    assert all(alert.code in text["text"] for text in alert.group_texts())
    ids = [text["webhook_id"] for text in alert.group_texts()]
    assert len(set(ids)) == len(ids)

    city.groups.post("/control/mode", {"group": away, "mode": "ok"})
    within(that=lambda: {text["group"] for text in alert.group_texts()} == others | {away})
    tries = city.groups.log.lines("message", group=away)
    assert len({line["webhook_id"] for line in tries}) == 1, "a repeated try keeps its id"
    within(that=lambda: chat(alert)["failed"] == 1 and chat(alert)["delivered"] == len(others) + 1)
    assert len(city.groups.log.lines("message", group=gone)) == 1


def chat(alert: Alert) -> dict[str, int]:
    (found,) = [c for c in alert.board()["board"]["channels"] if c["channel"] == "chat"]
    return dict(found["states"])
