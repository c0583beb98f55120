"""The signed command that a loudspeaker obeys: values to bytes and back, nothing else.

On the wire it is one JSON object in the canonical form of RFC 8785 (names sorted, no white space,
whole numbers only), with `sig`: Ed25519, base64, over that form without `sig`. `key` names the
signing key, and `alg` the way of signing, so that another (SM2) can stand beside it. The rules are
those of DOMAIN.md, "Loudspeakers over MQTT".

A command to an area, of version 2, names each loudspeaker that it is for, with that one's own
command id: nobody else in the area obeys it, and each answers as it would a command to itself.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from typing import Any, NoReturn, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MAX_COMMAND_BYTES = 32 * 1024  # half of what the embedded broker takes
MAX_WHOLE = 2**53 - 1  # the largest whole number that every JSON reader keeps
ROOT = "alertd/v1"

_ALGORITHM = "ed25519"
_VERSION = 1
_VERSION_NAMING = 2  # with `each`; who doesn't know it mustn't take it for everybody's
_MS = 1000  # sequence numbers to a millisecond
_TERMINAL_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_TARGET = re.compile(r"(terminal|area)/[0-9A-Za-z_-]{1,64}")
_ALERT = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMAND_ID = re.compile(r"([0-9a-f]{8})-([0-9a-f]{8})-(\d{1,19})-(\d{1,9})-([0-9a-f]{16})")
_TAIL = re.compile(r"\d{1,19}-\d{1,9}-[0-9a-f]{16}")


class CommandType(IntEnum):
    """The kinds of command, numbered as GY/T 385 and its family number them."""

    ACTUAL = 1
    CANCEL = 2  # stop playing an alert
    DRILL_PLATFORM = 3
    DRILL_HEAD_END = 4
    DRILL_TERMINAL = 5

    @property
    def is_drill(self) -> bool:
        """Whether it never interrupts a live one."""
        return self >= CommandType.DRILL_PLATFORM


class CommandRefusedError(Exception):
    """The bytes aren't a command that we trust; `code` is a short word such as `bad-signature`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a loudspeaker is told. Times are ms since the epoch; the text stays out of any repr."""

    cmd_id: str
    to: str = field(repr=False)  # terminal/ID or area/CODE: it obeys only what is addressed to it
    alert: str  # 32 hex digits; a cancel stops by it
    type: CommandType
    severity: int  # 1 Extreme … 4 Minor
    seq: int  # grows with every command of one key to one topic
    not_before: int
    expires: int  # nothing is played after it
    text: str = field(repr=False)
    lang: str = "zh-CN"
    volume: int = 100  # 0 … 100
    repeat: int = 1  # how often it is played
    duplicate: bool = False  # an earlier try at the same delivery may have been played
    # Where the sound of the text is, and what it must be; both "": the terminal speaks the text.
    audio: str = field(default="", repr=False)  # an http or https URL
    audio_sha256: str = ""  # 64 hex digits
    # To an area: the loudspeakers that it is for, and what follows `cmd_id` in each one's own.
    each: Mapping[str, str] = field(default_factory=dict, repr=False)
    # With a cancel: further alerts that it stops, like `alert`; one ack is for all of them.
    also: Sequence[str] = ()

    def meant_for(self, terminal: str) -> Self | None:
        """As that loudspeaker takes it, with its own id; None where others are named."""
        if not self.each:
            return self
        tail = self.each.get(terminal)
        return None if tail is None else replace(self, cmd_id=f"{self.cmd_id}-{tail}", each={})


_FIELDS = tuple(item.name for item in fields(Command))
# What is left out where nothing needs it.
_WHERE_NEEDED: Mapping[str, Any] = {"audio": "", "audio_sha256": "", "each": {}, "also": ()}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A node's key for commands; `key_id` is the public half's fingerprint."""

    private: Ed25519PrivateKey = field(repr=False)
    public: bytes = field(init=False, repr=False)  # 32 bytes
    key_id: str = field(init=False)  # 8 hex digits
    _mac_key: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        public = self.private.public_key().public_bytes_raw()
        # A key for another purpose is derived, so that neither says anything about the other.
        mac_key = hmac.digest(self.private.private_bytes_raw(), b"alertd cmd_id v1", "sha256")
        object.__setattr__(self, "public", public)
        object.__setattr__(self, "key_id", key_id(public))
        object.__setattr__(self, "_mac_key", mac_key)

    def mac(self, data: bytes) -> str:
        """A short proof that we made `data`; 16 hex digits."""
        return hmac.digest(self._mac_key, data, "sha256")[:8].hex()


@dataclass(frozen=True, slots=True)
class Try:
    """The try at a delivery that a command id names."""

    delivery: int
    attempt: int


def key_id(public: bytes) -> str:
    """How commands name the key with this public half."""
    return hashlib.sha256(public).hexdigest()[:8]


def is_terminal_id(text: str) -> bool:
    """Whether it can be a loudspeaker's id; the rosters' own rule, which is safe in any topic."""
    return _TERMINAL_ID.fullmatch(text) is not None


def command_topic(target: str) -> str:
    """The topic of the commands to `terminal/ID` or `area/CODE`."""
    return f"{ROOT}/{target}/cmd"


def command_id(key: SigningKey, terminal: str, alert: str, delivery: int, attempt: int) -> str:
    """The id of one try: the same whenever it is asked for, and proof of itself when it comes back.

    It holds what the answer must be put down to, so that nothing is looked up, and a MAC with the
    terminal in it, so that one can neither invent an answer nor give another's.
    """
    stem = f"{key.key_id}-{alert[-8:].lower()}-{delivery}-{attempt}"
    return f"{stem}-{key.mac(f'{terminal}|{stem}'.encode())}"


def read_command_id(key: SigningKey, terminal: str, text: str) -> Try | None:
    """What `command_id` put in; None where it is somebody else's, or nobody's."""
    match = _COMMAND_ID.fullmatch(text)
    if match is None or match[1] != key.key_id:
        return None
    stem = text.rpartition("-")[0]
    if not hmac.compare_digest(match[5], key.mac(f"{terminal}|{stem}".encode())):
        return None
    return Try(int(match[3]), int(match[4]))


def split_command_id(cmd_id: str) -> tuple[str, str]:
    """What all ids of one key and alert begin with, and what follows after a `-`."""
    key, alert, tail = cmd_id.split("-", 2)
    return f"{key}-{alert}", tail


def delivery_stem(cmd_id: str) -> str:
    """The part of an id that all tries at one delivery share."""
    return cmd_id.rsplit("-", 2)[0]


class Numbering:
    """Numbers that only grow, for each topic by itself, over restarts without a store.

    A number is the time in ms times 1,000, or one more than the last where that isn't above it:
    1,000 commands to one topic in each ms, and below 2**53 until the year 2255. A clock that was
    set back makes terminals refuse until it has caught up; they refuse a time ahead of their own
    for the same reason, so that the numbers never run away.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def next(self, topic: str, now: int) -> int:
        """The number of the next command to `topic`."""
        number = max(now * _MS, self._last.get(topic, 0) + 1)
        self._last[topic] = number
        return number


def sign(command: Command, key: SigningKey) -> bytes:
    """The bytes to publish.

    Raises:
        ValueError: It is over MAX_COMMAND_BYTES, or its text isn't Unicode (a lone surrogate).
    """
    version = _VERSION_NAMING if command.each else _VERSION
    document: dict[str, Any] = {"v": version, "alg": _ALGORITHM, "key": key.key_id}
    values = {name: getattr(command, name) for name in _FIELDS}
    document |= {n: v for n, v in values.items() if n not in _WHERE_NEEDED or v != _WHERE_NEEDED[n]}
    signature = key.private.sign(_canonical(document))
    document["sig"] = base64.b64encode(signature).decode("ascii")
    payload = _canonical(document)
    if len(payload) > MAX_COMMAND_BYTES:
        raise ValueError("the command is too large")
    return payload


def verify(payload: bytes, keys: Mapping[str, bytes]) -> tuple[str, Command]:
    """Read a command that one of `keys` signed (32-byte public keys by key id), with that key's id.

    Raises:
        CommandRefusedError: It isn't one.
    """
    document = read_object(payload, MAX_COMMAND_BYTES)
    signature, name = document.pop("sig", None), document.get("key")
    if not isinstance(signature, str) or not isinstance(name, str):
        raise CommandRefusedError("unsigned")
    if document.get("alg") != _ALGORITHM or name not in keys:
        raise CommandRefusedError("unknown-key")
    try:
        raw = base64.b64decode(signature, validate=True)
        Ed25519PublicKey.from_public_bytes(keys[name]).verify(raw, _canonical(document))
    except (InvalidSignature, binascii.Error, ValueError):
        raise CommandRefusedError("bad-signature") from None
    return name, _command(document)


def read_object(payload: bytes, at_most: int) -> dict[str, Any]:
    """Read a JSON object strictly: UTF-8, no name twice, whole numbers within 2**53 only.

    Raises:
        CommandRefusedError: It isn't such an object, or over `at_most` bytes.
    """
    if len(payload) > at_most:
        raise CommandRefusedError("too-large")
    try:
        value = json.loads(
            payload.decode("utf-8"),
            object_pairs_hook=_once,
            parse_float=_no,
            parse_constant=_no,
            parse_int=_whole,
        )
    except (ValueError, RecursionError):
        raise CommandRefusedError("malformed") from None
    if not isinstance(value, dict):
        raise CommandRefusedError("malformed")
    return value


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _canonical(document: Mapping[str, Any]) -> bytes:
    return _CANONICAL.encode(document).encode("utf-8")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice")
    return value


def _no(_: str) -> NoReturn:
    raise ValueError("not a whole number")


def _whole(text: str) -> int:
    if len(text) > len(str(-MAX_WHOLE)) or abs(int(text)) > MAX_WHOLE:
        raise ValueError("a number is too large")
    return int(text)


_RANGES: Mapping[str, tuple[int, int]] = {
    "severity": (1, 4),
    "seq": (1, MAX_WHOLE),
    "not_before": (0, MAX_WHOLE),
    "expires": (0, MAX_WHOLE),
    "volume": (0, 100),
    "repeat": (0, 100),
    "type": (1, 5),
}


_TEXTS = ("cmd_id", "to", "alert", "text", "lang", "audio", "audio_sha256")


def _is_sound(values: Mapping[str, Any]) -> bool:
    """Whether both words about the sound are there, or neither."""
    if values["audio"] == values["audio_sha256"] == "":
        return True
    known = _SHA256.fullmatch(values["audio_sha256"])
    return known is not None and values["audio"].startswith(("http://", "https://"))


def _names(values: Mapping[str, Any], *, naming: bool) -> bool:
    """Whether loudspeakers are named where, and only where, the version says so."""
    each = values["each"]
    if not naming:
        return bool(each == {})
    if not isinstance(each, dict) or not each or not values["to"].startswith("area/"):
        return False
    return all(
        is_terminal_id(name) and isinstance(tail, str) and _TAIL.fullmatch(tail)
        for name, tail in each.items()
    )


def _stops(values: Mapping[str, Any]) -> bool:
    """Whether further alerts are named where, and only where, something is to stop."""
    also = values["also"]
    if also == ():
        return True
    ids = isinstance(also, list) and all(
        isinstance(no, str) and _ALERT.fullmatch(no) for no in also
    )
    return ids and bool(also) and values["type"] == CommandType.CANCEL


def _command(document: dict[str, Any]) -> Command:
    """A signed document may still be of another version, or of somebody careless."""
    if document.get("v") not in {_VERSION, _VERSION_NAMING}:
        raise CommandRefusedError("unknown-version")
    values: dict[str, Any] = {**_WHERE_NEEDED}
    values |= {name: document[name] for name in _FIELDS if name in document}
    if len(values) < len(_FIELDS):
        raise CommandRefusedError("malformed")
    texts = all(isinstance(values[name], str) for name in _TEXTS)
    whole = all(
        type(values[name]) is int and low <= values[name] <= high
        for name, (low, high) in _RANGES.items()
    )
    if not texts or not whole or type(values["duplicate"]) is not bool:
        raise CommandRefusedError("malformed")
    if not _TARGET.fullmatch(str(values["to"])) or not _is_sound(values):
        raise CommandRefusedError("malformed")
    if not _names(values, naming=document["v"] == _VERSION_NAMING):
        raise CommandRefusedError("malformed")
    if not _stops(values):
        raise CommandRefusedError("malformed")
    return Command(**{**values, "type": CommandType(values["type"]), "also": tuple(values["also"])})
