"""What a person wrote in a mail, without what their mail program quoted: pure."""

import re
from html import unescape

# Where the quoted mail begins: everything from there on is ours, not theirs.
_BEGINS = re.compile(
    # QQ's plain text has HTML's spaces in it.
    r"-{2,}(?:\s|&nbsp;)*(?:(?:回复的)?原(?:始)?邮件|转发邮件"
    r"|(?:Original|Replied|Forwarded)(?:\s+message)?)(?:\s|&nbsp;)*-{2,}"
    r"|_{10,}"
    r"|(?:发件人|寄件者|From)\s*[:：]\s*\S.*"
    r"|On\s.{4,200}\swrote\s*:"
    r"|(?:在|于).{4,200}(?:写道|寫道)\s*[:：]"
    r"|.{0,200}<[^<>\s@]+@[^<>\s@]+>\s*(?:于|在).{0,100}(?:写道|寫道)\s*[:：]"
    r"|.{0,60}\d{4}.{0,60}<[^<>\s@]+@[^<>\s@]+>\s*(?:写道|wrote)\s*[:：]?",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(
    r"-- ?|(?:发自我的|Sent from my|从我的).{0,40}|发送自.{0,40}"
    r"|(?:获取|Get)\s?Outlook for .{0,60}"
    r"|\|[\s|]*|签名由\s?网易邮箱大师\s?定制"  # NetEase's visiting card is a table
)
# What isn't closed takes all to the end, so that nothing is looked at twice, however crooked. The
# library's parser raises at some declarations, and takes hours for a mail of "<a <a <a".
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)|<[!?].*?(?:>|\Z)"
    r"|<(?P<raw>style|script|title)\b.*?(?:</(?P=raw)\s*>|\Z)"
    r"|<(?P<closes>/?)(?P<tag>[a-z][^\s/>]*)"
    r"""(?:[^>=]|=\s*(?:"[^"]*(?:"|\Z)|'[^']*(?:'|\Z))?)*+(?:>|\Z)""",
    re.DOTALL | re.IGNORECASE,
)
_NO_CHARACTER = re.compile(r"&#(?:[0-9]{8,}|x[0-9a-f]{8,});?", re.IGNORECASE)
_BREAKS = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "hr"})
_HIDDEN = frozenset({"head", "blockquote"})


def own_words(text: str) -> str:
    """The lines that stand before the quoted mail and the signature, quoted lines left out."""
    kept = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        bare = line.strip()
        if _BEGINS.fullmatch(bare) or _SIGNATURE.fullmatch(bare):
            break
        if not bare.startswith(">"):
            kept.append(bare)
    return "\n".join(kept).strip()


def text_of_html(html: str) -> str:
    """HTML's text, for mails that have no plain one; quotations are left out."""
    parts: list[str] = []
    hidden: list[str] = []
    at = 0
    for found in _MARKUP.finditer(html):
        if not hidden:
            parts.append(html[at : found.start()])
        at = found.end()
        tag = (found["tag"] or "").lower()
        if tag in _BREAKS:
            parts.append("\n")
        elif found["closes"] and tag in hidden:
            while hidden.pop() != tag:
                continue
        elif tag in _HIDDEN and not found["closes"]:
            hidden.append(tag)
    if not hidden:
        parts.append(html[at:])
    return unescape(_NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", "".join(parts)))
