"""Which of our languages a browser's `Accept-Language` asks for."""

import re

from alertd.i18n.catalogs import DEFAULT

_ITEM = re.compile(
    r"\s*([A-Za-z]{1,8}|\*)(?:[-_][A-Za-z0-9]+)*\s*(?:;\s*q\s*=\s*([01](?:\.\d*)?))?\s*"
)
_BY_PRIMARY = {"zh": "zh-CN", "en": "en", "*": DEFAULT}
_MAX_LENGTH = 500


def negotiate(accept: str | None, default: str = DEFAULT) -> str:
    """The best of LANGUAGES for an `Accept-Language` header, or `default`.

    Any Chinese gets zh-CN and any English gets en: a reader of zh-TW is better served by
    simplified Chinese than by nothing. What can't be read is passed over.
    """
    best, best_weight = default, 0.0
    for item in (accept or "")[:_MAX_LENGTH].split(","):
        match = _ITEM.fullmatch(item)
        language = _BY_PRIMARY.get(match[1].lower()) if match else None
        weight = float(match[2] or 1) if match else 0.0
        if language and weight > best_weight:
            best, best_weight = (default if item.strip().startswith("*") else language), weight
    return best
