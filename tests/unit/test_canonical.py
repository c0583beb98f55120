"""The text that hashes are made of is that of the library, byte for byte."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.canonical import canonical, compact

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs", "Cc"]))
    | st.sampled_from(['"', "\\", "\u2028", "汛情", "🚨", "\ud800", "\x00", "\x7f", "/"])
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=8)
    ),
)


@given(_VALUES)
def test_a_text_is_the_librarys_own(value: object) -> None:
    kept = {"ensure_ascii": False, "separators": (",", ":")}
    assert canonical(value) == json.dumps(value, sort_keys=True, **kept)
    assert compact(value) == json.dumps(value, **kept)


def test_keys_are_in_order_and_text_stays_as_it_is() -> None:
    body = {"b": [1, None, True, 1e16], "a": {"d": "警报\n", "c": -0.0}}
    assert canonical(body) == '{"a":{"c":-0.0,"d":"警报\\n"},"b":[1,null,true,1e+16]}'


@pytest.mark.parametrize("value", [{"a": object()}, {1: "x", "y": 2}, {"a": {1, 2}}])
def test_what_json_has_not_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical(value)
