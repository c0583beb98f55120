"""From a reply's text to what it says."""

import re
from collections.abc import Sequence

from alertd.decide.grammar import distress, shape
from alertd.decide.grammar.distress import Distress
from alertd.decide.grammar.folding import fold, squeeze
from alertd.decide.grammar.lexicon import Part
from alertd.decide.grammar.quoting import Words, own_words
from alertd.decide.grammar.reply import Reply, ReplyKind
from alertd.decide.grammar.shape import Shape
from alertd.decide.grammar.tokens import Token, mark_names, tokens

MAX_CHARS = 4_000
"""What is read of one reply. An SMS of 10 parts has 670; beyond this nobody types."""
MAX_ANSWER_CHARS = 500
"""A reply with more of its own words than this is a letter: only a call for help is heard in it."""

_TELEPHONE = re.compile(r"(?:86)?1\d{10}|0\d{9,}")
_UNIT_DIGITS = range(3, 16)  # the end of a unit's code, or all of it with a grid's suffix


def parse(text: str, names: Sequence[str] = ()) -> Reply:
    """Read one reply. Never raises; its time is linear in the `MAX_CHARS` that it reads.

    Args:
        text: As it came, without the sender.
        names: Names that may stand in the reply without making it unclear: those whom our message
            named. They come back in `Reply.names`; a name that isn't among them is unknown words.
    """
    folded = fold(text[:MAX_CHARS])
    words = own_words(folded)
    known = [_spelt(name) for name in names]
    answer = squeeze(words.own)
    parts = list(tokens(mark_names(answer[:MAX_ANSWER_CHARS], known), known))
    hint, rest = _unit(parts)
    codes = sorted({re.sub(r"[^a-z0-9]", "", t.text) for t in rest if t.part is Part.CODE})
    mentioned = {token.text for token in rest if token.part is Part.NAME}
    if words.quoted and not mentioned:  # whom the message that was answered is for: 张三:红色台风A7
        mentioned = {
            name
            for name in known
            if len(name) > 1 and re.search(rf"(?<!\w){re.escape(name)}:", folded)
        }
    whole = len(text) <= MAX_CHARS and len(answer) <= MAX_ANSWER_CHARS
    found = _judge(words, rest, codes, whole=whole)
    named = codes[0] if len(codes) == 1 else None if codes else words.code
    return Reply(
        kind=found.kind,
        reason=found.reason,
        count=found.count,
        of=found.of,
        code=named.upper() if named else None,
        unit_hint=hint,
        drill_help=found.reason == "drill-help",
        drill=any(token.part is Part.DRILL for token in rest),
        names=tuple(name for name, said in zip(names, known, strict=True) if said in mentioned),
    )


def _spelt(name: str) -> str:
    """As people write it; 王 军 is how a spreadsheet lines it up with longer names."""
    folded = fold(name)
    return folded if folded.isascii() else folded.replace(" ", "")


def _judge(words: Words, parts: Sequence[Token], codes: Sequence[str], *, whole: bool) -> Shape:
    heard = distress.find(words.own)
    if heard is Distress.HELP:
        return Shape(ReplyKind.HELP, "help-word")
    if heard is Distress.DRILL:
        return Shape(ReplyKind.HELP, "drill-help")
    if heard is not Distress.DENIED and shape.calls_for_help(parts):
        return Shape(ReplyKind.HELP, "help-code")
    doubts = {
        "help-denied": heard is Distress.DENIED,
        "quoted": words.doubtful,
        "too-long": not whole,
        "several-codes": len(codes) > 1,
        "several-units": sum(token.part is Part.UNIT for token in parts) > 1,
        "several-answers": shape.contrast(parts),
        "part-of-a-message": words.lacking,
    }
    doubt = next((reason for reason, is_so in doubts.items() if is_so), None)
    if doubt:
        return Shape(ReplyKind.UNCLEAR, doubt)
    return shape.read(parts, quoted=words.quoted)


def _unit(parts: Sequence[Token]) -> tuple[str | None, Sequence[Token]]:
    """The unit that a reply names, and the parts that remain to be understood."""
    named = next((token.text for token in parts if token.part is Part.UNIT), None)
    if named is not None or len(parts) < 2:  # noqa: PLR2004 - a number alone names no unit
        return named, parts
    first, second = parts[0], parts[1]
    is_code = (
        first.part is Part.NUMBER
        and len(first.text) in _UNIT_DIGITS
        and first.text.isascii()
        and not _TELEPHONE.fullmatch(first.text)
    )
    return (first.text, parts[1:]) if is_code and second.gap else (None, parts)
