"""`alertd serve`: one node until Ctrl-C, with `--sample-city` in a simulated world."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from alertd.bootstrap import Node
from alertd.cli import show
from alertd.cli.client import Client, http_client
from alertd.cli.keys import ADMINISTRATOR
from alertd.cli.logs import configure
from alertd.cli.options import Json
from alertd.cli.sample import SampleWorld, refuse_own_city, refuse_sample_city
from alertd.cli.serving import Serving, stoppable
from alertd.cli.words import _
from alertd.decide.shares import CONSOLE, Part
from alertd.errors import NotConfiguredError
from alertd.provision import await_database
from alertd.settings import load

LADDER_ROLES: Final = ("subdistrict_lead", "community_lead", "grid_leader", "building_lead")
_EXERCISE: Final = {
    "template": "typhoon",
    "colour": "red",
    "areas": ["330281"],
    "roles": list(LADDER_ROLES),
    "status": "Exercise",
    "simulated": True,
    "storm": "演练台风 / Exercise typhoon",
}


def serve(
    sample_city: Annotated[
        bool,
        typer.Option(
            "--sample-city", help=_("With a sample city and a simulated world around it.")
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help=_("Of the sample city."))] = 7,
    scale: Annotated[
        float, typer.Option(help=_("Of the sample city: 1 for Yuyao, 0.05 to 100."))
    ] = 1.0,
    no_engine: Annotated[
        bool,
        typer.Option(
            "--no-engine",
            help=_("Console, API and hooks only; workers on the same database do the rest."),
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Start the server."""
    settings = load()
    configure(settings.log_level)
    if no_engine and sample_city:
        raise NotConfiguredError(
            "The sample city's world is sent to by the server itself.",
            hint="Leave out one of --sample-city and --no-engine.",
        )

    if sample_city:
        # Its telephones are on this machine, and find it.
        settings = settings.model_copy(update={"ack_links": True})

    async def world_around(node: Node, stack: AsyncExitStack) -> None:
        around = SampleWorld(node, settings.data_dir / "sample", seed=seed, scale=scale)
        stack.push_async_callback(around.stop)
        await around.prepare()

    serving = Serving(
        settings,
        prepare=world_around if sample_city else None,
        part=CONSOLE if no_engine else Part(),
        simulated=sample_city,
        refuse=refuse_own_city if sample_city else refuse_sample_city,
    )
    asyncio.run(_serve(serving, sample_city=sample_city, as_json=as_json))


async def _serve(serving: Serving, *, sample_city: bool, as_json: bool) -> None:

    async def work() -> None:
        await await_database(serving.settings)
        await serving.start()
        try:
            exercise = await _exercise(serving) if sample_city else None
            show.answer(
                _document(serving, exercise),
                as_json=as_json,
                human=lambda: _welcome(serving, exercise),
            )
            sys.stdout.flush()
            await serving.until_stopped()
        finally:
            await serving.stop()

    await stoppable(work, serving.ask_to_stop)


async def _exercise(serving: Serving) -> dict[str, Any]:
    """An Exercise that waits to be issued; the one from before where there is one."""
    async with http_client(serving.url, serving.token) as http:
        client = Client(http, is_server=True)
        page = await client.get("/api/v1/alerts", running=True, status="Exercise")
        waiting = [alert for alert in page["items"] if alert["state"] == "draft"]
        if waiting:
            return dict(waiting[0])
        return dict(await client.post("/api/v1/alerts", _EXERCISE))


def _document(serving: Serving, exercise: dict[str, Any] | None) -> dict[str, Any]:
    found: dict[str, Any] = {"url": serving.url, "data_dir": str(serving.settings.data_dir)}
    if serving.first:
        found["sign_in"] = {"name": serving.first.name, "password": serving.first.password}
    if exercise:
        found["exercise"] = {name: exercise[name] for name in ("id", "short_code", "headline")}
    return found


def _welcome(serving: Serving, exercise: dict[str, Any] | None) -> None:
    show.line(_("The console: {url}").format(url=serving.url))
    if serving.first:
        show.line(serving.first.text())
    elif serving.unused:
        told = _("Nobody has signed in as {name} yet. For a new one-time password: {command}")
        command = f"{_command()} access password {ADMINISTRATOR}"
        show.line(told.format(name=ADMINISTRATOR, command=command))
    if exercise:
        code = exercise["short_code"]
        show.line(
            _(
                "An exercise waits to be issued: {headline} ({code}). From the page, or with:"
            ).format(headline=exercise["headline"], code=code)
        )
        show.line(f"  {_command()} alert approve {code}")
        show.line(f"  {_command()} alert watch {code}")
    show.line(_("Ctrl-C ends it."))


def _command() -> str:
    """How this very command was called, as far as it can be typed again."""
    called = Path(sys.argv[0])
    own = Path(".venv/bin/alertd")
    if own.is_file() and own.samefile(called):
        return str(own)
    return called.name
