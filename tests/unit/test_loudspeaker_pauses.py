"""How long a loudspeakers' link waits before it connects again."""

from channels.loudspeaker.pauses import Pauses


def test_two_with_one_session_throw_each_other_out_ever_more_slowly() -> None:
    """Two boxes with one bundle, or two workers: it went on four times a second, for ever."""
    pauses = Pauses(3.0, "one-session")
    spread = pauses.after(60.0) / 0.2
    found = [round(pauses.after(0.2) / spread, 3) for _ in range(12)]
    assert found == [0.2] * 6 + [0.4, 0.8, 1.6, 3.0, 3.0, 3.0]
    assert round(pauses.after(60.0) / spread, 3) == 0.2, "one that held is come back to at once"


def test_where_nobody_lets_us_in_it_is_tried_ever_more_slowly() -> None:
    pauses = Pauses(3.0, "x")
    spread = pauses.after(60.0) / 0.2
    assert [round(pauses.after(None) / spread, 3) for _ in range(5)] == [0.4, 0.8, 1.6, 3.0, 3.0]
