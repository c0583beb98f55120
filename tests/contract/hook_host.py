"""Plays the web's part: mounts a route's hooks on a real loopback socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from channels.base import Channel, Hook, HookRefusedError, HookRequest
from channels.sim_http import Exchange, bound_port, serve
from tests.contract.peer import Recorder


class HookHost:
    """Answers `/hooks/{route}/{hook}` as alertd does: after the events are stored."""

    def __init__(self, sink: Recorder) -> None:
        self._sink = sink
        self._hooks: dict[str, Hook] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.base_url = ""
        self.refused: list[int] = []

    def mount(self, route: Channel) -> None:
        self._hooks = {f"/hooks/{route.config.name}/{hook.name}": hook for hook in route.hooks()}

    def handle(self, exchange: Exchange) -> None:
        task = asyncio.create_task(self._serve(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, exchange: Exchange) -> None:
        hook = self._hooks[exchange.path]
        target = f"{exchange.path}?{exchange.query}" if exchange.query else exchange.path
        request = HookRequest(exchange.method, target, exchange.headers, exchange.body)
        try:
            events, answer = hook.read(request)
        except HookRefusedError as error:
            self.refused.append(error.status)
            exchange.answer(error.status)
            return
        await self._sink("r1", events)
        exchange.answer(answer.status, answer.body, content_type=answer.content_type)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def hook_host(sink: Recorder) -> AsyncIterator[HookHost]:
    host = HookHost(sink)
    server = await serve(host.handle)
    host.base_url = f"http://127.0.0.1:{bound_port(server)}"
    try:
        yield host
    finally:
        server.close()
        await host.close()
