"""Hostile bodies: what a broken gateway, a fuzzer or an enemy posts; the same for a same seed.

Every twentieth is a valid one, numbered, that must take effect in the midst of them.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

EVERY = 20

# As JSON's own text: much of it no encoder of ours would write.
NASTY = (
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "9223372036854775808",
    "-9223372036854775809",
    "9" * 400,
    "0.1e-400",
    '""',
    '"\\ud800"',
    '"\\udfff\\ud800"',
    '"\\u0000"',
    '"\\u202e\\u2066"',
    '"' + "x" * 5_000 + '"',
    '"\'; DROP TABLE delivery; --"',
    '"{{ 7*7 }} ${7*7} <script>"',
    '"../../../etc/passwd"',
    "[]",
    "{}",
    "[" * 200 + "]" * 200,
    '{"a":' * 100 + "1" + "}" * 100,
)


@dataclass(frozen=True)
class Body:
    """One body; `number` where it is a valid one."""

    content: bytes
    number: int | None = None


def bodies(count: int, valid: Callable[[int], bytes], seed: int) -> Iterator[Body]:
    """`count` bodies, every twentieth valid, the others made of valid ones and of noise."""
    dice = random.Random(seed)
    for n in range(count):
        if n % EVERY == EVERY - 1:
            yield Body(valid(n // EVERY), n // EVERY)
        else:
            yield Body(dice.choice(MUTATIONS)(dice, valid(count + n)))


def valid_ones(count: int) -> set[int]:
    """The numbers of the valid ones among `count` bodies."""
    return set(range(count // EVERY))


def noise(dice: random.Random, _body: bytes) -> bytes:
    """Bytes of any kind."""
    return dice.randbytes(dice.choice((0, 1, 7, 100, 2_000)))


def truncated(dice: random.Random, body: bytes) -> bytes:
    """The connection broke."""
    return body[: dice.randrange(len(body))]


def flipped(dice: random.Random, body: bytes) -> bytes:
    """Some bits are others."""
    broken = bytearray(body)
    for _ in range(dice.randrange(1, 6)):
        broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
    return bytes(broken)


def spliced(dice: random.Random, body: bytes) -> bytes:
    """Something nasty in the middle."""
    at = dice.randrange(len(body))
    return body[:at] + dice.choice(NASTY).encode() + body[at:]


def recoded(dice: random.Random, body: bytes) -> bytes:
    """In an encoding nobody asked for."""
    return body.decode().encode(dice.choice(("utf-16", "utf-32", "utf-7", "gb18030")))


def doubled(_dice: random.Random, body: bytes) -> bytes:
    """Twice in one."""
    return body + body


def swelled(dice: random.Random, body: bytes) -> bytes:
    """Too large for anything that means well."""
    size = 1_200_000 if dice.random() < 0.05 else 5_000
    return body + b" " * size + b"x"


def replaced(dice: random.Random, body: bytes) -> bytes:
    """A value of a JSON body is something nasty; other bodies get it behind."""
    try:
        value = json.loads(body)
    except ValueError:
        return spliced(dice, body)
    place = "PLACE-OF-SOMETHING-NASTY"
    _put(dice, value, place)
    return json.dumps(value).replace(f'"{place}"', dice.choice(NASTY)).encode()


def _put(dice: random.Random, value: Any, place: str) -> None:
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = dice.choice(keys)
        inner = value[key]
        if not isinstance(inner, dict | list) or not inner or dice.random() < 0.3:
            if isinstance(value, dict) and dice.random() < 0.2:
                del value[key]
            else:
                value[key] = place
            return
        value = inner


MUTATIONS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    noise,
    truncated,
    flipped,
    spliced,
    recoded,
    doubled,
    swelled,
    replaced,
    replaced,
    replaced,
)


def form(fields: dict[str, str]) -> bytes:
    """A URL-encoded form."""
    return urlencode(fields).encode()
