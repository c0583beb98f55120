"""`alertd channel …`: the routes there are, and a message to try one with."""

import asyncio
from typing import Annotated, Any

import typer

from alertd.cli import show
from alertd.cli.client import connect
from alertd.cli.options import As, Json
from alertd.cli.words import LANGUAGE, _, listed, told, word
from alertd.i18n import sentence
from alertd.settings import load

_FAILED = 1
_WELL = frozenset({"accepted", "delivered"})

app = typer.Typer()


@app.command("list", help=_("Show every route, and how its gateway is."))
def list_routes(acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help
    async def asked() -> Any:
        async with connect(load(), acting_as=acting_as) as client:
            return await client.get("/api/v1/routes")

    found = asyncio.run(asked())

    def human() -> None:
        head = (_("route"), _("type"), _("channel"), _("rank"), _("under way"), "")
        rows = [
            (
                route["name"],
                route["type"],
                word("channel", route["channel"]),
                route["rank"],
                f"{route['in_flight']}/{route['most_in_flight']}",
                _how(route),
            )
            for route in found
        ]
        show.table(head, rows)

    show.answer(found, as_json=as_json, human=human)


def _how(route: dict[str, Any]) -> str:
    detail = sentence(LANGUAGE, route["detail"])
    return (
        _("OPEN, others take its messages: {detail}").format(detail=detail)
        if route["open"]
        else detail
    )


@app.command("test", help=_("Send one message that says it is a test, by one route."))
def try_one(  # noqa: D103 - its help says it
    route: Annotated[str, typer.Argument(help=_("Its name in the settings."))],
    to: Annotated[
        str, typer.Option(help=_("A phone, a loudspeaker's id, a group's id or URL, a mailbox."))
    ],
    wait_s: Annotated[
        float,
        typer.Option("--wait-s", min=0, max=120, help=_("How long to wait for receipts.")),
    ] = 15.0,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    async def asked() -> Any:
        async with connect(load(), acting_as=acting_as) as client:
            body = {"to": to, "language": LANGUAGE, "wait_s": wait_s}
            return await client.post(f"/api/v1/routes/{route}/test", body)

    found = asyncio.run(asked())

    def human() -> None:
        show.line(told(found["route"], _came_to(found)))
        later = listed(word("trial", each) for each in found["receipts"])
        show.line(_("What it said later: {words}").format(words=later or "–"))

    show.answer(found, as_json=as_json, human=human)
    if found["result"] not in _WELL:
        raise typer.Exit(_FAILED)


def _came_to(found: dict[str, Any]) -> str:
    """How a test ended: the gateway's own number for it, or why it wasn't taken."""
    result, code = word("trial", found["result"]), found["code"]
    if not code:
        return result
    if found["result"] in _WELL:
        return f"{result} ({told(_('its number there'), code)})"
    why = word("fault", code)
    return told(result, why if why == code else f"{why} ({code})")
