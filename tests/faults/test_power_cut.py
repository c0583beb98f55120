"""DESIGN §6.1 and §7: a power cut at any point loses nothing that was acknowledged.

alertd's own store and engine run on a disk that forgets what wasn't synced (`power`). Their calls
are recorded, and power is cut at random ones: in the midst of commits, of checkpoints, of a first
start, and of recoveries from an earlier cut. What each cut leaves is opened: SQLite finds it whole,
it is byte for byte as some commit left it, no earlier than the last one acknowledged and no later
than the one in flight, and the journal's chains hold.
"""

from pathlib import Path

import pytest

from tests.faults.powered import cut_again_and_again


@pytest.mark.parametrize("seed", range(2))
def test_a_power_cut_loses_nothing_acknowledged(tmp_path: Path, seed: int) -> None:
    tally = cut_again_and_again(tmp_path, seed=seed, cuts=120, lives=3)
    assert not tally.faults, tally.faults[:5]
    assert tally.counts["in a checkpoint"] >= 5
    assert tally.counts["in flight, and kept"] >= 1
    assert tally.counts["in a recovery"] >= 1
    assert tally.counts["rebuilt"] >= 2


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 120))
def test_ten_thousand_power_cuts_lose_nothing_acknowledged(tmp_path: Path, seed: int) -> None:
    tally = cut_again_and_again(tmp_path, seed=seed, cuts=500, lives=10)
    assert not tally.faults, tally.faults[:5]
    assert tally.counts["in a checkpoint"] >= 20
    assert tally.counts["in a recovery"] >= 20


def test_the_cuts_find_what_synchronous_normal_loses(tmp_path: Path) -> None:
    """The control: a store that doesn't sync each commit must be seen to lose some."""
    tally = cut_again_and_again(tmp_path, seed=1, cuts=40, lives=1, synchronous="NORMAL")
    assert tally.counts["lost"] >= 5
    assert not tally.counts["corrupt"]  # it loses, and breaks nothing


def test_the_cuts_find_what_no_sync_at_all_breaks(tmp_path: Path) -> None:
    """The second control: without any sync the database itself must be seen to break."""
    tally = cut_again_and_again(tmp_path, seed=1, cuts=40, lives=1, synchronous="OFF")
    assert tally.counts["corrupt"] + tally.counts["half"] >= 1
