"""An alertd whose city has been told, waiting for replies; a process of its own.

    python inbound_node.py DATABASE_OUT PHONES_OUT [confirm]

Prints its port. Writes where its database is, and the phones of those who were told, one each.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy import select

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent.parent)]

from ground import Ground, ground, telling_everybody  # noqa: E402 - the path comes first

from alertd.engine.heap import settle_heap  # noqa: E402 - the same
from alertd.engine.runner import Runner  # noqa: E402 - the same
from alertd.model import FOREVER  # noqa: E402 - the same
from alertd.store import addresses  # noqa: E402 - the same
from alertd.store import tables as t  # noqa: E402 - the same
from alertd.web.heads import Requests  # noqa: E402 - the same
from alertd.web.hooks import Hooks  # noqa: E402 - the same
from channels import registry  # noqa: E402 - the same
from channels.base import (  # noqa: E402 - the same
    Accepted,
    Channel,
    ChannelKind,
    Health,
    Hook,
    Outcome,
    Outgoing,
    RouteConfig,
    RouteContext,
)

SECRET = "bench"


class Taking:
    """Takes what is confirmed, at once; its hooks are the real route's."""

    def __init__(self, real: Channel) -> None:
        self.config = real.config
        self.kind = ChannelKind.SMS
        self._hooks = real.hooks()

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        for message in messages:
            yield Outcome(message.delivery, message.attempt, Accepted("reference"))

    def hooks(self) -> Sequence[Hook]:
        return self._hooks

    async def health(self) -> Health:
        return Health(ok=True, detail="")


@dataclass
class Deps:
    """As much of the web's deps as hooks need."""

    runner: Runner
    channels: dict[str, Channel]


async def main(database_out: Path, phones_out: Path, *, confirm: bool) -> None:
    policy = replace(telling_everybody(), confirm_replies=confirm)
    with ground(20_000, policy=policy) as here:
        here.now = _now()
        here.expand(here.draft())
        here.hand_over(30_000)
        database_out.write_text(str(here.path))  # noqa: ASYNC240 - nothing runs beside it yet
        phones_out.write_text(json.dumps(_phones(here)))  # noqa: ASYNC240 - the same
        await _serve(here)


async def _serve(here: Ground) -> None:
    config = RouteConfig(
        name="sms", type="handsets", options={"url": "http://127.0.0.1:1", "secret": SECRET}
    )
    context = RouteContext(now=_now, sink=_nowhere, public_base_url="http://127.0.0.1")
    channel = Taking(registry.build(config, context))
    runner = Runner(here.engine, {"sms": channel}, now=_now)
    here.engine.routes = {"sms": here.engine.routes["sms"]}
    await runner.start()
    deps: Any = Deps(runner, {"sms": channel})
    app = Hooks(FastAPI(), deps)  # as alertd's own application takes them
    http: Any = Requests  # as it serves them
    settings = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        http=http,
        log_config=None,
        access_log=False,
        server_header=False,
    )
    server = uvicorn.Server(settings)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    settle_heap()
    sys.stdout.write(f"{server.servers[0].sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await serving
    await runner.stop()


async def _nowhere(_route: str, _events: object) -> None:
    pass


def _phones(here: Ground) -> list[str]:
    """The phones of those who have one to themselves."""
    c = t.contact.c
    query = select(c.address_no).where(c.channel == 1, c.rank == 1, c.to_version == FOREVER)
    with here.store.read() as connection:
        nos = sorted(set(connection.execute(query).scalars()))
        return list(addresses.reveal(connection, here.store.vault, nos).values())


def _now() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), confirm="confirm" in sys.argv))
    os._exit(0)
