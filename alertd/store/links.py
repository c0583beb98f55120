"""Links by which one person answers one alert: short, unguessable, and kept nowhere.

A token is 119 bits, written with 20 letters and digits:

    80 bits   HMAC-SHA-256, cut, over the alert's id and the person's number
    39 bits   the end of the alert's number (15) and the person's number (24), under a mask that is
              made of those 80 bits with another key

It is made again from the numbers whenever a message is rendered, so that two million recipients
need no row; without the key it is noise, and two tokens of one person or of one alert have nothing
in common. The first part is what has to be guessed, whatever the second says. As the alert's id is
in it, and not its number alone, a token of an alert that was lost with a disk opens no other that
got its number later. When a token ends is asked of its alert (`decide.links`).

Letters and digits only: a telephone that looks for links in a text leaves out a `-` or `_` at the
end of one.
"""

import hmac
import string
from collections.abc import Callable
from typing import Final

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
LENGTH: Final = 20  # 62**20 is a little more than 2**119

_MAC_BITS: Final = 80
_ALERT_BITS: Final = 15
_PERSON_BITS: Final = 24
_BODY_BITS: Final = _ALERT_BITS + _PERSON_BITS
ALERTS: Final = (
    1 << _ALERT_BITS
)  # so far apart are the numbers of two alerts that a token can't tell

PLACEHOLDER: Final = "0000personalToken000"
"""Stands for the token in a text that is rendered once for everybody; as long as any token."""

AlertId = Callable[[int], bytes | None]
"""The id of the newest alert whose number ends in these 15 bits; None where there is none."""


class Links:
    """Makes tokens and reads them.

    Args:
        key: 32 bytes, derived from the node's own.
    """

    def __init__(self, key: bytes) -> None:
        self._mac = hmac.digest(key, b"token", "sha256")
        self._mask = hmac.digest(key, b"mask", "sha256")

    def token(self, alert_no: int, alert_id: bytes, person_no: int) -> str:
        """The token by which a person answers an alert; "" for a number that none can hold."""
        if person_no >= 1 << _PERSON_BITS:
            return ""
        mac = self._tag(alert_id, person_no)
        body = (alert_no % ALERTS) << _PERSON_BITS | person_no
        return _written(int.from_bytes(mac) << _BODY_BITS | body ^ self._masking(mac))

    def read(self, token: str, alert_id: AlertId) -> tuple[bytes, int] | None:
        """The alert's id and the person's number; None where the token is none of ours.

        Args:
            token: As it came.
            alert_id: Finds the alert's id by the end of its number.
        """
        number = _read(token)
        if number is None:
            return None
        mac = (number >> _BODY_BITS).to_bytes(_MAC_BITS // 8)
        body = number & (1 << _BODY_BITS) - 1 ^ self._masking(mac)
        person_no = body & (1 << _PERSON_BITS) - 1
        found = alert_id(body >> _PERSON_BITS)
        # Compared in the same time wherever the two differ, and where there is no such alert, too.
        right = hmac.compare_digest(mac, self._tag(found or bytes(16), person_no))
        return (found, person_no) if right and found is not None else None

    def _tag(self, alert_id: bytes, person_no: int) -> bytes:
        whole = hmac.digest(self._mac, alert_id + person_no.to_bytes(4), "sha256")
        return whole[: _MAC_BITS // 8]

    def _masking(self, mac: bytes) -> int:
        whole = hmac.digest(self._mask, mac, "sha256")
        return int.from_bytes(whole[:8]) & (1 << _BODY_BITS) - 1


def _written(number: int) -> str:
    letters = []
    for _ in range(LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return "".join(reversed(letters))


def _read(token: str) -> int | None:
    if len(token) != LENGTH:
        return None
    number = 0
    for letter in token:
        value = _VALUES.get(letter)
        if value is None:
            return None
        number = number * len(_ALPHABET) + value
    return number if number >> (_MAC_BITS + _BODY_BITS) == 0 else None
