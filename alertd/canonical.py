"""The one JSON text that hashes are made of, quickly.

Text is never escaped to ASCII, keys are in order, nothing stands between: what `json.dumps` gives
with `ensure_ascii=False, sort_keys=True, separators=(",", ":")`, byte for byte. A journal's hashes
hang on that, so it may never change (`tests/unit/test_canonical.py`).
"""

import json
from collections.abc import Callable, Sequence
from json import encoder
from typing import Any

_Encode = Callable[[Any], str]


def _encoding(*, sort_keys: bool) -> _Encode:
    """An encoder that is made once; the library makes its inner part anew for every text.

    What is encoded is built anew for its fact and holds no circle; looking for one is a quarter of
    the work.
    """
    plain = json.JSONEncoder(
        ensure_ascii=False, sort_keys=sort_keys, separators=(",", ":"), check_circular=False
    )
    make: Any = getattr(encoder, "c_make_encoder", None)
    if make is None:  # an interpreter without the part in C
        return plain.encode
    # As `JSONEncoder.iterencode` makes it, for one text.
    each: Callable[[Any, int], Sequence[str]] = make(
        *(None, plain.default, encoder.encode_basestring, None),
        *(plain.key_separator, plain.item_separator, plain.sort_keys, plain.skipkeys),
        plain.allow_nan,
    )
    join = "".join
    return lambda value: join(each(value, 0))


canonical = _encoding(sort_keys=True)
"""Of a fact's body, or a part of one; raises TypeError of what JSON hasn't."""

compact = _encoding(sort_keys=False)
"""The same with keys as they come: of lists."""
