"""The moment of a drill without notice (双盲): drawn, kept secret, and proven afterwards.

It is a keyed hash of the drill's own id, so that it is written down nowhere: whoever reads pages,
journal or database doesn't find it, and a restart doesn't lose it. What is published beforehand is
a commitment to it; the moment and the salt that open the commitment are recorded when it begins,
and show everybody that nobody moved it.
"""

import hashlib
from collections.abc import Callable

from alertd.model import Millis

Keyed = Callable[[str], bytes]
"""A keyed hash; the store's `Vault.blind`."""


def draw(keyed: Keyed, drill_id: bytes, opens_at: Millis, closes_at: Millis) -> Millis:
    """The moment: any whole second of the window, each as likely as any other."""
    seconds = max(1, (closes_at - opens_at) // 1000)
    dice = int.from_bytes(keyed(f"drill moment {drill_id.hex()}"))
    return opens_at + dice % seconds * 1000


def salt_of(keyed: Keyed, drill_id: bytes) -> str:
    """What the commitment was made with, hex; recorded when the drill begins."""
    return keyed(f"drill salt {drill_id.hex()}").hex()


def commitment(moment: Millis, salt: str) -> str:
    """What is published beforehand: SHA-256 of `SALT:MOMENT`, hex; the moment in ms."""
    return hashlib.sha256(f"{salt}:{moment}".encode()).hexdigest()
