"""Two plain values, place by place."""

from collections.abc import Iterator
from typing import Any

_NOTHING = "nothing"


def differences(expected: Any, found: Any, where: str = "") -> Iterator[tuple[str, str, str]]:
    """(path, expected, found) wherever JSON values differ; 1 and 1.0 are the same, 1 and true not.

    Lists are compared by place, objects by key. A value is shown as JSON would write it, bounded.
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted({*expected, *found}, key=str):
            path = f"{where}.{key}" if where else str(key)
            if key not in found or key not in expected:
                yield path, _shown(expected, key), _shown(found, key)
            else:
                yield from differences(expected[key], found[key], path)
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{where}.length", str(len(expected)), str(len(found))
        for place, (ours, theirs) in enumerate(zip(expected, found, strict=False)):
            yield from differences(ours, theirs, f"{where}[{place}]")
    elif expected != found or isinstance(expected, bool) != isinstance(found, bool):
        yield where, _text(expected), _text(found)


def _shown(holder: dict[str, Any], key: str) -> str:
    return _text(holder[key]) if key in holder else _NOTHING


def _text(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"  # noqa: PLR2004 - a line
