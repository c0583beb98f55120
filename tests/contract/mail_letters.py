"""Mails that come back: answers as people's programs write them, and bounces (RFC 3464)."""

from email.message import EmailMessage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP


def answer(text: str, *, sender: str, to: str | None = None, **headers: str) -> bytes:
    """A person's answer; `to` is the Message-ID of what it answers."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"张三 <{sender}>"
    mail["To"] = "alertd@city.example"
    mail["Date"] = "Thu, 26 Nov 2026 18:00:00 +0800"
    given = {"Subject": "回复: 红色台风A7", "Message-ID": "<answer-1@phone.example>"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    if to is not None:
        given |= {"In-Reply-To": to, "References": to}
    for name, value in given.items():
        if value:
            mail[name] = value
    mail.set_content(text)
    return mail.as_bytes()


def bounce(
    original_id: str, action: str, status: str, *, recipient: str = "v1@village.example"
) -> bytes:
    """A delivery status notification for the mail whose Message-ID was `original_id`."""
    report = MIMEMultipart("report", report_type="delivery-status", policy=SMTP)
    report["From"] = "Mail Delivery System <MAILER-DAEMON@relay.example>"
    report["To"] = "alertd@city.example"
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Auto-Submitted"] = "auto-replied"
    report["Message-ID"] = "<bounce-1@relay.example>"
    report.attach(MIMEText("I'm sorry to have to inform you…", "plain", "utf-8"))
    per_mail = EmailMessage(policy=SMTP)
    per_mail["Reporting-MTA"] = "dns; relay.example"
    per_recipient = EmailMessage(policy=SMTP)
    per_recipient["Final-Recipient"] = f"rfc822; {recipient}"
    per_recipient["Action"] = action
    per_recipient["Status"] = status
    fields = EmailMessage(policy=SMTP)
    fields["Content-Type"] = "message/delivery-status"
    fields.set_payload([per_mail, per_recipient])
    report.attach(fields)
    original = EmailMessage(policy=SMTP)
    original["Message-ID"] = original_id
    original["To"] = recipient
    original.set_content("…")
    report.attach(MIMEMessage(original))
    return report.as_bytes()
