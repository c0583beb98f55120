"""Catalogs read from `.po` files when first asked for; no compiled file to forget."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

from babel.messages.pofile import read_po

DEFAULT: Final = "zh-CN"
LANGUAGES: Final = ("zh-CN", "en")  # the first is what a reader gets who asks for nothing

_MAX_SENTENCE: Final = 2_000  # matching is quick on sentences, and needn't be on more

_CLAUSES: Final = frozenset({"problem", "reason", "strerror"})
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[A-Za-z]{2}")
_PATHED = re.compile(r"(?P<path>[A-Za-z_][\w.\[\]-]*) (?P<reason>.+)")


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    """Mark `text` for the catalogs without translating it here."""
    return text


def translator(language: str) -> Callable[[str], str]:
    """A function from an English source text to its translation, or to itself without one."""
    texts = catalog(language)
    return lambda text: texts.get(text, text)


def sentence(language: str, text: str) -> str:
    """Translate a sentence whose values are already filled in, such as an error's message.

    Errors carry finished English sentences. The catalog's texts with `{name}` placeholders are
    matched against the sentence, and what stood in the places is put into the translation.
    A place called `reason`, `problem` or `strerror` is translated too, and each clause of
    `reasons`. A problem `field.path reason` keeps its path.
    Unknown sentences come back as they are: a reader then sees English, never nothing.
    """
    found = _filled_in(language, text)
    if found is not None:
        return found
    pathed = _PATHED.fullmatch(text.removesuffix("."))
    reason = _filled_in(language, pathed["reason"]) if pathed else None
    if pathed is None or reason is None:
        return text
    return f"{pathed['path']} {reason}" + ("。" if text.endswith(".") else "")


@cache
def catalog(language: str) -> Mapping[str, str]:
    """Source text to translation; empty for English, the source itself, and unknown languages."""
    file = resources.files("config") / "translations" / f"{language.replace('-', '_')}.po"
    if language not in LANGUAGES or not file.is_file():
        return MappingProxyType({})
    with file.open("rb") as stream:
        messages = read_po(stream, abort_invalid=True)
    return MappingProxyType(
        {
            message.id: message.string
            for message in messages
            if isinstance(message.id, str)
            and isinstance(message.string, str)
            and message.id
            and message.string
            and not message.fuzzy
        }
    )


def _filled_in(language: str, text: str) -> str | None:
    exact = catalog(language).get(text)
    if exact is not None or len(text) > _MAX_SENTENCE:
        return exact
    for pattern, translation in _patterns(language):
        match = pattern.fullmatch(text)
        if match:
            return translation.format_map(_with_reason(language, match.groupdict()))
    return None


def _with_reason(language: str, values: dict[str, str]) -> dict[str, str]:
    """A place called `reason` holds a clause that has a translation of its own; `reasons`: some.

    What the system says of a file, in a place called `strerror`, is such a clause.
    """
    said = dict(values)
    for place in _CLAUSES & said.keys():
        said[place] = sentence(language, said[place])
    if "reasons" in said:
        clauses = (_clause(language, clause) for clause in said["reasons"].split("; "))
        said["reasons"] = ("; " if language == "en" else ";").join(clauses)
    return said


def _clause(language: str, clause: str) -> str:
    """One of several; what is said of a thing by its name comes after it: `m1: not registered`."""
    whole = sentence(language, clause)
    name, colon, said = clause.partition(": ")
    if whole != clause or not colon or language == "en":
        return whole
    return f"{name}:{sentence(language, said)}"


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Texts with placeholders as patterns, the one with most words of its own first.

    One without a word of its own, such as `{what}, {level}`, would fit almost any sentence.
    """
    with_places = [
        (source, target)
        for source, target in catalog(language).items()
        if "{" in source and _WORD.search(_PLACEHOLDER.sub("", source))
    ]
    with_places.sort(key=_plainness)
    return tuple((_pattern(source), target) for source, target in with_places)


def _plainness(pair: tuple[str, str]) -> tuple[int, int]:
    """Of two that fit, the one with more words of its own is meant, and with fewer places."""
    return -len(_PLACEHOLDER.sub("", pair[0])), len(_PLACEHOLDER.findall(pair[0]))


def _pattern(source: str) -> re.Pattern[str]:
    pieces, seen = [], set[str]()
    for number, piece in enumerate(_PLACEHOLDER.split(source)):
        if number % 2 == 0:
            pieces.append(re.escape(piece))
        else:
            pieces.append(f"(?P={piece})" if piece in seen else f"(?P<{piece}>.+?)")
            seen.add(piece)
    return re.compile("".join(pieces), re.DOTALL)
