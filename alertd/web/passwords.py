"""Passwords: hashed by Argon2, checked without saying whether the name was right."""

import asyncio
import base64
from collections.abc import Callable
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError, VerificationError
from argon2.low_level import error_to_str
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from alertd.errors import InvalidInputError, UnavailableError

LEAST: Final = 10
MOST: Final = 200
_AT_ONCE: Final = 2  # each check takes 64 MiB; a flood of sign-ins must not take the machine

# ARGON2_MEMORY_ALLOCATION_ERROR and ARGON2_THREAD_FAIL, of argon2.h: it has but words for them.
_NO_MEMORY, _NO_THREAD = map(error_to_str, (-22, -33))
_SHORT: Final = frozenset({_NO_MEMORY, _NO_THREAD})

_hasher = PasswordHash((Argon2Hasher(),))
# What a name that nobody has is checked against, so that it takes as long as a real one.
_NOBODY: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA"
    "$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg"
)


class Passwords:
    """Checks passwords, a few at a time."""

    def __init__(self) -> None:
        self.room = asyncio.Semaphore(_AT_ONCE)
        """Held by whoever has a password checked or hashed."""

    async def matches(self, password: str, kept: str) -> bool:
        """Whether it is the one; `kept` is "" for somebody who has none. The caller has `room`."""
        return await asyncio.to_thread(_verify, password, kept)

    async def hash(self, password: str) -> str:
        """What is kept of a password. Raises InvalidInputError where it is too short or long."""
        require_good(password)
        async with self.room:
            return await asyncio.to_thread(hash_password, password)


def hash_password(password: str) -> str:
    """What is kept of a password; takes a tenth of a second and 64 MiB.

    Raises:
        UnavailableError: There isn't so much.
    """
    try:
        return _hasher.hash(password)
    except Argon2Error as error:
        raise _short(error) from error


def require_good(password: str) -> None:
    """Raise InvalidInputError where a password is too short, or longer than anybody types."""
    if not LEAST <= len(password) <= MOST:
        raise InvalidInputError(
            f"A password has {LEAST} to {MOST} characters.", field="new_password"
        )


def one_time_password(token_bytes: Callable[[int], bytes]) -> str:
    """A password to be typed once: four groups of four letters and digits, 80 bits."""
    word = base64.b32encode(token_bytes(10)).decode().lower()
    return "-".join(word[i : i + 4] for i in range(0, 16, 4))


def _verify(password: str, kept: str) -> bool:
    try:
        # By itself: pwdlib calls a password wrong that couldn't be checked for want of memory.
        return PasswordHasher().verify(kept or _NOBODY, password[:MOST]) and bool(kept)
    except (VerificationError, InvalidHashError) as error:
        if str(error) in _SHORT:
            raise _short(error) from error
        return False  # or a hash that nothing here made


def _short(error: Exception) -> UnavailableError:
    if str(error) == _NO_THREAD:
        return UnavailableError(
            "The system lets alertd start no more threads.",
            hint="Look at TasksMax, ulimit -u and what else runs here.",
        )
    return UnavailableError(
        "There isn't memory enough for alertd.", hint="Wait a minute, then try again."
    )
