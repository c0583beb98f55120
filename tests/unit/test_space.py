"""When space is short, and what becomes of the ballast."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from alertd.decide.space import Ballast, judge
from alertd.engine.space import Space
from alertd.provision import checkpoint_pages
from alertd.store.ballast import BallastFile
from alertd.store.dialect import CHECKPOINT_PAGES, PAGE_BYTES

W = 64


@pytest.mark.parametrize(
    ("short", "free", "held", "failed", "expected"),
    [
        # Enough: the ballast is made where it isn't there.
        (False, 1_000, W, False, (False, Ballast.KEEP)),
        (False, 1_000, 0, False, (False, Ballast.MAKE)),
        # Less than as much again is free beside it: new work is refused, the ballast stays.
        (False, W, W, False, (False, Ballast.KEEP)),
        (False, W - 1, W, False, (True, Ballast.KEEP)),
        # Taken again only with a little more, so that it doesn't go to and fro.
        (True, W, W, False, (True, Ballast.KEEP)),
        (True, W + W // 2, W, False, (False, Ballast.KEEP)),
        # Nearly nothing is free: it is given up before a step fails.
        (True, W // 4, W, False, (True, Ballast.KEEP)),
        (True, W // 4 - 1, W, False, (True, Ballast.RELEASE)),
        (True, 0, 0, False, (True, Ballast.KEEP)),
        # What it left isn't room for new work.
        (True, W + 10, 0, False, (True, Ballast.KEEP)),
        (True, 3 * W, 0, False, (False, Ballast.MAKE)),
        # A step failed, however much seems to be free (a quota).
        (False, 1_000, W, True, (True, Ballast.RELEASE)),
    ],
)
def test_judge(
    *, short: bool, free: int, held: int, failed: bool, expected: tuple[bool, Ballast]
) -> None:
    assert judge(short=short, free=free, held=held, wanted=W, failed=failed) == expected


def test_without_a_ballast_only_a_failed_step_is_short() -> None:
    assert judge(short=True, free=0, held=0, wanted=0, failed=False) == (False, Ballast.KEEP)
    assert judge(short=False, free=0, held=0, wanted=0, failed=True) == (True, Ballast.KEEP)


def test_the_ballast_holds_what_it_says_and_gives_it_back(tmp_path: Path) -> None:
    file = BallastFile(tmp_path, 1_000_000)
    assert (file.wanted, file.held()) == (1_000_000, 0)
    assert file.make()
    assert file.held() == 1_000_000
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= 1_000_000
    file.release()
    assert file.held() == 0
    file.release()  # there is nothing to give back any more


def test_a_ballast_that_can_t_be_deleted_stays_and_stops_nobody(tmp_path: Path) -> None:
    """As on a disk that has become read-only: a folder can't be unlinked, nor written to."""
    (tmp_path / "ballast").mkdir()
    file = BallastFile(tmp_path, 1 << 20)
    assert not file.make()
    space = Space(file)
    with capture_logs() as said:
        for _ in range(5):
            assert space.look(failed=True)
            space.look()
    assert file.held()
    assert len(said) <= 2


def test_on_a_small_disk_it_is_small(tmp_path: Path) -> None:
    file = BallastFile(tmp_path, 1 << 60)
    assert 0 < file.wanted < 1 << 60
    enough = Space(BallastFile(tmp_path, 4_096))
    assert not enough.look()
    assert enough.held == 4_096
    assert enough.look(failed=True)
    assert enough.held == 0


def test_the_journal_of_sqlite_fits_into_half_of_the_ballast() -> None:
    assert checkpoint_pages(0) == CHECKPOINT_PAGES
    assert checkpoint_pages(1 << 40) == CHECKPOINT_PAGES
    for ballast in (262_144, 64_000_000):
        assert checkpoint_pages(ballast) * PAGE_BYTES <= ballast / 2
