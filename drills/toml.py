"""TOML as plans and scenarios use it: where each key stands, and written so that people like it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

_TABLE = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*")(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"))*)\s*="""
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def lines_of(text: str) -> dict[str, int]:
    """The line of each key and table, as `losses[0].kind`; the first line is 1.

    It reads what plans are written like; where a text is stranger than that, a key is missing
    here, and a mistake is told without its line.
    """
    found: dict[str, int] = {}
    table = ""
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if head := _TABLE.match(line):
            name = _plain(head[2])
            if head[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                name = f"{name}[{counts[name]}]"
            table = name
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            name = _plain(key[1])
            found.setdefault(f"{table}.{name}" if table else name, number)
    return found


def _plain(dotted: str) -> str:
    return ".".join(part.strip().strip('"') for part in dotted.split("."))


def written(content: Mapping[str, Any]) -> str:
    """A table as TOML: plain values first, then tables, then lists of tables, in their order."""
    return "\n".join(_table(content, "")).strip() + "\n"


def _table(content: Mapping[str, Any], at: str) -> Iterator[str]:
    inner = {name: each for name, each in content.items() if isinstance(each, Mapping)}
    lists = {name: each for name, each in content.items() if _is_tables(each)}
    for name, value in content.items():
        if name not in inner and name not in lists:
            yield f"{_key(name)} = {_value(value)}"
    for name, value in inner.items():
        path = f"{at}.{_key(name)}" if at else _key(name)
        yield ""
        yield f"[{path}]"
        yield from _table(value, path)
    for name, values in lists.items():
        path = f"{at}.{_key(name)}" if at else _key(name)
        for value in values:
            yield ""
            yield f"[[{path}]]"
            yield from _table(value, path)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], Mapping)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Sequence):
        return f"[{', '.join(_value(each) for each in value)}]"
    return str(value)
