"""Who has fallen silent, and what brings them back."""

from channels.base import Presence
from channels.loudspeaker.attendance import Attendance
from channels.loudspeaker.reports import Message
from channels.loudspeaker.silence import Silence

T0 = 1_790_000_000_000


def test_one_that_is_not_heard_for_too_long_is_named_once() -> None:
    silence = Silence(180_000)
    silence.heard("a", T0, retained=False)
    silence.heard("b", T0 + 60_000, retained=False)
    assert silence.overdue(T0 + 179_999) == []
    assert silence.overdue(T0 + 180_000) == ["a"]
    assert silence.overdue(T0 + 180_001) == []
    silence.heard("b", T0 + 200_000, retained=False)
    assert silence.overdue(T0 + 379_999) == []
    assert silence.overdue(T0 + 380_000) == ["b"]


def test_what_the_broker_kept_is_a_beginning_and_no_sign_of_life() -> None:
    silence = Silence(180_000)
    silence.heard("a", T0, retained=True)
    silence.heard("a", T0 + 100_000, retained=True)
    assert silence.overdue(T0 + 180_000) == ["a"]


def test_while_we_were_away_nobody_could_be_heard() -> None:
    silence = Silence(180_000)
    silence.heard("a", T0, retained=False)
    silence.start_over(T0 + 900_000)
    assert silence.overdue(T0 + 1_079_999) == []
    assert silence.overdue(T0 + 1_080_000) == ["a"]


def test_it_can_be_switched_off() -> None:
    silence = Silence(0)
    silence.heard("a", T0, retained=False)
    assert silence.overdue(T0 + 10**12) == []


class Board:
    """Attendance whose changes are always kept."""

    def __init__(self) -> None:
        self.attendance = Attendance()
        self._number = 0

    def hear(self, says: str, payload: bytes, *, retained: bool = False) -> list[bool]:
        self._number += 1
        word = Message(f"alertd/v1/terminal/t1/{says}", payload, retained, self._number)
        changes = self.attendance.changes([word], T0)
        self.attendance.adopt(changes)
        return [event.online for event in changes.events if isinstance(event, Presence)]

    def silent(self) -> list[bool]:
        changes = self.attendance.silent(["t1", "never-heard-of"], T0)
        self.attendance.adopt(changes)
        return [event.online for event in changes.events if isinstance(event, Presence)]


def test_silence_is_told_once_and_only_of_who_was_there() -> None:
    board = Board()
    assert board.silent() == []
    assert board.hear("online", b"online") == [True]
    assert board.silent() == [False]
    assert board.silent() == []


def test_any_word_of_its_own_brings_it_back() -> None:
    for says, payload in (
        ("ack", b"{}"),
        ("result", b"whatever"),
        ("state", b'{"fault": ""}'),
        ("fault", b'{"fault": ""}'),
        ("online", b"online"),
    ):
        board = Board()
        board.hear("online", b"online")
        board.silent()
        assert board.hear(says, payload) == [True], says


def test_what_the_broker_kept_does_not() -> None:
    board = Board()
    board.hear("online", b"online")
    board.silent()
    assert board.hear("online", b"online", retained=True) == []
    assert board.hear("state", b'{"fault": "x"}', retained=True) in ([], [False])
    assert board.hear("ack", b"{}", retained=True) == []
    assert board.hear("state", b'{"fault": ""}') == [True]


def test_an_answer_of_one_that_signed_off_changes_nothing() -> None:
    board = Board()
    board.hear("online", b"online")
    assert board.hear("online", b"offline") == [False]
    assert board.hear("ack", b"{}") == []
