"""Which sequences of parts are answers.

A reply's shape is one letter a part (`lexicon.Part`), reply codes standing for themselves:
`收到,2 35人` is `R2m`. What isn't listed here is no answer, however well each of its words is
known.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest

from alertd.decide.grammar import numbers
from alertd.decide.grammar.lexicon import AWAY_FOR_SURE, Part
from alertd.decide.grammar.reply import ReplyKind
from alertd.decide.grammar.tokens import Token

_BESIDE = frozenset(
    {Part.FILLER, Part.CALM, Part.REPLYING, Part.CODE, Part.UNIT, Part.NAME, Part.DRILL}
)
_ANSWERS = frozenset("RDPU0124mnfX")

_WORDED = {"0": "U", "1": "R", "2": "D", "4": "P"}

_RECEIVED = re.compile(r"R*1?R*")
_ON_POST = re.compile(r"[R1]*P+4?m?R*|[R1]*mP+R*|4P+m?R*|4")
_DONE = re.compile(
    r"R*2\+?[nmf]L?D*[RP]*"  # 2 35, 2+35/40
    r"|R*2\+[0-4]L?[RP]*"  # 2+3: as our SMS asks for it
    r"|2[124]"  # 2 4; not `2 3`, which may be two codes, and one of them help
    r"|2D*"
    r"|[R1P2]*XD*[RP]*"  # 应转40 已转35
    r"|2?[R1P]*D+(?:[nmf]D*L?)?[RP]*"  # 已转移35人
    r"|2?[R1P]*[mf]D+[RP]*"  # 35人已转移
)
_AWAY = re.compile(r"[RDP012nmf]*U[UR0DPnmf]*|R*0R*")
_AWAY_WITH_A_REMARK = re.compile(r"[U0](?=.*_)[_U0nm]+")
_SLIP = re.compile(
    r"(?:我|是){0,2}[发打按回点]?[错误]|(?:我|是|刚才){0,2}[发打按回点]?[错误]了?没事"
)
_THREES = re.compile(r"[3三]{2,}")  # a key that was hammered; as a count it would answer nothing
_JOINS = frozenset("-./")  # between a code and what it is answered with
_COUNT = re.compile(r"[nmf]|(?<=2\+)[0-4]|(?<=^2)[124]$")
_ONLY_NUMBERS = re.compile(r"[0-9nf+m]+")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a sequence of parts says."""

    kind: ReplyKind
    reason: str
    count: int | None = None
    of: int | None = None


def calls_for_help(tokens: Sequence[Token]) -> bool:
    """Code 3 at the head of a reply, behind nothing but courtesies, names and weaker answers."""
    for at, token in enumerate(tokens):
        if token.letter == "3":
            return not _taken_back(tokens[at + 1 :])
        if len(tokens) == 1 and _THREES.fullmatch(token.text):
            return True
        if token.text in _JOINS and tokens[at - 1].part is Part.CODE:  # A7-3
            continue
        if token.part not in _BESIDE | {Part.RECEIVED, Part.AWAY} and token.letter not in "014":
            return False
    return False


def contrast(tokens: Sequence[Token]) -> bool:
    """Whether those who are named answer differently: 张三完成,李小四到岗.

    收到 in front is everybody's: 收到,张三已到岗.
    """
    said, name = [""], ""
    for token in tokens:
        if token.part is Part.NAME and token.text != name:
            said, name = [*said, ""], token.text
        elif token.letter in _ANSWERS:
            said[-1] += _WORDED.get(token.letter, token.letter)
    if not said[0].strip("R"):
        said = said[1:]
    return len({each for each in said if each}) > 1


def _taken_back(rest: Sequence[Token]) -> bool:
    """Whether the 3 itself was a slip. 刚才 speaks of a message before this one: then it isn't."""
    said = "".join(token.text for token in rest)
    return _SLIP.match(said) is not None


def read(tokens: Sequence[Token], *, quoted: bool) -> Shape:
    """The answer that the parts make, or `unclear` and why."""
    core = [token for token in _without_courtesy(tokens) if token.part not in _BESIDE]
    letters = "".join(token.letter for token in core)
    if not core:
        return _unclear(_nothing(tokens, quoted=quoted))
    if "?" in letters or "!" in letters:
        return _unclear("question" if "?" in letters else "negation")
    if _away(core, letters):
        return Shape(ReplyKind.UNAVAILABLE, _by(letters))
    if "_" in letters:
        return _unclear("unknown-words")
    return _promised(core) if "W" in letters else _answer(core, letters)


def _without_courtesy(tokens: Sequence[Token]) -> list[Token]:
    """放心 and 书记 belong to an answer before them; glued to one behind, they change that.

    The plus of `A7+1` is no part of an answer either.
    """
    kept: list[Token] = []
    for token, following in zip_longest(tokens, tokens[1:]):
        if token.part is Part.PLUS and kept and kept[-1].part is Part.CODE:
            continue
        if token.part is not Part.AFTER:
            kept.append(token)
        elif not _closes(kept, following):
            kept.append(replace(token, part=Part.UNKNOWN))
    return kept


def _closes(before: Sequence[Token], following: Token | None) -> bool:
    """Whether a courtesy stands behind an answer, and doesn't lead into a weightier one."""
    leads = following is not None and not following.gap and following.letter in _ANSWERS - {"R"}
    return not leads and any(token.letter in _ANSWERS for token in before)


def _away(core: Sequence[Token], letters: str) -> bool:
    if _AWAY.fullmatch(letters):
        return True
    if not _AWAY_WITH_A_REMARK.fullmatch(letters):
        return False
    # 请假到周五; `0 去外地了`. But `0伤亡` is a figure, and 外出巡查 is work.
    if letters[0] == "0":
        return core[1].gap != ""
    return AWAY_FOR_SURE.search(core[0].text) is not None


def _promised(core: Sequence[Token]) -> Shape:
    """收到,马上去 is read; 马上到岗 alone is no answer, and 已转移,正在继续 isn't finished."""
    kept = [token for token in core if token.part is not Part.PROMISE]
    if not kept:
        return _unclear("promise")
    shape = _answer(kept, "".join(token.letter for token in kept))
    apart = all(
        token.gap for before, token in pairwise(core) if Part.PROMISE in {before.part, token.part}
    )
    if shape.kind is ReplyKind.RECEIVED or (shape.kind is ReplyKind.ON_POST and apart):
        return shape
    return _unclear("promise")


def _answer(core: Sequence[Token], letters: str) -> Shape:
    if _RECEIVED.fullmatch(letters):
        return Shape(ReplyKind.RECEIVED, _by(letters))
    if _ON_POST.fullmatch(letters):
        return _counted(core, letters, ReplyKind.ON_POST)
    if _DONE.fullmatch(letters) and not _listed(core, letters):
        return _counted(core, letters, ReplyKind.DONE)
    if set(letters) == {"O"}:
        return Shape(ReplyKind.OPT_OUT, "word")
    if "3" in letters:
        return _unclear("three-or-help")
    return _unclear("number-is-no-code" if _ONLY_NUMBERS.fullmatch(letters) else "mixed")


def _listed(core: Sequence[Token], letters: str) -> bool:
    """`2,4` names two codes, or one and a count; nobody can tell."""
    return (
        len(letters) > 1
        and letters[-2] == "2"
        and core[-1].digit != ""
        and bool(core[-1].gap.strip())
    )


def _counted(core: Sequence[Token], letters: str, kind: ReplyKind) -> Shape:
    found = _COUNT.search(letters)
    count: int | None = None
    of: int | None = None
    once = {token.part: token for token in core}  # neither a tally nor a rest stands there twice
    if Part.TALLY in once:
        tally = numbers.tally(once[Part.TALLY].text)
        if tally is None:
            return _unclear("figures-disagree")
        count, of = tally
    elif found:
        count, *rest = core[found.start()].figures
        of = rest[0] if rest else None
    if Part.REST in once:
        total = (count or 0) + once[Part.REST].figures[0]
        if of not in {None, total}:
            return _unclear("figures-disagree")
        of = total
    wrong = _wrong(count, of)
    return _unclear(wrong) if wrong else Shape(kind, _by(letters), count, of)


def _wrong(count: int | None, of: int | None) -> str | None:
    if count is None:
        return None
    if count == numbers.NO_COUNT:
        return "number-is-no-code"
    if of is not None and count > of:
        return "count-over-total"
    # Done with nobody moved may mean that nobody had to, or that nothing was done.
    return None if count else "none-moved"


def _by(letters: str) -> str:
    return "code" if letters[0] in "0124" and not set(letters) & set("RDPU") else "word"


def _nothing(tokens: Sequence[Token], *, quoted: bool) -> str:
    if any(token.part is Part.CODE for token in tokens):
        return "code-only"
    if tokens:
        return "no-answer"
    return "quoted-only" if quoted else "empty"


def _unclear(reason: str) -> Shape:
    return Shape(ReplyKind.UNCLEAR, reason)
