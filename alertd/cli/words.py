"""The language of the command line, fixed when the process starts, and codes as words in it."""

import os
from collections.abc import Iterable, Mapping
from typing import Final

from alertd import words
from alertd.i18n import LANGUAGES, translator


def language_of(environ: Mapping[str, str]) -> str:
    """zh-CN or en: as ALERTD_LANGUAGE says, else as the terminal's locale does."""
    own = environ.get("ALERTD_LANGUAGE", "")
    if own in LANGUAGES:
        return own
    locale = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    return "zh-CN" if locale.startswith("zh") else "en"


LANGUAGE: Final = language_of(os.environ)
_ = translator(LANGUAGE)


def word(table: str, key: str) -> str:
    """A code as a reader's word; `table` is one of `alertd.words.TABLES`."""
    return words.word(_, table, key)


def told(name: str, text: str) -> str:
    """A name, a colon, and what there is to say of it."""
    return f"{name}{':' if LANGUAGE == 'zh-CN' else ': '}{text}"


def listed(parts: Iterable[str]) -> str:
    """Several words in a row."""
    return ("、" if LANGUAGE == "zh-CN" else ", ").join(parts)
