"""Signed commands: what is signed is what is obeyed, and an id proves itself."""

import base64
import json
from dataclasses import fields, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from channels.loudspeaker.commands import (
    MAX_COMMAND_BYTES,
    Command,
    CommandRefusedError,
    CommandType,
    Numbering,
    SigningKey,
    Try,
    command_id,
    command_topic,
    delivery_stem,
    is_terminal_id,
    key_id,
    read_command_id,
    sign,
    split_command_id,
    verify,
)

KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
TRUSTED = {KEY.key_id: KEY.public}
ALERT = "0190aabbccdd7eeff00112233445566f"
COMMAND = Command(
    cmd_id=command_id(KEY, "yy-0001", ALERT, 42, 1),
    to="terminal/yy-0001",
    alert=ALERT,
    type=CommandType.ACTUAL,
    severity=1,
    seq=1_790_000_000_000_000,
    not_before=1_790_000_000_000,
    expires=1_790_000_600_000,
    text='【余姚市防指】"红色"台风\n𬍛䶮村\t100%',
    repeat=3,
)
SOUNDING = replace(
    COMMAND, audio="https://alertd.example/audio/x.wav", audio_sha256="0123456789abcdef" * 4
)
STEM, TAIL = split_command_id(COMMAND.cmd_id)
NAMING = replace(
    COMMAND, cmd_id=STEM, to="area/330281", each={"yy-0001": TAIL, "LS000001": f"7-1-{'0' * 16}"}
)
CANCELLING = replace(COMMAND, type=CommandType.CANCEL, text="", also=("b" * 32, "c" * 32))


def refusal(payload: bytes) -> str:
    with pytest.raises(CommandRefusedError) as refused:
        verify(payload, TRUSTED)
    return refused.value.code


def resigned(**changes: Any) -> bytes:
    """A command that was changed before it was signed, as a careless node might sign it."""
    document = json.loads(sign(COMMAND, KEY)) | changes
    del document["sig"]
    for name in [name for name, value in document.items() if value is None]:
        del document[name]
    body = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    document["sig"] = base64.b64encode(KEY.private.sign(body.encode())).decode()
    return json.dumps(document).encode()


def test_what_was_signed_is_what_is_read() -> None:
    plain = replace(SOUNDING, audio="http://10.0.0.7:8730/audio/x.wav")  # of the node itself
    for command in (COMMAND, SOUNDING, plain, NAMING):
        assert verify(sign(command, KEY), TRUSTED) == (KEY.key_id, command)


def test_a_command_without_a_sound_is_what_it_was_before_there_were_any() -> None:
    assert {"audio", "audio_sha256"}.isdisjoint(json.loads(sign(COMMAND, KEY)))


def test_a_cancel_may_name_further_alerts() -> None:
    assert verify(sign(CANCELLING, KEY), TRUSTED) == (KEY.key_id, CANCELLING)


def test_another_reader_of_the_same_rules_agrees() -> None:
    """RFC 8785 and Ed25519 by hand, as firmware would do it."""
    document = json.loads(sign(SOUNDING, KEY))
    signature = base64.b64decode(document.pop("sig"))
    names = sorted(document)
    form = ",".join(
        f"{json.dumps(name)}:{json.dumps(document[name], ensure_ascii=False)}" for name in names
    )
    KEY.private.public_key().verify(signature, ("{" + form + "}").encode())
    assert set(names) == {field.name for field in fields(Command)} - {"each", "also"} | {
        "v",
        "alg",
        "key",
    }
    assert (document["alg"], document["key"]) == ("ed25519", KEY.key_id)


def test_spaces_and_order_on_the_way_do_not_matter() -> None:
    document = json.loads(sign(COMMAND, KEY))
    shuffled = json.dumps(dict(reversed(document.items())), indent=2).encode()
    assert verify(shuffled, TRUSTED)[1] == COMMAND


@pytest.mark.parametrize("name", [field.name for field in fields(Command)] + ["v", "alg", "key"])
def test_nothing_in_it_can_be_changed(name: str) -> None:
    with_it = {"each": NAMING, "to": NAMING, "also": CANCELLING}.get(name, SOUNDING)
    document = json.loads(sign(with_it, KEY))
    value = document[name]
    match value:
        case bool():
            document[name] = not value
        case dict():
            document[name] = {**value, "LS000003": value["LS000001"]}
        case list():
            document[name] = value[1:]
        case _:
            document[name] = value + type(value)(1)
    assert refusal(json.dumps(document).encode()) in {"bad-signature", "unknown-key"}
    del document[name]
    assert refusal(json.dumps(document).encode()) in {"bad-signature", "unknown-key", "unsigned"}


def test_another_key_is_not_ours() -> None:
    assert refusal(sign(COMMAND, OTHER)) == "unknown-key"
    forged = json.loads(sign(COMMAND, OTHER)) | {"key": KEY.key_id}
    assert refusal(json.dumps(forged).encode()) == "bad-signature"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "malformed"),
        (b"null", "malformed"),
        (b"[]", "malformed"),
        (b"\xff\xfe{}", "malformed"),
        (b"{}", "unsigned"),
        (b'{"sig":1,"key":"a"}', "unsigned"),
        (b'{"sig":"!","key":"a"}', "unknown-key"),
        (b'{"a":1,"a":2}', "malformed"),
        (b'{"a":NaN}', "malformed"),
        (b'{"a":1.0}', "malformed"),
        (b'{"a":9007199254740992}', "malformed"),
        (b'{"a":' + b"9" * 5000 + b"}", "malformed"),
        (b"[" * 30_000, "malformed"),
        (b" " * (MAX_COMMAND_BYTES + 1), "too-large"),
    ],
)
def test_garbage_is_refused_by_name(payload: bytes, code: str) -> None:
    assert refusal(payload) == code


@pytest.mark.parametrize("signature", ["", "AAAA", "ä", "A" * 88])
def test_a_signature_that_is_none(signature: str) -> None:
    document = json.loads(sign(COMMAND, KEY)) | {"sig": signature}
    assert refusal(json.dumps(document).encode()) == "bad-signature"


@pytest.mark.parametrize(
    "changes",
    [
        {"severity": 0},
        {"severity": "1"},
        {"severity": True},
        {"type": 6},
        {"seq": 0},
        {"expires": -1},
        {"volume": 101},
        {"to": "terminal/a/b"},
        {"to": "terminal/#"},
        {"text": 5},
        {"text": None},
        {"duplicate": 0},
        {"audio": 5, "audio_sha256": "0" * 64},
        {"audio": "https://alertd.example/a.wav"},
        {"audio_sha256": "0" * 64},
        {"audio": "file:///etc/passwd", "audio_sha256": "0" * 64},
        {"audio": "https://alertd.example/a.wav", "audio_sha256": "0" * 63},
        {"audio": "https://alertd.example/a.wav", "audio_sha256": "A" * 64},
        {"also": [ALERT]},  # it isn't a cancel
        {"type": 2, "also": []},
        {"type": 2, "also": ["x"]},
        {"type": 2, "also": [5]},
        {"type": 2, "also": ALERT},
    ],
)
def test_a_signed_command_that_makes_no_sense(changes: dict[str, Any]) -> None:
    assert refusal(resigned(**changes)) == "malformed"


def test_a_later_version_is_not_guessed_at() -> None:
    assert refusal(resigned(v=3)) == "unknown-version"


def test_each_that_is_named_takes_it_with_its_own_id_and_nobody_else() -> None:
    assert json.loads(sign(NAMING, KEY))["v"] == 2, "older firmware must not take it for all"
    mine = NAMING.meant_for("yy-0001")
    assert mine is not None
    assert (mine.cmd_id, mine.each) == (COMMAND.cmd_id, {})
    assert read_command_id(KEY, "yy-0001", mine.cmd_id) == Try(42, 1)
    assert NAMING.meant_for("LS000002") is None
    assert COMMAND.meant_for("anybody") == COMMAND


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"v": 2, "each": {}},
        {"v": 2, "each": {"yy-0001": TAIL}},  # to one terminal
        {"v": 1, "to": "area/1", "each": {"yy-0001": TAIL}},
        {"v": 2, "to": "area/1", "each": {"yy/0001": TAIL}},
        {"v": 2, "to": "area/1", "each": {"yy-0001": "42-1"}},
        {"v": 2, "to": "area/1", "each": {"yy-0001": 42}},
        {"v": 2, "to": "area/1", "each": ["yy-0001"]},
    ],
)
def test_names_stand_where_they_belong_or_nothing_is_believed(changes: dict[str, Any]) -> None:
    assert refusal(resigned(**changes)) == "malformed"


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_being_refused(payload: bytes) -> None:
    assert refusal(payload)


@given(st.text(max_size=200))
def test_any_text_arrives_unchanged_or_is_refused_at_once(text: str) -> None:
    command = replace(COMMAND, text=text)
    assert verify(sign(command, KEY), TRUSTED)[1].text == text


def test_what_cannot_be_sent_is_told_before_it_is() -> None:
    with pytest.raises(ValueError, match="too large"):
        sign(replace(COMMAND, text="雨" * MAX_COMMAND_BYTES), KEY)
    with pytest.raises(ValueError, match="surrogates"):
        sign(replace(COMMAND, text="\ud800"), KEY)


def test_an_id_is_the_same_whenever_asked_and_names_its_try() -> None:
    text = command_id(KEY, "yy-0001", ALERT, 2**63 - 1, 7)
    assert text == command_id(KEY, "yy-0001", ALERT, 2**63 - 1, 7)
    assert read_command_id(KEY, "yy-0001", text) == Try(2**63 - 1, 7)


def test_ids_of_other_tries_differ() -> None:
    ids = {
        command_id(key, terminal, alert, delivery, attempt)
        for key in (KEY, OTHER)
        for terminal in ("a", "b")
        for alert in (ALERT, ALERT[:-1] + "0")
        for delivery in (1, 12)
        for attempt in (1, 2)
    }
    assert len(ids) == 32


def test_an_id_cannot_be_invented_or_borrowed() -> None:
    text = command_id(KEY, "yy-0001", ALERT, 42, 1)
    assert read_command_id(OTHER, "yy-0001", text) is None
    assert read_command_id(KEY, "yy-0002", text) is None
    for number, character in enumerate(text):
        changed = text[:number] + ("0" if character != "0" else "1") + text[number + 1 :]
        assert read_command_id(KEY, "yy-0001", changed) is None, changed


@given(st.text(max_size=80))
def test_no_text_is_mistaken_for_an_id(text: str) -> None:
    assert read_command_id(KEY, "yy-0001", text) is None


def test_tries_at_one_delivery_share_a_stem() -> None:
    first, again = (command_id(KEY, "a", ALERT, 42, attempt) for attempt in (1, 2))
    assert delivery_stem(first) == delivery_stem(again)
    assert delivery_stem(first) != delivery_stem(command_id(KEY, "a", ALERT, 43, 1))


def test_ids_of_one_key_and_alert_begin_alike_and_a_tail_brings_each_back() -> None:
    ids = [command_id(KEY, name, ALERT, delivery, 3) for name, delivery in (("a", 42), ("b", 7))]
    (stem, first), (other, second) = map(split_command_id, ids)
    assert stem == other == f"{KEY.key_id}-{ALERT[-8:]}"
    assert [f"{stem}-{tail}" for tail in (first, second)] == ids
    assert (first[:5], second[:4]) == ("42-3-", "7-3-")


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2**42)), max_size=50))
def test_numbers_only_grow_whatever_the_clock_does(steps: list[tuple[str, int]]) -> None:
    numbering = Numbering()
    last = {"a": 0, "b": 0}
    for topic, now in steps:
        number = numbering.next(topic, now)
        assert number > last[topic]
        last[topic] = number


def test_numbers_grow_over_a_restart_and_topics_do_not_meet() -> None:
    before = Numbering()
    numbers = [before.next("a", 1_790_000_000_000) for _ in range(1000)]
    assert Numbering().next("a", 1_790_000_000_001) > numbers[-1]
    assert before.next("b", 1_790_000_000_000) == numbers[0]


def test_secrets_and_texts_are_in_no_repr() -> None:
    said = repr(KEY) + repr(COMMAND)
    assert "余姚" not in said
    assert "yy-0001" not in said
    assert KEY.private.private_bytes_raw().hex() not in said


@pytest.mark.parametrize("text", ["", "a b", "a/b", "+", "#", "a.b", "终端", "x" * 65, "a\n"])
def test_what_is_no_terminal_id(text: str) -> None:
    assert not is_terminal_id(text)


def test_names_that_others_rely_on() -> None:
    assert command_topic("terminal/yy-0001") == "alertd/v1/terminal/yy-0001/cmd"
    assert KEY.key_id == key_id(KEY.public)
    assert [kind for kind in CommandType if kind.is_drill] == [3, 4, 5]
