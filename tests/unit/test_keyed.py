"""The keyed hash is HMAC-SHA-256 itself: what was sealed before is found and opened."""

import hmac

from hypothesis import example, given
from hypothesis import strategies as st

from alertd.keyed import Keyed


@given(st.binary(max_size=130), st.lists(st.binary(max_size=300), max_size=3))
@example(bytes(64), [b"the whole block"])
@example(bytes(65), [b"hashed first"])
def test_it_is_the_librarys_own(key: bytes, pieces: list[bytes]) -> None:
    keyed = Keyed(key)
    for data in pieces:
        assert keyed.digest(data) == hmac.digest(key, data, "sha256")
