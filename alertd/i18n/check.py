"""Find every text meant for users, and name those that the catalogs don't know."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2.ext import babel_extract

from alertd import errors
from alertd.i18n.catalogs import LANGUAGES, catalog

PACKAGES: Final = ("alertd", "channels", "rosters", "drills")
_MARKS: Final = frozenset({"_", "N_"})
_OPTION: Final = "wrong"  # channels.options.wrong, whose last argument stands in an error
_PLACEHOLDER: Final = re.compile(r"\{\w*\}|%\(\w+\)s")
_ERRORS: Final = frozenset(
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.AlertdError)
)


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A text for users, and where it stands."""

    file: str
    line: int
    text: str
    raised: bool = False  # an error's sentence, not marked by `_` or `N_`


def root() -> Path:
    """The folder that holds our packages."""
    return Path(__file__).resolve().parents[2]


def scan(folder: Path, *, raised: bool = False) -> list[Found]:
    """All marked texts under `folder`, and with `raised` the sentences of our errors too."""
    found: set[Found] = set()
    for package in PACKAGES:
        for path in sorted((folder / package).rglob("*.py")):
            found.update(_in_python(path, path.relative_to(folder).as_posix()))
        for path in sorted((folder / package).rglob("*.html")):
            found.update(_in_template(path, path.relative_to(folder).as_posix()))
    return sorted(text for text in found if raised or not text.raised)


def missing(found: list[Found], known: Mapping[str, str]) -> list[Found]:
    """The texts without a translation."""
    return [text for text in found if text.text not in known]


def misplaced(known: Mapping[str, str]) -> list[str]:
    """Source texts whose translation has other placeholders, and so would lose a value."""
    return [
        source
        for source, target in known.items()
        if set(_PLACEHOLDER.findall(source)) != set(_PLACEHOLDER.findall(target))
    ]


def problems(folder: Path, *, raised: bool = False) -> list[str]:
    """One line for everything that is wrong with the catalogs of the code under `folder`."""
    found = scan(folder, raised=raised)
    lines = []
    for language in LANGUAGES:
        if language == "en":
            continue  # the source texts are English
        known = catalog(language)
        lines += [
            f"{text.file}:{text.line}: no {language} translation: {text.text!r}"
            for text in missing(found, known)
        ]
        lines += [f"{language}: other placeholders than {source!r}" for source in misplaced(known)]
    return lines


def _in_python(path: Path, name: str) -> Iterator[Found]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func
        word = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
        text = _text_of(node.args[0])
        if text and word in _MARKS and isinstance(node.args[0], ast.Constant):
            yield Found(name, node.lineno, text)
        elif word == _OPTION and len(node.args) > 2:  # noqa: PLR2004 - route, option, reason
            if reason := _text_of(node.args[2]):
                yield Found(name, node.lineno, reason, raised=True)
        elif word in _ERRORS:
            hints = [_text_of(given.value) for given in node.keywords if given.arg == "hint"]
            for sentence in (text, *hints):
                if _PLACEHOLDER.sub("", sentence).strip(" .:"):
                    yield Found(name, node.lineno, sentence, raised=True)


def _text_of(node: ast.expr) -> str:
    """A literal's text; in an f-string each value becomes a `{name}` after its expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    return "".join(
        f"{{{_name_of(part.value)}}}" if isinstance(part, ast.FormattedValue) else _text_of(part)
        for part in node.values
    )


def _name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id.lower()
    return node.attr.lower() if isinstance(node, ast.Attribute) else "value"


def _in_template(path: Path, name: str) -> Iterator[Found]:
    options: dict[str, Any] = {"encoding": "utf-8", "silent": "false"}
    with path.open("rb") as stream:
        for line, _function, texts, _comments in babel_extract(stream, ["_"], [], options):
            text = texts if isinstance(texts, str) else next(filter(None, texts or ()), None)
            if text:
                yield Found(name, line, text)
