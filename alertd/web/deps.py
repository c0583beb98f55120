"""What the web is given; bootstrap builds it once."""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Final, cast

from fastapi import Depends, Request

from alertd.engine.elsewhere import Others
from alertd.engine.library import Library
from alertd.engine.runner import Runner
from alertd.engine.turn import Wording
from alertd.errors import AlertdError
from alertd.model import Millis
from alertd.settings import Settings
from alertd.store.database import Store
from channels.base import Channel
from drills.world import World

_AT_ONCE: Final = 2  # documents


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """A node as the web works with it.

    Args:
        store: Read from in any thread, never written to from here.
        runner: Takes every write as an input of the engine.
        library: Templates and policies.
        wording: Renders them.
        settings: The node's.
        now: The clock, ms.
        channels: The routes' channels by name; their hooks are mounted.
        stopping: Set when the server is asked to stop: open streams end then.
        token_bytes: Where secrets come from.
        phones: The simulated phones around a sample city; None where phones are real.
        drawing: Held by whoever has a document drawn. It takes a thread for seconds, of a few that
            every request needs: who waits for their turn with it must not take one, too.
        others: How those are set who share the database; None where nobody can.
        lacking: What the server goes on without: settings that are gone, its door.
    """

    store: Store
    runner: Runner
    library: Library
    wording: Wording
    settings: Settings
    now: Callable[[], Millis]
    channels: Mapping[str, Channel]
    stopping: asyncio.Event
    token_bytes: Callable[[int], bytes] = field(default=secrets.token_bytes, repr=False)
    phones: World | None = None
    others: Others | None = None
    lacking: Callable[[], Iterable[AlertdError]] = tuple
    drawing: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, _AT_ONCE))


def deps_of(request: Request) -> Deps:
    """The application's deps."""
    return cast("Deps", request.app.state.deps)


# A plain function would be run in a thread of its own, at every request.
async def given(request: Request) -> Deps:
    """The application's deps, for a route."""
    return deps_of(request)


Given = Annotated[Deps, Depends(given)]
