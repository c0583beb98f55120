"""The templates in `config/templates`, and a city's own laid over them.

A file holds one template, or several as `[variants.NAME]` (called `FILE-NAME`): what stands above
the variants holds for all of them. `<<name>>` in a text stands for a phrase of the variant, of the
file, or of `phrases.toml`; it is put in when the file is read, so that a frozen template is whole.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from alertd.cap import Colour
from alertd.errors import AlertdError, InvalidInputError, NotFoundError
from alertd.messages.template import Template

# What an alert may need after it was issued; frozen with it. The correction is prepared from the
# start: in Hawaii, 2018, there was none, and correcting took 38 minutes.
FOLLOWING: Final = (
    "reminder",
    "takeover",
    "voice_call",
    "group_reminder",
    "digest",
    "help",
    "paused",
    "expired",
    "confirmation-received",
    "confirmation-on_post",
    "confirmation-done",
    "confirmation-help",
    "unheard",
    "confirmation-unavailable",
    "confirmation-ambiguous",
    "confirmation-opt_out",
    "correction",
    "cancel",
    "all-clear",
)
_PHRASES: Final = "phrases"
_PHRASE = re.compile(r"<<(\w+)>>")
_MAX_NESTING = 5


class Library:
    """All templates by name."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = dict(sorted(templates.items()))

    def __iter__(self) -> Iterator[Template]:
        return iter(self._templates.values())

    def get(self, name: str) -> Template:
        """The template called `name`.

        Raises:
            NotFoundError: There is none.
        """
        if name not in self._templates:
            names = {t.name.removesuffix(f"-{t.colour}") for t in self.for_operators()}
            known = ", ".join(sorted(names))
            raise NotFoundError(
                f"There is no message template {name}.",
                field="template",
                hint=f"There are: {known}.",
            )
        return self._templates[name]

    def select(self, name: str, colour: Colour | str) -> Template:
        """The template `name` in its variant for `colour`, or `name` itself where it has none.

        Raises:
            NotFoundError: There is neither.
        """
        coloured = self._templates.get(f"{name}-{colour}")
        return coloured or self.get(name)

    def frozen(self, name: str) -> dict[str, dict[str, Any]]:
        """The template `name` and all that may follow it, as JSON, by name: an alert keeps this."""
        return {each: self.get(each).to_dict() for each in (name, *FOLLOWING)}

    def for_operators(self) -> tuple[Template, ...]:
        """The templates that an operator issues alerts with."""
        return tuple(each for each in self if each.kind == "alert")


def load_library(own: Path | None = None, lacks: list[AlertdError] | None = None) -> Library:
    """Read the shipped templates, and those in `own`, which win where they have the same name.

    Args:
        own: The city's.
        lacks: Where it is a list, a file that is wrong is told there, and what is shipped by its
            name stands instead.

    Raises:
        InvalidInputError: A file is wrong; the message names it and says why.
    """
    shipped = _tables(resources.files("config") / "templates", None)
    mine = _tables(own, lacks) if own is not None and own.is_dir() else {}
    usual = shipped.pop(_PHRASES, {})
    phrases = mine.pop(_PHRASES, usual)
    found: dict[str, Template] = {}
    for name in [*shipped, *(name for name in mine if name not in shipped)]:
        try:
            made = list(_templates(name, mine.get(name, shipped.get(name, {})), phrases))
        except InvalidInputError as error:
            if lacks is None:
                raise
            lacks.append(error)
            made = list(_templates(name, shipped[name], usual)) if name in shipped else []
        found |= {template.name: template for template in made}
    return Library(found)


def _tables(folder: Traversable, lacks: list[AlertdError] | None) -> dict[str, dict[str, Any]]:
    """What the files of a folder say, by their names."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            try:
                found[file.name.removesuffix(".toml")] = _read(file)
            except InvalidInputError as error:
                if lacks is None:
                    raise
                lacks.append(error)
    return found


def _read(file: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(
            f"The template file {file.name} can't be read: {error.strerror}.", field="template"
        ) from None
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
        raise InvalidInputError(
            f"The template file {file.name} isn't TOML: {reason}.", field="template"
        ) from None
    except UnicodeDecodeError:
        raise InvalidInputError(
            f"The template file {file.name} isn't UTF-8 text.", field="template"
        ) from None


def _templates(
    file: str, table: Mapping[str, Any], shared: Mapping[str, Any]
) -> Iterator[Template]:
    base = {key: value for key, value in table.items() if key not in {"variants", "phrases"}}
    variants = table.get("variants", {"": {}})
    for variant, changes in variants.items():
        name = f"{file}-{variant}" if variant else file
        layers = (shared, table.get("phrases", {}), changes.get("phrases", {}))
        own = {key: value for key, value in changes.items() if key != "phrases"}
        data = {**base, **own, "name": name}
        data["text"] = {
            language: _with_phrases(name, texts, [layer.get(language, {}) for layer in layers])
            for language, texts in _merged(base.get("text", {}), own.get("text", {})).items()
        }
        if variant in set(Colour):
            data["colour"] = variant
        yield Template.from_dict(data)


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return {key: {**base.get(key, {}), **own.get(key, {})} for key in {**base, **own}}


def _with_phrases(
    name: str, texts: Mapping[str, str], layers: list[Mapping[str, str]]
) -> dict[str, str]:
    phrases = {key: text for layer in layers for key, text in layer.items()}
    filled = dict(texts)
    for _ in range(_MAX_NESTING):
        try:
            filled = {
                channel: _PHRASE.sub(lambda place: phrases[place[1]], text)
                for channel, text in filled.items()
            }
        except KeyError as error:
            phrase = error.args[0]
            raise InvalidInputError(
                f"The message template {name} names an unknown phrase: {phrase}.",
                field="template",
            ) from None
    return filled
