"""`alertd worker`: a process that sends and does what is due, beside servers and other workers."""

import asyncio
import os
import sys
from typing import Annotated

import typer

from alertd import descriptors
from alertd.bootstrap import Node
from alertd.cli import show
from alertd.cli.logs import configure
from alertd.cli.options import Json
from alertd.cli.serving import stoppable
from alertd.cli.words import _
from alertd.decide.shares import Part
from alertd.engine.heap import settle_heap
from alertd.errors import NotConfiguredError
from alertd.provision import await_database
from alertd.settings import Settings, load


def worker(
    routes: Annotated[
        str | None,
        typer.Option(help=_("Send by these only: names with commas. Left out: by every route.")),
    ] = None,
    as_json: Json = False,
) -> None:
    """Work until Ctrl-C."""
    settings = load()
    configure(settings.log_level)
    part = Part(routes=_named(settings, routes))
    asyncio.run(_work(settings, part, as_json=as_json))


def _named(settings: Settings, routes: str | None) -> frozenset[str]:
    if routes is None:
        return frozenset(settings.routes)
    names = frozenset(name.strip() for name in routes.split(",") if name.strip())
    if unknown := sorted(names - settings.routes.keys()):
        raise NotConfiguredError(
            f"There is no route '{unknown[0]}'.",
            field="routes",
            hint=f"Configured are: {', '.join(sorted(settings.routes)) or '–'}.",
        )
    return names


async def _work(settings: Settings, part: Part, *, as_json: bool) -> None:
    descriptors.take_enough()
    node = Node(settings, part=part)
    stopping, started = asyncio.Event(), asyncio.Event()

    def ask_to_stop() -> bool:
        stopping.set()
        return started.is_set()

    async def work() -> None:
        try:
            await await_database(settings)
            with show.working(_("Starting the engine and its routes")):
                await node.start()
            started.set()
            show.lacking(node.troubles)
            settle_heap()
            names = sorted(part.routes or ())
            show.answer(
                {"pid": os.getpid(), "routes": names},
                as_json=as_json,
                human=lambda: _welcome(names),
            )
            sys.stdout.flush()  # whoever started us waits for this word
            await stopping.wait()
        finally:
            await node.close()

    await stoppable(work, ask_to_stop)


def _welcome(routes: list[str]) -> None:
    if routes:
        show.line(_("It sends by: {routes}").format(routes=", ".join(routes)))
    else:
        show.line(_("It sends by no route, and does what is due."))
    show.line(_("Ctrl-C ends it."))
