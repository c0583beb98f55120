"""The same city on PostgreSQL: a server without an engine, and workers, one of which is killed.

Or one is set otherwise than all the others.
"""

import shutil
from pathlib import Path

import pytest

from tests.acceptance.conftest import StartCity
from tests.acceptance.roll import phones
from tests.acceptance.within import within

MINUTE_S = 1.2  # of the escalation policy
WORKERS = ("sms,groups", "sms", "loudspeakers,sms")


@pytest.mark.timeout(300)
def test_workers_do_the_work_and_one_that_is_killed_is_not_missed(living_city: StartCity) -> None:
    city = living_city(minute_s=MINUTE_S, workers=WORKERS, by_command=True)
    leaders = city.roll.of("grid_leader", rank=1)
    silent = leaders[:3]
    city.sms.behave([leader.phone for leader in silent], "silent")
    assert city.get("/readyz")["ready"]

    alert = city.issue("typhoon", "red")
    city.server.helpers[0].kill()
    within(that=lambda: alert.told(kind="alert") == phones(leaders))
    within(that=lambda: all(s["delivery"] == "delivered" for s in alert.speakers()))
    alternates = [city.roll.leader(leader.unit, rank=2) for leader in silent]
    within(that=lambda: alert.told(kind="takeover") >= phones(alternates))
    within(that=lambda: alert.funnel["answered"] >= len(leaders) - len(silent))
    city.server.helpers[0].wait()

    # Nobody else sends to the groups until somebody is there who does.
    city.server.hire("groups")
    within(that=lambda: {line["group"] for line in alert.group_texts()} == set(city.roll.groups))


def test_a_worker_that_is_set_otherwise_is_told_of_as_long_as_it_works(
    living_city: StartCity, tmp_path: Path
) -> None:
    city = living_city(workers=("sms", "groups"), speakers=None)

    def warned() -> str:
        return "\n".join(city.get("/readyz")["warnings"])

    assert city.get("/readyz")["ready"]
    tokyo = {"ALERTD_TIMEZONE": "Asia/Tokyo", "ALERTD_SIGNATURE": "慈溪市防指"}
    another = city.server.hire("sms,groups", ALERTD_LOG_LEVEL="warning", **tokyo)
    within(that=lambda: "and decides and writes by it: signature, timezone." in warned())
    within(that=lambda: "is set differently" in city.server.log)
    another.kill()
    another.wait()
    within(that=lambda: "signature" not in warned())

    # Nor does one end whose folder of words isn't mounted, on a machine of its own.
    own = tmp_path / "own"
    shutil.copytree(city.server.data / "keys", own / "keys")
    city.server.hire("sms", ALERTD_DATA_DIR=str(own), ALERTD_CONFIG_DIR=str(tmp_path / "none"))
    assert "The folder in config_dir can't be read" in city.server.log
    within(that=lambda: "policies.red" in warned())
