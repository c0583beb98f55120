"""`alertd channel …`: the routes there are, and a message to try one with."""

import asyncio
from typing import Annotated, Any

import typer

from alertd.cli import show
from alertd.cli.client import connect
from alertd.cli.options import As, Json
from alertd.cli.words import LANGUAGE, _
from alertd.i18n import sentence
from alertd.settings import load

_FAILED = 1

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
                route["channel"],
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
        show.line(f"{found['route']}: {found['result']} {found['code']}".rstrip())
        show.line(
            _("What it said later: {words}").format(words=", ".join(found["receipts"]) or "–")
        )

    show.answer(found, as_json=as_json, human=human)
    if found["result"] not in {"accepted", "delivered"}:
        raise typer.Exit(_FAILED)
