"""Our own numbers in a mail's Message-ID, signed: pure.

Anybody may write a mail that says it is a bounce or an answer. Only who was sent one of ours can
quote its Message-ID, `<alertd.DELIVERY.ATTEMPT.MAC.WHOM@DOMAIN>`; WHOM tells whether a mail comes
from the address that ours went to, of which nothing need be remembered.
"""

import hashlib
import hmac
import re

from channels.hook_reading import digits

_MAC_DIGITS = 20  # 80 bits, far more than a mail server lets anybody try
_WHOM_DIGITS = 6  # it guards against no lie
_OURS = re.compile(
    rf"<alertd\.(\d{{1,19}})\.(\d{{1,10}})\.([0-9a-f]{{{_MAC_DIGITS}}})"
    rf"(?:\.([0-9a-f]{{{_WHOM_DIGITS}}}))?@"  # earlier ones have none
)
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

    def make(self, delivery: int, attempt: int, address: str) -> str:
        """The Message-ID of one try, which goes to `address`."""
        mac = self._mac(f"{delivery}.{attempt}")[:_MAC_DIGITS]
        return f"<alertd.{delivery}.{attempt}.{mac}.{self._whom(mac, address)}@{self._domain}>"

    def find(self, text: str) -> tuple[int, int] | None:
        """The first delivery and attempt that `text` names with a sound signature, or None."""
        found = self._find(text)
        return None if found is None else found[:2]

    def went_to(self, text: str, address: str) -> bool:
        """Whether what `find` finds in `text` was sent to `address`."""
        found = self._find(text)
        return found is not None and found[3] == self._whom(found[2], address)

    def _find(self, text: str) -> tuple[int, int, str, str | None] | None:
        for found in _OURS.finditer(text):
            delivery = digits(found[1], least=1)
            attempt = digits(found[2], least=1, most=_LARGEST_ATTEMPT)
            if delivery is None or attempt is None:
                continue
            if hmac.compare_digest(found[3], self._mac(f"{delivery}.{attempt}")[:_MAC_DIGITS]):
                return delivery, attempt, found[3], found[4]
        return None

    def _whom(self, mac: str, address: str) -> str:
        return self._mac(f"{mac} {address.lower()}")[:_WHOM_DIGITS]

    def _mac(self, text: str) -> str:
        return hmac.new(self._secret, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
