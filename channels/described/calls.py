"""Making a request by its description. Pure: time and chance are handed in."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import phonenumbers

from channels.base import Fault, Outgoing, SendError
from channels.described.description import Computed, Description, Request
from channels.described.digests import digest
from channels.described.ours import written
from channels.described.places import filled, text_of
from channels.described.registered import Filled
from channels.described.signatures import Draft, sign
from channels.extensions import extension_of

_CONTENT_TYPES: Final = {
    "json": "application/json; charset=utf-8",
    "form": "application/x-www-form-urlencoded",
}
_CHINA: Final = "+86"
_MOBILE: Final = re.compile(r"1[3-9]\d{9}")
# What a placeholder may ask for, beside options and computed values.
OF_TIME: Final = frozenset({"timestamp", "timestamp_ms", "nonce"})
OF_MESSAGE: Final = frozenset(
    {"address", "digits", "national", "ours", "delivery", "attempt", "text", "unsigned"}
    | {"short_code", "extension", "language", "template", "variables", "values"}
)


def of_time(now_ms: int, nonce: str) -> dict[str, Any]:
    """What every request may hold."""
    return {"timestamp": now_ms // 1000, "timestamp_ms": now_ms, "nonce": nonce}


def of_message(message: Outgoing, extension_digits: int, signature: str) -> dict[str, Any]:
    """What a message's request may hold, but for its registered template."""
    number = message.address
    return {
        "address": number,
        "digits": number.removeprefix("+"),
        "national": _national(number),
        "ours": written(message.delivery, message.attempt),
        "delivery": message.delivery,
        "attempt": message.attempt,
        "text": message.text,
        "unsigned": unsigned(message.text, signature),
        "short_code": message.short_code,
        "extension": extension_of(message.short_code, extension_digits),
        "language": message.language,
    }


def _national(number: str) -> str:
    """As it is dialled in China: a mobile by itself, a fixed line with the 0 of its area code.

    https://help.aliyun.com/document_detail/114036.htm: 0571****5678, and not 571****5678.
    """
    home = number.removeprefix(_CHINA)
    if home == number or _MOBILE.fullmatch(home):
        return home.removeprefix("+")
    try:
        read = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return home
    shown = phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(filter(str.isdigit, shown))


def of_template(template: Filled | None) -> dict[str, Any]:
    """What the registered template gives."""
    if template is None:
        return {"template": "", "variables": {}, "values": []}
    return {
        "template": template.id,
        "variables": dict(template.variables),
        "values": list(template.variables.values()),
    }


def unsigned(text: str, signature: str) -> str:
    """The text without 【signature】; a mark such as 【演练】 before it stays."""
    return text.replace(f"【{signature}】", "", 1) if signature else text


def draft(
    what: Request,
    gateway: Description,
    url: str,
    options: Mapping[str, str],
    values: Mapping[str, Any],
    now_ms: int,
) -> Draft:
    """The request, signed and ready.

    Args:
        what: Its description.
        gateway: Whose request it is.
        url: Where the gateway is, the path's beginning included.
        options: The route's own.
        values: `of_time` and what else it may hold.
        now_ms: The time that goes into the signature.

    Raises:
        SendError: REFUSED, a text can't stand in a request.
    """
    known = {**options, **values}
    known |= _computed(gateway.computed, options, known)
    parts = urlsplit(url)
    fields = filled(what.fields, known)
    made = Draft(
        method=what.method,
        host=parts.netloc.rpartition("@")[2],
        path=parts.path.rstrip("/") + what.path,
        headers={},
        encoding=what.encoding,
        form=what.body == "form",
    )
    try:
        if what.body == "json" and what.method == "POST":
            made.body = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
        else:
            made.params = {name: text_of(value) for name, value in fields.items()}
        if what.body in _CONTENT_TYPES and what.method == "POST":
            made.headers["content-type"] = _CONTENT_TYPES[what.body]
        made.headers |= {
            name.lower(): text_of(value) for name, value in filled(what.headers, known).items()
        }
        sign(made, gateway.signing, options, known, now_ms)
    except UnicodeError:
        raise SendError(Fault.REFUSED, "text-cannot-be-sent") from None
    if not all(value.isascii() and value.isprintable() for value in made.headers.values()):
        raise SendError(Fault.REFUSED, "header-cannot-be-sent")
    return made


def _computed(
    all_: Sequence[Computed], options: Mapping[str, str], known: Mapping[str, Any]
) -> dict[str, str]:
    made: dict[str, str] = {}
    for each in all_:
        of = text_of(filled(each.of, {**known, **made}))
        made[each.name] = digest(each.digest, options.get(each.secret, ""), of.encode())
    return made
