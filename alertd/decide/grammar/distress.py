"""Calls for help, found anywhere in a reply.

Every other answer must be understood to the last character. A call for help is the exception: a
false one costs somebody a telephone call, a missed one a life. So a clear word is enough, unless
it is itself denied (没有被困), asked (需要支援吗), settled (被困人员已救出) or conditional
(如需支援).
Each place where a word stands is judged by itself: `2人没有被困,1人被困` calls for help.
"""

import re
from enum import Enum, auto

_NEED = (
    r"(?:急需|急要|需要|需|请求|请|速来|快来|求|等待|等|盼|申请|要(?=支 ?援|增援|救援))"
    r"(?:紧急|立即|马上|尽快|上级|派人|有人|来人){0,2}来?"
)
_AID = r"(?:支 ?援|增援|救援|援助|帮助|帮忙|救助|协助|人手)"
_CRY = (  # can't be denied by a "nobody" before it: 没人来救 is a call
    r"救 ?命|救救|救我|快救|来救|快来人|🆘|(?<![a-z])(?:sos|mayday)(?![a-z])"
    rf"|(?:能否|能不能|可否|可不可以|能来|可以来?)(?:派人)?来?{_AID}"
)
_STATE = (
    r"求 ?助|求 ?救|被 ?困|受 ?困|困 ?住|呼救|求援|告急|遇险|被埋|溺水|落水|有人(?:受伤|触电)"
    rf"|{_NEED}{_AID}|(?<![a-z])(?:help(?: ?me)?|trapped)(?![a-z])"
)
_WORD = re.compile(rf"(?P<cry>{_CRY})|(?P<state>{_STATE})")
_DRILL = r"(?:演练|drill|exercise)[ :\-]*"
_HELP_WORD = re.compile(r"求 ?助|help")
_OPENING = re.compile(
    rf"\W{{0,4}}(?:(?:{_DRILL})?(?:{_CRY}|{_STATE})|[3三](?=[\s,。!、;]|$))[\s,。!]*"
)

_PEOPLE = r"(?:一个|1个)?(?:人员?|群众|村民|居民|老人|住户|游客|户|people|one|body)?"
_SEEN = r"(?:再|用|必|曾|要|有|需要?|任何|其他|发现|见|看到|接到|收到|出现|发生){0,3}"
_NOT = (  # 淹没 is no denial, nor is 不得不
    r"(?:(?<!不得)(?<!要)不|(?<![淹沉浸埋吞])没有?|无|未|非|勿|(?<![0-9])0 ?[人名户]|零(?=人))"
)
_WITHDRAWN = r"解除|取消|撤销|误发|误按|误报|误"
_IF = r"是否|有没有|有无|是不是|要不要|需不需要|如果|如有?|若有?|假如|万一|一旦|凡"
_ENGLISH_NOT = (
    r"(?<![a-z])(?:no|not|never|cannot|without|dont|nobody|no one|no-one|none|[a-z]{2,5}n't)"
    r"(?: (?:need|needing|any|is|are|been|require|longer|more|being)){0,3} $"
)
_DENIES_STATE = re.compile(rf"(?:(?:{_NOT}|{_WITHDRAWN}|{_IF}){_SEEN}{_PEOPLE}在?$|{_ENGLISH_NOT})")
_DENIES_CRY = re.compile(rf"(?:不用|不必|不需要?|无需|{_WITHDRAWN})(?:再|人)?$")
_CAN_I = re.compile(r"(?<![a-z])(?:can|may|could|how can|shall) (?:i|we) $")
_ASKED = re.compile(r"(?:的?人员?|了)?(?:吗|嘛|么|没有?|否)(?=[\s,。!?]|$)")
_INSTRUCTED = re.compile(r",?请?(?:短信)?回复? ?3|,? ?reply 3")  # 遇险回3 is our own advice
_SETTLED = re.compile(
    r"的?(?:人员?|群众|村民|居民|老人|者|情况|电话)?"
    r"(?:(?:都|已经|已|均|全部|安全|现已){0,3}(?:解除|救出|获救|脱困|脱险|撤销|取消)"
    r"|(?:都|均|全部|现)?已(?:经|都|全部|安全){0,2}(?:解决|处理|转移|撤离|送医|处置|完毕)"
    r"|(?:是|系)?(?:误|发错|按错|打错))(?!的)"
)
_REMAIN = re.compile(r"还有|还剩|仍|尚有|另有")
_NOT_A_DRILL = re.compile(r"(?:不是|并非|非|不属于?|not an? )$")
_IN_DRILL = re.compile(rf"{_DRILL}$")

_LOOK_BACK = 24  # characters; the longest denial that is looked for has fewer


class Distress(Enum):
    """What a reply says about help."""

    NONE = auto()
    DENIED = auto()  # the words are there, and none of them calls
    DRILL = auto()  # 演练求助, and nothing else calls
    HELP = auto()


def find(text: str) -> Distress:
    """The gravest reading of a folded text, in which spaces still part clauses."""
    remain = _REMAIN.search(text) is not None
    found = (_read(text, word, remain=remain) for word in _WORD.finditer(text))
    return max([Distress.NONE, *found], key=lambda reading: reading.value)


def opening(text: str) -> str:
    """The cry that the text opens with, or an empty string."""
    found = _OPENING.match(text)
    return found[0] if found else ""


def _read(text: str, word: re.Match[str], *, remain: bool) -> Distress:
    before = text[max(0, word.start() - _LOOK_BACK) : word.start()]
    after = text[word.end() : word.end() + _LOOK_BACK]
    if word["cry"]:
        return Distress.DENIED if _DENIES_CRY.search(before) else Distress.HELP
    if _DENIES_STATE.search(before) or _CAN_I.search(before) or _ASKED.match(after):
        return Distress.DENIED
    if _INSTRUCTED.match(after) or (_SETTLED.match(after) and not remain):
        return Distress.DENIED
    if _is_drill(before) and _HELP_WORD.fullmatch(word[0]):
        return Distress.DRILL
    return Distress.HELP


def _is_drill(before: str) -> bool:
    drill = _IN_DRILL.search(before)
    return drill is not None and not _NOT_A_DRILL.search(before[: drill.start()])
