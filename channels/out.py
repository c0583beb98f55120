"""A route that can't be had: its file is missing, its library is broken, an option is wrong.

It stands in the route's place, so that all others work: what is given to it doesn't leave, and goes
by another route or waits. Nothing is ever sent by less than the route asks for, such as without the
certificate that it names.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

import structlog

from alertd.errors import AlertdError, UnavailableError
from alertd.i18n import N_
from channels.base import (
    Channel,
    ChannelKind,
    Fault,
    Health,
    Hook,
    Outcome,
    Outgoing,
    RouteConfig,
    SendError,
)

_OUT = N_(
    "This route is out, and is tried again by itself: {problem} What to do: {reason} After a change"
    " of the settings start alertd anew."
)
_UNFORESEEN = N_("Route '{name}' ({type}) can't be started: {error}.")
_LOOK = N_("Look into alertd's log, and whether a package was updated.")

_START_S = 15.0  # a route that takes longer is out, and is tried again

log = structlog.get_logger("channels.out")


class RouteOut:
    """In the place of a route that can't be had.

    Args:
        config: The route's.
        kind: What it would be.
        error: Why it can't be had.
    """

    def __init__(self, config: RouteConfig, kind: ChannelKind, error: Exception) -> None:
        self.config = config
        self.kind = kind
        self.fails(error)
        self._first = error

    def log(self) -> None:
        """Write down what was foreseen by what it is, and anything else by where it was."""
        where = None if isinstance(self._first, AlertdError) else self._first
        told = self.trouble.message
        log.error("a route is out", route=self.config.name, reason=told, exc_info=where)

    def fails(self, error: Exception) -> None:
        """It couldn't be had once more."""
        self.trouble = trouble_of(self.config, error)

    async def start(self) -> None:
        """Nothing is opened."""

    async def close(self) -> None:
        """Nothing was."""

    async def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """None leaves: the gateway might as well not be there."""
        for message in messages:
            error = SendError(Fault.AWAY, "route-out")
            yield Outcome(message.delivery, message.attempt, error)

    def hooks(self) -> Sequence[Hook]:
        """Whoever calls can't be known: the web has them come again."""
        return ()

    async def health(self) -> Health:
        """Why it is out, and what to do."""
        told = _OUT.format(problem=self.trouble.message, reason=self.trouble.hint or _LOOK)
        return Health(ok=False, detail=told)


async def begin(channel: Channel) -> None:
    """Start a route, within bounds; where that fails it is ended, and raises why."""
    try:
        async with asyncio.timeout(_START_S):
            await channel.start()
    except BaseException:
        await _put_away(channel)
        raise


async def _put_away(channel: Channel) -> None:
    """End a route that didn't start; how that ends is of no more use to anybody."""
    try:
        await channel.close()
    except Exception as error:  # noqa: BLE001 - it is given up all the same
        log.warning("route not closed", route=channel.config.name, error=type(error).__name__)


def trouble_of(config: RouteConfig, error: Exception) -> AlertdError:
    """Why a route can't be had; of what nobody foresaw the type alone, as its text may say more."""
    if isinstance(error, AlertdError):
        return error
    told = _UNFORESEEN.format(name=config.name, type=config.type, error=type(error).__name__)
    return UnavailableError(told, hint=_LOOK)
