"""What terminals say: receipts that name our try, presence told once, and nothing else."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from channels.base import Event, Fault, Presence, Receipt, ReceiptStatus
from channels.loudspeaker.attendance import Attendance
from channels.loudspeaker.commands import SigningKey, command_id
from channels.loudspeaker.reports import SUBSCRIPTIONS, Message, read_receipt

KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
CMD_ID = command_id(KEY, "t1", "a" * 32, 42, 2)
AT = 1_790_000_000_000


def message(
    says: str, body: Any, *, terminal: str = "t1", retained: bool = False, root: str = "alertd/v1"
) -> Message:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Message(f"{root}/terminal/{terminal}/{says}", payload, retained)


@pytest.mark.parametrize(
    ("says", "document", "status", "fault", "code", "detail"),
    [
        ("ack", {"status": "accepted"}, ReceiptStatus.DELIVERED, None, "", ""),
        (
            *("ack", {"status": "refused", "reason": "amplifier-fault"}),
            *(ReceiptStatus.FAILED, Fault.REFUSED, "amplifier-fault", ""),
        ),
        (
            *("ack", {"status": "refused", "reason": "old-sequence"}),
            *(ReceiptStatus.FAILED, Fault.RETRY, "old-sequence", ""),
        ),
        (
            *("ack", {"status": "refused", "reason": "not-yet"}),
            *(ReceiptStatus.FAILED, Fault.RETRY, "not-yet", ""),
        ),
        ("ack", {"status": "refused"}, ReceiptStatus.FAILED, Fault.REFUSED, "", ""),
        (
            *("result", {"status": "played", "played": 2, "of": 3, "reason": ""}),
            *(ReceiptStatus.PLAYED, None, "", "2/3"),
        ),
        (
            *("result", {"status": "played", "played": 0, "of": 0}),
            *(ReceiptStatus.FAILED, Fault.REFUSED, "", "0/0"),
        ),
        (
            *("result", {"status": "played", "played": 0, "of": 3}),
            *(ReceiptStatus.FAILED, Fault.REFUSED, "", "0/3"),
        ),
        (
            *("result", {"status": "interrupted", "played": 0, "of": 3, "reason": "expired"}),
            *(ReceiptStatus.INTERRUPTED, None, "expired", "0/3"),
        ),
        (
            *("result", {"status": "failed", "played": 0, "of": 3, "reason": "cancelled"}),
            *(ReceiptStatus.FAILED, Fault.REFUSED, "cancelled", "0/3"),
        ),
        (
            *("result", {"status": "played", "played": -1, "of": "3"}),
            *(ReceiptStatus.PLAYED, None, "", ""),
        ),
        (
            *("ack", {"status": "accepted", "reason": "请 拨 13800000000"}),
            *(ReceiptStatus.DELIVERED, None, "unreadable", ""),
        ),
    ],
)
def test_a_word_on_our_try(
    says: str,
    document: dict[str, Any],
    status: ReceiptStatus,
    fault: Fault | None,
    code: str,
    detail: str,
) -> None:
    assert read_receipt(message(says, {"cmd_id": CMD_ID, "at": AT, **document}), KEY) == Receipt(
        delivery=42,
        attempt=2,
        status=status,
        fault=fault,
        code=code,
        detail=detail,
        reference=CMD_ID,
        occurred_at=AT,
    )


@pytest.mark.parametrize(
    "other",
    [
        message("ack", {"cmd_id": CMD_ID, "status": "accepted"}, terminal="t2"),
        message("ack", {"cmd_id": CMD_ID, "status": "accepted"}, root="alertd/v2"),
        message("cmd", {"cmd_id": CMD_ID, "status": "accepted"}),
        message("ack", {"cmd_id": CMD_ID, "status": "played"}),
        message("result", {"cmd_id": CMD_ID, "status": "accepted"}),
        message("ack", {"cmd_id": CMD_ID, "status": ["accepted"]}),
        message("ack", {"cmd_id": 42, "status": "accepted"}),
        message("ack", {"cmd_id": CMD_ID[:-1] + "x", "status": "accepted"}),
        message("ack", {"status": "accepted"}),
        message("ack", {"cmd_id": command_id(OTHER, "t1", "a" * 32, 42, 2), "status": "accepted"}),
        message("ack", b"accepted"),
        message("ack", b"\xff"),
        message("ack", b"[" * 8000),
        message("ack", {"cmd_id": CMD_ID, "status": "accepted", "more": "x" * 9000}),
        Message("", b"{}", retained=False),
    ],
)
def test_what_is_no_word_of_ours(other: Message) -> None:
    assert read_receipt(other, KEY) is None
    assert Attendance().changes([other], AT).events == []


@pytest.mark.parametrize("at", [None, "1790000000000", -1, True, 10**15 * 9_999])
def test_a_time_that_is_none_is_left_out(at: Any) -> None:
    receipt = read_receipt(message("ack", {"cmd_id": CMD_ID, "status": "accepted", "at": at}), KEY)
    assert receipt is None or receipt.occurred_at is None


@given(st.text(max_size=60), st.binary(max_size=200), st.booleans())
def test_whatever_is_sent_raises_nothing(topic: str, payload: bytes, retained: bool) -> None:
    word = Message(topic, payload, retained)
    assert read_receipt(word, KEY) is None
    assert Attendance().changes([word], AT).events == []


@given(
    st.sampled_from(["ack", "result", "fault", "state", "online"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
        lambda inner: st.dictionaries(
            st.sampled_from(["cmd_id", "status", "fault", "at", "played", "of", "x"]), inner
        ),
    ),
)
def test_no_json_raises_either(says: str, body: Any) -> None:
    word = message(says, json.dumps(body).encode())
    assert read_receipt(word, KEY) is None
    Attendance().changes([word], AT)


class Board:
    """Attendance whose changes are always kept."""

    def __init__(self) -> None:
        self.attendance = Attendance()
        self.now = AT

    def hear(self, *messages: Message) -> list[Event]:
        changes = self.attendance.changes(messages, self.now)
        self.attendance.adopt(changes)
        return changes.events


def here(*, fault: str = "", at: int | None = None, online: bool = True) -> Presence:
    return Presence(terminal="t1", online=online, fault=fault, occurred_at=at)


def test_coming_and_going_is_told_once() -> None:
    board = Board()
    assert board.hear(message("online", b"online")) == [here()]
    assert board.hear(message("online", b"online")) == []
    assert board.hear(message("online", b"offline", retained=True)) == [here(online=False)]


def test_heartbeats_make_no_facts_but_faults_do() -> None:
    board = Board()
    board.hear(message("online", b"online"))
    well = message("state", {"fault": "", "at": AT})
    ill = message("state", {"fault": "door-open", "at": AT})
    assert [board.hear(well), board.hear(well)] == [[], []]
    assert board.hear(ill) == [here(fault="door-open", at=AT)]
    assert board.hear(ill) == []
    assert board.hear(message("fault", {"fault": ""})) == [here()]


def test_a_kept_state_does_not_wake_the_dead() -> None:
    board = Board()
    state = message("state", {"fault": "battery", "at": AT}, retained=True)
    assert board.hear(state) == []
    assert board.hear(message("online", b"offline", retained=True)) == [
        here(online=False, fault="battery")
    ]
    assert board.hear(state) == []


def test_a_live_word_proves_life_even_where_the_greeting_was_lost() -> None:
    assert Board().hear(message("state", {"fault": "", "at": AT})) == [here(at=AT)]


def test_one_batch_tells_only_where_it_ended() -> None:
    board = Board()
    flapping = [message("online", word) for word in (b"online", b"offline") * 3]
    assert board.hear(*flapping) == [here(online=False)]


def calm(board: Board) -> list[Event]:
    changes = board.attendance.calm(board.now)
    board.attendance.adopt(changes)
    return changes.events


def test_one_that_comes_and_goes_is_told_as_that_and_then_no_more() -> None:
    board = Board()
    told = []
    for _ in range(500):
        board.now += 2_000
        told += board.hear(message("online", b"online")) + board.hear(message("online", b"offline"))
        told += calm(board)
    assert isinstance(last := told[-1], Presence)
    assert last.fault == "comes-and-goes"
    assert len(told) < 12
    # Once it has been calm for five minutes it is told how it is.
    board.hear(message("online", b"online"))
    board.now += 299_000
    assert calm(board) == []
    board.now += 2_000
    assert calm(board) == [here()]
    assert board.hear(message("online", b"offline")) == [here(online=False)]


def test_two_boxes_with_one_identity_are_told_though_none_is_ever_missed() -> None:
    """A broker that lets one take the other's place says of neither that it has gone."""
    board = Board()
    told = []
    for _ in range(20):
        board.now += 3_000
        told += board.hear(message("online", b"online"))
    assert told == [here(), here(fault="comes-and-goes")]


HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("off_by", "fault"),
    [
        (0, ""),
        (119_000, ""),
        (121_000, "clock-ahead"),
        (3 * DAY_MS, "clock-ahead"),
        (-HOUR_MS + 1_000, ""),  # it may have waited for us
        (-3 * DAY_MS, "clock-behind"),
    ],
)
def test_a_heartbeat_tells_that_its_clock_is_wrong(off_by: int, fault: str) -> None:
    """Before the alert that it would refuse as expired, or as not yet due."""
    at = AT + off_by
    beat = message("state", {"fault": "", "at": at})
    assert Board().hear(beat) == [here(fault=fault, at=at)]
    board = Board()
    board.hear(
        message("online", b"online"), message("state", {"fault": "", "at": at}, retained=True)
    )
    assert board.hear(message("online", b"offline")) == [here(online=False)]


def test_a_fault_of_its_own_goes_before_its_clock_and_a_right_clock_ends_it() -> None:
    board = Board()
    assert board.hear(message("state", {"fault": "door-open", "at": 1})) == [
        here(fault="door-open", at=1)
    ]
    assert board.hear(message("state", {"fault": "", "at": 1})) == [
        here(fault="clock-behind", at=1)
    ]
    assert board.hear(message("state", {"fault": "", "at": AT})) == [here(at=AT)]


def test_faults_without_end_are_told_no_more() -> None:
    board = Board()
    told = []
    for number in range(1_000):
        board.now += 100
        told += board.hear(message("fault", {"fault": f"f{number % 7}"}))
    assert len(told) < 12


def test_what_was_not_kept_is_told_again() -> None:
    attendance = Attendance()
    first = attendance.changes([message("online", b"online")], AT)
    assert attendance.changes([message("online", b"online")], AT).events == first.events


def test_what_was_laid_aside_does_not_undo_what_came_after() -> None:
    board = Board()
    topic = "alertd/v1/terminal/t1/online"
    board.hear(Message(topic, b"offline", retained=False, number=8))
    assert board.hear(Message(topic, b"online", retained=False, number=7)) == []


def test_every_topic_is_subscribed_to_and_no_commands() -> None:
    assert [topic.rpartition("/")[2] for topic in SUBSCRIPTIONS] == [
        *("ack", "result", "fault", "state", "online"),
    ]
