"""How a gateway may end a try, by a word for it; drawn from wherever a test plays at random."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from channels.base import Accepted, Fault, SendError

ENDINGS: Final[Mapping[str, Callable[[], Accepted | SendError | None]]] = MappingProxyType(
    {
        "accepts": lambda: Accepted("ref"),
        "delivers": lambda: Accepted("ref", delivered=True),
        "hangs": lambda: None,
        "unknown": lambda: SendError(Fault.UNKNOWN, "timeout"),
        "retry": lambda: SendError(Fault.RETRY, "http-503"),
        "throttled": lambda: SendError(Fault.THROTTLED, "http-429", retry_after_s=3),
        "busy": lambda: SendError(Fault.BUSY, "busy", retry_after_s=7),
        "away": lambda: SendError(Fault.AWAY, "connect"),
        "refused": lambda: SendError(Fault.REFUSED, "content"),
        "dead": lambda: SendError(Fault.DEAD, "no-such-number"),
    }
)
