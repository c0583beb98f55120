"""From a template and values to the text that is sent, shown or spoken. Pure."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import TemplateError

from alertd.errors import InvalidInputError, TooLargeError
from alertd.i18n import negotiate
from alertd.messages.context import GIVEN_NAMES, TEXTS, values_for
from alertd.messages.length import SmsSize, sms_size
from alertd.messages.marks import (
    guard_drill_words,
    mark_duplicate,
    mark_exercise,
    mark_test,
    sign,
)
from alertd.messages.params import operator_values
from alertd.messages.source import compiled
from alertd.messages.template import CHANNELS, Template

MAX_SMS_PARTS: Final = 10  # more is not read, and gateways begin to refuse
MAX_BYTES: Final = 2_048  # WeCom's bound on a chat text, and a minute of speech
_BLANKS: Final = re.compile(r"\n\s*\n\s*")


@dataclass(frozen=True, slots=True)
class Preview:
    """What one recipient would see or hear, and what it would cost as SMS."""

    language: str
    channel: str
    text: str
    size: SmsSize


def render(
    template: Template,
    language: str,
    channel: str,
    params: Mapping[str, Any],
    *,
    status: str,
    signature: str = "",
    issuer: str = "",
    duplicate: bool = False,
) -> str:
    """The whole text for one recipient, with signature and marks.

    Args:
        template: The template, as the alert froze it.
        language: The recipient's; one that we don't have falls back to zh-CN.
        channel: sms, chat, loudspeaker, voice, mail or paper; for CAP headline, description and
            instruction.
        params: The operator's values by their names, and the system's (`context.TEXTS`).
        status: CAP status: Actual, Exercise or Test.
        signature: The sender's name as it stands in front of a text: 余姚市防指.
        issuer: The sender's name as it is spoken: 余姚市防汛防旱指挥部; else the signature.
        duplicate: The recipient may have it already.

    Raises:
        InvalidInputError: The template has no such text, isn't for that status, a value is wrong,
            or the text belies its status.
        TooLargeError: The text is over what the channel takes.
    """
    language = negotiate(language)
    body = _body(template, language, channel, params, status, issuer or signature)
    if channel in {"sms", "chat", "mail", "paper"}:
        body = sign(body, signature, language=language)
    if duplicate:
        body = mark_duplicate(body, language=language)
    if status == "Exercise":
        body = mark_exercise(body, language=language, channel=channel)
    elif status != "Actual":
        body = mark_test(body)
    return _bounded(template, channel, body)


def preview(
    template: Template, params: Mapping[str, Any], *, status: str, signatures: Mapping[str, str]
) -> list[Preview]:
    """Every text of `template`, to be shown and counted before anything is sent.

    Raises:
        InvalidInputError, TooLargeError: As `render`. The bound is tried with the longest names
            of duties and people too, so that a text accepted here is never refused later.
    """
    longest = dict(params) | {
        name: "长" * TEXTS[name] for name in ("duties", "people", "names", "choices", "unit")
    }
    found = []
    for language in template.text:
        for channel in template.channels:
            signature = signatures.get(language, "")
            text = render(template, language, channel, params, status=status, signature=signature)
            render(
                template,
                language,
                channel,
                longest,
                status=status,
                signature=signature,
                duplicate=True,
            )
            found.append(Preview(language, channel, text, sms_size(text)))
    return found


def preflight(
    name: str,
    frozen: Mapping[str, Mapping[str, Any]],
    params: Mapping[str, Any],
    *,
    status: str,
    signatures: Mapping[str, str],
) -> None:
    """Try every text that an alert may ever need, so that none fails while it is under way.

    Args:
        name: The alert's own template among them.
        frozen: What `Library.frozen` gave, as the alert will keep it.
        params: The alert's values (`alert_params`).
        status: CAP status.
        signatures: The sender's name by language.

    Raises:
        InvalidInputError, TooLargeError: As `render`, for any of the templates.
    """
    for data in frozen.values():
        template = Template.from_dict(data)
        # What ends or corrects this alert is checked with its own values when it is issued.
        main = template.name == name
        own = {key: value for key, value in params.items() if key not in template.params}
        needs = any(param.required for param in template.params.values())
        if status in template.statuses and (main or not needs):
            preview(template, params if main else own, status=status, signatures=signatures)


_REAL: Final = frozenset({"help", "confirmation-help", "unheard"})
# What has no text of its own on a channel says what it says on another.
_READS_AS: Final = {"voice": "loudspeaker", "mail": "chat", "paper": "chat"}


def hash_text(text: str) -> str:
    """SHA-256 of a rendered text in hex: what the journal keeps in place of it."""
    return hashlib.sha256(text.encode()).hexdigest()


def _body(
    template: Template,
    language: str,
    channel: str,
    params: Mapping[str, Any],
    status: str,
    issuer: str,
) -> str:
    texts = template.text[language]  # type: ignore[index]
    source = texts.get(channel, texts.get(_READS_AS.get(channel, channel)))  # type: ignore[call-overload]
    if source is None and template.name in _REAL:
        # The city's own, or an alert's of before it was spoken: the cry must be heard.
        source = texts.get("sms")
    if source is None:
        raise InvalidInputError(
            f"The message template {template.name} has no text for {channel}.", field="template"
        )
    if status not in template.statuses:
        raise InvalidInputError(
            f"The message template {template.name} isn't for the status {status}.", field="status"
        )
    given = {"event": template.event, **params}
    values = values_for(given, language=language, issuer=issuer)
    values |= operator_values(template, params, language)
    try:
        text = _tidy(compiled(source).render(values), channel)
    except (TemplateError, TypeError) as error:
        kind = type(error).__name__
        raise InvalidInputError(
            f"The message template {template.name} can't be rendered: {kind}.", field="template"
        ) from None
    # A call for help is real even in a drill and must go out, whatever the drill's event is called.
    if template.name not in _REAL:
        _guard(text, source, values, status)
    return text


def _guard(text: str, source: str, values: Mapping[str, Any], status: str) -> None:
    """Hold the words to the status; names of places and people aren't the office's words."""
    try:
        guard_drill_words(text, status)
    except InvalidInputError:
        without_names = {**values, **dict.fromkeys(GIVEN_NAMES, "")}
        guard_drill_words(compiled(source).render(without_names), status)


def _tidy(text: str, channel: str) -> str:
    """One line, except for chat and CAP texts, which may have several."""
    if channel in {"sms", "loudspeaker", "voice", "headline"}:
        return " ".join(text.split())
    return _BLANKS.sub("\n", "\n".join(line.strip() for line in text.strip().splitlines()))


def _bounded(template: Template, channel: str, text: str) -> str:
    over_sms = channel == "sms" and sms_size(text).parts > MAX_SMS_PARTS
    over_bytes = channel in CHANNELS and len(text.encode()) > MAX_BYTES
    if over_sms or over_bytes:
        raise TooLargeError(
            f"The {channel} text of the message template {template.name} is too long.",
            field="params",
        )
    return text
