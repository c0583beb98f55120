"""Calls that a person makes: the route takes a call at once, and the operator's list has it.

Nothing leaves the machine. A delivery that this route has accepted *is* the list's entry; that
somebody was reached is what the operator writes down, and never said here. No options.
"""

from collections.abc import AsyncIterator, Sequence

from alertd.i18n import N_
from channels import options
from channels.base import (
    Accepted,
    ChannelKind,
    Fault,
    Health,
    Hook,
    Outcome,
    Outgoing,
    RouteConfig,
    RouteContext,
    SendError,
)


class ByHandRoute:
    """The duty desk's own telephone."""

    kind = ChannelKind.VOICE

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:  # noqa: ARG002 - a route's signature
        options.only(config, frozenset())
        self.config = config
        self._open = False

    async def start(self) -> None:
        """Take calls from now on."""
        self._open = True

    async def close(self) -> None:
        """Take no more."""
        self._open = False

    async def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Put each on the list: accepted, and not delivered."""
        for message in messages:
            closed = SendError(Fault.RETRY, "route-closed")
            taken = Accepted(None, by_hand=True) if self._open else closed
            yield Outcome(message.delivery, message.attempt, taken)

    def hooks(self) -> Sequence[Hook]:
        """None."""
        return ()

    async def health(self) -> Health:
        """It is as well as the people at the desk."""
        if not self._open:
            return Health(ok=False, detail=N_("The route is closed."))
        return Health(ok=True, detail=N_("Calls go on the operator's list."))
