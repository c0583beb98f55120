"""A password that can't be checked isn't called wrong."""

import pytest

from alertd.errors import UnavailableError
from alertd.web.passwords import Passwords, hash_password


async def test_a_password_is_right_wrong_or_can_t_be_checked() -> None:
    passwords, kept = Passwords(), hash_password("correct horse")
    assert await passwords.matches("correct horse", kept)
    assert not await passwords.matches("correct house", kept)
    assert not await passwords.matches("correct horse", "")
    assert not await passwords.matches("correct horse", "no hash")
    more = kept.replace("m=65536", "m=4294967295")  # four TB: what no machine has
    with pytest.raises(UnavailableError):
        await passwords.matches("correct horse", more)
