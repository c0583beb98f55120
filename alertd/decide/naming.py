"""Which unit a person means by a name or by the end of a code.

People write 梨洲3网格 for 梨洲街道苏家园社区第三网格, and 003 for a code of fifteen digits.
"""

import re
from collections.abc import Mapping

from alertd.decide.grammar.folding import fold
from alertd.decide.grammar.numbers import figures

MIN_CODE_DIGITS = 3  # the shortest part of an area code (2-2-2-3-3); fewer may be a number
MIN_NAME_CHARS = 2

_CHINESE_NUMBER = re.compile(r"[零〇一二两三四五六七八九十百]+")
_ORDINAL = re.compile(r"第(?=\d)|(?<=\d)号(?!楼)")
_LEVEL = re.compile(r"街道|社区|片区|镇|乡|村")
_PIECES = re.compile(r"\d+|\D+")


def named_units(hint: str, units: Mapping[str, str]) -> frozenset[str]:
    """The codes of those units that `hint` may mean; the closest kind of match wins.

    Args:
        hint: What a reply said: a name, part of one, or the last digits of a code.
        units: Name by code.
    """
    said = _plain(hint)
    if len(said) < (MIN_CODE_DIGITS if said.isdecimal() else MIN_NAME_CHARS):
        return frozenset()
    if said.isdecimal():
        return frozenset(code for code in units if code.endswith(said))
    names = {code: _plain(name) for code, name in units.items()}
    for pattern in (re.escape(said), _ending(said), _loose(said)):
        found = frozenset(code for code, name in names.items() if re.fullmatch(pattern, name))
        if found:
            return found
    return frozenset()


def _plain(name: str) -> str:
    folded = "".join(fold(name).split())
    digits = _CHINESE_NUMBER.sub(lambda found: str(figures(found[0])[0]), folded)
    return _ORDINAL.sub("", digits)


def _ending(said: str) -> str:
    """The name ends so, and 3网格 isn't the end of 13网格."""
    return rf".*(?<!\d){re.escape(said)}" if said[0].isdecimal() else f".*{re.escape(said)}"


def _loose(said: str) -> str:
    """Without the names of levels, its pieces stand in this order, the last one at the end.

    Levels may stand in the name wherever the hint leaves them out.
    """
    level = rf"(?:{_LEVEL.pattern})?"
    pieces = _PIECES.findall(_LEVEL.sub("", said))
    if not pieces:
        return r"(?!)"
    guarded = [
        rf"(?<!\d){piece}(?!\d)" if piece.isdecimal() else re.escape(piece) for piece in pieces
    ]
    return ".*" + ".*?".join(guarded) + level
