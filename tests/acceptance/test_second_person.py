"""An Actual alert is never sent by one person by accident."""

from tests.acceptance.conftest import StartCity
from tests.acceptance.within import within


def test_an_actual_alert_needs_a_second_person(living_city: StartCity) -> None:
    city = living_city(speakers=None, settings={"break_glass_delay_s": 3})
    alert = city.draft("typhoon", "red")

    alone = city.client("officer").post(f"/api/v1/alerts/{alert.code}/approve")
    assert alone.status_code == 409
    assert "second person" in alone.json()["detail"]
    assert not city.sms.texts()

    city.approve(alert)
    leaders = {leader.phone for leader in city.roll.of("grid_leader", rank=1)}
    within(that=lambda: alert.told(kind="alert") == leaders)
