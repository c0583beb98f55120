"""The language of the command line: fixed when the process starts."""

import os
from collections.abc import Mapping
from typing import Final

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
