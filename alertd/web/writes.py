"""Writes: an input of the engine whose answer is on disk, and that happens once however repeated.

With an Idempotency-Key the answer is kept in the write's own transaction, so that a repetition
after a lost answer gets the same one, even if the server was killed in between.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse

from alertd.engine.authority import Actor
from alertd.engine.turn import Turn
from alertd.store import credentials
from alertd.web.auth import Asker
from alertd.web.deps import Deps, Given

Command = Callable[[Turn, Actor], Any]
"""Does something in the engine's transaction; returns what is answered, as JSON."""

KEY_PATTERN: Final = r"^[\x21-\x7e]{1,128}$"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=KEY_PATTERN,
        description="The same key and body are done once; the first answer is given again.",
    ),
]


@dataclass(frozen=True, slots=True)
class Writer:
    """Takes the commands of one request to the engine."""

    deps: Deps
    actor: Actor
    key: str | None
    request_hash: bytes

    async def do(self, command: Command) -> Any:
        """Run a command; returns its answer once it is on disk.

        Raises:
            AlertdError: It was refused, and nothing of it was stored.
        """
        return await self.deps.runner.submit(self._once(command))

    def _once(self, command: Command) -> Callable[[Turn], Any]:
        if self.key is None:
            return lambda turn: command(turn, self.actor)
        key, no, request_hash = self.key, self.actor.no, self.request_hash

        def once(turn: Turn) -> Any:
            known = credentials.recall(turn.connection, no, key, request_hash)
            if known is not None:
                return json.loads(known)
            result = command(turn, self.actor)
            answer = json.dumps(result, ensure_ascii=False)
            credentials.remember(turn.tx, no, key, request_hash, answer)
            return result

        return once


async def writer(request: Request, deps: Given, asker: Asker, key: IdempotencyKey = None) -> Writer:
    """What a route writes with."""
    return Writer(deps, asker.actor, key, await hash_of(request) if key else b"")


async def hash_of(request: Request) -> bytes:
    """What makes two requests the same: method, address and body."""
    head = f"{request.method} {request.url.path}?{request.url.query}\n"
    return hashlib.sha256(head.encode() + await request.body()).digest()


Writing = Annotated[Writer, Depends(writer)]


def created(body: Any, location: str) -> JSONResponse:
    """201 with where it is."""
    return JSONResponse(body, 201, headers={"Location": location})
