"""The way to whatever stands in the internet: it can be cut, and comes back."""

import asyncio
from contextlib import suppress

_CHUNK = 65_536


class Internet:
    """A relay in front of one service. While it is cut nothing gets through and nobody is told.

    What was on the way then arrives when it is back: the worst case for whoever sent it again.
    `to` is the service's port.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.to = port
        self._up = asyncio.Event()
        self._up.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; `port` is where."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        self._up.clear()

    async def mend(self) -> None:
        self._up.set()

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._up.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self.to)
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        except (OSError, asyncio.CancelledError):  # it is the end, also of the test
            writer.close()
        finally:
            self._tasks.discard(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                await self._up.wait()
                sink.write(data)
                await sink.drain()
        with suppress(OSError):
            sink.close()
