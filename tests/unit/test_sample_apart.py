"""A sample city's simulated phones never answer for real people, nor is it served as a real one."""

from contextlib import closing
from pathlib import Path

import pytest

from alertd.cli.sample import WHY, refuse_own_city, refuse_sample_city
from alertd.errors import ConflictError
from alertd.provision import open_store
from alertd.settings import RouteSettings, Settings
from alertd.store import tables as t
from tests import databases

REAL = RouteSettings(type="webhook")
PLAYED = RouteSettings(type="webhook", simulated=True)


def refused(folder: Path, reasons: list[str], route: RouteSettings | None) -> tuple[bool, bool]:
    """Whether it is refused as a sample city, and as one's own: by the roster's versions."""
    settings = Settings(
        data_dir=folder,
        database_url=databases.url_of(folder),
        routes={} if route is None else {"carrier": route},
        ballast_mb=0.0,
    )
    with closing(open_store(settings)) as store, store.transaction(1) as tx:
        for number, why in enumerate(reasons, 1):
            row = {"version": number, "created_at": 1, "by": "cli", "why": why}
            tx.connection.execute(t.roster_version.insert().values(**row, digest="", counts="{}"))
    return _refuses(refuse_own_city, settings), _refuses(refuse_sample_city, settings)


def _refuses(look: object, settings: Settings) -> bool:
    assert callable(look)
    try:
        look(settings)
    except ConflictError:
        return True
    return False


@pytest.mark.parametrize(
    ("reasons", "route", "as_sample", "as_own"),
    [
        ([], REAL, False, False),  # nobody is in it yet
        ([WHY], None, False, True),
        ([WHY], REAL, False, True),
        ([WHY, "edited"], None, False, False),  # somebody plays with it
        ([WHY, "edited"], PLAYED, False, False),
        ([WHY, "the city's own"], REAL, True, False),  # it began as a sample, long ago
        (["spring"], None, True, False),
        (["spring", WHY], None, True, True),  # written over by an earlier version of alertd
    ],
)
def test_which_city_is_served_how(
    tmp_path: Path,
    reasons: list[str],
    route: RouteSettings | None,
    as_sample: bool,
    as_own: bool,
) -> None:
    assert refused(tmp_path / "data", reasons, route) == (as_sample, as_own)
