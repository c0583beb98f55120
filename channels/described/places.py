"""Placeholders: `{name}` in a description's texts becomes a value. Pure.

A text that is one placeholder and nothing else becomes the value itself, so that a list stays a
list in JSON. `{name:json}` is the value written as JSON. `{name?}` leaves the whole field out where
the value is empty.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_PLACE: Final = re.compile(r"\{([a-z][a-z0-9_.-]*)(\?)?(:json)?\}")
ABSENT: Final = object()


def names_in(template: Any) -> Iterator[str]:
    """Every name that `template`, a text or a tree of texts, asks for."""
    if isinstance(template, str):
        yield from (match[1] for match in _PLACE.finditer(template))
    elif isinstance(template, Mapping):
        for value in template.values():
            yield from names_in(value)
    elif isinstance(template, list):
        for value in template:
            yield from names_in(value)


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """The tree with its values in; fields that are ABSENT are left out.

    Raises:
        KeyError: A name isn't among `values`.
    """
    if isinstance(template, str):
        return _text(template, values)
    if isinstance(template, Mapping):
        pairs = ((name, filled(value, values)) for name, value in template.items())
        return {name: value for name, value in pairs if value is not ABSENT}
    if isinstance(template, list):
        items = (filled(item, values) for item in template)
        return [item for item in items if item is not ABSENT]
    return template


def text_of(value: Any) -> str:
    """A value as it stands in a form, a header or amid other text."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(template: str, values: Mapping[str, Any]) -> Any:
    matches = list(_PLACE.finditer(template))
    if any(match[2] and values[match[1]] in ("", [], {}, None) for match in matches):
        return ABSENT
    if len(matches) == 1 and matches[0].span() == (0, len(template)):
        return _value(matches[0], values)
    return _PLACE.sub(lambda match: text_of(_value(match, values)), template)


def _value(match: re.Match[str], values: Mapping[str, Any]) -> Any:
    value = values[match[1]]
    return json.dumps(value, ensure_ascii=False) if match[3] else value
