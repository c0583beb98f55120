"""What a person wrote in a mail, without what their mail program quoted: pure."""

import re
from html.parser import HTMLParser

# Where the quoted mail begins: everything from there on is ours, not theirs.
_BEGINS = re.compile(
    r"-{2,}\s*(?:原始邮件|原邮件|转发邮件|Original Message|Forwarded message)\s*-{2,}"
    r"|_{10,}"
    r"|(?:发件人|寄件者|From)\s*[:：]\s*\S.*"
    r"|On\s.{4,200}\swrote\s*:"
    r"|(?:在|于).{4,200}(?:写道|寫道)\s*[:：]"
    r"|.{0,200}<[^<>\s@]+@[^<>\s@]+>\s*(?:于|在).{0,100}(?:写道|寫道)\s*[:：]"
    r"|.{0,60}\d{4}.{0,60}<[^<>\s@]+@[^<>\s@]+>\s*(?:写道|wrote)\s*[:：]?"
)
_SIGNATURE = re.compile(r"-- ?|(?:发自我的|Sent from my|从我的).{0,40}|发送自.{0,40}")
_BREAKS = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "hr"})
_HIDDEN = frozenset({"style", "script", "head", "title", "blockquote"})


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
    reader = _Text()
    reader.feed(html)
    reader.close()
    return "".join(reader.parts)


class _Text(HTMLParser):
    """Gathers text; what stands in a hidden element or in a quotation isn't any."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(
        self,
        tag: str,
        attrs: list[tuple[str, str | None]],  # noqa: ARG002 - the library's signature
    ) -> None:
        if tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag in _BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            while self._hidden.pop() != tag:
                continue
        elif tag in _BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)
