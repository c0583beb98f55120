"""The keyed hash is HMAC-SHA-256 itself: what was sealed before is found and opened."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.store.vault import Keyed


@given(st.binary(max_size=64), st.lists(st.binary(max_size=300), max_size=3))
def test_it_is_the_librarys_own(key: bytes, pieces: list[bytes]) -> None:
    keyed = Keyed(key)
    for data in pieces:
        assert keyed.digest(data) == hmac.digest(key, data, "sha256")


def test_a_key_over_the_block_is_refused() -> None:
    with pytest.raises(ValueError, match="longer key"):
        Keyed(bytes(65))
