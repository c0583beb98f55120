"""`alertd clock …`: the node's time beside the machine's clock, and the word that it is right."""

import asyncio
import datetime as dt
from typing import Annotated, Any

import typer

from alertd.cli import show
from alertd.cli.client import connect
from alertd.cli.options import As, Json
from alertd.cli.words import _
from alertd.errors import InvalidInputError
from alertd.settings import load

_SHAPE = "%Y-%m-%d %H:%M"

app = typer.Typer()


@app.command("show", help=_("Show the node's time beside the machine's clock."))
def show_clock(acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help
    async def asked() -> Any:
        async with connect(load(), acting_as=acting_as, reads_only=True) as client:
            return await client.get("/api/v1/clock")

    found = asyncio.run(asked())

    def human() -> None:
        show.table(
            (_("the node's time"), _("the machine's clock")),
            [(show.moment(found["now"]), show.moment(found["wall"]))],
        )
        show.line(found["warning"] or _("They agree."))

    show.answer(found, as_json=as_json, human=human)


@app.command("accept", help=_("Say that the machine's clock is right; the node takes it."))
def accept(  # noqa: D103 - its help says it
    time: Annotated[
        str,
        typer.Option(help=_("What time it is by your own watch, as 2026-11-26 14:05.")),
    ],
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    settings = load()
    try:
        said = dt.datetime.strptime(time, _SHAPE).replace(tzinfo=settings.zone)
    except ValueError:
        raise InvalidInputError(
            "The time can't be read.", field="time", hint="Write it as 2026-11-26 14:05."
        ) from None

    async def asked() -> Any:
        async with connect(settings, acting_as=acting_as) as client:
            return await client.post("/api/v1/clock", {"time": round(said.timestamp() * 1000)})

    moved = asyncio.run(asked())
    text = _("The node's time was {was} and is {now} now; alerts that are over by that: {ended}.")
    told = text.format(
        was=show.moment(moved["was"]), now=show.moment(moved["now"]), ended=moved["ended"]
    )
    show.answer(moved, as_json=as_json, human=lambda: show.line(told))
