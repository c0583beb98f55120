"""Fitow, 2013: no phone signal; answers come by radio, by runner and on paper, and they count."""

from pathlib import Path

import pytest

from tests.acceptance.conftest import StartCity
from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.roll import Holder
from tests.acceptance.within import within

PHONES_ARE_OFF = {"off": 1.0}


@pytest.fixture
def cut_off(living_city: StartCity) -> LivingCity:
    """The gateway takes texts, and nothing is ever heard of them."""
    return living_city(mix=PHONES_ARE_OFF, speakers=None, minute_s=0.6)


def test_an_answer_entered_by_hand_covers_its_grid(cut_off: LivingCity, tmp_path: Path) -> None:
    city = cut_off
    alert = city.issue()
    leaders = city.roll.of("grid_leader", rank=1)
    within(that=lambda: len(alert.unanswered("exhausted")) == len(leaders))
    by_phone, by_radio, by_runner, on_paper, mistaken, on_a_sheet, *_ = leaders

    alert.enter(person_id=by_phone.person_id, kind="received", via="phone", note="called at home")
    alert.enter(person_id=by_radio.person_id, kind="done", via="radio", count=35, of=35)
    alert.enter(
        duty={"unit_code": by_runner.unit, "role": "grid_leader"}, via="runner", kind="on_post"
    )
    alert.enter(person_id=on_paper.person_id, kind="received", via="paper", who="officer")
    for leader in (by_phone, by_radio, by_runner, on_paper):
        assert alert.cell(leader.unit)["state"] == "covered", leader.unit
    assert alert.funnel["answered"] == 4
    how_each_came_is_kept(alert, [by_phone, by_radio, by_runner, on_paper])

    a_mistake_is_withdrawn(city, alert, mistaken)
    nothing_is_taken_that_cant_be(city, alert, mistaken)
    a_sheet_is_printed_and_comes_back(city, alert, on_a_sheet, tmp_path)


def a_sheet_is_printed_and_comes_back(
    city: LivingCity, alert: Alert, leader: Holder, folder: Path
) -> None:
    pdf = folder / "calls.pdf"
    of = ("--alert", alert.id, "--unit", leader.unit)
    printed = city.server.run("paper", "call-sheet", *of, "--out", str(pdf))
    assert pdf.read_bytes().startswith(b"%PDF-")
    (sheet,) = printed["sheets"]
    shown = city.server.run("paper", "show", sheet)
    row = next(each for each in shown["rows"] if each["role"] == "grid_leader")["row"]
    entered = city.server.run("paper", "enter", sheet.lower(), f"{row}y")
    assert entered["rows"][0]["outcome"] == "counts"
    assert alert.cell(leader.unit)["state"] == "covered"
    city.server.run("paper", "situation", alert.id, "--out", str(folder))
    assert (folder / f"situation-{alert.id}.pdf").read_bytes().startswith(b"%PDF-")


def how_each_came_is_kept(alert: Alert, people: list[Holder]) -> None:
    acks = alert.city.get(f"/api/v1/alerts/{alert.id}/acks")["items"]
    kept = {ack["person_id"]: ack for ack in acks}
    assert [kept[p.person_id]["via"] for p in people] == ["phone", "radio", "runner", "paper"]
    assert {ack["grade"] for ack in acks} == {"proxy"}
    assert {ack["by"] for ack in acks} == {"officer"}
    assert (kept[people[1].person_id]["count"], kept[people[1].person_id]["of"]) == (35, 35)
    # Whoever is without a signal gets no text about it.
    assert not alert.texts(kind="confirmation")


def a_mistake_is_withdrawn(city: LivingCity, alert: Alert, leader: Holder) -> None:
    entered = alert.enter(person_id=leader.person_id, kind="received", via="phone")
    assert alert.cell(leader.unit)["state"] == "covered"
    url = f"/api/v1/alerts/{alert.id}/acks/{entered['no']}"
    gone = city.client("officer").request("DELETE", url, json={"reason": "another grid's leader"})
    assert gone.status_code == 200
    within(that=lambda: alert.cell(leader.unit)["state"] in {"waiting", "silent"})
    assert alert.funnel["answered"] == 4


def nothing_is_taken_that_cant_be(city: LivingCity, alert: Alert, leader: Holder) -> None:
    officer, url = city.client("officer"), f"/api/v1/alerts/{alert.id}/acks"
    nobody = {"kind": "received", "via": "phone"}
    both = {**nobody, "person_id": leader.person_id, "duty": {"unit_code": "1", "role": "x"}}
    stranger = {**nobody, "person_id": "P9999999"}
    tomorrow = {**nobody, "person_id": leader.person_id, "occurred_at": 4_000_000_000_000}
    statuses = [officer.post(url, json=b).status_code for b in (nobody, both, stranger, tomorrow)]
    assert statuses == [422, 422, 404, 422]
    reader = city.client("second").post(url, json={**nobody, "person_id": leader.person_id})
    assert reader.status_code == 403
    assert alert.funnel["answered"] == 4
