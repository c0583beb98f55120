"""The node's routes: built from their settings, and tried again where one can't be had.

What is wrong with one of them, a file that is gone or a library that an update broke, keeps no
other from sending.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from alertd.decide.plan import Route, without_pretence
from alertd.errors import AlertdError, ConflictError, UnavailableError
from alertd.i18n import N_
from alertd.model import Channel as Kind
from alertd.provision import planned
from channels import registry
from channels.base import Channel, RouteConfig
from channels.kinds import kinds_of
from channels.out import RouteOut, begin

EVERY_S: Final = 10.0  # one that is out is tried again so often

_PATIENCE_S: Final = 5.0  # to read a route's files and load its library
_HANGS: Final = N_("Route '{name}': its files or its library can't be read in time.")
_DISK: Final = N_("Look at the disk or the network share that they are on.")

log = structlog.get_logger("alertd.routes")


@dataclass(slots=True)
class Aside:
    """Makes routes in threads of their own: a disk that hangs holds up one route, not the loop.

    A thread that hangs can't be ended: until it does by itself no other is begun for its route.
    """

    patience_s: float = _PATIENCE_S
    _making: dict[str, "asyncio.Future[Channel]"] = field(default_factory=dict)

    async def make(self, name: str, build: Callable[[], Channel]) -> Channel:
        """Have it made.

        Raises:
            UnavailableError: It takes too long.
        """
        if name not in self._making:
            self._making[name] = _begin(build)
        making = self._making[name]
        try:
            async with asyncio.timeout(self.patience_s):
                return await asyncio.shield(making)
        except TimeoutError:
            raise UnavailableError(_HANGS.format(name=name), hint=_DISK) from None
        finally:
            if making.done():
                del self._making[name]


def _begin(build: Callable[[], Channel]) -> "asyncio.Future[Channel]":
    made: Future[Channel] = Future()

    def run() -> None:
        try:
            made.set_result(build())
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            made.set_exception(error)

    threading.Thread(target=run, name="alertd-route", daemon=True).start()
    return asyncio.wrap_future(made)


@dataclass(slots=True)
class Routes:
    """The routes of one process, by name.

    Args:
        build: Makes one of its settings; not started.
        sends_by: Whether this process sends by the route of a name.
    """

    build: Callable[[RouteConfig], Awaitable[Channel]]
    sends_by: Callable[[str], bool]
    channels: dict[str, Channel] = field(default_factory=dict)

    async def add(self, configs: Iterable[RouteConfig]) -> None:
        """Build routes; what can't be built has one that is out in its place.

        Raises:
            NotConfiguredError: There is no such type: nobody can say what it would be.
        """
        for config in configs:
            if config.type not in registry.known_types():
                await self.build(config)
            try:
                self.channels[config.name] = await self.build(config)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others work
                out = self.channels[config.name] = RouteOut(config, kinds_of(config)[0], error)
                if self.sends_by(config.name):  # not of whoever only looks, and sends by none
                    out.log()

    def plan(self, speed: float) -> dict[str, Route]:
        """The routes as the engine plans with them, in a clock's seconds.

        One that is out is as real as it was: no simulated one takes live alerts in its place, of
        whatever kind it may be.
        """
        plans = {name: planned(channel, speed) for name, channel in self.channels.items()}
        maybe = {
            f"{name} {kind}": replace(plans[name], channel=Kind[kind.name])
            for name, channel in self.channels.items()
            if isinstance(channel, RouteOut)
            for kind in kinds_of(channel.config)[1:]
        }
        found = without_pretence(plans | maybe)
        return {name: found[name] for name in plans}

    @property
    def troubles(self) -> list[AlertdError]:
        """Why some are out; one that others send by is so for its hooks."""
        return [out.trouble for out in self._out()]

    def _out(self) -> list[RouteOut]:
        return [channel for channel in self.channels.values() if isinstance(channel, RouteOut)]

    async def look(self) -> None:
        """Try those that are out once more; whatever was amiss may be mended."""
        for out in self._out():
            try:
                channel = await self._had(out)
            except Exception as error:  # noqa: BLE001 - it stays out, and says why
                out.fails(error)
            else:
                self.channels[out.config.name] = channel
                log.info("a route is back", route=out.config.name)

    async def _had(self, out: RouteOut) -> Channel:
        name, channel = out.config.name, await self.build(out.config)
        if channel.kind is not out.kind:
            raise ConflictError(f"The route '{name}' can be had now.", hint="Start alertd anew.")
        if self.sends_by(name):
            await begin(channel)
        return channel
