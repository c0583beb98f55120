"""A defect in one part of a step, or with one alert, holds up no other."""

from pathlib import Path

from sqlalchemy import func, select, update

from alertd.engine.apart import REST_MS
from alertd.engine.turn import Turn
from alertd.store import tables as t
from tests.city import City

TOWN, OTHER = "330281001", "330281002"


def defects(city: City) -> int:
    n: int = city.one(select(func.count()).where(t.journal.c.kind == "defect"))[0]
    return n


def test_a_calendar_that_fails_keeps_no_alert_from_going_out(tmp_path: Path) -> None:
    city = City(tmp_path)
    failing = True

    def calendar(turn: Turn, *, tick: bool) -> None:
        turn.record("urged", {"by": "", "act": "remind", "requirements": []})
        if failing:
            raise RuntimeError(str(tick))

    city.engine.agenda = calendar
    city.issue(areas=[TOWN])
    assert city.sent
    city.forward(seconds=9)
    assert defects(city) == 1  # it rests, and the journal doesn't fill with it
    assert city.engine.failing(city.now) == [("agenda", 0)]
    urged = select(func.count()).where(t.journal.c.kind == "urged")
    assert city.one(urged)[0] == 0  # what it had done was undone
    failing = False
    city.forward(seconds=2)
    assert city.one(urged)[0] > 0
    assert city.engine.failing(city.now) == []
    city.store.close()


def test_one_alerts_ladders_that_fail_leave_the_others_alone(tmp_path: Path) -> None:
    city = City(tmp_path)
    bad, good = city.issue(areas=[TOWN]), city.issue("flood", areas=[OTHER])
    c = t.alert.c
    frozen = city.one(select(c.policy).where(c.no == bad)).policy
    with city.store.transaction(city.now) as tx:  # as a version that knew another rung froze it
        unknown = frozen.replace('"remind"', '"semaphore"')
        tx.connection.execute(update(t.alert).where(c.no == bad).values(policy=unknown))
    city.restart()
    city.sent.clear()
    city.forward(minutes=2, seconds=1)
    codes = {message.short_code for message in city.sent if message.kind == "reminder"}
    assert codes == {city.one(select(c.short_code).where(c.no == good)).short_code}
    found = city.one(select(t.journal.c.alert_no).where(t.journal.c.kind == "defect"))
    assert found.alert_no == bad
    city.forward(seconds=REST_MS / 1000)
    assert defects(city) == 2
    assert {number for _, number in city.engine.failing(city.now)} == {bad}
    city.forward(seconds=3 * REST_MS / 1000)
    assert city.engine.failing(city.now), "as long as it fails, it is said"
    city.store.close()
