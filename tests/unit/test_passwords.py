"""A password that can't be checked isn't called wrong."""

import pytest
from argon2.exceptions import VerificationError
from argon2.low_level import error_to_str

from alertd.errors import UnavailableError
from alertd.web.passwords import Passwords, _short, hash_password


async def test_a_password_is_right_wrong_or_can_t_be_checked() -> None:
    passwords, kept = Passwords(), hash_password("correct horse")
    assert await passwords.matches("correct horse", kept)
    assert not await passwords.matches("correct house", kept)
    assert not await passwords.matches("correct horse", "")
    assert not await passwords.matches("correct horse", "no hash")
    more = kept.replace("m=65536", "m=4294967295")  # four TB: what no machine has
    with pytest.raises(UnavailableError):
        await passwords.matches("correct horse", more)


def test_what_is_short_is_named() -> None:
    """Each with what to do about it; argon2 has but words for which it was."""
    memory = _short(VerificationError(error_to_str(-22)))
    assert str(memory) == "There isn't memory enough for alertd."
    assert memory.hint == "Wait a minute, then try again."
    threads = _short(VerificationError(error_to_str(-33)))
    assert str(threads) == "The system lets alertd start no more threads."
    assert threads.hint == "Look at TasksMax, ulimit -u and what else runs here."
