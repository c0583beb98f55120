"""A message as a mail: pure."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime

from channels.base import Outgoing
from channels.mail.marks import Marks

_ADDRESS = re.compile(r"[!-?A-~]+@[A-Za-z0-9.-]+|[!-?A-~]+@\[[0-9A-Fa-f.:]+\]")
_LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3
_LONGEST_SUBJECT = 60  # characters; the rest stands in the body
_GRAVE = 2  # CAP severity Severe, and Extreme above it
_LEADING_DOT = re.compile(rb"(?m)^\.")


class _Policy(EmailPolicy):
    """Keeps a Message-ID on its line: some servers take a folded one for none."""

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() == "message-id":
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


_POLICY = _Policy(linesep="\r\n")


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as SMTP takes it: the envelope, and the content with its dots doubled."""

    sender: str
    recipient: str = field(repr=False)
    content: bytes = field(repr=False)


def is_address(text: str) -> bool:
    """Whether `text` is an address that plain SMTP can carry; nothing else gets into a command."""
    return len(text) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def write(message: Outgoing, sender: str, marks: Marks, now_ms: int) -> Letter:
    """The mail that carries `message`.

    A mail that may be a second copy says so in `X-Alertd-Possible-Duplicate`. Every copy has a
    Message-ID of its own, which names delivery and attempt.
    """
    mail = EmailMessage(policy=_POLICY)
    text = message.text.encode("utf-8", "replace").decode()
    mail["From"] = sender
    mail["To"] = message.address
    mail["Subject"] = " ".join(text.split())[:_LONGEST_SUBJECT]
    mail["Date"] = format_datetime(datetime.fromtimestamp(now_ms / 1000, UTC))
    mail["Message-ID"] = marks.make(message.delivery, message.attempt, message.address)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice answers it
    mail["X-Alertd-Alert"] = message.alert
    mail["X-Alertd-Status"] = message.status
    mail["X-Alertd-Attempt"] = str(message.attempt)
    if message.possible_duplicate:
        mail["X-Alertd-Possible-Duplicate"] = "yes"
    if message.severity <= _GRAVE:
        mail["Importance"] = "high"
        mail["X-Priority"] = "1"
    mail.set_content(text, charset="utf-8", cte="base64")
    mail["Content-Language"] = message.language  # after the content, which takes it away
    if message.attachment is not None:
        name, content = message.attachment
        mail.add_attachment(content, "application", "cap+xml", filename=name)
    return Letter(sender, message.address, _LEADING_DOT.sub(b"..", mail.as_bytes()))
