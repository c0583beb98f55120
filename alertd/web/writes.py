"""Writes: an input of the engine whose answer is on disk, and that happens once however repeated.

With an Idempotency-Key the answer is kept in the write's own transaction, so that a repetition
after a lost answer gets the same one, even if the server was killed in between. It is kept for
`KEPT_MS`; one that holds a secret is kept sealed, as telephone numbers are.
"""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from alertd.engine.authority import Actor
from alertd.engine.turn import Turn
from alertd.store import credentials
from alertd.web.auth import Asker
from alertd.web.deps import Deps, Given

Command = Callable[[Turn, Actor], Any]
"""Does something in the engine's transaction; returns what is answered, as JSON."""

KEY_PATTERN: Final = r"^[\x21-\x7e]{1,128}$"
_FORM_KEY: Final = r"[0-9a-f]{18}"  # form_key's
KEPT_MS: Final = 7 * 86_400_000
_SEALED: Final = "sealed "  # no JSON begins so

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
    key: str | None = None
    request_hash: bytes = b""

    async def do(self, command: Command, *, secret: bool = False) -> Any:
        """Run a command; returns its answer once it is on disk.

        Args:
            command: What to do.
            secret: Whether the answer holds what may not be read from the database alone.

        Raises:
            AlertdError: It was refused, and nothing of it was stored.
        """
        return await self.deps.runner.submit(self._once(command, secret=secret))

    async def amend(self, result: Any) -> None:
        """Put what came of it in the place of the answer that `do` has kept."""
        if self.key is not None:
            await self.deps.runner.submit(partial(self._amend, result=result))

    def _amend(self, turn: Turn, *, result: Any) -> None:
        answer = self._kept(result, secret=False)
        credentials.amend(turn.tx, self.actor.no, self.key or "", answer)

    async def known(self) -> Any | None:
        """What this write answered before, for one that is dear to prepare; None where it is new.

        Raises:
            ConflictError: The key was used for another write.
        """
        return await asyncio.to_thread(self._known) if self.key else None

    def _known(self) -> Any | None:
        with self.deps.store.read() as connection:
            return self._recalled(connection)

    def _recalled(self, connection: Connection) -> Any | None:
        key, no = self.key or "", self.actor.no
        kept = credentials.recall(connection, no, key, self.request_hash)
        if kept is None:
            return None
        if kept.startswith(_SEALED):
            sealed = base64.b64decode(kept.removeprefix(_SEALED))
            kept = self.deps.store.vault.open(sealed, context=self._context)
        return json.loads(kept)

    @property
    def _context(self) -> str:
        return f"answer {self.actor.no} {self.key}"

    def _kept(self, result: Any, *, secret: bool) -> str:
        answer = json.dumps(result, ensure_ascii=False)
        if not secret:
            return answer
        sealed = self.deps.store.vault.seal(answer, context=self._context)
        return _SEALED + base64.b64encode(sealed).decode()

    def _once(self, command: Command, *, secret: bool) -> Callable[[Turn], Any]:
        if self.key is None:
            return lambda turn: command(turn, self.actor)
        key, no, request_hash = self.key, self.actor.no, self.request_hash

        def once(turn: Turn) -> Any:
            known = self._recalled(turn.connection)
            if known is not None:
                return known
            result = command(turn, self.actor)
            answer = self._kept(result, secret=secret)
            credentials.remember(turn.tx, no, key, request_hash, answer)
            return result

        return once


async def body_of(request: Request) -> bytes:
    """The whole body of a request."""
    return await request.body()


async def writer(
    request: Request,
    deps: Given,
    body: Annotated[bytes, Depends(body_of)],  # before `asker`, as for a form: see `sender`
    asker: Asker,
    key: IdempotencyKey = None,
) -> Writer:
    """What a route writes with."""
    if key is None:
        return Writer(deps, asker.actor)
    digest = hashlib.sha256(body).hexdigest()
    return Writer(deps, asker.actor, key, hash_of(request, deps, digest))


def form_writer(
    request: Request, deps: Deps, actor: Actor, fields: Mapping[str, Sequence[str]]
) -> Writer:
    """What a form that was sent writes with: pressed twice as it stands, it is done once.

    Its `key` is the form's own; filled in otherwise and sent again, it is another write.
    """
    key = _sent_key(fields)
    if not key:
        return Writer(deps, actor)
    filled = {name: list(values) for name, values in fields.items() if name != "csrf"}
    request_hash = hash_of(request, deps, json.dumps(filled, sort_keys=True))
    return Writer(deps, actor, f"form-{key}-{request_hash.hex()}", request_hash)


def hash_of(request: Request, deps: Deps, body: str) -> bytes:
    """What makes two requests the same: method, address and body.

    Keyed, for a telephone number in a body could be guessed from a plain hash.
    """
    line = f"{request.method} {request.url.path}?{request.url.query}\n{body}"
    return deps.store.vault.blind(line)


def form_key(deps: Deps) -> str:
    """A fresh key for a form that may be sent once."""
    return deps.token_bytes(9).hex()


def same_key(deps: Deps, fields: Mapping[str, Sequence[str]]) -> str:
    """The key of a form that is shown again: its own, for it may have been done already."""
    return _sent_key(fields) or form_key(deps)


def _sent_key(fields: Mapping[str, Sequence[str]]) -> str:
    key = next(iter(fields.get("key", ())), "")
    return key if re.fullmatch(_FORM_KEY, key) else ""


def forget(turn: Turn) -> None:
    """Drop answers that are kept for too long, and sessions that are over for as long."""
    credentials.forget(turn.tx, turn.now - KEPT_MS)


Writing = Annotated[Writer, Depends(writer)]


def created(body: Any, location: str) -> JSONResponse:
    """201 with where it is."""
    return JSONResponse(body, 201, headers={"Location": location})
