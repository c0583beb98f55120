"""What every stub that speaks HTTP has in common: a real socket, at the same port each time."""

import asyncio

from channels.sim_http import Exchange, bound_port, serve


class HttpStub:
    """Answers on loopback once it is started."""

    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen, at the port of before where there was one."""
        self._server = await serve(self._enter, port=self.port)
        self.port = bound_port(self._server)

    async def stop(self) -> None:
        """Nobody listens any more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def _enter(self, exchange: Exchange) -> None:
        if self._server is None:
            exchange.drop()  # it has gone: a connection of before is dead as well
        else:
            self._handle(exchange)

    def _handle(self, exchange: Exchange) -> None:
        """Answer one request."""
        raise NotImplementedError
