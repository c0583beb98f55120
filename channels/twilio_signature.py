"""Whether a request is Twilio's own: by the configured public URL, with either of two secrets.

https://www.twilio.com/docs/usage/webhooks/webhooks-security: the header `X-Twilio-Signature` is an
HMAC over the URL and the form's sorted fields. Without a second header the auth token signs, by
SHA-1. Where a webhook rule of the account says so, a shared key signs instead, and
`X-Twilio-Webhooks-Signature-Settings: key=…,algorithm=HMAC_SHA256` names the hash. That header
isn't signed itself, so it chooses among our secrets and never beyond them.
"""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from twilio.request_validator import (  # type: ignore[import-untyped]
    HMAC_SHA1,
    HMAC_SHA256,
    RequestValidator,
    get_signature_algorithm,
)

from channels.base import HookRefusedError, HookRequest
from channels.hook_reading import bound

MAX_BODY_BYTES = 64 * 1024
_MAX_FIELDS = 200  # Twilio sends some thirty


class Form(dict[str, list[str]]):
    """A form's fields; Twilio's validator asks for each through `getlist`."""

    def getlist(self, name: str) -> list[str]:
        """Every value of `name`."""
        return self[name]

    def one(self, name: str) -> str | None:
        """The first value of `name`, or None."""
        return self[name][0] if name in self else None


class Signatures:
    """The secrets that may sign: behind a proxy, no request knows its own URL, so we say it.

    Args:
        tokens: The account's auth token, and the one of before while it is being changed.
        shared_keys: The same of a webhook rule's shared key; None where there is none.
    """

    def __init__(self, tokens: Sequence[str | None], shared_keys: Sequence[str | None]) -> None:
        self._tokens = [RequestValidator(secret) for secret in tokens if secret]
        self._shared_keys = [RequestValidator(secret) for secret in shared_keys if secret]

    def verified(self, request: HookRequest, url: str) -> Form:
        """The form of `request`, which must be signed for `url` and the request's own query.

        Raises:
            HookRefusedError: 413, 400, or 403 where nobody that we know signed it.
        """
        bound(request, MAX_BODY_BYTES)
        if not request.target.isascii():
            raise HookRefusedError(400, "malformed-target")
        query = request.target.partition("?")[2]
        form = read_form(_ascii(request.body))
        if not self._signed(request, f"{url}?{query}" if query else url, form):
            raise HookRefusedError(403, "bad-signature")
        return form

    def _signed(self, request: HookRequest, url: str, form: Form) -> bool:
        settings = request.headers.get("x-twilio-webhooks-signature-settings")
        algorithm = get_signature_algorithm(settings).upper()
        if algorithm not in {HMAC_SHA1, HMAC_SHA256}:
            return False
        signature = request.headers.get("x-twilio-signature", "")
        validators = self._shared_keys if settings else self._tokens
        return any(each.validate(url, form, signature, algorithm) for each in validators)


def read_form(text: str) -> Form:
    """A query's or a form body's fields.

    Raises:
        HookRefusedError: 400, it isn't UTF-8 or has too many.
    """
    form = Form()
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise HookRefusedError(400, "malformed-form") from error
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def _ascii(body: bytes) -> str:
    try:
        return body.decode("ascii")
    except UnicodeDecodeError as error:
        raise HookRefusedError(400, "malformed-form") from error
