"""What a mail that came in means: an answer, a bounce, a holiday notice, or nothing. Pure."""

import hashlib
import re
from collections.abc import Sequence
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.policy import Compat32
from email.utils import parseaddr, parsedate_to_datetime

from channels.base import Event, Fault, Receipt, ReceiptStatus, Reply
from channels.hook_reading import message_text, moment, word
from channels.mail.marks import Marks
from channels.mail.quoting import own_words, text_of_html
from channels.mail.smtp_codes import enhanced, is_dead

MAX_BYTES = 256 * 1024  # of one mail; the beginning of a longer one is read
_MOST_PARTS = 50
_LONGEST_HEADER = 8 * 1024  # the library takes minutes over one of a whole mail's length
_ANSWER = re.compile(r"(?i)\s*(?:re|aw|fw|fwd|回复|答复|转发)\s*[:：]")
_CHINESE = frozenset({"gb2312", "gbk", "gb18030", "x-gbk", "cp936"})
_MAIL_SYSTEMS = re.compile(r"(?i)(?:mailer-daemon|postmaster)@.*")
_MACHINES = re.compile(r"(?i)no-?reply@.*")
# What holiday notices put before our subject; many have no header that says what they are.
_NOTICE = re.compile(
    r"(?i)\s*(?:自动(?:回复|答复)|自動(?:回覆|回復|答覆)"
    r"|auto(?:matic)?[- ]?reply|out of (?:the )?office)\s*[:：]"
)


class _Bounded(Compat32):
    """Reads the beginning of each header."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_LONGEST_HEADER]


_POLICY = _Bounded()


def read_mail(raw: bytes, fallback_id: str, marks: Marks) -> Sequence[Event]:
    """The events of one mail, none where it says nothing to us.

    A mail by a machine (RFC 3834) is never an answer; where it quotes one of ours, and comes from
    the address that ours went to, it proves that ours arrived. Any other by a machine that isn't
    RFC 3464's report proves neither: it may be a bounce of another form.

    Args:
        raw: The mail, or its beginning.
        fallback_id: Its id where it has none of its own.
        marks: Ours.
    """
    try:
        return _events(raw, fallback_id, marks)
    except RecursionError:
        return ()  # nested as no mail program nests anything


def _events(raw: bytes, fallback_id: str, marks: Marks) -> Sequence[Event]:
    mail = message_from_bytes(raw, policy=_POLICY)
    if mail.get_content_type() == "multipart/report":
        return _report(mail, raw, marks)
    sender = parseaddr(_header(mail, "From"))[1].lower()
    if _MAIL_SYSTEMS.fullmatch(sender) or _header(mail, "X-Failed-Recipients"):
        return ()
    quoted = f"{_header(mail, 'In-Reply-To')} {_header(mail, 'References')}"
    ours = marks.find(quoted)
    there = () if ours is None else (_receipt(ours, ReceiptStatus.DELIVERED),)
    if _by_machine(mail, sender):
        return there if marks.went_to(quoted, sender) else ()
    text = message_text(_answer(mail, quotes_us=ours is not None))
    name = word(sender, longest=254)
    if not text or name is None:
        return there
    reply = Reply(
        gateway_id=_id(mail, fallback_id),
        sender=name,
        text=text,
        answers=0 if ours is None else ours[0],
        occurred_at=_date(mail),
    )
    return (*there, reply)


def _report(mail: Message, raw: bytes, marks: Marks) -> Sequence[Event]:
    """A delivery status notification (RFC 3464); it returns ours, or its headers at least."""
    ours = marks.find(raw.decode("ascii", "replace"))
    if ours is None:
        return ()
    for fields in _status_fields(mail):
        status = enhanced(_header(fields, "Status"))
        word_ = "-".join(["dsn", *([".".join(map(str, status))] if status else [])])
        match _header(fields, "Action").strip().lower():
            case "failed":
                fault = Fault.DEAD if status and is_dead(status) else Fault.REFUSED
                return (_receipt(ours, ReceiptStatus.FAILED, fault, word_),)
            case "delivered":
                return (_receipt(ours, ReceiptStatus.DELIVERED),)
            case "relayed" | "expanded" | "delayed":
                return (_receipt(ours, ReceiptStatus.ACCEPTED, code=word_),)
    return ()


def _status_fields(mail: Message) -> list[Message]:
    """The groups of fields of `message/delivery-status`: of the mail, then of each recipient."""
    found: list[Message] = []
    for part in _parts(mail):
        if part.get_content_type() == "message/delivery-status":
            inside = part.get_payload()
            if isinstance(inside, list):
                found += [one for one in inside if isinstance(one, Message)]
    return found


def _by_machine(mail: Message, sender: str) -> bool:
    automatic = _header(mail, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        automatic not in {"", "no"}
        or _header(mail, "Return-Path").strip() == "<>"
        or _header(mail, "Precedence").strip().lower() in {"bulk", "junk", "list", "auto_reply"}
        or bool(_header(mail, "X-Autoreply") or _header(mail, "X-Autorespond"))
        or _NOTICE.match(_header(mail, "Subject")) is not None
        or _MACHINES.fullmatch(sender) is not None
    )


def _answer(mail: Message, *, quotes_us: bool) -> str:
    """What the sender wrote; the subject where the rest is empty and it isn't our own."""
    plain, html = "", ""
    for part in _parts(mail):
        if part.get_content_disposition() == "attachment":
            continue
        if part.get_content_type() == "text/plain" and not plain:
            plain = _text(part)
        elif part.get_content_type() == "text/html" and not html:
            html = text_of_html(_text(part))
    words = own_words(plain) or own_words(html)
    subject = _header(mail, "Subject")
    if words or quotes_us or _ANSWER.match(subject):
        return words
    return subject.strip()


def _parts(mail: Message) -> list[Message]:
    found = []
    for part in mail.walk():
        found.append(part)
        if len(found) >= _MOST_PARTS:
            break
    return found


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    charset = (part.get_content_charset() or "utf-8").lower()
    try:
        return content.decode("gb18030" if charset in _CHINESE else charset, "replace")
    except (LookupError, ValueError):  # a charset that nobody knows, or none at all
        return content.decode("utf-8", "replace")


def _header(mail: Message, name: str) -> str:
    value = mail.get(name)
    if value is None:
        return ""
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError, HeaderParseError):
        return str(value)


def _id(mail: Message, fallback: str) -> str:
    """The mail's own id, in a form that can be a key."""
    given = _header(mail, "Message-ID").strip()
    if not given:
        return fallback
    return word(given) or "sha256-" + hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()


def _date(mail: Message) -> int | None:
    try:
        return moment(round(parsedate_to_datetime(_header(mail, "Date")).timestamp() * 1000))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _receipt(
    ours: tuple[int, int], status: ReceiptStatus, fault: Fault | None = None, code: str = ""
) -> Receipt:
    return Receipt(delivery=ours[0], attempt=ours[1], status=status, fault=fault, code=code)
