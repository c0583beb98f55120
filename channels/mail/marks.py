"""Our own numbers in a mail's Message-ID, signed: pure.

Anybody may write a mail that says it is a bounce or an answer. Only who was sent one of ours can
quote its Message-ID, `<alertd.DELIVERY.ATTEMPT.MAC@DOMAIN>`.
"""

import hashlib
import hmac
import re

from channels.hook_reading import digits

_MAC_DIGITS = 20  # 80 bits, far more than a mail server lets anybody try
_OURS = re.compile(rf"<alertd\.(\d{{1,19}})\.(\d{{1,10}})\.([0-9a-f]{{{_MAC_DIGITS}}})@")
_LARGEST_ATTEMPT = 2**31 - 1


class Marks:
    """Makes and reads our Message-IDs.

    Args:
        secret: Signs them.
        domain: Stands after the @.
    """

    def __init__(self, secret: str, domain: str) -> None:
        self._secret = secret.encode()
        self._domain = domain

    def make(self, delivery: int, attempt: int) -> str:
        """The Message-ID of one try."""
        return f"<alertd.{delivery}.{attempt}.{self._mac(delivery, attempt)}@{self._domain}>"

    def find(self, text: str) -> tuple[int, int] | None:
        """The first delivery and attempt that `text` names with a sound signature, or None."""
        for found in _OURS.finditer(text):
            delivery = digits(found[1], least=1)
            attempt = digits(found[2], least=1, most=_LARGEST_ATTEMPT)
            if delivery is None or attempt is None:
                continue
            if hmac.compare_digest(found[3], self._mac(delivery, attempt)):
                return delivery, attempt
        return None

    def _mac(self, delivery: int, attempt: int) -> str:
        signed = hmac.new(self._secret, f"{delivery}.{attempt}".encode(), hashlib.sha256)
        return signed.hexdigest()[:_MAC_DIGITS]
