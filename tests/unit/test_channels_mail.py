"""What is particular to mail: how ours look, what a server's codes and a mail that came in mean."""

from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.base import Fault, Outgoing, Receipt, ReceiptStatus, Reply
from channels.mail.inbox import read_mail
from channels.mail.letter import is_address, write
from channels.mail.marks import Marks
from channels.mail.quoting import own_words
from channels.mail.smtp_codes import fault_of_reply
from tests.contract.mail_letters import answer, bounce
from tests.contract.messages import outgoing

NOW = 1_790_000_000_000
MARKS = Marks("secret", "city.example")
SENDER = "village@county.example"
OURS = MARKS.make(7, 2, SENDER)


def letter(**changes: Any) -> EmailMessage:
    message: Outgoing = outgoing(7, "v1@village.example", attempt=2, text="【演练】收到请回1")
    written = write(replace(message, **changes), "alertd@city.example", MARKS, NOW)
    mail = message_from_bytes(written.content, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


@pytest.mark.parametrize("domain", ["x.cn", "yuyao.gov.example", f"{'office.' * 9}example"])
def test_a_message_id_stands_on_one_line_whatever_the_domain(domain: str) -> None:
    message: Outgoing = outgoing(2**53 + 1, "v1@village.example", attempt=2, text="收到请回1")
    marks = Marks("secret", domain)
    lines = write(message, f"alertd@{domain}", marks, NOW).content.split(b"\r\n")
    (whole,) = [line.decode() for line in lines if line.startswith(b"Message-ID:")]
    assert marks.find(whole) == (2**53 + 1, 2)


# What goes out.


def test_a_letter_says_what_it_is() -> None:
    mail = letter()
    assert (mail["From"], mail["To"]) == ("alertd@city.example", "v1@village.example")
    assert mail["Subject"] == "【演练】收到请回1"
    assert mail["Message-ID"] == MARKS.make(7, 2, "v1@village.example") != OURS
    assert mail["Auto-Submitted"] == "auto-generated"
    assert (mail["X-Alertd-Status"], mail["X-Alertd-Attempt"]) == ("Exercise", "2")
    assert mail["X-Alertd-Possible-Duplicate"] == "yes"
    assert mail["Content-Language"] == "zh-CN"
    assert mail["Date"].datetime.timestamp() * 1000 == NOW
    assert mail.get_content().strip() == "【演练】收到请回1"


def test_a_first_copy_and_a_small_matter_say_nothing_of_it() -> None:
    mail = letter(possible_duplicate=False, severity=3)
    assert mail["X-Alertd-Possible-Duplicate"] is None
    assert mail["Importance"] is None
    assert letter(severity=2)["Importance"] == "high"


def test_the_alert_goes_along_as_a_cap_document() -> None:
    document = '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">红色</alert>'.encode()
    mail = letter(attachment=("A7.xml", document))
    (attached,) = mail.iter_attachments()
    assert attached.get_content_type() == "application/cap+xml"
    assert attached.get_filename() == "A7.xml"
    assert attached.get_payload(decode=True) == document
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "【演练】收到请回1"


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("one\r\nBcc: everybody@example.org", "one Bcc: everybody@example.org"),
        ("x" * 100, "x" * 60),
        ("lone \ud800", "lone ?"),
    ],
)
def test_a_text_cannot_make_a_header(text: str, subject: str) -> None:
    mail = letter(text=text)
    assert mail["Subject"] == subject
    assert mail["Bcc"] is None


def test_a_line_that_is_a_dot_does_not_end_the_mail() -> None:
    message = outgoing(7, "v1@village.example", text=".\r\n..\r\n")
    document = b".\r\n.x\r\n"
    written = write(replace(message, attachment=("a", document)), "a@b.example", MARKS, NOW)
    for line in written.content.split(b"\r\n"):
        assert not line.startswith(b".") or line.startswith(b"..")
    assert written.content.endswith(b"\r\n")


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("v1@village.example", True),
        ("first.last+tag@sub.village.example", True),
        ("root@[127.0.0.1]", True),
        ("", False),
        ("village.example", False),
        ("a@b@c", False),
        ("a b@c", False),
        ("a@c\r\nRCPT TO:<x@y>", False),
        ("村@village.example", False),
        ("a@村.example", False),
        ("<a@b>", False),
        ("a" * 250 + "@b.cc", False),
    ],
)
def test_what_can_be_written_to(text: str, *, sound: bool) -> None:
    assert is_address(text) is sound


@pytest.mark.parametrize(
    ("code", "words", "of_recipient", "fault", "told"),
    [
        (421, "4.7.0 busy", False, Fault.THROTTLED, "smtp-421-4.7.0"),
        (451, "4.4.5 congested", False, Fault.THROTTLED, "smtp-451-4.4.5"),
        (450, "4.7.1 greylisted", True, Fault.RETRY, "smtp-450-4.7.1"),
        (452, "full", True, Fault.RETRY, "smtp-452"),
        (550, "5.1.1 <v1@village.example> unknown", True, Fault.DEAD, "smtp-550-5.1.1"),
        (550, "no such user", True, Fault.DEAD, "smtp-550"),
        (553, "no", True, Fault.DEAD, "smtp-553"),
        (550, "no such user", False, Fault.REFUSED, "smtp-550"),
        (550, "5.7.1 policy", True, Fault.REFUSED, "smtp-550-5.7.1"),
        (550, "5.1.8 <alertd@city.example> domain", True, Fault.REFUSED, "smtp-550-5.1.8"),
        (553, "5.1.7 sender", False, Fault.REFUSED, "smtp-553-5.1.7"),
        (552, "5.2.2 full", True, Fault.REFUSED, "smtp-552-5.2.2"),
        (554, "5.2.1 closed", False, Fault.DEAD, "smtp-554-5.2.1"),
        (535, "5.7.8 bad login", False, Fault.REFUSED, "smtp-535-5.7.8"),
        (400, "", False, Fault.RETRY, "smtp-400"),
        (499, "", False, Fault.RETRY, "smtp-499"),
        (500, "", False, Fault.REFUSED, "smtp-500"),
        (599, "", False, Fault.REFUSED, "smtp-599"),
        (399, "", False, Fault.UNKNOWN, "malformed-answer"),
        (600, "", False, Fault.UNKNOWN, "malformed-answer"),
        (550, "5.4.5 too many a day", False, Fault.REFUSED, "smtp-550-5.4.5"),
        (354, "go on", False, Fault.UNKNOWN, "malformed-answer"),
        (-1, "", False, Fault.UNKNOWN, "malformed-answer"),
        (999, "", False, Fault.UNKNOWN, "malformed-answer"),
    ],
)
def test_codes(code: int, words: str, of_recipient: bool, fault: Fault, told: str) -> None:
    error = fault_of_reply(code, words, of_recipient=of_recipient)
    assert (error.fault, error.code) == (fault, told)


# Our numbers.


def test_only_our_own_signature_names_a_try() -> None:
    assert MARKS.find(f"<other@x> {OURS}") == (7, 2)
    assert MARKS.find(OURS.replace("alertd.7.", "alertd.8.")) is None
    assert MARKS.find(OURS.replace(".2.", ".3.")) is None
    assert MARKS.find(Marks("other", "city.example").make(7, 2, SENDER)) is None
    assert MARKS.find("<alertd.0.1." + "0" * 20 + "@x>") is None
    assert MARKS.find("") is None
    assert OURS.endswith("@city.example>")
    for numbers in ((0, 1), (2**63, 1), (1, 0), (1, 2**31)):
        assert MARKS.find(MARKS.make(*numbers, SENDER)) is None, "signed, and yet of no try"
        assert MARKS.find(MARKS.make(*numbers, SENDER) + OURS) == (7, 2)
    assert MARKS.went_to(OURS, SENDER)
    # As the library reads bytes that are no text.
    assert not MARKS.went_to(OURS, "\udcff" + SENDER)
    for numbers in ((1, 1), (2**63 - 1, 2**31 - 1)):
        assert MARKS.find(MARKS.make(*numbers, SENDER)) == numbers
    forged_first = OURS.replace("alertd.7.", "alertd.9.") + OURS
    assert MARKS.find(forged_first) == (7, 2)


# What comes in.


def receipt(status: ReceiptStatus, fault: Fault | None = None, code: str = "") -> Receipt:
    return Receipt(delivery=7, attempt=2, status=status, fault=fault, code=code)


def reply(text: str, **changes: Any) -> Reply:
    values: dict[str, Any] = {
        "gateway_id": "<answer-1@phone.example>",
        "sender": SENDER,
        "text": text,
        "answers": 7,
        "occurred_at": 1_795_687_200_000,
    }
    return Reply(**(values | changes))


ARRIVED = receipt(ReceiptStatus.DELIVERED)


def test_an_answer_names_what_it_answers_and_proves_that_it_arrived() -> None:
    raw = answer("收到\n", sender="Village@County.example", to=OURS)
    assert list(read_mail(raw, "uid-1-1", MARKS)) == [ARRIVED, reply("收到")]


def test_a_new_mail_is_an_answer_too_but_names_nothing() -> None:
    raw = answer("收到\n", sender=SENDER, Subject="台风")
    assert list(read_mail(raw, "uid-1-1", MARKS)) == [reply("收到", answers=0)]


def test_a_mail_without_an_id_is_known_by_its_place() -> None:
    raw = answer("1", sender=SENDER, Message_ID="")
    (found,) = read_mail(raw, "uid-77-3", MARKS)
    assert isinstance(found, Reply)
    assert found.gateway_id == "uid-77-3"


def test_an_endless_id_is_a_key_all_the_same() -> None:
    raws = [answer("1", sender=SENDER, Message_ID=f"<{'x' * 500}{n}@y>") for n in range(2)]
    ids = set()
    for raw in raws:
        (found,) = read_mail(raw, "uid", MARKS)
        assert isinstance(found, Reply)
        assert len(found.gateway_id) < 100
        ids.add(found.gateway_id)
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("subject", "body", "text"),
    [
        ("收到", "", "收到"),  # only a subject, which is theirs
        ("回复: 红色台风A7:立即转移 回1收到", "", None),  # only our own subject
        ("Re: A7", "\n> 回1收到\n", None),
        ("Re: A7", "2 35/40\n\n-----原始邮件-----\n发件人: alertd\n回1收到", "2 35/40"),
    ],
)
def test_our_own_words_are_no_answer(subject: str, body: str, text: str | None) -> None:
    events = read_mail(answer(body, sender=SENDER, Subject=subject), "uid", MARKS)
    assert [e.text for e in events if isinstance(e, Reply)] == ([] if text is None else [text])


@pytest.mark.parametrize(
    "quoted",
    [
        "> 【余姚市防指】…回1收到",
        "-----原始邮件-----\n回1收到",
        "------------------ 原始邮件 ------------------\n发件人: x\n回1收到",
        "----- Original Message -----\nFrom: x\n1",
        "------------------&nbsp;原始邮件&nbsp;------------------\n发件人:&nbsp;x\n1",
        "------------------&nbsp;Original&nbsp;------------------\nFrom:&nbsp;x\n1",
        "---- 回复的原邮件 ----\n| 发件人 | x |\n| 主题 | 红色台风 |\n收到请回1,求助回3",
        "---- Replied Message ----\n| From | x |\n1",
        "| |\n张三\n|\n|\nz@163.com\n|\n签名由 网易邮箱大师 定制\n1",
        "获取Outlook for iOS",
        "Get Outlook for Android<https://aka.example/x>",
        "On Thu, 26 Nov 2026 at 18:00, alertd <alertd@city.example> wrote:\n1",
        "在 2026-11-26 18:00:00,alertd@city.example 写道:\n1",
        "在 2026年11月26日，18:00，alertd <alertd@city.example> 写道：\n1",
        "alertd <alertd@city.example> 于2026年11月26日周四 18:00写道：\n1",
        "发件人:alertd@city.example\n发送时间:2026\n1",
        "From: alertd <alertd@city.example>\nSent: Thursday\n1",
        "________________________________\nFrom: x\n1",
        "-- \n张三 电话 1",
        "发自我的iPhone",
        "Sent from my HUAWEI phone",
        "发送自 Windows 10 版邮件应用",
    ],
)
def test_what_a_mail_program_adds_is_cut(quoted: str) -> None:
    assert own_words(f"\n收到 \n\n{quoted}\n") == "收到"
    assert own_words(quoted) == ""


def test_what_only_looks_like_a_quotation_stays() -> None:
    for text in ("2 35/40", "0 不在岗", "3 求助,村口在写道路", "From now on: 1", "---"):
        assert own_words(text) == text


def test_html_alone_is_read_without_what_it_quotes() -> None:
    mail = message_from_bytes(answer("x", sender=SENDER, to=OURS), policy=default)
    assert isinstance(mail, EmailMessage)
    html = "<style>p{}</style><p>收到&nbsp;</p><blockquote>回1<p>3 求助</p></blockquote>"
    mail.set_content(f"<html><body>{html}</body></html>", subtype="html")
    (_, found) = read_mail(mail.as_bytes(), "uid", MARKS)
    assert isinstance(found, Reply)
    assert found.text == "收到"


HEAD = f"From: {SENDER}\r\nMessage-ID: <1@phone>\r\n".encode()


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>收到</p><![foo bar]]>", "收到"),
        ("收到<![", "收到"),
        ("<!--[if mso]>3<![endif]-->收到<![if !mso]>!<![endif]>", "收到!"),
        ("<script>if(a<b){'</p>'}</script>收到<style>p{content:'<'}", "收到"),
        ("<p title='a > b' class=x>收到 &amp; 2&nbsp;</p>", "收到 & 2"),
        ("收到&#" + "9" * 5_000 + ";", "收到\ufffd"),
        ("1 < 2<br>收到", "1 < 2\n收到"),
        *(("收到" + start * 20_000, "收到") for start in ("<a ", "<!--", "<a b='", '<a ="" ')),
    ],
)
def test_crooked_html_is_read_and_takes_no_time(html: str, text: str) -> None:
    raw = HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + html.encode()
    (found,) = read_mail(raw, "uid", MARKS)
    assert isinstance(found, Reply)
    assert found.text.replace("\xa0", "") == text


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: message/rfc822\r\n\r\n" * 3_000,
        b"From: " + b"(" * 20_000,
        b'Content-Type: text/plain; x="' + b";" * 200_000,
    ],
)
def test_what_no_mail_program_nests_says_nothing_and_takes_no_time(head: bytes) -> None:
    assert not read_mail(head + b"\r\n\r\n", "uid", MARKS)


@pytest.mark.parametrize("charset", ["gb2312", "GBK", "gb18030", "big5", "utf-16", "no-such"])
def test_old_programs_write_their_own_charset(charset: str) -> None:
    codec = {"gb2312": "gb18030", "GBK": "gb18030", "no-such": "utf-8"}.get(charset, charset)
    head = f"From: {SENDER}\r\nContent-Type: text/plain; charset={charset}\r\n\r\n"
    (found,) = read_mail(head.encode() + "收到".encode(codec), "uid", MARKS)
    assert isinstance(found, Reply)
    assert found.text == "收到"


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied; type=vacation"},
        {"Auto-Submitted": "auto-generated"},
        {"Precedence": "bulk"},
        {"X-Autoreply": "yes"},
        {"Return-Path": "<>"},
        {"Subject": "自动回复:红色台风A7"},
        {"Subject": "自动答复: 红色台风A7"},
        {"Subject": "Automatic reply: A7"},
        {"Subject": "Out of Office: A7"},
    ],
)
def test_a_holiday_notice_is_no_answer_but_proves_that_it_arrived(headers: dict[str, str]) -> None:
    raw = answer("收到您的邮件,我在休假", sender=SENDER, to=OURS, **headers)
    assert list(read_mail(raw, "uid", MARKS)) == [ARRIVED]
    assert list(read_mail(answer("收到", sender=SENDER, **headers), "uid", MARKS)) == []


def test_a_mail_servers_own_mail_is_no_answer() -> None:
    for sender in ("MAILER-DAEMON@relay.example", "postmaster@x.example", "no-reply@x.example"):
        assert list(read_mail(answer("1", sender=sender), "uid", MARKS)) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"sender": "Mailer-Daemon@relay.example", "Auto-Submitted": "auto-replied"},
        {"sender": "PostMaster@mail.example", "Return-Path": "<>"},
        {"sender": SENDER, "Auto-Submitted": "auto-replied", "X-Failed-Recipients": SENDER},
        {"sender": "MAILER-DAEMON", "Return-Path": "<>"},
        {"sender": "no-reply@county.example", "Subject": "系统退信"},
        {"sender": "bounces@county.example", "Auto-Submitted": "auto-generated"},
    ],
)
def test_a_bounce_in_plain_words_proves_no_arrival(headers: dict[str, str]) -> None:
    """Exim's before 4.84, for one: text alone, with References to what didn't arrive."""
    words = "This message was created automatically.\nA message could not be delivered.\n"
    assert list(read_mail(answer(words, to=OURS, **headers), "uid", MARKS)) == []


def test_what_a_person_writes_of_an_automatic_reply_is_an_answer() -> None:
    for subject in ("Re: 自动回复怎么设", "自动回复怎么设", "Re: Out of office hours"):
        raw = answer("收到\n", sender=SENDER, Subject=subject)
        assert list(read_mail(raw, "uid", MARKS)) == [reply("收到", answers=0)]


@pytest.mark.parametrize(
    ("action", "status", "expected"),
    [
        ("failed", "5.1.1", receipt(ReceiptStatus.FAILED, Fault.DEAD, "dsn-5.1.1")),
        ("Failed", "5.2.1", receipt(ReceiptStatus.FAILED, Fault.DEAD, "dsn-5.2.1")),
        ("failed", "5.2.2", receipt(ReceiptStatus.FAILED, Fault.REFUSED, "dsn-5.2.2")),
        ("failed", "4.4.7", receipt(ReceiptStatus.FAILED, Fault.REFUSED, "dsn-4.4.7")),
        ("failed", "", receipt(ReceiptStatus.FAILED, Fault.REFUSED, "dsn")),
        ("failed", "5.1.8", receipt(ReceiptStatus.FAILED, Fault.REFUSED, "dsn-5.1.8")),
        ("delayed", "4.4.1", receipt(ReceiptStatus.ACCEPTED, code="dsn-4.4.1")),
        ("relayed", "2.0.0", receipt(ReceiptStatus.ACCEPTED, code="dsn-2.0.0")),
        ("delivered", "2.0.0", ARRIVED),
    ],
)
def test_a_bounce_is_a_receipt(action: str, status: str, expected: Receipt) -> None:
    assert list(read_mail(bounce(OURS, action, status), "uid", MARKS)) == [expected]


def test_a_forged_bounce_says_nothing() -> None:
    for forged in ("<alertd.7.2.0123456789abcdef0123@city.example>", "<any@thing>"):
        assert list(read_mail(bounce(forged, "failed", "5.1.1"), "uid", MARKS)) == []


def test_a_bounce_of_which_only_the_beginning_came() -> None:
    raw = bounce(OURS, "failed", "5.1.1")
    for end in range(0, len(raw), 40):
        events = read_mail(raw[:end], "uid", MARKS)
        assert list(events) in ([], [receipt(ReceiptStatus.FAILED, Fault.DEAD, "dsn-5.1.1")])


HEADERS = ["From: a@b", "From: =?x?q?=ff?= <a@b>", "Subject: =?utf-8?b?!?=", "Date: 99", "To: \xff"]
PIECES = st.sampled_from(
    [
        *HEADERS,
        "Content-Type: multipart/report; boundary=x",
        "Content-Type: multipart/mixed; boundary=",
        "Content-Type: text/plain; charset=\x00",
        "Content-Transfer-Encoding: base64",
        "Message-ID: \x00",
        "--x",
        "--x--",
        "",
        "=====",
        f"In-Reply-To: {OURS}",
    ]
)


@given(st.lists(PIECES, max_size=12), st.binary(max_size=60))
def test_hostile_mail_raises_nothing(pieces: list[str], rest: bytes) -> None:
    raw = "\r\n".join(pieces).encode("latin-1") + rest
    for event in read_mail(raw, "uid-1-1", MARKS):
        if isinstance(event, Reply):
            stored = f"{event.gateway_id}{event.sender}{event.text}"
            stored.encode("utf-8")
            assert "\0" not in stored
            assert event.gateway_id


@given(st.binary(max_size=400))
def test_any_bytes_raise_nothing(raw: bytes) -> None:
    read_mail(raw, "uid-1-1", MARKS)
