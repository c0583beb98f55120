"""What a person wrote, apart from what their telephone quoted.

Phones quote the message they answer, and ours lists every reply code (`回1收到 2+人数完成 3求助
0不在岗`). A word of our own must never count as somebody's answer, so that whatever looks like our
SMS is cut out: what stood before it is the answer; what follows on the same line is heard only
where it calls for help, because it may as well be the end of a quotation that was cut short.

Of a long reply, too, only a part may have come: what is missing may say the opposite.
"""

import re
from dataclasses import dataclass

from alertd.decide.grammar import distress

QUOTE_CHARS = 20
"""More than this after a signature 【…】 isn't an answer but a message: the longest usual answer,
`A7 2 35/40` with its unit, has fewer."""
MENU_ITEMS = 3
"""So many different reply codes, each with its meaning, are a list that nobody types."""

_SIGNATURE = re.compile(r"(?:【[^【】\n]{0,40}(?:】|$) ?)+")
_IN_BRACKETS = re.compile(r"【([^【】\n]{0,40})(?:】|$)")
_SAYS_SOMETHING = re.compile(
    r"[a-z]\d{1,3}|(?:演练)?求助|求救|救命|被困|sos|help|.*(?:自动|助[手理]|秘书|管家|机器人|信箱|留言|客服|转发|呼转|系统(?:提示|通知|消息)|代[收接复]).*"
)  # a short code, a cry for help, or whose answer it is if no person's, in brackets
_ITEM = re.compile(
    r"(?<!\d)([0-4]) ?[+:.、=\-]? ?(?:人数|n|count)?(?:人数)?(?:代表|为|表示|是)?"
    r"(?:已?收到|已?完成|已?转移|求助|不在岗|请假|已?到岗"
    r"|received|done|completed|help|unavailable|away|on post|o(?:n|ff) duty)"
)
# What our templates say around the codes, and nobody says to us.
_ADVICE = re.compile(
    r"2 ?\+ ?(?:总?人数(?![ :]?\d)|已转|n(?![a-z])|count|number|moved|total)"
    r"|请(?:立即)?(?:短信)?再?回 ?[0-4](?:\+总?人数)?|遇险请?(?:短信)?回 ?3?|危急拨(?:119)?"
    r"|请写代码再回.{0,12}|您还没有应答|已收到您的(?:应答|求助)|已登记您|不再催办"
    r"|3 ?求助[ ,]+0 ?不在岗|3 help, 0 |\breply (?:now |by sms: ?)?[0-4](?:\+\w+)?"
    r"|danger (?:reply |call )?(?:3|119)|reply with the code.{0,20}|your (?:answer|call for help)"
)
_CUT_ADVICE = re.compile(r"[,。; ]*(?:仍?遇险(?:请(?:短信)?)?|危急?)$")  # …遇险回3,危急拨119, cut
_LEAD = re.compile(r"(?:回复?|reply) ?1 ?(?:收到|received)")
_CITED_LINE = re.compile(r">")
_SEPARATOR = re.compile(
    r"[-_=*~ ]{2,}.{0,20}(?:original|forwarded|quoted|原始|原文|转发|引用|以下)"
    r"|on .{1,100} wrote:$|.{0,60}写道 ?:$|(?:原始|原)(?:短信|信息|消息|内容) ?:?"
)
_RULE = re.compile(r"(?:[-_=*~] ?){3,}$")
_SENT_FROM = re.compile(  # what a telephone puts under what its owner writes
    r"(?:^|(?<=[\s,。.!;~\-]))[\s\-~]{0,4}"
    r"(?:(?:发|来)自(?:我的?)?|从我的|sent from my ) ?"
    r"(?:[a-z][a-z0-9 +]{0,24}|华为|小米|荣耀|红米|三星|苹果|一加|魅族|中兴|努比亚|真我)?"
    r" ?(?:手机|发送|客户端){0,2}$"
)
_CODE = re.compile(r"(?<![a-z0-9])([a-z]\d{1,3}) ?:")
_ASKS_AT_END = re.compile(r"(?:\?|吗|嘛|么|呢|没有?|否)[\s\"」』)。.!]*$")
_PIECE = re.compile(
    r"\[\.{3}\]|\.{3}\(\d{1,3}/\d{1,3}\)$"  # as our modems and SMPP mark what lacks a part
    r"|^[(\[【][1-9]/[2-9][)\]】]|[(\[【][1-9]/[2-9][)\]】]$"  # as telephones number their parts
)
_NOTHING = re.compile(r"[\s,。.、;:!~\"'()\[\]<>「」『』*#_|\-]*$")
_HEAD = re.compile(r" ?(?:[0-4](?!\d)|[一二三四](?![一-鿿]))")


@dataclass(frozen=True, slots=True)
class Words:
    """A reply taken apart.

    Attributes:
        own: What the person wrote; lines are kept.
        quoted: Something was cut away.
        doubtful: What was cut away may have changed the meaning of what is left.
        code: The short code that the quotation names, lower case, or None.
        lacking: It is a part of a longer reply.
    """

    own: str = ""
    quoted: bool = False
    doubtful: bool = False
    code: str | None = None
    lacking: bool = False


def own_words(text: str) -> Words:
    """Take a folded text apart."""
    kept: list[Words] = []
    for line in map(str.strip, text.split("\n")):
        if _SEPARATOR.match(line):
            kept.append(Words(quoted=True, code=_code_in(text)))
            break
        kept.append(_line(line))
    return Words(
        own="\n".join(words.own for words in kept if words.own),
        quoted=any(words.quoted for words in kept),
        doubtful=any(words.doubtful for words in kept),
        code=next((words.code for words in kept if words.code), None),
        lacking=_PIECE.search(text) is not None,
    )


def _line(line: str) -> Words:
    if _CITED_LINE.match(line):
        return Words(quoted=True, code=_code_in(line))
    line = _without_phones_own(line)
    if _RULE.match(line):
        return Words()
    menu = _menu(line)
    signature = _SIGNATURE.search(line)
    if menu is not None:
        return _around_menu(line, menu, signature)
    if signature is not None:
        return _around_signature(line, signature)
    return Words(line)


def _without_phones_own(line: str) -> str:
    """The line without `发自我的iPhone`, unless that calls for help itself."""
    found = _SENT_FROM.search(line)
    if found is None or distress.find(found[0]) is distress.Distress.HELP:
        return line
    return line[: found.start()]


def _menu(line: str) -> tuple[int, int] | None:
    """Where our own advice stands: three different reply codes, or one in our own words."""
    items = list(_ITEM.finditer(line))
    advice = list(_ADVICE.finditer(line))
    led = len(items) > 1 and _LEAD.search(line)
    if not advice and not led and len({item[1] for item in items}) < MENU_ITEMS:
        return None
    found = items + advice
    return min(item.start() for item in found), max(item.end() for item in found)


def _around_menu(line: str, menu: tuple[int, int], signature: re.Match[str] | None) -> Words:
    if signature is not None and signature.start() < menu[0]:
        before = line[: signature.start()]
    else:
        before = distress.opening(line[: menu[0]])
    after = _CUT_ADVICE.sub("", line[menu[1] :])
    cries = distress.find(after) in {distress.Distress.HELP, distress.Distress.DRILL}
    return Words(
        own=f"{before}\n{after}" if cries else before,
        quoted=True,
        doubtful=not _NOTHING.match(after),
        code=_code_in(line),
    )


def _around_signature(line: str, signature: re.Match[str]) -> Words:
    before = line[: signature.start()]
    said = " ".join(
        found[1]
        for found in _IN_BRACKETS.finditer(line)
        if _SAYS_SOMETHING.fullmatch(found[1].strip())
    )
    after = _IN_BRACKETS.sub(" ", line[signature.end() :])
    if len(after) <= QUOTE_CHARS or distress.opening(after) or _HEAD.match(after):
        return Words(f"{before} {said} {after}".strip())
    return Words(
        own=f"{before} {said}".strip(),
        quoted=True,
        doubtful=bool(_ASKS_AT_END.search(after)),
        code=_code_in(line),
    )


def _code_in(text: str) -> str | None:
    found = _CODE.search(text)
    return found[1] if found else None
