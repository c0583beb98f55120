"""Clauses that aren't ours and that our sentences quote: the system's and Python's own.

An error such as `x can't be read: No such file or directory.` holds one in its place `strerror` or
`reason`, by which `alertd.i18n.sentence` finds it again.
"""

import re
from typing import Final

from alertd.i18n.catalogs import N_

_QUOTED: Final = re.compile(r"'([^']*)'")

SYSTEM: Final = (
    N_("No such file or directory"),
    N_("Permission denied"),
    N_("Operation not permitted"),
    N_("Is a directory"),
    N_("Not a directory"),
    N_("File exists"),
    N_("No space left on device"),
    N_("Disk quota exceeded"),
    N_("Read-only file system"),
    N_("File name too long"),
    N_("File too large"),
    N_("Too many levels of symbolic links"),
    N_("Invalid argument"),
    N_("Invalid cross-device link"),
    N_("Input/output error"),
    N_("Too many open files"),
    N_("Cannot allocate memory"),
    N_("Device or resource busy"),
    N_("Directory not empty"),
    N_("No such device"),
    N_("No such device or address"),
    N_("Stale file handle"),
    N_("Operation not supported"),
    N_("Address already in use"),
    N_("Cannot assign requested address"),
    N_("Connection refused"),
    N_("Connection reset by peer"),
    N_("Connection timed out"),
    N_("Network is unreachable"),
    N_("No route to host"),
    N_("Name or service not known"),
    N_("No address associated with hostname"),
    N_("Temporary failure in name resolution"),
)

TOML: Final = (
    N_("{reason} (at line {line}, column {column})"),
    N_("{reason} (at end of document)"),
    N_("Cannot declare {key} twice"),
    N_("Cannot mutate immutable namespace {key}"),
    N_("Cannot overwrite a value"),
    N_("Cannot redefine namespace {key}"),
    N_("Duplicate inline table key {key}"),
    N_("Escaped character is not a Unicode scalar value"),
    N_("Expected '=' after a key in a key/value pair"),
    N_("Expected ']' at the end of a table declaration"),
    N_("Expected ']]' at the end of an array declaration"),
    N_("Expected newline or end of document after a statement"),
    N_("Expected {what}"),
    N_("Found invalid character {what}"),
    N_("Illegal character {what}"),
    N_("Invalid date or datetime"),
    N_("Invalid hex value"),
    N_("Invalid initial character for a key part"),
    N_("Invalid statement"),
    N_("Invalid value"),
    N_("Unclosed array"),
    N_("Unclosed inline table"),
    N_("Unescaped '\\' in a string"),
    N_("Unterminated string"),
)


def words_of(expected: str) -> str:
    """The words that pydantic expected, `'a', 'b' or 'c'`, without its English between them."""
    found = _QUOTED.findall(expected)
    return ", ".join(found) if found else expected
